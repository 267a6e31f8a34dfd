/* Public randomness: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011).
 *
 * A stream is named by (seed, purpose, member name) and read at (round, step, index), so any
 * element can be computed anywhere, in any order, on any device: initial values, data order,
 * dropout, rounding. Never for keys or masks. The block function stands in this header because gcc
 * and nvcc both compile it. */
#pragma once

#include <stdint.h>

#if defined(__CUDACC__)
#define VAIN_DEVICE_INLINE static __host__ __device__ inline
#else
#define VAIN_DEVICE_INLINE static inline
#endif

/* What a stream is for; part of its key, so streams of different purposes never meet. */
enum vain_purpose {
    VAIN_PURPOSE_INITIAL = 1,  /* initial parameters; the name is "" so that all members agree */
    VAIN_PURPOSE_DATA = 2,     /* order of training examples */
    VAIN_PURPOSE_DROPOUT = 3,  /* which activations are dropped */
    VAIN_PURPOSE_ROUNDING = 4, /* stochastic rounding */
    VAIN_PURPOSE_CHECK = 5,    /* coefficients of the check word; agreed */
    VAIN_PURPOSE_SAMPLE = 6,   /* generated text */
    VAIN_PURPOSE_CLIENTS = 7,  /* who trains in a round of federated averaging */
    VAIN_PURPOSE_BREEDING = 8, /* parents, cuts and seeds of a population; agreed */
    VAIN_PURPOSE_MUTATION = 9, /* what the seed of a mutation stands for; agreed */
    VAIN_PURPOSE_ORDER = 10,   /* order of the examples within a task */
    VAIN_PURPOSE_MEMORY = 16   /* what agents remember and replay; the order of a stream of tasks */
};

struct vain_random {
    uint32_t key[2];
};

/* The stream of (seed, purpose, name): key = first 8 bytes of BLAKE2b of the three. Defined in
 * base/crypto.c. */
struct vain_random vain_random_stream(uint64_t seed, enum vain_purpose purpose, const char *name);

/* One block: 128 random bits for (round, step, index). */
VAIN_DEVICE_INLINE void vain_random_block(struct vain_random random, uint32_t round, uint32_t step,
                                          uint64_t index, uint32_t out[4])
{
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = step, c3 = round;
    uint32_t k0 = random.key[0], k1 = random.key[1];
    for (int i = 0; i < 10; i++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Uniform in [0, 1) with 24 bits: exact in binary32, so equal on every device. */
VAIN_DEVICE_INLINE float vain_random_unit(uint32_t word)
{
    return (float)(word >> 8) * (1.0f / 16777216.0f);
}
