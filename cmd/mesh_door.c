/* Links that come: callers until they are established, guests until it is known what they are for.
 *
 * A stranger can open connections faster than their 10 s pass, so when there are too many the
 * oldest of the address (of IPv6: the /64) with most of them goes: he crowds out himself, and who
 * comes from elsewhere is let in. A member is known, but not what it wants: of its guests too the
 * oldest goes. */
#include "cmd/mesh_state.h"

#include <stdio.h>
#include <string.h>

enum {
    ACCEPTS_A_TURN = 64,  /* then those that are there have their turn */
    ACCEPT_PAUSE_MS = 500 /* when the system has no descriptor or memory for one */
};

/* ---- guests ---------------------------------------------------------------------------------- */

static void dismiss(struct vain_mesh *mesh, const struct vain_mesh_peer *peer,
                    struct vain_mesh_guest *guest, const char *why)
{
    char text[VAIN_MESH_TEXT_BYTES];
    snprintf(text, sizeof text, "member %s, connection %d: %s", peer->name, guest->connection, why);
    vain_link_close(&guest->link);
    vain_mesh_refuse(mesh, 1, text);
}

/* VAIN_OK: the key is whole. */
static enum vain_status read_key(struct vain_mesh_guest *guest)
{
    struct vain_stream *stream = vain_link_stream(guest->link);
    while (guest->key_bytes < sizeof guest->key) {
        size_t got = 0;
        VAIN_TRY(stream->ops->read(stream, guest->key + guest->key_bytes,
                                   sizeof guest->key - guest->key_bytes, &got));
        guest->key_bytes += got;
        if (got == 0)
            return VAIN_AGAIN;
    }
    return VAIN_OK;
}

static void step_guest(struct vain_mesh *mesh, int member, struct vain_mesh_guest *guest)
{
    const struct vain_mesh_peer *peer = &mesh->peers[member];
    const enum vain_status status = read_key(guest);
    if (status == VAIN_OK && vain_mesh_give_stream(mesh, member, guest->connection - 1, guest->key,
                                                   vain_link_stream(guest->link))) {
        guest->link = NULL;
        return;
    }
    if (status != VAIN_OK && status != VAIN_AGAIN)
        dismiss(mesh, peer, guest, "it has ended before it said which use it is for");
    else if (vain_mesh_now(mesh) >= guest->until_ns)
        dismiss(mesh, peer, guest,
                status == VAIN_OK ? "for a use that was not begun here in time"
                                  : "it has not said in time which use it is for");
}

static void add_guest(struct vain_mesh *mesh, int member, struct vain_link *link)
{
    struct vain_mesh_peer *peer = &mesh->peers[member];
    struct vain_mesh_guest *place = &peer->guests[0];
    for (int i = 1; i < VAIN_CONNECTIONS_MAX && place->link != NULL; i++) {
        struct vain_mesh_guest *other = &peer->guests[i];
        if (other->link == NULL || other->until_ns < place->until_ns)
            place = other;
    }
    if (place->link != NULL)
        dismiss(mesh, peer, place, "more connections for uses that were not begun here came");
    *place = (struct vain_mesh_guest){
        .link = link,
        .connection = vain_link_connection(link),
        .until_ns = vain_mesh_now(mesh) + (uint64_t)VAIN_MESH_GUEST_MS * VAIN_MESH_NS_PER_MS};
}

static void step_guests(struct vain_mesh *mesh)
{
    for (int member = 0; member < mesh->member_count; member++) {
        for (int i = 0; i < VAIN_CONNECTIONS_MAX; i++) {
            struct vain_mesh_guest *guest = &mesh->peers[member].guests[i];
            if (guest->link != NULL)
                step_guest(mesh, member, guest);
        }
    }
}

/* ---- callers --------------------------------------------------------------------------------- */

static void admit(struct vain_mesh *mesh, struct vain_link *link)
{
    const int number = vain_link_connection(link);
    int member = 0;
    while (memcmp(mesh->peers[member].id, vain_link_peer(link), VAIN_HASH_BYTES) != 0)
        member++; /* only members are allowed */
    VAIN_ASSERT(!mesh->peers[member].dialled);
    if (number == 0) {
        vain_mesh_give_mailbox(mesh, member, vain_link_stream(link));
    } else if (number <= VAIN_CONNECTIONS_MAX) {
        add_guest(mesh, member, link);
    } else {
        vain_link_close(&link);
        vain_mesh_refuse(mesh, 1, "a member's connection with a number that no use has");
    }
}

