/* What a round checks before anything travels. Whole rounds are in test_run.c. */
#include <math.h>
#include <string.h>

#include "jobs/round.h"
#include "jobs/round_delta.h"
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
        CU_ASSERT_EQUAL(vain_delta_loss_micro("ann", 3, good[i].loss, &micro), VAIN_OK);
        CU_ASSERT_EQUAL(micro, good[i].micro);
    }
}

static void test_a_loss_that_no_counter_holds_is_named(void)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1.000001e8, -2e8, 1e300};
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++) {
        int64_t micro = -1;
        char part[64];
        CU_ASSERT_EQUAL(vain_delta_loss_micro("ann", 3, bad[i], &micro), VAIN_ERR_NUMERIC);
        CU_ASSERT_EQUAL(micro, 0);
        snprintf(part, sizeof part, "member 'ann', round 3: the mean training loss is %g,", bad[i]);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), part));
    }
}

/* Two members of one round that hold different things have different contexts for their seeds, not
 * only for their messages: a message can be changed on its way. */
static void test_a_context_binds_what_a_member_holds(void)
{
    struct vain_job job;
    struct vain_run run;
    struct vain_roster roster;
    struct vain_context held, other;
    uint8_t spec_hash[VAIN_HASH_BYTES] = {5}, plain[VAIN_CONTEXT_BYTES], told[VAIN_CONTEXT_BYTES];
    const struct vain_run_config config = {.spec_hash = spec_hash, .on_own_host = true};
    memset(&job, 0, sizeof job);
    memset(&run, 0, sizeof run);
    memset(&roster, 0, sizeof roster);
    run.config = &config;
    run.job = &job;
    run.round = 3;
    run.codec = (struct vain_codec){.word_count = 100};
    run.codec.fixed = (struct vain_fixed){.scale_exponent = 20, .bits = 30, .fields = 1};
    vain_round_context(&run, &roster, &held);
    vain_context_encode(&held, plain);
    for (int change = 0; change < 11; change++) {
        struct vain_run another = run;
        struct vain_job another_job = job;
        another.job = &another_job;
        spec_hash[0] = change == 0 ? 6 : 5;
        another.codec.fixed.scale_exponent += change == 1;
        another.codec.bound_exponent += change == 2;
        another.codec.word_count += change == 3;
        another.algorithm = change == 4 ? VAIN_ALGORITHM_RING : run.algorithm;
        another_job.exchange.privacy = change == 5 ? VAIN_PRIVACY_MASKED : VAIN_PRIVACY_NONE;
        another.parameters_hash[0] = change == 6;
        another.dropped_inputs = change == 7; /* told, not agreed */
        another.ring_hash[9] = change == 8;
        another.use_id[3] = change == 10; /* what was signed in another use is nothing here */
        roster.attempt = change == 9;     /* the next attempt of the round has other seeds */
        vain_round_context(&another, &roster, &other);
        vain_context_encode(&other, told);
        CU_ASSERT_EQUAL(memcmp(plain, told, sizeof told) == 0, change == 7);
    }
}

static const struct vain_test tests[] = {
    {"a loss in millionths", test_a_loss_in_millionths},
    {"a loss that no counter holds is named", test_a_loss_that_no_counter_holds_is_named},
    {"a context binds what a member holds", test_a_context_binds_what_a_member_holds},
    {NULL, NULL},
};
const struct vain_suite vain_suite_round = {"jobs/round", tests};
