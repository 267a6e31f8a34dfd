/* Ops over a range of elements that know nothing of each other: sums, scaling, dropout, AdamW, the
 * outer step. */
#include "kernels/cpu/vector.h"
#include "kernels/cpu/vector_math.h"
#include "kernels/step.h"

static void add(int64_t N, const float *restrict source, float *restrict target)
{
    for (int64_t i = 0; i < N; i++)
        target[i] += source[i];
}

static void add_two(int64_t N, const float *restrict a, const float *restrict b,
                    float *restrict target)
{
    for (int64_t i = 0; i < N; i++)
        target[i] = a[i] + b[i];
}

static void multiply(int64_t N, const float *restrict source, float *restrict target)
{
    for (int64_t i = 0; i < N; i++)
        target[i] *= source[i];
}

static void scale(int64_t N, float factor, float *restrict target)
{
    for (int64_t i = 0; i < N; i++)
        target[i] *= factor;
}

/* ---- Dropout ---- */

enum { BLOCKS = 16, WORDS = 4 * BLOCKS };

/* Words of 16 Philox blocks, first_block and on: the loops of vain_random_block turned inside out,
 * so that a vector holds one counter word of 16 blocks. */
static void random_words(struct vain_random random, uint32_t round, uint32_t step,
                         uint64_t first_block, uint32_t words[WORDS])
{
    uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS];
    for (int b = 0; b < BLOCKS; b++) {
        const uint64_t index = first_block + (uint64_t)b;
        c0[b] = (uint32_t)index;
        c1[b] = (uint32_t)(index >> 32);
        c2[b] = step;
        c3[b] = round;
    }
    uint32_t k0 = random.key[0], k1 = random.key[1];
    for (int i = 0; i < 10; i++) {
        for (int b = 0; b < BLOCKS; b++) {
            const uint64_t p0 = (uint64_t)0xD2511F53u * c0[b], p1 = (uint64_t)0xCD9E8D57u * c2[b];
            const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1[b] ^ k0,
                           n2 = (uint32_t)(p0 >> 32) ^ c3[b] ^ k1;
            c1[b] = (uint32_t)p1;
            c3[b] = (uint32_t)p0;
            c0[b] = n0;
            c2[b] = n2;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int b = 0; b < BLOCKS; b++) {
        words[4 * b] = c0[b];
        words[4 * b + 1] = c1[b];
        words[4 * b + 2] = c2[b];
        words[4 * b + 3] = c3[b];
    }
}

static void dropout_factors(int64_t N, const struct vain_dropout *dropout, int64_t first,
                            float *restrict factors)
{
    const uint32_t threshold = vain_dropout_threshold(dropout->probability);
    const float kept = vain_dropout_kept(dropout->probability);
    uint64_t word = dropout->index_base + (uint64_t)first;
    uint32_t words[WORDS];
    while (N > 0) {
        random_words(dropout->random, dropout->round, dropout->step, word / 4, words);
        const int64_t skipped = (int64_t)(word % 4);
        const int64_t count = N < WORDS - skipped ? N : WORDS - skipped;
        for (int64_t i = 0; i < count; i++)
            factors[i] = words[skipped + i] >= threshold ? kept : 0.0f;
        factors += count;
        word += (uint64_t)count;
        N -= count;
    }
}

/* ---- Optimisers ---- */

/* Without a first moment, which is the gradient itself where beta1 is 0. */
static void adam_without_mean(int64_t N, const struct vain_adamw *a, float weight_decay,
                              const float *restrict gradients, float *restrict parameters,
                              float *restrict moment2)
{
    const float beta2 = a->beta2, rest2 = 1.0f - a->beta2;
    const float shrink = 1.0f - a->learning_rate * weight_decay,
                rate = a->learning_rate / a->correction1;
    const float inverse2 = 1.0f / a->correction2, gradient_scale = a->gradient_scale,
                epsilon = a->epsilon;
    for (int64_t i = 0; i < N; i++) {
        const float g = gradient_scale * gradients[i];
        const float v = beta2 * moment2[i] + rest2 * (g * g);
        moment2[i] = v;
        parameters[i] = shrink * parameters[i] - rate * g / (sqrtf(v * inverse2) + epsilon);
    }
}

