/* Embeddings, layer norm and dropout against plain loops in double. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

static const struct vain_dropout some_dropout = {0.25f, {{11, 12}}, 3, 4, 77777777777u};

static double *widen(int64_t count, const float *x)
{
    double *wide = bed_doubles(count);
    for (int64_t i = 0; i < count; i++)
        wide[i] = (double)x[i];
    return wide;
}

/* ---- Embedding ---- */

struct embedding {
    int64_t B, T, C, V;
    int32_t *tokens;
    float *token_table, *position_table, *d_output;
    const struct vain_dropout *dropout;
};

static const struct embedding embeddings[] = {
    {.B = 1, .T = 1, .C = 1, .V = 1},      {.B = 3, .T = 7, .C = 5, .V = 3},
    {.B = 12, .T = 64, .C = 128, .V = 65}, {.B = 2, .T = 33, .C = 67, .V = 1000},
    {.B = 1, .T = 9, .C = 20000, .V = 4},
};

static struct embedding embedding_of(const struct embedding *shape, int variant)
{
    struct embedding e = *shape;
    bed_seed((uint32_t)(e.C + e.T));
    e.tokens = bed_random_ints(e.B * e.T, (int32_t)e.V);
    e.token_table = bed_random_floats(e.V * e.C, 1);
    e.position_table = (variant & 1) != 0 ? NULL : bed_random_floats(e.T * e.C, 1);
    e.d_output = bed_random_floats(e.B * e.T * e.C, 1);
    e.dropout = (variant & 2) != 0 ? &some_dropout : NULL;
    return e;
}

/* Writes output, d_token_table, d_position_table; the tables start as the tables themselves, to see
 * that they are added to. */
static void run_embedding(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct embedding *e = context;
    const struct vain_pointwise_ops *ops = &queue->device->ops->pointwise;
    float *output = (float *)(void *)out, *d_tokens = output + e->B * e->T * e->C,
          *d_positions = d_tokens + e->V * e->C;
    ops->embed(queue, e->B, e->T, e->C, e->tokens, e->token_table, e->position_table, e->dropout,
               output);
    memcpy(d_tokens, e->token_table, (size_t)(e->V * e->C) * sizeof(float));
    ops->embed_gradient(queue, e->B, e->T, e->C, e->tokens, e->d_output, e->dropout, d_tokens,
                        e->position_table == NULL ? NULL : d_positions);
}

static void check_embedding(const struct embedding *e)
{
    const int64_t B = e->B, T = e->T, C = e->C, rows = B * T, count = rows * C + e->V * C + T * C;
    const struct vain_dropout none = {.probability = 0},
                              *dropout = e->dropout == NULL ? &none : e->dropout;
    float *found = bed_floats(count);
    double *expected = bed_doubles(count), *d_tokens = expected + rows * C,
           *d_positions = d_tokens + e->V * C;
    run_embedding(bed_queue(0), e, (unsigned char *)found);
    for (int64_t i = 0; i < e->V * C; i++)
        d_tokens[i] = (double)e->token_table[i];
    for (int64_t m = 0; m < rows; m++)
        for (int64_t c = 0; c < C; c++) {
            const double factor = bed_dropout_factor(dropout, m * C + c);
            const double position =
                e->position_table == NULL ? 0 : (double)e->position_table[m % T * C + c];
            expected[m * C + c] =
                factor * ((double)e->token_table[e->tokens[m] * C + c] + position);
            d_tokens[e->tokens[m] * C + c] += factor * (double)e->d_output[m * C + c];
            if (e->position_table != NULL)
                d_positions[m % T * C + c] += factor * (double)e->d_output[m * C + c];
        }
    CU_ASSERT_TRUE(bed_distance(count, found, expected) < 1e-5);
    CU_ASSERT_TRUE(bed_same_bits(run_embedding, e, (size_t)count * sizeof(float)));
    bed_end();
}

static void embeddings_are_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(embeddings); s++)
        for (int variant = 0; variant < 4; variant++) {
            const struct embedding e = embedding_of(&embeddings[s], variant);
            check_embedding(&e);
        }
}

