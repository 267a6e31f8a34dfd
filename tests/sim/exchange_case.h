/* One seed of the simulated exchange: draws the members, the job and the world, runs, judges. */
#pragma once

#include "kernels/ops.h"
#include "tests/sim/exchange_judge.h"

struct exchange_wish {
    int members, rounds; /* 0: by the seed */
    bool verbose;
};
struct exchange_result {
    char why[JUDGE_WHY_BYTES]; /* "": all as it should be */
    uint64_t trace, events, virtual_ms;
    int members, succeeded;
    bool harmed; /* something was lost: members may fail */
};
/* queue: borrowed. */
enum vain_status exchange_case_run(uint64_t seed, const struct exchange_wish *wish,
                                   struct vain_queue *queue,
                                   struct exchange_result *out) VAIN_MUST_USE;
