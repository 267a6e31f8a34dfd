/* One member of `vain bench exchange`: what it measures, without options and output. */
#pragma once

#include "collectives/exchange.h"

enum { VAIN_BENCH_RUNS_MAX = 100 };

/* The same at all members. */
struct vain_bench_exchange {
    int64_t bytes; /* of all words: vector, counters and check word */
    int bits;      /* of a field: 32 or 16 */
    bool masked;
    bool own_masks; /* level 2: one more mask a member, taken off the sum; needs masked */
    enum vain_algorithm algorithm;
    int runs; /* measured ones; one more comes before them */
};

/* What is timed in each run. */
enum vain_bench_part {
    VAIN_BENCH_REDUCE,       /* summing ready words; masks, if any, in a pass before */
    VAIN_BENCH_CODEC,        /* encode and decode without masks */
    VAIN_BENCH_CODEC_MASKED, /* encode and decode as a round does it, masks in the same pass */
    VAIN_BENCH_MASKS,        /* all masks of ready words, nothing travels; 0 without masks */
    VAIN_BENCH_OPEN,         /* taking all members' own masks off the sum; 0 without */
    VAIN_BENCH_TRANSFER,     /* summing alone, and opening */
    VAIN_BENCH_CHECK,        /* the check word of the sum against its words */
    VAIN_BENCH_COMMITMENT,   /* committing to the words, a member's own; 0 without own masks */
    VAIN_BENCH_HASH,         /* Merkle root of the words */
    VAIN_BENCH_STREAM,       /* one mask of all words, on one thread: its processor time */
    VAIN_BENCH_PARTS
};

struct vain_bench_times {
    enum vain_algorithm algorithm; /* the one used */
    int64_t parameter_count;
    int threads;                                           /* of this member */
    double seconds[VAIN_BENCH_PARTS][VAIN_BENCH_RUNS_MAX]; /* each the slowest member's */
    bool all_know; /* of a failure: every member returned one, so all can leave in order */
};

/* Collective over `comm`, blocking. Every sum is verified: VAIN_ERR_NUMERIC for a wrong one.
 * `sharers` members have this one's cores, itself included. All memory is taken before the runs. */
enum vain_status vain_bench_member_run(const struct vain_bench_exchange *options,
                                       struct vain_comm *comm, int sharers,
                                       struct vain_bench_times *out) VAIN_MUST_USE;
