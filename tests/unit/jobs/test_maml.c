/* First-order MAML against sums that the test works out in double. */
#include <math.h>
#include <string.h>

#include "tests/unit/jobs/few_shot.h"
#include "tests/unit/suite.h"

enum { IMAGES_MAX = FEW_WAY * 12 };

static struct few_shot few, other;

static void open_maml(struct few_shot *out, int threads)
{
    few_init(out, VAIN_METHOD_MAML);
    out->job.meta.batch = 4;
    out->job.meta.inner_optimizer = VAIN_INNER_SGD;
    out->job.meta.inner_learning_rate = 0.4;
    out->job.meta.inner_batch = 0;
    out->job.meta.inner_iterations = 3;
    out->job.data.query = 2;
    out->job.train.learning_rate = 0.01;
    out->job.train.schedule = VAIN_SCHEDULE_CONSTANT;
    out->job.train.weight_decay = 0;
    out->job.train.gradient_clip = 0;
    CU_ASSERT_EQUAL_FATAL(few_open(out, threads, "ann"), VAIN_OK);
}

/* Mean over the first step's tasks of the query's gradient at the adapted weights. */
static void reference_gradient(double *mean)
{
    const struct vain_inner inner = vain_inner_of_training(&few.job);
    float images[IMAGES_MAX * FEW_PIXELS];
    int32_t labels[IMAGES_MAX];
    const int64_t support = FEW_WAY * inner.shot, query = FEW_WAY * inner.query;
    for (int64_t task = 0; task < few.job.meta.batch; task++) {
        double at[FEW_N], gradient[FEW_N];
        few_draw(&few, "ann", &inner, task, images, labels);
        for (int i = 0; i < FEW_N; i++)
            at[i] = (double)few.initial[i];
        for (int64_t k = 0; k < few.job.meta.inner_iterations; k++) {
            memset(gradient, 0, sizeof gradient);
            few_loss(at, support, images, labels, gradient);
            for (int i = 0; i < FEW_N; i++)
                at[i] -= few.job.meta.inner_learning_rate * gradient[i];
        }
        memset(gradient, 0, sizeof gradient);
        few_loss(at, query, images + support * FEW_PIXELS, labels + support, gradient);
        for (int i = 0; i < FEW_N; i++)
            mean[i] += gradient[i] / (double)few.job.meta.batch;
    }
}

static void test_the_gradient_is_that_at_the_adapted_weights(void)
{
    double expected[FEW_N] = {0}, squares = 0;
    struct vain_step_report report;
    open_maml(&few, 2);
    CU_ASSERT_EQUAL(few.ops->step(&few.method, 0, 0, false, &report), VAIN_OK);
    reference_gradient(expected);
    for (int i = 0; i < FEW_N; i++) {
        const double g = expected[i];
        squares += g * g;
        CU_ASSERT_DOUBLE_EQUAL((double)few.method.gradients[i], g, 1e-6);
        /* The first step of Adam is the learning rate long. */
        CU_ASSERT_DOUBLE_EQUAL((double)few.method.parameters[i],
                               (double)few.initial[i] - 0.01 * g / (fabs(g) + 1e-8), 1e-6);
    }
    CU_ASSERT_DOUBLE_EQUAL(report.gradient_norm, sqrt(squares), 1e-6);
    CU_ASSERT_EQUAL(few.method.optimiser_step, 1);
    CU_ASSERT_EQUAL(few.method.data_position, 1);
    few_close(&few);
}

static void test_threads_do_not_matter(void)
{
    for (int threads = 2; threads <= 8; threads *= 2) {
        open_maml(&few, 1);
        open_maml(&other, threads);
        CU_ASSERT_EQUAL(few_steps(&few, 0, 6), VAIN_OK);
        CU_ASSERT_EQUAL(few_steps(&other, 0, 6), VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(few.method.parameters, other.method.parameters, sizeof few.initial),
                        0);
        few_close(&few);
        few_close(&other);
    }
}

static void test_going_on_is_as_if_nothing_had_been(void)
{
    open_maml(&few, 1);
    CU_ASSERT_EQUAL(few_steps(&few, 0, 7), VAIN_OK);
    open_maml(&other, 1);
    other.ops->adopt(&other.method, few.method.parameters);
    CU_ASSERT_EQUAL_FATAL(few.method.memory_count, 2);
    for (int m = 0; m < 2; m++)
        memcpy(other.method.memories[m].values, few.method.memories[m].values, sizeof few.initial);
    other.method.optimiser_step = few.method.optimiser_step;
    other.method.data_position = few.method.data_position;
    CU_ASSERT_EQUAL(few_steps(&few, 7, 6), VAIN_OK);
    CU_ASSERT_EQUAL(few_steps(&other, 7, 6), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(few.method.parameters, other.method.parameters, sizeof few.initial), 0);
    few_close(&few);
    few_close(&other);
}

/* From weights that lead nowhere in three steps to weights that do. */
static void test_it_learns_to_adapt(void)
{
    const struct vain_method_share share = {.shares = 1};
    struct vain_measure_sums before = {0}, after = {0};
    open_maml(&few, 2);
    few.job.train.rounds = 100;
    few.job.meta.evaluation_iterations = 3;
    few.job.meta.evaluation_batch = 0;
    for (int i = 0; i < FEW_N; i++)
        few.method.parameters[i] *= 10;
    few.ops->evaluate(&few.method, few.method.parameters, &share, &before);
    CU_ASSERT_EQUAL(few_steps(&few, 0, 200), VAIN_OK);
    few.ops->evaluate(&few.method, few.method.parameters, &share, &after);
    CU_ASSERT(after.of[VAIN_MEASURE_LOSS].sum < 0.9 * before.of[VAIN_MEASURE_LOSS].sum);
    few_close(&few);
}

static const struct vain_test tests[] = {
    {"the gradient is that at the adapted weights",
     test_the_gradient_is_that_at_the_adapted_weights},
    {"threads do not matter", test_threads_do_not_matter},
    {"going on is as if nothing had been", test_going_on_is_as_if_nothing_had_been},
    {"it learns to adapt", test_it_learns_to_adapt},
    {NULL, NULL},
};
const struct vain_suite vain_suite_maml = {"jobs/maml", tests};
