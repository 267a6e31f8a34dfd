/* The codec without a transport: members are rows of an array, their sum is a loop. */
#include "collectives/codec.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/device.h"
#include "tests/mpi/ranks.h"
#include "tests/unit/collectives/failing_device.h"
#include "tests/unit/suite.h"

enum { N_MAX = 512, WORDS_MAX = N_MAX + VAIN_COUNTER_WORDS + 1 };

static const struct vain_random check = {{3, 4}};
static struct vain_device device;
static struct vain_queue queue;

static void open_queue(void)
{
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    queue = (struct vain_queue){.device = &device};
}

/* Encode what `delta_of` says for every member and add the words up. */
struct sum {
    struct vain_codec codec;
    uint32_t words[WORDS_MAX];
    float residual[N_MAX]; /* of the last member */
    struct vain_codec_report report;
};

static void sum_members(struct sum *sum, float (*delta_of)(int member, int64_t index),
                        struct vain_counters each)
{
    float delta[N_MAX];
    uint32_t words[WORDS_MAX];
    memset(sum->words, 0, sizeof sum->words);
    for (int member = 0; member < sum->codec.members; member++) {
        for (int64_t i = 0; i < sum->codec.parameter_count; i++)
            delta[i] = delta_of(member, i);
        CU_ASSERT_EQUAL_FATAL(
            vain_codec_encode(&sum->codec, &queue, delta, &each,
                              &(struct vain_codec_attempt){check, 1, 2, NULL, NULL}, words,
                              sum->residual, &sum->report),
            VAIN_OK);
        for (int64_t i = 0; i < sum->codec.word_count; i++)
            sum->words[i] += words[i];
    }
}

/* ---- headroom -------------------------------------------------------------------------------- */

static void headroom_is_what_the_protocol_says(void)
{
    static const struct {
        int members, field_bits, bits;
    } rows[] = {{1, 32, 32},  {2, 32, 31},   {3, 32, 30},    {4, 32, 30},     {16, 32, 28},
                {64, 32, 26}, {256, 32, 24}, {1024, 32, 22}, {65536, 32, 16}, {1, 16, 16},
                {16, 16, 12}, {64, 16, 10},  {256, 16, 8},   {257, 16, 7},    {4096, 16, 4}};
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        struct vain_codec codec;
        CU_ASSERT_EQUAL_FATAL(
            vain_codec_init(&codec, 7, rows[i].members, rows[i].field_bits, NAN, 1.0), VAIN_OK);
        CU_ASSERT_EQUAL(codec.fixed.bits, rows[i].bits);
        /* n 2^(B-1) <= 2^(W-1), and one bit more would break it. */
        const int64_t limit = (int64_t)1 << (rows[i].field_bits - 1);
        CU_ASSERT_TRUE(rows[i].members * ((int64_t)1 << (codec.fixed.bits - 1)) <= limit);
        CU_ASSERT_TRUE(rows[i].members * ((int64_t)1 << codec.fixed.bits) > limit);
        CU_ASSERT_EQUAL(codec.vector_words, rows[i].field_bits == 32 ? 7 : 4);
        CU_ASSERT_EQUAL(codec.word_count, codec.vector_words + 17);
    }
}

static void too_many_members_are_refused_with_the_arithmetic(void)
{
    struct vain_codec codec;
    CU_ASSERT_EQUAL(vain_codec_init(&codec, 7, 40000, 16, NAN, 1.0), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "16 - ceil(log2 40000) = 0 bits"));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "at most 4096 members"));
    CU_ASSERT_EQUAL(vain_codec_init(&codec, 7, 4097, 16, NAN, 1.0), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "= 3 bits"));
    CU_ASSERT_EQUAL(vain_codec_init(&codec, 7, 65537, 32, NAN, 1.0), VAIN_ERR_INPUT);
}

