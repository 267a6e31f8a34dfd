/* Masks and words on the GPU, as codec.cu and words.cu share them. */
#pragma once

#include "base/chacha.h"
#include "kernels/cuda/range.h"

/* A warp works on groups of 512 words. Making them, thread t has ChaCha20 block t of the group, 16
 * neighbours; memory wants each access of a warp to be 512 bytes in a row: quad q (0 .. 3) of
 * thread t is words 128 q + 4 t and on. The streams' sum goes from one shape to the other through
 * shared memory, whose quads are swizzled so that neither way has bank conflicts. */
enum {
    VAIN_WARP = 32,
    VAIN_GROUP_WORDS = 16 * VAIN_WARP,
    VAIN_WORDS_WARPS = 8, /* of a block of threads */
    VAIN_WORDS_THREADS = VAIN_WARP * VAIN_WORDS_WARPS,
    VAIN_MASKS_MOST = 64 /* masks of one launch; more take more passes */
};

struct vain_mask_key {
    uint32_t key[8];
    uint32_t domain;
    uint32_t sign; /* 1, or 2^32 - 1 to subtract */
};

/* Masks of one launch, a kernel parameter: seeds never lie in device memory that somebody else may
 * be given later. */
struct vain_mask_batch {
    int count;
    struct vain_mask_key masks[VAIN_MASKS_MOST];
};

/* Masks first .. of `masks`, at most VAIN_MASKS_MOST; NULL has none. */
struct vain_mask_batch vain_cuda_mask_batch(const struct vain_masks *masks, int first);

/* Kernels for words whose first is element `first` of the masks' streams: see ops.h, add_masks. */
void vain_cuda_add_masks(struct vain_queue *queue, const struct vain_masks *masks, uint64_t first,
                         int64_t words_count, uint32_t *words);
/* The same with the masks from number `skipped` on. */
void vain_cuda_add_masks_from(struct vain_queue *queue, const struct vain_masks *masks, int skipped,
                              uint64_t first, int64_t words_count, uint32_t *words);
void vain_cuda_check_word(struct vain_queue *queue, int64_t words_count, const uint32_t *words,
                          struct vain_random random, uint32_t round, uint32_t attempt,
                          uint32_t *out);
void vain_cuda_add_words(struct vain_queue *queue, int64_t words_count, const uint32_t *source,
                         uint32_t *target);
void vain_cuda_tag_words(struct vain_queue *queue, int64_t words_count, const uint32_t *words,
                         uint64_t key, uint64_t *out);
void vain_cuda_sum_squares_words(struct vain_queue *queue, int64_t N,
                                 const struct vain_fixed *fixed, int members, const uint32_t *words,
                                 uint64_t out[2]);

/* Sum of the batch's streams over the 16 words that element `element` (a multiple of 16) begins. */
__device__ static inline void vain_sum_streams(const struct vain_mask_batch &batch,
                                               uint64_t element, uint32_t sum[16])
{
#pragma unroll
    for (int j = 0; j < 16; j++)
        sum[j] = 0;
#pragma unroll 1
    for (int m = 0; m < batch.count; m++) {
        uint32_t block[16];
        vain_mask_words(batch.masks[m].key, batch.masks[m].domain, element, block);
#pragma unroll
        for (int j = 0; j < 16; j++)
            sum[j] += batch.masks[m].sign * block[j];
    }
}

/* From a block a thread to quads: on return quads[q] are words 128 q + 4 lane and on of the group.
 * All threads of the warp; `lines` is its own shared memory. */
__device__ static inline void vain_turn_group(const uint32_t sum[16], uint4 *lines, uint4 quads[4])
{
    const int lane = threadIdx.x % VAIN_WARP;
    __syncwarp();
#pragma unroll
    for (int q = 0; q < 4; q++)
        lines[4 * lane + (q ^ (lane >> 1 & 3))] =
            make_uint4(sum[4 * q], sum[4 * q + 1], sum[4 * q + 2], sum[4 * q + 3]);
    __syncwarp();
#pragma unroll
    for (int q = 0; q < 4; q++) {
        const int line = 8 * q + lane / 4;
        quads[q] = lines[4 * line + (lane % 4 ^ (line >> 1 & 3))];
    }
}

/* Sum over a warp; lane 0 has it. */
template <class T> __device__ static inline T vain_warp_sum(T value)
{
    for (int half = VAIN_WARP / 2; half > 0; half /= 2)
        value += __shfl_down_sync(0xffffffffu, value, half);
    return value;
}
