/* Batch norm, ReLU and pooling against their formulas in double. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

static double *widen(int64_t count, const float *x)
{
    double *wide = bed_doubles(count);
    for (int64_t i = 0; i < count; i++)
        wide[i] = (double)x[i];
    return wide;
}

/* ---- Batch norm ---- */

struct norm {
    int64_t M, C;
    bool relu;
    float *input, *gain, *shift, *d_output, *d_gain, *d_shift; /* d_gain, d_shift as they are */
};

/* One row, fewer rows than chains, channels that fill no vector, several blocks of rows. */
static const int64_t norm_shapes[][2] = {{1, 1},    {2, 3},    {5, 16},    {7, 64},    {40, 64},
                                         {490, 64}, {33, 100}, {1000, 17}, {3000, 64}, {20000, 1}};

static struct norm norm_of(int64_t M, int64_t C)
{
    struct norm n = {.M = M, .C = C};
    bed_seed((uint32_t)(M + 5 * C));
    n.input = bed_random_floats(M * C, 3);
    n.gain = bed_random_floats(C, 1);
    n.shift = bed_random_floats(C, 1);
    n.d_output = bed_random_floats(M * C, 1);
    n.d_gain = bed_random_floats(C, 1);
    n.d_shift = bed_random_floats(C, 1);
    for (int64_t i = 0; i < M * C; i++)
        n.input[i] += 2 * (float)(i % C); /* means that are not 0 */
    return n;
}

/* Writes output, mean, reciprocal deviation. */
static void run_norm(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct norm *n = context;
    float *output = (float *)(void *)out;
    const struct vain_batch_norm norm = {
        .M = n->M,
        .C = n->C,
        .input = n->input,
        .gain = n->gain,
        .shift = n->shift,
        .output = output,
        .mean = output + n->M * n->C,
        .reciprocal_deviation = output + n->M * n->C + n->C,
        .relu = n->relu,
    };
    queue->device->ops->image.batch_norm(queue, &norm);
}

/* The formula: output (M, C), mean (C), reciprocal deviation (C). */
static void expect_norm(const struct norm *n, const double *input, const double *gain,
                        const double *shift, double *expected)
{
    for (int64_t c = 0; c < n->C; c++) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < n->M; i++)
            mean += input[i * n->C + c] / (double)n->M;
        for (int64_t i = 0; i < n->M; i++)
            variance += pow(input[i * n->C + c] - mean, 2) / (double)n->M;
        const double reciprocal = 1 / sqrt(variance + 0.001);
        for (int64_t i = 0; i < n->M; i++) {
            const double y = (input[i * n->C + c] - mean) * reciprocal * gain[c] + shift[c];
            expected[i * n->C + c] = n->relu && y < 0 ? 0 : y;
        }
        expected[n->M * n->C + c] = mean;
        expected[n->M * n->C + n->C + c] = reciprocal;
    }
}

static void norms_are_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(norm_shapes); s++)
        for (int relu = 0; relu < 2; relu++) {
            struct norm n = norm_of(norm_shapes[s][0], norm_shapes[s][1]);
            n.relu = relu != 0;
            const int64_t all = n.M * n.C, count = all + 2 * n.C;
            float *found = bed_floats(count);
            double *expected = bed_doubles(count);
            run_norm(bed_queue(0), &n, (unsigned char *)found);
            expect_norm(&n, widen(all, n.input), widen(n.C, n.gain), widen(n.C, n.shift), expected);
            CU_ASSERT_TRUE(bed_distance(all, found, expected) < 2e-4);
            for (int64_t c = 0; c < n.C; c++) {
                const double mean = expected[all + c], r = expected[all + n.C + c];
                CU_ASSERT_DOUBLE_EQUAL((double)found[all + c], mean, 2e-7 * (10 + fabs(mean)));
                CU_ASSERT_DOUBLE_EQUAL((double)found[all + n.C + c], r, 2e-5 * r);
            }
            CU_ASSERT_TRUE(bed_same_bits(run_norm, &n, (size_t)count * sizeof(float)));
            bed_end();
        }
}

/* Input and output may be one. */
static void a_norm_works_in_place(void)
{
    struct norm n = norm_of(300, 37);
    float *apart = bed_floats(300 * 37 + 74), *sums = bed_floats(74);
    run_norm(bed_queue(0), &n, (unsigned char *)apart);
    const struct vain_batch_norm norm = {300,     37,   n.input,   n.gain, n.shift,
                                         n.input, sums, sums + 37, false};
    bed_queue(0)->device->ops->image.batch_norm(bed_queue(0), &norm);
    CU_ASSERT_EQUAL(memcmp(n.input, apart, (size_t)(300 * 37) * sizeof(float)), 0);
    bed_end();
}