static void bad_numbers_are_refused(void)
{
    struct vain_codec codec;
    static const double bad[] = {0.0, -1.0, INFINITY};
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++) {
        CU_ASSERT_EQUAL(vain_codec_init(&codec, 7, 2, 32, bad[i], 1.0), VAIN_ERR_INPUT);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "exchange.clip"));
        CU_ASSERT_EQUAL(vain_codec_init(&codec, 7, 2, 32, NAN, bad[i]), VAIN_ERR_INPUT);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "learning_rate"));
    }
    CU_ASSERT_EQUAL(vain_codec_init(&codec, 7, 2, 32, NAN, NAN), VAIN_ERR_INPUT);
}

static void a_state_is_kept_and_checked(void)
{
    struct vain_codec four, sixteen;
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&four, 7, 4, 16, NAN, 0.01), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&sixteen, 7, 16, 32, NAN, 7.0), VAIN_OK);
    const struct vain_codec_state state = vain_codec_state(&four);
    CU_ASSERT_EQUAL(state.range_exponent, -6 + 1); /* 0.01 < 2^-6 */
    CU_ASSERT_EQUAL_FATAL(vain_codec_restore(&sixteen, state), VAIN_OK);
    /* The same range of values with other members and another width: 2^(bits - 1 - scale). */
    CU_ASSERT_EQUAL(four.fixed.bits - four.fixed.scale_exponent,
                    sixteen.fixed.bits - sixteen.fixed.scale_exponent);
    CU_ASSERT_EQUAL(sixteen.bound_exponent, state.bound_exponent);
    static const struct vain_codec_state bad[] = {
        {65, 0}, {-65, 0}, {0, 129}, {0, -129}, {INT32_MAX, INT32_MIN}};
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++)
        CU_ASSERT_EQUAL(vain_codec_restore(&four, bad[i]), VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(vain_codec_state(&four).range_exponent, state.range_exponent);
}

/* ---- sums ------------------------------------------------------------------------------------ */

static float largest(int member, int64_t index)
{
    (void)member;
    return index % 3 == 0 ? 1e30f : index % 3 == 1 ? -1e30f : 0.0f;
}

/* Every member at the ends of its range: sums are n times that, and no field spills into another.
 */
static void extremes_never_carry(int members, int field_bits)
{
    struct sum sum;
    float mean[N_MAX];
    struct vain_counters sums;
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&sum.codec, 101, members, field_bits, 1e35, 1.0),
                          VAIN_OK);
    const struct vain_fixed fixed = sum.codec.fixed;
    sum_members(&sum, largest, (struct vain_counters){.weight = 5});
    CU_ASSERT_EQUAL_FATAL(vain_codec_verify(&sum.codec, &queue, check, 1, 2, sum.words), VAIN_OK);
    CU_ASSERT_EQUAL(vain_codec_decode(&sum.codec, &queue, sum.words, mean, &sums), VAIN_OK);
    const double end = ldexp(1.0, fixed.bits - 1) - 1;
    const float top =
        (float)ldexp((double)((float)(members * end) / (float)members), -fixed.scale_exponent);
    int wrong = 0;
    for (int64_t i = 0; i < 101; i++)
        wrong += mean[i] != (i % 3 == 0 ? top : i % 3 == 1 ? -top : 0.0f);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(sums.saturated, (int64_t)members * 68);
    CU_ASSERT_EQUAL(sums.weight, 5 * members);
}

static void the_ends_of_the_range_never_carry(void)
{
    open_queue();
    static const int members[] = {1, 2, 3, 4, 7, 8, 9, 64, 255, 256, 1000, 4096};
    for (size_t i = 0; i < VAIN_COUNT_OF(members); i++) {
        extremes_never_carry(members[i], 16);
        extremes_never_carry(members[i], 32);
    }
    vain_device_close(&device);
}

static float small_value(int member, int64_t index)
{
    return (float)(int32_t)ranks_word(member, index) * (1.0f / 2147483648.0f) * 0.01f;
}