static void step_callers(struct vain_mesh *mesh)
{
    int kept = 0;
    for (int i = 0; i < mesh->caller_count; i++) {
        struct vain_mesh_caller caller = mesh->callers[i];
        const enum vain_status status = vain_link_step(caller.link);
        if (status == VAIN_AGAIN) {
            mesh->callers[kept++] = caller;
        } else if (status == VAIN_OK) {
            admit(mesh, caller.link);
        } else {
            vain_mesh_refuse(mesh, 1, vain_fail_message());
            vain_link_close(&caller.link);
        }
    }
    mesh->caller_count = kept;
}

/* The oldest of the address that has most. */
static void crowd_out_one(struct vain_mesh *mesh)
{
    struct vain_mesh_caller *callers = mesh->callers;
    int chosen = 0, most = 0;
    for (int i = 0; i < mesh->caller_count; i++) {
        int count = 0;
        for (int j = i; j < mesh->caller_count; j++)
            count += vain_link_same_source(callers[i].link, callers[j].link);
        if (count > most) { /* later ones of an address count less than its first */
            most = count;
            chosen = i;
        }
    }
    char why[VAIN_MESH_TEXT_BYTES];
    snprintf(why, sizeof why, "link from %s: too many connections at once that are not established",
             vain_link_where(callers[chosen].link));
    vain_link_close(&callers[chosen].link);
    mesh->caller_count--;
    memmove(callers + chosen, callers + chosen + 1,
            (size_t)(mesh->caller_count - chosen) * sizeof *callers);
    vain_mesh_refuse(mesh, 1, why);
}

/* Those who call too often do not even get a reason. */
static void count_turned_away(struct vain_mesh *mesh)
{
    const uint64_t often = vain_link_host_counts(mesh->host)->refused[VAIN_LINK_OFTEN];
    if (often > mesh->turned_away)
        vain_mesh_refuse(mesh, often - mesh->turned_away,
                         "an address that begins too many handshakes");
    mesh->turned_away = often;
}

static void accept_callers(struct vain_mesh *mesh)
{
    const uint64_t now = vain_mesh_now(mesh);
    for (int i = 0; i < ACCEPTS_A_TURN && now >= mesh->next_accept_ns; i++) {
        struct vain_link *link;
        const enum vain_status status = vain_link_accept(mesh->host, &link);
        if (status == VAIN_AGAIN)
            return;
        if (status != VAIN_OK) {
            vain_mesh_refuse(mesh, 1, vain_fail_message());
            mesh->next_accept_ns = now + (uint64_t)ACCEPT_PAUSE_MS * VAIN_MESH_NS_PER_MS;
            return;
        }
        mesh->callers[mesh->caller_count++] = (struct vain_mesh_caller){
            .link = link, .until_ns = now + (uint64_t)VAIN_LINK_DEADLINE_MS * VAIN_MESH_NS_PER_MS};
        if (mesh->caller_count == VAIN_MESH_CALLERS_MAX)
            crowd_out_one(mesh); /* so the host never turns anybody away */
    }
}

/* ---- the door -------------------------------------------------------------------------------- */

void vain_mesh_door_step(struct vain_mesh *mesh)
{
    if (vain_link_listener(mesh->host) >= 0) {
        accept_callers(mesh);
        count_turned_away(mesh);
    }
    step_callers(mesh);
    step_guests(mesh);
}

void vain_mesh_door_watch(struct vain_mesh *mesh)
{
    const int listener = vain_link_listener(mesh->host);
    if (mesh->next_accept_ns > vain_mesh_now(mesh))
        vain_mesh_watch_clock(mesh, mesh->next_accept_ns);
    else if (listener >= 0)
        vain_mesh_watch(mesh, listener, POLLIN);
    for (int i = 0; i < mesh->caller_count; i++) {
        vain_mesh_watch_link(mesh, mesh->callers[i].link);
        vain_mesh_watch_clock(mesh, mesh->callers[i].until_ns);
    }
    for (int member = 0; member < mesh->member_count; member++) {
        for (int i = 0; i < VAIN_CONNECTIONS_MAX; i++) {
            const struct vain_mesh_guest *guest = &mesh->peers[member].guests[i];
            if (guest->link == NULL)
                continue;
            if (guest->key_bytes < sizeof guest->key)
                vain_mesh_watch_link(mesh, guest->link);
            vain_mesh_watch_clock(mesh, guest->until_ns);
        }
    }
}

void vain_mesh_door_close(struct vain_mesh *mesh)
{
    for (int i = 0; i < mesh->caller_count; i++)
        vain_link_close(&mesh->callers[i].link);
    mesh->caller_count = 0;
    for (int member = 0; member < mesh->member_count; member++) {
        for (int i = 0; i < VAIN_CONNECTIONS_MAX; i++)
            vain_link_close(&mesh->peers[member].guests[i].link);
    }
}
