/* exp, log and friends with the same bits on every machine, and sums of fixed lanes.
 *
 * Only +, -, *, /, fused multiply-adds that are written as such, and integer operations, in a
 * written order: the compiler may make vectors of them but not other results. (fmaf is exact by
 * definition; where the processor lacks it, the C library computes it, slowly.) Accuracy is two
 * units of the last place, which training does not notice; tests hold it. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { VAIN_LANES = 16 };

static inline float vain_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t vain_bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* e^x = 2^n e^r, x = n ln 2 + r: a polynomial for e^r that is within 1.1e-7 (fitted to the least
 * relative error), and n added to its exponent. Sizes above 87 count as 87, so that results stay
 * normal numbers; what is not finite gives NaN. The size is cut as an integer, because compilers
 * make three paths of a comparison of floats here and no vector of one piece. */
static inline float vain_exp(float x)
{
    const float rounder =
        12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer in the low bits */
    const uint32_t bits = vain_bits_of_float(x), size = bits & 0x7fffffffu,
                   most = 0x42ae0000u; /* 87 */
    const float cut = vain_float_of_bits((size < most ? size : most) | (bits & 0x80000000u));
    const float shifted = fmaf(cut, 1.44269504088896341f, rounder);
    const float n = shifted - rounder;
    const float r = fmaf(n, 1.90465429995776e-9f, fmaf(n, -0.693147182464599609375f, cut));
    float p = fmaf(8.312477730214596e-3f, r, 4.1890550404787064e-2f);
    p = fmaf(p, r, 0.16667115688323975f);
    p = fmaf(p, r, 0.4999922811985016f);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);
    /* The low bits of `shifted` are n; the rest of it leaves when they are shifted up. */
    return vain_float_of_bits(vain_bits_of_float(p) + (vain_bits_of_float(shifted) << 23)) +
           (x - x);
}

/* Natural logarithm of a positive normal number (Cephes): x = 2^e m, sqrt(1/2) <= m < sqrt(2). */
static inline float vain_log(float x)
{
    const uint32_t bits = vain_bits_of_float(x);
    const uint32_t shifted = bits - 0x3f3504f3u; /* sqrt(1/2) */
    const float e = (float)((int32_t)shifted >> 23);
    const float m = vain_float_of_bits((shifted & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    const float square = m * m;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    p = p * m * square;
    p = p + e * -2.12194440e-4f - 0.5f * square;
    const float result = m + p + e * 0.693359375f;
    return x == x ? result : x;
}

/* GELU in its tanh form (Hendrycks & Gimpel 2016): x / 2 (1 + tanh(u)) = x sigmoid(2 u),
 * u = sqrt(2 / pi) (x + 0.044715 x^3). */
static inline float vain_gelu_argument(float x)
{
    return x * fmaf(0.0713548162726f, x * x, 1.59576912160573f);
}

static inline float vain_gelu(float x)
{
    return x / (1.0f + vain_exp(-vain_gelu_argument(x)));
}

/* s + x slope s (1 - s); 1 - s is taken as e s: the difference would lose its digits where s is
 * near 1. */
static inline float vain_gelu_derivative(float x)
{
    const float e = vain_exp(-vain_gelu_argument(x)), s = 1.0f / (1.0f + e);
    const float slope = fmaf(0.2140644488178f, x * x, 1.59576912160573f); /* of the argument */
    return fmaf(x * slope, e * s * s, s);
}

/* The lanes of a sum, added in pairs: 0 + 8, 1 + 9 ..., then 0 + 4 ..., 0 + 2 ..., 0 + 1. */
static inline float vain_lanes_sum(float lanes[VAIN_LANES])
{
    for (int half = VAIN_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lanes[l] += lanes[l + half];
    return lanes[0];
}