/* What the words say plus what is left is the delta, exactly, in double: one member's delta is
 * encoded. Two 16-bit fields are read as the decoder's mean of one member, where they are exact;
 * integers of 32 bits need not fit into a float, so there the words themselves are read. */
static void what_is_left_is_kept(void)
{
    struct sum sum;
    float mean[N_MAX];
    struct vain_counters sums;
    static const int field_bits[] = {16, 32};
    open_queue();
    for (size_t k = 0; k < VAIN_COUNT_OF(field_bits); k++) {
        CU_ASSERT_EQUAL_FATAL(vain_codec_init(&sum.codec, N_MAX, 1, field_bits[k], NAN, 0.004),
                              VAIN_OK);
        const int scale_exponent = sum.codec.fixed.scale_exponent; /* before decode moves it on */
        sum_members(&sum, small_value, (struct vain_counters){0});
        CU_ASSERT_EQUAL(vain_codec_decode(&sum.codec, &queue, sum.words, mean, &sums), VAIN_OK);
        int wrong = 0, kept = 0;
        for (int64_t i = 0; i < N_MAX; i++) {
            const double said = field_bits[k] == 16
                                    ? (double)mean[i]
                                    : ldexp((double)(int32_t)sum.words[i], -scale_exponent);
            wrong += said + (double)sum.residual[i] != (double)small_value(0, i);
            kept += sum.residual[i] != 0.0f;
        }
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT_TRUE(kept > (field_bits[k] == 16 ? N_MAX / 2 : 0));
    }
    vain_device_close(&device);
}

static void the_residual_may_take_the_place_of_the_delta(void)
{
    struct sum apart;
    float delta[N_MAX];
    uint32_t words[WORDS_MAX];
    struct vain_codec_report report;
    const struct vain_counters each = {.weight = 1};
    open_queue();
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&apart.codec, N_MAX - 1, 1, 16, 0.01, 0.004), VAIN_OK);
    sum_members(&apart, small_value, each);
    CU_ASSERT_TRUE(apart.report.clipped);
    for (int64_t i = 0; i < N_MAX - 1; i++)
        delta[i] = small_value(0, i);
    CU_ASSERT_EQUAL_FATAL(vain_codec_encode(&apart.codec, &queue, delta, &each,
                                            &(struct vain_codec_attempt){check, 1, 2, NULL, NULL},
                                            words, delta, &report),
                          VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(delta, apart.residual, (N_MAX - 1) * sizeof *delta), 0);
    CU_ASSERT_EQUAL(memcmp(words, apart.words, (size_t)apart.codec.word_count * sizeof *words), 0);
    vain_device_close(&device);
}

/* ---- clip ------------------------------------------------------------------------------------ */

static double norm_of(const float *values, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)values[i] * (double)values[i];
    return sqrt(sum);
}

static void a_long_delta_is_scaled_to_the_bound(void)
{
    struct sum sum;
    float mean[N_MAX];
    struct vain_counters sums;
    open_queue();
    static const double clips[] = {0.05, 0.013, 1e-3};
    for (size_t k = 0; k < VAIN_COUNT_OF(clips); k++) {
        CU_ASSERT_EQUAL_FATAL(vain_codec_init(&sum.codec, N_MAX, 3, 32, clips[k], 0.01), VAIN_OK);
        sum_members(&sum, small_value, (struct vain_counters){0});
        CU_ASSERT_TRUE(sum.report.clipped);
        CU_ASSERT_EQUAL(sum.report.bound, clips[k]);
        CU_ASSERT_TRUE(sum.report.norm > 0.1);
        /* The third member's sent vector: what it had less what it kept. */
        float sent[N_MAX];
        for (int64_t i = 0; i < N_MAX; i++)
            sent[i] = small_value(2, i) - sum.residual[i];
        CU_ASSERT_DOUBLE_EQUAL(norm_of(sent, N_MAX) / clips[k], 1.0, 1e-4);
        CU_ASSERT_EQUAL_FATAL(vain_codec_verify(&sum.codec, &queue, check, 1, 2, sum.words),
                              VAIN_OK);
        CU_ASSERT_EQUAL(vain_codec_decode(&sum.codec, &queue, sum.words, mean, &sums), VAIN_OK);
        CU_ASSERT_EQUAL(sums.clipped, 3);
    }
    vain_device_close(&device);
}

