/* The codec's two ways, encode and decode, and what stands between them in a round: counters and
 * the check word. The arithmetic on the vector is kernels/ops.h; here is the order of things.
 *
 * Everything that a sum needs to be checked lies in its own words, so the words are all that
 * travels, and with masks they leave here as they travel: nobody after the codec sees bare words
 * but, under own masks, the check word of masked ones.
 * Only the last few words are made and read on the host; the vector may lie on a device. */
#include "collectives/codec.h"

#include <math.h>

#include "base/memory.h"
#include "collectives/codec_range.h"
#include "kernels/device.h"

enum { TAIL_WORDS = VAIN_COUNTER_WORDS + 1 };

/* The smallest b with 2^b >= value. */
static int log2_up(int value)
{
    int bits = 0;
    while ((int64_t)1 << bits < value)
        bits++;
    return bits;
}

enum vain_status vain_codec_init(struct vain_codec *codec, int64_t parameter_count, int members,
                                 int field_bits, double clip, double step_bound)
{
    VAIN_ASSERT(field_bits == 32 || field_bits == 16);
    VAIN_ASSERT(parameter_count >= 1);
    VAIN_ASSERT(members >= 1);
    *codec =
        (struct vain_codec){.parameter_count = parameter_count, .members = members, .clip = clip};
    if (!isnan(clip) && !(isfinite(clip) && clip > 0))
        return vain_fail(VAIN_ERR_INPUT, "exchange.clip: %g, expected a positive L2 norm or 'auto'",
                         clip);
    if (!(isfinite(step_bound) && step_bound > 0))
        return vain_fail(VAIN_ERR_INPUT,
                         "codec: a parameter moves by at most %g in a round, expected a positive "
                         "bound; check train.learning_rate and train.local_steps",
                         step_bound);
    const int bits = field_bits - log2_up(members);
    if (bits < VAIN_CODEC_BITS_MIN || members > VAIN_CODEC_MEMBERS_MAX)
        return vain_fail(VAIN_ERR_INPUT,
                         "exchange.bits: sums of %d members in fields of %d bits leave each member "
                         "%d - ceil(log2 %d) = %d bits, at least %d are needed; use exchange.bits: "
                         "32 or at most %d members",
                         members, field_bits, field_bits, members, bits, VAIN_CODEC_BITS_MIN,
                         field_bits == 16 ? 1 << (16 - VAIN_CODEC_BITS_MIN)
                                          : VAIN_CODEC_MEMBERS_MAX);
    codec->fixed = (struct vain_fixed){.bits = bits, .fields = 32 / field_bits};
    codec->vector_words = (parameter_count + codec->fixed.fields - 1) / codec->fixed.fields;
    codec->word_count = codec->vector_words + TAIL_WORDS;
    return vain_codec_restore(codec, vain_codec_first(codec, step_bound));
}

struct vain_codec_state vain_codec_state(const struct vain_codec *codec)
{
    return (struct vain_codec_state){
        .range_exponent = codec->fixed.bits - 1 - codec->fixed.scale_exponent,
        .bound_exponent = codec->bound_exponent,
    };
}

enum vain_status vain_codec_restore(struct vain_codec *codec, struct vain_codec_state state)
{
    if (state.range_exponent < VAIN_RANGE_EXPONENT_MIN ||
        state.range_exponent > VAIN_RANGE_EXPONENT_MAX ||
        state.bound_exponent < VAIN_BOUND_EXPONENT_MIN ||
        state.bound_exponent > VAIN_BOUND_EXPONENT_MAX)
        return vain_fail(
            VAIN_ERR_CORRUPT,
            "codec state: range exponent %d and bound exponent %d, expected %d to %d and "
            "%d to %d; the checkpoint is damaged, resume from another",
            state.range_exponent, state.bound_exponent, VAIN_RANGE_EXPONENT_MIN,
            VAIN_RANGE_EXPONENT_MAX, VAIN_BOUND_EXPONENT_MIN, VAIN_BOUND_EXPONENT_MAX);
    codec->fixed.scale_exponent = codec->fixed.bits - 1 - state.range_exponent;
    codec->bound_exponent = state.bound_exponent;
    return VAIN_OK;
}

