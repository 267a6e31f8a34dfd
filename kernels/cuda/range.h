/* Ops over elements that know nothing of each other: one thread does four neighbours with 16-byte
 * accesses, where all pointers allow it, or one.
 *
 * An op is a struct with quad(i), for elements 4 i .. 4 i + 3, and one(e). A thread has one quad:
 * at full occupancy the loads under way cover the memory's latency several times, so nothing is
 * unrolled. */
#pragma once

#include "kernels/cuda/cuda.h"

enum { VAIN_CUDA_RANGE_THREADS = 256 };

static inline bool vain_cuda_aligned(const void *pointer)
{
    return ((uintptr_t)pointer & 15) == 0;
}

template <class Op> __global__ void vain_cuda_range_kernel(const Op op, int64_t quads, int64_t N)
{
    const int64_t i = (int64_t)blockIdx.x * VAIN_CUDA_RANGE_THREADS + threadIdx.x;
    if (i < quads)
        op.quad(i);
    else if (i + 3 * quads < N)
        op.one(i + 3 * quads);
}

/* `aligned`: all pointers of the op are multiples of 16 bytes. */
template <class Op>
static void vain_cuda_range(const struct vain_queue *queue, const Op &op, int64_t N, bool aligned,
                            const char *name)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    const int64_t quads = aligned ? N / 4 : 0;
    const int64_t blocks = vain_cuda_parts_of(N - 3 * quads, VAIN_CUDA_RANGE_THREADS);
    if (N <= 0)
        return;
    vain_cuda_range_kernel<<<vain_cuda_grid(blocks, INT32_MAX), VAIN_CUDA_RANGE_THREADS, 0,
                             stream>>>(op, quads, N);
    VAIN_CUDA_CHECK_LAUNCH(queue, name);
}

__device__ static inline float4 vain_load4(const float *source, int64_t quad)
{
    return reinterpret_cast<const float4 *>(source)[quad];
}

__device__ static inline uint4 vain_load4(const uint32_t *source, int64_t quad)
{
    return reinterpret_cast<const uint4 *>(source)[quad];
}

__device__ static inline void vain_store4(float *target, int64_t quad, float4 value)
{
    reinterpret_cast<float4 *>(target)[quad] = value;
}

__device__ static inline void vain_store4(uint32_t *target, int64_t quad, uint4 value)
{
    reinterpret_cast<uint4 *>(target)[quad] = value;
}
