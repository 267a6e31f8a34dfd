/* Convolutions against sums over pixels, in double. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

struct shape {
    int64_t B, H, W, C, F;
    struct vain_window window;
};

/* Windows that fit, hang over, skip pixels, are larger than the image with padding, see one pixel;
 * channels of vectors, primes, one; filters beyond a panel; more rows than a chain of a product; a
 * filter that is cut into ranges; images for many groups. */
static const struct shape shapes[] = {
    {1, 1, 1, 1, 1, {1, 1, 1, false}},    {2, 5, 4, 3, 2, {3, 3, 1, true}},
    {2, 5, 4, 3, 2, {3, 3, 1, false}},    {3, 7, 6, 5, 33, {3, 2, 2, true}},
    {3, 7, 6, 5, 3, {2, 3, 2, false}},    {2, 28, 28, 1, 64, {3, 3, 2, true}},
    {2, 4, 4, 64, 64, {3, 3, 2, true}},   {1, 2, 3, 2, 2, {5, 5, 1, true}},
    {3, 9, 9, 2, 4, {2, 2, 3, true}},     {2, 3, 3, 40, 16, {1, 1, 1, true}},
    {2, 5, 5, 4, 3, {1, 1, 2, false}},    {1, 6, 6, 130, 7, {3, 3, 1, true}},
    {9, 1, 1, 30, 5, {1, 1, 1, true}},    {40, 4, 5, 3, 70, {3, 3, 1, true}},
    {1, 12, 12, 16, 31, {5, 5, 1, true}}, {0, 3, 3, 2, 2, {3, 3, 1, true}},
    {1, 3, 3, 2, 600, {3, 3, 1, true}},
};

struct problem {
    struct shape s;
    int64_t rows, columns, inputs, weights, outputs;
    float *input, *weight, *bias; /* bias may be NULL */
    bool relu;
    float *d_output, *d_weight, *d_bias; /* the last two as they are before; d_bias may be NULL */
    bool no_input;
};

/* TensorFlow's own words: ceil(side / stride), or ceil((side - window + 1) / stride). */
static int64_t outputs_along(int64_t side, int64_t window, const struct vain_window *w)
{
    const double most = w->same ? (double)side : (double)(side - window + 1);
    return (int64_t)ceil(most / (double)w->stride);
}

static struct problem problem_of(const struct shape *s)
{
    struct problem p = {.s = *s};
    bed_seed((uint32_t)(s->B * 7 + s->H * 31 + s->C * 101 + s->F));
    p.rows = outputs_along(s->H, s->window.height, &s->window);
    p.columns = outputs_along(s->W, s->window.width, &s->window);
    p.inputs = s->B * s->H * s->W * s->C;
    p.weights = s->F * s->window.height * s->window.width * s->C;
    p.outputs = s->B * p.rows * p.columns * s->F;
    p.input = bed_random_floats(p.inputs, 1);
    p.weight = bed_random_floats(p.weights, 1);
    p.bias = bed_random_floats(s->F, 1);
    p.d_output = bed_random_floats(p.outputs, 1);
    p.d_weight = bed_random_floats(p.weights, 1);
    p.d_bias = bed_random_floats(s->F, 1);
    return p;
}

/* Zeros before the first pixel: half of what the windows reach over, rounded down. */
static int64_t before(int64_t side, int64_t window, int64_t outputs, const struct vain_window *w)
{
    const int64_t over = (outputs - 1) * w->stride + window - side;
    return w->same && over > 0 ? over / 2 : 0;
}

typedef void (*meeting)(void *context, int64_t input, int64_t weight, int64_t output);

/* Call for each product of an input element and a weight, and the output it goes into. */
static void for_each_product(const struct problem *p, meeting meet, void *context)
{
    const struct shape *s = &p->s;
    const struct vain_window *w = &s->window;
    const int64_t top = before(s->H, w->height, p->rows, w),
                  left = before(s->W, w->width, p->columns, w);
    for (int64_t output = 0; output < p->outputs; output++) {
        const int64_t f = output % s->F, column = output / s->F % p->columns,
                      row = output / s->F / p->columns % p->rows,
                      b = output / s->F / p->columns / p->rows;
        for (int64_t tap = 0; tap < w->height * w->width * s->C; tap++) {
            const int64_t c = tap % s->C, y = row * w->stride - top + tap / s->C / w->width,
                          x = column * w->stride - left + tap / s->C % w->width;
            if (y >= 0 && y < s->H && x >= 0 && x < s->W)
                meet(context, ((b * s->H + y) * s->W + x) * s->C + c,
                     f * w->height * w->width * s->C + tap, output);
        }
    }
}

/* ---- Forwards ---- */

