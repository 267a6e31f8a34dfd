/* Dropout on the device: the same words of the same stream as on the CPU (kernels/ops.h), four
 * elements at a time, because a block of the stream holds four words. */
#pragma once

#include "kernels/ops.h"

/* A dropout as kernels take it. */
struct vain_cuda_dropout {
    struct vain_random random;
    uint32_t round, step;
    uint64_t index_base;
    uint32_t threshold; /* words below it are dropped */
    float kept;         /* factor of the others */
    bool drops;
};

/* `dropout` may be NULL: none. */
static inline struct vain_cuda_dropout vain_cuda_dropout_of(const struct vain_dropout *dropout)
{
    struct vain_cuda_dropout out = {};
    if (dropout == NULL || !(dropout->probability > 0))
        return out;
    out.random = dropout->random;
    out.round = dropout->round;
    out.step = dropout->step;
    out.index_base = dropout->index_base;
    out.threshold = (uint32_t)((double)dropout->probability * 4294967296.0);
    out.kept = 1.0f / (1.0f - dropout->probability);
    out.drops = true;
    return out;
}

/* Factors of elements `first` to first + 3: one block of the stream, or two where they straddle. */
static __device__ inline void vain_cuda_dropout_factors(const struct vain_cuda_dropout &dropout,
                                                        uint64_t first, float factors[4])
{
    const uint64_t word = dropout.index_base + first;
    const uint32_t skipped = (uint32_t)(word % 4);
    uint32_t low[4], high[4] = {0, 0, 0, 0};
    vain_random_block(dropout.random, dropout.round, dropout.step, word / 4, low);
    if (skipped != 0)
        vain_random_block(dropout.random, dropout.round, dropout.step, word / 4 + 1, high);
#pragma unroll
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t at = skipped + i; /* chosen without an index that registers cannot take */
        const uint32_t from_low = at == 0 ? low[0] : at == 1 ? low[1] : at == 2 ? low[2] : low[3];
        const uint32_t from_high = at == 4 ? high[0] : at == 5 ? high[1] : high[2];
        factors[i] = (at < 4 ? from_low : from_high) >= dropout.threshold ? dropout.kept : 0.0f;
    }
}
