/* Linear layers against products in double. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

static double gelu(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static double gelu_slope(double x)
{
    const double h = 1e-5;
    return (gelu(x + h) - gelu(x - h)) / (2 * h);
}

struct shape {
    int64_t M, N, K;
};

/* Edges, primes, the odd 65, more than one range of rows or columns, a B too long for
 * its room. */
static const struct shape shapes[] = {
    {1, 1, 1},     {2, 3, 5},      {17, 65, 33},   {33, 3, 128},    {300, 130, 65}, {257, 1, 7},
    {1, 300, 2},   {768, 65, 16},  {2100, 31, 13}, {40, 2100, 9},   {5, 4, 0},      {97, 127, 61},
    {70, 17, 300}, {19, 13, 2500}, {64, 64, 64},   {50, 33, 17000}, {3, 1100, 40},
};

struct problem {
    struct shape shape;
    float *input, *weight, *bias, *residual; /* bias may be NULL */
    enum vain_epilogue epilogue;
    bool in_place; /* the residual stands in the output */
    struct vain_dropout dropout;
};

static struct problem problem_of(struct shape s, enum vain_epilogue epilogue)
{
    bed_seed((uint32_t)(s.M * 31 + s.N * 17 + s.K));
    return (struct problem){
        .shape = s,
        .input = bed_random_floats(s.M * s.K, 1),
        .weight = bed_random_floats(s.N * s.K, 1),
        .bias = bed_random_floats(s.N, 1),
        .residual = bed_random_floats(s.M * s.N, 1),
        .epilogue = epilogue,
    };
}

/* Writes output, then pre_activation. */
static void run_linear(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct problem *p = context;
    const int64_t M = p->shape.M, N = p->shape.N;
    struct vain_linear linear = {
        .M = M,
        .N = N,
        .K = p->shape.K,
        .input = p->input,
        .weight = p->weight,
        .bias = p->bias,
        .output = (float *)(void *)out,
        .epilogue = p->epilogue,
        .pre_activation = p->epilogue == VAIN_EPILOGUE_GELU ? (float *)(void *)out + M * N : NULL,
        .residual = p->residual,
        .dropout = p->dropout,
    };
    if (p->in_place) {
        memcpy(linear.output, p->residual, (size_t)(M * N) * sizeof(float));
        linear.residual = linear.output;
    }
    queue->device->ops->matmul.linear(queue, &linear);
}

static double expected_at(const struct problem *p, int64_t m, int64_t n, double *pre)
{
    double sum = p->bias == NULL ? 0 : (double)p->bias[n];
    for (int64_t k = 0; k < p->shape.K; k++)
        sum += (double)p->input[m * p->shape.K + k] * (double)p->weight[n * p->shape.K + k];
    *pre = sum;
    const int64_t e = m * p->shape.N + n;
    if (p->epilogue == VAIN_EPILOGUE_GELU)
        return gelu(sum);
    if (p->epilogue == VAIN_EPILOGUE_RESIDUAL)
        return (double)p->residual[e] + bed_dropout_factor(&p->dropout, e) * sum;
    return sum;
}

static void check_linear(const struct problem *p)
{
    const int64_t M = p->shape.M, N = p->shape.N, count = M * N;
    float *found = bed_floats(2 * count);
    double *expected = bed_doubles(2 * count);
    run_linear(bed_queue(0), p, (unsigned char *)found);
    for (int64_t m = 0; m < M; m++)
        for (int64_t n = 0; n < N; n++)
            expected[m * N + n] = expected_at(p, m, n, &expected[count + m * N + n]);
    const int64_t compared = p->epilogue == VAIN_EPILOGUE_GELU ? 2 * count : count;
    CU_ASSERT_TRUE(bed_distance(compared, found, expected) < 4e-6 * (1 + sqrt((double)p->shape.K)));
    CU_ASSERT_TRUE(bed_same_bits_by_platform(run_linear, p, (size_t)(2 * count) * sizeof(float)));
    bed_end();
}

