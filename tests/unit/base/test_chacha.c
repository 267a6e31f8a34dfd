/* The block function that the GPU has: against RFC 8439, and against the cipher of the CPU's masks
 * at random places. */
#include "base/chacha.h"

#include <string.h>

#include "base/mask_stream.h"
#include "tests/unit/suite.h"

enum { PLACES = 20000, SEGMENT_ENDS = 64 };

/* RFC 8439, 2.3.2. */
static void test_the_block_of_the_rfc(void)
{
    static const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
    static const uint32_t expected[16] = {0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
                                          0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
                                          0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
                                          0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2};
    uint32_t key[8], out[16];
    uint8_t bytes[32];
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    memcpy(key, bytes, sizeof key);
    vain_chacha_block(key, 1, nonce, out);
    CU_ASSERT_EQUAL(memcmp(out, expected, sizeof out), 0);
}

static void expect_equal(struct vain_mask_stream *stream, uint32_t salt, uint64_t element)
{
    uint32_t key[8], out[16];
    uint8_t seed[VAIN_MASK_SEED_BYTES];
    const uint32_t *words = NULL;
    const enum vain_mask_domain domain = salt % 2 == 0 ? VAIN_MASK_PAIR : VAIN_MASK_OWN;
    for (int i = 0; i < VAIN_MASK_SEED_BYTES; i++)
        seed[i] = (uint8_t)(salt >> i % 4 * 8) ^ (uint8_t)(17 * i);
    memcpy(key, seed, sizeof key);
    vain_mask_words(key, (uint32_t)domain, element, out);
    vain_mask_stream_start(stream, seed, domain, element);
    CU_ASSERT_EQUAL_FATAL(vain_mask_stream_next(stream, 1, &words), 1);
    CU_ASSERT_EQUAL(words[0], out[element % 16]);
}

static void test_the_cipher_of_the_masks(void)
{
    struct vain_mask_stream *stream = NULL;
    const struct vain_random random = {{9, 10}};
    CU_ASSERT_EQUAL_FATAL(vain_mask_stream_open(&stream), VAIN_OK);
    for (uint32_t i = 0; i < PLACES; i++) {
        uint32_t words[4];
        vain_random_block(random, 0, 0, i, words);
        expect_equal(stream, words[2], (((uint64_t)words[0] << 32) | words[1]) >> i % 40);
    }
    for (uint32_t i = 0; i < SEGMENT_ENDS; i++) /* a new nonce */
        expect_equal(stream, i, ((uint64_t)3 << VAIN_MASK_SEGMENT_BITS) - SEGMENT_ENDS / 2 + i);
    vain_mask_stream_close(&stream);
}

static const struct vain_test tests[] = {
    {"the block of the RFC", test_the_block_of_the_rfc},
    {"the cipher of the masks", test_the_cipher_of_the_masks},
    {NULL, NULL},
};

extern const struct vain_suite vain_suite_chacha;
const struct vain_suite vain_suite_chacha = {"base/chacha", tests};
