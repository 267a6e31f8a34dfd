/* The streams that masks are made of: against the golden vector, against the block of RFC 8439, and
 * against libsodium's ChaCha20 at random places. */
#include "base/mask_stream.h"

#include <string.h>

#include <sodium.h>

#include "base/crypto.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/base/libraries.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

enum { SEGMENT_BITS = 30, BLOCK_WORDS = 16, WORDS_MOST = 40000 };

static const uint64_t segment_words = UINT64_C(1) << SEGMENT_BITS;
static struct vain_mask_stream *stream;

static void open_stream(void)
{
    CU_ASSERT_EQUAL_FATAL(vain_mask_stream_open(&stream), VAIN_OK);
}

/* `count` words from element `first` on: all at once as far as a call goes, or in pieces of all
 * lengths, so that the stream goes on from every place of a block. */
static void read_words(const uint8_t *seed, uint32_t domain, uint64_t first, int64_t count,
                       bool in_pieces, uint32_t *out)
{
    vain_mask_stream_start(stream, seed, (enum vain_mask_domain)domain, first);
    for (int64_t done = 0, call = 0; done < count; call++) {
        const uint32_t *words = NULL;
        const int64_t most = in_pieces ? 1 + call * 37 % 71 : count, left = count - done;
        const int64_t made = vain_mask_stream_next(stream, most < left ? most : left, &words);
        CU_ASSERT_FATAL(made >= 1);
        CU_ASSERT_FATAL(made <= most);
        CU_ASSERT_FATAL(made <= left);
        memcpy(out + done, words, (size_t)made * sizeof *out);
        done += made;
    }
}

