/* From real numbers to integers and back, the same on every device.
 *
 * Only exact or correctly rounded operations of binary32, nothing that a compiler may contract.
 * Stands in a header because the CPU and CUDA twins both compile it. Scales are powers of two, so
 * x * scale is exact unless it leaves the range of binary32. */
#pragma once

#include <math.h>
#include <stdint.h>

#include "base/philox.h"

/* Round y to the nearest integer, ties to even, and saturate to [-limit, limit]. NaN must have been
 * stopped before. */
VAIN_DEVICE_INLINE int32_t vain_round_nearest(float y, int32_t limit)
{
    const float r = rintf(y);
    if (r >= (float)limit)
        return limit;
    if (r <= -(float)limit)
        return -limit;
    return (int32_t)r;
}

/* Round y up with probability of its fraction: u24 is uniform in [0, 2^24). Caller keeps |y| below
 * 2^31. */
VAIN_DEVICE_INLINE int32_t vain_round_stochastic(float y, uint32_t u24)
{
    const float whole = floorf(y);
    const float fraction = y - whole;
    return (int32_t)whole + ((float)u24 < fraction * 16777216.0f ? 1 : 0);
}

/* 2^exponent as binary32, for -126 <= exponent <= 127. */
VAIN_DEVICE_INLINE float vain_power_of_two(int exponent)
{
    union {
        uint32_t bits;
        float value;
    } u;
    u.bits = (uint32_t)(exponent + 127) << 23;
    return u.value;
}