static void a_short_delta_is_not_scaled(void)
{
    struct sum sum;
    open_queue();
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&sum.codec, N_MAX, 3, 32, NAN, 0.01), VAIN_OK);
    sum_members(&sum, small_value, (struct vain_counters){0});
    CU_ASSERT_FALSE(sum.report.clipped);
    /* 4 sqrt(512) * 0.01 = 0.905 with 0.01 -> 2^-6 and sqrt(512) -> 2^5 is 2. */
    CU_ASSERT_EQUAL(sum.report.bound, 2.0);
    vain_device_close(&device);
}

/* ---- what is stopped ------------------------------------------------------------------------- */

static void a_delta_that_is_not_finite_is_stopped(void)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    float delta[N_MAX] = {0}, residual[N_MAX] = {0};
    uint32_t words[WORDS_MAX];
    struct vain_codec codec;
    struct vain_codec_report report;
    const struct vain_counters mine = {0};
    open_queue();
    memset(words, 0xab, sizeof words);
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, N_MAX, 3, 32, NAN, 0.01), VAIN_OK);
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++) {
        delta[300] = bad[i];
        delta[400] = bad[i];
        CU_ASSERT_EQUAL(vain_codec_encode(&codec, &queue, delta, &mine,
                                          &(struct vain_codec_attempt){check, 1, 2, NULL, NULL},
                                          words, residual, &report),
                        VAIN_ERR_NUMERIC);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "element 300 of 512"));
        CU_ASSERT_EQUAL(words[0], 0xabababab);
        CU_ASSERT_EQUAL(residual[300], 0.0f);
    }
    vain_device_close(&device);
}

static void a_negative_loss_is_stopped(void)
{
    float delta[4] = {0}, residual[4];
    uint32_t words[WORDS_MAX];
    struct vain_codec codec;
    struct vain_codec_report report;
    const struct vain_counters loss = {.loss_micro = INT64_MIN}, weight = {.weight = -1};
    open_queue();
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, 4, 3, 32, NAN, 0.01), VAIN_OK);
    CU_ASSERT_EQUAL(vain_codec_encode(&codec, &queue, delta, &loss,
                                      &(struct vain_codec_attempt){check, 9, 2, NULL, NULL}, words,
                                      residual, &report),
                    VAIN_ERR_NUMERIC);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "round 9"));
    CU_ASSERT_EQUAL(vain_codec_encode(&codec, &queue, delta, &weight,
                                      &(struct vain_codec_attempt){check, 9, 2, NULL, NULL}, words,
                                      residual, &report),
                    VAIN_ERR_NUMERIC);
    vain_device_close(&device);
}

/* ---- counters -------------------------------------------------------------------------------- */

static float nothing(int member, int64_t index)
{
    (void)member;
    (void)index;
    return 0.0f;
}

