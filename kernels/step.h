/* One element's step, for both twins: AdamW, the outer step, a dropout's factor.
 *
 * Only correctly rounded operations in the order written here; compilers may not contract them. */
#pragma once

#include "kernels/ops.h"

#include <math.h>

/* What AdamW's constants come to, once a call. */
struct vain_adamw_factors {
    float beta1, rest1, beta2, rest2;
    float rate, inverse2, gradient_scale, epsilon;
};

VAIN_DEVICE_INLINE struct vain_adamw_factors vain_adamw_factors_of(const struct vain_adamw *a)
{
    struct vain_adamw_factors factors;
    factors.beta1 = a->beta1;
    factors.rest1 = 1.0f - a->beta1;
    factors.beta2 = a->beta2;
    factors.rest2 = 1.0f - a->beta2;
    factors.rate = a->learning_rate / a->correction1;
    factors.inverse2 = 1.0f / a->correction2;
    factors.gradient_scale = a->gradient_scale;
    factors.epsilon = a->epsilon;
    return factors;
}

VAIN_DEVICE_INLINE void vain_adamw_element(struct vain_adamw_factors a, float shrink,
                                           float gradient, float *parameter, float *moment1,
                                           float *moment2)
{
    const float g = a.gradient_scale * gradient;
    const float m = a.beta1 * *moment1 + a.rest1 * g;
    const float v = a.beta2 * *moment2 + a.rest2 * (g * g);
    *moment1 = m;
    *moment2 = v;
    *parameter = shrink * *parameter - a.rate * m / (sqrtf(v * a.inverse2) + a.epsilon);
}

/* Without momentum. */
VAIN_DEVICE_INLINE float vain_outer_plain(float rate, float delta, float parameter)
{
    return parameter - rate * delta;
}

VAIN_DEVICE_INLINE void vain_outer_element(float rate, float mu, int nesterov, float delta,
                                           float *momentum, float *parameter)
{
    const float m = mu * *momentum + delta;
    const float update = nesterov ? delta + mu * m : m;
    *momentum = m;
    *parameter = *parameter - rate * update;
}

/* ---- Dropout ---- */

/* A word of the stream below this drops its element. */
VAIN_DEVICE_INLINE uint32_t vain_dropout_threshold(float probability)
{
    return (uint32_t)((double)probability * 4294967296.0);
}

/* What elements that are kept are multiplied by. */
VAIN_DEVICE_INLINE float vain_dropout_kept(float probability)
{
    return 1.0f / (1.0f - probability);
}
