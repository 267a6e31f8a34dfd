/* Reptile against sums that the test works out in double, by the published rules and not by the
 * code's. */
#include <math.h>
#include <string.h>

#include "tests/unit/jobs/few_shot.h"
#include "tests/unit/suite.h"

enum { IMAGES_MAX = FEW_WAY * 12 };

static struct few_shot few, other;

static void widen(const float *from, double *to)
{
    for (int i = 0; i < FEW_N; i++)
        to[i] = (double)from[i];
}

static void expect_near(const float *found, const double *expected, double tolerance)
{
    for (int i = 0; i < FEW_N; i++)
        CU_ASSERT_DOUBLE_EQUAL((double)found[i], expected[i], tolerance);
}

/* Gradient of the whole support of a task. */
static void gradient_of_task(const struct vain_inner *inner, int64_t task, const double *at,
                             double *gradient)
{
    float images[IMAGES_MAX * FEW_PIXELS];
    int32_t labels[IMAGES_MAX];
    few_draw(&few, "ann", inner, task, images, labels);
    memset(gradient, 0, FEW_N * sizeof *gradient);
    few_loss(at, FEW_WAY * inner->shot, images, labels, gradient);
}

static void test_one_inner_step_is_joint_training(void)
{
    few_init(&few, VAIN_METHOD_REPTILE);
    few.job.meta.inner_optimizer = VAIN_INNER_SGD;
    few.job.meta.inner_learning_rate = 0.3;
    few.job.meta.inner_iterations = 1;
    few.job.meta.inner_batch = 0;
    few.job.meta.step = few.job.meta.step_final = 0.8;
    CU_ASSERT_EQUAL_FATAL(few_open(&few, 1, "ann"), VAIN_OK);
    CU_ASSERT_EQUAL(few_steps(&few, 0, 6), VAIN_OK);
    const struct vain_inner inner = vain_inner_of_training(&few.job);
    double parameters[FEW_N], gradient[FEW_N], mean[FEW_N];
    widen(few.initial, parameters);
    for (int64_t step = 0; step < 6; step++) {
        memset(mean, 0, sizeof mean);
        for (int64_t task = 0; task < few.job.meta.batch; task++) {
            gradient_of_task(&inner, step * few.job.meta.batch + task, parameters, gradient);
            for (int i = 0; i < FEW_N; i++)
                mean[i] += gradient[i] / (double)few.job.meta.batch;
        }
        for (int i = 0; i < FEW_N; i++)
            parameters[i] -= 0.8 * 0.3 * mean[i];
    }
    expect_near(few.method.parameters, parameters, 1e-6);
    CU_ASSERT(fabs(parameters[0] - (double)few.initial[0]) > 1e-3);
    few_close(&few);
}

/* Adam without a first moment over the support, as published: one task after the other. `moment`
 * runs through; where `shared` all tasks of a meta-iteration see what came before it. */
static void reference_step(int64_t step, double step_size, bool shared, double *parameters,
                           double *moment, int64_t *number)
{
    const struct vain_inner inner = vain_inner_of_training(&few.job);
    const struct vain_meta_options *meta = &few.job.meta;
    const int64_t number_before = *number;
    double mean[FEW_N] = {0}, before[FEW_N], adapted[FEW_N], seen[FEW_N], gradient[FEW_N];
    memcpy(before, moment, sizeof before);
    for (int64_t task = 0; task < meta->batch; task++) {
        int64_t own = shared ? number_before : *number;
        memcpy(adapted, parameters, sizeof adapted);
        memcpy(seen, shared ? before : moment, sizeof seen);
        for (int64_t k = 0; k < meta->inner_iterations; k++) {
            gradient_of_task(&inner, step * meta->batch + task, adapted, gradient);
            own++;
            ++*number;
            for (int i = 0; i < FEW_N; i++) {
                const double square = gradient[i] * gradient[i];
                moment[i] += (1 - meta->inner_beta2) * (square - moment[i]);
                seen[i] += (1 - meta->inner_beta2) * (square - seen[i]);
                adapted[i] -= meta->inner_learning_rate * gradient[i] /
                              (sqrt(seen[i] / (1 - pow(meta->inner_beta2, (double)own))) + 1e-8);
            }
        }
        for (int i = 0; i < FEW_N; i++)
            mean[i] += adapted[i] / (double)meta->batch;
    }
    for (int i = 0; i < FEW_N; i++)
        parameters[i] += step_size * (mean[i] - parameters[i]);
}

