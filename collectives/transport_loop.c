/* loop: ranks that are threads of one process.
 *
 * A group is what a communicator is to its ranks: a mailbox for each receiver with the sends that
 * wait for a receive and the receives that wait for a send. A match of a short message is copied at
 * once; a long one is copied outside the lock by whichever side tests first, so that several pairs
 * copy at the same time. An all-reduce is cut into chunks; once all ranks have posted, every rank
 * that tests takes the next chunk, sums it over all buffers and writes it to all of them.
 *
 * Invariants: everything in a group is protected by its mutex, except that a request's state and
 * the group's atomic words may be read without it to find that there is nothing to do. Another
 * rank's buffer is touched only under the mutex or while its request is LOOP_COPYING (a message) or
 * counted in `summing` (an all-reduce); test() says AGAIN as long as that holds, abort or not, so a
 * request that has ended leaves its buffer alone. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "collectives/transport.h"

enum { SHORT_BYTES = 4096, CHUNK_WORDS = 8192, BLOCK_WORDS = 1024 };

enum loop_state {
    LOOP_WAITING, /* in a mailbox */
    LOOP_MATCHED, /* both sides are there, nobody copies yet */
    LOOP_COPYING,
    LOOP_DONE,
    LOOP_WRONG_LENGTH,
    LOOP_ABORTED
};
enum loop_kind { LOOP_SEND, LOOP_RECEIVE, LOOP_REDUCE };

/* What lies in vain_request.opaque. */
struct loop_request {
    atomic_int state;
    enum loop_kind kind;
    int owner, peer; /* ranks; peer of a reduce: none */
    uint32_t tag;
    int32_t reserved;
    unsigned char *buffer; /* a send's is only read */
    size_t bytes;
    union {
        size_t sent_bytes; /* WRONG_LENGTH: what came */
        uint64_t turn;     /* reduce: which one of its group */
    };
    struct loop_request *next;    /* in its mailbox or in group->matched (sends only) */
    struct loop_request *partner; /* MATCHED, COPYING */
};
_Static_assert(sizeof(struct loop_request) <= sizeof((struct vain_request *)0)->opaque,
               "a request of loop fits into a vain_request");

struct loop_mailbox {
    struct loop_request *sends, *receives; /* oldest first */
};

struct loop_group {
    struct loop_group *next;   /* in the hub; set before others see the group, then constant */
    struct loop_group *parent; /* it was split from; NULL: the world */
    struct vain_loop_hub *hub;
    int size;
    pthread_mutex_t mutex;
    pthread_cond_t changed;         /* for split and for close, which may block */
    atomic_int aborted_by;          /* rank, -1: nobody */
    struct loop_mailbox *mailboxes; /* (size) by receiver */
    struct loop_request *matched;   /* sends of long messages that nobody copies yet */
    int copying;                    /* copies under way */

    /* The all-reduce that is being formed or run; its turn is `turns`. */
    uint32_t **words; /* (size) */
    int64_t word_count, next_word, summed_words;
    int posted, summing;
    atomic_bool complete; /* all have posted */
    atomic_ullong turns;  /* all-reduces finished */

    /* The split that is being formed, and the last one's result. */
    int *colours;                 /* (size) */
    struct loop_group **children; /* (size) by rank here; NULL: none */
    int *child_rank;              /* (size) */
    int split_posted;
    uint64_t splits;
};

struct vain_loop_hub {
    pthread_mutex_t mutex; /* protects groups */
    struct loop_group *groups;
    struct loop_group *world;
};

static struct loop_group *group_of(const struct vain_comm *comm)
{
    return comm->state;
}

