/* Rows of length one and products of pairs of rows, against their formulas in double. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

struct rows {
    int64_t M, C;
    float *input, *d_output; /* (M, C); (M, M) for products */
};

static const int64_t shapes[][2] = {{0, 4}, {1, 1}, {3, 5}, {64, 64}, {31, 100}, {500, 40}};

static double *widen(int64_t count, const float *x)
{
    double *wide = bed_doubles(count);
    for (int64_t i = 0; i < count; i++)
        wide[i] = (double)x[i];
    return wide;
}

/* ---- Rows of length one ---- */

static struct rows rows_of(int64_t M, int64_t C, int64_t d_columns)
{
    bed_seed((uint32_t)(M * 3 + C));
    return (struct rows){M, C, bed_random_floats(M * C, 1), bed_random_floats(M * d_columns, 1)};
}

/* Writes output, reciprocal norms, then d_input. */
static void run_normalise(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct rows *r = context;
    float *output = (float *)(void *)out, *norms = output + r->M * r->C, *d_input = norms + r->M;
    const struct vain_pair_ops *ops = &queue->device->ops->pair;
    ops->normalise_rows(queue, r->M, r->C, r->input, output, norms);
    memcpy(d_input, r->d_output, (size_t)(r->M * r->C) * sizeof(float)); /* in place */
    ops->normalise_rows_gradient(queue, r->M, r->C, output, norms, d_input, d_input);
}

struct chain {
    const struct rows *r;
    double *input;
};

static double row_length(const struct chain *c, int64_t m)
{
    double squares = 1e-12;
    for (int64_t j = 0; j < c->r->C; j++)
        squares += pow(c->input[m * c->r->C + j], 2);
    return sqrt(squares);
}

static double normalised_value(const void *context)
{
    const struct chain *c = context;
    double value = 0;
    for (int64_t m = 0; m < c->r->M; m++)
        for (int64_t j = m * c->r->C; j < (m + 1) * c->r->C; j++)
            value += c->input[j] / row_length(c, m) * (double)c->r->d_output[j];
    return value;
}

static void rows_get_length_one(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        const struct rows r = rows_of(shapes[s][0], shapes[s][1], shapes[s][1]);
        const int64_t all = r.M * r.C;
        const size_t bytes = (size_t)(2 * all + r.M) * sizeof(float);
        float *found = bed_bytes(bytes);
        struct chain c = {&r, widen(all, r.input)};
        double *expected = bed_doubles(all + r.M);
        for (int64_t m = 0; m < r.M; m++) {
            expected[all + m] = 1 / row_length(&c, m);
            for (int64_t j = m * r.C; j < (m + 1) * r.C; j++)
                expected[j] = c.input[j] * expected[all + m];
        }
        run_normalise(bed_queue(0), &r, (unsigned char *)found);
        CU_ASSERT_TRUE(bed_distance(all, found, expected) < 1e-6);
        for (int64_t m = 0; m < r.M; m++)
            CU_ASSERT_DOUBLE_EQUAL((double)found[all + m], expected[all + m],
                                   1e-6 * expected[all + m]);
        CU_ASSERT_TRUE(bed_same_bits(run_normalise, &r, bytes));
        bed_end();
    }
}

static void gradients_of_lengths_are_slopes(void)
{
    const struct rows r = rows_of(7, 19, 19);
    float *found = bed_floats(2 * 7 * 19 + 7);
    struct chain c = {&r, widen(7 * 19, r.input)};
    run_normalise(bed_queue(0), &r, (unsigned char *)found);
    CU_ASSERT_TRUE(bed_are_slopes(normalised_value, &c, 7 * 19, c.input, found + 7 * 19 + 7, 1e-5));
    bed_end();
}

/* No direction to go to, but numbers all the same. */
static void a_row_of_zeros_stays(void)
{
    struct rows r = rows_of(2, 5, 5);
    memset(r.input, 0, 5 * sizeof(float));
    float *found = bed_floats(2 * 10 + 2);
    run_normalise(bed_queue(0), &r, (unsigned char *)found);
    for (int j = 0; j < 5; j++)
        CU_ASSERT_TRUE(found[j] == 0 && isfinite(found[12 + j]));
    bed_end();
}

/* ---- Products ---- */

/* Writes products, d_rows, and d_products as they are afterwards. */
static void run_products(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct rows *r = context;
    float *products = (float *)(void *)out, *d_rows = products + r->M * r->M,
          *d_products = d_rows + r->M * r->C;
    const struct vain_pair_ops *ops = &queue->device->ops->pair;
    ops->dot_products(queue, r->M, r->C, r->input, products);
    memcpy(d_products, r->d_output, (size_t)(r->M * r->M) * sizeof(float));
    for (int64_t i = 0; i < r->M * r->C; i++)
        d_rows[i] = 1e30f;
    ops->dot_products_gradient(queue, r->M, r->C, r->input, d_products, d_rows);
}

static double products_value(const void *context)
{
    const struct chain *c = context;
    const int64_t M = c->r->M, C = c->r->C;
    double value = 0;
    for (int64_t p = 0; p < M * M; p++)
        for (int64_t j = 0; j < C; j++)
            value += (double)c->r->d_output[p] * c->input[p / M * C + j] * c->input[p % M * C + j];
    return value;
}

static void products_of_pairs_are_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        const int64_t M = shapes[s][0], C = shapes[s][1];
        const struct rows r = rows_of(M, C, M);
        const size_t bytes = (size_t)(2 * M * M + M * C) * sizeof(float);
        float *found = bed_bytes(bytes);
        double *expected = bed_doubles(2 * M * M + M * C), *d_rows = expected + M * M;
        for (int64_t p = 0; p < M * M; p++) {
            const double both = (double)r.d_output[p] + (double)r.d_output[p % M * M + p / M];
            expected[M * M + M * C + p] = both;
            for (int64_t j = 0; j < C; j++) {
                const double a = (double)r.input[p / M * C + j], b = (double)r.input[p % M * C + j];
                expected[p] += a * b;
                d_rows[p / M * C + j] += both * b;
            }
        }
        run_products(bed_queue(0), &r, (unsigned char *)found);
        CU_ASSERT_TRUE(bed_distance(2 * M * M + M * C, found, expected) <
                       1e-5 * (1 + sqrt((double)(M + C))));
        CU_ASSERT_TRUE(bed_same_bits_by_platform(run_products, &r, bytes));
        bed_end();
    }
}

static void gradients_of_products_are_slopes(void)
{
    const struct rows r = rows_of(6, 9, 6);
    float *found = bed_floats(2 * 36 + 54);
    struct chain c = {&r, widen(54, r.input)};
    run_products(bed_queue(0), &r, (unsigned char *)found);
    CU_ASSERT_TRUE(bed_are_slopes(products_value, &c, 54, c.input, found + 36, 1e-5));
    bed_end();
}

static const struct vain_test tests[] = {
    {"rows get length one", rows_get_length_one},
    {"gradients of lengths are slopes", gradients_of_lengths_are_slopes},
    {"a row of zeros stays", a_row_of_zeros_stays},
    {"products of pairs are right", products_of_pairs_are_right},
    {"gradients of products are slopes", gradients_of_products_are_slopes},
    {NULL, NULL},
};

const struct vain_suite vain_suite_pairs = {"pairs", tests};
