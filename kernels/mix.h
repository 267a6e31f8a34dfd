/* Coefficients of check words and message tags: part of the protocol, so every twin computes these
 * and no others.
 *
 * A round's vector y carries c = sum of r_j y_j mod 2^32. Every r_j is odd, so a wrong word changes
 * the sum whatever the error is, and the coefficients look random, so errors in several words do
 * not cancel by accident. They come from the public stream (purpose CHECK): its block 0 at (round,
 * attempt) gives four words k, and
 *
 *     r_j = (mix((low(j) + high(j) * (k1 | 1)) xor k0) + k2) | 1
 *
 * with low and high the 32-bit halves of j, and `mix` the finaliser "lowbias32" (C. Wellons,
 * hash-prospector, 2018), a bijection of 32-bit words. It is for accidents: whoever chooses errors
 * on purpose can choose some that fit, as he can send another input. Who has made a sum that does
 * not fit, signed hops show (collectives/evidence.h). */
#pragma once

#include "base/philox.h"

struct vain_check_key {
    uint32_t k[4];
};

VAIN_DEVICE_INLINE struct vain_check_key vain_check_key_of(struct vain_random random,
                                                           uint32_t round, uint32_t attempt)
{
    struct vain_check_key key;
    vain_random_block(random, round, attempt, 0, key.k);
    return key;
}

VAIN_DEVICE_INLINE uint32_t vain_mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return x;
}

/* r_j of the word with index j. */
VAIN_DEVICE_INLINE uint32_t vain_check_coefficient(struct vain_check_key key, uint64_t j)
{
    const uint32_t position = (uint32_t)j + (uint32_t)(j >> 32) * (key.k[1] | 1u);
    return (vain_mix(position ^ key.k[0]) + key.k[2]) | 1u;
}

/* A message's tag is a sum modulo 2^64 over its words y_j in blocks of VAIN_TAG_WORDS:
 *
 *     tag = sum over blocks b of f_b * (sum over j of t_j y_(b,j))
 *
 * with 32-bit t_j and 64-bit f_b, all odd. One wrong word y + e changes it whatever e is: t_j e is
 * not 0 and less than 2^64 in size, and an odd f_b keeps that from vanishing. The t_j fit into the
 * first-level cache and a term is one multiply-add, so a tag costs a pass over words that are there
 * already. It finds what broke on the way; against somebody who computes tags too it proves
 * nothing.
 */
enum { VAIN_TAG_WORDS = 1024 };

VAIN_DEVICE_INLINE uint32_t vain_tag_coefficient(uint64_t key, uint32_t j)
{
    return vain_mix((uint32_t)key + vain_mix(j ^ (uint32_t)(key >> 32))) | 1u;
}

VAIN_DEVICE_INLINE uint64_t vain_tag_factor(uint64_t key, uint64_t block)
{
    const uint32_t low = vain_mix((uint32_t)block ^ (uint32_t)key ^ 0x9e3779b9u);
    const uint32_t high = vain_mix((uint32_t)(block >> 32) + (uint32_t)(key >> 32) + low);
    return ((uint64_t)high << 32 | low) | 1u;
}
