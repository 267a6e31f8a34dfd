/* Forms: an independent model, sums of pieces, and how much an error escapes. */
#include "collectives/forms.h"

#include <stdio.h>
#include <string.h>

#include "kernels/device.h"
#include "collectives/codec.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

enum { MOST = 5000 };

static struct vain_mask_stream *stream;
static struct vain_forms_sum sum;
static uint32_t words[MOST];

static void open_stream(void)
{
    CU_ASSERT_EQUAL_FATAL(vain_mask_stream_open(&stream), VAIN_OK);
    for (int i = 0; i < MOST; i++)
        words[i] = (uint32_t)(i + 1) * 2654435761u;
}

static struct vain_forms_key some_key(uint8_t number, int64_t word_count)
{
    const uint8_t hash[VAIN_HASH_BYTES] = {number};
    return vain_forms_key_of(hash, (struct vain_check_key){{number, 2, 3, 4}}, word_count);
}

/* Of words first, first + 1, ... of a vector, in one piece. */
static struct vain_forms forms_of(const struct vain_forms_key *key, int64_t first, int64_t count,
                                  const uint32_t *piece)
{
    struct vain_forms forms;
    vain_forms_sum_begin(&sum);
    vain_forms_sum_add(&sum, key, stream, first, count, piece);
    vain_forms_sum_end(&sum, &forms);
    return forms;
}

/* A line of the golden file against the code. */
static void compare(const char *line)
{
    char hash_hex[80], forms_hex[8 * VAIN_FORMS + 1], found[8 * VAIN_FORMS + 1];
    struct vain_check_key check;
    uint8_t hash[VAIN_HASH_BYTES];
    long long word_count, first, count;
    CU_ASSERT_EQUAL_FATAL(sscanf(line, "%79s %u %u %u %u %lld %lld %lld %520s", hash_hex,
                                 &check.k[0], &check.k[1], &check.k[2], &check.k[3], &word_count,
                                 &first, &count, forms_hex),
                          9);
    CU_ASSERT_EQUAL_FATAL(test_hex(hash_hex, hash, sizeof hash), sizeof hash);
    const struct vain_forms_key key = vain_forms_key_of(hash, check, word_count);
    const struct vain_forms forms = forms_of(&key, first, count, words + first);
    for (int k = 0; k < VAIN_FORMS; k++)
        snprintf(found + 8 * k, 9, "%08x", forms.values[k]);
    CU_ASSERT_STRING_EQUAL(found, forms_hex);
}

static void forms_are_those_of_the_model(void)
{
    FILE *file = test_open_golden("forms.txt");
    char line[900];
    int count = 0;
    open_stream();
    for (; test_next_line(file, line, sizeof line); count++)
        compare(line);
    CU_ASSERT_EQUAL(count, 6);
    fclose(file);
    vain_mask_stream_close(&stream);
}

/* Whatever a vector is cut into, its forms are the sum of those of the pieces; and they are linear
 * in the words. */
static void forms_add_up(void)
{
    static uint32_t other[MOST], both[MOST];
    const struct vain_forms_key key = some_key(7, MOST);
    open_stream();
    for (int i = 0; i < MOST; i++) {
        other[i] = vain_mix((uint32_t)i);
        both[i] = words[i] + 3 * other[i];
    }
    const struct vain_forms whole = forms_of(&key, 0, MOST, words);
    struct vain_forms joined = {{0}}, linear = whole;
    for (int64_t first = 0, count = 0; first < MOST; first += count) {
        count = first % 7 * 131 + 1;
        count = first + count < MOST ? count : MOST - first;
        const struct vain_forms piece = forms_of(&key, first, count, words + first);
        vain_forms_add(&piece, &joined);
    }
    CU_ASSERT_TRUE(vain_forms_equal(&whole, &joined));
    const struct vain_forms of_other = forms_of(&key, 0, MOST, other);
    for (int times = 0; times < 3; times++)
        vain_forms_add(&of_other, &linear);
    const struct vain_forms of_both = forms_of(&key, 0, MOST, both);
    CU_ASSERT_TRUE(vain_forms_equal(&of_both, &linear));
    vain_mask_stream_close(&stream);
}

/* An error in a bit of a word, anywhere, under other bits each time: some form always sees it, and
 * each form about half of them. */
static void no_bit_escapes_all_forms(void)
{
    enum { TRIALS = 100000 };
    int missed_by_all = 0, seen[VAIN_FORMS] = {0};
    open_stream();
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        const struct vain_forms_key key = some_key((uint8_t)(trial % 251), (int64_t)1 << 40);
        const uint32_t error = UINT32_C(1) << vain_mix(trial) % 32;
        const struct vain_forms forms = forms_of(&key, (int64_t)vain_mix(~trial), 1, &error);
        bool any = false;
        for (int k = 0; k < VAIN_FORMS; k++) {
            seen[k] += forms.values[k] != 0;
            any = any || (k < VAIN_FORMS_RANDOM && forms.values[k] != 0);
        }
        missed_by_all += !any;
    }
    CU_ASSERT_EQUAL(missed_by_all, 0);
    for (int k = 0; k < VAIN_FORMS_RANDOM; k++) /* 6 standard deviations are 950 */
        CU_ASSERT(seen[k] > TRIALS / 2 - 1000 && seen[k] < TRIALS / 2 + 1000);
    CU_ASSERT_EQUAL(seen[VAIN_FORMS_CHECK], TRIALS); /* odd coefficients miss no single bit */
    vain_mask_stream_close(&stream);
}

