/* The hybrid memory as a whole: its budget, what it remembers and answers, and that its vector is
 * all there is to it. */
#include "models/memory.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "models/memory_integer.h"
#include "models/memory_replay.h"
#include "tests/unit/models/memory_bed.h"
#include "tests/unit/suite.h"

enum { WIDTH = 4, PIXELS = 6, CLASSES = 5 };

static void plans_keep_the_marks_apart(void)
{
    struct vain_memory_options options = {
        .shape = {784, 64, 10}, .ring = 64, .clusters = 16, .neighbours = 8, .symbols = 16};
    struct vain_memory_plan plan;
    for (int64_t budget = 500000; budget < 30000000; budget = budget * 17 / 16 + 1) {
        options.budget_bytes = budget;
        CU_ASSERT_EQUAL_FATAL(vain_memory_plan_make(&options, &plan), VAIN_OK);
        const int64_t low = plan.fixed_bytes + plan.low * plan.episode_bytes;
        const int64_t high = plan.fixed_bytes + plan.high * plan.episode_bytes;
        CU_ASSERT(plan.low >= 1 && low * 100 <= budget * 80);
        CU_ASSERT((low + plan.episode_bytes) * 100 > budget * 80);
        CU_ASSERT(high * 100 >= budget * 90 && (high - plan.episode_bytes) * 100 < budget * 90);
        CU_ASSERT(plan.floats * 4 == high && high <= budget);
    }
}

/* The least budget that a refusal names is the least that is not refused. */
static void small_budgets_are_refused_with_the_least(void)
{
    struct vain_memory_options options = {
        .shape = {50, 20, 10}, .ring = 4, .clusters = 2, .neighbours = 8, .symbols = 2};
    struct vain_memory_plan plan;
    for (int i = 0; i < 2; i++) {
        long long least = 0;
        options.ring = i == 0 ? 4 : 400;
        options.budget_bytes = 1000;
        CU_ASSERT_EQUAL(vain_memory_plan_make(&options, &plan), VAIN_ERR_INPUT);
        const char *said = strstr(vain_fail_message(), "give at least ");
        CU_ASSERT_PTR_NOT_NULL_FATAL(said);
        for (const char *c = said + strlen("give at least "); *c >= '0' && *c <= '9'; c++)
            least = least * 10 + (*c - '0');
        options.budget_bytes = least;
        CU_ASSERT_EQUAL(vain_memory_plan_make(&options, &plan), VAIN_OK);
        options.budget_bytes = least - 2;
        CU_ASSERT_EQUAL(vain_memory_plan_make(&options, &plan), VAIN_ERR_INPUT);
        vain_fail_clear();
    }
}

/* A long life: never above the budget, and never at 90 % of it when a call is over. */
static void a_long_life_stays_under_the_budget(void)
{
    enum { BUDGET = 8000 };
    struct memory_bed bed;
    int64_t evicted = 0;
    memory_bed_open(&bed, BUDGET, 1);
    const int64_t blocks = vain_memory_blocks();
    for (int64_t n = 0; n < 5000; n++) {
        float examples[3 * PIXELS];
        int32_t labels[3];
        int64_t episodes[3];
        const int64_t went = memory_bed_live(&bed, n), used = vain_memory_used_bytes(&bed.memory);
        evicted += went;
        CU_ASSERT_FATAL(used * 100 < (int64_t)BUDGET * 90);
        if (went > 0)
            CU_ASSERT(used <= (int64_t)BUDGET * 80 / 100 + 2 * bed.plan.episode_bytes);
        (void)vain_memory_replay(&bed.memory, (uint64_t)n, 3, examples, labels, episodes);
    }
    CU_ASSERT(evicted > 1000);
    CU_ASSERT_EQUAL(vain_memory_blocks(), blocks);
    CU_ASSERT_EQUAL(vain_memory_check(&bed.memory, "a test"), VAIN_OK);
    memory_bed_close(&bed);
}

static void full_rings_become_episodes(void)
{
    struct memory_bed bed;
    memory_bed_open(&bed, 8000, 1);
    for (int64_t n = 0; n < 7; n++)
        (void)memory_bed_live(&bed, n);
    CU_ASSERT_EQUAL(vain_memory_episodes_count(&bed.memory.episodes), 0);
    (void)memory_bed_live(&bed, 7);
    const int64_t count = vain_memory_episodes_count(&bed.memory.episodes);
    CU_ASSERT(count >= 2 && count <= 3);
    for (int64_t i = 0; i < count; i++) {
        float feature[WIDTH], example[PIXELS];
        const int64_t number = (int64_t)bed.memory.episodes.examples[i * PIXELS];
        memory_bed_experience(number, (int32_t)(number % CLASSES), feature, example);
        CU_ASSERT_EQUAL(vain_memory_episodes_label(&bed.memory.episodes, i), number % CLASSES);
        CU_ASSERT_EQUAL(memcmp(bed.memory.episodes.keys + i * WIDTH, feature, sizeof feature), 0);
    }
    for (int64_t n = 8; n < 31; n++)
        (void)memory_bed_live(&bed, n);
    CU_ASSERT_EQUAL(vain_memory_get_integer(bed.memory.clusterings), 3);
    memory_bed_close(&bed);
}

