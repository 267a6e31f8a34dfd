/* The codec's loops: exact, the same on every device and in every vector code. */
#include "kernels/cpu/vector.h"
#include "kernels/fixed.h"
#include "kernels/mix.h"

#include <string.h>

static void delta(int64_t N, const float *restrict common, const float *restrict now,
                  const float *restrict residual, float *restrict out)
{
    for (int64_t i = 0; i < N; i++)
        out[i] = vain_delta_of(common[i], now[i], residual[i]);
}

/* ---- Encoding ---- */

enum { PIECE = 256 }; /* elements at a time; even */

/* The first of the largest of a piece in which some are out of range, if it is larger than what
 * other pieces had. Rare, so not a vector. */
static void find_worst(int64_t first, int64_t count, const float *deltas,
                       struct vain_saturation *saturation)
{
    for (int64_t i = first; i < first + count; i++) {
        if (fabsf(deltas[i]) > fabsf(saturation->worst_value)) {
            saturation->worst_index = i;
            saturation->worst_value = deltas[i];
        }
    }
}

/* Integers of a piece; gives how many are out of range. */
static int64_t round_piece(int64_t count, struct vain_quantiser q, const float *restrict deltas,
                           int32_t integers[PIECE])
{
    int32_t saturated = 0;
    for (int64_t i = 0; i < count; i++) {
        int outside;
        integers[i] = vain_quantise(q, deltas[i], &outside);
        saturated += outside;
    }
    return saturated;
}

/* A loop of its own that reads the integers from memory: in one expression gcc turns
 * (float)(int32_t)r into trunc(r), which keeps a negative zero that the integer has not. residual
 * may be deltas. */
static void subtract_piece(int64_t count, struct vain_quantiser q, const int32_t integers[PIECE],
                           const float *deltas, float *residual)
{
    for (int64_t i = 0; i < count; i++)
        residual[i] = vain_quantise_rest(q, deltas[i], integers[i]);
}

static void pack_piece(int64_t count, struct vain_quantiser q, const int32_t integers[PIECE],
                       uint32_t *restrict words)
{
    for (int64_t w = 0; w < count / 2; w++)
        words[w] = vain_pack_fields(q, integers[2 * w], integers[2 * w + 1]);
    if (count % 2 != 0)
        words[count / 2] = vain_pack_last(q, integers[count - 1]);
}

static void encode(int64_t N, const struct vain_fixed *fixed, float shrink, const float *deltas,
                   uint32_t *words, float *residual, struct vain_saturation *saturation)
{
    const struct vain_quantiser q = vain_quantiser_of(fixed->scale_exponent, fixed->bits, shrink);
    int32_t integers[PIECE];
    *saturation = (struct vain_saturation){.count = 0};
    for (int64_t done = 0; done < N; done += PIECE) {
        const int64_t count = N - done < PIECE ? N - done : PIECE;
        const int64_t saturated = round_piece(count, q, deltas + done, integers);
        if (saturated > 0)
            find_worst(done, count, deltas, saturation);
        saturation->count += saturated;
        subtract_piece(count, q, integers, deltas + done, residual + done);
        if (fixed->fields == 1)
            memcpy(words + done, integers, (size_t)count * sizeof *integers);
        else
            pack_piece(count, q, integers, words + done / 2);
    }
}

/* ---- Decoding ---- */

static void decode_mean(int64_t N, const struct vain_fixed *fixed, int members,
                        const uint32_t *restrict words, float *restrict mean)
{
    const float divisor = (float)members, inverse_scale = vain_power_of_two(-fixed->scale_exponent);
    if (fixed->fields == 1) {
        for (int64_t i = 0; i < N; i++)
            mean[i] = vain_integer_mean((int32_t)words[i], divisor, inverse_scale);
        return;
    }
    const int32_t offset = vain_fields_offset(fixed->bits, members);
    for (int64_t w = 0; w < N / 2; w++) {
        mean[2 * w] =
            vain_integer_mean((int32_t)(words[w] & 0xffffu) - offset, divisor, inverse_scale);
        mean[2 * w + 1] =
            vain_integer_mean((int32_t)(words[w] >> 16) - offset, divisor, inverse_scale);
    }
    if (N % 2 != 0)
        mean[N - 1] =
            vain_integer_mean((int32_t)(words[N / 2] & 0xffffu) - offset, divisor, inverse_scale);
}

static void sum_squares(int64_t N, const struct vain_fixed *fixed, int members,
                        const uint32_t *restrict words, uint64_t *low, uint64_t *high)
{
    uint64_t low_sum = 0, high_sum = 0;
    if (fixed->fields == 1) {
        for (int64_t i = 0; i < N; i++) {
            const int64_t value = (int32_t)words[i];
            const uint64_t square = (uint64_t)(value * value);
            low_sum += square & 0xffffffffu;
            high_sum += square >> 32;
        }
    } else {
        const int32_t offset = vain_fields_offset(fixed->bits, members);
        for (int64_t w = 0; w < (N + 1) / 2; w++) {
            const int64_t value0 = (int32_t)(words[w] & 0xffffu) - offset;
            const int64_t value1 = 2 * w + 1 < N ? (int32_t)(words[w] >> 16) - offset : 0;
            low_sum += (uint64_t)(value0 * value0) + (uint64_t)(value1 * value1);
        }
    }
    *low = low_sum;
    *high = high_sum;
}

/* ---- Words ---- */

static uint32_t check_word(int64_t words_count, const uint32_t *restrict words,
                           const uint32_t key[4], uint64_t first)
{
    const struct vain_check_key check_key = {{key[0], key[1], key[2], key[3]}};
    uint32_t sum = 0;
    for (int64_t j = 0; j < words_count; j++)
        sum += vain_check_coefficient(check_key, first + (uint64_t)j) * words[j];
    return sum;
}

static void add_words(int64_t words_count, const uint32_t *restrict source,
                      uint32_t *restrict target)
{
    for (int64_t i = 0; i < words_count; i++)
        target[i] += source[i];
}

static void subtract_words(int64_t words_count, const uint32_t *restrict source,
                           uint32_t *restrict target)
{
    for (int64_t i = 0; i < words_count; i++)
        target[i] -= source[i];
}

/* Sums over lanes of 32 by 32 bits are exact modulo 2^64, in any order. */
static uint64_t tag_words(int64_t words_count, const uint32_t *restrict words, uint64_t key,
                          uint64_t first_block)
{
    uint32_t coefficients[VAIN_TAG_WORDS];
    uint64_t tag = 0;
    for (uint32_t j = 0; j < VAIN_TAG_WORDS; j++)
        coefficients[j] = vain_tag_coefficient(key, j);
    for (int64_t done = 0; done < words_count; done += VAIN_TAG_WORDS) {
        const int64_t left = words_count - done;
        const int64_t count = left < VAIN_TAG_WORDS ? left : VAIN_TAG_WORDS;
        const uint32_t *restrict block = words + done;
        uint64_t sum = 0;
        for (int64_t j = 0; j < count; j++)
            sum += (uint64_t)coefficients[j] * block[j];
        tag += sum * vain_tag_factor(key, first_block + (uint64_t)(done / VAIN_TAG_WORDS));
    }
    return tag;
}

extern const struct vain_integer_code VAIN_CODE_NAME(vain_integer_code);
const struct vain_integer_code VAIN_CODE_NAME(vain_integer_code) = {
    .delta = delta,
    .encode = encode,
    .decode_mean = decode_mean,
    .sum_squares = sum_squares,
    .check_word = check_word,
    .add_words = add_words,
    .subtract_words = subtract_words,
    .tag_words = tag_words,
};