/* Two forms are no more alike than chance: of all pairs, both see about a quarter. */
static void forms_are_independent(void)
{
    enum { TRIALS = 20000 };
    const struct vain_forms_key key = some_key(1, (int64_t)1 << 40);
    static int both[VAIN_FORMS_RANDOM][VAIN_FORMS_RANDOM];
    const uint32_t error = 0x80000000u;
    int far = 0;
    open_stream();
    memset(both, 0, sizeof both);
    for (int64_t trial = 0; trial < TRIALS; trial++) {
        const struct vain_forms forms = forms_of(&key, trial, 1, &error);
        for (int a = 0; a < VAIN_FORMS_RANDOM; a++)
            for (int b = 0; b < a; b++)
                both[a][b] += forms.values[a] != 0 && forms.values[b] != 0;
    }
    for (int a = 0; a < VAIN_FORMS_RANDOM; a++)
        for (int b = 0; b < a; b++)
            far += both[a][b] < TRIALS / 4 - 370 || both[a][b] > TRIALS / 4 + 370; /* 6 sigma */
    CU_ASSERT_EQUAL(far, 0);
    vain_mask_stream_close(&stream);
}

/* Words that the codec made have no form of their check word, bare or as they travel under own
 * masks; and any other word has. */
static void a_vector_fits_its_check_word(void)
{
    enum { N = 50 };
    const struct vain_random check = {{5, 6}};
    float delta[N], residual[N];
    struct vain_device device;
    struct vain_codec codec;
    struct vain_codec_report report;
    const struct vain_mask mask = {.domain = VAIN_MASK_OWN, .seed = {9}};
    const struct vain_masks masks = {.count = 1, .masks = &mask};
    const struct vain_counters mine = {.weight = 77, .loss_micro = 5};
    open_stream();
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    struct vain_queue queue = {.device = &device};
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, N, 3, 32, 1e30, 1.0), VAIN_OK);
    for (int masked = 0; masked < 2; masked++) {
        const struct vain_codec_attempt attempt = {
            .check = check, .round = 4, .attempt = 2, .masks = masked ? &masks : NULL};
        const struct vain_forms_key key =
            vain_forms_key_of(mask.seed, vain_check_key_of(check, 4, 2), codec.word_count);
        for (int i = 0; i < N; i++)
            delta[i] = (float)(i * i) * 0.01f;
        codec.checks_masked = masked == 1;
        CU_ASSERT_EQUAL_FATAL(
            vain_codec_encode(&codec, &queue, delta, &mine, &attempt, words, residual, &report),
            VAIN_OK);
        struct vain_forms forms = forms_of(&key, 0, codec.word_count, words);
        CU_ASSERT_EQUAL(forms.values[VAIN_FORMS_CHECK], 0);
        for (int64_t i = 0; i < codec.word_count; i++) {
            words[i] ^= 0x80000000u;
            forms = forms_of(&key, 0, codec.word_count, words);
            CU_ASSERT_NOT_EQUAL(forms.values[VAIN_FORMS_CHECK], 0);
            words[i] ^= 0x80000000u;
        }
    }
    vain_device_close(&device);
    vain_mask_stream_close(&stream);
}

static void bytes_and_back(void)
{
    struct vain_forms forms, again;
    uint8_t bytes[VAIN_FORMS_BYTES + 1];
    for (int k = 0; k < VAIN_FORMS; k++)
        forms.values[k] = 0x03020100u + 0x04040404u * (uint32_t)k;
    bytes[VAIN_FORMS_BYTES] = 0xee;
    vain_forms_encode(&forms, bytes);
    for (int i = 0; i < 252; i++)
        CU_ASSERT_EQUAL(bytes[i], i);
    CU_ASSERT_EQUAL(bytes[VAIN_FORMS_BYTES], 0xee);
    vain_forms_decode(bytes, &again);
    CU_ASSERT_TRUE(vain_forms_equal(&forms, &again));
    again.values[VAIN_FORMS - 1] ^= 1;
    CU_ASSERT_FALSE(vain_forms_equal(&forms, &again));
}

static const struct vain_test tests[] = {
    {"forms are those of the model", forms_are_those_of_the_model},
    {"forms add up", forms_add_up},
    {"no bit escapes all forms", no_bit_escapes_all_forms},
    {"forms are independent", forms_are_independent},
    {"a vector fits its check word", a_vector_fits_its_check_word},
    {"bytes and back", bytes_and_back},
    {NULL, NULL},
};
const struct vain_suite vain_suite_forms = {"forms", tests};