/* ---- counters -------------------------------------------------------------------------------- */

static void write_counter(uint32_t *words, enum vain_counter counter, uint64_t value)
{
    for (int limb = 0; limb < VAIN_COUNTER_LIMBS; limb++)
        words[(int)counter * VAIN_COUNTER_LIMBS + limb] = (uint32_t)(value >> 16 * limb & 0xffff);
}

/* The sum of the members' values; false if it is more than int64_t holds or a limb is more than the
 * members can have said. */
static bool read_counter(const uint32_t *words, enum vain_counter counter, int members,
                         int64_t *out)
{
    uint64_t value = 0;
    *out = 0;
    for (int limb = VAIN_COUNTER_LIMBS - 1; limb >= 0; limb--) {
        const uint32_t word = words[(int)counter * VAIN_COUNTER_LIMBS + limb];
        if (word > (uint64_t)members * 0xffff || value > (uint64_t)(INT64_MAX - word) >> 16)
            return false;
        value = (value << 16) + word;
    }
    *out = (int64_t)value;
    return true;
}

static const char *const counter_names[VAIN_COUNTER_KINDS] = {
    [VAIN_COUNTER_WEIGHT] = "weight",
    [VAIN_COUNTER_LOSS] = "loss",
    [VAIN_COUNTER_CLIPPED] = "clipped",
    [VAIN_COUNTER_SATURATED] = "saturated",
};

static enum vain_status check_counters(const struct vain_codec *codec, uint32_t round,
                                       uint32_t attempt, const uint32_t *words)
{
    for (int counter = 0; counter < VAIN_COUNTER_KINDS; counter++) {
        int64_t sum = 0;
        if (!read_counter(words, (enum vain_counter)counter, codec->members, &sum))
            return vain_fail(VAIN_ERR_NUMERIC,
                             "round %u, attempt %u: the counter '%s' is more than %d members can "
                             "count together; a member sent what it did not count",
                             round, attempt, counter_names[counter], codec->members);
    }
    return VAIN_OK;
}

/* ---- encode, verify, decode ------------------------------------------------------------------ */

/* By what the delta is multiplied so that its norm is at most `bound`: never above it by rounding.
 */
static float shrink_to(double bound, double norm)
{
    if (!(norm > bound))
        return 1.0f;
    const float shrink = (float)(bound / norm);
    return (double)shrink * norm > bound ? nextafterf(shrink, 0.0f) : shrink;
}

static enum vain_status measure(const struct vain_codec *codec, struct vain_queue *queue,
                                const float *delta, struct vain_codec_report *report)
{
    const struct vain_ops *ops = queue->device->ops;
    double squares = 0;
    ops->optimiser.sum_squares(queue, codec->parameter_count, delta, &squares);
    VAIN_TRY(vain_queue_wait(queue));
    if (!isfinite(squares)) {
        int64_t index = codec->parameter_count;
        ops->optimiser.first_not_finite(queue, codec->parameter_count, delta, &index);
        VAIN_TRY(vain_queue_wait(queue));
        return vain_fail(VAIN_ERR_NUMERIC,
                         "delta: element %lld of %lld is not finite; nothing was sent",
                         (long long)index, (long long)codec->parameter_count);
    }
    report->norm = sqrt(squares);
    report->bound = isnan(codec->clip) ? ldexp(1.0, codec->bound_exponent) : codec->clip;
    report->clipped = report->norm > report->bound;
    return VAIN_OK;
}

/* Counters, and the check word that begins with the vector's own. */
static void write_tail(const struct vain_codec *codec, const struct vain_counters *mine,
                       const struct vain_codec_report *report, struct vain_check_key key,
                       uint32_t check, uint32_t tail[TAIL_WORDS])
{
    write_counter(tail, VAIN_COUNTER_WEIGHT, (uint64_t)mine->weight);
    write_counter(tail, VAIN_COUNTER_LOSS, (uint64_t)mine->loss_micro);
    write_counter(tail, VAIN_COUNTER_CLIPPED, report->clipped ? 1 : 0);
    write_counter(tail, VAIN_COUNTER_SATURATED, (uint64_t)report->saturation.count);
    for (int i = 0; i < VAIN_COUNTER_WORDS; i++)
        check += tail[i] * vain_check_coefficient(key, (uint64_t)(codec->vector_words + i));
    tail[TAIL_WORDS - 1] = check;
}

