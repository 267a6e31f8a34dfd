/* Batch norm, ReLU and the largest of a window. Channels are lanes here, and what is summed over
 * rows is summed in four chains, rows i mod 4, that are added as (0 + 2) + (1 + 3): a chain alone
 * would wait for each of its additions. */
#include "kernels/cpu/vector.h"

#include <math.h>
#include <string.h>

#define VAIN_ALWAYS_INLINE static inline __attribute__((always_inline))

enum { WIDTH = 16, CHAINS = 4 };
typedef float lanes __attribute__((vector_size(4 * WIDTH)));
typedef int32_t truths __attribute__((vector_size(4 * WIDTH)));

/* `width` channels, at most WIDTH, and zeros behind them. */
VAIN_ALWAYS_INLINE void load(int64_t width, const float *x, lanes *out)
{
    if (width == WIDTH) {
        memcpy(out, x, sizeof *out);
        return;
    }
    *out = (lanes){0};
    memcpy(out, x, (size_t)width * sizeof(float));
}

VAIN_ALWAYS_INLINE void store(int64_t width, const lanes *x, float *out)
{
    memcpy(out, x, (size_t)width * sizeof(float));
}

VAIN_ALWAYS_INLINE void chains_sum(const lanes chains[CHAINS], lanes *out)
{
    *out = (chains[0] + chains[2]) + (chains[1] + chains[3]);
}

/* ---- Batch norm forwards ---- */

VAIN_ALWAYS_INLINE void moments_of(int64_t width, int64_t rows, int64_t C, const float *x,
                                   float *means, float *squares)
{
    lanes sums[CHAINS] = {{0}}, parts[CHAINS] = {{0}}, v, mean, sum;
    int64_t i = 0;
    for (; i + CHAINS <= rows; i += CHAINS)
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++) {
            load(width, x + (i + c) * C, &v);
            sums[c] += v;
        }
    for (; i < rows; i++) {
        load(width, x + i * C, &v);
        sums[0] += v;
    }
    chains_sum(sums, &sum);
    mean = sum / (float)rows;
    for (i = 0; i + CHAINS <= rows; i += CHAINS)
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++) {
            load(width, x + (i + c) * C, &v);
            parts[c] += (v - mean) * (v - mean);
        }
    for (; i < rows; i++) {
        load(width, x + i * C, &v);
        parts[0] += (v - mean) * (v - mean);
    }
    chains_sum(parts, &sum);
    store(width, &mean, means);
    store(width, &sum, squares);
}

static void moments(int64_t rows, int64_t C, const float *x, float *means, float *squares)
{
    int64_t j = 0;
    for (; j + WIDTH <= C; j += WIDTH)
        moments_of(WIDTH, rows, C, x + j, means + j, squares + j);
    if (j < C)
        moments_of(C - j, rows, C, x + j, means + j, squares + j);
}

/* What a norm gives: written once, since the gradient decides by it what a ReLU let through. */
#define NORMALISED(x, mean, reciprocal)  (((x) - (mean)) * (reciprocal))
#define SHIFTED(normalised, gain, shift) ((normalised) * (gain) + (shift))

static void normalise(const struct vain_batch_norm *norm, int64_t first, int64_t rows)
{
    const int64_t C = norm->C;
    const float *restrict gain = norm->gain, *restrict shift = norm->shift;
    const float *restrict mean = norm->mean, *restrict reciprocal = norm->reciprocal_deviation;
    for (int64_t i = first; i < first + rows; i++) {
        const float *x = norm->input + i * C;
        float *y = norm->output + i * C;
        /* Each element is read before it is written, also where input and output are one. */
#pragma GCC ivdep
        for (int64_t j = 0; j < C; j++) {
            const float v = SHIFTED(NORMALISED(x[j], mean[j], reciprocal[j]), gain[j], shift[j]);
            y[j] = norm->relu && v < 0 ? 0 : v;
        }
    }
}

/* ---- Batch norm backwards: with d the gradient that a ReLU let through and n the normalised
 * input, d_input = r gain (d - mean(d) - n mean(d n)) ---- */

/* d and d n of `width` channels of a row. */
VAIN_ALWAYS_INLINE void terms_of(const struct vain_batch_norm_gradient *g, int64_t width,
                                 int64_t at, const lanes channel[4], lanes *d, lanes *d_n)
{
    lanes x;
    load(width, g->input + at, &x);
    load(width, g->d_output + at, d);
    const lanes n = NORMALISED(x, channel[0], channel[1]);
    if (g->relu) {
        const truths passed = SHIFTED(n, channel[2], channel[3]) > 0;
        *d = (lanes)((truths)*d & passed);
    }
    *d_n = *d * n;
}

