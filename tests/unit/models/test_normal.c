/* The normal numbers against values computed with 40 digits by an independent program (Python,
 * mpmath). */
#include "models/normal.h"

#include <math.h>

#include "base/philox.h"
#include "base/status.h"
#include "tests/unit/suite.h"

static void logarithms_are_right_to_the_last_bits(void)
{
    static const struct {
        uint64_t n;
        double log;
    } rows[] = {
        {1, -22.180709777918249901},
        {2, -21.487562597358304592},
        {3, -21.08209748925014021},
        {1000003, -8.3651962199584757882},
        {0x5A827999, -1.0397207714905763006},
        {0xB504F333, -0.346573590601358737},
        {0xB504F334, -0.34657359027208648296},
        {0xB504F335, -0.34657358994281422902},
        {0xFFFFFFFF, -2.3283064368097468322e-10},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++)
        CU_ASSERT_DOUBLE_EQUAL(vain_normal_log(rows[i].n), rows[i].log, 1e-15 * fabs(rows[i].log));
    CU_ASSERT(vain_normal_log(UINT64_C(1) << 32) == 0);
}

static void cosines_are_right_in_every_eighth_of_a_turn(void)
{
    static const struct {
        uint32_t n;
        double cosine;
    } rows[] = {
        {0, 1},
        {0x1FFFFFFF, 0.70710678222098681781},
        {0x20000000, 0.7071067811865475244},
        {0x20000001, 0.70710678015210822947},
        {0x3FFFFFFF, 1.4629180792671596805e-9},
        {0x40000000, 0},
        {0x40000001, -1.4629180792671596805e-9},
        {0x60000000, -0.7071067811865475244},
        {0x7FFFFFFF, -0.99999999999999999893},
        {0x80000000, -1},
        {0x9ABCDEF0, -0.79228965865224049585},
        {0xA0000000, -0.7071067811865475244},
        {0xBFFFFFFF, -1.4629180792671596805e-9},
        {0xC0000000, 0},
        {0xDEADBEEF, 0.68380773650314638762},
        {0xFFFFFFFF, 0.99999999999999999893},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++)
        CU_ASSERT_DOUBLE_EQUAL(vain_normal_cosine_of_turn(rows[i].n), rows[i].cosine, 3e-16);
}

/* libm agrees everywhere, to a few units of the last place. */
static void libm_agrees_at_random_places(void)
{
    const struct vain_random random = {{1, 2}};
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t words[4];
        vain_random_block(random, 0, 0, i, words);
        const double log_here = log(((double)words[0] + 1) / 4294967296.0);
        CU_ASSERT(fabs(vain_normal_log((uint64_t)words[0] + 1) - log_here) <=
                  1e-15 * fabs(log_here));
        const double cosine = cos(6.283185307179586 * ((double)words[1] / 4294967296.0));
        CU_ASSERT(fabs(vain_normal_cosine_of_turn(words[1]) - cosine) <= 2e-15);
    }
}

static void extremes_are_finite(void)
{
    CU_ASSERT(vain_normal_of_words(UINT32_MAX, 0) == 0);
    CU_ASSERT_DOUBLE_EQUAL(vain_normal_of_words(0, 0), 6.6604, 1e-4);
    CU_ASSERT_DOUBLE_EQUAL(vain_normal_of_words(0, UINT32_C(1) << 31), -6.6604, 1e-4);
}

/* Share of numbers below a point against the normal distribution's, and the first moments. */
static void numbers_are_normal(void)
{
    enum { COUNT = 200000 };
    const struct vain_random random = {{3, 4}};
    double sum = 0, squares = 0, fourths = 0;
    int64_t below[7] = {0};
    for (uint64_t i = 0; i < COUNT; i++) {
        uint32_t words[4];
        vain_random_block(random, 0, 0, i, words);
        const double x = vain_normal_of_words(words[0], words[1]);
        sum += x;
        squares += x * x;
        fourths += x * x * x * x;
        for (int k = 0; k < 7; k++)
            below[k] += x < (double)(k - 3);
    }
    CU_ASSERT_DOUBLE_EQUAL(sum / COUNT, 0, 4 / sqrt(COUNT));
    CU_ASSERT_DOUBLE_EQUAL(squares / COUNT, 1, 4 * sqrt(2.0 / COUNT));
    CU_ASSERT_DOUBLE_EQUAL(fourths / COUNT, 3, 4 * sqrt(96.0 / COUNT));
    for (int k = 0; k < 7; k++) {
        const double share = 0.5 * erfc(-(double)(k - 3) / sqrt(2));
        CU_ASSERT_DOUBLE_EQUAL((double)below[k] / COUNT, share,
                               4 * sqrt(share * (1 - share) / COUNT));
    }
}

static const struct vain_test tests[] = {
    {"logarithms are right to the last bits", logarithms_are_right_to_the_last_bits},
    {"cosines are right in every eighth of a turn", cosines_are_right_in_every_eighth_of_a_turn},
    {"libm agrees at random places", libm_agrees_at_random_places},
    {"extremes are finite", extremes_are_finite},
    {"numbers are normal", numbers_are_normal},
    {NULL, NULL},
};
const struct vain_suite vain_suite_normal = {"models/normal", tests};