/* Writes d_input, d_gain, d_shift; before, what the norm keeps. */
static void run_norm_gradient(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct norm *n = context;
    const int64_t all = n->M * n->C;
    float *d_input = (float *)(void *)out, *d_gain = d_input + all, *d_shift = d_gain + n->C,
          *kept = d_shift + n->C;
    run_norm(queue, n, (unsigned char *)kept);
    memcpy(d_gain, n->d_gain, (size_t)n->C * sizeof(float));
    memcpy(d_shift, n->d_shift, (size_t)n->C * sizeof(float));
    memcpy(d_input, n->d_output, (size_t)all * sizeof(float)); /* in place */
    const struct vain_batch_norm_gradient gradient = {
        .M = n->M,
        .C = n->C,
        .input = n->input,
        .gain = n->gain,
        .shift = n->shift,
        .mean = kept + all,
        .reciprocal_deviation = kept + all + n->C,
        .d_output = d_input,
        .d_input = d_input,
        .d_gain = d_gain,
        .d_shift = d_shift,
        .relu = n->relu,
    };
    queue->device->ops->image.batch_norm_gradient(queue, &gradient);
}

struct norm_chain {
    const struct norm *n;
    double *input, *gain, *shift, *output;
};

static double norm_value(const void *context)
{
    const struct norm_chain *c = context;
    double value = 0;
    expect_norm(c->n, c->input, c->gain, c->shift, c->output);
    for (int64_t i = 0; i < c->n->M * c->n->C; i++)
        value += c->output[i] * (double)c->n->d_output[i];
    return value;
}

static void norm_gradients_are_slopes(void)
{
    for (int relu = 0; relu < 2; relu++) {
        struct norm n = norm_of(11, 18);
        n.relu = relu != 0;
        memset(n.d_gain, 0, 18 * sizeof(float));
        memset(n.d_shift, 0, 18 * sizeof(float));
        const int64_t all = n.M * n.C;
        float *found = bed_floats(2 * all + 4 * n.C);
        run_norm_gradient(bed_queue(0), &n, (unsigned char *)found);
        struct norm_chain c = {&n, widen(all, n.input), widen(n.C, n.gain), widen(n.C, n.shift),
                               bed_doubles(all + 2 * n.C)};
        CU_ASSERT_TRUE(bed_are_slopes(norm_value, &c, all, c.input, found, 1e-5));
        CU_ASSERT_TRUE(bed_are_slopes(norm_value, &c, n.C, c.gain, found + all, 1e-5));
        CU_ASSERT_TRUE(bed_are_slopes(norm_value, &c, n.C, c.shift, found + all + n.C, 1e-5));
        bed_end();
    }
}

/* What slopes cannot see: gradients are added to what is there, blocks of rows, all devices. */
static void norm_gradients_are_right_for_many_rows(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(norm_shapes); s++) {
        struct norm n = norm_of(norm_shapes[s][0], norm_shapes[s][1]);
        n.relu = s % 2 == 1;
        const int64_t all = n.M * n.C, C = n.C;
        const size_t bytes = (size_t)(2 * all + 4 * C) * sizeof(float);
        float *found = bed_bytes(bytes);
        double *y = bed_doubles(all + 2 * C);
        run_norm_gradient(bed_queue(0), &n, (unsigned char *)found);
        expect_norm(&n, widen(all, n.input), widen(C, n.gain), widen(C, n.shift), y);
        for (int64_t c = 0; c < C; c++) {
            const double mean = y[all + c], r = y[all + C + c];
            double sum = 0, sum_n = 0;
            for (int64_t i = c; i < all; i += C) {
                const double d = n.relu && y[i] <= 0 ? 0 : (double)n.d_output[i];
                sum += d;
                sum_n += d * ((double)n.input[i] - mean) * r;
            }
            CU_ASSERT_DOUBLE_EQUAL((double)found[all + c], (double)n.d_gain[c] + sum_n, 1e-3);
            CU_ASSERT_DOUBLE_EQUAL((double)found[all + C + c], (double)n.d_shift[c] + sum, 1e-3);
        }
        CU_ASSERT_TRUE(bed_same_bits(run_norm_gradient, &n, bytes));
        bed_end();
    }
}

