/* stream: members that a stream joins, each with each (base/stream.h); users call it `tls`.
 *
 * Here are requests, communicators and their ends; stream_wire.c moves the bytes. A send is done
 * when all of it has been taken by its stream, a receive when all of it is where it belongs. A
 * communicator is a group id that all its frames carry: the world's is 1, a part's is mixed from
 * its parent's, so that a split needs no word about it. There is no all-reduce of the transport's
 * own. A peer whose streams end fails its own requests only; who has others left may go on. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "collectives/stream_state.h"

enum { WORLD_ID = 1, TESTS_A_PROGRESS = 8 };

static struct vain_stream_group *group_of(const struct vain_comm *comm)
{
    return ((struct vain_stream_comm *)comm->state)->group;
}

static struct vain_wires *wires_of(const struct vain_comm *comm)
{
    return ((struct vain_stream_comm *)comm->state)->wires;
}

static int *open_of(const struct vain_comm *comm)
{
    return &((struct vain_stream_comm *)comm->state)->open;
}

static struct vain_stream_request *open_request(struct vain_request *request)
{
    return (struct vain_stream_request *)(void *)request->opaque;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* Who passes word of it on may say so of anybody. */
static enum vain_status say_aborted(const struct vain_comm *comm)
{
    const struct vain_stream_group *ended = group_of(comm);
    char teller[40] = "";
    while (ended->aborted_by < 0)
        ended = ended->parent;
    if (ended->told_by != ended->aborted_by)
        snprintf(teller, sizeof teller, "rank %d says that ", ended->told_by);
    return vain_fail(VAIN_ERR_PEER, "rank %d of %d (stream): %srank %d ended the common work",
                     comm->rank, comm->size, teller, ended->aborted_by);
}

static enum vain_status say_broken(const struct vain_comm *comm, int peer, int world_rank)
{
    return vain_fail(VAIN_ERR_PEER, "rank %d of %d (stream): connection to rank %d: %s", comm->rank,
                     comm->size, peer, wires_of(comm)->peers[world_rank].why);
}

static enum vain_status post(struct vain_comm *comm, int peer, uint32_t tag, unsigned char *buffer,
                             size_t bytes, bool is_send, struct vain_request *request)
{
    struct vain_stream_group *group = group_of(comm);
    struct vain_wires *wires = wires_of(comm);
    struct vain_stream_request *own = open_request(request);
    VAIN_ASSERT(peer >= 0 && peer < comm->size);
    VAIN_ASSERT(peer != comm->rank);
    VAIN_ASSERT(tag > 0 && tag < VAIN_TAG_END);
    const int world_rank = group->members[peer];
    if (vain_stream_aborted_by(group) >= 0)
        return say_aborted(comm);
    uint32_t *counters = is_send ? group->sent : group->received;
    *own = (struct vain_stream_request){
        .group = group,
        .buffer = buffer,
        .bytes = bytes,
        .index = counters[(size_t)peer * VAIN_TAG_END + tag]++,
        .peer = world_rank,
        .tag = tag,
        .is_send = is_send,
    };
    vain_wires_add(wires, own);
    if (own->state == VAIN_STREAM_BROKEN)
        return say_broken(comm, peer, world_rank);
    request->comm = comm;
    ++*open_of(comm);
    return VAIN_OK;
}

static enum vain_status stream_post_send(struct vain_comm *comm, int peer, uint32_t tag,
                                         const void *buffer, size_t bytes,
                                         struct vain_request *request)
{
    /* Sends only read it. */
    union {
        const void *borrowed;
        unsigned char *kept;
    } view = {.borrowed = buffer};
    return post(comm, peer, tag, view.kept, bytes, true, request);
}

static enum vain_status stream_post_receive(struct vain_comm *comm, int peer, uint32_t tag,
                                            void *buffer, size_t bytes,
                                            struct vain_request *request)
{
    return post(comm, peer, tag, buffer, bytes, false, request);
}

