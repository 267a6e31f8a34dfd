/* One matrix product by cuBLASLt, in row-major words. */
#pragma once

#include <cublasLt.h>

#include "kernels/cuda/cuda.h"

/* D (rows, columns) = A B + beta C, row-major; C has D's shape and stride. */
struct vain_cuda_product {
    int64_t rows, columns, depth;
    const void *A;                        /* (rows, depth), or its transpose */
    const void *B;                        /* (depth, columns), or its transpose */
    int64_t A_stride, B_stride, D_stride; /* between stored rows */
    bool A_transposed, B_transposed;
    bool bf16; /* A and B, else float32 */
    float beta;
    const float *C; /* D itself if beta is 0 */
    float *D;
    uint32_t epilogue; /* cublasLtEpilogue_t */
    const float *bias; /* (columns) or NULL */
    float *aux;        /* as D, or NULL */
};

/* Queue a product; false if the library has no algorithm for it as it stands. Which algorithm a
 * shape gets is asked once and kept, so equal calls give equal bits. Schemes that split a sum add
 * its parts in a fixed order (no atomics). */
bool vain_cuda_multiply(struct vain_queue *queue, const struct vain_cuda_product *product);
