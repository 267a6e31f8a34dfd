/* The GPU's cross entropy and dropout; the table of the pointwise group.
 *
 * Logits are read once and their gradient is written once: a row waits in registers (up to 1024
 * symbols, a warp a row) or in shared memory (a block a row; what does not fit there is read
 * again). Losses of rows are added in double by one block: lane j takes rows j, j + 1024, ..., and
 * lanes are added in pairs, 512 apart first. */
#include "kernels/cuda/dropout.h"
#include "kernels/cuda/pointwise.h"

enum {
    WARP_SYMBOLS = 1024,
    SMALL_SYMBOLS = 8192, /* rows up to here get VAIN_CUDA_THREADS, longer ones LARGE_THREADS */
    LARGE_THREADS = 1024
};

struct entropy {
    int64_t M, V;
    float *logits;
    const int32_t *targets;
    float scale;
    double *losses; /* (M) */
    int64_t cached; /* symbols of a row that fit the shared memory */
};

/* ---- Cross entropy ---- */

static __device__ inline double loss_of(float sum, float target, float maximum)
{
    return (double)(logf(sum) - (target - maximum));
}

/* A warp a row of at most 32 PER symbols. */
template <int PER> static __global__ void entropy_warps(struct entropy e)
{
    const int lane = (int)threadIdx.x % 32;
    const int64_t row = (int64_t)blockIdx.x * VAIN_CUDA_WARPS + threadIdx.x / 32;
    if (row >= e.M)
        return;
    float *logits = e.logits + row * e.V;
    const int32_t target = e.targets[row];
    const float target_logit = logits[target];
    float x[PER], maximum = target_logit, sum = 0;
#pragma unroll
    for (int k = 0; k < PER; k++) {
        x[k] = k * 32 + lane < e.V ? logits[k * 32 + lane] : -INFINITY;
        maximum = fmaxf(maximum, x[k]);
    }
    maximum = vain_cuda_warp_maximum(maximum);
#pragma unroll
    for (int k = 0; k < PER; k++) {
        x[k] = k * 32 + lane < e.V ? expf(x[k] - maximum) : 0.0f;
        sum += x[k];
    }
    sum = vain_cuda_warp_sum(sum);
    if (lane == 0)
        e.losses[row] = loss_of(sum, target_logit, maximum);
    if (e.scale == 0)
        return;
    const float factor = e.scale / sum;
#pragma unroll
    for (int k = 0; k < PER; k++)
        if (k * 32 + lane < e.V)
            logits[k * 32 + lane] = x[k] * factor - (k * 32 + lane == target ? e.scale : 0.0f);
}

/* Sum of exponentials of a row whose first part lies in shared memory, where they replace it. */
static __device__ inline float row_exponentials(const struct entropy &e, const float *logits,
                                                float maximum, float *cache)
{
    float sum = 0;
#pragma unroll 4
    for (int64_t j = threadIdx.x; j < e.cached; j += blockDim.x) {
        const float x = expf(cache[j] - maximum);
        cache[j] = x;
        sum += x;
    }
    for (int64_t j = e.cached + threadIdx.x; j < e.V; j += blockDim.x)
        sum += expf(logits[j] - maximum);
    return sum;
}

/* A block a row. Every thread meets the same elements in each pass, so the cache needs no barrier.
 */
static __global__ void __launch_bounds__(LARGE_THREADS) entropy_blocks(struct entropy e)
{
    extern __shared__ float cache[];
    __shared__ float room[32];
    const int64_t row = blockIdx.x;
    float *logits = e.logits + row * e.V;
    const int32_t target = e.targets[row];
    const float target_logit = logits[target];
    float maximum = target_logit;
#pragma unroll 8
    for (int64_t j = threadIdx.x; j < e.cached; j += blockDim.x) {
        const float x = logits[j];
        cache[j] = x;
        maximum = fmaxf(maximum, x);
    }
    for (int64_t j = e.cached + threadIdx.x; j < e.V; j += blockDim.x)
        maximum = fmaxf(maximum, logits[j]);
    maximum = vain_cuda_block_maximum(maximum, room);
    const float sum = vain_cuda_block_sum(row_exponentials(e, logits, maximum, cache), room);
    if (threadIdx.x == 0)
        e.losses[row] = loss_of(sum, target_logit, maximum);
    if (e.scale == 0)
        return;
    const float factor = e.scale / sum;
#pragma unroll 4
    for (int64_t j = threadIdx.x; j < e.cached; j += blockDim.x)
        logits[j] = cache[j] * factor - (j == target ? e.scale : 0.0f);
    for (int64_t j = e.cached + threadIdx.x; j < e.V; j += blockDim.x)
        logits[j] = expf(logits[j] - maximum) * factor - (j == target ? e.scale : 0.0f);
}

