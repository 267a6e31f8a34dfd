/* What the files of the pointwise group share: sums and maxima over a group of lanes, and the
 * functions that pointwise.cu puts into the table. */
#pragma once

#include "kernels/cuda/cuda.h"

enum { VAIN_CUDA_THREADS = 256, VAIN_CUDA_WARPS = VAIN_CUDA_THREADS / 32 };

/* The sum over a warp, the same in every lane: pairs 16 apart first. */
static __device__ inline float vain_cuda_warp_sum(float x)
{
    for (int apart = 16; apart > 0; apart /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, apart);
    return x;
}

static __device__ inline float vain_cuda_warp_maximum(float x)
{
    for (int apart = 16; apart > 0; apart /= 2)
        x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, apart));
    return x;
}

/* Over a block of at most 1024 threads, the same in every thread; `room` is shared and may be used
 * again at once. All threads call it. */
static __device__ inline float vain_cuda_block_sum(float x, float room[32])
{
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    const int warps = (int)blockDim.x / 32;
    x = vain_cuda_warp_sum(x);
    if (lane == 0)
        room[warp] = x;
    __syncthreads();
    x = vain_cuda_warp_sum(lane < warps ? room[lane] : 0.0f);
    __syncthreads();
    return x;
}

static __device__ inline float vain_cuda_block_maximum(float x, float room[32])
{
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    const int warps = (int)blockDim.x / 32;
    x = vain_cuda_warp_maximum(x);
    if (lane == 0)
        room[warp] = x;
    __syncthreads();
    x = vain_cuda_warp_maximum(room[lane < warps ? lane : 0]);
    __syncthreads();
    return x;
}

/* Whether four floats may be moved at once from every multiple of `columns`. */
static inline bool vain_cuda_fours(int64_t columns, const void *pointer)
{
    return columns % 4 == 0 && (uintptr_t)pointer % 16 == 0;
}

/* Contracts in kernels/ops.h. */
void vain_cuda_embed(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                     const int32_t *tokens, const float *token_table, const float *position_table,
                     const struct vain_dropout *dropout, float *output);
void vain_cuda_embed_gradient(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                              const int32_t *tokens, const float *d_output,
                              const struct vain_dropout *dropout, float *d_token_table,
                              float *d_position_table);
void vain_cuda_layer_norm(struct vain_queue *queue, int64_t M, int64_t C, const float *input,
                          const float *gain, const float *shift, float *output, float *mean,
                          float *reciprocal_deviation);
void vain_cuda_layer_norm_gradient(struct vain_queue *queue, int64_t M, int64_t C,
                                   const float *input, const float *gain, const float *mean,
                                   const float *reciprocal_deviation, const float *d_output,
                                   const float *residual_gradient, float *d_input, float *d_gain,
                                   float *d_shift);
