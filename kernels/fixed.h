/* One element's way into an integer and back, for both twins (base/rounding.h).
 *
 * Only correctly rounded operations in the order written here; compilers may not contract them. */
#pragma once

#include "base/rounding.h"
#include "kernels/ops.h"

struct vain_quantiser {
    float shrink, scale, inverse_scale;
    float outside; /* 2^(bits - 1): rounded values of this size and above are out of range */
    int32_t limit; /* 2^(bits - 1) - 1 */
};

VAIN_DEVICE_INLINE struct vain_quantiser vain_quantiser_of(int scale_exponent, int bits,
                                                           float shrink)
{
    struct vain_quantiser quantiser;
    quantiser.shrink = shrink;
    quantiser.scale = vain_power_of_two(scale_exponent);
    quantiser.inverse_scale = vain_power_of_two(-scale_exponent);
    quantiser.outside = vain_power_of_two(bits - 1);
    quantiser.limit = (int32_t)((1u << (bits - 1)) - 1u);
    return quantiser;
}

/* The integer of a delta; *saturated: it was out of range. */
VAIN_DEVICE_INLINE int32_t vain_quantise(struct vain_quantiser q, float delta, int *saturated)
{
    const float y = q.shrink * delta * q.scale;
    *saturated = fabsf(rintf(y)) >= q.outside;
    return vain_round_nearest(y, q.limit);
}

/* What the integer does not say of a delta. */
VAIN_DEVICE_INLINE float vain_quantise_rest(struct vain_quantiser q, float delta, int32_t integer)
{
    return delta - (float)integer * q.inverse_scale;
}

/* Two integers in a word, offset so that carries never cross. */
VAIN_DEVICE_INLINE uint32_t vain_pack_fields(struct vain_quantiser q, int32_t low, int32_t high)
{
    const uint32_t offset = (uint32_t)q.limit + 1;
    return ((uint32_t)low + offset) | ((uint32_t)high + offset) << 16;
}

/* The last word of an odd number of elements. */
VAIN_DEVICE_INLINE uint32_t vain_pack_last(struct vain_quantiser q, int32_t low)
{
    return (uint32_t)low + ((uint32_t)q.limit + 1);
}

/* What a sum of packed fields of `members` members is too large by. */
VAIN_DEVICE_INLINE int32_t vain_fields_offset(int bits, int members)
{
    return (int32_t)((uint32_t)members << (bits - 1));
}

VAIN_DEVICE_INLINE float vain_integer_mean(int32_t sum, float members, float inverse_scale)
{
    return (float)sum / members * inverse_scale;
}

/* delta = common - now + residual. */
VAIN_DEVICE_INLINE float vain_delta_of(float common, float now, float residual)
{
    return (common - now) + residual;
}

/* ---- What callers of the codec's ops promise ---- */

static inline void vain_fixed_check(const struct vain_fixed *fixed)
{
    VAIN_ASSERT(fixed->fields == 1 || fixed->fields == 2);
    VAIN_ASSERT(fixed->bits >= 2 && fixed->bits <= 32 / fixed->fields);
    VAIN_ASSERT(fixed->scale_exponent >= -100 && fixed->scale_exponent <= 100);
}

/* A field of 16 bits (or a word of 32) holds the sum of all members. */
static inline void vain_fixed_check_members(const struct vain_fixed *fixed, int members)
{
    VAIN_ASSERT(members >= 1);
    VAIN_ASSERT((int64_t)members << (fixed->bits - 1) <= INT64_C(1) << (32 / fixed->fields - 1));
}
