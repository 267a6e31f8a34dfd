/* Messages, sums, splits, aborts and deadlines. */
#include <sched.h>
#include <string.h>

#include "base/memory.h"
#include "tests/mpi/ranks.h"

/* ---- sums ------------------------------------------------------------------------------------ */

static void sum_of(struct ranks *ranks, int64_t count)
{
    struct vain_comm *comm = &ranks->comm;
    uint32_t *words = NULL;
    struct vain_request request = {0};
    int64_t wrong = 0;
    EXPECT_OK(ranks, vain_take_array(count + 1, sizeof *words, "words", (void **)&words));
    for (int64_t i = 0; i < count; i++)
        words[i] = ranks_word(comm->rank, i);
    words[count] = 0x5eed5eed;
    EXPECT_OK(ranks, comm->ops->post_all_reduce(comm, words, count, &request));
    EXPECT_OK(ranks, vain_request_wait(&request, &ranks->world, 0, "sum"));
    for (int64_t i = 0; i < count; i++) {
        uint32_t expected = 0;
        for (int rank = 0; rank < comm->size; rank++)
            expected += ranks_word(rank, i);
        wrong += words[i] != expected;
    }
    EXPECT(ranks, wrong == 0);
    EXPECT(ranks, words[count] == 0x5eed5eed);
    EXPECT(ranks, request.comm == NULL);
    vain_release(words);
}

static void sums_are_exact(struct ranks *ranks)
{
    /* Around the chunks of both transports (8192 and 2^20 words), and one after another. */
    static const int64_t counts[] = {0, 1, 2, 7, 1023, 1025, 8191, 8192, 8193, 70000};
    if (ranks->comm.ops->post_all_reduce == NULL)
        return;
    for (size_t i = 0; i < VAIN_COUNT_OF(counts); i++)
        sum_of(ranks, counts[i]);
    if (ranks->comm.size <= 3)
        sum_of(ranks, 3 * ((int64_t)1 << 20) + 11);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void fill(unsigned char *bytes, size_t count, int seed)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)ranks_word(seed, (int64_t)i);
}

static size_t differences(const unsigned char *bytes, size_t count, int seed)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += bytes[i] != (unsigned char)ranks_word(seed, (int64_t)i);
    return wrong;
}

/* Each rank gives `bytes` to the next one and takes as many from the one before. */
static void pass_on(struct ranks *ranks, size_t bytes)
{
    struct vain_comm *comm = &ranks->comm;
    const int next = (comm->rank + 1) % comm->size;
    const int last = (comm->rank + comm->size - 1) % comm->size;
    unsigned char *out = NULL, *in = NULL;
    struct vain_request requests[2] = {{0}, {0}};
    EXPECT_OK(ranks, vain_take(bytes + 1, "out", (void **)&out));
    EXPECT_OK(ranks, vain_take(bytes + 1, "in", (void **)&in));
    fill(out, bytes, comm->rank);
    in[bytes] = 0x77;
    EXPECT_OK(ranks, comm->ops->post_send(comm, next, 9, out, bytes, &requests[0]));
    EXPECT_OK(ranks, comm->ops->post_receive(comm, last, 9, in, bytes, &requests[1]));
    EXPECT_OK(ranks, vain_request_wait_all(comm, requests, 2, &ranks->world, 0, "passing on"));
    EXPECT(ranks, differences(in, bytes, last) == 0);
    EXPECT(ranks, in[bytes] == 0x77);
    vain_release(out);
    vain_release(in);
}

static void messages_arrive_whole(struct ranks *ranks)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000, 3000000};
    if (ranks->comm.size == 1)
        return;
    for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i++)
        pass_on(ranks, sizes[i]);
    if (ranks->comm.size == 2)
        pass_on(ranks, ((size_t)64 << 20) + 5); /* mpi: beyond a plain count of bytes */
}

