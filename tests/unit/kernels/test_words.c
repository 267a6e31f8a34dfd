/* Masks and tags on words: the same bits on every device, and what they are for. */
#include "tests/unit/kernels/bed.h"

#include "kernels/mix.h"

#include <string.h>

static const int64_t counts[] = {0, 1, 2, 15, 16, 17, 1023, 1024, 1025, 16383, 16384, 16385, 70001};

static uint32_t *words_of(int64_t count)
{
    uint32_t *words = bed_bytes((size_t)count * sizeof *words);
    for (int64_t i = 0; i < count; i++)
        words[i] = vain_mix((uint32_t)i + 77u);
    return words;
}

/* ---- Masks ---- */

enum { MASKS_MOST = 5 };

struct masked {
    int64_t count;
    uint64_t first;
    const uint32_t *words;
    struct vain_mask list[MASKS_MOST];
    struct vain_masks masks;
};

static void set_masks(struct masked *m, int mask_count)
{
    for (int i = 0; i < mask_count; i++) {
        m->list[i] = (struct vain_mask){.domain = i == 3 ? VAIN_MASK_OWN : VAIN_MASK_PAIR,
                                        .subtract = i % 2 == 1};
        memset(m->list[i].seed, 3 * i + 1, VAIN_MASK_SEED_BYTES);
    }
    m->masks = (struct vain_masks){.count = mask_count, .masks = m->list};
}

static void run_masks(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct masked *m = context;
    uint32_t *words = (uint32_t *)(void *)out;
    if (m->count > 0)
        memcpy(words, m->words, (size_t)m->count * sizeof *words);
    queue->device->ops->codec.add_masks(queue, &m->masks, m->first, m->count, words);
}

/* The definition: word by word, every stream asked for that one element. */
static uint32_t expected_word(struct vain_mask_stream *stream, const struct masked *m, int64_t i)
{
    uint32_t word = m->words[i];
    for (int k = 0; k < m->masks.count; k++) {
        const struct vain_mask *mask = &m->list[k];
        const uint32_t *one = NULL;
        vain_mask_stream_start(stream, mask->seed, mask->domain, m->first + (uint64_t)i);
        CU_ASSERT_EQUAL_FATAL(vain_mask_stream_next(stream, 1, &one), 1);
        word = mask->subtract ? word - *one : word + *one;
    }
    return word;
}

/* All words of short vectors; of long ones those around blocks, pieces and segments, and some. */
static bool is_looked_at(const struct masked *m, int64_t i)
{
    const uint64_t element = m->first + (uint64_t)i;
    return m->count < 2000 || i % 97 == 0 || (i + 2) % 2048 < 4 || (element + 2) % 2048 < 4 ||
           i >= m->count - 2;
}

static void check_masks(const struct masked *m)
{
    struct vain_mask_stream *stream = NULL;
    CU_ASSERT_EQUAL_FATAL(vain_mask_stream_open(&stream), VAIN_OK);
    const size_t bytes = (size_t)m->count * sizeof(uint32_t);
    unsigned char *out = bed_bytes(bytes);
    run_masks(bed_queue(0), m, out);
    const uint32_t *found = (const uint32_t *)(const void *)out;
    bool right = true;
    for (int64_t i = 0; i < m->count; i++)
        right = right && (!is_looked_at(m, i) || found[i] == expected_word(stream, m, i));
    CU_ASSERT_TRUE(right);
    CU_ASSERT_TRUE(bed_same_bits(run_masks, m, bytes));
    vain_mask_stream_close(&stream);
}

static void masks_are_added_and_subtracted(void)
{
    static const uint64_t firsts[] = {
        0, 1, 4099, (UINT64_C(1) << 30) - 1000, (UINT64_C(5) << 30) - 16384, UINT64_C(3) << 30};
    for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++)
        for (size_t f = 0; f < VAIN_COUNT_OF(firsts); f++) {
            struct masked m = {
                .count = counts[c], .first = firsts[f], .words = words_of(counts[c])};
            set_masks(&m, (int)((c + f) % (MASKS_MOST + 1)));
            check_masks(&m);
            bed_end();
        }
}

