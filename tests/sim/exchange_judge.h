/* What is right, worked out without the code under test: the numbers that members put in, and what
 * those who report success must hold. */
#pragma once

#include "collectives/codec.h"

enum {
    JUDGE_MEMBERS_MAX = 1024,
    JUDGE_PARAMETERS_MAX = 2000,
    JUDGE_BLOCK_BYTES_MAX = 64,
    JUDGE_WHY_BYTES = 400
};

struct judge {
    uint64_t seed;
    int members;
    int64_t parameters;
    size_t block_bytes;
    int round; /* of `sums`; -1: none yet */
    int32_t sums[JUDGE_PARAMETERS_MAX];
    char why[JUDGE_WHY_BYTES]; /* the first thing that is wrong; "": nothing */
};
/* The integer that a member puts in: within +-7, so that it fits whatever the members. */
int32_t judge_input(const struct judge *judge, int member, int round, int64_t index);
int64_t judge_weight(int member, int round);
/* Byte `i` of what it gives to all in the gather. */
uint8_t judge_block(const struct judge *judge, int member, int round, size_t i);

/* Something is wrong: kept if it is the first. */
void judge_says(struct judge *judge, const char *format, ...) VAIN_FORMAT(2, 3);
/* A member reports success of a round: its mean (parameters) of integers at 2^scale_exponent, its
 * counters. */
void judge_sum(struct judge *judge, int member, int round, int scale_exponent, const float *mean,
               const struct vain_counters *counters);
/* Its blocks (members, block_bytes). */
void judge_blocks(struct judge *judge, int member, int round, const uint8_t *blocks);