static void run_forward(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct problem *p = context;
    const struct vain_convolution convolution = {
        .B = p->s.B,
        .H = p->s.H,
        .W = p->s.W,
        .C = p->s.C,
        .F = p->s.F,
        .window = p->s.window,
        .input = p->input,
        .weight = p->weight,
        .bias = p->bias,
        .output = (float *)(void *)out,
        .relu = p->relu,
    };
    queue->device->ops->image.convolution(queue, &convolution);
}

struct sums {
    const double *input, *weight;
    double *output;
};

static void add_product(void *context, int64_t input, int64_t weight, int64_t output)
{
    struct sums *s = context;
    s->output[output] += s->input[input] * s->weight[weight];
}

static double *widen(int64_t count, const float *x)
{
    double *wide = bed_doubles(count);
    for (int64_t i = 0; i < count; i++)
        wide[i] = (double)x[i];
    return wide;
}

static void check_forward(const struct problem *p)
{
    float *found = bed_floats(p->outputs);
    struct sums sums = {widen(p->inputs, p->input), widen(p->weights, p->weight),
                        bed_doubles(p->outputs)};
    for_each_product(p, add_product, &sums);
    for (int64_t i = 0; i < p->outputs; i++) {
        sums.output[i] += p->bias == NULL ? 0 : (double)p->bias[i % p->s.F];
        if (p->relu && sums.output[i] < 0)
            sums.output[i] = 0;
    }
    run_forward(bed_queue(0), p, (unsigned char *)found);
    const double K = p->s.F == 0 ? 0 : (double)(p->weights / p->s.F);
    CU_ASSERT_TRUE(bed_distance(p->outputs, found, sums.output) < 4e-6 * (1 + sqrt(K)));
    CU_ASSERT_TRUE(bed_same_bits_by_platform(run_forward, p, (size_t)p->outputs * sizeof(float)));
    bed_end();
}

static void outputs_are_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++)
        for (int variant = 0; variant < 3; variant++) {
            struct problem p = problem_of(&shapes[s]);
            p.relu = variant == 1;
            if (variant == 2)
                p.bias = NULL;
            check_forward(&p);
        }
}

static void window_counts_are_tensorflows(void)
{
    for (int64_t side = 1; side < 12; side++)
        for (int64_t window = 1; window < 7; window++)
            for (int64_t stride = 1; stride < 5; stride++)
                for (int same = 0; same < 2; same++) {
                    const struct vain_window w = {window, window, stride, same != 0};
                    const int64_t outputs = outputs_along(side, window, &w);
                    if (outputs <= 0) {
                        CU_ASSERT_EQUAL(vain_window_count(side, window, stride, false), 0);
                        continue;
                    }
                    CU_ASSERT_EQUAL(vain_window_count(side, window, stride, w.same), outputs);
                    CU_ASSERT_EQUAL(vain_window_padding(side, window, stride, w.same),
                                    before(side, window, outputs, &w));
                }
}

/* 28 pixels, window 3, stride 2: 14 outputs and one zero, which goes to the end. */
static void an_odd_zero_goes_last(void)
{
    CU_ASSERT_EQUAL(vain_window_padding(28, 3, 2, true), 0);
    CU_ASSERT_EQUAL(vain_window_padding(7, 3, 2, true), 1);
    CU_ASSERT_EQUAL(vain_window_padding(28, 5, 1, true), 2);
}

static void a_nan_passes_through(void)
{
    struct problem p = problem_of(&shapes[1]);
    p.relu = true;
    p.input[0] = NAN;
    float *found = bed_floats(p.outputs);
    run_forward(bed_queue(0), &p, (unsigned char *)found);
    CU_ASSERT_TRUE(isnan(found[0]) && isnan(found[1]));
    CU_ASSERT_FALSE(isnan(found[p.outputs - 1]));
    bed_end();
}

/* ---- Backwards ---- */

/* Writes d_input, d_weight, d_bias. */
static void run_gradient(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct problem *p = context;
    float *d_input = (float *)(void *)out, *d_weight = d_input + p->inputs,
          *d_bias = d_weight + p->weights;
    memcpy(d_weight, p->d_weight, (size_t)p->weights * sizeof(float));
    if (p->d_bias != NULL)
        memcpy(d_bias, p->d_bias, (size_t)p->s.F * sizeof(float));
    for (int64_t i = 0; !p->no_input && i < p->inputs; i++)
        d_input[i] = 1e30f; /* written, not added to */
    const struct vain_convolution_gradient gradient = {
        .B = p->s.B,
        .H = p->s.H,
        .W = p->s.W,
        .C = p->s.C,
        .F = p->s.F,
        .window = p->s.window,
        .input = p->input,
        .weight = p->weight,
        .d_output = p->d_output,
        .d_input = p->no_input ? NULL : d_input,
        .d_weight = d_weight,
        .d_bias = p->d_bias == NULL ? NULL : d_bias,
    };
    queue->device->ops->image.convolution_gradient(queue, &gradient);
}

struct gradients {
    const struct problem *p;
    double *d_input, *d_weight;
};

