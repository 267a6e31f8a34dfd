/* Whole numbers and draws as the parts of a memory keep and make them.
 *
 * A memory is one vector of floats, so that the member's file holds it like any other vector. A
 * whole number below 2^48 is kept as two floats, value = high * 2^24 + low: both are whole numbers
 * below 2^24, which binary32 holds exactly on every machine, and a person can read them in the
 * file. */
#pragma once

#include "base/philox.h"
#include "base/status.h"

enum { VAIN_MEMORY_HALF = 1 << 24 };
#define VAIN_MEMORY_INTEGER_MAX (((int64_t)1 << 48) - 1)

/* value in [0, VAIN_MEMORY_INTEGER_MAX]. */
static inline void vain_memory_put_integer(float *two, int64_t value)
{
    VAIN_ASSERT(value >= 0 && value <= VAIN_MEMORY_INTEGER_MAX);
    const int64_t high = value / VAIN_MEMORY_HALF, low = value % VAIN_MEMORY_HALF;
    two[0] = (float)high;
    two[1] = (float)low;
}

/* Whether one float is a whole number in [0, limit); false for NaN. limit is at most 2^24. */
static inline bool vain_memory_is_whole(float value, int64_t limit)
{
    return value >= 0 && value < (float)limit && (float)(int64_t)value == value;
}

/* Of two floats that a memory's check has passed. */
static inline int64_t vain_memory_get_integer(const float *two)
{
    return (int64_t)two[0] * VAIN_MEMORY_HALF + (int64_t)two[1];
}

/* Whether two floats are such a number and not above `most`. */
static inline bool vain_memory_is_integer(const float *two, int64_t most)
{
    return vain_memory_is_whole(two[0], VAIN_MEMORY_HALF) &&
           vain_memory_is_whole(two[1], VAIN_MEMORY_HALF) && vain_memory_get_integer(two) <= most;
}

/* Draws one after the other from a stream at `number`; a plain value. */
struct vain_memory_draw {
    struct vain_random random;
    uint32_t purpose; /* parts draws for different ends at one number */
    uint64_t number, next;
};

/* Uniform in [0, bound), bound >= 1: exactly, by rejection. */
static inline int64_t vain_memory_draw_below(struct vain_memory_draw *draw, int64_t bound)
{
    const uint64_t range = (uint64_t)bound, limit = UINT64_MAX - UINT64_MAX % range;
    for (;;) {
        uint32_t words[4];
        vain_random_block(draw->random, draw->purpose << 24 | (uint32_t)(draw->number >> 32),
                          (uint32_t)draw->number, draw->next++, words);
        const uint64_t value = (uint64_t)words[0] << 32 | words[1];
        if (value < limit)
            return (int64_t)(value % range);
    }
}

/* Uniform in [0, 1) with 53 bits. */
static inline double vain_memory_draw_unit(struct vain_memory_draw *draw)
{
    const int64_t bits = vain_memory_draw_below(draw, (int64_t)1 << 53);
    return (double)bits / (double)((int64_t)1 << 53);
}