static void check_adam(int64_t batch, bool shared)
{
    few_init(&few, VAIN_METHOD_REPTILE);
    few.job.meta.batch = batch;
    few.job.meta.inner_batch = 0;
    few.job.meta.inner_learning_rate = 0.01;
    few.job.meta.inner_beta2 = 0.9;
    few.job.meta.train_shots = 4;
    CU_ASSERT_EQUAL_FATAL(few_open(&few, 1, "ann"), VAIN_OK);
    CU_ASSERT_EQUAL(few_steps(&few, 0, 8), VAIN_OK);
    double parameters[FEW_N], moment[FEW_N] = {0};
    int64_t number = 0;
    widen(few.initial, parameters);
    for (int64_t step = 0; step < 8; step++) /* from 1 to 0 in the run's 20 steps */
        reference_step(step, 1 - (double)step / 20, shared, parameters, moment, &number);
    expect_near(few.method.parameters, parameters, 2e-5);
    CU_ASSERT_EQUAL_FATAL(few.method.memory_count, 1);
    CU_ASSERT_STRING_EQUAL(few.method.memories[0].name, "moment2");
    expect_near(few.method.memories[0].values, moment, 2e-5);
    CU_ASSERT_EQUAL(few.method.optimiser_step, number);
    CU_ASSERT_EQUAL(few.method.data_position, 8);
    few_close(&few);
}

static void test_one_task_at_a_time_is_the_published_rule(void)
{
    check_adam(1, false);
}

static void test_moments_go_on_as_if_tasks_came_one_after_the_other(void)
{
    check_adam(3, true);
}

static double sum_of_accuracies(const struct vain_measure_sums *sums)
{
    return sums->of[VAIN_MEASURE_ACCURACY].sum + sums->of[VAIN_MEASURE_LOSS].sum;
}

/* Every bit of what a method holds and measures, with more threads than tasks and fewer. */
static void test_threads_do_not_matter(void)
{
    const struct vain_method_share share = {.shares = 1};
    for (int threads = 2; threads <= 8; threads *= 2) {
        struct vain_measure_sums one = {0}, many = {0};
        few_init(&few, VAIN_METHOD_REPTILE);
        few_init(&other, VAIN_METHOD_REPTILE);
        CU_ASSERT_EQUAL_FATAL(few_open(&few, 1, "ann"), VAIN_OK);
        CU_ASSERT_EQUAL_FATAL(few_open(&other, threads, "ann"), VAIN_OK);
        CU_ASSERT_EQUAL(few_steps(&few, 0, 5), VAIN_OK);
        CU_ASSERT_EQUAL(few_steps(&other, 0, 5), VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(few.method.parameters, other.method.parameters, sizeof few.initial),
                        0);
        CU_ASSERT_EQUAL(memcmp(few.method.memories[0].values, other.method.memories[0].values,
                               sizeof few.initial),
                        0);
        few.ops->evaluate(&few.method, few.method.parameters, &share, &one);
        other.ops->evaluate(&other.method, other.method.parameters, &share, &many);
        CU_ASSERT_EQUAL(sum_of_accuracies(&one), sum_of_accuracies(&many));
        CU_ASSERT_EQUAL(one.of[VAIN_MEASURE_ACCURACY].count, few.job.meta.evaluation_tasks);
        few_close(&few);
        few_close(&other);
    }
}