static enum vain_status stream_test(struct vain_request *request)
{
    struct vain_comm *comm = request->comm;
    const struct vain_stream_request *own = open_request(request);
    struct vain_wires *wires = wires_of(comm);
    /* Whoever waits tests many in turn, and wait() moves things too: the system need not be asked
     * each time. And never while one that tests them all once after a wait() is half-way: it would
     * not learn what became of those before. */
    const int open = *open_of(comm);
    if (own->state == VAIN_STREAM_OPEN &&
        ++wires->tests > (open > TESTS_A_PROGRESS ? open : TESTS_A_PROGRESS))
        vain_wires_progress(wires);
    if (own->state == VAIN_STREAM_OPEN)
        return VAIN_AGAIN;
    request->comm = NULL;
    --*open_of(comm);
    const int peer = vain_stream_rank_in(group_of(comm), own->peer);
    switch (own->state) {
    case VAIN_STREAM_WRONG_LENGTH:
        return vain_fail(VAIN_ERR_PEER,
                         "rank %d of %d (stream): message of rank %d has %llu bytes, expected %zu",
                         comm->rank, comm->size, peer, (unsigned long long)own->index, own->bytes);
    case VAIN_STREAM_ABORTED:
        return say_aborted(comm);
    case VAIN_STREAM_BROKEN:
        return say_broken(comm, peer, own->peer);
    default:
        return VAIN_OK;
    }
}

static void stream_wait(struct vain_comm *comm, int most_ms)
{
    vain_wires_wait(wires_of(comm), most_ms);
}

/* ---- communicators --------------------------------------------------------------------------- */

static void free_group(struct vain_stream_group *group)
{
    if (group == NULL)
        return;
    vain_release(group->sent);
    vain_release(group->received);
    vain_release(group->to_tell);
    vain_release(group->members);
    vain_release(group);
}

/* A group of `size` ranks, whose members the caller fills in; with its communicator. */
static enum vain_status open_group(struct vain_wires *wires, struct vain_stream_group *parent,
                                   uint64_t id, int size, struct vain_stream_comm **out)
{
    struct vain_stream_group *group = NULL;
    enum vain_status status;
    VAIN_TRY(vain_take(sizeof **out, "stream communicator", (void **)out));
    VAIN_TRY_OUT(vain_take(sizeof *group, "stream group", (void **)&group));
    VAIN_TRY_OUT(vain_take_array(size, sizeof(int), "stream group", (void **)&group->members));
    VAIN_TRY_OUT(vain_take_array(size, sizeof(bool), "stream group", (void **)&group->to_tell));
    VAIN_TRY_OUT(vain_take_array((int64_t)size * VAIN_TAG_END, sizeof(uint32_t), "stream group",
                                 (void **)&group->sent));
    VAIN_TRY_OUT(vain_take_array((int64_t)size * VAIN_TAG_END, sizeof(uint32_t), "stream group",
                                 (void **)&group->received));
    group->parent = parent;
    group->id = id;
    group->size = size;
    group->aborted_by = group->told_by = -1;
    **out = (struct vain_stream_comm){.group = group, .wires = wires};
    return VAIN_OK;
out:
    free_group(group);
    vain_release(*out);
    *out = NULL;
    return status;
}

static void begin_group(struct vain_stream_comm *own, struct vain_comm *out)
{
    vain_wires_begin(own->wires, own->group);
    out->rank = own->group->rank;
    out->size = own->group->size;
    out->state = own;
}

/* SplitMix64's finaliser (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static enum vain_status open_part(struct vain_comm *comm, const int32_t *colours, int32_t colour,
                                  struct vain_comm *out)
{
    struct vain_stream_group *parent = group_of(comm);
    struct vain_stream_comm *part = NULL;
    int size = 0, first = -1;
    for (int rank = 0; rank < comm->size; rank++) {
        size += colours[rank] == colour;
        first = first < 0 && colours[rank] == colour ? rank : first;
    }
    const uint64_t id = mix(mix(parent->id + 0x9e3779b97f4a7c15u * parent->splits) +
                            (uint64_t)first + 0xd1b54a32d192ed03u);
    VAIN_TRY(open_group(wires_of(comm), parent, id, size, &part));
    int members = 0;
    for (int rank = 0; rank < comm->size; rank++) {
        if (colours[rank] != colour)
            continue;
        if (rank == comm->rank)
            part->group->rank = members;
        part->group->members[members++] = parent->members[rank];
    }
    begin_group(part, out);
    return VAIN_OK;
}

static enum vain_status stream_split(struct vain_comm *comm, int colour, struct vain_comm *out)
{
    const int32_t mine = colour;
    int32_t *colours = NULL;
    enum vain_status status;
    *out = (struct vain_comm){.ops = comm->ops};
    VAIN_TRY(vain_take_array(comm->size, sizeof *colours, "colours", (void **)&colours));
    VAIN_TRY_OUT(vain_comm_all_gather(comm, wires_of(comm)->world, 0, VAIN_TAG_SPLIT, &mine,
                                      sizeof mine, colours));
    group_of(comm)->splits++;
    if (colour >= 0)
        VAIN_TRY_OUT(open_part(comm, colours, mine, out));
out:
    vain_release(colours);
    return status;
}

static void stream_abort(struct vain_comm *comm)
{
    struct vain_stream_group *group = group_of(comm);
    struct vain_wires *wires = wires_of(comm);
    if (vain_stream_aborted_by(group) >= 0)
        return;
    vain_wires_abort(wires, group, comm->rank, comm->rank);
    vain_wires_progress(wires); /* word of it leaves as far as there is room */
}

