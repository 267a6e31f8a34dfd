/* Ranges of keys: how they are read, what is refused, and what chains make of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/genetic_search.h"
#include "jobs/plan.h"
#include "tests/unit/jobs/bed.h"
#include "tests/unit/suite.h"

static struct bed bed;

/* A bed whose job searches `ranges`, with more keys in `sets` (NULL-ended, at most 8). */
static enum vain_status read_job(const char *ranges, const char *const *sets)
{
    static char search[512]; /* borrowed by the spec */
    static const char *all[12];
    memset(all, 0, sizeof all);
    all[0] = "train.method=genetic";
    all[1] = "train.local_steps=32";
    all[2] = search;
    snprintf(search, sizeof search, "genetic.search=%s", ranges);
    for (int i = 0; sets != NULL && sets[i] != NULL; i++)
        all[3 + i] = sets[i];
    return bed_spec(&bed, all, NULL);
}

static void ranges_are_read(void)
{
    struct vain_search search;
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL_FATAL(
        read_job("[train.learning_rate 1e-4..1 log, train.warmup 2..18, model.dropout 0..0.5]",
                 NULL),
        VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_search_open(&bed.job, &search), VAIN_OK);
    CU_ASSERT_EQUAL(search.count, 3);
    CU_ASSERT_STRING_EQUAL(search.keys[0].key, "train.learning_rate");
    CU_ASSERT(search.keys[0].logarithmic && !search.keys[0].whole);
    CU_ASSERT_DOUBLE_EQUAL(search.keys[0].low, 1e-4, 0);
    CU_ASSERT_DOUBLE_EQUAL(search.keys[0].high, 1, 0);
    CU_ASSERT_DOUBLE_EQUAL(search.keys[0].start, 0.5, 1e-15); /* the bed's 1e-2 */
    CU_ASSERT(search.keys[1].whole && !search.keys[1].logarithmic);
    CU_ASSERT_DOUBLE_EQUAL(search.keys[1].start, 0, 0); /* the bed's 2 */
    CU_ASSERT_DOUBLE_EQUAL(search.keys[2].start, 0, 0);
    bed_close(&bed);
}

static void what_is_no_range_is_refused(void)
{
    static const struct {
        const char *range, *message, *hint;
    } cases[] = {
        {"[train.learning 1e-4..1]", "'train.learning' is no key of a spec", ""},
        {"[train.learning_rat 1e-4..1]", "is no key", "did you mean 'train.learning_rate'?"},
        {"[train.schedule 0..1]", "'train.schedule' is no number", ""},
        {"[train.threads 1..2]", "'train.threads' is a member's own business", ""},
        {"[seed 1..2]", "'seed' belongs to the run", "keys of model and train"},
        {"[train.rounds 1..9]", "'train.rounds' belongs to the run", "keys of model and train"},
        {"[exchange.clip 1..9]", "'exchange.clip' belongs to the run", ""},
        {"[fedavg.epochs 1..9]", "'fedavg.epochs' belongs to the run", ""},
        {"[genetic.elite 1..9]", "'genetic.elite' belongs to the run", ""},
        {"[train.learning_rate 1..1e-4]", "has the range 1..0.0001, which is empty",
         "the lower end first"},
        {"[train.learning_rate 0.01..0.01]", "which is empty", ""},
        {"[train.learning_rate 0.02..1]", "is 0.01 in the spec, outside of its range 0.02..1",
         "widen the range"},
        {"[train.weight_decay 0..1 log]", "0 has no logarithm", "leave out log"},
        {"[train.learning_rate 0..1]", "'train.learning_rate' expects a number above 0", ""},
        {"[train.warmup 0..1.5]", "'train.warmup' expects a whole number", ""},
        {"[train.learning_rate 1e-4-1]", "is no range: expected 'KEY LOW..HIGH'", "such as"},
        {"[train.learning_rate]", "is no range", ""},
        {"[train.learning_rate ..1]", "is no range", ""},
        {"[train.learning_rate 1e-4..]", "is no range", ""},
        {"[train.learning_rate 1e-4..1 exp]", "is no range", ""},
        {"[model.context 4..16]", "may be at most the spec's own 8", ""},
        {"[model.features 8..64]",
         "'model.features' would change nothing here: it is of an encoder", "another model.kind"},
        {"[train.warmup 0..3, train.warmup 0..4]", "'train.warmup' has two ranges", "keep one"},
    };
    struct vain_search search;
    CU_ASSERT_FATAL(bed_open(&bed));
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        CU_ASSERT_EQUAL_FATAL(read_job(cases[i].range, NULL), VAIN_OK);
        CU_ASSERT_EQUAL(vain_search_open(&bed.job, &search), VAIN_ERR_INPUT);
        memset(&bed.problems, 0, sizeof bed.problems);
        vain_plan_check(&bed.job, &bed.spec, &bed.problems);
        CU_ASSERT_EQUAL(bed.problems.total, 1);
        CU_ASSERT_STRING_EQUAL(bed.problems.items[0].key, "genetic.search");
        if (strstr(bed.problems.items[0].message, cases[i].message) == NULL ||
            strstr(bed.problems.items[0].hint, cases[i].hint) == NULL) {
            printf("%s: %s; %s\n", cases[i].range, bed.problems.items[0].message,
                   bed.problems.items[0].hint);
            CU_FAIL("the complaint");
        }
    }
    vain_fail_clear();
    bed_close(&bed);
}