static struct loop_request *open_request(struct vain_request *request)
{
    return (struct loop_request *)(void *)request->opaque;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void free_group(struct loop_group *group)
{
    if (group == NULL)
        return;
    pthread_cond_destroy(&group->changed);
    pthread_mutex_destroy(&group->mutex);
    vain_release(group->mailboxes);
    vain_release(group->words);
    vain_release(group->colours);
    vain_release(group->children);
    vain_release(group->child_rank);
    vain_release(group);
}

static enum vain_status open_group(struct vain_loop_hub *hub, struct loop_group *parent, int size,
                                   struct loop_group **out)
{
    struct loop_group *group = NULL;
    enum vain_status status;
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *group, "loop group", (void **)&group));
    pthread_mutex_init(&group->mutex, NULL);
    pthread_cond_init(&group->changed, NULL);
    group->hub = hub;
    group->parent = parent;
    group->size = size;
    atomic_init(&group->aborted_by, -1);
    VAIN_TRY_OUT(vain_take_array(size, sizeof *group->mailboxes, "loop mailboxes",
                                 (void **)&group->mailboxes));
    VAIN_TRY_OUT(
        vain_take_array(size, sizeof *group->words, "loop buffers", (void **)&group->words));
    VAIN_TRY_OUT(
        vain_take_array(size, sizeof *group->colours, "loop colours", (void **)&group->colours));
    VAIN_TRY_OUT(
        vain_take_array(size, sizeof *group->children, "loop groups", (void **)&group->children));
    VAIN_TRY_OUT(vain_take_array(size, sizeof *group->child_rank, "loop ranks",
                                 (void **)&group->child_rank));
    pthread_mutex_lock(&hub->mutex);
    group->next = hub->groups;
    hub->groups = group;
    pthread_mutex_unlock(&hub->mutex);
    *out = group;
    return VAIN_OK;
out:
    free_group(group);
    return status;
}

static enum vain_status say_aborted(const struct vain_comm *comm)
{
    return vain_fail(VAIN_ERR_PEER, "rank %d of %d (loop): rank %d ended the common work",
                     comm->rank, comm->size, atomic_load(&group_of(comm)->aborted_by));
}

static bool descends_from(const struct loop_group *group, const struct loop_group *ancestor)
{
    while (group != NULL && group != ancestor)
        group = group->parent;
    return group != NULL;
}

/* Under the group's mutex: it ends, and all that was split from it. The first rank to do so is the
 * one named. Mutexes are taken from a group to those below it, and the hub's alone. */