static void put_little_endian(uint64_t value, uint8_t *out, int bytes)
{
    for (int i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

/* The same words from libsodium, a segment and its blocks at a time: the header's layout. */
static void model_words(const uint8_t *seed, uint32_t domain, uint64_t first, int64_t count,
                        uint32_t *out)
{
    static uint32_t blocks[WORDS_MOST + 2 * BLOCK_WORDS];
    for (int64_t done = 0; done < count;) {
        const uint64_t element = first + (uint64_t)done, place = element % segment_words;
        const int64_t skip = (int64_t)(place % BLOCK_WORDS);
        int64_t made = count - done;
        if ((uint64_t)made > segment_words - place)
            made = (int64_t)(segment_words - place);
        uint8_t nonce[12];
        put_little_endian(domain, nonce, 4);
        put_little_endian(element / segment_words, nonce + 4, 8);
        memset(blocks, 0, (size_t)(skip + made) * sizeof *blocks);
        crypto_stream_chacha20_ietf_xor_ic((unsigned char *)blocks, (const unsigned char *)blocks,
                                           (unsigned long long)(skip + made) * 4, nonce,
                                           (uint32_t)(place / BLOCK_WORDS), seed);
        memcpy(out + done, blocks + skip, (size_t)made * sizeof *out);
        done += made;
    }
}

static void words_are_the_golden_ones(void)
{
    FILE *file = test_open_golden("mask_stream.txt");
    char line[100];
    uint8_t seed[VAIN_MASK_SEED_BYTES];
    int count = 0;
    open_stream();
    for (int i = 0; i < VAIN_MASK_SEED_BYTES; i++)
        seed[i] = (uint8_t)i;
    while (test_next_line(file, line, sizeof line)) {
        unsigned domain, expected;
        unsigned long long element;
        uint32_t word, pair[2];
        CU_ASSERT_EQUAL_FATAL(sscanf(line, "%u %llu %x", &domain, &element, &expected), 3);
        read_words(seed, domain, element, 1, false, &word);
        CU_ASSERT_EQUAL(word, expected);
        /* The same word as the second of a range, which may begin in the segment before. */
        if (element > 0) {
            read_words(seed, domain, element - 1, 2, false, pair);
            CU_ASSERT_EQUAL(pair[1], expected);
        }
        count++;
    }
    CU_ASSERT_EQUAL(count, 33);
    if (file != NULL)
        fclose(file);
    vain_mask_stream_close(&stream);
}

/* Section 2.3.2; the nonce 00 00 00 09 | 00 00 00 4a 00 00 00 00 is a domain and a segment. */
static void a_block_is_that_of_rfc8439(void)
{
    static const uint32_t expected[BLOCK_WORDS] = {0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
                                                   0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
                                                   0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
                                                   0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2};
    const uint64_t counter = 1, segment = 0x4a000000;
    uint8_t seed[VAIN_MASK_SEED_BYTES];
    uint32_t words[BLOCK_WORDS];
    open_stream();
    for (int i = 0; i < VAIN_MASK_SEED_BYTES; i++)
        seed[i] = (uint8_t)i;
    read_words(seed, 0x09000000, segment << SEGMENT_BITS | counter * BLOCK_WORDS, BLOCK_WORDS,
               false, words);
    CU_ASSERT_EQUAL(memcmp(words, expected, sizeof words), 0);
    vain_mask_stream_close(&stream);
}

/* A fixed sequence of numbers: SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void draw_seed(uint64_t *state, uint8_t seed[VAIN_MASK_SEED_BYTES])
{
    for (int i = 0; i < VAIN_MASK_SEED_BYTES; i += 8)
        put_little_endian(draw(state), seed + i, 8);
}

static void single_words_are_those_of_libsodium(void)
{
    enum { PLACES = 1000000 };
    uint64_t state = 1;
    int64_t wrong = 0;
    open_stream();
    for (int i = 0; i < PLACES; i++) {
        uint8_t seed[VAIN_MASK_SEED_BYTES];
        uint32_t found, expected;
        draw_seed(&state, seed);
        const uint32_t domain = (uint32_t)draw(&state);
        const uint64_t element = draw(&state) >> draw(&state) % 64;
        read_words(seed, domain, element, 1, false, &found);
        model_words(seed, domain, element, 1, &expected);
        wrong += found != expected;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    vain_mask_stream_close(&stream);
}

/* Ranges that begin shortly before a segment ends, anywhere in it, and at its start. */
static void ranges_are_those_of_libsodium(void)
{
    enum { RANGES = 600 };
    static uint32_t found[WORDS_MOST], expected[WORDS_MOST];
    uint64_t state = 2;
    int crossed = 0;
    open_stream();
    for (int i = 0; i < RANGES; i++) {
        uint8_t seed[VAIN_MASK_SEED_BYTES];
        draw_seed(&state, seed);
        const uint32_t domain = 1u << draw(&state) % 3;
        const int64_t count = 1 + (int64_t)(draw(&state) % WORDS_MOST);
        const uint64_t edge = (1 + draw(&state) % 1000) << SEGMENT_BITS;
        const uint64_t before = draw(&state) % (uint64_t)(2 * count);
        const uint64_t first = i % 3 == 0 ? draw(&state) >> 20 : edge - before;
        crossed += first / segment_words != (first + (uint64_t)count - 1) / segment_words;
        read_words(seed, domain, first, count, count % 2 == 0, found);
        model_words(seed, domain, first, count, expected);
        CU_ASSERT_EQUAL(memcmp(found, expected, (size_t)count * sizeof *found), 0);
    }
    CU_ASSERT_TRUE(crossed > RANGES / 10);
    vain_mask_stream_close(&stream);
}

/* Every length around a block and around a piece, from every place of a block. */
static void every_edge_is_met(void)
{
    static uint32_t found[WORDS_MOST], expected[WORDS_MOST];
    static const int64_t lengths[] = {1, 15, 16, 17, 2031, 2032, 2033, 2047, 2048, 2049, 8193};
    const uint8_t seed[VAIN_MASK_SEED_BYTES] = {7};
    open_stream();
    for (uint64_t skip = 0; skip < 2 * BLOCK_WORDS; skip++) {
        for (size_t i = 0; i < VAIN_COUNT_OF(lengths); i++) {
            const uint64_t first = 3 * segment_words - 2048 + skip;
            read_words(seed, VAIN_MASK_NOISE, first, lengths[i], skip % 2 == 0, found);
            model_words(seed, VAIN_MASK_NOISE, first, lengths[i], expected);
            CU_ASSERT_EQUAL(memcmp(found, expected, (size_t)lengths[i] * sizeof *found), 0);
        }
    }
    vain_mask_stream_close(&stream);
}

static void ask_for_nothing(void)
{
    const uint8_t seed[VAIN_MASK_SEED_BYTES] = {0};
    const uint32_t *words;
    if (vain_mask_stream_open(&stream) != VAIN_OK)
        return;
    vain_mask_stream_start(stream, seed, VAIN_MASK_PAIR, 0);
    (void)vain_mask_stream_next(stream, 0, &words);
}

static void asking_for_nothing_is_a_bug(void)
{
    CU_ASSERT_EQUAL(test_exit_code(ask_for_nothing, NULL, 0), 70);
}

static void what_is_missing_is_said(void)
{
    shortage_after(0);
    CU_ASSERT_EQUAL(vain_mask_stream_open(&stream), VAIN_ERR_MEMORY);
    shortage_end();
    CU_ASSERT_PTR_NULL(stream);
    for (int missing = 0; missing < 2; missing++) {
        bad_libraries.no_cipher = missing == 0;
        bad_libraries.no_cipher_context = missing == 1;
        CU_ASSERT_EQUAL(vain_mask_stream_open(&stream), VAIN_ERR_UNAVAILABLE);
        CU_ASSERT_PTR_NULL(stream);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "OpenSSL has no ChaCha20"));
    }
    bad_libraries = (struct bad_libraries){false};
}