/* The check word of masked words: it goes bare, since it says of them what they say themselves. */
static enum vain_status check_masked(const struct vain_codec *codec, struct vain_queue *queue,
                                     const struct vain_codec_attempt *attempt, uint32_t *words)
{
    const struct vain_ops *ops = queue->device->ops;
    uint32_t check = 0;
    ops->codec.check_word(queue, codec->word_count - 1, words, attempt->check, attempt->round,
                          attempt->attempt, &check);
    VAIN_TRY(vain_queue_wait(queue));
    ops->memory.copy_in(queue, words + codec->word_count - 1, &check, sizeof check);
    return vain_queue_wait(queue);
}

/* Of bare words in memory that lies on the device. */
static enum vain_status commit(struct vain_queue *queue, const uint32_t *words, size_t bytes,
                               struct vain_codec_commitment *commitment)
{
    void *copy = NULL;
    if (!vain_device_is_host(queue->device)) {
        VAIN_TRY(vain_take(bytes, "words to commit to", &copy));
        queue->device->ops->memory.copy_out(queue, copy, words, bytes);
    }
    enum vain_status status = vain_queue_wait(queue);
    const struct vain_commit_data data = {.data = copy != NULL ? copy : words,
                                          .bytes = bytes,
                                          .chunk_bytes = VAIN_COMMIT_CHUNK_BYTES};
    if (status == VAIN_OK)
        status = vain_commit_root(commitment->salt, &data, queue->device->pool, commitment->root);
    vain_release(copy);
    return status;
}

/* The vector's words, under the masks; committed to before those are added. */
static enum vain_status encode_vector(const struct vain_codec *codec, struct vain_queue *queue,
                                      const struct vain_encoding *encoding,
                                      const struct vain_codec_attempt *attempt, const float *delta,
                                      uint32_t *words, float *residual, struct vain_encoded *out)
{
    const struct vain_ops *ops = queue->device->ops;
    struct vain_encoding bare = *encoding;
    const bool commits = attempt->commitment != NULL;
    bare.masks = commits ? NULL : attempt->masks;
    ops->codec.encode(queue, codec->parameter_count, &bare, delta, words, residual, out);
    if (commits) {
        VAIN_TRY(
            commit(queue, words, (size_t)codec->vector_words * sizeof *words, attempt->commitment));
        if (attempt->masks != NULL)
            ops->codec.add_masks(queue, attempt->masks, 0, codec->vector_words, words);
    }
    return vain_queue_wait(queue);
}

enum vain_status vain_codec_encode(const struct vain_codec *codec, struct vain_queue *queue,
                                   const float *delta, const struct vain_counters *mine,
                                   const struct vain_codec_attempt *attempt, uint32_t *words,
                                   float *residual, struct vain_codec_report *report)
{
    const struct vain_ops *ops = queue->device->ops;
    struct vain_encoded encoded;
    uint32_t tail[TAIL_WORDS];
    *report = (struct vain_codec_report){0};
    if (mine->weight < 0 || mine->loss_micro < 0)
        return vain_fail(VAIN_ERR_NUMERIC,
                         "round %u: weight %lld and loss %lld millionths, expected numbers >= 0",
                         attempt->round, (long long)mine->weight, (long long)mine->loss_micro);
    VAIN_TRY(measure(codec, queue, delta, report));
    const struct vain_encoding encoding = {
        .fixed = codec->fixed,
        .shrink = shrink_to(report->bound, report->norm),
        .check_key = vain_check_key_of(attempt->check, attempt->round, attempt->attempt),
    };
    VAIN_TRY(encode_vector(codec, queue, &encoding, attempt, delta, words, residual, &encoded));
    report->saturation = encoded.saturation;
    write_tail(codec, mine, report, encoding.check_key, encoded.check, tail);
    ops->memory.copy_in(queue, words + codec->vector_words, tail, sizeof tail);
    if (attempt->masks != NULL)
        ops->codec.add_masks(queue, attempt->masks, (uint64_t)codec->vector_words,
                             codec->checks_masked ? VAIN_COUNTER_WORDS : TAIL_WORDS,
                             words + codec->vector_words);
    return codec->checks_masked ? check_masked(codec, queue, attempt, words)
                                : vain_queue_wait(queue);
}

