/* The instructions that attention needs of sm_80 and later, one function each: asynchronous copies
 * into shared memory, 8 x 8 matrices out of it, and the bf16 product of the matrix units. (PTX ISA:
 * cp.async, ldmatrix, mma.sync.m16n8k16.)
 *
 * Of a 16 x 8 result, lane l has row l / 4 in elements 0 and 1, columns l % 4 * 2 and the next, and
 * the same of row l / 4 + 8 in 2 and 3. Two such results side by side, rounded, are the 16 x 16
 * left factor of a next product: that is how probabilities never leave the registers. */
#pragma once

#include <cuda_bf16.h>
#include <stdint.h>

static __device__ inline uint32_t vain_cuda_shared_address(const void *shared)
{
    return (uint32_t)__cvta_generic_to_shared(shared);
}

/* 16 bytes into shared memory, zeros if they are not `there`; done after a wait. */
static __device__ inline void vain_cuda_copy_async(void *shared, const void *global, bool there)
{
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(vain_cuda_shared_address(shared)),
        "l"(global), "r"(there ? 16 : 0)
        : "memory");
}

static __device__ inline void vain_cuda_copy_commit(void)
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Wait until at most `pending` of this thread's committed groups are under way. */
template <int pending> static __device__ inline void vain_cuda_copy_wait(void)
{
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

/* Four 8 x 8 matrices; lane l gives the address of row l % 8 of matrix l / 8 (16 bytes). */
static __device__ inline void vain_cuda_load_matrices(const void *row, uint32_t out[4])
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(vain_cuda_shared_address(row))
                 : "memory");
}

/* The same, each matrix transposed. */
static __device__ inline void vain_cuda_load_transposed(const void *row, uint32_t out[4])
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(vain_cuda_shared_address(row))
                 : "memory");
}

/* sum (16, 8) += A (16, 16) B (16, 8). */
static __device__ inline void vain_cuda_multiply_add(const uint32_t A[4], const uint32_t B[2],
                                                     float sum[4])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
                 "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(A[0]), "r"(A[1]), "r"(A[2]), "r"(A[3]), "r"(B[0]), "r"(B[1]));
}

/* Two floats rounded to bf16, `low` in the low half. */
static __device__ inline uint32_t vain_cuda_round_pair(float low, float high)
{
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

/* 2^x by the special function unit: two units of the last place, 0 for results below 2^-126. */
static __device__ inline float vain_cuda_power_of_two(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
