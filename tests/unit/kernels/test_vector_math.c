/* Our exp, log and GELU against libm in double, over their whole range. */
#include "kernels/cpu/vector_math.h"
#include "tests/unit/kernels/bed.h"

static void exp_is_right(void)
{
    double worst = 0;
    for (int i = -870000; i <= 870000; i++) {
        const float x = (float)i * 1e-4f;
        const double expected = exp((double)x);
        worst = fmax(worst, fabs((double)vain_exp(x) - expected) / expected);
    }
    CU_ASSERT_TRUE(worst < 2.5e-7);
    CU_ASSERT_EQUAL(vain_exp(0.0f), 1.0f);
}

static void exp_stays_normal_and_shows_what_is_not_finite(void)
{
    CU_ASSERT_TRUE(vain_exp(-1e30f) > 1.2e-38f && vain_exp(-1e30f) < 2e-38f);
    CU_ASSERT_TRUE(vain_exp(1e30f) > 6e37f && vain_exp(1e30f) < 7e37f);
    CU_ASSERT_TRUE(isnan(vain_exp(NAN)));
    CU_ASSERT_TRUE(isnan(vain_exp(INFINITY)));
    CU_ASSERT_TRUE(isnan(vain_exp(-INFINITY)));
}

static void log_is_right(void)
{
    double worst = 0;
    for (double x = 1e-37; x < 1e38; x *= 1.00037) {
        const float narrow = (float)x;
        const double expected = log((double)narrow);
        worst = fmax(worst, fabs((double)vain_log(narrow) - expected) / fmax(1, fabs(expected)));
    }
    CU_ASSERT_TRUE(worst < 2e-7);
    CU_ASSERT_EQUAL(vain_log(1.0f), 0.0f);
    CU_ASSERT_TRUE(isnan(vain_log(NAN)));
}

static double gelu(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static void gelu_and_its_derivative_are_right(void)
{
    double worst = 0, worst_slope = 0;
    for (int i = -120000; i <= 120000; i++) {
        const double x = (double)((float)i * 1e-4f), h = 1e-6;
        worst = fmax(worst, fabs((double)vain_gelu((float)x) - gelu(x)) / fmax(1, fabs(x)));
        worst_slope = fmax(worst_slope, fabs((double)vain_gelu_derivative((float)x) -
                                             (gelu(x + h) - gelu(x - h)) / (2 * h)));
    }
    CU_ASSERT_TRUE(worst < 3e-7);
    CU_ASSERT_TRUE(worst_slope < 1e-6);
}

static void gelu_of_large_numbers_is_a_ramp(void)
{
    CU_ASSERT_EQUAL(vain_gelu(1e4f), 1e4f);
    CU_ASSERT_TRUE(fabsf(vain_gelu(-1e4f)) < 1e-33f);
    CU_ASSERT_EQUAL(vain_gelu_derivative(1e3f), 1.0f);
    CU_ASSERT_TRUE(fabsf(vain_gelu_derivative(-1e3f)) < 1e-28f);
    CU_ASSERT_TRUE(isnan(vain_gelu(NAN)));
    CU_ASSERT_TRUE(isnan(vain_gelu_derivative(NAN)));
}

static void lanes_are_added_in_pairs(void)
{
    float lanes[VAIN_LANES];
    for (int l = 0; l < VAIN_LANES; l++)
        lanes[l] = (float)(l + 1);
    CU_ASSERT_EQUAL(vain_lanes_sum(lanes), 136.0f);
    /* 1 is lost beside 1e8 unless its partner takes the 1e8 away first. */
    for (int l = 0; l < VAIN_LANES; l++)
        lanes[l] = 0;
    lanes[0] = 1e8f;
    lanes[8] = -1e8f;
    lanes[1] = 1;
    CU_ASSERT_EQUAL(vain_lanes_sum(lanes), 1.0f);
}

static const struct vain_test tests[] = {
    {"exp is right to 2 units of the last place", exp_is_right},
    {"exp stays normal and shows what is not finite",
     exp_stays_normal_and_shows_what_is_not_finite},
    {"log is right to 2 units of the last place", log_is_right},
    {"GELU and its derivative are right", gelu_and_its_derivative_are_right},
    {"GELU of large numbers is a ramp", gelu_of_large_numbers_is_a_ramp},
    {"lanes are added in pairs", lanes_are_added_in_pairs},
    {NULL, NULL},
};

const struct vain_suite vain_suite_vector_math = {"vector_math", tests};
