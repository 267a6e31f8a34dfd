/* mpi: ranks of an MPI world.
 *
 * Every communicator is a duplicate with errors returned, so that a failure becomes a status with
 * MPI's own words. MPI knows no abort of a communicator that leaves the process alive; here each
 * rank keeps one empty receive from anybody open on a tag of its own, and an empty message there
 * says "this communicator is over": that makes abort() mean the same as on loop.
 *
 * Counts in MPI are int. A longer message travels as one item of a derived type (blocks and a
 * tail), which keeps it one message with one length. An all-reduce is cut into chunks of which two
 * are under way at a time: one large MPI_Iallreduce moves and adds in turns, two let them overlap,
 * and 4 MiB stay in the cache (64 MiB on 4 ranks of 2 cores: 49-61 ms, MPI_Allreduce 67-96 ms).
 *
 * All calls come from the thread that called vain_mpi_init (MPI_THREAD_FUNNELED). */
#include <mpi.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/transport.h"

enum {
    PLAIN_BYTES_MAX = 64 << 20, /* up to here a message is a count of bytes */
    BLOCK_BYTES = 1 << 20,      /* of a longer one */
    CHUNK_WORDS = 1 << 20,      /* of an all-reduce */
    CHUNKS_UNDER_WAY = 2,
    TAG_ABORT = VAIN_TAG_END
};

enum mpi_kind { MESSAGE_SEND, MESSAGE_RECEIVE, REDUCE };

/* What lies in vain_request.opaque. */
struct mpi_request {
    struct mpi_request *next, *previous; /* open ones of the communicator */
    enum mpi_kind kind;
    int peer;
    union {
        struct {
            MPI_Request handle;
            MPI_Datatype type; /* MPI_BYTE or a derived one */
            size_t bytes;
        } message;
        struct {
            MPI_Request handles[CHUNKS_UNDER_WAY]; /* chunk c uses c modulo their number */
            uint32_t *words;
            int32_t chunks, posted, finished; /* at most 2^31 chunks: 2^51 words */
            int32_t tail_words;               /* of the last chunk */
        } reduce;
    };
};
_Static_assert(sizeof(struct mpi_request) <= sizeof((struct vain_request *)0)->opaque,
               "a request of mpi fits into a vain_request");

struct mpi_state {
    struct mpi_state *parent; /* it was split from; NULL: the world */
    int references;           /* the communicator's and those of the states split from it */
    MPI_Comm comm;
    MPI_Request abort_receive; /* MPI_REQUEST_NULL once it came or the communicator is closed */
    int aborted_by;            /* rank, -1: nobody */
    bool reducing;
    struct mpi_request *open;
};

static struct mpi_state *state_of(const struct vain_comm *comm)
{
    VAIN_ASSERT(comm != NULL);
    return comm->state;
}

static struct mpi_request *open_request(struct vain_request *request)
{
    return (struct mpi_request *)(void *)request->opaque;
}

