/* Ops that look at whole rows: layer norm, cross entropy, softmax. */
#include "kernels/cpu/vector.h"
#include "kernels/cpu/vector_math.h"

#include <string.h>

/* ---- Sums and maxima over a row, lane j mod 16 ---- */

static float row_sum(int64_t N, const float *restrict x)
{
    float lanes[VAIN_LANES] = {0};
    int64_t j = 0;
    for (; j + VAIN_LANES <= N; j += VAIN_LANES)
        for (int l = 0; l < VAIN_LANES; l++)
            lanes[l] += x[j + l];
    for (int l = 0; j < N; j++, l++)
        lanes[l] += x[j];
    return vain_lanes_sum(lanes);
}

static float row_square_sum(int64_t N, const float *restrict x, float mean)
{
    float lanes[VAIN_LANES] = {0};
    int64_t j = 0;
    for (; j + VAIN_LANES <= N; j += VAIN_LANES)
        for (int l = 0; l < VAIN_LANES; l++)
            lanes[l] += (x[j + l] - mean) * (x[j + l] - mean);
    for (int l = 0; j < N; j++, l++)
        lanes[l] += (x[j] - mean) * (x[j] - mean);
    return vain_lanes_sum(lanes);
}

static float row_dot(int64_t N, const float *restrict a, const float *restrict b)
{
    float lanes[VAIN_LANES] = {0};
    int64_t j = 0;
    for (; j + VAIN_LANES <= N; j += VAIN_LANES)
        for (int l = 0; l < VAIN_LANES; l++)
            lanes[l] += a[j + l] * b[j + l];
    for (int l = 0; j < N; j++, l++)
        lanes[l] += a[j] * b[j];
    return vain_lanes_sum(lanes);
}

/* All bits, then none: 16 of them from 16 - rest on keep the first `rest` lanes. */
static const uint32_t lane_masks[2 * VAIN_LANES] = {
    ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u,
};