static __global__ void __launch_bounds__(LARGE_THREADS)
    add_losses(int64_t M, const double *losses, double *out)
{
    __shared__ double lanes[LARGE_THREADS];
    double sum = 0;
    for (int64_t m = threadIdx.x; m < M; m += LARGE_THREADS)
        sum += losses[m];
    lanes[threadIdx.x] = sum;
    for (unsigned half = LARGE_THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half)
            lanes[threadIdx.x] += lanes[threadIdx.x + half];
    }
    if (threadIdx.x == 0)
        *out = lanes[0];
}

static void queue_entropy_blocks(struct vain_queue *queue, struct entropy e)
{
    int most = 0;
    cudaFuncAttributes attributes;
    cudaStream_t stream = vain_cuda_stream(queue);
    const unsigned threads =
        (unsigned)(e.V <= SMALL_SYMBOLS ? (int)VAIN_CUDA_THREADS : (int)LARGE_THREADS);
    if (!VAIN_CUDA_CHECK(queue,
                         cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin,
                                                queue->device->cuda->index)) ||
        !VAIN_CUDA_CHECK(queue, cudaFuncGetAttributes(&attributes, entropy_blocks)))
        return;
    most -= (int)attributes.sharedSizeBytes;
    const int64_t fit = most / (int64_t)sizeof(float);
    e.cached = e.V < fit ? e.V : fit;
    if (!VAIN_CUDA_CHECK(queue,
                         cudaFuncSetAttribute(entropy_blocks,
                                              cudaFuncAttributeMaxDynamicSharedMemorySize, most)))
        return;
    entropy_blocks<<<(unsigned)e.M, threads, (size_t)e.cached * sizeof(float), stream>>>(e);
}

static void cross_entropy(struct vain_queue *queue, int64_t M, int64_t V, float *logits,
                          const int32_t *targets, float scale, double *loss_sum)
{
    *loss_sum = 0;
    if (M == 0)
        return;
    cudaStream_t stream = vain_cuda_stream(queue);
    double *losses = (double *)vain_cuda_scratch(queue, (size_t)(M + 1) * sizeof(double));
    if (losses == NULL)
        return;
    const struct entropy e = {M, V, logits, targets, scale, losses, 0};
    const unsigned warps = (unsigned)vain_cuda_parts_of(M, VAIN_CUDA_WARPS);
    if (V <= 128)
        entropy_warps<4><<<warps, VAIN_CUDA_THREADS, 0, stream>>>(e);
    else if (V <= WARP_SYMBOLS)
        entropy_warps<32><<<warps, VAIN_CUDA_THREADS, 0, stream>>>(e);
    else
        queue_entropy_blocks(queue, e);
    VAIN_CUDA_CHECK_LAUNCH(queue, "cross_entropy");
    add_losses<<<1, LARGE_THREADS, 0, stream>>>(M, losses, losses + M);
    VAIN_CUDA_CHECK_LAUNCH(queue, "sum of losses");
    vain_cuda_deliver(queue, losses + M, loss_sum, sizeof *loss_sum);
}

/* ---- Dropout ---- */

/* A thread takes the elements of one block of the stream: at most four. */
static __global__ void drop(int64_t N, struct vain_cuda_dropout dropout, bool fours,
                            float *d_output)
{
    const int64_t skipped = (int64_t)(dropout.index_base % 4), parts = (N + skipped + 3) / 4;
    const int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < parts; i += step) {
        const int64_t first = i * 4 - skipped;
        uint32_t words[4];
        vain_random_block(dropout.random, dropout.round, dropout.step,
                          (dropout.index_base - (uint64_t)skipped) / 4 + (uint64_t)i, words);
        float factors[4];
#pragma unroll
        for (int j = 0; j < 4; j++)
            factors[j] = words[j] >= dropout.threshold ? dropout.kept : 0.0f;
        if (fours && first + 4 <= N) {
            float4 *x = (float4 *)(d_output + first);
            *x = make_float4(x->x * factors[0], x->y * factors[1], x->z * factors[2],
                             x->w * factors[3]);
            continue;
        }
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (first + j >= 0 && first + j < N)
                d_output[first + j] *= factors[j];
    }
}

static void dropout_gradient(struct vain_queue *queue, int64_t N,
                             const struct vain_dropout *dropout, float *d_output)
{
    const struct vain_cuda_dropout d = vain_cuda_dropout_of(dropout);
    if (N == 0 || !d.drops)
        return;
    const bool fours = d.index_base % 4 == 0 && (uintptr_t)d_output % 16 == 0;
    drop<<<vain_cuda_grid(vain_cuda_parts_of(N + 3, 4 * VAIN_CUDA_THREADS), 1 << 20),
           VAIN_CUDA_THREADS, 0, vain_cuda_stream(queue)>>>(N, d, fours, d_output);
    VAIN_CUDA_CHECK_LAUNCH(queue, "dropout_gradient");
}

const struct vain_pointwise_ops vain_cuda_pointwise = {
    .embed = vain_cuda_embed,
    .embed_gradient = vain_cuda_embed_gradient,
    .layer_norm = vain_cuda_layer_norm,
    .layer_norm_gradient = vain_cuda_layer_norm_gradient,
    .cross_entropy = cross_entropy,
    .dropout_gradient = dropout_gradient,
};
