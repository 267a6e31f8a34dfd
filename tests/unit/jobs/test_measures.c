/* Means and intervals against numbers that were worked out by hand. */
#include "jobs/measures.h"

#include <math.h>
#include <string.h>

#include "tests/unit/suite.h"

static void nothing_measured_is_not_a_number(void)
{
    struct vain_measures measures;
    vain_measures_clear(&measures);
    for (int k = 0; k < VAIN_MEASURE_KINDS; k++) {
        CU_ASSERT(isnan(measures.of[k].mean));
        CU_ASSERT(isnan(measures.of[k].interval));
        CU_ASSERT(strlen(vain_measure_name((enum vain_measure_kind)k)) > 0);
    }
}

/* 90 of 100 right: Wilson's interval is 0.8256 to 0.9448. All or none right have a width, too. */
static void right_and_wrong_have_the_binomial_interval(void)
{
    struct vain_measure_sums sums = {0};
    struct vain_measures measures;
    vain_measure_add_right(&sums, VAIN_MEASURE_ACCURACY, 90, 100);
    vain_measure_finish(&sums, &measures);
    CU_ASSERT_DOUBLE_EQUAL(measures.of[VAIN_MEASURE_ACCURACY].mean, 0.9, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(measures.of[VAIN_MEASURE_ACCURACY].interval, (0.9447708 - 0.8256343) / 2,
                           1e-7);
    CU_ASSERT(isnan(measures.of[VAIN_MEASURE_LOSS].mean));
    for (int right = 0; right <= 60; right += 60) {
        memset(&sums, 0, sizeof sums);
        vain_measure_add_right(&sums, VAIN_MEASURE_ACCURACY, right, 60);
        vain_measure_finish(&sums, &measures);
        CU_ASSERT_DOUBLE_EQUAL(measures.of[VAIN_MEASURE_ACCURACY].interval, 0.0602 / 2, 1e-4);
    }
}

/* Tasks of 0.2, 0.4, 0.6 and 0.8: mean 0.5, variance of the samples 0.2 / 3. */
static void parts_add_up_to_the_whole(void)
{
    const double values[] = {0.2, 0.4, 0.6, 0.8};
    struct vain_measure_sums parts[2] = {0}, whole = {0};
    struct vain_measures measures;
    for (int i = 0; i < 4; i++)
        vain_measure_add(&parts[i % 2], VAIN_MEASURE_ACCURACY, values[i]);
    for (int i = 0; i < 2; i++)
        vain_measure_merge(&whole, &parts[i]);
    vain_measure_finish(&whole, &measures);
    CU_ASSERT_DOUBLE_EQUAL(measures.of[VAIN_MEASURE_ACCURACY].mean, 0.5, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(measures.of[VAIN_MEASURE_ACCURACY].interval,
                           1.959963984540054 * sqrt(0.2 / 3 / 4), 1e-12);
}

static void one_sample_has_no_interval(void)
{
    struct vain_measure_sums sums = {0};
    struct vain_measures measures;
    vain_measure_add(&sums, VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION, 0.7);
    vain_measure_finish(&sums, &measures);
    CU_ASSERT_EQUAL(measures.of[VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION].mean, 0.7);
    CU_ASSERT(isnan(measures.of[VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION].interval));
}

static const struct vain_test tests[] = {
    {"nothing measured is not a number", nothing_measured_is_not_a_number},
    {"right and wrong have the binomial interval", right_and_wrong_have_the_binomial_interval},
    {"parts add up to the whole", parts_add_up_to_the_whole},
    {"one sample has no interval", one_sample_has_no_interval},
    {NULL, NULL},
};
const struct vain_suite vain_suite_measures = {"jobs/measures", tests};
