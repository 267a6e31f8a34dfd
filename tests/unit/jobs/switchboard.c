/* One lock for all: whatever is made, taken, cut or closed is so for both ends at once. A stream's
 * end stays in the board's list until it is closed, so that it can be cut wherever it is. */
#include "tests/unit/jobs/switchboard.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

enum { SPOILT_BYTES_MIN = 512 };

struct end {
    struct vain_stream stream; /* first: what callers hold points here */
    struct switchboard *board;
    struct end *next; /* in the board's list */
    int descriptor, owner, peer;
    bool full;  /* the last write did not take all */
    bool words; /* of a use, not a mailbox */
};

struct plug {
    struct vain_connector connector; /* first */
    struct switchboard *board;
    int own, wake;
    bool plugged;
    uint8_t key[VAIN_CONNECTOR_KEY_BYTES];
    int connections;
    struct {
        bool has_mailbox; /* given, and not said to be lost */
        bool in_use, joined;
        struct end *mailbox, *words[SWITCHBOARD_CONNECTIONS_MAX]; /* not taken yet */
    } peers[SWITCHBOARD_MEMBERS_MAX];
};

struct switchboard {
    pthread_mutex_t lock; /* protects all that follows */
    int members;
    struct end *ends;
    atomic_bool spoils[SWITCHBOARD_MEMBERS_MAX];
    bool parted[SWITCHBOARD_MEMBERS_MAX]; /* nothing reaches it */
    struct plug plugs[SWITCHBOARD_MEMBERS_MAX];
};

static void lock(struct switchboard *board)
{
    VAIN_ASSERT(pthread_mutex_lock(&board->lock) == 0);
}

static void unlock(struct switchboard *board)
{
    VAIN_ASSERT(pthread_mutex_unlock(&board->lock) == 0);
}

/* ---- streams --------------------------------------------------------------------------------- */

/* The last byte of what is long enough to be words and not a head goes out as another one. */
static ssize_t send_spoilt(const struct end *end, const uint8_t *data, size_t bytes)
{
    const uint8_t other = data[bytes - 1] ^ 0x10;
    const ssize_t sent = send(end->descriptor, data, bytes - 1, MSG_NOSIGNAL);
    if (sent != (ssize_t)bytes - 1)
        return sent;
    return send(end->descriptor, &other, 1, MSG_NOSIGNAL) == 1 ? sent + 1 : sent;
}

static enum vain_status end_write(struct vain_stream *stream, const void *data, size_t bytes,
                                  size_t *taken)
{
    struct end *end = stream->state;
    const bool spoils =
        end->words && bytes >= SPOILT_BYTES_MIN && atomic_load(&end->board->spoils[end->owner]);
    const ssize_t sent =
        spoils ? send_spoilt(end, data, bytes) : send(end->descriptor, data, bytes, MSG_NOSIGNAL);
    *taken = sent > 0 ? (size_t)sent : 0;
    end->full = *taken < bytes;
    if (sent < 0 && errno != EAGAIN)
        return vain_fail(VAIN_ERR_PEER, "wire to %d: %s", end->peer, strerror(errno));
    return VAIN_OK;
}

static enum vain_status end_read(struct vain_stream *stream, void *data, size_t bytes, size_t *got)
{
    struct end *end = stream->state;
    const ssize_t came = recv(end->descriptor, data, bytes, 0);
    *got = came > 0 ? (size_t)came : 0;
    if (came < 0 && errno != EAGAIN)
        return vain_fail(VAIN_ERR_PEER, "wire to %d: %s", end->peer, strerror(errno));
    return came == 0 ? VAIN_END : VAIN_OK;
}

static int end_descriptor(const struct vain_stream *stream, short *events)
{
    const struct end *end = stream->state;
    *events = (short)(POLLIN | (end->full ? POLLOUT : 0));
    return end->descriptor;
}

/* Under the lock. */
static void release(struct end *end)
{
    struct end **place = &end->board->ends;
    while (*place != end)
        place = &(*place)->next;
    *place = end->next;
    (void)close(end->descriptor);
    vain_release(end);
}

static void end_close(struct vain_stream *stream)
{
    struct end *end = stream->state;
    struct switchboard *board = end->board;
    lock(board);
    release(end);
    unlock(board);
}

static const struct vain_stream_ops end_ops = {
    .name = "wire",
    .write = end_write,
    .read = end_read,
    .descriptor = end_descriptor,
    .close = end_close,
};

