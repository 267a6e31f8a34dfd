/* The mesh's thread: it learns what is wanted, goes on with every link as far as it can, and sleeps
 * until one of them can go on, somebody knocks, or the user wants something else. */
#include "cmd/mesh_state.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* ---- what to wake for ------------------------------------------------------------------------ */

void vain_mesh_watch(struct vain_mesh *mesh, int descriptor, short events)
{
    mesh->polls[mesh->poll_count++] = (struct pollfd){.fd = descriptor, .events = events};
}

void vain_mesh_watch_link(struct vain_mesh *mesh, const struct vain_link *link)
{
    short events = 0;
    const int descriptor = vain_link_descriptor(link, &events);
    if (events == 0)
        vain_mesh_watch_clock(mesh, 0);
    else
        vain_mesh_watch(mesh, descriptor, events);
}

void vain_mesh_watch_clock(struct vain_mesh *mesh, uint64_t when_ns)
{
    if (when_ns < mesh->sleep_until_ns)
        mesh->sleep_until_ns = when_ns;
}

/* Rounded up, lest it wakes just before the time and turns until it has come. */
static int sleep_ms(const struct vain_mesh *mesh)
{
    const uint64_t now = vain_mesh_now(mesh);
    if (mesh->sleep_until_ns == UINT64_MAX)
        return -1;
    if (mesh->sleep_until_ns <= now)
        return 0;
    const uint64_t ms = (mesh->sleep_until_ns - now) / VAIN_MESH_NS_PER_MS + 1;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void wait_for_work(struct vain_mesh *mesh)
{
    mesh->poll_count = 0;
    mesh->sleep_until_ns = UINT64_MAX;
    vain_mesh_watch(mesh, mesh->wake, POLLIN);
    vain_mesh_door_watch(mesh);
    vain_mesh_dials_watch(mesh);
    vain_mesh_watch_clock(mesh, mesh->seen_until_ns);
    (void)poll(mesh->polls, (nfds_t)mesh->poll_count, sleep_ms(mesh));
}

/* ---- what is wanted -------------------------------------------------------------------------- */

/* Under the lock: the use is another one than that of the dials. */
static void change_use(struct vain_mesh *mesh, struct vain_mesh_peer *peer)
{
    for (int c = 0; c < VAIN_CONNECTIONS_MAX; c++) {
        struct vain_mesh_dial *dial = &peer->dials[1 + c];
        vain_mesh_dial_end(dial);
        dial->failures = 0;
        if (peer->in_use && c < mesh->use_connections)
            vain_mesh_dial_want(mesh, dial);
    }
}

/* Under the lock. */
static void look_at_peer(struct vain_mesh *mesh, struct vain_mesh_peer *peer)
{
    struct vain_mesh_dial *mailbox = &peer->dials[0];
    if (peer->mailbox_wanted && !mailbox->wanted)
        vain_mesh_dial_want(mesh, mailbox);
    if (mesh->use_number != mesh->use_seen)
        change_use(mesh, peer);
    for (int d = 0; mesh->use_late && d < VAIN_CONNECTIONS_MAX; d++)
        vain_mesh_dial_end(&peer->dials[1 + d]);
    for (int d = 0; d <= VAIN_CONNECTIONS_MAX; d++) {
        if (peer->dials[d].moves != peer->moves)
            vain_mesh_dial_move(mesh, &peer->dials[d]);
        peer->dials[d].moves = peer->moves;
    }
}

/* Under the lock. */
static void look_at_clock(struct vain_mesh *mesh)
{
    const bool missing = mesh->use_missing > 0 && !mesh->use_late;
    mesh->use_late |= missing && vain_mesh_now(mesh) >= mesh->use_until_ns;
    mesh->seen_until_ns = missing && !mesh->use_late ? mesh->use_until_ns : UINT64_MAX;
    vain_mesh_tell(mesh);
}

/* False: to stop. */
static bool take_orders(struct vain_mesh *mesh)
{
    uint64_t count;
    (void)!read(mesh->wake, &count, sizeof count);
    VAIN_ASSERT(pthread_mutex_lock(&mesh->lock) == 0);
    const bool goes_on = !mesh->stop;
    look_at_clock(mesh);
    for (int i = 0; i < mesh->member_count; i++) {
        if (mesh->peers[i].dialled)
            look_at_peer(mesh, &mesh->peers[i]);
    }
    mesh->use_seen = mesh->use_number;
    memcpy(mesh->seen_key, mesh->use_key, sizeof mesh->seen_key);
    VAIN_ASSERT(pthread_mutex_unlock(&mesh->lock) == 0);
    return goes_on;
}

void *vain_mesh_run(void *context)
{
    struct vain_mesh *mesh = context;
    while (take_orders(mesh)) {
        vain_mesh_dials_step(mesh);
        vain_mesh_door_step(mesh);
        wait_for_work(mesh);
    }
    for (int i = 0; i < mesh->member_count; i++) {
        for (int d = 0; d <= VAIN_CONNECTIONS_MAX; d++)
            vain_mesh_dial_end(&mesh->peers[i].dials[d]);
    }
    vain_mesh_door_close(mesh);
    return NULL;
}
