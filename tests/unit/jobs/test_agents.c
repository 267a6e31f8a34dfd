/* Agents with memories: what they learn, what their memories can and cannot touch, and that nothing
 * of them is anywhere but in the vectors that the member's file keeps. */
#include "jobs/agent_memories.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/jobs/image_bed.h"
#include "tests/unit/suite.h"

static const struct vain_method_ops *const ops = &vain_method_agents;

static void open_method(struct image_bed *bed, struct vain_method *method)
{
    CU_ASSERT_EQUAL_FATAL(ops->open(&bed->config, bed->initial, method), VAIN_OK);
}

/* Steps from `first` on, four a round, with an adoption at the end of each round. */
static double steps(struct vain_method *method, int64_t first, int64_t count)
{
    struct vain_step_report report = {0};
    for (int64_t s = first; s < first + count; s++) {
        CU_ASSERT_EQUAL_FATAL(ops->step(method, s / 4, s % 4, false, &report), VAIN_OK);
        if (s % 4 == 3)
            ops->adopt(method, method->parameters);
    }
    return report.loss;
}

static bool equal_parameters(const struct vain_method *a, const struct vain_method *b)
{
    return memcmp(a->parameters, b->parameters,
                  (size_t)a->config.layout->parameter_count * sizeof(float)) == 0;
}

/* What the file keeps under this name. */
static struct vain_member_memory kept(const struct vain_method *method)
{
    const struct vain_member_memory *last = &method->memories[method->memory_count - 1];
    CU_ASSERT_STRING_EQUAL_FATAL(last->name, "agent_memories");
    return *last;
}

static bool equal_memories(const struct vain_method *a, const struct vain_method *b)
{
    return memcmp(kept(a).values, kept(b).values, (size_t)kept(a).count * sizeof(float)) == 0;
}

static double accuracy(struct vain_method *method, int64_t round, int64_t *count)
{
    const struct vain_method_share share = {.shares = 1, .round = round};
    struct vain_measure_sums sums = {0};
    struct vain_measures measures;
    CU_ASSERT_EQUAL(ops->evaluate(method, method->parameters, &share, &sums), VAIN_OK);
    vain_measure_finish(&sums, &measures);
    CU_ASSERT(isfinite(measures.of[VAIN_MEASURE_LOSS].mean));
    *count = sums.of[VAIN_MEASURE_ACCURACY].count;
    return measures.of[VAIN_MEASURE_ACCURACY].mean;
}

/* Without replay what an agent remembers touches no parameter: two memories that have nothing in
 * common, and none at all, leave the same delta, loss and weight: all that a member sends. */
static void memories_do_not_reach_the_exchange(void)
{
    static const char *const sets[] = {"memory.replay=0", NULL};
    static const char *const off[] = {"memory.enabled=false", NULL};
    struct image_bed bed, without;
    struct vain_method one, other, none;
    image_bed_open(&bed, sets, 0, 1, 1);
    image_bed_open(&without, off, 0, 1, 1);
    open_method(&bed, &one);
    open_method(&bed, &other);
    open_method(&without, &none);
    (void)steps(&other, 0, 40); /* a life before */
    other.config.queue->device->ops->memory.copy_in(
        other.config.queue, other.parameters, bed.initial,
        (size_t)bed.layout.parameter_count * sizeof(float));
    for (int i = 0; i < other.memory_count - 1; i++) /* the optimiser's */
        memset(other.memories[i].values, 0, (size_t)other.memories[i].count * sizeof(float));
    other.data_position = other.optimiser_step = 0;
    other.loss_sum = 0;
    CU_ASSERT(!equal_memories(&one, &other));
    for (int64_t s = 0; s < 30; s++) {
        struct vain_step_report report[3];
        CU_ASSERT_EQUAL(ops->step(&one, 0, s, false, &report[0]), VAIN_OK);
        CU_ASSERT_EQUAL(ops->step(&other, 0, s, false, &report[1]), VAIN_OK);
        CU_ASSERT_EQUAL(ops->step(&none, 0, s, false, &report[2]), VAIN_OK);
        CU_ASSERT(report[0].loss == report[1].loss && report[0].loss == report[2].loss);
        CU_ASSERT(equal_parameters(&one, &other) && equal_parameters(&one, &none));
    }
    CU_ASSERT(one.loss_sum == other.loss_sum && one.loss_sum == none.loss_sum);
    CU_ASSERT(!equal_memories(&one, &other));
    CU_ASSERT_EQUAL(one.memory_count, none.memory_count + 1);
    ops->close(&one);
    ops->close(&other);
    ops->close(&none);
    image_bed_close(&bed);
    image_bed_close(&without);
}

