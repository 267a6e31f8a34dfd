/* Real numbers to integers: golden vectors, ties, ends of the range. */
#include "base/rounding.h"

#include <math.h>
#include <stdlib.h>

#include "base/status.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

static void stochastic_golden(void)
{
    FILE *file = test_open_golden("stochastic_round.txt");
    char line[200];
    int count = 0;
    while (test_next_line(file, line, sizeof line)) {
        char *rest = line;
        const float x = strtof(rest, &rest), scale = strtof(rest, &rest);
        const uint32_t u24 = (uint32_t)strtoul(rest, &rest, 10);
        const int32_t expected = (int32_t)strtol(rest, &rest, 10);
        CU_ASSERT_EQUAL(vain_round_stochastic(x * scale, u24), expected);
        count++;
    }
    CU_ASSERT_EQUAL(count, 10);
    if (file != NULL)
        fclose(file);
}

static void stochastic_is_as_likely_as_the_fraction(void)
{
    static const float values[] = {0.25f, -0.25f, 3.5f, -7.75f, 0x1p-24f, 1.0f - 0x1p-24f};
    for (size_t i = 0; i < VAIN_COUNT_OF(values); i++) {
        const double floor_value = floor((double)values[i]);
        const double fraction = (double)values[i] - floor_value;
        /* Exactly fraction * 2^24 of the 2^24 equally likely u24 go up: those below it. */
        const uint32_t ups = (uint32_t)(fraction * 16777216.0);
        if (ups > 0)
            CU_ASSERT_EQUAL(vain_round_stochastic(values[i], ups - 1), (int32_t)floor_value + 1);
        CU_ASSERT_EQUAL(vain_round_stochastic(values[i], ups), (int32_t)floor_value);
    }
    for (int32_t whole = -1000; whole <= 1000; whole++) {
        CU_ASSERT_EQUAL(vain_round_stochastic((float)whole, 0), whole);
        CU_ASSERT_EQUAL(vain_round_stochastic((float)whole, 0xffffff), whole);
    }
}

static void nearest_ties_to_even(void)
{
    static const struct {
        float y;
        int32_t expected;
    } table[] = {{0.5f, 0},
                 {1.5f, 2},
                 {2.5f, 2},
                 {-0.5f, 0},
                 {-1.5f, -2},
                 {-2.5f, -2},
                 {0.49f, 0},
                 {0.51f, 1},
                 {-0.51f, -1},
                 {99.6f, 100},
                 {-99.6f, -100},
                 {8388607.5f, 8388608},
                 {-8388607.5f, -8388608}};
    for (size_t i = 0; i < VAIN_COUNT_OF(table); i++)
        CU_ASSERT_EQUAL(vain_round_nearest(table[i].y, INT32_MAX), table[i].expected);
}

static void nearest_saturates(void)
{
    static const int32_t limits[] = {1, 127, 32767, (1 << 23) - 1, (1 << 30) - 1, INT32_MAX};
    for (size_t i = 0; i < VAIN_COUNT_OF(limits); i++) {
        const int32_t limit = limits[i];
        CU_ASSERT_EQUAL(vain_round_nearest((float)limit, limit), limit);
        CU_ASSERT_EQUAL(vain_round_nearest(-(float)limit, limit), -limit);
        CU_ASSERT_EQUAL(vain_round_nearest(0x1p31f, limit), limit);
        CU_ASSERT_EQUAL(vain_round_nearest(-0x1p31f, limit), -limit);
        CU_ASSERT_EQUAL(vain_round_nearest(3e38f, limit), limit);
        CU_ASSERT_EQUAL(vain_round_nearest(-INFINITY, limit), -limit);
        CU_ASSERT_EQUAL(vain_round_nearest(0.0f, limit), 0);
    }
    CU_ASSERT_EQUAL(vain_round_nearest(126.4f, 127), 126);
    CU_ASSERT_EQUAL(vain_round_nearest(127.4f, 127), 127);
    CU_ASSERT_EQUAL(vain_round_nearest(2147483520.0f, INT32_MAX), 2147483520);
}

static void powers_are_exact(void)
{
    for (int exponent = -126; exponent <= 127; exponent++)
        CU_ASSERT_EQUAL(vain_power_of_two(exponent), ldexpf(1.0f, exponent));
}

static const struct vain_test tests[] = {
    {"stochastic rounding gives the golden vectors", stochastic_golden},
    {"stochastic rounding goes up for exactly the fraction of the draws",
     stochastic_is_as_likely_as_the_fraction},
    {"nearest rounding takes ties to even", nearest_ties_to_even},
    {"nearest rounding saturates at the limit", nearest_saturates},
    {"powers of two are exact", powers_are_exact},
    {NULL, NULL},
};
const struct vain_suite vain_suite_rounding = {"base/rounding", tests};
