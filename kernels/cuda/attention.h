/* What the attention files share: where a head's rows lie, and which kernels take which heads. */
#pragma once

#include "kernels/cuda/cuda.h"

static __host__ __device__ inline int64_t vain_cuda_smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Offset of a head's first query in (B, T, 3 C), and in (B, T, C) with parts = 1. */
static __device__ inline int64_t vain_cuda_head_offset(int64_t index, int64_t T, int64_t C,
                                                       int64_t H, int64_t parts)
{
    return index / H * T * parts * C + index % H * (C / H);
}

/* The widest head of the matrix units' kernels and of the tiled float32 ones; wider ones go through
 * plain kernels. */
enum { VAIN_CUDA_HEAD_MOST = 128 };

/* float32 kernels (attention_float.cu): exact up to rounding. `dots` (B, H, T) is scratch. */
void vain_cuda_attention_float(struct vain_queue *queue, const struct vain_attention *attention);
void vain_cuda_attention_float_gradient(struct vain_queue *queue,
                                        const struct vain_attention_gradient *gradient,
                                        float *dots);
/* bf16 on the matrix units (attention_matrix.cu); they take their own scratch. */
void vain_cuda_attention_matrix(struct vain_queue *queue, const struct vain_attention *attention);
void vain_cuda_attention_matrix_gradient(struct vain_queue *queue,
                                         const struct vain_attention_gradient *gradient);