/* After it there is neither the stream nor the seed that made it: what comes is that of no seed. */
static void what_is_forgotten_is_gone(void)
{
    static const uint8_t no_seed[VAIN_MASK_SEED_BYTES];
    const uint8_t seed[VAIN_MASK_SEED_BYTES] = {1, 2, 3};
    const uint32_t *words = NULL;
    uint32_t expected[64];
    open_stream();
    vain_mask_stream_start(stream, seed, VAIN_MASK_PAIR, 0);
    CU_ASSERT_EQUAL_FATAL(vain_mask_stream_next(stream, 64, &words), 64);
    vain_mask_stream_forget(stream);
    for (int i = 0; i < 64; i++)
        CU_ASSERT_EQUAL(words[i], 0);
    CU_ASSERT_EQUAL_FATAL(vain_mask_stream_next(stream, 64, &words), 64);
    model_words(no_seed, VAIN_MASK_PAIR, 0, 64, expected);
    CU_ASSERT_EQUAL(memcmp(words, expected, sizeof expected), 0);
    vain_mask_stream_close(&stream);
}

static void nothing_is_closed_twice(void)
{
    open_stream();
    vain_mask_stream_close(&stream);
    CU_ASSERT_PTR_NULL(stream);
    vain_mask_stream_close(&stream);
    CU_ASSERT_PTR_NULL(stream);
}

static const struct vain_test tests[] = {
    {"words are the golden ones", words_are_the_golden_ones},
    {"a block is that of RFC 8439", a_block_is_that_of_rfc8439},
    {"a million single words are those of libsodium", single_words_are_those_of_libsodium},
    {"ranges over edges are those of libsodium", ranges_are_those_of_libsodium},
    {"every edge of block, piece and segment is met", every_edge_is_met},
    {"asking for no words is a bug", asking_for_nothing_is_a_bug},
    {"memory or a cipher that is missing is said", what_is_missing_is_said},
    {"what is forgotten is gone", what_is_forgotten_is_gone},
    {"closing nothing is fine", nothing_is_closed_twice},
    {NULL, NULL},
};
const struct vain_suite vain_suite_mask_stream = {"base/mask_stream", tests};