/* ---- ReLU ---- */

static void relu_keeps_what_is_positive_and_nan(void)
{
    const struct vain_image_ops *ops = &bed_queue(0)->device->ops->image;
    float x[] = {-1, 0, 2, -0.0f, NAN, -INFINITY, INFINITY}, d[] = {1, 2, 3, 4, 5, 6, 7};
    ops->relu(bed_queue(0), 7, x);
    CU_ASSERT_TRUE(x[0] == 0 && x[1] == 0 && x[2] == 2 && x[3] == 0);
    CU_ASSERT_TRUE(isnan(x[4]) && x[5] == 0 && isinf(x[6]));
    ops->relu_gradient(bed_queue(0), 7, x, d);
    CU_ASSERT_TRUE(d[0] == 0 && d[1] == 0 && d[2] == 3 && d[3] == 0 && d[5] == 0 && d[6] == 7);
}

static void relu_reaches_every_element(void)
{
    static const int64_t counts[] = {0, 1, 17, 16385, 40000};
    for (int device = 0; device < bed_device_count(); device++)
        for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
            const int64_t N = counts[c];
            struct vain_queue *queue = bed_queue(device);
            float *x = bed_random_floats(N, 1), *y = bed_floats(N), *d = bed_random_floats(N, 1),
                  *d_x = bed_floats(N);
            memcpy(y, x, (size_t)N * sizeof(float));
            memcpy(d_x, d, (size_t)N * sizeof(float));
            queue->device->ops->image.relu(queue, N, y);
            queue->device->ops->image.relu_gradient(queue, N, y, d_x);
            int64_t wrong = 0;
            for (int64_t i = 0; i < N; i++)
                wrong += y[i] != (x[i] > 0 ? x[i] : 0) || d_x[i] != (x[i] > 0 ? d[i] : 0);
            CU_ASSERT_EQUAL(wrong, 0);
            bed_end();
        }
}

/* ---- Pooling ---- */

struct pool {
    int64_t B, H, W, C;
    struct vain_window window;
    bool average;
    int64_t rows, columns, inputs, outputs;
    float *input, *d_output;
};

/* The last windows overlap, hang over, leave pixels out. */
static const struct pool pools[] = {
    {.B = 1, .H = 1, .W = 1, .C = 1, .window = {1, 1, 1, false}},
    {.B = 2, .H = 4, .W = 6, .C = 3, .window = {2, 2, 2, false}},
    {.B = 3, .H = 7, .W = 7, .C = 64, .window = {2, 2, 2, true}},
    {.B = 2, .H = 7, .W = 5, .C = 17, .window = {3, 2, 1, true}},
    {.B = 2, .H = 9, .W = 8, .C = 5, .window = {3, 3, 2, false}},
    {.B = 5, .H = 3, .W = 4, .C = 2, .window = {3, 4, 1, false}},
    {.B = 2, .H = 6, .W = 6, .C = 4, .window = {1, 2, 4, true}},
};

static struct pool pool_of(size_t index, bool average)
{
    struct pool p = pools[index];
    const struct vain_window *w = &p.window;
    bed_seed((uint32_t)index + 40);
    p.average = average;
    p.rows = vain_window_count(p.H, w->height, w->stride, w->same);
    p.columns = vain_window_count(p.W, w->width, w->stride, w->same);
    p.inputs = p.B * p.H * p.W * p.C;
    p.outputs = p.B * p.rows * p.columns * p.C;
    p.input = bed_random_floats(p.inputs, 1);
    p.d_output = bed_random_floats(p.outputs, 1);
    return p;
}

/* Largest or mean of what each window sees. */
static void expect_pool(const struct pool *p, const double *input, double *output)
{
    const struct vain_window *w = &p->window;
    const int64_t top = vain_window_padding(p->H, w->height, w->stride, w->same),
                  left = vain_window_padding(p->W, w->width, w->stride, w->same);
    for (int64_t o = 0; o < p->outputs; o++) {
        const int64_t c = o % p->C, column = o / p->C % p->columns,
                      row = o / p->C / p->columns % p->rows, b = o / p->C / p->columns / p->rows;
        double sum = 0, largest = -INFINITY;
        int seen = 0;
        for (int64_t y = row * w->stride - top; y < row * w->stride - top + w->height; y++)
            for (int64_t x = column * w->stride - left; x < column * w->stride - left + w->width;
                 x++) {
                if (y < 0 || y >= p->H || x < 0 || x >= p->W)
                    continue;
                const double value = input[((b * p->H + y) * p->W + x) * p->C + c];
                seen++;
                sum += value;
                largest = fmax(largest, value);
            }
        output[o] = p->average ? sum / seen : largest;
    }
}