static float lanes_maximum(float lanes[VAIN_LANES])
{
    for (int half = VAIN_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lanes[l] = lanes[l + half] > lanes[l] ? lanes[l + half] : lanes[l];
    return lanes[0];
}

/* Of at least one element. A NaN may pass unseen here; it shows in the sum of exponentials. */
static float row_maximum(int64_t N, const float *restrict x)
{
    float lanes[VAIN_LANES];
    for (int l = 0; l < VAIN_LANES; l++)
        lanes[l] = x[0];
    int64_t j = 0;
    for (; j + VAIN_LANES <= N; j += VAIN_LANES)
        for (int l = 0; l < VAIN_LANES; l++)
            lanes[l] = x[j + l] > lanes[l] ? x[j + l] : lanes[l];
    for (int l = 0; j < N; j++, l++)
        lanes[l] = x[j] > lanes[l] ? x[j] : lanes[l];
    return lanes_maximum(lanes);
}

/* lanes += e^(scale * x - shift) of whole vectors, which are written if `writes`. */
static inline void add_exponentials(float scale, float shift, bool writes, const float *x,
                                    float *out, float lanes[VAIN_LANES])
{
    float e[VAIN_LANES];
    for (int l = 0; l < VAIN_LANES; l++)
        e[l] = vain_exp(scale * x[l] - shift);
    for (int l = 0; l < VAIN_LANES; l++)
        lanes[l] += e[l];
    if (writes)
        memcpy(out, e, sizeof e);
}

/* The same of the last 1 to 15 elements; the other lanes stay as they are. */
static void add_last_exponentials(int rest, float scale, float shift, bool writes, const float *x,
                                  float *out, float lanes[VAIN_LANES])
{
    float e[VAIN_LANES];
    for (int l = 0; l < VAIN_LANES; l++)
        e[l] = l < rest ? x[l] : 0;
    for (int l = 0; l < VAIN_LANES; l++)
        e[l] = vain_exp(scale * e[l] - shift);
    for (int l = 0; l < VAIN_LANES; l++)
        lanes[l] += l < rest ? e[l] : 0;
    for (int l = 0; writes && l < rest; l++)
        out[l] = e[l];
}

/* x = e^(scale * x - shift) if `writes`; gives the sum in any case. */
static inline float row_exponentials(int64_t N, float scale, float shift, bool writes, float *x)
{
    float lanes[VAIN_LANES] = {0};
    int64_t j = 0;
    for (; j + VAIN_LANES <= N; j += VAIN_LANES)
        add_exponentials(scale, shift, writes, x + j, x + j, lanes);
    if (j < N)
        add_last_exponentials((int)(N - j), scale, shift, writes, x + j, x + j, lanes);
    return vain_lanes_sum(lanes);
}

/* ---- Layer norm (Ba, Kiros & Hinton 2016) ---- */

static void layer_norm(int64_t rows, int64_t C, const float *restrict input,
                       const float *restrict gain, const float *restrict shift,
                       float *restrict output, float *restrict mean,
                       float *restrict reciprocal_deviation)
{
    const float epsilon = 1e-5f, width = (float)C;
    for (int64_t i = 0; i < rows; i++) {
        const float *x = input + i * C;
        float *y = output + i * C;
        const float m = row_sum(C, x) / width;
        const float r = 1.0f / sqrtf(row_square_sum(C, x, m) / width + epsilon);
        for (int64_t j = 0; j < C; j++)
            y[j] = (x[j] - m) * r * gain[j] + shift[j];
        mean[i] = m;
        reciprocal_deviation[i] = r;
    }
}

/* With n = (x - m) r and g = d_y gain:  d_x = r (g - mean(g) - n mean(g n)). */
static void layer_norm_gradient_row(int64_t C, const float *restrict x, const float *restrict gain,
                                    float m, float r, const float *restrict d_y,
                                    float *restrict d_gain, float *restrict d_shift, float *mean_g,
                                    float *mean_gn)
{
    float sum_g[VAIN_LANES] = {0}, sum_gn[VAIN_LANES] = {0};
    int64_t j = 0;
    for (; j + VAIN_LANES <= C; j += VAIN_LANES)
        for (int l = 0; l < VAIN_LANES; l++) {
            const float n = (x[j + l] - m) * r, g = d_y[j + l] * gain[j + l];
            sum_g[l] += g;
            sum_gn[l] += g * n;
            d_gain[j + l] += d_y[j + l] * n;
            d_shift[j + l] += d_y[j + l];
        }
    for (int l = 0; j < C; j++, l++) {
        const float n = (x[j] - m) * r, g = d_y[j] * gain[j];
        sum_g[l] += g;
        sum_gn[l] += g * n;
        d_gain[j] += d_y[j] * n;
        d_shift[j] += d_y[j];
    }
    *mean_g = vain_lanes_sum(sum_g) / (float)C;
    *mean_gn = vain_lanes_sum(sum_gn) / (float)C;
}

static void layer_norm_gradient(int64_t rows, int64_t C, const float *input, const float *gain,
                                const float *mean, const float *reciprocal_deviation,
                                const float *d_output, const float *residual_gradient,
                                float *d_input, float *d_gain, float *d_shift)
{
    for (int64_t i = 0; i < rows; i++) {
        const float *x = input + i * C, *d_y = d_output + i * C;
        float *d_x = d_input + i * C;
        const float m = mean[i], r = reciprocal_deviation[i];
        float mean_g, mean_gn;
        layer_norm_gradient_row(C, x, gain, m, r, d_y, d_gain, d_shift, &mean_g, &mean_gn);
        if (residual_gradient == NULL) {
            for (int64_t j = 0; j < C; j++)
                d_x[j] = r * ((d_y[j] * gain[j] - mean_g) - (x[j] - m) * r * mean_gn);
        } else {
            const float *residual = residual_gradient + i * C;
            for (int64_t j = 0; j < C; j++)
                d_x[j] = residual[j] + r * ((d_y[j] * gain[j] - mean_g) - (x[j] - m) * r * mean_gn);
        }
    }
}

/* ---- Cross entropy ---- */

static void cross_entropy(int64_t rows, int64_t V, float *restrict logits,
                          const int32_t *restrict targets, float scale, double *restrict losses)
{
    for (int64_t i = 0; i < rows; i++) {
        float *x = logits + i * V;
        const float maximum = row_maximum(V, x), target = x[targets[i]];
        if (!(scale < 0 || scale > 0)) {
            const float sum = row_exponentials(V, 1.0f, maximum, false, x);
            losses[i] = (double)(vain_log(sum) - (target - maximum));
            continue;
        }
        const float sum = row_exponentials(V, 1.0f, maximum, true, x);
        losses[i] = (double)(vain_log(sum) - (target - maximum));
        const float factor = scale / sum;
        for (int64_t j = 0; j < V; j++)
            x[j] *= factor;
        x[targets[i]] -= scale;
    }
}

static int64_t count_correct(int64_t rows, int64_t V, const float *restrict logits,
                             const int32_t *restrict targets)
{
    int64_t correct = 0;
    for (int64_t i = 0; i < rows; i++) {
        const float *x = logits + i * V, target = x[targets[i]];
        bool above = target != target; /* something speaks against the target */
        for (int64_t j = 0; j < V; j++)
            above |= !(x[j] <= target);
        for (int64_t j = 0; j < targets[i]; j++)
            above |= x[j] == target;
        correct += !above;
    }
    return correct;
}

/* ---- Softmax of attention scores: rows are padded to whole vectors, in place of tails ---- */

/* x becomes 0 behind the first `rest` lanes. */
static inline void keep_first(int64_t rest, float *x)
{
    const uint32_t *masks = lane_masks + VAIN_LANES - rest;
    for (int l = 0; l < VAIN_LANES; l++)
        x[l] = vain_float_of_bits(vain_bits_of_float(x[l]) & masks[l]);
}

static void softmax(const struct vain_score_block *block, float *scores,
                    float *restrict reciprocal_sums, float *restrict log_sums)
{
    const float scale = block->scale;
    for (int64_t i = 0; i < block->rows; i++) {
        float *restrict x = scores + i * block->stride;
        const int64_t seen = block->first + i * block->step + 1,
                      whole = (seen - 1) / VAIN_LANES * VAIN_LANES;
        const int64_t padded = whole + VAIN_LANES;
        const float maximum = scale * row_maximum(seen, x);
        for (int64_t j = 0; j < padded; j++)
            x[j] = vain_exp(scale * x[j] - maximum);
        keep_first(seen - whole, x + whole);
        for (int64_t j = padded; j < block->keys; j++)
            x[j] = 0;
        const float sum = row_sum(padded, x);
        reciprocal_sums[i] = sum;
        log_sums[i] = maximum;
    }
    /* For all rows at once: one logarithm alone is a long chain. */
    for (int64_t i = 0; i < block->rows; i++) {
        log_sums[i] = log_sums[i] + vain_log(reciprocal_sums[i]);
        reciprocal_sums[i] = 1.0f / reciprocal_sums[i];
    }
}

static void softmax_gradient(const struct vain_score_block *block, const float *restrict log_sums,
                             const float *restrict dots, float *restrict scores,
                             float *restrict d_probabilities)
{
    const float scale = block->scale;
    for (int64_t i = 0; i < block->rows; i++) {
        float *restrict x = scores + i * block->stride, *restrict d =
                                                            d_probabilities + i * block->stride;
        const int64_t seen = block->first + i * block->step + 1,
                      whole = (seen - 1) / VAIN_LANES * VAIN_LANES;
        const int64_t padded = whole + VAIN_LANES;
        const float log_sum = log_sums[i], dot = dots[i];
        for (int64_t j = 0; j < padded; j++) {
            x[j] = vain_exp(scale * x[j] - log_sum);
            d[j] = scale * (x[j] * (d[j] - dot));
        }
        keep_first(seen - whole, x + whole);
        keep_first(seen - whole, d + whole);
        for (int64_t j = padded; j < block->keys; j++)
            x[j] = d[j] = 0;
    }
}

static void dot_rows(struct vain_tile tile, const float *a, const float *b, float *restrict dots)
{
    for (int64_t i = 0; i < tile.rows; i++)
        dots[i] = row_dot(tile.columns, a + i * tile.stride, b + i * tile.stride);
}

static void scale_rows(struct vain_tile tile, const float *restrict factors, float *restrict x)
{
    for (int64_t i = 0; i < tile.rows; i++)
        for (int64_t j = 0; j < tile.columns; j++)
            x[i * tile.stride + j] *= factors[i];
}

extern const struct vain_row_code VAIN_CODE_NAME(vain_row_code);
const struct vain_row_code VAIN_CODE_NAME(vain_row_code) = {
    .layer_norm = layer_norm,
    .layer_norm_gradient = layer_norm_gradient,
    .cross_entropy = cross_entropy,
    .count_correct = count_correct,
    .softmax = softmax,
    .softmax_gradient = softmax_gradient,
    .dot_rows = dot_rows,
    .scale_rows = scale_rows,
};
