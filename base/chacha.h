/* The block function of ChaCha20 (RFC 8439, 2.3), and which block a word of a mask stream is in.
 *
 * Masks on the CPU come from OpenSSL's cipher (base/mask_stream.c), which is faster than this; the
 * GPU has no other. Stands in a header because gcc and nvcc both compile it, so that tests without
 * a GPU hold its formulas against the cipher's. No table and no branch depends on the key. */
#pragma once

#include "base/philox.h"

enum {
    VAIN_CHACHA_WORDS = 16,     /* of a block */
    VAIN_CHACHA_KEY_WORDS = 8,  /* a seed, little-endian */
    VAIN_MASK_SEGMENT_BITS = 30 /* words of a stream under one nonce: 2^30 */
};

VAIN_DEVICE_INLINE uint32_t vain_rotate_left(uint32_t x, int bits)
{
    return x << bits | x >> (32 - bits);
}

#define VAIN_CHACHA_QUARTER(a, b, c, d)                                                            \
    do {                                                                                           \
        (a) += (b);                                                                                \
        (d) = vain_rotate_left((d) ^ (a), 16);                                                     \
        (c) += (d);                                                                                \
        (b) = vain_rotate_left((b) ^ (c), 12);                                                     \
        (a) += (b);                                                                                \
        (d) = vain_rotate_left((d) ^ (a), 8);                                                      \
        (c) += (d);                                                                                \
        (b) = vain_rotate_left((b) ^ (c), 7);                                                      \
    } while (0)

/* Block `counter` of (key, nonce) as words. */
VAIN_DEVICE_INLINE void vain_chacha_block(const uint32_t key[8], uint32_t counter,
                                          const uint32_t nonce[3], uint32_t out[16])
{
    const uint32_t start[16] = {0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u, key[0], key[1],
                                key[2],      key[3],      key[4],      key[5],      key[6], key[7],
                                counter,     nonce[0],    nonce[1],    nonce[2]};
    uint32_t x[16];
    for (int i = 0; i < 16; i++)
        x[i] = start[i];
    for (int round = 0; round < 10; round++) {
        VAIN_CHACHA_QUARTER(x[0], x[4], x[8], x[12]);
        VAIN_CHACHA_QUARTER(x[1], x[5], x[9], x[13]);
        VAIN_CHACHA_QUARTER(x[2], x[6], x[10], x[14]);
        VAIN_CHACHA_QUARTER(x[3], x[7], x[11], x[15]);
        VAIN_CHACHA_QUARTER(x[0], x[5], x[10], x[15]);
        VAIN_CHACHA_QUARTER(x[1], x[6], x[11], x[12]);
        VAIN_CHACHA_QUARTER(x[2], x[7], x[8], x[13]);
        VAIN_CHACHA_QUARTER(x[3], x[4], x[9], x[14]);
    }
    for (int i = 0; i < 16; i++)
        out[i] = x[i] + start[i];
}

/* Words 16 * (element / 16) and on of the stream of (key, domain): base/mask_stream.h's layout. */
VAIN_DEVICE_INLINE void vain_mask_words(const uint32_t key[8], uint32_t domain, uint64_t element,
                                        uint32_t out[16])
{
    const uint64_t segment = element >> VAIN_MASK_SEGMENT_BITS;
    const uint64_t place = element & (((uint64_t)1 << VAIN_MASK_SEGMENT_BITS) - 1);
    const uint32_t nonce[3] = {domain, (uint32_t)segment, (uint32_t)(segment >> 32)};
    vain_chacha_block(key, (uint32_t)(place / VAIN_CHACHA_WORDS), nonce, out);
}