static void close_wires(struct vain_wires *wires)
{
    for (int rank = 0; rank < wires->size; rank++) {
        struct vain_wire_peer *peer = &wires->peers[rank];
        for (int c = 0; peer->wires != NULL && c < wires->connections; c++) {
            if (peer->wires[c].stream != NULL)
                peer->wires[c].stream->ops->close(peer->wires[c].stream);
        }
        vain_release(peer->wires);
    }
    while (wires->groups != NULL) {
        struct vain_stream_group *group = wires->groups;
        wires->groups = group->next;
        free_group(group);
    }
    vain_release(wires->polls);
    vain_release(wires->peers);
    vain_release(wires);
}

static void stream_close(struct vain_comm *comm)
{
    if (comm->state != NULL) {
        struct vain_stream_comm *own = comm->state;
        struct vain_stream_group *group = own->group;
        struct vain_wires *wires = own->wires;
        group->closed = true; /* before anything moves: what comes for it now is forgotten */
        vain_wires_forget(wires, group);
        vain_wires_progress(wires);
        vain_release(group->sent);
        vain_release(group->received);
        group->sent = group->received = NULL;
        vain_release(own);
        if (--wires->references == 0)
            close_wires(wires);
    }
    vain_comm_empty(comm);
}

static const struct vain_transport_ops stream_ops = {
    .name = "stream",
    .device_buffers = false,
    .post_send = stream_post_send,
    .post_receive = stream_post_receive,
    .test = stream_test,
    .wait = stream_wait,
    .split = stream_split,
    .abort = stream_abort,
    .close = stream_close,
};

/* ---- start ----------------------------------------------------------------------------------- */

static enum vain_status take_wires(const struct vain_stream_links *links, struct vain_wires **out)
{
    struct vain_wires *wires = NULL;
    const int64_t all = (int64_t)links->size * links->connections;
    VAIN_TRY(vain_take(sizeof *wires, "stream transport", (void **)out));
    wires = *out;
    wires->rank = links->rank;
    wires->connections = links->connections;
    wires->world = links->world;
    VAIN_TRY(vain_take_array(all, sizeof *wires->polls, "connections", (void **)&wires->polls));
    VAIN_TRY(vain_take_array(links->size, sizeof *wires->peers, "peers", (void **)&wires->peers));
    wires->size = links->size;
    for (int rank = 0; rank < links->size; rank++) {
        if (rank != links->rank)
            VAIN_TRY(vain_take_array(links->connections, sizeof(struct vain_wire), "connections",
                                     (void **)&wires->peers[rank].wires));
    }
    return VAIN_OK;
}

enum vain_status vain_stream_comm_open(const struct vain_stream_links *links, struct vain_comm *out)
{
    struct vain_wires *wires = NULL;
    struct vain_stream_comm *world = NULL;
    *out = (struct vain_comm){0};
    if (links->size < 1 || links->size > VAIN_MEMBERS_MAX || links->connections < 1 ||
        links->connections > VAIN_CONNECTIONS_MAX)
        return vain_fail(VAIN_ERR_INPUT,
                         "stream: %d members with %d connections a pair, expected 1 to %d with 1 "
                         "to %d",
                         links->size, links->connections, VAIN_MEMBERS_MAX, VAIN_CONNECTIONS_MAX);
    enum vain_status status = take_wires(links, &wires);
    if (status == VAIN_OK)
        status = open_group(wires, NULL, WORLD_ID, links->size, &world);
    if (status != VAIN_OK) {
        if (wires != NULL)
            close_wires(wires);
        return status;
    }
    world->group->rank = links->rank;
    for (int rank = 0; rank < links->size; rank++) {
        world->group->members[rank] = rank;
        for (int c = 0; rank != links->rank && c < links->connections; c++)
            wires->peers[rank].wires[c].stream = links->streams[rank * links->connections + c];
    }
    out->ops = &stream_ops;
    begin_group(world, out);
    return VAIN_OK;
}