/* Three messages each under two tags, received in another order of tags. */
static void equal_tags_keep_their_order(struct ranks *ranks)
{
    enum { MESSAGES = 3, LONG = 5000 };
    struct vain_comm *comm = &ranks->comm;
    static const size_t lengths[MESSAGES] = {8, LONG, 16};
    unsigned char *out[2][MESSAGES], *in[2][MESSAGES];
    struct vain_request sends[2 * MESSAGES] = {{0}}, receives[2 * MESSAGES] = {{0}};
    if (comm->size == 1)
        return;
    const int next = (comm->rank + 1) % comm->size;
    const int last = (comm->rank + comm->size - 1) % comm->size;
    for (int i = 0; i < 2 * MESSAGES; i++) {
        const int tag = i % 2, number = i / 2;
        EXPECT_OK(ranks, vain_take(LONG, "out", (void **)&out[tag][number]));
        EXPECT_OK(ranks, vain_take(LONG, "in", (void **)&in[tag][number]));
        fill(out[tag][number], lengths[number], 100 * comm->rank + i);
        EXPECT_OK(ranks, comm->ops->post_send(comm, next, 10 + (uint32_t)tag, out[tag][number],
                                              lengths[number], &sends[i]));
    }
    for (int tag = 1; tag >= 0; tag--)
        for (int number = 0; number < MESSAGES; number++)
            EXPECT_OK(ranks,
                      comm->ops->post_receive(comm, last, 10 + (uint32_t)tag, in[tag][number],
                                              lengths[number], &receives[MESSAGES * tag + number]));
    EXPECT_OK(ranks, vain_request_wait_all(comm, receives, 2 * MESSAGES, &ranks->world, 0, "in"));
    EXPECT_OK(ranks, vain_request_wait_all(comm, sends, 2 * MESSAGES, &ranks->world, 0, "out"));
    for (int i = 0; i < 2 * MESSAGES; i++) {
        const int tag = i % 2, number = i / 2;
        EXPECT(ranks, differences(in[tag][number], lengths[number], 100 * last + i) == 0);
        vain_release(out[tag][number]);
        vain_release(in[tag][number]);
    }
}

/* Rank 0 sends to rank 1, which expects another length. */
static void mismatch(struct ranks *ranks, size_t sent, size_t expected)
{
    struct vain_comm *comm = &ranks->comm;
    static const unsigned char out[100000];
    struct vain_request request = {0};
    if (comm->rank == 0) {
        EXPECT_OK(ranks, comm->ops->post_send(comm, 1, 12, out, sent, &request));
        EXPECT_OK(ranks, vain_request_wait(&request, &ranks->world, 0, "send"));
    } else if (comm->rank == 1) {
        unsigned char *in = NULL;
        EXPECT_OK(ranks, vain_take(100000, "in", (void **)&in));
        EXPECT_OK(ranks, comm->ops->post_receive(comm, 0, 12, in, expected, &request));
        EXPECT_STATUS(ranks, VAIN_ERR_PEER,
                      vain_request_wait(&request, &ranks->world, 0, "receive"));
        EXPECT(ranks, strstr(vain_fail_message(), "rank 0") != NULL);
        vain_release(in);
    }
}

static void wrong_lengths_are_refused(struct ranks *ranks)
{
    if (ranks->comm.size == 1)
        return;
    mismatch(ranks, 10, 20);
    mismatch(ranks, 20, 10);
    mismatch(ranks, 90000, 100000);
    mismatch(ranks, 0, 1);
}

/* ---- small collectives ----------------------------------------------------------------------- */

static void all_gather_gives_rank_order(struct ranks *ranks)
{
    enum { BYTES = 777 };
    struct vain_comm *comm = &ranks->comm;
    unsigned char mine[BYTES], *all = NULL;
    EXPECT_OK(ranks, vain_take_array(comm->size, BYTES, "all", (void **)&all));
    fill(mine, BYTES, comm->rank);
    for (int turn = 0; turn < 3; turn++) {
        memset(all, 0, (size_t)comm->size * BYTES);
        EXPECT_OK(ranks,
                  vain_comm_all_gather(comm, &ranks->world, 0, VAIN_TAG_START, mine, BYTES, all));
        for (int rank = 0; rank < comm->size; rank++)
            EXPECT(ranks, differences(all + rank * BYTES, BYTES, rank) == 0);
    }
    vain_release(all);
}

static void broadcast_from_every_root(struct ranks *ranks)
{
    enum { BYTES = 10007 };
    struct vain_comm *comm = &ranks->comm;
    unsigned char *bytes = NULL;
    EXPECT_OK(ranks, vain_take(BYTES, "bytes", (void **)&bytes));
    for (int root = 0; root < comm->size; root++) {
        fill(bytes, BYTES, comm->rank == root ? 50 + root : 90);
        EXPECT_OK(ranks, vain_comm_broadcast(comm, &ranks->world, 0, root, bytes, BYTES));
        EXPECT(ranks, differences(bytes, BYTES, 50 + root) == 0);
    }
    vain_release(bytes);
}

/* A rank that has left a barrier says so to the next one, which must not hear it before it has come
 * to the barrier itself. The ranks come after different numbers of turns. */