/* Masked in one call or in any pieces: the codec masks a block at a time, and its tail apart. */
static void pieces_are_masked_like_the_whole(void)
{
    const int64_t N = 40000;
    struct masked whole = {.count = N, .first = 12, .words = words_of(N)};
    set_masks(&whole, 3);
    uint32_t *expected = bed_bytes((size_t)N * 4), *found = bed_bytes((size_t)N * 4);
    run_masks(bed_queue(0), &whole, (unsigned char *)expected);
    memcpy(found, whole.words, (size_t)N * 4);
    struct vain_queue *queue = bed_queue(bed_device_count() - 1);
    for (int64_t at = 0, piece = 1; at < N; at += piece, piece = piece * 3 % 5003 + 1) {
        const int64_t count = piece < N - at ? piece : N - at;
        queue->device->ops->codec.add_masks(queue, &whole.masks, 12 + (uint64_t)at, count,
                                            found + at);
    }
    CU_ASSERT_EQUAL(memcmp(found, expected, (size_t)N * 4), 0);
    bed_end();
}

/* The same stream, added by one and subtracted by the other, is gone. */
static void opposite_masks_cancel(void)
{
    const int64_t N = 20000;
    struct masked m = {.count = N, .first = 5, .words = words_of(N)};
    set_masks(&m, 3);
    uint32_t *found = bed_bytes((size_t)N * 4);
    run_masks(bed_queue(0), &m, (unsigned char *)found);
    int64_t equal = 0;
    for (int64_t i = 0; i < N; i++)
        equal += found[i] == m.words[i];
    CU_ASSERT_TRUE(equal < 3); /* 20 000 chances of 2^-32 */
    for (int k = 0; k < 3; k++)
        m.list[k].subtract = !m.list[k].subtract;
    bed_queue(0)->device->ops->codec.add_masks(bed_queue(0), &m.masks, m.first, N, found);
    CU_ASSERT_EQUAL(memcmp(found, m.words, (size_t)N * 4), 0);
    bed_end();
}

/* Workers' streams that would not go on as forgotten ones do. */
static int count_remembering(int device)
{
    const struct vain_device *own = bed_queue(device)->device;
    int count = 0;
    for (int i = 0; i < vain_pool_threads(own->pool); i++) {
        const uint32_t *word = NULL;
        struct vain_mask_stream *stream = own->mask_streams[i];
        CU_ASSERT_EQUAL_FATAL(vain_mask_stream_next(stream, 1, &word), 1);
        const uint32_t found = *word;
        vain_mask_stream_forget(stream);
        CU_ASSERT_EQUAL_FATAL(vain_mask_stream_next(stream, 1, &word), 1);
        count += *word != found;
        vain_mask_stream_forget(stream);
    }
    return count;
}

/* No seed outlives the op that used it, at any worker. */
static void streams_forget_their_seeds(void)
{
    enum { N = 100000 };
    struct masked m = {.count = N, .words = words_of(N)};
    uint32_t *words = bed_bytes(N * sizeof *words);
    float *delta = bed_floats(N);
    struct vain_encoded encoded;
    set_masks(&m, 3);
    const struct vain_encoding encoding = {.fixed = {0, 32, 1}, .shrink = 1, .masks = &m.masks};
    for (int device = 0; device < bed_device_count(); device++) {
        struct vain_queue *queue = bed_queue(device);
        CU_ASSERT_EQUAL(count_remembering(device), 0);
        queue->device->ops->codec.add_masks(queue, &m.masks, 0, N, words);
        CU_ASSERT_EQUAL(count_remembering(device), 0);
        queue->device->ops->codec.encode(queue, N, &encoding, delta, words, delta, &encoded);
        CU_ASSERT_EQUAL(count_remembering(device), 0);
    }
    bed_end();
}

/* ---- Tags ---- */

struct tagged {
    int64_t count;
    const uint32_t *words;
    uint64_t key;
};

static void run_tag(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct tagged *t = context;
    uint64_t tag = 1;
    queue->device->ops->codec.tag_words(queue, t->count, t->words, t->key, &tag);
    memcpy(out, &tag, sizeof tag);
}

static uint64_t tag_of(int64_t count, const uint32_t *words, uint64_t key)
{
    const struct tagged t = {count, words, key};
    uint64_t tag;
    run_tag(bed_queue(0), &t, (unsigned char *)&tag);
    return tag;
}

/* The formula of kernels/mix.h, a word at a time. */
static uint64_t expected_tag(const struct tagged *t)
{
    uint64_t tag = 0;
    for (int64_t i = 0; i < t->count; i++)
        tag += vain_tag_factor(t->key, (uint64_t)i / VAIN_TAG_WORDS) *
               vain_tag_coefficient(t->key, (uint32_t)(i % VAIN_TAG_WORDS)) * t->words[i];
    return tag;
}

static const uint64_t keys[] = {0, 1, UINT64_C(0x0123456789abcdef), UINT64_MAX};