/* VAIN_OK, or MPI's own words about what failed. */
static enum vain_status check(int code, const char *what)
{
    if (code == MPI_SUCCESS)
        return VAIN_OK;
    char reason[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(code, reason, &length);
    return vain_fail(VAIN_ERR_PEER, "mpi: %s: %s", what, reason);
}

/* The rank that ended this communicator or one it was split from, as far as known; -1: nobody. */
static int aborted_by(const struct vain_comm *comm)
{
    for (const struct mpi_state *state = state_of(comm); state != NULL; state = state->parent) {
        if (state->aborted_by >= 0)
            return state->aborted_by;
    }
    return -1;
}

static enum vain_status say_aborted(const struct vain_comm *comm)
{
    return vain_fail(VAIN_ERR_PEER, "rank %d of %d (mpi): rank %d ended the common work",
                     comm->rank, comm->size, aborted_by(comm));
}

static void link_open(struct vain_comm *comm, struct vain_request *request)
{
    struct mpi_state *state = state_of(comm);
    struct mpi_request *mine = open_request(request);
    mine->previous = NULL;
    mine->next = state->open;
    if (state->open != NULL)
        state->open->previous = mine;
    state->open = mine;
    request->comm = comm;
}

static void unlink_open(struct vain_request *request)
{
    struct mpi_state *state = state_of(request->comm);
    struct mpi_request *mine = open_request(request);
    if (mine->previous != NULL)
        mine->previous->next = mine->next;
    else
        state->open = mine->next;
    if (mine->next != NULL)
        mine->next->previous = mine->previous;
    request->comm = NULL;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* One item of `bytes` bytes: a run of blocks, then the tail. */
static enum vain_status make_long_type(size_t bytes, MPI_Datatype *out)
{
    MPI_Datatype block, body;
    VAIN_TRY(check(MPI_Type_contiguous(BLOCK_BYTES, MPI_BYTE, &block), "datatype"));
    VAIN_TRY(check(MPI_Type_contiguous((int)(bytes / BLOCK_BYTES), block, &body), "datatype"));
    const int lengths[2] = {1, (int)(bytes % BLOCK_BYTES)};
    const MPI_Aint places[2] = {0, (MPI_Aint)(bytes - bytes % BLOCK_BYTES)};
    const MPI_Datatype types[2] = {body, MPI_BYTE};
    VAIN_TRY(check(MPI_Type_create_struct(2, lengths, places, types, out), "datatype"));
    MPI_Type_free(&block);
    MPI_Type_free(&body);
    return check(MPI_Type_commit(out), "datatype");
}

static enum vain_status prepare(struct vain_comm *comm, enum mpi_kind kind, int peer, uint32_t tag,
                                size_t bytes, struct mpi_request *out)
{
    VAIN_ASSERT(peer >= 0);
    VAIN_ASSERT(peer < comm->size);
    VAIN_ASSERT(peer != comm->rank);
    VAIN_ASSERT(tag < VAIN_TAG_END);
    if (aborted_by(comm) >= 0)
        return say_aborted(comm);
    *out = (struct mpi_request){.kind = kind, .peer = peer};
    out->message.bytes = bytes;
    out->message.type = MPI_BYTE;
    return bytes <= PLAIN_BYTES_MAX ? VAIN_OK : make_long_type(bytes, &out->message.type);
}

static int item_count(const struct mpi_request *request)
{
    return request->message.type == MPI_BYTE ? (int)request->message.bytes : 1;
}

static enum vain_status mpi_post_send(struct vain_comm *comm, int peer, uint32_t tag,
                                      const void *buffer, size_t bytes,
                                      struct vain_request *request)
{
    struct mpi_request *mine = open_request(request);
    VAIN_TRY(prepare(comm, MESSAGE_SEND, peer, tag, bytes, mine));
    VAIN_TRY(check(MPI_Isend(buffer, item_count(mine), mine->message.type, peer, (int)tag,
                             state_of(comm)->comm, &mine->message.handle),
                   "send"));
    link_open(comm, request);
    return VAIN_OK;
}

static enum vain_status mpi_post_receive(struct vain_comm *comm, int peer, uint32_t tag,
                                         void *buffer, size_t bytes, struct vain_request *request)
{
    struct mpi_request *mine = open_request(request);
    VAIN_TRY(prepare(comm, MESSAGE_RECEIVE, peer, tag, bytes, mine));
    VAIN_TRY(check(MPI_Irecv(buffer, item_count(mine), mine->message.type, peer, (int)tag,
                             state_of(comm)->comm, &mine->message.handle),
                   "receive"));
    link_open(comm, request);
    return VAIN_OK;
}

static void free_type(struct mpi_request *request)
{
    if (request->message.type != MPI_BYTE)
        MPI_Type_free(&request->message.type);
}

static enum vain_status wrong_length(const struct vain_comm *comm, const struct mpi_request *mine,
                                     const char *what)
{
    return vain_fail(VAIN_ERR_PEER,
                     "rank %d of %d (mpi): message of rank %d has %s bytes, expected %zu",
                     comm->rank, comm->size, mine->peer, what, mine->message.bytes);
}

static enum vain_status test_message(struct vain_request *request)
{
    const struct vain_comm *comm = request->comm;
    struct mpi_request *mine = open_request(request);
    MPI_Status result;
    int done = 0;
    const int code = MPI_Test(&mine->message.handle, &done, &result);
    if (code == MPI_SUCCESS && !done)
        return VAIN_AGAIN;
    unlink_open(request);
    MPI_Count received = 0;
    if (code == MPI_SUCCESS && mine->kind == MESSAGE_RECEIVE)
        MPI_Get_elements_x(&result, mine->message.type, &received);
    free_type(mine);
    if (code != MPI_SUCCESS) {
        int class = MPI_SUCCESS;
        MPI_Error_class(code, &class);
        return class == MPI_ERR_TRUNCATE ? wrong_length(comm, mine, "more")
                                         : check(code, "message");
    }
    if (mine->kind == MESSAGE_RECEIVE && (size_t)received != mine->message.bytes)
        return wrong_length(comm, mine, "fewer");
    return VAIN_OK;
}

/* ---- all-reduce ------------------------------------------------------------------------------ */

static enum vain_status post_chunks(struct vain_comm *comm, struct mpi_request *mine)
{
    while (mine->reduce.posted < mine->reduce.chunks &&
           mine->reduce.posted - mine->reduce.finished < CHUNKS_UNDER_WAY) {
        const int32_t chunk = mine->reduce.posted++;
        const bool last = chunk == mine->reduce.chunks - 1;
        VAIN_TRY(check(
            MPI_Iallreduce(MPI_IN_PLACE, mine->reduce.words + (int64_t)chunk * CHUNK_WORDS,
                           last ? mine->reduce.tail_words : CHUNK_WORDS, MPI_UINT32_T, MPI_SUM,
                           state_of(comm)->comm, &mine->reduce.handles[chunk % CHUNKS_UNDER_WAY]),
            "all-reduce"));
    }
    return VAIN_OK;
}

static enum vain_status mpi_post_all_reduce(struct vain_comm *comm, uint32_t *words, int64_t count,
                                            struct vain_request *request)
{
    struct mpi_state *state = state_of(comm);
    struct mpi_request *mine = open_request(request);
    VAIN_ASSERT(!state->reducing);
    VAIN_ASSERT(count >= 0);
    if (aborted_by(comm) >= 0)
        return say_aborted(comm);
    const int64_t chunks = (count + CHUNK_WORDS - 1) / CHUNK_WORDS;
    VAIN_ASSERT(chunks <= INT32_MAX - CHUNKS_UNDER_WAY);
    *mine = (struct mpi_request){.kind = REDUCE};
    mine->reduce.words = words;
    mine->reduce.chunks = (int32_t)chunks;
    mine->reduce.tail_words = (int32_t)(count - (chunks - 1) * CHUNK_WORDS);
    VAIN_TRY(post_chunks(comm, mine));
    link_open(comm, request);
    state->reducing = true;
    return VAIN_OK;
}

static enum vain_status test_reduce(struct vain_request *request)
{
    struct mpi_request *mine = open_request(request);
    struct mpi_state *state = state_of(request->comm);
    while (mine->reduce.finished < mine->reduce.chunks) {
        int done = 0;
        enum vain_status status =
            check(MPI_Test(&mine->reduce.handles[mine->reduce.finished % CHUNKS_UNDER_WAY], &done,
                           MPI_STATUS_IGNORE),
                  "all-reduce");
        if (status == VAIN_OK && !done)
            return VAIN_AGAIN;
        mine->reduce.finished++;
        if (status == VAIN_OK)
            status = post_chunks(request->comm, mine);
        if (status != VAIN_OK) {
            unlink_open(request);
            return status;
        }
    }
    state->reducing = false;
    unlink_open(request);
    return VAIN_OK;
}

/* ---- abort, split, close --------------------------------------------------------------------- */

/* Gives up an open request. A receive is taken back; a send or an all-reduce under way is not, see
 * transport.h. */
static void let_go(struct mpi_request *mine)
{
    if (mine->kind == REDUCE)
        return;
    int done = 0;
    if (mine->kind == MESSAGE_RECEIVE)
        MPI_Cancel(&mine->message.handle);
    MPI_Test(&mine->message.handle, &done, MPI_STATUS_IGNORE);
    if (!done)
        MPI_Request_free(&mine->message.handle);
    free_type(mine);
}

/* Looks for the end of this communicator and of those it was split from. */
static bool is_aborted(struct vain_comm *comm)
{
    for (struct mpi_state *state = state_of(comm); state != NULL; state = state->parent) {
        MPI_Status result;
        int done = 0;
        if (state->aborted_by < 0 && state->abort_receive != MPI_REQUEST_NULL &&
            MPI_Test(&state->abort_receive, &done, &result) == MPI_SUCCESS && done)
            state->aborted_by = result.MPI_SOURCE;
    }
    return aborted_by(comm) >= 0;
}

static enum vain_status mpi_test(struct vain_request *request)
{
    struct vain_comm *comm = request->comm;
    struct mpi_request *mine = open_request(request);
    const enum vain_status status =
        mine->kind == REDUCE ? test_reduce(request) : test_message(request);
    if (status != VAIN_AGAIN || !is_aborted(comm))
        return status;
    let_go(mine);
    unlink_open(request);
    return say_aborted(comm);
}

static void mpi_abort(struct vain_comm *comm)
{
    struct mpi_state *state = state_of(comm);
    if (is_aborted(comm))
        return;
    state->aborted_by = comm->rank;
    for (int rank = 0; rank < comm->size; rank++) {
        MPI_Request request;
        /* Empty, so it needs no buffer that would have to outlive this call. */
        if (rank != comm->rank &&
            MPI_Isend(NULL, 0, MPI_BYTE, rank, TAG_ABORT, state->comm, &request) == MPI_SUCCESS)
            MPI_Request_free(&request);
    }
}

static void release_state(struct mpi_state *state)
{
    while (state != NULL && --state->references == 0) {
        struct mpi_state *parent = state->parent;
        vain_release(state);
        state = parent;
    }
}

static void mpi_close(struct vain_comm *comm)
{
    struct mpi_state *state = state_of(comm);
    if (state != NULL) {
        for (struct mpi_request *open = state->open; open != NULL; open = open->next)
            let_go(open);
        if (state->abort_receive != MPI_REQUEST_NULL) {
            MPI_Cancel(&state->abort_receive);
            MPI_Wait(&state->abort_receive, MPI_STATUS_IGNORE);
        }
        /* No MPI_Comm_free: a message that nobody received may still come, and would meet the next
         * communicator that gets the same number (seen with Open MPI 4.1: its ranks wait for ever).
         * MPI_Finalize frees the few there are. */
        release_state(state);
    }
    vain_comm_empty(comm);
}

static enum vain_status mpi_split(struct vain_comm *comm, int colour, struct vain_comm *out);

static const struct vain_transport_ops mpi_ops = {
    .name = "mpi",
    .device_buffers = false,
    .post_send = mpi_post_send,
    .post_receive = mpi_post_receive,
    .test = mpi_test,
    .post_all_reduce = mpi_post_all_reduce,
    .split = mpi_split,
    .abort = mpi_abort,
    .close = mpi_close,
};

/* Takes `handle`. */
static enum vain_status wrap(MPI_Comm handle, struct mpi_state *parent, struct vain_comm *out)
{
    struct mpi_state *state = NULL;
    *out = (struct vain_comm){.ops = &mpi_ops};
    VAIN_TRY(check(MPI_Comm_set_errhandler(handle, MPI_ERRORS_RETURN), "communicator"));
    VAIN_TRY(vain_take(sizeof *state, "mpi communicator", (void **)&state));
    state->comm = handle;
    state->references = 1;
    state->aborted_by = -1;
    const enum vain_status status = check(
        MPI_Irecv(NULL, 0, MPI_BYTE, MPI_ANY_SOURCE, TAG_ABORT, handle, &state->abort_receive),
        "communicator");
    if (status != VAIN_OK) {
        vain_release(state);
        return status;
    }
    state->parent = parent;
    if (parent != NULL)
        parent->references++;
    out->state = state;
    MPI_Comm_rank(handle, &out->rank);
    MPI_Comm_size(handle, &out->size);
    return VAIN_OK;
}

static enum vain_status mpi_split(struct vain_comm *comm, int colour, struct vain_comm *out)
{
    MPI_Comm handle = MPI_COMM_NULL;
    *out = (struct vain_comm){.ops = &mpi_ops};
    VAIN_TRY(check(MPI_Comm_split(state_of(comm)->comm, colour < 0 ? MPI_UNDEFINED : colour,
                                  comm->rank, &handle),
                   "split"));
    return handle == MPI_COMM_NULL ? VAIN_OK : wrap(handle, state_of(comm), out);
}

/* ---- the world ------------------------------------------------------------------------------- */

enum vain_status vain_mpi_init(void)
{
    int granted = MPI_THREAD_SINGLE;
    VAIN_TRY(check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &granted), "start"));
    if (granted < MPI_THREAD_FUNNELED)
        return vain_fail(VAIN_ERR_UNAVAILABLE,
                         "mpi: this MPI library allows no threads beside its own (level %d); build "
                         "it with thread support",
                         granted);
    return check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "start");
}

enum vain_status vain_mpi_comm_open(struct vain_comm *out)
{
    MPI_Comm handle = MPI_COMM_NULL;
    *out = (struct vain_comm){.ops = &mpi_ops};
    VAIN_TRY(check(MPI_Comm_dup(MPI_COMM_WORLD, &handle), "communicator"));
    return wrap(handle, NULL, out);
}

void vain_mpi_finalize(void)
{
    MPI_Finalize();
}

void vain_mpi_abort(int exit_code)
{
    MPI_Abort(MPI_COMM_WORLD, exit_code);
}