/* Writes output, then d_input. */
static void run_pool(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct pool *p = context;
    float *output = (float *)(void *)out, *d_input = output + p->outputs;
    const struct vain_pool_layer layer = {p->B,      p->H,       p->W,     p->C,
                                          p->window, p->average, p->input, output};
    queue->device->ops->image.pool(queue, &layer);
    for (int64_t i = 0; i < p->inputs; i++)
        d_input[i] = 1e30f;
    const struct vain_pool_layer_gradient gradient = {p->B,
                                                      p->H,
                                                      p->W,
                                                      p->C,
                                                      p->window,
                                                      p->average,
                                                      p->average ? NULL : p->input,
                                                      p->average ? NULL : output,
                                                      p->d_output,
                                                      d_input};
    queue->device->ops->image.pool_gradient(queue, &gradient);
}

struct pool_chain {
    const struct pool *p;
    double *input, *output;
};

static double pool_value(const void *context)
{
    const struct pool_chain *c = context;
    double value = 0;
    expect_pool(c->p, c->input, c->output);
    for (int64_t o = 0; o < c->p->outputs; o++)
        value += c->output[o] * (double)c->p->d_output[o];
    return value;
}

static void check_pool(size_t index, bool average)
{
    const struct pool p = pool_of(index, average);
    const size_t bytes = (size_t)(p.outputs + p.inputs) * sizeof(float);
    float *found = bed_bytes(bytes);
    struct pool_chain c = {&p, widen(p.inputs, p.input), bed_doubles(p.outputs)};
    run_pool(bed_queue(0), &p, (unsigned char *)found);
    expect_pool(&p, c.input, c.output);
    CU_ASSERT_TRUE(bed_distance(p.outputs, found, c.output) < 1e-6);
    if (p.inputs < 2000)
        CU_ASSERT_TRUE(bed_are_slopes(pool_value, &c, p.inputs, c.input, found + p.outputs, 1e-5));
    CU_ASSERT_TRUE(bed_same_bits(run_pool, &p, bytes));
    bed_end();
}

static void pools_and_their_gradients_are_right(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(pools); i++) {
        check_pool(i, false);
        check_pool(i, true);
    }
}

static void the_first_of_equals_takes_the_gradient(void)
{
    struct pool p = pool_of(1, false);
    for (int64_t i = 0; i < p.inputs; i++)
        p.input[i] = 0;
    float *found = bed_floats(p.outputs + p.inputs), *d_input = found + p.outputs;
    run_pool(bed_queue(0), &p, (unsigned char *)found);
    for (int64_t i = 0; i < p.inputs; i++) {
        const int64_t x = i / p.C % p.W, y = i / p.C / p.W % p.H;
        CU_ASSERT_TRUE((d_input[i] != 0) == (x % 2 == 0 && y % 2 == 0));
    }
    bed_end();
}

static void a_nan_is_the_largest(void)
{
    for (int at = 0; at < 4; at++) {
        struct pool p = pool_of(1, false);
        p.input[(at / 2 * p.W + at % 2) * p.C] = NAN;
        float *found = bed_floats(p.outputs + p.inputs);
        run_pool(bed_queue(0), &p, (unsigned char *)found);
        CU_ASSERT_TRUE(isnan(found[0]) && !isnan(found[1]) && !isnan(found[p.C]));
        bed_end();
    }
}

static const struct vain_test tests[] = {
    {"batch norms are right", norms_are_right},
    {"a batch norm works in place", a_norm_works_in_place},
    {"gradients of a batch norm are slopes", norm_gradients_are_slopes},
    {"gradients of a batch norm are right for many rows", norm_gradients_are_right_for_many_rows},
    {"ReLU keeps what is positive, and NaN", relu_keeps_what_is_positive_and_nan},
    {"ReLU reaches every element", relu_reaches_every_element},
    {"pools and their gradients are right", pools_and_their_gradients_are_right},
    {"the first of equals takes the gradient", the_first_of_equals_takes_the_gradient},
    {"a NaN is the largest", a_nan_is_the_largest},
    {NULL, NULL},
};

const struct vain_suite vain_suite_image = {"image", tests};
