/* Cross entropy against the formula in double. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

struct problem {
    int64_t M, V;
    float scale;
    float *logits;
    int32_t *targets;
};

static const struct problem shapes[] = {
    {.M = 1, .V = 1},     {.M = 5, .V = 2},    {.M = 7, .V = 3}, {.M = 768, .V = 65},
    {.M = 3, .V = 50257}, {.M = 33, .V = 256}, {.M = 0, .V = 5},
};

static struct problem problem_of(const struct problem *shape, float scale, float size)
{
    struct problem p = *shape;
    bed_seed((uint32_t)(p.M + p.V));
    p.scale = scale;
    p.logits = bed_random_floats(p.M * p.V, size);
    p.targets = bed_random_ints(p.M, (int32_t)p.V);
    return p;
}

/* Writes the loss, then the logits. */
static void run_entropy(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct problem *p = context;
    float *logits = (float *)(void *)(out + sizeof(double));
    double loss = -1;
    memcpy(logits, p->logits, (size_t)(p->M * p->V) * sizeof(float));
    queue->device->ops->pointwise.cross_entropy(queue, p->M, p->V, logits, p->targets, p->scale,
                                                &loss);
    memcpy(out, &loss, sizeof loss);
}

static double log_sum(int64_t V, const double *x)
{
    double maximum = x[0], sum = 0;
    for (int64_t v = 0; v < V; v++)
        maximum = fmax(maximum, x[v]);
    for (int64_t v = 0; v < V; v++)
        sum += exp(x[v] - maximum);
    return maximum + log(sum);
}

static double expect(const struct problem *p, double *d_logits)
{
    double loss = 0, *row = bed_doubles(p->V);
    for (int64_t m = 0; m < p->M; m++) {
        for (int64_t v = 0; v < p->V; v++)
            row[v] = (double)p->logits[m * p->V + v];
        const double denominator = log_sum(p->V, row);
        loss += denominator - row[p->targets[m]];
        for (int64_t v = 0; v < p->V; v++)
            d_logits[m * p->V + v] =
                (double)p->scale * (exp(row[v] - denominator) - (v == p->targets[m]));
    }
    return loss;
}

static void check_shape(const struct problem *shape, float scale, float size)
{
    const struct problem p = problem_of(shape, scale, size);
    const size_t bytes = sizeof(double) + (size_t)(p.M * p.V) * sizeof(float);
    unsigned char *found = bed_bytes(bytes);
    double *expected = bed_doubles(p.M * p.V), loss;
    run_entropy(bed_queue(0), &p, found);
    memcpy(&loss, found, sizeof loss);
    CU_ASSERT_TRUE(fabs(loss - expect(&p, expected)) <= 2e-6 * (double)p.M * (double)(1 + size));
    CU_ASSERT_TRUE(bed_distance(p.M * p.V, (float *)(void *)(found + sizeof(double)), expected) <=
                   2e-6 * fabs((double)scale));
    CU_ASSERT_TRUE(bed_same_bits(run_entropy, &p, bytes));
    bed_end();
}

static void losses_and_gradients_are_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        check_shape(&shapes[s], 1, 3);
        check_shape(&shapes[s], 0.125f, 1);
        check_shape(&shapes[s], -2, 1);
    }
}

static void large_logits_do_not_overflow(void)
{
    check_shape(&shapes[3], 1, 1000);
}

static void evaluation_leaves_logits_alone(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        struct problem training = problem_of(&shapes[s], 1, 2), evaluation = training;
        const size_t logits = (size_t)(training.M * training.V) * sizeof(float);
        unsigned char *a = bed_bytes(sizeof(double) + logits),
                      *b = bed_bytes(sizeof(double) + logits);
        evaluation.scale = 0;
        run_entropy(bed_queue(0), &training, a);
        run_entropy(bed_queue(0), &evaluation, b);
        CU_ASSERT_EQUAL(memcmp(b + sizeof(double), training.logits, logits), 0);
        CU_ASSERT_EQUAL(memcmp(a, b, sizeof(double)), 0);
        bed_end();
    }
}

