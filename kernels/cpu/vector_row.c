/* Ops that look at whole rows: layer norm, cross entropy, softmax. */
#include "kernels/cpu/vector.h"
#include "kernels/cpu/vector_math.h"

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
    float maximum = lanes[0];
    for (int l = 1; l < VAIN_LANES; l++)
        maximum = lanes[l] > maximum ? lanes[l] : maximum;
    return maximum;
}

/* x = e^(scale * x - shift); gives the sum. */
static float row_exponentials(int64_t N, float scale, float shift, float *restrict x)
{
    float lanes[VAIN_LANES] = {0};
    int64_t j = 0;
    for (; j + VAIN_LANES <= N; j += VAIN_LANES)
        for (int l = 0; l < VAIN_LANES; l++) {
            x[j + l] = vain_exp(scale * x[j + l] - shift);
            lanes[l] += x[j + l];
        }
    for (int l = 0; j < N; j++, l++) {
        x[j] = vain_exp(scale * x[j] - shift);
        lanes[l] += x[j];
    }
    return vain_lanes_sum(lanes);
}

/* The same sum without writing. */
static float row_exponential_sum(int64_t N, float shift, const float *restrict x)
{
    float lanes[VAIN_LANES] = {0};
    int64_t j = 0;
    for (; j + VAIN_LANES <= N; j += VAIN_LANES)
        for (int l = 0; l < VAIN_LANES; l++)
            lanes[l] += vain_exp(x[j + l] - shift);
    for (int l = 0; j < N; j++, l++)
        lanes[l] += vain_exp(x[j] - shift);
    return vain_lanes_sum(lanes);
}

/* ---- Layer norm (Ba, Kiros & Hinton 2016) ---- */

static void layer_norm(int64_t rows, int64_t C, const float *restrict input, const float *restrict gain,
                       const float *restrict shift, float *restrict output, float *restrict mean,
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
static void layer_norm_gradient_row(int64_t C, const float *restrict x, const float *restrict gain, float m, float r,
                                    const float *restrict d_y, float *restrict d_gain, float *restrict d_shift,
                                    float *mean_g, float *mean_gn)
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

static void layer_norm_gradient(int64_t rows, int64_t C, const float *input, const float *gain, const float *mean,
                                const float *reciprocal_deviation, const float *d_output,
                                const float *residual_gradient, float *d_input, float *d_gain, float *d_shift)
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

static void cross_entropy(int64_t rows, int64_t V, float *restrict logits, const int32_t *restrict targets,
                          float scale, double *restrict losses)
{
    for (int64_t i = 0; i < rows; i++) {
        float *x = logits + i * V;
        const float maximum = row_maximum(V, x), target = x[targets[i]];
        if (!(scale < 0 || scale > 0)) {
            const float sum = row_exponential_sum(V, maximum, x);
            losses[i] = (double)(vain_log(sum) - (target - maximum));
            continue;
        }
        const float sum = row_exponentials(V, 1.0f, maximum, x);
        losses[i] = (double)(vain_log(sum) - (target - maximum));
        const float factor = scale / sum;
        for (int64_t j = 0; j < V; j++)
            x[j] *= factor;
        x[targets[i]] -= scale;
    }
}

/* ---- Softmax of attention scores ---- */

static void softmax(const struct vain_score_block *block, float *scores, float *restrict reciprocal_sums,
                    float *restrict log_sums)
{
    for (int64_t i = 0; i < block->rows; i++) {
        float *x = scores + i * block->keys;
        const int64_t seen = block->first + i + 1;
        const float maximum = block->scale * row_maximum(seen, x);
        const float sum = row_exponentials(seen, block->scale, maximum, x);
        for (int64_t j = seen; j < block->keys; j++)
            x[j] = 0;
        reciprocal_sums[i] = 1.0f / sum;
        log_sums[i] = maximum + vain_log(sum);
    }
}

static void softmax_gradient(const struct vain_score_block *block, const float *restrict log_sums,
                             const float *restrict dots, float *restrict scores, float *restrict d_probabilities)
{
    const float scale = block->scale;
    for (int64_t i = 0; i < block->rows; i++) {
        float *x = scores + i * block->keys, *d = d_probabilities + i * block->keys;
        const int64_t seen = block->first + i + 1;
        const float log_sum = log_sums[i], dot = dots[i];
        for (int64_t j = 0; j < seen; j++) {
            x[j] = vain_exp(scale * x[j] - log_sum);
            d[j] = scale * (x[j] * (d[j] - dot));
        }
        for (int64_t j = seen; j < block->keys; j++) {
            x[j] = 0;
            d[j] = 0;
        }
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
    .softmax = softmax,
    .softmax_gradient = softmax_gradient,
    .dot_rows = dot_rows,
    .scale_rows = scale_rows,
};