VAIN_ALWAYS_INLINE void gradient_sums_of(const struct vain_batch_norm_gradient *g, int64_t width,
                                         int64_t first, int64_t rows, int64_t j, float *d_sums,
                                         float *d_n_sums)
{
    lanes channel[4], sums[CHAINS] = {{0}}, n_sums[CHAINS] = {{0}}, d, d_n;
    load(width, g->mean + j, &channel[0]);
    load(width, g->reciprocal_deviation + j, &channel[1]);
    load(width, g->gain + j, &channel[2]);
    load(width, g->shift + j, &channel[3]);
    int64_t i = 0;
    for (; i + CHAINS <= rows; i += CHAINS)
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++) {
            terms_of(g, width, (first + i + c) * g->C + j, channel, &d, &d_n);
            sums[c] += d;
            n_sums[c] += d_n;
        }
    for (; i < rows; i++) {
        terms_of(g, width, (first + i) * g->C + j, channel, &d, &d_n);
        sums[0] += d;
        n_sums[0] += d_n;
    }
    chains_sum(sums, &d);
    chains_sum(n_sums, &d_n);
    store(width, &d, d_sums + j);
    store(width, &d_n, d_n_sums + j);
}

static void norm_gradient_sums(const struct vain_batch_norm_gradient *g, int64_t first,
                               int64_t rows, float *d_sums, float *d_n_sums)
{
    int64_t j = 0;
    for (; j + WIDTH <= g->C; j += WIDTH)
        gradient_sums_of(g, WIDTH, first, rows, j, d_sums, d_n_sums);
    if (j < g->C)
        gradient_sums_of(g, g->C - j, first, rows, j, d_sums, d_n_sums);
}

static void norm_gradient(const struct vain_batch_norm_gradient *g, const float *restrict d_means,
                          const float *restrict d_n_means, int64_t first, int64_t rows)
{
    const int64_t C = g->C;
    const float *restrict gain = g->gain, *restrict shift = g->shift;
    const float *restrict mean = g->mean, *restrict reciprocal = g->reciprocal_deviation;
    for (int64_t i = first; i < first + rows; i++) {
        const float *x = g->input + i * C, *d_y = g->d_output + i * C;
        float *d_x = g->d_input + i * C;
#pragma GCC ivdep
        for (int64_t j = 0; j < C; j++) {
            const float n = NORMALISED(x[j], mean[j], reciprocal[j]);
            const float d = g->relu && !(SHIFTED(n, gain[j], shift[j]) > 0) ? 0 : d_y[j];
            d_x[j] = reciprocal[j] * gain[j] * ((d - d_means[j]) - n * d_n_means[j]);
        }
    }
}

/* ---- Elementwise ---- */

static void relu(int64_t N, float *restrict x)
{
    for (int64_t i = 0; i < N; i++)
        x[i] = x[i] < 0 ? 0 : x[i];
}

static void relu_gradient(int64_t N, const float *restrict output, float *restrict d)
{
    for (int64_t i = 0; i < N; i++)
        d[i] = output[i] > 0 ? d[i] : 0;
}

static void larger(int64_t N, const float *restrict x, float *restrict largest)
{
    for (int64_t i = 0; i < N; i++)
        largest[i] = (x[i] > largest[i]) | (x[i] != x[i]) ? x[i] : largest[i];
}

static void route(int64_t N, const float *restrict x, const float *restrict largest,
                  const float *restrict d, uint32_t *restrict taken, float *restrict d_x)
{
    for (int64_t i = 0; i < N; i++) {
        const uint32_t takes = (x[i] == largest[i]) & ~taken[i];
        d_x[i] += takes != 0 ? d[i] : 0;
        taken[i] |= takes;
    }
}

static void subtract_scaled(int64_t rows, int64_t C, const float *restrict y,
                            const float *restrict factors, const float *restrict dots,
                            const float *d_y, float *d_x)
{
    for (int64_t i = 0; i < rows; i++)
#pragma GCC ivdep
        for (int64_t j = 0; j < C; j++)
            d_x[i * C + j] = factors[i] * (d_y[i * C + j] - y[i * C + j] * dots[i]);
}

extern const struct vain_image_code VAIN_CODE_NAME(vain_image_code);
const struct vain_image_code VAIN_CODE_NAME(vain_image_code) = {
    .moments = moments,
    .normalise = normalise,
    .norm_gradient_sums = norm_gradient_sums,
    .norm_gradient = norm_gradient,
    .relu = relu,
    .relu_gradient = relu_gradient,
    .larger = larger,
    .route = route,
    .subtract_scaled = subtract_scaled,
};
