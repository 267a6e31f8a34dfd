/* The GPU's causal attention: who takes which head, and heads too wide for tiles.
 *
 * bf16 precision goes to the matrix units (attention_matrix.cu), float32 and tf32 to plain float32
 * arithmetic (attention_float.cu). Heads of more than 128 channels, which nobody trains but the
 * contract allows, take a block a row and a block-wide sum a score: right, and slow.
 *
 * Letters: B sequences, T tokens, C channels, H heads, D = C / H channels of a head. */
#include "kernels/cuda/attention.h"
#include "kernels/cuda/pointwise.h"

/* ---- Wide heads ---- */

/* The sum over d of a[d] b[d], the same in every thread of the block. */
static __device__ inline float block_dot(int64_t D, const float *a, const float *b, float *room)
{
    float sum = 0;
    for (int64_t d = threadIdx.x; d < D; d += blockDim.x)
        sum = fmaf(a[d], b[d], sum);
    return vain_cuda_block_sum(sum, room);
}

/* A block a query. Its output grows in memory; each thread meets only its own channels there. */
static __global__ void wide_queries(struct vain_attention a, float scale)
{
    __shared__ float room[32];
    const int64_t index = blockIdx.x / a.T, t = blockIdx.x % a.T, D = a.C / a.H, wide = 3 * a.C;
    const float *rows = a.query_key_value + vain_cuda_head_offset(index, a.T, a.C, a.H, 3);
    float *output = a.output + vain_cuda_head_offset(index, a.T, a.C, a.H, 1) + t * a.C;
    float maximum = -INFINITY, total = 0;
    for (int64_t key = 0; key <= t; key++) {
        const float *k = rows + key * wide + a.C, *v = k + a.C;
        const float score = scale * block_dot(D, rows + t * wide, k, room);
        const float most = fmaxf(maximum, score);
        const float rescaled = expf(maximum - most), weight = expf(score - most);
        for (int64_t d = threadIdx.x; d < D; d += blockDim.x)
            output[d] = fmaf(weight, v[d], key > 0 ? output[d] * rescaled : 0.0f);
        total = fmaf(total, rescaled, weight);
        maximum = most;
    }
    for (int64_t d = threadIdx.x; d < D; d += blockDim.x)
        output[d] /= total;
    if (threadIdx.x == 0)
        a.log_sum[blockIdx.x] = maximum + logf(total);
}

/* What is known of one query and one key on the way back. */
struct wide_pair {
    float weight, d_score;
};

static __device__ inline struct wide_pair pair_of(const struct vain_attention_gradient &a,
                                                  int64_t index, int64_t query, int64_t key,
                                                  float scale, float *room)
{
    const int64_t D = a.C / a.H, wide = 3 * a.C;
    const float *rows = a.query_key_value + vain_cuda_head_offset(index, a.T, a.C, a.H, 3);
    const int64_t narrow = vain_cuda_head_offset(index, a.T, a.C, a.H, 1) + query * a.C;
    const float *k = rows + key * wide + a.C, *d_output = a.d_output + narrow;
    const float score = scale * block_dot(D, rows + query * wide, k, room);
    const float d_weight = block_dot(D, d_output, k + a.C, room);
    const float dot = block_dot(D, d_output, a.output + narrow, room);
    const float weight = expf(score - a.log_sum[index * a.T + query]);
    return {weight, scale * (weight * (d_weight - dot))};
}

/* A block a row, first as a query, then as a key. */
static __global__ void wide_gradient(struct vain_attention_gradient a, float scale)
{
    __shared__ float room[32];
    const int64_t index = blockIdx.x / a.T, t = blockIdx.x % a.T, D = a.C / a.H, wide = 3 * a.C;
    const int64_t at = vain_cuda_head_offset(index, a.T, a.C, a.H, 3);
    const float *rows = a.query_key_value + at;
    const float *d_output = a.d_output + vain_cuda_head_offset(index, a.T, a.C, a.H, 1);
    float *d_query = a.d_query_key_value + at + t * wide, *d_key = d_query + a.C,
          *d_value = d_key + a.C;
    for (int64_t key = 0; key <= t; key++) {
        const struct wide_pair pair = pair_of(a, index, t, key, scale, room);
        for (int64_t d = threadIdx.x; d < D; d += blockDim.x)
            d_query[d] =
                fmaf(pair.d_score, rows[key * wide + a.C + d], key > 0 ? d_query[d] : 0.0f);
    }
    for (int64_t query = t; query < a.T; query++) {
        const struct wide_pair pair = pair_of(a, index, query, t, scale, room);
        for (int64_t d = threadIdx.x; d < D; d += blockDim.x) {
            d_key[d] = fmaf(pair.d_score, rows[query * wide + d], query > t ? d_key[d] : 0.0f);
            d_value[d] =
                fmaf(pair.weight, d_output[query * a.C + d], query > t ? d_value[d] : 0.0f);
        }
    }
}

/* ---- The table ---- */

static bool is_wide(int64_t C, int64_t H)
{
    return C / H > VAIN_CUDA_HEAD_MOST;
}

static void causal(struct vain_queue *queue, const struct vain_attention *a)
{
    VAIN_ASSERT(a->C % a->H == 0);
    if (a->B * a->T == 0)
        return;
    if (is_wide(a->C, a->H)) {
        wide_queries<<<(unsigned)(a->B * a->H * a->T), VAIN_CUDA_THREADS, 0,
                       vain_cuda_stream(queue)>>>(*a, 1.0f / sqrtf((float)(a->C / a->H)));
        VAIN_CUDA_CHECK_LAUNCH(queue, "attention of wide heads");
    } else if (queue->device->cuda->precision == VAIN_PRECISION_BF16) {
        vain_cuda_attention_matrix(queue, a);
    } else {
        vain_cuda_attention_float(queue, a);
    }
}

static void causal_gradient(struct vain_queue *queue, const struct vain_attention_gradient *a)
{
    VAIN_ASSERT(a->C % a->H == 0);
    if (a->B * a->T == 0)
        return;
    if (is_wide(a->C, a->H)) {
        wide_gradient<<<(unsigned)(a->B * a->H * a->T), VAIN_CUDA_THREADS, 0,
                        vain_cuda_stream(queue)>>>(*a, 1.0f / sqrtf((float)(a->C / a->H)));
        VAIN_CUDA_CHECK_LAUNCH(queue, "attention's gradient of wide heads");
    } else if (queue->device->cuda->precision == VAIN_PRECISION_BF16) {
        vain_cuda_attention_matrix_gradient(queue, a);
    } else {
        float *dots =
            (float *)vain_cuda_scratch(queue, (size_t)(a->B * a->H * a->T) * sizeof(float));
        if (dots != NULL)
            vain_cuda_attention_float_gradient(queue, a, dots);
    }
}

const struct vain_attention_ops vain_cuda_attention = {
    .causal = causal,
    .causal_gradient = causal_gradient,
};