/* With replay they do reach the member's own gradients. */
static void replay_is_learned_from(void)
{
    static const char *const sets[] = {NULL};
    struct image_bed bed;
    struct vain_method one, other;
    image_bed_open(&bed, sets, 0, 1, 1);
    open_method(&bed, &one);
    open_method(&bed, &other);
    (void)steps(&one, 0, 8);
    (void)steps(&other, 0, 8);
    CU_ASSERT(equal_parameters(&one, &other) && equal_memories(&one, &other));
    vain_memory_clear(
        &((struct vain_memory){.plan.floats = kept(&other).count, .block = kept(&other).values}));
    (void)steps(&one, 8, 1);
    (void)steps(&other, 8, 1);
    CU_ASSERT(!equal_parameters(&one, &other));
    ops->close(&one);
    ops->close(&other);
    image_bed_close(&bed);
}

static const char *const stream[] = {"memory.stream=classes", "memory.phase_rounds=10",
                                     "memory.agents=2", NULL};

/* In the middle of a round all goes on from the vectors and counts that a member's file has, on
 * other threads. */
static void a_restart_goes_on_bit_for_bit(void)
{
    struct image_bed bed, again;
    struct vain_method whole, first, second;
    image_bed_open(&bed, stream, 0, 1, 1);
    image_bed_open(&again, stream, 0, 1, 3);
    open_method(&bed, &whole);
    open_method(&bed, &first);
    open_method(&again, &second);
    (void)steps(&whole, 0, 90);
    (void)steps(&first, 0, 50);
    ops->adopt(&second, again.initial);
    memcpy(second.parameters, first.parameters, (size_t)bed.layout.parameter_count * sizeof(float));
    CU_ASSERT_EQUAL_FATAL(first.memory_count, second.memory_count);
    for (int i = 0; i < first.memory_count; i++)
        memcpy(second.memories[i].values, first.memories[i].values,
               (size_t)first.memories[i].count * sizeof(float));
    second.optimiser_step = first.optimiser_step;
    second.data_position = first.data_position;
    (void)steps(&second, 50, 40);
    CU_ASSERT(equal_parameters(&whole, &second));
    CU_ASSERT(equal_memories(&whole, &second));
    ops->close(&whole);
    ops->close(&first);
    ops->close(&second);
    image_bed_close(&bed);
    image_bed_close(&again);
}

/* Three phases of two classes: with memory most of all six are known at the end, without it the
 * last two. What is measured grows with the stream, and measuring changes nothing. */
static void memories_help_against_forgetting(void)
{
    double reached[2];
    for (int on = 0; on < 2; on++) {
        const char *const sets[] = {stream[0],
                                    stream[1],
                                    stream[2],
                                    on == 1 ? "memory.enabled=true" : "memory.enabled=false",
                                    "train.learning_rate=1e-2",
                                    NULL};
        struct image_bed bed;
        struct vain_method method;
        int64_t count;
        image_bed_open(&bed, sets, 0, 1, 1);
        open_method(&bed, &method);
        for (int64_t phase = 0; phase < 3; phase++) {
            (void)steps(&method, phase * 40, 40);
            reached[on] = accuracy(&method, 10 * (phase + 1), &count);
            CU_ASSERT_EQUAL(count, (phase + 1) * IMAGE_BED_TEST / 3);
        }
        CU_ASSERT_EQUAL(accuracy(&method, 30, &count), reached[on]);
        ops->close(&method);
        image_bed_close(&bed);
    }
    CU_ASSERT(reached[0] < 0.5);
    CU_ASSERT(reached[1] > 0.75);
}

