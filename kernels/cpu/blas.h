/* The matrix product: single-threaded sgemm of OpenBLAS, called from many threads at once.
 *
 * The library is opened when the first device is, not linked: it decides while it is loaded which processor it runs on
 * and how many threads it starts, and only its environment variables have a say in that. Left alone, Debian's release
 * takes processors that are younger than itself for a Prescott. A choice that the user made in the environment
 * (OPENBLAS_CORETYPE) stands. */
#pragma once

#include "base/status.h"

/* Open the library once a process; later calls do nothing. Call before threads start (it sets environment variables).
 * VAIN_ERR_UNAVAILABLE if it is not installed. */
enum vain_status vain_blas_open(void) VAIN_MUST_USE;
/* The core that it computes for, such as "SkylakeX"; borrowed. */
const char *vain_blas_core(void);

/* Row-major matrices with strides in elements; C = alpha op(A) op(B) + beta C, C (M, N), inner length K.
 * _nt: A (M, K), B (N, K).  _nn: A (M, K), B (K, N).  _tn: A (K, M), B (K, N). */
struct vain_product {
    int64_t M, N, K;
    float alpha;
    const float *A;
    int64_t A_stride;
    const float *B;
    int64_t B_stride;
    float beta;
    float *C;
    int64_t C_stride;
};
void vain_blas_nt(const struct vain_product *product);
void vain_blas_nn(const struct vain_product *product);
void vain_blas_tn(const struct vain_product *product);