static void counters_are_exact_sums(void)
{
    static const int64_t values[] = {0, 1, 65535, 65536, 4294967295, 123456789012345};
    static const int members[] = {1, 2, 300, 4096};
    open_queue();
    for (size_t k = 0; k < VAIN_COUNT_OF(members); k++) {
        for (size_t i = 0; i < VAIN_COUNT_OF(values); i++) {
            struct sum sum;
            float mean[N_MAX];
            struct vain_counters sums;
            CU_ASSERT_EQUAL_FATAL(vain_codec_init(&sum.codec, 2, members[k], 32, NAN, 1.0),
                                  VAIN_OK);
            sum_members(&sum, nothing,
                        (struct vain_counters){
                            .weight = values[i], .loss_micro = values[i] / 3, .clipped = 77});
            CU_ASSERT_EQUAL_FATAL(vain_codec_verify(&sum.codec, &queue, check, 1, 2, sum.words),
                                  VAIN_OK);
            CU_ASSERT_EQUAL(vain_codec_decode(&sum.codec, &queue, sum.words, mean, &sums), VAIN_OK);
            CU_ASSERT_EQUAL(sums.weight, values[i] * members[k]);
            CU_ASSERT_EQUAL(sums.loss_micro, values[i] / 3 * members[k]);
            CU_ASSERT_EQUAL(sums.clipped, 0); /* the codec's own to count */
            CU_ASSERT_EQUAL(sums.saturated, 0);
        }
    }
    /* The largest number of one member is exact; with two of them the sum would not fit. */
    struct sum sum;
    float mean[N_MAX];
    struct vain_counters sums;
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&sum.codec, 2, 1, 32, NAN, 1.0), VAIN_OK);
    sum_members(&sum, nothing, (struct vain_counters){.loss_micro = INT64_MAX});
    CU_ASSERT_EQUAL_FATAL(vain_codec_verify(&sum.codec, &queue, check, 1, 2, sum.words), VAIN_OK);
    CU_ASSERT_EQUAL(vain_codec_decode(&sum.codec, &queue, sum.words, mean, &sums), VAIN_OK);
    CU_ASSERT_EQUAL(sums.loss_micro, INT64_MAX);
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&sum.codec, 2, 2, 32, NAN, 1.0), VAIN_OK);
    sum_members(&sum, nothing, (struct vain_counters){.loss_micro = INT64_MAX});
    CU_ASSERT_EQUAL(vain_codec_verify(&sum.codec, &queue, check, 1, 2, sum.words),
                    VAIN_ERR_NUMERIC);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "'loss'"));
    vain_device_close(&device);
}

/* A member may send any words with a check word that holds; limbs beyond 16 bits are seen. */
static void counters_that_nobody_can_count_are_refused(void)
{
    struct sum sum;
    open_queue();
    for (int word = 0; word < VAIN_COUNTER_WORDS; word++) {
        uint32_t expected = 0;
        CU_ASSERT_EQUAL_FATAL(vain_codec_init(&sum.codec, 2, 3, 32, NAN, 1.0), VAIN_OK);
        sum_members(&sum, nothing, (struct vain_counters){0});
        sum.words[sum.codec.vector_words + word] = 3 * 0xffff + 1;
        device.ops->codec.check_word(&queue, sum.codec.word_count - 1, sum.words, check, 1, 2,
                                     &expected);
        sum.words[sum.codec.word_count - 1] = expected;
        CU_ASSERT_EQUAL(vain_codec_verify(&sum.codec, &queue, check, 1, 2, sum.words),
                        VAIN_ERR_NUMERIC);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "more than 3 members can count"));
    }
    vain_device_close(&device);
}

static struct vain_mask own_mask(int member, bool subtract)
{
    struct vain_mask mask = {.domain = VAIN_MASK_OWN, .subtract = subtract};
    memset(mask.seed, 17 + member, sizeof mask.seed);
    return mask;
}

static float ramp(int member, int64_t index)
{
    return (float)(member + 1) * (float)index * 1e-5f;
}

/* Under masks that do not cancel a changed word is seen before they come off, and the sum under
 * them is that without. */