static void adamw(int64_t N, const struct vain_adamw *a, float weight_decay,
                  const float *restrict gradients, float *restrict parameters,
                  float *restrict moment1, float *restrict moment2)
{
    if (moment1 == NULL) {
        adam_without_mean(N, a, weight_decay, gradients, parameters, moment2);
        return;
    }
    const struct vain_adamw_factors factors = vain_adamw_factors_of(a);
    const float shrink = 1.0f - a->learning_rate * weight_decay;
    for (int64_t i = 0; i < N; i++)
        vain_adamw_element(factors, shrink, gradients[i], &parameters[i], &moment1[i], &moment2[i]);
}

static void sgd(int64_t N, const struct vain_sgd *s, const float *restrict gradients,
                float *restrict parameters, float *restrict velocity)
{
    const float rate = s->learning_rate, momentum = s->momentum, scaled = s->gradient_scale;
    const bool nesterov = s->nesterov;
    for (int64_t i = 0; velocity == NULL && i < N; i++)
        parameters[i] -= rate * (scaled * gradients[i]);
    for (int64_t i = 0; velocity != NULL && i < N; i++) {
        const float g = scaled * gradients[i], v = momentum * velocity[i] + g;
        velocity[i] = v;
        parameters[i] -= rate * (nesterov ? g + momentum * v : v);
    }
}

static void move(int64_t N, float rate, const float *restrict source, float *restrict target)
{
    for (int64_t i = 0; i < N; i++)
        target[i] += rate * (source[i] - target[i]);
}

static double sum_squares(int64_t N, const float *restrict x)
{
    double lanes[VAIN_LANES] = {0};
    int64_t j = 0;
    for (; j + VAIN_LANES <= N; j += VAIN_LANES)
        for (int l = 0; l < VAIN_LANES; l++)
            lanes[l] += (double)x[j + l] * (double)x[j + l];
    for (int l = 0; j < N; j++, l++)
        lanes[l] += (double)x[j] * (double)x[j];
    for (int half = VAIN_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lanes[l] += lanes[l + half];
    return lanes[0];
}

/* All exponent bits set: NaN or infinite. Counted by pieces, since a loop that may leave early is
 * no vector. */
static int64_t first_not_finite(int64_t N, const float *restrict x)
{
    enum { PIECE = 1024 };
    for (int64_t start = 0; start < N; start += PIECE) {
        const int64_t end = start + PIECE < N ? start + PIECE : N;
        uint32_t bad = 0;
        for (int64_t i = start; i < end; i++)
            bad |= (vain_bits_of_float(x[i]) & 0x7f800000u) == 0x7f800000u;
        for (int64_t i = start; bad != 0 && i < end; i++)
            if ((vain_bits_of_float(x[i]) & 0x7f800000u) == 0x7f800000u)
                return i;
    }
    return N;
}

static void outer_step(int64_t N, float rate, float mu, bool nesterov, const float *restrict delta,
                       float *restrict momentum, float *restrict parameters)
{
    for (int64_t i = 0; momentum == NULL && i < N; i++)
        parameters[i] = vain_outer_plain(rate, delta[i], parameters[i]);
    for (int64_t i = 0; momentum != NULL && i < N; i++)
        vain_outer_element(rate, mu, nesterov, delta[i], &momentum[i], &parameters[i]);
}

extern const struct vain_range_code VAIN_CODE_NAME(vain_range_code);
const struct vain_range_code VAIN_CODE_NAME(vain_range_code) = {
    .add = add,
    .add_two = add_two,
    .multiply = multiply,
    .scale = scale,
    .dropout_factors = dropout_factors,
    .adamw = adamw,
    .sgd = sgd,
    .move = move,
    .sum_squares = sum_squares,
    .first_not_finite = first_not_finite,
    .outer_step = outer_step,
};