static void test_members_have_tasks_of_their_own(void)
{
    few_init(&few, VAIN_METHOD_REPTILE);
    few_init(&other, VAIN_METHOD_REPTILE);
    CU_ASSERT_EQUAL_FATAL(few_open(&few, 1, "ann"), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(few_open(&other, 1, "bob"), VAIN_OK);
    CU_ASSERT_EQUAL(few_steps(&few, 0, 1), VAIN_OK);
    CU_ASSERT_EQUAL(few_steps(&other, 0, 1), VAIN_OK);
    CU_ASSERT_NOT_EQUAL(memcmp(few.method.parameters, other.method.parameters, sizeof few.initial),
                        0);
    few_close(&few);
    few_close(&other);
}

/* The tests are the same whoever takes them, however many share the work. */
static void test_tests_are_shared_out(void)
{
    struct vain_measure_sums whole = {0}, parts = {0};
    few_init(&few, VAIN_METHOD_REPTILE);
    few_init(&other, VAIN_METHOD_REPTILE);
    few.job.meta.evaluation_tasks = other.job.meta.evaluation_tasks = 50;
    few.job.meta.final_tasks = other.job.meta.final_tasks = 70;
    CU_ASSERT_EQUAL_FATAL(few_open(&few, 1, "ann"), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(few_open(&other, 1, "bob"), VAIN_OK);
    for (int last = 0; last < 2; last++) {
        memset(&whole, 0, sizeof whole);
        memset(&parts, 0, sizeof parts);
        few.ops->evaluate(&few.method, few.initial,
                          &(struct vain_method_share){.shares = 1, .last = last != 0}, &whole);
        for (int share = 0; share < 7; share++)
            other.ops->evaluate(
                &other.method, few.initial,
                &(struct vain_method_share){.share = share, .shares = 7, .last = last != 0},
                &parts);
        CU_ASSERT_EQUAL(whole.of[VAIN_MEASURE_ACCURACY].count, last != 0 ? 70 : 50);
        CU_ASSERT_EQUAL(parts.of[VAIN_MEASURE_ACCURACY].count, last != 0 ? 70 : 50);
        CU_ASSERT_DOUBLE_EQUAL(whole.of[VAIN_MEASURE_ACCURACY].sum,
                               parts.of[VAIN_MEASURE_ACCURACY].sum, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(whole.of[VAIN_MEASURE_LOSS].sum, parts.of[VAIN_MEASURE_LOSS].sum,
                               1e-9);
    }
    struct vain_measure_sums none = {0}; /* more who share than there are tests */
    few.ops->evaluate(&few.method, few.initial,
                      &(struct vain_method_share){.share = 60, .shares = 64}, &none);
    CU_ASSERT_EQUAL(none.of[VAIN_MEASURE_ACCURACY].count, 0);
    few_close(&few);
    few_close(&other);
}

static void test_an_evaluation_leaves_no_trace(void)
{
    const struct vain_method_share share = {.shares = 1};
    struct vain_measure_sums first = {0}, second = {0};
    float moment[FEW_N];
    few_init(&few, VAIN_METHOD_REPTILE);
    CU_ASSERT_EQUAL_FATAL(few_open(&few, 2, "ann"), VAIN_OK);
    CU_ASSERT_EQUAL(few_steps(&few, 0, 2), VAIN_OK);
    memcpy(moment, few.method.memories[0].values, sizeof moment);
    few.ops->evaluate(&few.method, few.initial, &share, &first);
    CU_ASSERT_EQUAL(memcmp(moment, few.method.memories[0].values, sizeof moment), 0);
    few.ops->evaluate(&few.method, few.initial, &share, &second);
    CU_ASSERT_EQUAL(memcmp(&first, &second, sizeof first), 0);
    CU_ASSERT_EQUAL(few.method.optimiser_step, 2 * 5 * 5);
    few_close(&few);
}

/* What is saved is all that is needed: another process goes on to the same bits. */
static void test_going_on_is_as_if_nothing_had_been(void)
{
    few_init(&few, VAIN_METHOD_REPTILE);
    few_init(&other, VAIN_METHOD_REPTILE);
    CU_ASSERT_EQUAL_FATAL(few_open(&few, 1, "ann"), VAIN_OK);
    CU_ASSERT_EQUAL(few_steps(&few, 0, 7), VAIN_OK);
    memcpy(other.initial, few.method.parameters, sizeof other.initial);
    CU_ASSERT_EQUAL_FATAL(few_open(&other, 2, "ann"), VAIN_OK);
    memcpy(other.method.memories[0].values, few.method.memories[0].values, sizeof few.initial);
    other.method.optimiser_step = few.method.optimiser_step;
    other.method.data_position = few.method.data_position;
    CU_ASSERT_EQUAL(few_steps(&few, 7, 6), VAIN_OK);
    CU_ASSERT_EQUAL(few_steps(&other, 7, 6), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(few.method.parameters, other.method.parameters, sizeof few.initial), 0);
    few.ops->forget(&few.method);
    for (int i = 0; i < FEW_N; i++)
        CU_ASSERT_EQUAL(few.method.memories[0].values[i], 0.0f);
    CU_ASSERT_EQUAL(few.method.optimiser_step, 0);
    few_close(&few);
    few_close(&other);
}

/* A weight beyond all bounds: the loss or the weights are not numbers, and nothing has moved. */
static void test_what_is_not_finite_is_refused(void)
{
    few_init(&few, VAIN_METHOD_REPTILE);
    few.job.meta.inner_optimizer = VAIN_INNER_SGD;
    few.initial[FEW_WAY * FEW_PIXELS + 1] = INFINITY;
    CU_ASSERT_EQUAL_FATAL(few_open(&few, 1, "ann"), VAIN_OK);
    CU_ASSERT_EQUAL(few_steps(&few, 0, 1), VAIN_ERR_NUMERIC);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "member 'ann', round 1, local step 1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "slice 'dense."));
    CU_ASSERT_EQUAL(memcmp(few.method.parameters, few.initial, sizeof few.initial), 0);
    CU_ASSERT_EQUAL(few.method.data_position, 0);
    CU_ASSERT_EQUAL(few.method.memory_count, 0);
    few_close(&few);
    few_init(&few, VAIN_METHOD_REPTILE);
    CU_ASSERT_EQUAL_FATAL(few_open(&few, 1, "ann"), VAIN_OK);
    few_loss_added = INFINITY;
    CU_ASSERT_EQUAL(few_steps(&few, 0, 1), VAIN_ERR_NUMERIC);
    few_loss_added = 0;
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "the loss is inf"));
    CU_ASSERT_EQUAL(memcmp(few.method.parameters, few.initial, sizeof few.initial), 0);
    CU_ASSERT_EQUAL(few.method.memories[0].values[0], 0.0f);
    few_close(&few);
}

static int number_of(int image)
{
    return (int)lround((double)few_notes.first_pixel[image] * 256);
}

/* The support comes in orders that hold each of its examples once, whatever the batches. */
static void test_examples_are_used_up_before_they_come_again(void)
{
    few_init(&few, VAIN_METHOD_REPTILE);
    few.job.meta.batch = 1;
    few.job.meta.train_shots = 3;
    few.job.meta.inner_batch = 4;
    few.job.meta.inner_iterations = 9;
    memset(&few_notes, 0, sizeof few_notes);
    few_notes.on = true;
    CU_ASSERT_EQUAL_FATAL(few_open(&few, 1, "ann"), VAIN_OK);
    CU_ASSERT_EQUAL(few_steps(&few, 0, 1), VAIN_OK);
    few_notes.on = false;
    CU_ASSERT_EQUAL(few_notes.batches, 9);
    CU_ASSERT_EQUAL_FATAL(few_notes.images, 36);
    bool another_order = false;
    for (int epoch = 0; epoch < 4; epoch++) {
        for (int i = 0; i < 9; i++) {
            int times = 0;
            for (int j = 0; j < 9; j++)
                times += number_of(epoch * 9 + j) == number_of(i) ? 1 : 0;
            CU_ASSERT_EQUAL(times, 1);
            another_order = another_order || number_of(epoch * 9 + i) != number_of(i);
        }
    }
    CU_ASSERT(another_order);
    few_close(&few);
}

/* Each example of the query alone behind the support, then the query at once. */
static void test_a_query_is_seen_alone_and_together(void)
{
    const struct vain_method_share share = {.shares = 1};
    struct vain_measure_sums sums = {0};
    few_init(&few, VAIN_METHOD_REPTILE);
    few.job.data.query = 2;
    few.job.meta.evaluation_tasks = 1;
    few.job.meta.evaluation_iterations = 1;
    few.job.meta.evaluation_batch = 0;
    memset(&few_notes, 0, sizeof few_notes);
    few_notes.on = true;
    CU_ASSERT_EQUAL_FATAL(few_open(&few, 1, "ann"), VAIN_OK);
    few.ops->evaluate(&few.method, few.initial, &share, &sums);
    few_notes.on = false;
    CU_ASSERT_EQUAL_FATAL(few_notes.batches, 1 + 6 + 1);
    CU_ASSERT_EQUAL(few_notes.batch_count[0], 6);
    for (int alone = 0; alone < 6; alone++) {
        CU_ASSERT_EQUAL(few_notes.batch_count[1 + alone], 7);
        const int last = 6 + alone * 7 + 6, together = 6 + 6 * 7 + alone;
        CU_ASSERT_EQUAL(number_of(last), number_of(together));
        for (int i = 0; i < 6; i++) {
            CU_ASSERT_EQUAL(number_of(6 + alone * 7 + i), number_of(6 + i));
            CU_ASSERT_NOT_EQUAL(number_of(6 + i), number_of(together));
        }
        CU_ASSERT(number_of(together) >= 12 * 10); /* of classes that nobody trains on */
    }
    CU_ASSERT_EQUAL(few_notes.batch_count[7], 6);
    few_close(&few);
}

static const struct vain_test tests[] = {
    {"one inner step of SGD is joint training", test_one_inner_step_is_joint_training},
    {"one task at a time is the published rule", test_one_task_at_a_time_is_the_published_rule},
    {"moments go on as if tasks came one after the other",
     test_moments_go_on_as_if_tasks_came_one_after_the_other},
    {"threads do not matter", test_threads_do_not_matter},
    {"members have tasks of their own", test_members_have_tasks_of_their_own},
    {"tests are shared out", test_tests_are_shared_out},
    {"an evaluation leaves no trace", test_an_evaluation_leaves_no_trace},
    {"going on is as if nothing had been", test_going_on_is_as_if_nothing_had_been},
    {"what is not finite is refused", test_what_is_not_finite_is_refused},
    {"examples are used up before they come again",
     test_examples_are_used_up_before_they_come_again},
    {"a query is seen alone and together", test_a_query_is_seen_alone_and_together},
    {NULL, NULL},
};
const struct vain_suite vain_suite_reptile = {"jobs/reptile", tests};
