/* Attention, causal and bidirectional, against the textbook in double. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

struct problem {
    int64_t B, T, C, H;
    float *query_key_value, *d_output; /* (B, T, 3 C), (B, T, C) */
    const int32_t *lengths;            /* (B) or NULL: causal */
};

/* One token, one channel a head, primes, blocks of rows that are full, cut, and more than one; a
 * head too wide to be packed. */
static const struct problem shapes[] = {
    {.B = 1, .T = 1, .C = 1, .H = 1},      {.B = 2, .T = 1, .C = 6, .H = 3},
    {.B = 1, .T = 7, .C = 5, .H = 5},      {.B = 3, .T = 64, .C = 32, .H = 2},
    {.B = 1, .T = 65, .C = 34, .H = 2},    {.B = 1, .T = 131, .C = 17, .H = 1},
    {.B = 2, .T = 37, .C = 128, .H = 4},   {.B = 1, .T = 200, .C = 64, .H = 1},
    {.B = 1, .T = 17, .C = 96, .H = 1},    {.B = 1, .T = 33, .C = 300, .H = 2},
    {.B = 1, .T = 17, .C = 40000, .H = 1},
};

static struct problem problem_of(const struct problem *shape, float size)
{
    struct problem p = *shape;
    bed_seed((uint32_t)(p.T * 7 + p.C));
    p.query_key_value = bed_random_floats(p.B * p.T * 3 * p.C, size);
    p.d_output = bed_random_floats(p.B * p.T * p.C, 1);
    return p;
}

static size_t output_bytes(const struct problem *p)
{
    return (size_t)(p->B * p->T * p->C + p->B * p->H * p->T + p->B * p->T * 3 * p->C) *
           sizeof(float);
}

/* Writes output, log_sum, d_query_key_value. */
static void run_attention(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct problem *p = context;
    float *output = (float *)(void *)out, *log_sum = output + p->B * p->T * p->C;
    const struct vain_attention_ops *ops = &queue->device->ops->attention;
    const struct vain_attention attention = {p->B,   p->T,    p->C,      p->H, p->query_key_value,
                                             output, log_sum, p->lengths};
    /* Written, not added to: what stood there must not matter. */
    memset(output, 0x7f, output_bytes(p));
    (p->lengths == NULL ? ops->causal : ops->bidirectional)(queue, &attention);
    const struct vain_attention_gradient gradient = {p->B,
                                                     p->T,
                                                     p->C,
                                                     p->H,
                                                     p->query_key_value,
                                                     output,
                                                     log_sum,
                                                     p->d_output,
                                                     log_sum + p->B * p->H * p->T,
                                                     p->lengths};
    (p->lengths == NULL ? ops->causal_gradient : ops->bidirectional_gradient)(queue, &gradient);
}

/* Keys that row t of sequence b sees; 0: the row is padding. */
static int64_t keys_of(const struct problem *p, int64_t b, int64_t t)
{
    if (p->lengths == NULL)
        return t + 1;
    return t < p->lengths[b] ? p->lengths[b] : 0;
}

/* Row t of head h of sequence b: probabilities (T) and output (D); returns the log of the
 * denominator. */
static double row_of(const struct problem *p, const double *x, int64_t b, int64_t h, int64_t t,
                     double *probability, double *output)
{
    const int64_t C = p->C, D = C / p->H, keys = keys_of(p, b, t);
    const double *query = x + (b * p->T + t) * 3 * C + h * D;
    double sum = 0, maximum = -INFINITY;
    memset(output, 0, (size_t)D * sizeof(double));
    if (keys == 0)
        return 0;
    for (int64_t u = 0; u < keys; u++) {
        const double *key = x + (b * p->T + u) * 3 * C + C + h * D;
        double score = 0;
        for (int64_t d = 0; d < D; d++)
            score += query[d] * key[d];
        probability[u] = score / sqrt((double)D);
        maximum = fmax(maximum, probability[u]);
    }
    for (int64_t u = 0; u < keys; u++) {
        probability[u] = exp(probability[u] - maximum);
        sum += probability[u];
    }
    for (int64_t u = 0; u < keys; u++) {
        const double *value = x + (b * p->T + u) * 3 * C + 2 * C + h * D;
        probability[u] /= sum;
        for (int64_t d = 0; d < D; d++)
            output[d] += probability[u] * value[d];
    }
    return maximum + log(sum);
}