/* The model alone, measured with memories at hand, is the model that is measured without. */
static void retrieval_can_be_left_out(void)
{
    static const char *const sets[] = {"memory.retrieval=false", "memory.replay=0", NULL};
    static const char *const off[] = {"memory.enabled=false", NULL};
    struct image_bed bed, without;
    struct vain_method one, none;
    const struct vain_method_share share = {.shares = 1, .round = 3};
    struct vain_measure_sums sums = {0}, beside = {0};
    image_bed_open(&bed, sets, 0, 1, 1);
    image_bed_open(&without, off, 0, 1, 1);
    open_method(&bed, &one);
    open_method(&without, &none);
    (void)steps(&one, 0, 12);
    (void)steps(&none, 0, 12);
    CU_ASSERT_EQUAL(ops->evaluate(&one, one.parameters, &share, &sums), VAIN_OK);
    CU_ASSERT_EQUAL(ops->evaluate(&none, none.parameters, &share, &beside), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(&sums, &beside, sizeof sums), 0);
    bed.job.memory.retrieval = true;
    CU_ASSERT_EQUAL(ops->evaluate(&one, one.parameters, &share, &sums), VAIN_OK);
    CU_ASSERT_NOT_EQUAL(sums.of[VAIN_MEASURE_LOSS].sum, 2 * beside.of[VAIN_MEASURE_LOSS].sum);
    ops->close(&one);
    ops->close(&none);
    image_bed_close(&bed);
    image_bed_close(&without);
}

static void shares_of_an_evaluation_add_up(void)
{
    struct image_bed bed;
    struct vain_method method;
    int64_t count;
    image_bed_open(&bed, stream, 0, 1, 1);
    open_method(&bed, &method);
    (void)steps(&method, 0, 80);
    struct vain_measure_sums sums = {0};
    for (int s = 0; s < 3; s++) {
        const struct vain_method_share share = {.share = s, .shares = 3, .round = 20};
        CU_ASSERT_EQUAL(ops->evaluate(&method, method.parameters, &share, &sums), VAIN_OK);
    }
    (void)accuracy(&method, 20, &count);
    CU_ASSERT_EQUAL(sums.of[VAIN_MEASURE_ACCURACY].count, count);
    CU_ASSERT_EQUAL(sums.of[VAIN_MEASURE_LOSS].count, count);
    ops->close(&method);
    image_bed_close(&bed);
}

/* After an adoption every key is the feature, of norm 1, under the adopted parameters. */
static void keys_follow_the_model(void)
{
    enum { WIDTH = 12 };
    struct image_bed bed;
    struct vain_method method;
    struct vain_agent_memories beside;
    image_bed_open(&bed, stream, 0, 1, 1);
    open_method(&bed, &method);
    (void)steps(&method, 0, 40);
    ops->adopt(&method, bed.initial);
    CU_ASSERT_EQUAL_FATAL(vain_agent_memories_open(&bed.config, &beside), VAIN_OK);
    memcpy(beside.block, kept(&method).values, (size_t)kept(&method).count * sizeof(float));
    for (int a = 0; a < 2; a++) {
        const struct vain_memory_episodes *episodes = &beside.of[a].episodes;
        CU_ASSERT(vain_memory_episodes_count(episodes) > 20);
        for (int64_t i = 0; i < vain_memory_episodes_count(episodes); i++) {
            const struct vain_batch one = {.B = 1, .T = 1, .images = episodes->examples + i * 36};
            float feature[WIDTH], logits[IMAGE_BED_CLASSES];
            double squares = 0;
            bed.config.model_ops->features(&bed.model, &bed.layout, &bed.queue, bed.initial, &one,
                                           beside.workspace, feature, logits);
            for (int w = 0; w < WIDTH; w++)
                squares += (double)feature[w] * (double)feature[w];
            for (int w = 0; w < WIDTH; w++)
                CU_ASSERT_DOUBLE_EQUAL((double)episodes->keys[i * WIDTH + w],
                                       (double)feature[w] / sqrt(squares), 1e-5);
        }
    }
    vain_agent_memories_close(&beside);
    ops->close(&method);
    image_bed_close(&bed);
}