static void nobody_leaves_a_barrier_early(struct ranks *ranks)
{
    enum { TURNS = 6, TAG = 14, LONGEST = 400 };
    struct vain_comm *comm = &ranks->comm;
    const int next = (comm->rank + 1) % comm->size;
    const int last = (comm->rank + comm->size - 1) % comm->size;
    for (int turn = 0; turn < TURNS && comm->size > 1; turn++) {
        struct vain_request requests[2] = {{0}, {0}};
        int left = turn, heard = -1, early = 0;
        EXPECT_OK(ranks,
                  comm->ops->post_receive(comm, last, TAG, &heard, sizeof heard, &requests[0]));
        for (int i = 0; i < LONGEST * ((comm->rank + turn) % comm->size); i++) {
            if (requests[0].comm != NULL)
                early += comm->ops->test(&requests[0]) != VAIN_AGAIN;
            sched_yield();
        }
        EXPECT(ranks, early == 0);
        EXPECT_OK(ranks, vain_comm_barrier(comm, &ranks->world, 0));
        EXPECT_OK(ranks, comm->ops->post_send(comm, next, TAG, &left, sizeof left, &requests[1]));
        EXPECT_OK(ranks, vain_request_wait_all(comm, requests, 2, &ranks->world, 0, "turn"));
        EXPECT(ranks, heard == turn);
    }
    EXPECT_OK(ranks, vain_comm_barrier(comm, &ranks->world, 0));
}

/* ---- split ----------------------------------------------------------------------------------- */

static void split_orders_by_rank(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    struct vain_comm part = {0};
    int expected_rank = 0, expected_size = 0;
    EXPECT_OK(ranks, comm->ops->split(comm, comm->rank % 2, &part));
    for (int rank = 0; rank < comm->size; rank++) {
        expected_rank += rank % 2 == comm->rank % 2 && rank < comm->rank;
        expected_size += rank % 2 == comm->rank % 2;
    }
    EXPECT(ranks, part.rank == expected_rank);
    EXPECT(ranks, part.size == expected_size);
    uint32_t mine = (uint32_t)comm->rank, all[16];
    EXPECT_OK(ranks, vain_comm_all_gather(&part, &ranks->world, 0, VAIN_TAG_START, &mine,
                                          sizeof mine, all));
    for (int rank = 0; rank < part.size; rank++)
        EXPECT(ranks, all[rank] == (uint32_t)(comm->rank % 2 + 2 * rank));
    part.ops->close(&part);
    EXPECT(ranks, part.size == 0);
}

static void a_negative_colour_stays_out(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    struct vain_comm part = {0};
    EXPECT_OK(ranks, comm->ops->split(comm, comm->rank == 0 ? 7 : -1, &part));
    EXPECT(ranks, part.size == (comm->rank == 0 ? 1 : 0));
    EXPECT(ranks, part.ops != NULL);
    part.ops->close(&part);
}

/* ---- abort and deadlines --------------------------------------------------------------------- */

/* Rank 0 ends the common work; all others wait for what never comes. */
static void abort_releases_those_who_wait(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    struct vain_request request = {0};
    unsigned char byte = 0;
    if (comm->size == 1)
        return;
    if (comm->rank == 0) {
        comm->ops->abort(comm);
        comm->ops->abort(comm);
    }
    if (comm->rank == 1)
        EXPECT_STATUS(ranks, VAIN_ERR_PEER, vain_comm_barrier(comm, &ranks->world, 0));
    /* A rank that knows already cannot even post. */
    enum vain_status status =
        comm->ops->post_receive(comm, (comm->rank + 1) % comm->size, 15, &byte, 1, &request);
    EXPECT(ranks, (status == VAIN_OK) == (request.comm != NULL));
    EXPECT(ranks, comm->rank > 1 || status == VAIN_ERR_PEER);
    if (status == VAIN_OK)
        status = vain_request_wait(&request, &ranks->world, 0, "never");
    EXPECT(ranks, status == VAIN_ERR_PEER);
    EXPECT(ranks, strstr(vain_fail_message(), "rank 0 ended") != NULL ||
                      strstr(vain_fail_message(), "rank 1 ended") != NULL);
    EXPECT(ranks, request.comm == NULL);
}

/* A rank that fails knows its world only; the others may wait in a part of a part of it. */
static void an_abort_ends_what_was_split(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    struct vain_comm half = {0}, part = {0};
    if (comm->size == 1)
        return;
    EXPECT_OK(ranks, comm->ops->split(comm, 0, &half));
    EXPECT_OK(ranks, half.ops->split(&half, comm->rank == 0 ? 1 : 0, &part));
    /* All are out of the split before rank 0 goes on; the barrier itself may see its abort. */
    const enum vain_status met = vain_comm_barrier(comm, &ranks->world, 0);
    EXPECT(ranks, met == VAIN_OK || (met == VAIN_ERR_PEER && comm->rank != 0));
    if (comm->rank == 0) {
        comm->ops->abort(comm);
        EXPECT_STATUS(ranks, VAIN_ERR_PEER, vain_comm_barrier(&half, &ranks->world, 0));
    } else if (comm->rank == 1 && part.size > 1) {
        struct vain_request request = {0};
        unsigned char byte = 0;
        enum vain_status status = part.ops->post_receive(&part, 1, 19, &byte, 1, &request);
        if (status == VAIN_OK)
            status = vain_request_wait(&request, &ranks->world, 0, "never");
        EXPECT(ranks, status == VAIN_ERR_PEER);
        EXPECT_MESSAGE(ranks, "rank 0 ended");
    }
    part.ops->close(&part);
    if (comm->rank != 0)
        EXPECT_STATUS(ranks, VAIN_ERR_PEER, vain_comm_barrier(&half, &ranks->world, 0));
    half.ops->close(&half);
}