/* Gradients of one row, by the chain rule on whole rows. */
static void add_row_gradient(const struct problem *p, const double *x, int64_t b, int64_t h,
                             int64_t t, const double *probability, double *d_x)
{
    const int64_t C = p->C, D = C / p->H, at = (b * p->T + t) * 3 * C + h * D;
    const float *d_output = p->d_output + (b * p->T + t) * C + h * D;
    const int64_t keys = keys_of(p, b, t);
    double dot = 0;
    for (int64_t u = 0; u < keys; u++)
        for (int64_t d = 0; d < D; d++)
            dot += probability[u] * (double)d_output[d] *
                   x[(b * p->T + u) * 3 * C + 2 * C + h * D + d];
    for (int64_t u = 0; u < keys; u++) {
        const int64_t key = (b * p->T + u) * 3 * C + C + h * D, value = key + C;
        double d_probability = 0;
        for (int64_t d = 0; d < D; d++)
            d_probability += (double)d_output[d] * x[value + d];
        const double d_score = probability[u] * (d_probability - dot) / sqrt((double)D);
        for (int64_t d = 0; d < D; d++) {
            d_x[value + d] += probability[u] * (double)d_output[d];
            d_x[key + d] += d_score * x[at + d];
            d_x[at + d] += d_score * x[key + d];
        }
    }
}

static void expect(const struct problem *p, double *output, double *log_sum, double *d_x)
{
    const int64_t C = p->C, D = C / p->H, count = p->B * p->T * 3 * C;
    double *x = bed_doubles(count), *probability = bed_doubles(p->T), *row = bed_doubles(D);
    for (int64_t i = 0; i < count; i++)
        x[i] = (double)p->query_key_value[i];
    for (int64_t b = 0; b < p->B; b++)
        for (int64_t h = 0; h < p->H; h++)
            for (int64_t t = 0; t < p->T; t++) {
                log_sum[(b * p->H + h) * p->T + t] = row_of(p, x, b, h, t, probability, row);
                memcpy(output + (b * p->T + t) * C + h * D, row, (size_t)D * sizeof(double));
                add_row_gradient(p, x, b, h, t, probability, d_x);
            }
}

static void check_shape(const struct problem *shape, float size, double tolerance, bool everywhere)
{
    const struct problem p = problem_of(shape, size);
    const int64_t narrow = p.B * p.T * p.C, rows = p.B * p.H * p.T,
                  count = (int64_t)(output_bytes(&p) / 4);
    float *found = bed_bytes(output_bytes(&p));
    double *expected = bed_doubles(count);
    run_attention(bed_queue(0), &p, (unsigned char *)found);
    expect(&p, expected, expected + narrow, expected + narrow + rows);
    CU_ASSERT_TRUE(bed_distance(narrow, found, expected) < tolerance);
    CU_ASSERT_TRUE(bed_distance(rows, found + narrow, expected + narrow) < tolerance);
    CU_ASSERT_TRUE(bed_distance(3 * narrow, found + narrow + rows, expected + narrow + rows) <
                   tolerance * sqrt((double)p.T * (double)(p.C / p.H)));
    CU_ASSERT_TRUE(!everywhere || bed_same_bits_by_platform(run_attention, &p, output_bytes(&p)));
    bed_end();
}

static void every_shape_is_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++)
        check_shape(&shapes[s], 1, 1e-5, true);
}

/* Scores of a hundred: exponentials overflow unless the maximum is taken off. */
static void large_scores_are_right(void)
{
    const struct problem shape = {.B = 1, .T = 70, .C = 16, .H = 1};
    check_shape(&shape, 8, 1e-3, true);
}

/* Rows so long that fewer of them make a block; on one device, since it takes a while. */
static void long_sequences_are_right(void)
{
    const struct problem shape = {.B = 1, .T = 5500, .C = 1, .H = 1};
    check_shape(&shape, 1, 1e-5, false);
}

/* Lengths from 1 to T, the last sequence full. */
static const int32_t *lengths_of(const struct problem *p)
{
    int32_t *lengths = bed_random_ints(p->B, (int32_t)p->T);
    for (int64_t b = 0; b < p->B; b++)
        lengths[b]++;
    lengths[p->B - 1] = (int32_t)p->T;
    return lengths;
}

static void every_shape_is_right_both_ways(void)
{
    static const struct problem more[] = {{.B = 7, .T = 29, .C = 24, .H = 3},
                                          {.B = 5, .T = 100, .C = 20, .H = 2}};
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes) + VAIN_COUNT_OF(more); s++) {
        struct problem shape =
            s < VAIN_COUNT_OF(shapes) ? shapes[s] : more[s - VAIN_COUNT_OF(shapes)];
        shape.lengths = lengths_of(&shape);
        check_shape(&shape, 1, 1e-5, true);
    }
}