static void a_product_and_bias_are_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        struct problem p = problem_of(shapes[s], VAIN_EPILOGUE_NONE);
        check_linear(&p);
        p = problem_of(shapes[s], VAIN_EPILOGUE_NONE);
        p.bias = NULL;
        check_linear(&p);
    }
}

static void gelu_is_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        struct problem p = problem_of(shapes[s], VAIN_EPILOGUE_GELU);
        if (s % 2 == 1)
            p.bias = NULL;
        check_linear(&p);
    }
}

static void a_residual_is_added(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        for (int variant = 0; variant < 8; variant++) {
            struct problem p = problem_of(shapes[s], VAIN_EPILOGUE_RESIDUAL);
            p.in_place = (variant & 1) != 0;
            if ((variant & 2) != 0)
                p.bias = NULL;
            if ((variant & 4) != 0)
                p.dropout = (struct vain_dropout){0.3f, {{5, 6}}, 7, 8, 1000003};
            check_linear(&p);
        }
    }
}

/* A NaN must reach the output: clipping it away would hide a broken member. */
static void a_nan_passes_through(void)
{
    for (int epilogue = 0; epilogue < 3; epilogue++) {
        struct problem p = problem_of((struct shape){4, 40, 3}, (enum vain_epilogue)epilogue);
        p.weight[20 * 3] = NAN;
        float *found = bed_floats(2 * 4 * 40);
        run_linear(bed_queue(0), &p, (unsigned char *)found);
        for (int m = 0; m < 4; m++) {
            CU_ASSERT_TRUE(isnan(found[m * 40 + 20]));
            CU_ASSERT_FALSE(isnan(found[m * 40 + 19]));
        }
        bed_end();
    }
}

/* ---- Gradients ---- */

struct gradient_problem {
    struct shape shape;
    float *input, *weight, *d_output, *d_weight, *d_bias,
        *pre_activation; /* d_ as they are before */
    bool no_input, no_bias;
};

/* Writes d_input, d_weight, d_bias. */
static void run_gradient(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct gradient_problem *p = context;
    const int64_t M = p->shape.M, N = p->shape.N, K = p->shape.K;
    float *d_input = (float *)(void *)out, *d_weight = d_input + M * K, *d_bias = d_weight + N * K;
    memcpy(d_weight, p->d_weight, (size_t)(N * K) * sizeof(float));
    memcpy(d_bias, p->d_bias, (size_t)N * sizeof(float));
    const struct vain_linear_gradient gradient = {
        .M = M,
        .N = N,
        .K = K,
        .input = p->input,
        .weight = p->weight,
        .d_output = p->d_output,
        .d_input = p->no_input ? NULL : d_input,
        .d_weight = d_weight,
        .d_bias = p->no_bias ? NULL : d_bias,
        .pre_activation = p->pre_activation,
    };
    queue->device->ops->matmul.linear_gradient(queue, &gradient);
}

static struct gradient_problem gradient_problem_of(struct shape s)
{
    bed_seed((uint32_t)(s.M + s.N * 3 + s.K * 7));
    return (struct gradient_problem){
        .shape = s,
        .input = bed_random_floats(s.M * s.K, 1),
        .weight = bed_random_floats(s.N * s.K, 1),
        .d_output = bed_random_floats(s.M * s.N, 1),
        .d_weight = bed_random_floats(s.N * s.K, 1),
        .d_bias = bed_random_floats(s.N, 1),
    };
}

static void expect_gradient(const struct gradient_problem *p, double *d_input, double *d_weight,
                            double *d_bias)
{
    const int64_t M = p->shape.M, N = p->shape.N, K = p->shape.K;
    for (int64_t e = 0; e < N * K; e++)
        d_weight[e] = (double)p->d_weight[e];
    for (int64_t n = 0; n < N; n++)
        d_bias[n] = (double)p->d_bias[n];
    for (int64_t m = 0; m < M; m++)
        for (int64_t n = 0; n < N; n++) {
            const double d = (double)p->d_output[m * N + n];
            d_bias[n] += p->no_bias ? 0 : d;
            for (int64_t k = 0; k < K; k++) {
                d_input[m * K + k] += d * (double)p->weight[n * K + k];
                d_weight[n * K + k] += d * (double)p->input[m * K + k];
            }
        }
    for (int64_t e = 0; e < M * K; e++) {
        if (p->pre_activation != NULL)
            d_input[e] *= gelu_slope((double)p->pre_activation[e]);
        if (p->no_input)
            d_input[e] = 0;
    }
}