static void add_gradients(void *context, int64_t input, int64_t weight, int64_t output)
{
    struct gradients *g = context;
    const double d = (double)g->p->d_output[output];
    if (!g->p->no_input)
        g->d_input[input] += d * (double)g->p->weight[weight];
    g->d_weight[weight] += d * (double)g->p->input[input];
}

static void check_gradient(const struct problem *p)
{
    const int64_t count = p->inputs + p->weights + p->s.F;
    float *found = bed_floats(count);
    double *expected = bed_doubles(count);
    struct gradients gradients = {p, expected, expected + p->inputs};
    for (int64_t i = 0; i < p->weights; i++)
        gradients.d_weight[i] = (double)p->d_weight[i];
    for (int64_t f = 0; f < p->s.F && p->d_bias != NULL; f++)
        expected[p->inputs + p->weights + f] = (double)p->d_bias[f];
    for (int64_t i = 0; i < p->outputs && p->d_bias != NULL; i++)
        expected[p->inputs + p->weights + i % p->s.F] += (double)p->d_output[i];
    for_each_product(p, add_gradients, &gradients);
    run_gradient(bed_queue(0), p, (unsigned char *)found);
    const double most = (double)(p->outputs + p->weights) / (double)p->s.F;
    CU_ASSERT_TRUE(bed_distance(count, found, expected) < 4e-6 * (1 + sqrt(most)));
    CU_ASSERT_TRUE(bed_same_bits_by_platform(run_gradient, p, (size_t)count * sizeof(float)));
    bed_end();
}

static void gradients_are_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++)
        for (int variant = 0; variant < 3; variant++) {
            struct problem p = problem_of(&shapes[s]);
            p.no_input = variant == 1;
            if (variant == 2)
                p.d_bias = NULL;
            check_gradient(&p);
        }
}

struct chain {
    const struct problem *p;
    double *input, *weight, *bias;
};

static double chain_value(const void *context)
{
    const struct chain *c = context;
    double output[512] = {0}, value = 0;
    struct sums sums = {c->input, c->weight, output};
    VAIN_ASSERT(c->p->outputs <= 512);
    for_each_product(c->p, add_product, &sums);
    for (int64_t i = 0; i < c->p->outputs; i++)
        value += (output[i] + c->bias[i % c->p->s.F]) * (double)c->p->d_output[i];
    return value;
}

static void gradients_are_slopes(void)
{
    const struct shape small[] = {{2, 5, 4, 3, 4, {3, 2, 2, true}},
                                  {2, 5, 4, 3, 4, {2, 3, 1, false}}};
    for (size_t s = 0; s < VAIN_COUNT_OF(small); s++) {
        struct problem p = problem_of(&small[s]);
        memset(p.d_weight, 0, (size_t)p.weights * sizeof(float));
        memset(p.d_bias, 0, (size_t)p.s.F * sizeof(float));
        float *found = bed_floats(p.inputs + p.weights + p.s.F);
        run_gradient(bed_queue(0), &p, (unsigned char *)found);
        struct chain c = {&p, widen(p.inputs, p.input), widen(p.weights, p.weight),
                          bed_doubles(p.s.F)};
        CU_ASSERT_TRUE(bed_are_slopes(chain_value, &c, p.inputs, c.input, found, 1e-5));
        CU_ASSERT_TRUE(
            bed_are_slopes(chain_value, &c, p.weights, c.weight, found + p.inputs, 1e-5));
        CU_ASSERT_TRUE(
            bed_are_slopes(chain_value, &c, p.s.F, c.bias, found + p.inputs + p.weights, 1e-5));
        bed_end();
    }
}

/* Filters that do not fit the shared area at once, in either direction: 2 x 8000 elements of 100
 * filters, and 3 x 20000 of 2. One pixel of output, so that sums are few. */
static void long_filters_are_cut(void)
{
    const struct shape long_ones[] = {{1, 1, 2, 8000, 100, {1, 2, 1, false}},
                                      {2, 1, 1, 400, 3000, {1, 1, 1, false}}};
    for (size_t s = 0; s < VAIN_COUNT_OF(long_ones); s++) {
        struct problem p = problem_of(&long_ones[s]);
        check_forward(&p);
        p = problem_of(&long_ones[s]);
        check_gradient(&p);
    }
}

static const struct vain_test tests[] = {
    {"outputs are right for every window", outputs_are_right},
    {"windows are counted and padded as in TensorFlow", window_counts_are_tensorflows},
    {"an odd zero goes last", an_odd_zero_goes_last},
    {"a NaN passes through", a_nan_passes_through},
    {"gradients are right for every window", gradients_are_right},
    {"gradients are slopes of the forward pass", gradients_are_slopes},
    {"long filters are cut", long_filters_are_cut},
    {NULL, NULL},
};

const struct vain_suite vain_suite_convolution = {"convolution", tests};
