/* A pair of streams in memory without descriptors: each call moves a few bytes, or none, as a seed
 * says, and each way can be cut after any byte. */
#pragma once

#include "base/stream.h"

enum { TRICKLE_ROOM = 8192 /* bytes that a way holds */ };

struct trickle_way {
    uint8_t bytes[TRICKLE_ROOM];
    size_t first, waiting;
    uint64_t passed, cut; /* bytes read; no more than `cut` ever are */
    bool broken;          /* the cut is an error, not an end in order */
};
struct trickle {
    struct vain_stream ends[2]; /* end e writes on way e and reads on way 1 - e */
    struct trickle_way ways[2];
    bool closed[2];
    uint64_t random;
    size_t piece; /* most bytes of a call */
};
/* Lives until both ends are closed or forgotten; takes no memory. */
void trickle_open(struct trickle *trickle, uint64_t seed, size_t piece);
/* A step of a fixed sequence of numbers (SplitMix64). */
uint64_t trickle_random(uint64_t *state);