static void a_deadline_ends_a_wait(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    struct vain_comm quiet = {0};
    struct vain_request request = {0};
    unsigned char byte = 0;
    if (comm->size == 1)
        return;
    EXPECT_OK(ranks, comm->ops->split(comm, 0, &quiet));
    ranks->clock.step_ns = 1000000;
    EXPECT_OK(ranks, quiet.ops->post_receive(&quiet, (comm->rank + 1) % comm->size, 16, &byte, 1,
                                             &request));
    EXPECT_STATUS(ranks, VAIN_ERR_TIMEOUT,
                  vain_request_wait(&request, &ranks->world, 50, "a letter"));
    EXPECT(ranks, strstr(vain_fail_message(), "a letter: not done after 50 ms") != NULL);
    EXPECT(ranks, request.comm == &quiet);
    /* All have seen their own deadline before the first abort. */
    EXPECT_OK(ranks, vain_comm_barrier(comm, &ranks->world, 0));
    vain_request_abandon(&quiet, &request, 1);
    EXPECT(ranks, strstr(vain_fail_message(), "a letter") != NULL);
    EXPECT(ranks, request.comm == NULL);
    quiet.ops->close(&quiet);
}

static void a_collective_that_fails_ends_all(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    unsigned char mine = 1, *all = NULL;
    if (comm->size == 1)
        return;
    EXPECT_OK(ranks, vain_take((size_t)comm->size, "all", (void **)&all));
    ranks->clock.step_ns = 1000000;
    /* The last rank never comes: the first to notice ends it for all. */
    if (comm->rank < comm->size - 1) {
        const enum vain_status status =
            vain_comm_all_gather(comm, &ranks->world, 80, VAIN_TAG_START, &mine, 1, all);
        EXPECT(ranks, status == VAIN_ERR_TIMEOUT || status == VAIN_ERR_PEER);
    } else {
        EXPECT_STATUS(ranks, VAIN_ERR_PEER,
                      vain_comm_broadcast(comm, &ranks->world, 0, 0, &mine, 1));
    }
    vain_release(all);
}

/* Messages under way when their communicator is closed, kept memory among them. */
static void close_lets_go(struct ranks *ranks)
{
    struct vain_comm *comm = &ranks->comm;
    struct block {
        void *next;
        struct vain_request receive, send;
        unsigned char in, out;
    } *block = NULL;
    if (comm->size == 1)
        return;
    for (int turn = 0; turn < 2; turn++) {
        EXPECT_OK(ranks, vain_take(sizeof *block, "kept", (void **)&block));
        const enum vain_status asked = comm->ops->post_receive(comm, (comm->rank + 1) % comm->size,
                                                               17, &block->in, 1, &block->receive);
        const enum vain_status said = comm->ops->post_send(comm, (comm->rank + 1) % comm->size, 18,
                                                           &block->out, 1, &block->send);
        vain_comm_keep(comm, block);
        /* Over streams a rank that has left is seen to have left. */
        EXPECT(ranks, asked == VAIN_OK || asked == VAIN_ERR_PEER);
        EXPECT(ranks, said == VAIN_OK || said == VAIN_ERR_PEER);
    }
}

const struct ranks_case transport_cases[] = {
    {"transport: sums are exact modulo 2^32", sums_are_exact},
    {"transport: messages arrive whole", messages_arrive_whole},
    {"transport: equal tags keep their order", equal_tags_keep_their_order},
    {"transport: wrong lengths are refused", wrong_lengths_are_refused},
    {"transport: an all-gather gives rank order", all_gather_gives_rank_order},
    {"transport: a broadcast reaches all from every root", broadcast_from_every_root},
    {"transport: nobody leaves a barrier early", nobody_leaves_a_barrier_early},
    {"transport: a split orders by rank", split_orders_by_rank},
    {"transport: a negative colour stays out", a_negative_colour_stays_out},
    {"transport: an abort releases those who wait", abort_releases_those_who_wait},
    {"transport: an abort ends what was split from it", an_abort_ends_what_was_split},
    {"transport: a deadline ends a wait", a_deadline_ends_a_wait},
    {"transport: a collective that fails ends all", a_collective_that_fails_ends_all},
    {"transport: close lets go of what is open", close_lets_go},
    {NULL, NULL},
};