static void a_sum_is_checked_under_own_masks(void)
{
    struct sum plain, hidden;
    float delta[N_MAX];
    uint32_t words[WORDS_MAX];
    const struct vain_counters each = {.weight = 5};
    open_queue();
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&plain.codec, 37, 3, 32, NAN, 0.01), VAIN_OK);
    hidden = plain;
    hidden.codec.checks_masked = true;
    memset(hidden.words, 0, sizeof hidden.words);
    sum_members(&plain, ramp, each);
    for (int member = 0; member < 3; member++) {
        const struct vain_mask mask = own_mask(member, false);
        const struct vain_masks masks = {.count = 1, .masks = &mask};
        for (int64_t i = 0; i < 37; i++)
            delta[i] = ramp(member, i);
        CU_ASSERT_EQUAL_FATAL(
            vain_codec_encode(&hidden.codec, &queue, delta, &each,
                              &(struct vain_codec_attempt){check, 1, 2, &masks, NULL}, words,
                              hidden.residual, &hidden.report),
            VAIN_OK);
        for (int64_t i = 0; i < hidden.codec.word_count; i++)
            hidden.words[i] += words[i];
    }
    CU_ASSERT_EQUAL(vain_codec_verify_masked(&hidden.codec, &queue, check, 1, 2, hidden.words),
                    VAIN_OK);
    for (int64_t i = 0; i < hidden.codec.word_count; i++) {
        hidden.words[i] ^= UINT32_C(1) << (i % 32);
        CU_ASSERT_EQUAL(vain_codec_verify_masked(&hidden.codec, &queue, check, 1, 2, hidden.words),
                        VAIN_ERR_NUMERIC);
        hidden.words[i] ^= UINT32_C(1) << (i % 32);
    }
    for (int member = 0; member < 3; member++) {
        const struct vain_mask mask = own_mask(member, true);
        const struct vain_masks masks = {.count = 1, .masks = &mask};
        device.ops->codec.add_masks(&queue, &masks, 0, hidden.codec.word_count - 1, hidden.words);
    }
    CU_ASSERT_EQUAL(vain_codec_verify(&hidden.codec, &queue, check, 1, 2, hidden.words), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(hidden.words, plain.words,
                           (size_t)(plain.codec.word_count - 1) * sizeof *plain.words),
                    0);
    vain_device_close(&device);
}

/* A commitment is to the vector's bare words, and changes no word, for both widths of fields. */
static void a_commitment_changes_no_word(void)
{
    enum { N = 40000 }; /* three leaves of words, or two */
    static float delta[N], residual[N], residual_too[N];
    static uint32_t bare[N + 20], masked[N + 20], committed[N + 20];
    const struct vain_counters mine = {.weight = 7, .loss_micro = 9};
    const struct vain_mask mask = own_mask(1, false);
    const struct vain_masks masks = {.count = 1, .masks = &mask};
    open_queue();
    for (int64_t i = 0; i < N; i++)
        delta[i] = ramp(1, i);
    for (int field_bits = 16; field_bits <= 32; field_bits += 16) {
        struct vain_codec codec;
        struct vain_codec_report report;
        struct vain_codec_commitment commitment = {.salt = {1, 2, 3}};
        struct vain_codec_attempt attempt = {.check = check, .round = 1, .attempt = 2};
        uint8_t root[VAIN_HASH_BYTES];
        CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, N, 3, field_bits, NAN, 0.01), VAIN_OK);
        codec.checks_masked = true;
        CU_ASSERT_EQUAL(
            vain_codec_encode(&codec, &queue, delta, &mine, &attempt, bare, residual, &report),
            VAIN_OK);
        attempt.masks = &masks;
        CU_ASSERT_EQUAL(
            vain_codec_encode(&codec, &queue, delta, &mine, &attempt, masked, residual, &report),
            VAIN_OK);
        attempt.commitment = &commitment;
        CU_ASSERT_EQUAL(vain_codec_encode(&codec, &queue, delta, &mine, &attempt, committed,
                                          residual_too, &report),
                        VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(committed, masked, (size_t)codec.word_count * 4), 0);
        CU_ASSERT_EQUAL(memcmp(residual, residual_too, sizeof residual), 0);
        const struct vain_commit_data words = {.data = bare,
                                               .bytes = (size_t)codec.vector_words * 4,
                                               .chunk_bytes = VAIN_COMMIT_CHUNK_BYTES};
        CU_ASSERT(vain_commit_leaf_count(&words) > 1);
        CU_ASSERT_EQUAL(vain_commit_root(commitment.salt, &words, NULL, root), VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(root, commitment.root, sizeof root), 0);
    }
    vain_device_close(&device);
}

