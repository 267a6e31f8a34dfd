/* The cases of tests/mpi over loop: every rank is a thread. */
#include "tests/mpi/ranks.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite.h"

struct rank_thread {
    pthread_t thread;
    struct vain_loop_hub *hub;
    const struct ranks_case *test;
    int rank;
    struct ranks ranks;
};

static void *run_rank(void *context)
{
    struct rank_thread *own = context;
    struct vain_comm world_comm;
    if (vain_loop_comm_open(own->hub, own->rank, &world_comm) != VAIN_OK) {
        snprintf(own->ranks.failure, sizeof own->ranks.failure, "%s", vain_fail_message());
        return NULL;
    }
    ranks_run(&world_comm, own->test, &own->ranks);
    world_comm.ops->close(&world_comm);
    return NULL;
}

static void run_case(const struct ranks_case *test, int size)
{
    static struct rank_thread threads[8];
    struct vain_loop_hub *hub = NULL;
    CU_ASSERT_EQUAL_FATAL(vain_loop_hub_open(size, &hub), VAIN_OK);
    for (int rank = 0; rank < size; rank++) {
        threads[rank] = (struct rank_thread){.hub = hub, .test = test, .rank = rank};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[rank].thread, NULL, run_rank, &threads[rank]),
                              0);
    }
    for (int rank = 0; rank < size; rank++) {
        pthread_join(threads[rank].thread, NULL);
        if (threads[rank].ranks.failure[0] != '\0')
            printf("\n    %s: %s\n", test->name, threads[rank].ranks.failure);
        CU_ASSERT_STRING_EQUAL(threads[rank].ranks.failure, "");
    }
    vain_loop_hub_close(&hub);
    CU_ASSERT_PTR_NULL(hub);
}

static void run_table(const struct ranks_case *table)
{
    static const int sizes[] = {1, 2, 3, 4, 5, 8};
    for (const struct ranks_case *test = table; test->name != NULL; test++) {
        for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i++)
            run_case(test, sizes[i]);
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

static const struct vain_test tests[] = {
    {"transport: all cases at 1, 2, 3, 4, 5, 8 ranks", transport_over_loop},
    {"site: all cases at 1, 2, 3, 4, 5, 8 ranks", site_over_loop},
    {"control: all cases at 1, 2, 3, 4, 5, 8 ranks", control_over_loop},
    {"exchange: all cases at 1, 2, 3, 4, 5, 8 ranks", exchange_over_loop},
    {"choose: all cases at 1, 2, 3, 4, 5, 8 ranks", choose_over_loop},
    {NULL, NULL},
};
const struct vain_suite vain_suite_ranks = {"ranks over loop", tests};
