/* The cases of tests/mpi over loop and over stream: every rank is a thread. */
#include "tests/mpi/ranks.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/collectives/pipes.h"
#include "tests/unit/suite.h"

struct rank_thread {
    pthread_t thread;
    struct vain_loop_hub *hub; /* NULL: over pipes */
    const struct pipes *pipes;
    const struct ranks_case *test;
    int rank;
    struct ranks ranks;
};

static enum vain_status open_comm(const struct rank_thread *own, struct vain_comm *out)
{
    struct vain_stream *streams[PIPES_RANKS_MAX * PIPES_CONNECTIONS_MAX];
    if (own->hub != NULL)
        return vain_loop_comm_open(own->hub, own->rank, out);
    const struct vain_stream_links links = {.rank = own->rank,
                                            .size = own->pipes->size,
                                            .connections = own->pipes->connections,
                                            .streams = streams};
    pipes_of(own->pipes, own->rank, streams);
    return vain_stream_comm_open(&links, out);
}

static void *run_rank(void *context)
{
    struct rank_thread *own = context;
    struct vain_comm world_comm;
    if (open_comm(own, &world_comm) != VAIN_OK) {
        snprintf(own->ranks.failure, sizeof own->ranks.failure, "%s", vain_fail_message());
        return NULL;
    }
    ranks_run(&world_comm, own->test, &own->ranks);
    world_comm.ops->close(&world_comm);
    return NULL;
}

static void run_threads(const struct ranks_case *test, int size, struct vain_loop_hub *hub,
                        const struct pipes *pipes)
{
    static struct rank_thread threads[8];
    for (int rank = 0; rank < size; rank++) {
        threads[rank] =
            (struct rank_thread){.hub = hub, .pipes = pipes, .test = test, .rank = rank};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[rank].thread, NULL, run_rank, &threads[rank]),
                              0);
    }
    for (int rank = 0; rank < size; rank++) {
        pthread_join(threads[rank].thread, NULL);
        if (threads[rank].ranks.failure[0] != '\0')
            printf("\n    %s: %s\n", test->name, threads[rank].ranks.failure);
        CU_ASSERT_STRING_EQUAL(threads[rank].ranks.failure, "");
    }
}

static void run_case(const struct ranks_case *test, int size)
{
    struct vain_loop_hub *hub = NULL;
    CU_ASSERT_EQUAL_FATAL(vain_loop_hub_open(size, &hub), VAIN_OK);
    run_threads(test, size, hub, NULL);
    vain_loop_hub_close(&hub);
    CU_ASSERT_PTR_NULL(hub);
}

static const int sizes[] = {3, 1, 2, 4, 5, 8};

static void run_table(const struct ranks_case *table)
{
    for (const struct ranks_case *test = table; test->name != NULL; test++) {
        for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i += VAIN_TEST_STRIDE)
            run_case(test, sizes[i]);
    }
}

/* With one connection a pair and with three, whole and in pieces of a prime number of bytes, in
 * turns. */
static void run_table_over_stream(const struct ranks_case *table)
{
    int turn = 0;
    for (const struct ranks_case *test = table; test->name != NULL; test++) {
        for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i += VAIN_TEST_STRIDE) {
            static struct pipes pipes;
            const int size = sizes[i];
            const bool many = ++turn % 2 == 0;
            CU_ASSERT_TRUE_FATAL(pipes_open(&pipes, size, many ? 3 : 1, many ? 4999 : 1 << 20));
            run_threads(test, size, NULL, &pipes);
        }
    }
}

static void transport_over_loop(void)
{
    run_table(transport_cases);
}
static void site_over_loop(void)
{
    run_table(site_cases);
}
static void control_over_loop(void)
{
    run_table(control_cases);
}
static void exchange_over_loop(void)
{
    run_table(exchange_cases);
}
static void choose_over_loop(void)
{
    run_table(choose_cases);
}
static void probe_over_loop(void)
{
    run_table(probe_cases);
}

static void transport_over_stream(void)
{
    run_table_over_stream(transport_cases);
}
static void site_over_stream(void)
{
    run_table_over_stream(site_cases);
}
static void control_over_stream(void)
{
    run_table_over_stream(control_cases);
}
static void exchange_over_stream(void)
{
    run_table_over_stream(exchange_cases);
}
static void probe_over_stream(void)
{
    run_table_over_stream(probe_cases);
}

static const struct vain_test tests[] = {
    {"transport: all cases at 1, 2, 3, 4, 5, 8 ranks", transport_over_loop},
    {"site: all cases at 1, 2, 3, 4, 5, 8 ranks", site_over_loop},
    {"control: all cases at 1, 2, 3, 4, 5, 8 ranks", control_over_loop},
    {"exchange: all cases at 1, 2, 3, 4, 5, 8 ranks", exchange_over_loop},
    {"choose: all cases at 1, 2, 3, 4, 5, 8 ranks", choose_over_loop},
    {"probe: all cases at 1, 2, 3, 4, 5, 8 ranks", probe_over_loop},
    {"stream: transport: all cases at 1, 2, 3, 4, 5, 8 ranks", transport_over_stream},
    {"stream: site: all cases at 1, 2, 3, 4, 5, 8 ranks", site_over_stream},
    {"stream: control: all cases at 1, 2, 3, 4, 5, 8 ranks", control_over_stream},
    {"stream: exchange: all cases at 1, 2, 3, 4, 5, 8 ranks", exchange_over_stream},
    {"stream: probe: all cases at 1, 2, 3, 4, 5, 8 ranks", probe_over_stream},
    {NULL, NULL},
};
const struct vain_suite vain_suite_ranks = {"ranks over loop and stream", tests};