static void chains_stay_in_their_ranges(void)
{
    static const char *const sets[] = {"train.beta1=0.123456", NULL};
    struct vain_search search;
    struct vain_search_values values;
    double low = 1, high = 0;
    int whole = 0, at_ends = 0;
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL_FATAL(read_job("[train.learning_rate 1e-4..1 log, train.warmup 2..18, "
                                   "train.beta1 0.1234561..0.1234567]",
                                   sets),
                          VAIN_OK);
    bed.job.train.beta1 = 0.1234562;
    CU_ASSERT_EQUAL_FATAL(vain_search_open(&bed.job, &search), VAIN_OK);
    for (uint32_t seed = 0; seed < 2000; seed++) {
        struct vain_chain chain = {.length = 1 + (int)(seed % 5)};
        struct vain_job job = bed.job;
        for (int k = 0; k < chain.length; k++)
            chain.seeds[k] = seed * 7919 + (uint32_t)k;
        vain_search_values_of(&search, &bed.job, vain_search_random(3), 0.5, &chain, &values);
        vain_search_apply(&search, &values, &job);
        CU_ASSERT(job.train.learning_rate >= 1e-4 && job.train.learning_rate <= 1);
        CU_ASSERT(job.train.warmup >= 2 && job.train.warmup <= 18);
        CU_ASSERT(job.train.beta1 >= 0.1234561 && job.train.beta1 <= 0.1234567);
        low = fmin(low, job.train.learning_rate);
        high = fmax(high, job.train.learning_rate);
        at_ends += job.train.learning_rate <= 1e-4 || job.train.learning_rate >= 1;
        whole |= 1 << job.train.warmup;
        CU_ASSERT_EQUAL(job.train.batch, bed.job.train.batch);
    }
    CU_ASSERT(low < 1.5e-4 && high > 0.66); /* all of the range is reached */
    CU_ASSERT(at_ends < 10);                /* the way is reflected there and does not end */
    CU_ASSERT_EQUAL(whole, 0x7fffc);        /* 2 to 18 */
    bed_close(&bed);
}

/* Without mutations the values are the spec's own, to the last digit. */
static void no_mutation_is_the_spec(void)
{
    static const char *const sets[] = {"train.learning_rate=0.012345678", NULL};
    static const struct vain_chain none = {.length = 0};
    struct vain_search search;
    struct vain_search_values values;
    char text[128];
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL_FATAL(read_job("[train.learning_rate 1e-4..1 log, train.warmup 2..18]", sets),
                          VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_search_open(&bed.job, &search), VAIN_OK);
    vain_search_values_of(&search, &bed.job, vain_search_random(3), 0.5, &none, &values);
    vain_search_print(&search, &values, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "train.learning_rate 0.012345678, train.warmup 2");
    bed_close(&bed);
}