static void mark_aborted(struct loop_group *group, int rank)
{
    pthread_mutex_lock(&group->hub->mutex);
    struct loop_group *below = group->hub->groups;
    pthread_mutex_unlock(&group->hub->mutex);
    for (; below != NULL; below = below->next) {
        int nobody = -1;
        if (!descends_from(below, group))
            continue;
        if (below != group)
            pthread_mutex_lock(&below->mutex);
        atomic_compare_exchange_strong(&below->aborted_by, &nobody, rank);
        pthread_cond_broadcast(&below->changed);
        if (below != group)
            pthread_mutex_unlock(&below->mutex);
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

static void append(struct loop_request **list, struct loop_request *request)
{
    while (*list != NULL)
        list = &(*list)->next;
    request->next = NULL;
    *list = request;
}

static bool take_out(struct loop_request **list, const struct loop_request *request)
{
    for (; *list != NULL; list = &(*list)->next) {
        if (*list == request) {
            *list = request->next;
            return true;
        }
    }
    return false;
}

/* The oldest request with this tag between the two leaves the list. */
static struct loop_request *take_match(struct loop_request **list, int owner, int peer,
                                       uint32_t tag)
{
    for (; *list != NULL; list = &(*list)->next) {
        struct loop_request *found = *list;
        if (found->owner == owner && found->peer == peer && found->tag == tag) {
            *list = found->next;
            return found;
        }
    }
    return NULL;
}

/* Under the mutex: a send and its receive have met. */
static void meet(struct loop_group *group, struct loop_request *send, struct loop_request *receive)
{
    if (send->bytes != receive->bytes) {
        receive->sent_bytes = send->bytes;
        atomic_store(&receive->state, LOOP_WRONG_LENGTH);
        atomic_store(&send->state, LOOP_DONE);
    } else if (send->bytes <= SHORT_BYTES) {
        if (send->bytes > 0)
            memcpy(receive->buffer, send->buffer, send->bytes);
        atomic_store(&receive->state, LOOP_DONE);
        atomic_store(&send->state, LOOP_DONE);
    } else {
        send->partner = receive;
        receive->partner = send;
        send->next = group->matched;
        group->matched = send;
        atomic_store(&send->state, LOOP_MATCHED);
        atomic_store(&receive->state, LOOP_MATCHED);
    }
}

/* Under the mutex, which is let go for the copy. */
static void copy_long(struct loop_group *group, struct loop_request *either)
{
    struct loop_request *send = either->kind == LOOP_SEND ? either : either->partner;
    struct loop_request *receive = send->partner;
    const bool was_matched = take_out(&group->matched, send);
    VAIN_ASSERT(was_matched);
    atomic_store(&send->state, LOOP_COPYING);
    atomic_store(&receive->state, LOOP_COPYING);
    group->copying++;
    pthread_mutex_unlock(&group->mutex);
    memcpy(receive->buffer, send->buffer, send->bytes);
    pthread_mutex_lock(&group->mutex);
    group->copying--;
    atomic_store(&send->state, LOOP_DONE);
    atomic_store(&receive->state, LOOP_DONE);
    pthread_cond_broadcast(&group->changed);
}

static enum vain_status post(struct vain_comm *comm, enum loop_kind kind, int peer, uint32_t tag,
                             unsigned char *buffer, size_t bytes, struct vain_request *request)
{
    struct loop_group *group = group_of(comm);
    struct loop_request *mine = open_request(request);
    VAIN_ASSERT(peer >= 0);
    VAIN_ASSERT(peer < group->size);
    VAIN_ASSERT(peer != comm->rank);
    VAIN_ASSERT(tag < VAIN_TAG_END);
    *mine = (struct loop_request){.kind = kind,
                                  .owner = comm->rank,
                                  .peer = peer,
                                  .tag = tag,
                                  .buffer = buffer,
                                  .bytes = bytes};
    if (atomic_load(&group->aborted_by) >= 0)
        return say_aborted(comm);
    request->comm = comm;
    pthread_mutex_lock(&group->mutex);
    struct loop_mailbox *mailbox = &group->mailboxes[kind == LOOP_SEND ? peer : comm->rank];
    struct loop_request **others = kind == LOOP_SEND ? &mailbox->receives : &mailbox->sends;
    struct loop_request *match = take_match(others, peer, comm->rank, tag);
    if (match == NULL)
        append(kind == LOOP_SEND ? &mailbox->sends : &mailbox->receives, mine);
    else if (kind == LOOP_SEND)
        meet(group, mine, match);
    else
        meet(group, match, mine);
    pthread_mutex_unlock(&group->mutex);
    return VAIN_OK;
}

static enum vain_status loop_post_send(struct vain_comm *comm, int peer, uint32_t tag,
                                       const void *buffer, size_t bytes,
                                       struct vain_request *request)
{
    /* Only ever read: a send's buffer is the source of both copies above. */
    union {
        const void *borrowed;
        unsigned char *kept;
    } view = {.borrowed = buffer};
    return post(comm, LOOP_SEND, peer, tag, view.kept, bytes, request);
}

static enum vain_status loop_post_receive(struct vain_comm *comm, int peer, uint32_t tag,
                                          void *buffer, size_t bytes, struct vain_request *request)
{
    return post(comm, LOOP_RECEIVE, peer, tag, buffer, bytes, request);
}

/* Under the mutex: nobody will come for this request any more. */
static void retract(struct loop_group *group, struct loop_request *request)
{
    const int state = atomic_load(&request->state);
    if (state == LOOP_WAITING) {
        struct loop_mailbox *mailbox =
            &group->mailboxes[request->kind == LOOP_SEND ? request->peer : request->owner];
        const bool was_there =
            take_out(request->kind == LOOP_SEND ? &mailbox->sends : &mailbox->receives, request);
        VAIN_ASSERT(was_there);
        atomic_store(&request->state, LOOP_ABORTED);
    } else if (state == LOOP_MATCHED) {
        struct loop_request *partner = request->partner;
        const bool was_there =
            take_out(&group->matched, request->kind == LOOP_SEND ? request : partner);
        VAIN_ASSERT(was_there);
        atomic_store(&partner->state, LOOP_ABORTED);
        atomic_store(&request->state, LOOP_ABORTED);
    }
}

static enum vain_status end_message(struct vain_request *request)
{
    struct loop_request *mine = open_request(request);
    const struct vain_comm *comm = request->comm;
    switch (atomic_load(&mine->state)) {
    case LOOP_DONE:
        request->comm = NULL;
        return VAIN_OK;
    case LOOP_WRONG_LENGTH:
        request->comm = NULL;
        return vain_fail(
            VAIN_ERR_PEER,
            "rank %d of %d (loop): message of rank %d (tag %u) has %zu bytes, expected "
            "%zu",
            comm->rank, comm->size, mine->peer, mine->tag, mine->sent_bytes, mine->bytes);
    case LOOP_ABORTED:
        request->comm = NULL;
        return say_aborted(comm);
    default:
        return VAIN_AGAIN;
    }
}

static enum vain_status test_message(struct vain_request *request)
{
    struct loop_request *mine = open_request(request);
    struct loop_group *group = group_of(request->comm);
    const int state = atomic_load(&mine->state);
    const bool aborted = atomic_load(&group->aborted_by) >= 0;
    if (state == LOOP_MATCHED || (state == LOOP_WAITING && aborted)) {
        pthread_mutex_lock(&group->mutex);
        if (aborted)
            retract(group, mine);
        else if (atomic_load(&mine->state) == LOOP_MATCHED)
            copy_long(group, mine);
        pthread_mutex_unlock(&group->mutex);
    }
    return end_message(request);
}

/* ---- all-reduce ------------------------------------------------------------------------------ */

static enum vain_status loop_post_all_reduce(struct vain_comm *comm, uint32_t *words, int64_t count,
                                             struct vain_request *request)
{
    struct loop_group *group = group_of(comm);
    struct loop_request *mine = open_request(request);
    enum vain_status status = VAIN_OK;
    if (atomic_load(&group->aborted_by) >= 0)
        return say_aborted(comm);
    pthread_mutex_lock(&group->mutex);
    VAIN_ASSERT(group->words[comm->rank] == NULL);
    *mine = (struct loop_request){
        .kind = LOOP_REDUCE, .owner = comm->rank, .turn = atomic_load(&group->turns)};
    if (group->posted > 0 && group->word_count != count) {
        mark_aborted(group, comm->rank);
        status = vain_fail(VAIN_ERR_PEER,
                           "rank %d of %d (loop): all-reduce of %lld words, others have %lld",
                           comm->rank, comm->size, (long long)count, (long long)group->word_count);
    } else {
        request->comm = comm;
        group->words[comm->rank] = words;
        group->word_count = count;
        group->posted++;
        if (group->posted == group->size)
            atomic_store(&group->complete, true);
    }
    pthread_mutex_unlock(&group->mutex);
    return status;
}

/* All buffers get the sum of all, `count` words from `start`. Blocks of a fixed length let the
 * compiler use vectors. */
static void sum_words(struct loop_group *group, int64_t start, int64_t count)
{
    uint32_t sums[BLOCK_WORDS];
    for (int64_t done = 0; done < count; done += BLOCK_WORDS) {
        const int64_t at = start + done;
        const size_t length = (size_t)(count - done < BLOCK_WORDS ? count - done : BLOCK_WORDS);
        memcpy(sums, group->words[0] + at, length * sizeof *sums);
        for (int rank = 1; rank < group->size; rank++) {
            const uint32_t *source = group->words[rank] + at;
            if (length == BLOCK_WORDS) {
                for (int i = 0; i < BLOCK_WORDS; i++)
                    sums[i] += source[i];
            } else {
                for (size_t i = 0; i < length; i++)
                    sums[i] += source[i];
            }
        }
        for (int rank = 0; rank < group->size; rank++)
            memcpy(group->words[rank] + at, sums, length * sizeof *sums);
    }
}

/* Under the mutex: the next all-reduce may be formed. */
static void finish_turn(struct loop_group *group)
{
    group->posted = 0;
    group->next_word = 0;
    group->summed_words = 0;
    memset(group->words, 0, (size_t)group->size * sizeof *group->words);
    atomic_store(&group->complete, false);
    atomic_fetch_add(&group->turns, 1);
}

/* Under the mutex, which is let go while summing: one chunk of the common work. */
static void sum_chunk(struct loop_group *group)
{
    const int64_t start = group->next_word;
    const int64_t left = group->word_count - start;
    const int64_t count = left < CHUNK_WORDS ? left : CHUNK_WORDS;
    if (count > 0) {
        group->next_word += count;
        group->summing++;
        pthread_mutex_unlock(&group->mutex);
        sum_words(group, start, count);
        pthread_mutex_lock(&group->mutex);
        group->summing--;
        group->summed_words += count;
        pthread_cond_broadcast(&group->changed);
    }
    if (group->summed_words == group->word_count)
        finish_turn(group);
}

static enum vain_status test_reduce(struct vain_request *request)
{
    struct vain_comm *comm = request->comm;
    struct loop_group *group = group_of(comm);
    const uint64_t turn = open_request(request)->turn;
    if (atomic_load(&group->turns) == turn && !atomic_load(&group->complete) &&
        atomic_load(&group->aborted_by) < 0)
        return VAIN_AGAIN;

    enum vain_status status = VAIN_AGAIN;
    pthread_mutex_lock(&group->mutex);
    const bool aborted = atomic_load(&group->aborted_by) >= 0;
    if (atomic_load(&group->turns) == turn && atomic_load(&group->complete) && !aborted)
        sum_chunk(group);
    if (atomic_load(&group->turns) != turn) {
        status = VAIN_OK;
    } else if (aborted && group->summing == 0) {
        group->words[comm->rank] = NULL;
        status = VAIN_ERR_PEER;
    }
    pthread_mutex_unlock(&group->mutex);
    if (status == VAIN_AGAIN)
        return VAIN_AGAIN;
    request->comm = NULL;
    return status == VAIN_OK ? VAIN_OK : say_aborted(comm);
}

static enum vain_status loop_test(struct vain_request *request)
{
    return open_request(request)->kind == LOOP_REDUCE ? test_reduce(request)
                                                      : test_message(request);
}

/* ---- split, abort, close --------------------------------------------------------------------- */

/* Under the mutex: all colours are there. */
static enum vain_status make_children(struct loop_group *group)
{
    for (int rank = 0; rank < group->size; rank++) {
        const int colour = group->colours[rank];
        int first = 0, before = 0, total = 0;
        while (group->colours[first] != colour)
            first++;
        for (int other = 0; other < group->size; other++) {
            total += group->colours[other] == colour;
            before += group->colours[other] == colour && other < rank;
        }
        group->children[rank] = NULL;
        group->child_rank[rank] = before;
        if (colour < 0)
            continue;
        if (first < rank)
            group->children[rank] = group->children[first];
        else
            VAIN_TRY(open_group(group->hub, group, total, &group->children[rank]));
    }
    return VAIN_OK;
}

static enum vain_status loop_split(struct vain_comm *comm, int colour, struct vain_comm *out)
{
    struct loop_group *group = group_of(comm);
    enum vain_status status = VAIN_OK;
    *out = (struct vain_comm){.ops = comm->ops};
    pthread_mutex_lock(&group->mutex);
    group->colours[comm->rank] = colour;
    const uint64_t turn = group->splits;
    if (++group->split_posted == group->size) {
        status = make_children(group);
        group->split_posted = 0;
        if (status == VAIN_OK)
            group->splits++;
        else
            mark_aborted(group, comm->rank);
        pthread_cond_broadcast(&group->changed);
    }
    while (group->splits == turn && atomic_load(&group->aborted_by) < 0)
        pthread_cond_wait(&group->changed, &group->mutex);
    /* A split that all have come to holds, even if the group ends right after it. */
    const bool done = group->splits != turn;
    struct loop_group *child = done ? group->children[comm->rank] : NULL;
    if (child != NULL)
        *out = (struct vain_comm){.ops = comm->ops,
                                  .rank = group->child_rank[comm->rank],
                                  .size = child->size,
                                  .state = child};
    pthread_mutex_unlock(&group->mutex);
    return status == VAIN_OK && !done ? say_aborted(comm) : status;
}

static void loop_abort(struct vain_comm *comm)
{
    struct loop_group *group = group_of(comm);
    pthread_mutex_lock(&group->mutex);
    mark_aborted(group, comm->rank);
    pthread_mutex_unlock(&group->mutex);
}

/* Under the mutex: what this rank posted and nobody met leaves the list. */
static void forget(struct loop_request **list, int rank)
{
    while (*list != NULL) {
        if ((*list)->owner == rank)
            *list = (*list)->next;
        else
            list = &(*list)->next;
    }
}

static void loop_close(struct vain_comm *comm)
{
    struct loop_group *group = group_of(comm);
    if (group == NULL) {
        vain_comm_empty(comm);
        return;
    }
    pthread_mutex_lock(&group->mutex);
    for (int receiver = 0; receiver < group->size; receiver++) {
        forget(&group->mailboxes[receiver].sends, comm->rank);
        forget(&group->mailboxes[receiver].receives, comm->rank);
    }
    /* Messages that have met their receive are delivered, as any network would. */
    for (struct loop_request **at = &group->matched; *at != NULL;) {
        struct loop_request *send = *at;
        if (send->owner != comm->rank && send->peer != comm->rank) {
            at = &send->next;
            continue;
        }
        copy_long(group, send);
        at = &group->matched; /* the mutex was let go */
    }
    if (group->words[comm->rank] != NULL)
        mark_aborted(group, comm->rank);
    while (group->summing > 0 || group->copying > 0)
        pthread_cond_wait(&group->changed, &group->mutex);
    group->words[comm->rank] = NULL;
    pthread_mutex_unlock(&group->mutex);
    vain_comm_empty(comm);
}

static const struct vain_transport_ops loop_ops = {
    .name = "loop",
    .device_buffers = false,
    .post_send = loop_post_send,
    .post_receive = loop_post_receive,
    .test = loop_test,
    .post_all_reduce = loop_post_all_reduce,
    .split = loop_split,
    .abort = loop_abort,
    .close = loop_close,
};

/* ---- hub ------------------------------------------------------------------------------------- */

enum vain_status vain_loop_hub_open(int size, struct vain_loop_hub **out)
{
    struct vain_loop_hub *hub = NULL;
    *out = NULL;
    if (size < 1 || size > VAIN_RANKS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "loop: %d ranks, expected 1 to %d", size, VAIN_RANKS_MAX);
    VAIN_TRY(vain_take(sizeof *hub, "loop hub", (void **)&hub));
    pthread_mutex_init(&hub->mutex, NULL);
    const enum vain_status status = open_group(hub, NULL, size, &hub->world);
    if (status != VAIN_OK)
        vain_loop_hub_close(&hub);
    *out = hub;
    return status;
}

void vain_loop_hub_close(struct vain_loop_hub **hub)
{
    if (*hub == NULL)
        return;
    while ((*hub)->groups != NULL) {
        struct loop_group *group = (*hub)->groups;
        (*hub)->groups = group->next;
        free_group(group);
    }
    pthread_mutex_destroy(&(*hub)->mutex);
    vain_release(*hub);
    *hub = NULL;
}

enum vain_status vain_loop_comm_open(struct vain_loop_hub *hub, int rank, struct vain_comm *out)
{
    *out = (struct vain_comm){0};
    if (rank < 0 || rank >= hub->world->size)
        return vain_fail(VAIN_ERR_INPUT, "loop: rank %d of a world of %d", rank, hub->world->size);
    *out = (struct vain_comm){
        .ops = &loop_ops, .rank = rank, .size = hub->world->size, .state = hub->world};
    return VAIN_OK;
}