static struct end *make_end(struct switchboard *board, int descriptor, int owner, int peer)
{
    struct end *end = NULL;
    VAIN_ASSERT(vain_take(sizeof *end, "wire", (void **)&end) == VAIN_OK);
    end->stream = (struct vain_stream){.ops = &end_ops, .state = end};
    end->board = board;
    end->descriptor = descriptor;
    end->owner = owner;
    end->peer = peer;
    end->next = board->ends;
    board->ends = end;
    return end;
}

/* ---- what is made, under the lock ------------------------------------------------------------ */

/* The descriptor is a counter of what can be taken. */
static void tell(struct plug *plug, bool more)
{
    uint64_t count = 1;
    if (more)
        VAIN_ASSERT(write(plug->wake, &count, sizeof count) == (ssize_t)sizeof count);
    else
        VAIN_ASSERT(read(plug->wake, &count, sizeof count) == (ssize_t)sizeof count);
}

static void drop(struct plug *plug, struct end **slot)
{
    if (*slot == NULL)
        return;
    release(*slot);
    *slot = NULL;
    tell(plug, false);
}

static void put(struct plug *plug, struct end **slot, struct end *end)
{
    drop(plug, slot);
    *slot = end;
    tell(plug, true);
}

static void make_pair(struct switchboard *board, int a, int b, struct end **at_a, struct end **at_b)
{
    int ends[2];
    VAIN_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    put(&board->plugs[a], at_a, make_end(board, ends[0], a, b));
    put(&board->plugs[b], at_b, make_end(board, ends[1], b, a));
}

static void make_words(struct switchboard *board, int a, int b, struct end **at_a,
                       struct end **at_b)
{
    make_pair(board, a, b, at_a, at_b);
    (*at_a)->words = (*at_b)->words = true;
}

static bool can_meet(const struct switchboard *board, int a, int b)
{
    return board->plugs[a].plugged && board->plugs[b].plugged && !board->parted[a] &&
           !board->parted[b];
}

static void join_mailboxes(struct switchboard *board)
{
    for (int b = 1; b < board->members; b++) {
        for (int a = 0; a < b; a++) {
            struct plug *lower = &board->plugs[a], *upper = &board->plugs[b];
            if (!can_meet(board, a, b) || lower->peers[b].has_mailbox)
                continue;
            make_pair(board, a, b, &lower->peers[b].mailbox, &upper->peers[a].mailbox);
            lower->peers[b].has_mailbox = true;
        }
    }
}

static void join_use(struct switchboard *board, int own)
{
    struct plug *plug = &board->plugs[own];
    for (int i = 0; i < board->members; i++) {
        struct plug *other = &board->plugs[i];
        if (!can_meet(board, own, i) || !plug->peers[i].in_use || !other->peers[own].in_use ||
            plug->peers[i].joined || other->peers[own].joined ||
            memcmp(plug->key, other->key, sizeof plug->key) != 0)
            continue;
        for (int c = 0; c < plug->connections; c++)
            make_words(board, own, i, &plug->peers[i].words[c], &other->peers[own].words[c]);
        plug->peers[i].joined = other->peers[own].joined = true;
    }
}

static void end_use(struct plug *plug)
{
    for (int i = 0; i < plug->board->members; i++) {
        plug->peers[i].in_use = plug->peers[i].joined = false;
        for (int c = 0; c < SWITCHBOARD_CONNECTIONS_MAX; c++)
            drop(plug, &plug->peers[i].words[c]);
    }
}

/* None is made for who is not plugged in. */
static void forget_all(struct plug *plug)
{
    end_use(plug);
    for (int i = 0; i < plug->board->members; i++)
        drop(plug, &plug->peers[i].mailbox);
    plug->plugged = false;
}

/* ---- the connector --------------------------------------------------------------------------- */

static struct plug *plug_of(struct vain_connector *connector)
{
    return (struct plug *)(void *)connector;
}

static enum vain_status give(struct plug *plug, struct end **slot, struct vain_stream **out)
{
    *out = NULL;
    if (*slot == NULL)
        return VAIN_AGAIN;
    *out = &(*slot)->stream;
    *slot = NULL;
    tell(plug, false);
    return VAIN_OK;
}