/* The root mean square of a step is the deviation, halved up to three times as the seed says. */
static void seeds_are_steps_of_four_sizes(void)
{
    struct vain_search search;
    struct vain_search_values values;
    double squares[4] = {0};
    enum { EACH = 4000 };
    CU_ASSERT_FATAL(bed_open(&bed));
    CU_ASSERT_EQUAL_FATAL(read_job("[train.weight_decay 0..10]", NULL), VAIN_OK);
    bed.job.train.weight_decay = 5;
    CU_ASSERT_EQUAL_FATAL(vain_search_open(&bed.job, &search), VAIN_OK);
    for (uint32_t seed = 0; seed < 4 * EACH; seed++) {
        const struct vain_chain chain = {.length = 1, .seeds = {seed}};
        vain_search_values_of(&search, &bed.job, vain_search_random(3), 0.08, &chain, &values);
        const double step = strtod(values.texts[0], NULL) / 10 - 0.5;
        squares[seed % 4] += step * step / EACH;
    }
    for (int size = 0; size < 4; size++)
        CU_ASSERT_DOUBLE_EQUAL(sqrt(squares[size]) * (double)(1 << size), 0.08, 0.003);
    bed_close(&bed);
}

static void what_does_not_fit_the_method_is_said(void)
{
    static const struct {
        const char *set, *key, *piece;
    } cases[] = {
        {"train.local_steps=3", "train.local_steps", "3 local steps do not measure a population"},
        {"genetic.elite=32", "genetic.elite", "nobody is born"},
        {"genetic.tournament=33", "genetic.tournament", "33 individuals are drawn out of 32"},
        {"outer.optimizer=sgd", "outer.optimizer", "as it is"},
        {"exchange.bits=16", "exchange.bits", "16 bits are too few"},
        {"exchange.clip=3", "exchange.clip", "another individual"},
        {"train.warmup=40", "train.warmup", "40 steps of warm-up, but an individual is trained"},
        {"data.validation=0", "data.validation", "no validation data"},
        {"train.method=supervised", "genetic.search", "evolves no population"},
        {"genetic.search=[]", "genetic.steps", "do nothing"}, /* and the keys of gradients */
    };
    CU_ASSERT_FATAL(bed_open(&bed));
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        const char *sets[] = {"genetic.steps=40", cases[i].set, NULL};
        const bool other = strcmp(cases[i].set, "train.method=supervised") == 0;
        const bool weights = strcmp(cases[i].set, "genetic.search=[]") == 0;
        CU_ASSERT_EQUAL_FATAL(read_job("[train.beta1 0..0.95]", sets), VAIN_OK);
        memset(&bed.problems, 0, sizeof bed.problems);
        vain_plan_check(&bed.job, &bed.spec, &bed.problems);
        CU_ASSERT_EQUAL(bed.problems.total, other ? 2 : weights ? 3 : 1); /* genetic.steps too */
        CU_ASSERT_STRING_EQUAL(bed.problems.items[0].key, cases[i].key);
        if (strstr(bed.problems.items[0].message, cases[i].piece) == NULL) {
            printf("%s: %s\n", cases[i].set, bed.problems.items[0].message);
            CU_FAIL("the problem");
        }
    }
    static const char *const none[] = {"genetic.population=0", NULL};
    CU_ASSERT_EQUAL(read_job("[train.beta1 0..0.95]", none), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(bed.problems.items[0].message, "from 2 to 4096 (individuals)"));
    vain_fail_clear();
    bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"ranges are read", ranges_are_read},
    {"what is no range is refused, with a way out", what_is_no_range_is_refused},
    {"values of chains stay in their ranges, and reach all of them", chains_stay_in_their_ranges},
    {"no mutation is the spec itself", no_mutation_is_the_spec},
    {"seeds are steps of four sizes", seeds_are_steps_of_four_sizes},
    {"what does not fit the method is said", what_does_not_fit_the_method_is_said},
    {NULL, NULL},
};
const struct vain_suite vain_suite_genetic_search = {"jobs/genetic_search", tests};