static void classes_are_known_by_name(void)
{
    struct memory_bed bed;
    struct vain_memory_class known;
    double sum[WIDTH] = {0};
    memory_bed_open(&bed, 8000, 1);
    CU_ASSERT(!vain_memory_class_of(&bed.memory, 2, &known));
    for (int64_t n = 0; n < 18; n++) {
        float feature[WIDTH], example[PIXELS];
        memory_bed_experience(n, (int32_t)(n % CLASSES), feature, example);
        (void)memory_bed_live(&bed, n);
        for (int w = 0; w < WIDTH && n % CLASSES == 2; w++)
            sum[w] += (double)feature[w];
    }
    CU_ASSERT_FATAL(vain_memory_class_of(&bed.memory, 2, &known));
    CU_ASSERT_EQUAL(known.count, 4);
    for (int w = 0; w < WIDTH; w++)
        CU_ASSERT_DOUBLE_EQUAL((double)known.prototype[w], sum[w] / 4, 1e-6);
    memory_bed_close(&bed);
}

/* A question about class `label`: its feature, and logits that say nothing. */
static void ask(struct memory_bed *bed, int64_t M, const float *features, const int64_t *skip)
{
    float logits[MEMORY_BED_B * CLASSES] = {0};
    const struct vain_memory_questions questions = {M, features, logits, skip};
    vain_memory_ask(&bed->memory, &bed->queue, &questions, &bed->scratch);
}

/* The retrieved prediction by hand: three neighbours, weights exp(10 cosine). */
static void answers_are_those_of_the_nearest(void)
{
    struct memory_bed bed;
    float features[MEMORY_BED_B * WIDTH], example[PIXELS];
    memory_bed_open(&bed, 8000, 1);
    for (int64_t n = 0; n < 16; n++)
        memory_bed_experience(500 + n, (int32_t)(n % CLASSES), features + n * WIDTH, example);
    ask(&bed, MEMORY_BED_B, features, NULL);
    CU_ASSERT(!bed.scratch.answers[0].found);
    CU_ASSERT_DOUBLE_EQUAL(bed.scratch.computed[0], log(1.0 / CLASSES), 1e-12);
    for (int64_t n = 0; n < 200; n++)
        (void)memory_bed_live(&bed, n);
    ask(&bed, MEMORY_BED_B, features, NULL);
    for (int m = 0; m < MEMORY_BED_B; m++) {
        const struct vain_memory_neighbour *found = bed.scratch.found + 3 * m;
        const double *retrieved = bed.scratch.answers[m].retrieved;
        double weights[CLASSES] = {0}, sum = 0;
        for (int n = 0; n < 3; n++) {
            const double weight = exp(10 * (double)found[n].similarity);
            weights[vain_memory_episodes_label(&bed.memory.episodes, found[n].index)] += weight;
            sum += weight;
        }
        for (int c = 0; c < CLASSES; c++)
            CU_ASSERT_DOUBLE_EQUAL(exp(retrieved[c]), weights[c] / sum, 1e-9);
        CU_ASSERT_EQUAL(bed.scratch.answers[m].inputs[VAIN_GATE_SIMILARITY],
                        (double)found[0].similarity);
        CU_ASSERT_DOUBLE_EQUAL(bed.scratch.answers[m].inputs[VAIN_GATE_COMPUTED], 0, 1e-9);
    }
    memory_bed_close(&bed);
}

/* Asking changes nothing; learning touches the nearest and moves the gate. */
static void only_learning_leaves_traces(void)
{
    struct memory_bed bed;
    float features[4 * WIDTH], example[PIXELS];
    const int32_t labels[4] = {0, 1, 2, 3};
    memory_bed_open(&bed, 8000, 1);
    for (int64_t n = 0; n < 200; n++)
        (void)memory_bed_live(&bed, n);
    const size_t bytes = (size_t)bed.plan.floats * sizeof(float);
    void *before = NULL;
    CU_ASSERT_FATAL(vain_take(bytes, "a test", &before) == VAIN_OK);
    memcpy(before, bed.block, bytes);
    for (int m = 0; m < 4; m++)
        memory_bed_experience(600 + m, labels[m], features + m * WIDTH, example);
    ask(&bed, 4, features, NULL);
    CU_ASSERT_EQUAL(memcmp(before, bed.block, bytes), 0);
    vain_memory_learn(&bed.memory, &bed.scratch, 4, labels);
    CU_ASSERT_NOT_EQUAL(memcmp(before, bed.block, bytes), 0);
    CU_ASSERT_NOT_EQUAL(bed.memory.gate[VAIN_GATE_ONE], 0);
    vain_memory_clear(&bed.memory);
    CU_ASSERT_EQUAL(vain_memory_episodes_count(&bed.memory.episodes), 0);
    CU_ASSERT_EQUAL(bed.memory.gate[VAIN_GATE_ONE], 0);
    vain_release(before);
    memory_bed_close(&bed);
}

