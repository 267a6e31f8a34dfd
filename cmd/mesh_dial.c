/* Links that this member makes: one for each mailbox, some for a use.
 *
 * An attempt that fails is made again, at the member's next address, after 0.2 s, then twice that
 * and so on to 5 s, each up to a fifth longer, so that members that lost each other at once do not
 * come back at once. A link that is lost soon after it was made counts as one that failed. While a
 * name is looked up a dial waits to be woken with the answer. */
#include "cmd/mesh_state.h"

#include <stdio.h>
#include <string.h>

#include "p2p/address.h"

enum { FIRST_MS = 200, MOST_MS = 5000, SPREAD = 5, DOUBLINGS_MAX = 5 };
_Static_assert(FIRST_MS << DOUBLINGS_MAX >= MOST_MS, "doubling reaches the most");

static uint64_t pause_ns(struct vain_world *world, int failures)
{
    const int doublings = failures - 1 < DOUBLINGS_MAX ? failures - 1 : DOUBLINGS_MAX;
    const uint64_t ms = (uint64_t)FIRST_MS << doublings;
    const uint64_t ns = (ms < MOST_MS ? ms : MOST_MS) * VAIN_MESH_NS_PER_MS;
    uint32_t chance;
    world->ops->random(world, &chance, sizeof chance);
    return ns + ns / SPREAD * (chance >> 16) / (UINT32_MAX >> 16);
}

void vain_mesh_dial_want(struct vain_mesh *mesh, struct vain_mesh_dial *dial)
{
    const uint64_t now = vain_mesh_now(mesh);
    VAIN_ASSERT(dial->link == NULL);
    dial->asks = false;
    if (now - dial->since_ns >= (uint64_t)MOST_MS * VAIN_MESH_NS_PER_MS)
        dial->failures = 0;
    dial->wanted = true;
    dial->next_ns = dial->failures == 0 ? now : now + pause_ns(mesh->world, dial->failures);
}

void vain_mesh_dial_move(struct vain_mesh *mesh, struct vain_mesh_dial *dial)
{
    vain_link_close(&dial->link);
    dial->asks = false;
    dial->failures = 0;
    dial->next_ns = vain_mesh_now(mesh);
}

void vain_mesh_dial_end(struct vain_mesh_dial *dial)
{
    vain_link_close(&dial->link);
    dial->wanted = dial->asks = false;
}

static void fail(struct vain_mesh *mesh, struct vain_mesh_peer *peer, struct vain_mesh_dial *dial)
{
    VAIN_ASSERT(pthread_mutex_lock(&mesh->lock) == 0);
    snprintf(peer->trouble, sizeof peer->trouble, "%s", vain_fail_message());
    VAIN_ASSERT(pthread_mutex_unlock(&mesh->lock) == 0);
    vain_link_close(&dial->link);
    dial->asks = false;
    dial->failures++;
    dial->next_ns = vain_mesh_now(mesh) + pause_ns(mesh->world, dial->failures);
}

/* The address whose turn it is, the same while it is asked about; false if none is known. */
static bool next_address(struct vain_mesh *mesh, struct vain_mesh_peer *peer,
                         struct vain_mesh_dial *dial,
                         char out[VAIN_MIN_LEN(VAIN_LINK_ADDRESS_BYTES)])
{
    VAIN_ASSERT(pthread_mutex_lock(&mesh->lock) == 0);
    const int count = peer->address_count;
    if (!dial->asks)
        dial->turn = peer->next_address++;
    if (count > 0)
        memcpy(out, peer->addresses[dial->turn % (unsigned)count], VAIN_LINK_ADDRESS_BYTES);
    dial->moves = peer->moves;
    VAIN_ASSERT(pthread_mutex_unlock(&mesh->lock) == 0);
    return count > 0;
}