/* ---- Layer norm ---- */

struct norm {
    int64_t M, C;
    float *input, *gain, *shift, *d_output, *residual,
        *before; /* before (2, C): d_gain and d_shift at the start */
    int variant; /* 0 no residual, 1 a residual, 2 a residual in place */
};

static const struct norm norms[] = {
    {.M = 1, .C = 1},     {.M = 3, .C = 2},     {.M = 5, .C = 16},    {.M = 7, .C = 65},
    {.M = 768, .C = 128}, {.M = 301, .C = 383}, {.M = 2, .C = 40000}, {.M = 1, .C = 17},
};

static struct norm norm_of(const struct norm *shape, int variant)
{
    struct norm n = *shape;
    bed_seed((uint32_t)(n.M + n.C));
    n.input = bed_random_floats(n.M * n.C, 3);
    n.gain = bed_random_floats(n.C, 2);
    n.shift = bed_random_floats(n.C, 1);
    n.d_output = bed_random_floats(n.M * n.C, 1);
    n.residual = bed_random_floats(n.M * n.C, 1);
    n.before = bed_random_floats(2 * n.C, 1);
    n.variant = variant;
    return n;
}

static int64_t norm_count(const struct norm *n)
{
    return 2 * n->M * n->C + 2 * n->M + 2 * n->C;
}

/* Writes output, d_input, d_gain, d_shift, mean, reciprocal deviation. */
static void run_norm(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct norm *n = context;
    const int64_t M = n->M, C = n->C;
    const struct vain_pointwise_ops *ops = &queue->device->ops->pointwise;
    float *output = (float *)(void *)out, *d_input = output + M * C, *d_gain = d_input + M * C,
          *d_shift = d_gain + C;
    float *mean = d_shift + C, *reciprocal = mean + M;
    ops->layer_norm(queue, M, C, n->input, n->gain, n->shift, output, mean, reciprocal);
    memcpy(d_gain, n->before, (size_t)(2 * C) * sizeof(float));
    memcpy(d_input, n->residual, (size_t)(M * C) * sizeof(float));
    ops->layer_norm_gradient(queue, M, C, n->input, n->gain, mean, reciprocal, n->d_output,
                             n->variant == 0 ? NULL : (n->variant == 1 ? n->residual : d_input),
                             d_input, d_gain, d_shift);
}

static void expect_norm_row(const struct norm *n, int64_t m, double *expected)
{
    const int64_t M = n->M, C = n->C;
    const float *x = n->input + m * C, *d = n->d_output + m * C;
    double *output = expected, *d_input = output + M * C, *d_gain = d_input + M * C,
           *d_shift = d_gain + C;
    double mean = 0, variance = 0, mean_g = 0, mean_gn = 0;
    for (int64_t c = 0; c < C; c++)
        mean += (double)x[c] / (double)C;
    for (int64_t c = 0; c < C; c++)
        variance += ((double)x[c] - mean) * ((double)x[c] - mean) / (double)C;
    const double reciprocal = 1 / sqrt(variance + 1e-5);
    for (int64_t c = 0; c < C; c++) {
        const double normal = ((double)x[c] - mean) * reciprocal,
                     g = (double)d[c] * (double)n->gain[c];
        output[m * C + c] = normal * (double)n->gain[c] + (double)n->shift[c];
        d_gain[c] += (double)d[c] * normal;
        d_shift[c] += (double)d[c];
        mean_g += g / (double)C;
        mean_gn += g * normal / (double)C;
    }
    for (int64_t c = 0; c < C; c++) {
        const double normal = ((double)x[c] - mean) * reciprocal,
                     g = (double)d[c] * (double)n->gain[c];
        d_input[m * C + c] = reciprocal * (g - mean_g - normal * mean_gn);
        if (n->variant != 0)
            d_input[m * C + c] += (double)n->residual[m * C + c];
    }
    d_shift[C + m] = mean;
    d_shift[C + M + m] = reciprocal;
}