/* The same life in another process, with other threads, from a copy of the vector in its middle. */
static void the_vector_is_all_there_is(void)
{
    struct memory_bed one, other;
    memory_bed_open(&one, 8000, 1);
    memory_bed_open(&other, 8000, 3);
    const size_t bytes = (size_t)one.plan.floats * sizeof(float);
    for (int64_t n = 0; n < 1000; n++) {
        float features[2 * WIDTH], examples[2 * PIXELS];
        int32_t labels[2];
        int64_t episodes[2], number = n;
        if (n == 437)
            memcpy(other.block, one.block, bytes);
        for (struct memory_bed *bed = &one; bed != NULL; bed = bed == &one ? &other : NULL) {
            if (bed == &other && n < 437)
                continue;
            (void)memory_bed_live(bed, number);
            if (vain_memory_replay(&bed->memory, (uint64_t)n, 2, examples, labels, episodes) == 0)
                continue;
            memory_bed_experience(n + 5000, labels[0], features, examples);
            memory_bed_experience(n + 6000, labels[1], features + WIDTH, examples);
            ask(bed, 2, features, episodes);
            vain_memory_learn(&bed->memory, &bed->scratch, 2, labels);
            vain_memory_renew_keys(&bed->memory, episodes[0], 1, features);
        }
    }
    CU_ASSERT_EQUAL(memcmp(one.block, other.block, bytes), 0);
    memory_bed_close(&one);
    memory_bed_close(&other);
}

static void what_no_memory_holds_is_refused(void)
{
    struct memory_bed bed;
    memory_bed_open(&bed, 8000, 1);
    for (int64_t n = 0; n < 100; n++)
        (void)memory_bed_live(&bed, n);
    float *const spoilt[] = {
        bed.memory.clock,          bed.memory.clusterings,      bed.memory.ring.labels,
        bed.memory.symbols.values, bed.memory.symbols.used + 1, bed.memory.episodes.count,
        bed.memory.episodes.labels};
    static const float values[] = {-1, 0.5f, 3e7f};
    CU_ASSERT_EQUAL(vain_memory_check(&bed.memory, "x"), VAIN_OK);
    for (size_t i = 0; i < VAIN_COUNT_OF(spoilt); i++) {
        for (size_t v = 0; v < VAIN_COUNT_OF(values); v++) {
            const float own = *spoilt[i];
            *spoilt[i] = values[v];
            CU_ASSERT_EQUAL(vain_memory_check(&bed.memory, "agent 7"), VAIN_ERR_CORRUPT);
            CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "agent 7"));
            *spoilt[i] = own;
        }
    }
    CU_ASSERT_EQUAL(vain_memory_check(&bed.memory, "x"), VAIN_OK);
    vain_fail_clear();
    memory_bed_close(&bed);
}

static void prototypes_follow_renewed_keys(void)
{
    struct memory_bed bed;
    memory_bed_open(&bed, 8000, 1);
    for (int64_t n = 0; n < 100; n++)
        (void)memory_bed_live(&bed, n);
    const int64_t count = vain_memory_episodes_count(&bed.memory.episodes);
    double sum = 0;
    int64_t of_class = 0;
    for (int64_t i = 0; i < count; i++) {
        const float key[WIDTH] = {(float)i, 0, 0, 0};
        vain_memory_renew_keys(&bed.memory, i, 1, key);
        if (vain_memory_episodes_label(&bed.memory.episodes, i) != 1)
            continue;
        sum += (double)i;
        of_class++;
    }
    struct vain_memory_class known;
    vain_memory_renew_prototypes(&bed.memory);
    CU_ASSERT_FATAL(of_class > 0 && vain_memory_class_of(&bed.memory, 1, &known));
    CU_ASSERT_DOUBLE_EQUAL((double)known.prototype[0], sum / (double)of_class, 1e-5);
    CU_ASSERT_EQUAL(known.prototype[1], 0);
    memory_bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"plans keep the marks apart", plans_keep_the_marks_apart},
    {"small budgets are refused with the least", small_budgets_are_refused_with_the_least},
    {"a long life stays under the budget", a_long_life_stays_under_the_budget},
    {"full rings become episodes", full_rings_become_episodes},
    {"classes are known by name", classes_are_known_by_name},
    {"answers are those of the nearest", answers_are_those_of_the_nearest},
    {"only learning leaves traces", only_learning_leaves_traces},
    {"the vector is all there is", the_vector_is_all_there_is},
    {"what no memory holds is refused", what_no_memory_holds_is_refused},
    {"prototypes follow renewed keys", prototypes_follow_renewed_keys},
    {NULL, NULL},
};
const struct vain_suite vain_suite_memory = {"memory", tests};
