/* What a round checks before anything travels. Whole rounds are in test_run.c. */
#include <math.h>
#include <string.h>

#include "jobs/round.h"
#include "tests/unit/suite.h"

static void test_a_loss_in_millionths(void)
{
    static const struct {
        double loss;
        int64_t micro;
    } good[] = {{0, 0},
                {2.5, 2500000},
                {1e-7, 0},
                {-1e-9, 0},
                {0.9999999, 1000000},
                {1e8, INT64_C(100000000000000)},
                {4.1e-6, 4},
                {123456.789, 123456789000}};
    for (size_t i = 0; i < VAIN_COUNT_OF(good); i++) {
        int64_t micro = -1;
        CU_ASSERT_EQUAL(vain_round_loss_micro("ann", 3, good[i].loss, &micro), VAIN_OK);
        CU_ASSERT_EQUAL(micro, good[i].micro);
    }
}

static void test_a_loss_that_no_counter_holds_is_named(void)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1.000001e8, -2e8, 1e300};
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++) {
        int64_t micro = -1;
        char part[64];
        CU_ASSERT_EQUAL(vain_round_loss_micro("ann", 3, bad[i], &micro), VAIN_ERR_NUMERIC);
        CU_ASSERT_EQUAL(micro, 0);
        snprintf(part, sizeof part, "member 'ann', round 3: the mean training loss is %g,", bad[i]);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), part));
    }
}

static const struct vain_test tests[] = {
    {"a loss in millionths", test_a_loss_in_millionths},
    {"a loss that no counter holds is named", test_a_loss_that_no_counter_holds_is_named},
    {NULL, NULL},
};
const struct vain_suite vain_suite_round = {"jobs/round", tests};