static void norms_are_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(norms); s++)
        for (int variant = 0; variant < 3; variant++) {
            const struct norm n = norm_of(&norms[s], variant);
            float *found = bed_floats(norm_count(&n));
            double *expected = bed_doubles(norm_count(&n));
            run_norm(bed_queue(0), &n, (unsigned char *)found);
            for (int64_t c = 0; c < 2 * n.C; c++)
                expected[2 * n.M * n.C + c] = (double)n.before[c];
            for (int64_t m = 0; m < n.M; m++)
                expect_norm_row(&n, m, expected);
            /* A single channel or two nearly equal ones have reciprocal deviations in the hundreds.
             */
            CU_ASSERT_TRUE(bed_distance(norm_count(&n), found, expected) < (n.C < 3 ? 2e-3 : 5e-5));
            CU_ASSERT_TRUE(bed_same_bits(run_norm, &n, (size_t)norm_count(&n) * sizeof(float)));
            bed_end();
        }
}

struct chain {
    int64_t M, C;
    double *x, *gain, *shift, *weights;
};

static double chain_value(const void *context)
{
    const struct chain *c = context;
    double value = 0;
    for (int64_t m = 0; m < c->M; m++) {
        const double *x = c->x + m * c->C;
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < c->C; i++)
            mean += x[i] / (double)c->C;
        for (int64_t i = 0; i < c->C; i++)
            variance += (x[i] - mean) * (x[i] - mean) / (double)c->C;
        for (int64_t i = 0; i < c->C; i++)
            value += c->weights[m * c->C + i] *
                     ((x[i] - mean) / sqrt(variance + 1e-5) * c->gain[i] + c->shift[i]);
    }
    return value;
}

static void norm_gradients_are_slopes(void)
{
    const struct norm shape = {.M = 4, .C = 19};
    struct norm n = norm_of(&shape, 0);
    memset(n.before, 0, (size_t)(2 * n.C) * sizeof(float));
    float *found = bed_floats(norm_count(&n));
    run_norm(bed_queue(0), &n, (unsigned char *)found);
    struct chain c = {n.M,
                      n.C,
                      widen(n.M * n.C, n.input),
                      widen(n.C, n.gain),
                      widen(n.C, n.shift),
                      widen(n.M * n.C, n.d_output)};
    const float *d_input = found + n.M * n.C, *d_gain = d_input + n.M * n.C,
                *d_shift = d_gain + n.C;
    CU_ASSERT_TRUE(bed_are_slopes(chain_value, &c, n.M * n.C, c.x, d_input, 1e-5));
    CU_ASSERT_TRUE(bed_are_slopes(chain_value, &c, n.C, c.gain, d_gain, 1e-5));
    CU_ASSERT_TRUE(bed_are_slopes(chain_value, &c, n.C, c.shift, d_shift, 1e-5));
    bed_end();
}

/* Equal channels: the variance is 0 and epsilon keeps the result finite. */
static void a_constant_row_gives_the_shift(void)
{
    const struct norm shape = {.M = 1, .C = 33};
    struct norm n = norm_of(&shape, 0);
    for (int64_t c = 0; c < n.C; c++)
        n.input[c] = 5;
    float *found = bed_floats(norm_count(&n));
    run_norm(bed_queue(0), &n, (unsigned char *)found);
    CU_ASSERT_EQUAL(memcmp(found, n.shift, (size_t)n.C * sizeof(float)), 0);
    bed_end();
}

/* ---- Dropout ---- */

struct drop {
    int64_t N;
    float *x;
    struct vain_dropout dropout;
};

static void run_drop(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct drop *d = context;
    memcpy(out, d->x, (size_t)d->N * sizeof(float));
    queue->device->ops->pointwise.dropout_gradient(queue, d->N, &d->dropout, (float *)(void *)out);
}