/* What lies behind a sequence may be anything, NaN too; its own output is 0. */
static void padding_does_not_matter(void)
{
    struct problem p = problem_of(&shapes[3], 1);
    static const int32_t lengths[] = {5, 64, 31};
    const float nothing = NAN;
    p.lengths = lengths;
    float *before = bed_bytes(output_bytes(&p)), *after = bed_bytes(output_bytes(&p));
    run_attention(bed_queue(0), &p, (unsigned char *)before);
    for (int64_t b = 0; b < p.B; b++) {
        for (int64_t i = (b * p.T + lengths[b]) * 3 * p.C; i < (b + 1) * p.T * 3 * p.C; i++)
            p.query_key_value[i] = nothing;
        for (int64_t i = (b * p.T + lengths[b]) * p.C; i < (b + 1) * p.T * p.C; i++)
            CU_ASSERT_TRUE(before[i] >= 0 && before[i] <= 0);
    }
    run_attention(bed_queue(0), &p, (unsigned char *)after);
    CU_ASSERT_EQUAL(memcmp(before, after, output_bytes(&p)), 0);
    bed_end();
}

static void later_tokens_matter_both_ways(void)
{
    struct problem p = problem_of(&shapes[3], 1);
    static const int32_t lengths[] = {5, 64, 31};
    p.lengths = lengths;
    float *before = bed_bytes(output_bytes(&p)), *after = bed_bytes(output_bytes(&p));
    run_attention(bed_queue(0), &p, (unsigned char *)before);
    p.query_key_value[4 * 3 * p.C + 2 * p.C] += 1; /* a value of the last token of the first */
    run_attention(bed_queue(0), &p, (unsigned char *)after);
    CU_ASSERT_NOT_EQUAL(memcmp(before, after, sizeof(float)), 0);
    bed_end();
}

static void later_tokens_do_not_matter(void)
{
    const struct problem p = problem_of(&shapes[5], 1);
    float *before = bed_bytes(output_bytes(&p)), *after = bed_bytes(output_bytes(&p));
    const int64_t seen = 70;
    run_attention(bed_queue(0), &p, (unsigned char *)before);
    for (int64_t i = seen * 3 * p.C; i < p.T * 3 * p.C; i++)
        p.query_key_value[i] = 1000;
    run_attention(bed_queue(0), &p, (unsigned char *)after);
    CU_ASSERT_EQUAL(memcmp(before, after, (size_t)(seen * p.C) * sizeof(float)), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(before, after, (size_t)((seen + 1) * p.C) * sizeof(float)), 0);
    bed_end();
}

/* ---- Slopes ---- */

struct chain {
    struct problem problem;
    double *x, *probability, *row;
};

static double chain_value(const void *context)
{
    const struct chain *c = context;
    const struct problem *p = &c->problem;
    const int64_t D = p->C / p->H;
    double value = 0;
    for (int64_t b = 0; b < p->B; b++)
        for (int64_t h = 0; h < p->H; h++)
            for (int64_t t = 0; t < p->T; t++) {
                (void)row_of(p, c->x, b, h, t, c->probability, c->row);
                for (int64_t d = 0; d < D; d++)
                    value += (double)p->d_output[(b * p->T + t) * p->C + h * D + d] * c->row[d];
            }
    return value;
}

static void check_slopes(const int32_t *lengths)
{
    const struct problem shape = {.B = 2, .T = 9, .C = 8, .H = 2, .lengths = lengths};
    struct chain c = {.problem = problem_of(&shape, 1)};
    const struct problem *p = &c.problem;
    const int64_t count = p->B * p->T * 3 * p->C;
    float *found = bed_bytes(output_bytes(p));
    run_attention(bed_queue(0), p, (unsigned char *)found);
    c.x = bed_doubles(count);
    c.probability = bed_doubles(p->T);
    c.row = bed_doubles(p->C / p->H);
    for (int64_t i = 0; i < count; i++)
        c.x[i] = (double)p->query_key_value[i];
    CU_ASSERT_TRUE(bed_are_slopes(chain_value, &c, count, c.x,
                                  found + p->B * p->T * p->C + p->B * p->H * p->T, 1e-5));
    bed_end();
}

static void gradients_are_slopes(void)
{
    static const int32_t lengths[] = {6, 9};
    check_slopes(NULL);
    check_slopes(lengths);
}

static const struct vain_test tests[] = {
    {"outputs, log sums and gradients are right for every shape", every_shape_is_right},
    {"large scores do not overflow", large_scores_are_right},
    {"long sequences are right", long_sequences_are_right},
    {"later tokens do not matter", later_tokens_do_not_matter},
    {"every shape is right both ways", every_shape_is_right_both_ways},
    {"padding does not matter", padding_does_not_matter},
    {"later tokens matter both ways", later_tokens_matter_both_ways},
    {"gradients are slopes of the forward pass", gradients_are_slopes},
    {NULL, NULL},
};

const struct vain_suite vain_suite_attention = {"attention", tests};