static void check_gradient(const struct gradient_problem *p)
{
    const int64_t M = p->shape.M, N = p->shape.N, K = p->shape.K, count = M * K + N * K + N;
    float *found = bed_floats(count);
    double *expected = bed_doubles(count);
    run_gradient(bed_queue(0), p, (unsigned char *)found);
    expect_gradient(p, expected, expected + M * K, expected + M * K + N * K);
    CU_ASSERT_TRUE(bed_distance(count, found, expected) <
                   4e-6 * (1 + sqrt((double)(M > N ? M : N))));
    CU_ASSERT_TRUE(bed_same_bits_by_platform(run_gradient, p, (size_t)count * sizeof(float)));
    bed_end();
}

static void gradients_are_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        for (int variant = 0; variant < 4; variant++) {
            struct gradient_problem p = gradient_problem_of(shapes[s]);
            p.no_input = variant == 1;
            p.no_bias = variant == 2;
            if (variant == 3)
                p.pre_activation = bed_random_floats(p.shape.M * p.shape.K, 3);
            check_gradient(&p);
        }
    }
}

/* The whole chain pre -> gelu -> linear -> weighted sum, in double. */
struct chain {
    struct shape shape;
    double *pre, *weight, *bias, *sum_weights;
};

static double chain_value(const void *context)
{
    const struct chain *c = context;
    double value = 0;
    for (int64_t m = 0; m < c->shape.M; m++)
        for (int64_t n = 0; n < c->shape.N; n++) {
            double sum = c->bias[n];
            for (int64_t k = 0; k < c->shape.K; k++)
                sum += gelu(c->pre[m * c->shape.K + k]) * c->weight[n * c->shape.K + k];
            value += c->sum_weights[m * c->shape.N + n] * sum;
        }
    return value;
}

static double *widen(int64_t count, const float *x)
{
    double *wide = bed_doubles(count);
    for (int64_t i = 0; i < count; i++)
        wide[i] = (double)x[i];
    return wide;
}

static void gradients_are_slopes(void)
{
    const struct shape s = {5, 7, 6};
    struct gradient_problem p = gradient_problem_of(s);
    p.pre_activation = bed_random_floats(s.M * s.K, 2);
    for (int64_t e = 0; e < s.M * s.K; e++)
        p.input[e] = (float)gelu((double)p.pre_activation[e]);
    memset(p.d_weight, 0, (size_t)(s.N * s.K) * sizeof(float));
    memset(p.d_bias, 0, (size_t)s.N * sizeof(float));
    float *found = bed_floats(s.M * s.K + s.N * s.K + s.N);
    run_gradient(bed_queue(0), &p, (unsigned char *)found);
    struct chain c = {s, widen(s.M * s.K, p.pre_activation), widen(s.N * s.K, p.weight),
                      bed_doubles(s.N), widen(s.M * s.N, p.d_output)};
    CU_ASSERT_TRUE(bed_are_slopes(chain_value, &c, s.M * s.K, c.pre, found, 1e-5));
    CU_ASSERT_TRUE(bed_are_slopes(chain_value, &c, s.N * s.K, c.weight, found + s.M * s.K, 1e-5));
    CU_ASSERT_TRUE(
        bed_are_slopes(chain_value, &c, s.N, c.bias, found + s.M * s.K + s.N * s.K, 1e-5));
    bed_end();
}

static const struct vain_test tests[] = {
    {"a product and its bias are right for every shape", a_product_and_bias_are_right},
    {"GELU is right for every shape", gelu_is_right},
    {"a residual is added, in place or not, dropped or not", a_residual_is_added},
    {"a NaN passes through", a_nan_passes_through},
    {"gradients are right for every shape", gradients_are_right},
    {"gradients are slopes of the forward pass", gradients_are_slopes},
    {NULL, NULL},
};

const struct vain_suite vain_suite_linear = {"linear", tests};
