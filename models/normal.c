/* Box-Muller from correctly rounded operations only (see normal.h for why).
 *
 * Arguments are integers, so ranges are reduced exactly by shifting, and what is left is a short
 * series:
 *
 *   log      m in [0.70, 1.42]: 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172, terms to
 *            s^21 / 21 (s^23 is 1e-18);
 *   cosine   an eighth of a turn: Taylor of cosine to x^16 or of sine to x^17 (x <= pi/4: the next
 *            term is below 1e-17).
 *
 * The build forbids contraction into fused multiply-add, so the order of operations is what stands
 * here. */
#include "models/normal.h"

#include <math.h>

static const double log_of_2 = 0.69314718055994530942;
static const double half_pi = 1.57079632679489661923;

double vain_normal_log(uint64_t n)
{
    int exponent; /* n = mantissa * 2^exponent; all of this is exact */
    double mantissa = frexp((double)n, &exponent);
    if (mantissa < 0.70710678118654752) {
        mantissa *= 2;
        exponent--;
    }
    const double s = (mantissa - 1.0) / (mantissa + 1.0), s2 = s * s;
    double series = 1.0 / 21.0;
    for (int k = 19; k >= 1; k -= 2)
        series = series * s2 + 1.0 / (double)k;
    return (double)(exponent - 32) * log_of_2 + 2.0 * s * series;
}

static double cosine_series(double x2)
{
    double series = 1.0;
    for (int k = 16; k >= 2; k -= 2)
        series = 1.0 - series * x2 / (double)(k * (k - 1));
    return series;
}

static double sine_series(double x, double x2)
{
    double series = 1.0;
    for (int k = 17; k >= 3; k -= 2)
        series = 1.0 - series * x2 / (double)(k * (k - 1));
    return x * series;
}

double vain_normal_cosine_of_turn(uint32_t n)
{
    const uint32_t quarter = n >> 30, rest = n & 0x3FFFFFFFu;
    /* In the second half of a quarter the complement is the shorter angle, and cosine and sine
     * change places. */
    const uint32_t complement = rest > 0x20000000u;
    const uint32_t angle = complement ? 0x40000000u - rest : rest;
    const double x = (double)angle * (half_pi / 1073741824.0), x2 = x * x;
    /* cos(q pi/2 + a) = cos a, -sin a, -cos a, sin a */
    const uint32_t wants_sine = (quarter & 1u) ^ complement;
    const double value = wants_sine ? sine_series(x, x2) : cosine_series(x2);
    return quarter == 1 || quarter == 2 ? -value : value;
}

double vain_normal_of_words(uint32_t radius_word, uint32_t angle_word)
{
    /* (word + 1) / 2^32 lies in (0, 1], so the logarithm is finite. */
    const double radius = sqrt(-2.0 * vain_normal_log((uint64_t)radius_word + 1));
    return radius * vain_normal_cosine_of_turn(angle_word);
}
