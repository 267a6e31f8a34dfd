#include "tests/mpi/ranks.h"

#include <stdio.h>
#include <string.h>

const struct ranks_case *const ranks_tables[] = {transport_cases, site_cases,   control_cases,
                                                 exchange_cases,  choose_cases, probe_cases};
const int ranks_table_count = (int)VAIN_COUNT_OF(ranks_tables);

void ranks_failed(struct ranks *ranks, const char *file, int line, const char *what)
{
    if (ranks->failure[0] == '\0')
        snprintf(ranks->failure, sizeof ranks->failure, "rank %d of %d: %s:%d: %s",
                 ranks->comm.rank, ranks->comm.size, file, line, what);
}

void ranks_clock_runs(struct ranks *ranks)
{
    ranks->clock.step_ns = ranks->comm.ops->wait != NULL ? 5000000 : 1000000;
}

uint32_t ranks_word(int rank, int64_t index)
{
    /* SplitMix64's finaliser (Steele, Lea, Flood 2014). */
    uint64_t x = (uint64_t)index * 0x9e3779b97f4a7c15u + (uint64_t)(rank + 1) * 0xd1b54a32d192ed03u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(x ^ x >> 31);
}

void ranks_run(struct vain_comm *world_comm, const struct ranks_case *test, struct ranks *ranks)
{
    memset(ranks, 0, sizeof *ranks);
    vain_fail_clear();
    test_clock_world(&ranks->clock, &ranks->world);
    EXPECT_OK(ranks, vain_device_open_cpu(1, NULL, &ranks->device));
    ranks->queue.device = &ranks->device;
    EXPECT_OK(ranks, world_comm->ops->split(world_comm, 0, &ranks->comm));
    if (ranks->failure[0] == '\0')
        test->run(ranks);
    if (ranks->comm.ops != NULL)
        ranks->comm.ops->close(&ranks->comm);
    vain_device_close(&ranks->device);
}