/* A device that is gone at any of its waits: said, and never taken for words. */
static void a_device_that_fails_is_said(void)
{
    const float deltas[2][3] = {{1, 2, 3}, {1, NAN, 3}};
    const struct vain_counters mine = {.weight = 1};
    struct vain_codec codec;
    struct vain_codec_report report;
    uint32_t words[3 + VAIN_COUNTER_WORDS + 1];
    float residual[3];
    open_queue();
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, 3, 1, 32, NAN, 4.0), VAIN_OK);
    for (int kind = 0; kind < 2; kind++) {
        const int waits_of_encode = kind == 0 ? 3 : 2;
        for (int waits = 0; waits <= waits_of_encode; waits++) {
            device_fails_after(waits);
            const enum vain_status status = vain_codec_encode(
                &codec, &queue, deltas[kind], &mine,
                &(struct vain_codec_attempt){check, 1, 0, NULL, NULL}, words, residual, &report);
            CU_ASSERT_EQUAL(status, waits < waits_of_encode ? VAIN_ERR_UNAVAILABLE
                                    : kind == 0             ? VAIN_OK
                                                            : VAIN_ERR_NUMERIC);
        }
    }
    device_works();
    CU_ASSERT_EQUAL(vain_codec_encode(&codec, &queue, deltas[0], &mine,
                                      &(struct vain_codec_attempt){check, 1, 0, NULL, NULL}, words,
                                      residual, &report),
                    VAIN_OK);
    device_fails_after(0);
    CU_ASSERT_EQUAL(vain_codec_verify(&codec, &queue, check, 1, 0, words), VAIN_ERR_UNAVAILABLE);
    device_works();
    CU_ASSERT_EQUAL(vain_codec_verify(&codec, &queue, check, 1, 0, words), VAIN_OK);
    vain_device_close(&device);
}

static void round_bytes_are_those_of_a_ring(void)
{
    struct vain_codec codec;
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, 983, 1, 32, NAN, 1.0), VAIN_OK);
    CU_ASSERT_EQUAL(vain_codec_round_bytes(&codec), 0);
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, 983, 2, 32, NAN, 1.0), VAIN_OK);
    CU_ASSERT_EQUAL(vain_codec_round_bytes(&codec), 4000);
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, 983, 4, 32, NAN, 1.0), VAIN_OK);
    CU_ASSERT_EQUAL(vain_codec_round_bytes(&codec), 6000);
}

static const struct vain_test tests[] = {
    {"headroom is what n members leave", headroom_is_what_the_protocol_says},
    {"too many members are refused with the arithmetic",
     too_many_members_are_refused_with_the_arithmetic},
    {"bad numbers are refused", bad_numbers_are_refused},
    {"a state is kept across members and widths, and checked", a_state_is_kept_and_checked},
    {"the ends of the range never carry", the_ends_of_the_range_never_carry},
    {"what the words do not say is left in the residual", what_is_left_is_kept},
    {"the residual may take the place of the delta", the_residual_may_take_the_place_of_the_delta},
    {"a long delta is scaled to the bound", a_long_delta_is_scaled_to_the_bound},
    {"a short delta is not scaled", a_short_delta_is_not_scaled},
    {"a delta that is not finite is stopped", a_delta_that_is_not_finite_is_stopped},
    {"a negative loss is stopped", a_negative_loss_is_stopped},
    {"counters are exact sums", counters_are_exact_sums},
    {"a sum is checked under own masks", a_sum_is_checked_under_own_masks},
    {"counters that nobody can count are refused", counters_that_nobody_can_count_are_refused},
    {"a commitment changes no word", a_commitment_changes_no_word},
    {"a device that fails is said", a_device_that_fails_is_said},
    {"bytes of a round are those of a ring", round_bytes_are_those_of_a_ring},
    {NULL, NULL},
};
const struct vain_suite vain_suite_codec = {"codec", tests};