static enum vain_status take_mailbox(struct vain_connector *connector, int member,
                                     struct vain_stream **out)
{
    struct plug *plug = plug_of(connector);
    lock(plug->board);
    const enum vain_status status = give(plug, &plug->peers[member].mailbox, out);
    unlock(plug->board);
    return status;
}

static void lost_mailbox(struct vain_connector *connector, int member)
{
    struct plug *plug = plug_of(connector);
    lock(plug->board);
    if (plug->peers[member].mailbox == NULL)
        plug->peers[member].has_mailbox = false;
    join_mailboxes(plug->board);
    unlock(plug->board);
}

static enum vain_status begin_use(struct vain_connector *connector,
                                  const struct vain_connector_use *use)
{
    struct plug *plug = plug_of(connector);
    VAIN_ASSERT(use->connections <= SWITCHBOARD_CONNECTIONS_MAX);
    lock(plug->board);
    end_use(plug);
    memcpy(plug->key, use->key, sizeof plug->key);
    plug->connections = use->connections;
    for (int i = 0; i < use->count; i++)
        plug->peers[use->members[i]].in_use = use->members[i] != plug->own;
    join_use(plug->board, plug->own);
    unlock(plug->board);
    return VAIN_OK;
}

static enum vain_status take(struct vain_connector *connector, int member, int connection,
                             struct vain_stream **out)
{
    struct plug *plug = plug_of(connector);
    lock(plug->board);
    const enum vain_status status = give(plug, &plug->peers[member].words[connection], out);
    unlock(plug->board);
    return status;
}

static int descriptor_of(const struct vain_connector *connector)
{
    return ((const struct plug *)(const void *)connector)->wake;
}

static const char *trouble_of(const struct vain_connector *connector, int member)
{
    (void)connector;
    (void)member;
    return "it has not begun the use";
}

static void unplug(struct vain_connector *connector)
{
    struct plug *plug = plug_of(connector);
    lock(plug->board);
    forget_all(plug);
    (void)close(plug->wake);
    unlock(plug->board);
}

static const struct vain_connector_ops plug_ops = {
    .name = "switchboard",
    .take_mailbox = take_mailbox,
    .lost_mailbox = lost_mailbox,
    .begin_use = begin_use,
    .take = take,
    .descriptor = descriptor_of,
    .trouble = trouble_of,
    .close = unplug,
};

/* ---- the board ------------------------------------------------------------------------------- */

struct switchboard *switchboard_open(int members)
{
    struct switchboard *board = NULL;
    VAIN_ASSERT(members <= SWITCHBOARD_MEMBERS_MAX);
    if (vain_take(sizeof *board, "switchboard", (void **)&board) != VAIN_OK)
        return NULL;
    VAIN_ASSERT(pthread_mutex_init(&board->lock, NULL) == 0);
    board->members = members;
    return board;
}

void switchboard_close(struct switchboard *board)
{
    VAIN_ASSERT(board->ends == NULL);
    (void)pthread_mutex_destroy(&board->lock);
    vain_release(board);
}

void switchboard_spoil(struct switchboard *board, int member, bool spoils)
{
    atomic_store(&board->spoils[member], spoils);
}

struct vain_connector *switchboard_plug(struct switchboard *board, int member)
{
    struct plug *plug = &board->plugs[member];
    lock(board);
    VAIN_ASSERT(!plug->plugged);
    memset(plug, 0, sizeof *plug);
    plug->connector.ops = &plug_ops;
    plug->board = board;
    plug->own = member;
    plug->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    VAIN_ASSERT(plug->wake >= 0);
    plug->plugged = true;
    join_mailboxes(board);
    unlock(board);
    return &plug->connector;
}

/* Under the lock. */
static void end_streams(struct switchboard *board, int member)
{
    for (struct end *end = board->ends; end != NULL; end = end->next) {
        if (end->owner == member || end->peer == member)
            (void)shutdown(end->descriptor, SHUT_RDWR);
    }
}

void switchboard_cut(struct switchboard *board, int member)
{
    lock(board);
    end_streams(board, member);
    forget_all(&board->plugs[member]);
    unlock(board);
}

void switchboard_part(struct switchboard *board, int member)
{
    lock(board);
    end_streams(board, member);
    board->parted[member] = true;
    unlock(board);
}

void switchboard_heal(struct switchboard *board, int member)
{
    lock(board);
    board->parted[member] = false;
    join_mailboxes(board);
    unlock(board);
}
