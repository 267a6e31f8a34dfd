/* One seed of a simulated federation: draws the members' way of working and the world, runs, calms
 * the world, waits for the end, judges. */
#pragma once

#include "kernels/ops.h"
#include "tests/sim/exchange_judge.h"

struct federation_wish {
    int members, rounds;
    int level; /* 0: by the seed */
    int lies;  /* enum liar_about, and in every world; -1: by the seed */
    bool real_keys, verbose;
};
struct federation_result {
    char why[JUDGE_WHY_BYTES]; /* "": all as it should be */
    uint64_t trace, events, virtual_ms;
    int crashes, failed_attempts, suspicions, fetches, lost;
    int lies, lies_about_masks; /* of all lies but those in letters */
    int lies_in_letters;
    int named; /* attempts whose statements have shown who lied */
};
/* queue: borrowed. */
enum vain_status federation_run(uint64_t seed, const struct federation_wish *wish,
                                struct vain_queue *queue,
                                struct federation_result *out) VAIN_MUST_USE;