static void dropout_keeps_what_the_stream_says(void)
{
    static const int64_t counts[] = {0, 1, 3, 64, 65, 16385, 50001};
    for (size_t i = 0; i < VAIN_COUNT_OF(counts); i++)
        for (uint64_t base = 0; base < 5; base++) {
            struct drop d = {counts[i], bed_random_floats(counts[i], 1), some_dropout};
            d.dropout.index_base = base + (base > 2 ? (UINT64_C(1) << 34) - 3 : 0);
            float *found = bed_floats(d.N);
            run_drop(bed_queue(0), &d, (unsigned char *)found);
            bool right = true;
            for (int64_t e = 0; e < d.N; e++) {
                const double expected = bed_dropout_factor(&d.dropout, e) * (double)d.x[e];
                right = right && fabs((double)found[e] - expected) < 1e-6;
            }
            CU_ASSERT_TRUE(right);
            CU_ASSERT_TRUE(bed_same_bits(run_drop, &d, (size_t)d.N * sizeof(float)));
            bed_end();
        }
}

static void dropout_keeps_the_right_share(void)
{
    static const float probabilities[] = {0.0f, 0.01f, 0.1f, 0.5f, 0.9f};
    const int64_t N = 100000;
    for (size_t i = 0; i < VAIN_COUNT_OF(probabilities); i++) {
        struct drop d = {N, bed_floats(N), some_dropout};
        d.dropout.probability = probabilities[i];
        for (int64_t e = 0; e < N; e++)
            d.x[e] = 1;
        float *found = bed_floats(N);
        run_drop(bed_queue(0), &d, (unsigned char *)found);
        double kept = 0, sum = 0;
        for (int64_t e = 0; e < N; e++) {
            kept += found[e] != 0;
            sum += (double)found[e];
        }
        const double p = (double)probabilities[i], deviation = sqrt((double)N * p * (1 - p));
        CU_ASSERT_TRUE(fabs(kept - (double)N * (1 - p)) <= 5 * deviation);
        /* Scaling keeps the mean. */
        CU_ASSERT_TRUE(fabs(sum / (double)N - 1) <= 5 * deviation / (double)N / (1 - p) + 1e-6);
        bed_end();
    }
}

/* What the forward pass of a residual drops, the backward pass drops. */
static void both_passes_drop_the_same(void)
{
    const int64_t M = 37, N = 51;
    struct vain_queue *queue = bed_queue(0);
    float *input = bed_floats(M), *weight = bed_floats(N), *residual = bed_floats(M * N),
          *output = bed_floats(M * N);
    struct drop d = {M * N, bed_floats(M * N), some_dropout};
    for (int64_t i = 0; i < M; i++)
        input[i] = 1;
    for (int64_t i = 0; i < N; i++)
        weight[i] = 1;
    for (int64_t i = 0; i < M * N; i++)
        d.x[i] = 1;
    queue->device->ops->matmul.linear(queue,
                                      &(struct vain_linear){.M = M,
                                                            .N = N,
                                                            .K = 1,
                                                            .input = input,
                                                            .weight = weight,
                                                            .output = output,
                                                            .epilogue = VAIN_EPILOGUE_RESIDUAL,
                                                            .residual = residual,
                                                            .dropout = some_dropout});
    float *backward = bed_floats(M * N);
    run_drop(queue, &d, (unsigned char *)backward);
    CU_ASSERT_EQUAL(memcmp(output, backward, (size_t)(M * N) * sizeof(float)), 0);
    bed_end();
}

static const struct vain_test tests[] = {
    {"embeddings and their gradients are right for every shape", embeddings_are_right},
    {"layer norms and their gradients are right for every shape", norms_are_right},
    {"gradients of layer norm are slopes", norm_gradients_are_slopes},
    {"a constant row gives the shift", a_constant_row_gives_the_shift},
    {"dropout keeps what the stream says", dropout_keeps_what_the_stream_says},
    {"dropout keeps the right share and the mean", dropout_keeps_the_right_share},
    {"both passes drop the same", both_passes_drop_the_same},
    {NULL, NULL},
};

const struct vain_suite vain_suite_pointwise = {"pointwise", tests};