static void a_nan_or_infinity_shows_in_the_loss(void)
{
    static const float bad[] = {NAN, INFINITY};
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++) {
        for (float scale = 0; scale < 2; scale++) {
            struct problem p = problem_of(&shapes[3], scale, 1);
            unsigned char *found = bed_bytes(sizeof(double) + (size_t)(p.M * p.V) * sizeof(float));
            double loss;
            p.logits[5 * p.V + 40] = bad[i];
            p.targets[5] = 3;
            run_entropy(bed_queue(0), &p, found);
            memcpy(&loss, found, sizeof loss);
            CU_ASSERT_FALSE(isfinite(loss));
            bed_end();
        }
    }
}

struct chain {
    int64_t M, V;
    double *x;
    const int32_t *targets;
};

static double chain_value(const void *context)
{
    const struct chain *c = context;
    double value = 0;
    for (int64_t m = 0; m < c->M; m++)
        value += log_sum(c->V, c->x + m * c->V) - c->x[m * c->V + c->targets[m]];
    return value;
}

static void gradients_are_slopes(void)
{
    const struct problem shape = {.M = 6, .V = 21}, p = problem_of(&shape, 1, 2);
    unsigned char *found = bed_bytes(sizeof(double) + (size_t)(p.M * p.V) * sizeof(float));
    struct chain c = {p.M, p.V, bed_doubles(p.M * p.V), p.targets};
    for (int64_t i = 0; i < p.M * p.V; i++)
        c.x[i] = (double)p.logits[i];
    run_entropy(bed_queue(0), &p, found);
    CU_ASSERT_TRUE(bed_are_slopes(chain_value, &c, p.M * p.V, c.x,
                                  (float *)(void *)(found + sizeof(double)), 1e-5));
    bed_end();
}

static void run_correct(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct problem *p = context;
    int64_t correct = -1;
    queue->device->ops->pointwise.count_correct(queue, p->M, p->V, p->logits, p->targets, &correct);
    memcpy(out, &correct, sizeof correct);
}

static void first_largest_logits_are_counted(void)
{
    const struct problem large = {.M = 5000, .V = 10}, p = problem_of(&large, 1, 1);
    int64_t expected = 0, found = -1;
    for (int64_t m = 0; m < p.M; m++) {
        int64_t best = 0;
        for (int64_t v = 1; v < p.V; v++)
            best = p.logits[m * p.V + v] > p.logits[m * p.V + best] ? v : best;
        expected += best == p.targets[m];
    }
    run_correct(bed_queue(0), &p, (unsigned char *)&found);
    CU_ASSERT_TRUE(expected > 0 && found == expected);
    CU_ASSERT_TRUE(bed_same_bits(run_correct, &p, sizeof found));
    bed_end();
}

/* Of equals the first is meant; where there is a NaN nothing is right. */
static void ties_and_nan_are_not_correct(void)
{
    float logits[] = {2, 2, 1, 2, 2, 1, NAN, 2, 1, NAN, 2, 1, 0, 1, NAN};
    const int32_t targets[] = {0, 1, 0, 1, 1};
    int64_t found = -1;
    bed_queue(0)->device->ops->pointwise.count_correct(bed_queue(0), 5, 3, logits, targets, &found);
    CU_ASSERT_EQUAL(found, 1);
}

static const struct vain_test tests[] = {
    {"losses and gradients are right for every shape", losses_and_gradients_are_right},
    {"large logits do not overflow", large_logits_do_not_overflow},
    {"evaluation leaves logits alone and gives the same loss", evaluation_leaves_logits_alone},
    {"a NaN or infinity shows in the loss", a_nan_or_infinity_shows_in_the_loss},
    {"gradients are slopes of the loss", gradients_are_slopes},
    {"first largest logits are counted", first_largest_logits_are_counted},
    {"ties and NaN are not correct", ties_and_nan_are_not_correct},
    {NULL, NULL},
};

const struct vain_suite vain_suite_cross_entropy = {"cross_entropy", tests};