static void what_is_forgotten_is_gone(void)
{
    struct image_bed bed;
    struct vain_method method;
    image_bed_open(&bed, stream, 0, 1, 1);
    open_method(&bed, &method);
    (void)steps(&method, 0, 40);
    ops->forget(&method);
    for (int i = 0; i < method.memory_count; i++)
        for (int64_t e = 0; e < method.memories[i].count; e++)
            CU_ASSERT_FATAL(method.memories[i].values[e] == 0);
    CU_ASSERT_EQUAL(method.optimiser_step, 0);
    (void)steps(&method, 40, 8);
    ops->close(&method);
    image_bed_close(&bed);
}

static void a_spoilt_memory_stops_the_member(void)
{
    struct image_bed bed;
    struct vain_method method;
    struct vain_step_report report;
    const struct vain_method_share share = {.shares = 1, .round = 1};
    struct vain_measure_sums sums = {0};
    image_bed_open(&bed, stream, 0, 1, 1);
    open_method(&bed, &method);
    kept(&method).values[kept(&method).count / 2] = -3; /* the second agent's clock */
    ops->adopt(&method, bed.initial);
    CU_ASSERT_EQUAL(ops->evaluate(&method, method.parameters, &share, &sums), VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(ops->step(&method, 0, 0, false, &report), VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "agent 2 of member 'member-0'"));
    vain_fail_clear();
    ops->close(&method);
    image_bed_close(&bed);
}

static void what_does_not_fit_is_refused(void)
{
    static const char *const small[] = {"memory.budget=1KiB", NULL};
    static const char *const fine[] = {NULL};
    struct image_bed bed;
    struct vain_method method;
    image_bed_open(&bed, small, 0, 1, 1);
    CU_ASSERT_EQUAL(ops->open(&bed.config, bed.initial, &method), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "memory.budget: 1024 bytes"));
    image_bed_close(&bed);
    image_bed_open(&bed, fine, 0, 1, 1);
    bed.site.comm.size = 2;
    CU_ASSERT_EQUAL(ops->open(&bed.config, bed.initial, &method), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "site of 2 ranks"));
    vain_fail_clear();
    image_bed_close(&bed);
}

static void a_loss_that_is_not_finite_is_named(void)
{
    struct image_bed bed;
    struct vain_method method;
    struct vain_step_report report;
    image_bed_open(&bed, stream, 0, 1, 1);
    bed.initial[bed.layout.slices[0].offset] = INFINITY;
    open_method(&bed, &method);
    CU_ASSERT_EQUAL(ops->step(&method, 0, 0, false, &report), VAIN_ERR_NUMERIC);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "nothing was sent"));
    vain_fail_clear();
    ops->close(&method);
    image_bed_close(&bed);
}

/* The plan's number is what the opening takes, but for host buffers of a few images. */
static void the_plan_counts_what_is_taken(void)
{
    struct image_bed bed;
    struct vain_method method;
    image_bed_open(&bed, stream, 0, 1, 1);
    const int64_t before = vain_memory_bytes();
    open_method(&bed, &method);
    const int64_t taken = vain_memory_bytes() - before, planned = ops->memory_bytes(&bed.config);
    CU_ASSERT(taken > planned / 2 && taken < planned + 32768);
    ops->close(&method);
    CU_ASSERT_EQUAL(vain_memory_bytes(), before);
    image_bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"memories do not reach the exchange", memories_do_not_reach_the_exchange},
    {"replay is learned from", replay_is_learned_from},
    {"a restart goes on bit for bit", a_restart_goes_on_bit_for_bit},
    {"memories help against forgetting", memories_help_against_forgetting},
    {"retrieval can be left out", retrieval_can_be_left_out},
    {"shares of an evaluation add up", shares_of_an_evaluation_add_up},
    {"keys follow the model", keys_follow_the_model},
    {"what is forgotten is gone", what_is_forgotten_is_gone},
    {"a spoilt memory stops the member", a_spoilt_memory_stops_the_member},
    {"what does not fit is refused", what_does_not_fit_is_refused},
    {"a loss that is not finite is named", a_loss_that_is_not_finite_is_named},
    {"the plan counts what is taken", the_plan_counts_what_is_taken},
    {NULL, NULL},
};
const struct vain_suite vain_suite_agents = {"agents", tests};
