/* Test cases that every rank of a communicator runs, over loop
 * (tests/unit/collectives/test_ranks.c) and over mpi (tests/mpi/main.c): the same assertions on
 * both.
 *
 * A case gets a communicator of its own, so that one that aborts it does not disturb the next. An
 * expectation that does not hold is written down in `failure` and ends nothing: the ranks must stay
 * in step. */
#pragma once

#include "collectives/transport.h"
#include "kernels/device.h"
#include "kernels/ops.h"
#include "tests/mpi/clock.h"

struct ranks {
    struct vain_comm comm; /* of this case */
    struct vain_world world;
    struct test_clock clock;
    struct vain_device device;
    struct vain_queue queue;
    char failure[400]; /* the first one; "": none */
};

#define EXPECT(ranks, condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ranks_failed(ranks, __FILE__, __LINE__, #condition);                                   \
    } while (0)
/* The status, and the last message of this thread if it is another one. */
#define EXPECT_STATUS(ranks, expected, call)                                                       \
    do {                                                                                           \
        const enum vain_status expect_status_ = (call);                                            \
        if (expect_status_ != (expected))                                                          \
            ranks_failed(ranks, __FILE__, __LINE__, vain_fail_message());                          \
    } while (0)
#define EXPECT_OK(ranks, call) EXPECT_STATUS(ranks, VAIN_OK, call)

/* The last message of this thread says this. */
#define EXPECT_MESSAGE(ranks, part)                                                                \
    do {                                                                                           \
        if (strstr(vain_fail_message(), part) == NULL)                                             \
            ranks_failed(ranks, __FILE__, __LINE__, vain_fail_message());                          \
    } while (0)

void ranks_failed(struct ranks *ranks, const char *file, int line, const char *what);

struct ranks_case {
    const char *name;
    void (*run)(struct ranks *ranks);
};
/* All cases, ended by a row with name NULL. */
extern const struct ranks_case transport_cases[], site_cases[], control_cases[], exchange_cases[],
    choose_cases[], probe_cases[];
extern const struct ranks_case *const ranks_tables[];
extern const int ranks_table_count;

/* Run one case on this rank: a communicator of its own from `world_comm`, a device, a clock.
 * Collective. ranks->failure says what did not hold. */
void ranks_run(struct vain_comm *world_comm, const struct ranks_case *test, struct ranks *ranks);

/* From now on time passes whenever it is asked for: 1 ms, and 5 ms where a rank sleeps between two
 * looks, so that it need not sleep a deadline through. Enough looks are left for who is there. */
void ranks_clock_runs(struct ranks *ranks);

/* A number for (rank, index) that any rank can compute. */
uint32_t ranks_word(int rank, int64_t index);
