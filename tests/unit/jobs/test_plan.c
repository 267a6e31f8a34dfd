/* Keys that do not fit each other are named at their place; the numbers are those one counts by
 * hand. */
#include <string.h>

#include "jobs/plan.h"
#include "tests/unit/jobs/bed.h"
#include "tests/unit/suite.h"

/* How many problems the plan finds, the first one in bed->problems. */
static int problems_of(struct bed *bed, const char *const *sets, const char *members)
{
    if (bed_spec(bed, sets, members) != VAIN_OK)
        return -1;
    memset(&bed->problems, 0, sizeof bed->problems);
    vain_plan_check(&bed->job, &bed->spec, &bed->problems);
    return bed->problems.total;
}

static void test_pairs_that_do_not_fit(void)
{
    static const struct {
        const char *set[4];
        const char *key, *piece;
    } cases[] = {
        {{"model.width=18", "model.heads=4"}, "model.heads", "4"},
        {{"data.text="}, "data.text", "nothing to train on"},
        {{"data.tokens=a.bin"}, "data.tokens", "one source"},
        {{"data.partition=named"}, "data.partition", "{name}"},
        {{"data.text={name}.txt"}, "data.text", "partition"},
        {{"data.vocabulary=300"}, "data.vocabulary", "300 tokens"},
        {{"train.warmup=12"}, "train.warmup", "12 steps"},
        {{"train.minimum_learning_rate=0.1"}, "train.minimum_learning_rate", "cannot fall"},
        {{"train.minimum_learning_rate=1e-3", "train.schedule=constant"},
         "train.minimum_learning_rate",
         "constant"},
        {{"outer.momentum=0.5"}, "outer.optimizer", "do nothing"},
    };
    struct bed bed;
    CU_ASSERT_FATAL(bed_open(&bed));
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        CU_ASSERT_EQUAL(problems_of(&bed, cases[i].set, NULL), 1);
        CU_ASSERT_STRING_EQUAL(bed.problems.items[0].key, cases[i].key);
        CU_ASSERT_PTR_NOT_NULL(strstr(bed.problems.items[0].message, cases[i].piece));
    }
    CU_ASSERT_EQUAL(problems_of(&bed, NULL, NULL), 0);
    bed_close(&bed);
}

/* 1 layer, width 16, context 8, 19 symbols: tables (19 + 8) 16, block 12 16^2 + 13 16, final norm
 * 2 16. */
static void test_numbers(void)
{
    struct bed bed;
    struct vain_plan plan;
    static const char *const sets[] = {"outer.optimizer=nesterov", NULL};
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, sets, NULL), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_plan_make(&bed.job, 4, 1, 19, 1000, 5000, &plan), VAIN_OK);
    const int64_t N = (19 + 8) * 16 + 12 * 16 * 16 + 13 * 16 + 2 * 16;
    CU_ASSERT_EQUAL(plan.parameter_count, N);
    CU_ASSERT_EQUAL(plan.steps, 12);
    CU_ASSERT_EQUAL(plan.tokens, 12 * 2 * 8);
    CU_ASSERT_EQUAL(plan.value_bits, 30);
    CU_ASSERT_EQUAL(plan.checkpoint_bytes, 2 * 4 * N);
    CU_ASSERT_EQUAL(plan.member_file_bytes, 3 * 4 * N);
    int64_t sum = 0;
    for (int i = 0; i < plan.item_count; i++)
        sum += plan.items[i].bytes;
    CU_ASSERT_EQUAL(sum, plan.memory_bytes);
    CU_ASSERT_EQUAL(plan.together_bytes, 5000 + 4 * (plan.memory_bytes - 5000));
    /* Seven vectors, the words, data and base at least; activations on top. */
    CU_ASSERT(plan.memory_bytes > 8 * 4 * N + 6000);
    CU_ASSERT_EQUAL_FATAL(vain_plan_make(&bed.job, 1, 1, 19, 0, 0, &plan), VAIN_OK);
    CU_ASSERT_EQUAL(plan.round_bytes, 0);
    bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"pairs of keys that do not fit are named", test_pairs_that_do_not_fit},
    {"the numbers are those counted by hand", test_numbers},
    {NULL, NULL},
};
const struct vain_suite vain_suite_plan = {"jobs/plan", tests};