static void tags_are_those_of_the_formula(void)
{
    for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++)
        for (size_t k = 0; k < VAIN_COUNT_OF(keys); k++) {
            const struct tagged t = {counts[c], words_of(counts[c]), keys[k]};
            CU_ASSERT_EQUAL(tag_of(t.count, t.words, t.key), expected_tag(&t));
            CU_ASSERT_TRUE(bed_same_bits(run_tag, &t, sizeof(uint64_t)));
            bed_end();
        }
}

/* The value comes from an independent program: the same formula in Python. */
static void a_tag_has_a_known_value(void)
{
    const uint32_t *words = words_of(3001);
    CU_ASSERT_EQUAL(tag_of(3001, words, UINT64_C(0x0123456789abcdef)),
                    UINT64_C(0x35c90762851db8ec));
    CU_ASSERT_EQUAL(tag_of(0, words, UINT64_C(0x0123456789abcdef)), 0);
    bed_end();
}

/* Words of any value, and the ends of it: y = 0 and 2^32 - 1 are where a carry would hide. */
static void a_tag_sees_every_bit(void)
{
    static const int64_t lengths[] = {1, 2, 33, 1030};
    for (size_t l = 0; l < VAIN_COUNT_OF(lengths); l++)
        for (int kind = 0; kind < 3; kind++) {
            const int64_t N = lengths[l];
            uint32_t *words = words_of(N);
            if (kind > 0)
                memset(words, kind == 1 ? 0 : 0xff, (size_t)N * 4);
            const uint64_t tag = tag_of(N, words, keys[2]);
            int64_t unseen = 0;
            for (int64_t i = 0; i < N; i++)
                for (int bit = 0; bit < 32; bit++) {
                    words[i] ^= 1u << bit;
                    unseen += tag_of(N, words, keys[2]) == tag;
                    words[i] ^= 1u << bit;
                }
            CU_ASSERT_EQUAL(unseen, 0);
            bed_end();
        }
}

static void swap(uint32_t *words, int64_t i, int64_t j)
{
    const uint32_t kept = words[i];
    words[i] = words[j];
    words[j] = kept;
}

static void a_tag_sees_swapped_words(void)
{
    const int64_t N = 4 * VAIN_TAG_WORDS;
    uint32_t *words = words_of(N);
    const uint64_t tag = tag_of(N, words, keys[2]);
    int64_t unseen = 0;
    /* Any two of 64 neighbours, and equal places of different blocks. */
    for (int64_t i = 0; i < 64; i++)
        for (int64_t j = i + 1; j < 64 + 3; j++) {
            const int64_t other = j < 64 ? j : i + (j - 63) * VAIN_TAG_WORDS;
            swap(words, i, other);
            unseen += tag_of(N, words, keys[2]) == tag;
            swap(words, i, other);
        }
    CU_ASSERT_EQUAL(unseen, 0);
    CU_ASSERT_EQUAL(tag_of(N, words, keys[2]), tag);
    bed_end();
}

static void coefficients_of_tags_are_odd_and_differ(void)
{
    int even = 0, repeated = 0;
    for (uint32_t j = 0; j < VAIN_TAG_WORDS; j++) {
        even += vain_tag_coefficient(keys[2], j) % 2 == 0;
        even += vain_tag_factor(keys[2], j) % 2 == 0;
        repeated += vain_tag_coefficient(keys[2], j) == vain_tag_coefficient(keys[2], j + 1);
        repeated += vain_tag_coefficient(keys[2], j) == vain_tag_coefficient(keys[1], j);
        repeated += vain_tag_factor(keys[2], j) == vain_tag_factor(keys[2], j + 1);
        repeated += vain_tag_factor(keys[2], j) == vain_tag_factor(keys[1], j);
        repeated +=
            vain_tag_factor(keys[2], j) == vain_tag_factor(keys[2], j + (UINT64_C(1) << 32));
    }
    CU_ASSERT_EQUAL(even, 0);
    CU_ASSERT_EQUAL(repeated, 0);
}

static const struct vain_test tests[] = {
    {"masks are added and subtracted, element by element", masks_are_added_and_subtracted},
    {"pieces are masked like the whole", pieces_are_masked_like_the_whole},
    {"opposite masks cancel", opposite_masks_cancel},
    {"streams forget their seeds", streams_forget_their_seeds},
    {"tags are those of the formula", tags_are_those_of_the_formula},
    {"a tag has a known value", a_tag_has_a_known_value},
    {"a tag sees every bit", a_tag_sees_every_bit},
    {"a tag sees swapped words", a_tag_sees_swapped_words},
    {"coefficients of tags are odd and differ", coefficients_of_tags_are_odd_and_differ},
    {NULL, NULL},
};

const struct vain_suite vain_suite_words = {"words", tests};