static enum vain_status begin(struct vain_mesh *mesh, struct vain_mesh_peer *peer, int number)
{
    struct vain_mesh_dial *dial = &peer->dials[number];
    const uint64_t now = vain_mesh_now(mesh);
    struct vain_addresses found;
    char address[VAIN_LINK_ADDRESS_BYTES];
    if (!next_address(mesh, peer, dial, address))
        return vain_fail(VAIN_ERR_NOT_FOUND, "no address of it is known");
    const enum vain_status status = vain_resolver_ask(mesh->resolver, address, &found);
    if (status == VAIN_AGAIN && !dial->asks)
        dial->until_ns = now + (uint64_t)VAIN_RESOLVER_PATIENCE_MS * VAIN_MESH_NS_PER_MS;
    dial->asks = status == VAIN_AGAIN;
    if (dial->asks && now >= dial->until_ns)
        return vain_fail(VAIN_ERR_TIMEOUT, "address '%s': too many names are looked up", address);
    VAIN_TRY(status);
    dial->until_ns = now + (uint64_t)VAIN_LINK_DEADLINE_MS * VAIN_MESH_NS_PER_MS;
    return vain_link_dial_at(mesh->host, address, &found, peer->id, (uint16_t)number, &dial->link);
}

/* A link that has just been established has room for its first 32 bytes. */
static enum vain_status send_key(const struct vain_mesh *mesh, struct vain_stream *stream)
{
    size_t taken = 0;
    VAIN_TRY(stream->ops->write(stream, mesh->seen_key, sizeof mesh->seen_key, &taken));
    VAIN_ASSERT(taken == sizeof mesh->seen_key);
    return VAIN_OK;
}

static void hand_over(struct vain_mesh *mesh, int member, int number)
{
    struct vain_mesh_dial *dial = &mesh->peers[member].dials[number];
    struct vain_stream *stream = vain_link_stream(dial->link);
    dial->link = NULL;
    dial->wanted = false;
    dial->failures++; /* until it has held */
    dial->since_ns = vain_mesh_now(mesh);
    if (number == 0)
        vain_mesh_give_mailbox(mesh, member, stream);
    else if (!vain_mesh_give_stream(mesh, member, number - 1, mesh->seen_key, stream))
        stream->ops->close(stream); /* another use was begun meanwhile */
}

static void step(struct vain_mesh *mesh, int member, int number)
{
    struct vain_mesh_peer *peer = &mesh->peers[member];
    struct vain_mesh_dial *dial = &peer->dials[number];
    enum vain_status status = VAIN_OK;
    if (!dial->wanted || (dial->link == NULL && vain_mesh_now(mesh) < dial->next_ns))
        return;
    if (dial->link == NULL)
        status = begin(mesh, peer, number);
    if (status == VAIN_OK)
        status = vain_link_step(dial->link);
    if (status == VAIN_OK && number > 0)
        status = send_key(mesh, vain_link_stream(dial->link));
    if (status == VAIN_OK)
        hand_over(mesh, member, number);
    else if (status != VAIN_AGAIN)
        fail(mesh, peer, dial);
}

void vain_mesh_dials_step(struct vain_mesh *mesh)
{
    for (int member = 0; member < mesh->member_count; member++) {
        for (int number = 0; number <= VAIN_CONNECTIONS_MAX; number++)
            step(mesh, member, number);
    }
}

void vain_mesh_dials_watch(struct vain_mesh *mesh)
{
    for (int member = 0; member < mesh->member_count; member++) {
        for (int number = 0; number <= VAIN_CONNECTIONS_MAX; number++) {
            const struct vain_mesh_dial *dial = &mesh->peers[member].dials[number];
            if (!dial->wanted)
                continue;
            if (dial->link != NULL)
                vain_mesh_watch_link(mesh, dial->link);
            vain_mesh_watch_clock(mesh, dial->link != NULL || dial->asks ? dial->until_ns
                                                                         : dial->next_ns);
        }
    }
}