/* The check word that the sum has against the one that its words give. */
static enum vain_status check_sum(const struct vain_codec *codec, struct vain_queue *queue,
                                  struct vain_random check, uint32_t round, uint32_t attempt,
                                  const uint32_t *words)
{
    const struct vain_ops *ops = queue->device->ops;
    uint32_t found = 0, expected = 0;
    ops->memory.copy_out(queue, &found, words + codec->word_count - 1, sizeof found);
    ops->codec.check_word(queue, codec->word_count - 1, words, check, round, attempt, &expected);
    VAIN_TRY(vain_queue_wait(queue));
    if (found == expected)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_NUMERIC,
                     "round %u, attempt %u: the check word of the sum is %08x, its words give "
                     "%08x: words changed on their way; the sum is not used. Resume, and check "
                     "memory and network if it happens again",
                     round, attempt, found, expected);
}

enum vain_status vain_codec_verify_masked(const struct vain_codec *codec, struct vain_queue *queue,
                                          struct vain_random check, uint32_t round,
                                          uint32_t attempt, const uint32_t *words)
{
    VAIN_ASSERT(codec->checks_masked);
    return check_sum(codec, queue, check, round, attempt, words);
}

enum vain_status vain_codec_verify(const struct vain_codec *codec, struct vain_queue *queue,
                                   struct vain_random check, uint32_t round, uint32_t attempt,
                                   const uint32_t *words)
{
    uint32_t tail[TAIL_WORDS];
    if (!codec->checks_masked)
        VAIN_TRY(check_sum(codec, queue, check, round, attempt, words));
    queue->device->ops->memory.copy_out(queue, tail, words + codec->vector_words, sizeof tail);
    VAIN_TRY(vain_queue_wait(queue));
    return check_counters(codec, round, attempt, tail);
}

enum vain_status vain_codec_decode(struct vain_codec *codec, struct vain_queue *queue,
                                   const uint32_t *words, float *mean, struct vain_counters *sums)
{
    const struct vain_ops *ops = queue->device->ops;
    uint32_t tail[TAIL_WORDS];
    uint64_t squares[2] = {0, 0};
    ops->codec.decode_mean(queue, codec->parameter_count, &codec->fixed, codec->members, words,
                           mean);
    ops->codec.sum_squares_words(queue, codec->parameter_count, &codec->fixed, codec->members,
                                 words, squares);
    ops->memory.copy_out(queue, tail, words + codec->vector_words, sizeof tail);
    VAIN_TRY(vain_queue_wait(queue));
    bool counted = read_counter(tail, VAIN_COUNTER_WEIGHT, codec->members, &sums->weight);
    counted &= read_counter(tail, VAIN_COUNTER_LOSS, codec->members, &sums->loss_micro);
    counted &= read_counter(tail, VAIN_COUNTER_CLIPPED, codec->members, &sums->clipped);
    counted &= read_counter(tail, VAIN_COUNTER_SATURATED, codec->members, &sums->saturated);
    VAIN_ASSERT(counted); /* vain_codec_verify saw these words */
    const enum vain_status restored =
        vain_codec_restore(codec, vain_codec_next(codec, squares, sums->saturated));
    VAIN_ASSERT(restored == VAIN_OK); /* the rule stays within what restore accepts */
    return VAIN_OK;
}

int64_t vain_codec_round_bytes(const struct vain_codec *codec)
{
    const int64_t words = 2 * (codec->members - 1) * codec->word_count;
    return (words + codec->members - 1) / codec->members * (int64_t)sizeof(uint32_t);
}
