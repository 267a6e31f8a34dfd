/* Causal attention in float32 without matrix units: what `precision: float32` and `tf32` use, and
 * what the matrix units' kernels are compared with.
 *
 * Tiles after Dao et al., FlashAttention, 2022: a block keeps a tile of rows, streams tiles of the
 * other side through shared memory, and never writes scores to memory. Backwards there are two
 * passes over the scores, one that owns keys and one that owns queries, so every sum has an owner
 * and an order and nothing is added atomically.
 *
 * 256 threads are 16 x 16: thread (y, x) has rows y R / 16 .. of the tile, and columns x, x + 16,
 * ... of scores and outputs. Sixteen threads of a row are half a warp.
 *
 * Letters: B sequences, T tokens, C channels, H heads, D = C / H channels of a head, padded to
 * DP. */
#include "kernels/cuda/attention.h"
#include "kernels/cuda/pointwise.h"

enum {
    FORWARD_ROWS = 64, /* of the tile that a block keeps */
    LANES = 16,        /* threads of a row */
    STREAMED = 32,     /* rows of a streamed tile */
    PAD = 4            /* floats after a row, against bank conflicts */
};

/* Rows of the tile that a block keeps backwards; forwards FORWARD_ROWS. */
template <int DP> static constexpr int backward_rows = DP > 64 ? 32 : 64;

/* tile (ROWS, DP + PAD) = rows first .. of source (T, D), zeros outside. */
template <int DP, int ROWS>
static __device__ inline void load_tile(const float *source, int64_t stride, int64_t first,
                                        int64_t T, int D, float *tile)
{
    for (int i = (int)threadIdx.x; i < ROWS * DP; i += VAIN_CUDA_THREADS) {
        const int row = i / DP, d = i % DP;
        const bool there = first + row < T && d < D;
        tile[row * (DP + PAD) + d] = there ? source[(first + row) * stride + d] : 0;
    }
}

/* products (RP, STREAMED / 16) = rows of X times rows of Y. */
template <int DP, int RP>
static __device__ inline void multiply_rows(const float *X, const float *Y,
                                            float products[RP][STREAMED / LANES])
{
    const int y = (int)threadIdx.x / LANES, x = (int)threadIdx.x % LANES;
#pragma unroll
    for (int i = 0; i < RP; i++)
#pragma unroll
        for (int j = 0; j < STREAMED / LANES; j++)
            products[i][j] = 0;
#pragma unroll 4
    for (int d = 0; d < DP; d += 4) {
        float4 b[STREAMED / LANES];
#pragma unroll
        for (int j = 0; j < STREAMED / LANES; j++)
            b[j] = *(const float4 *)(Y + (x + LANES * j) * (DP + PAD) + d);
#pragma unroll
        for (int i = 0; i < RP; i++) {
            const float4 a = *(const float4 *)(X + (y * RP + i) * (DP + PAD) + d);
#pragma unroll
            for (int j = 0; j < STREAMED / LANES; j++)
                products[i][j] =
                    fmaf(a.w, b[j].w,
                         fmaf(a.z, b[j].z, fmaf(a.y, b[j].y, fmaf(a.x, b[j].x, products[i][j]))));
        }
    }
}

/* sums (RP, DP / 16) += weights (rows, STREAMED + PAD) Y (STREAMED, DP + PAD). */
template <int DP, int RP>
static __device__ inline void add_weighted(const float *weights, const float *Y,
                                           float sums[RP][DP / LANES])
{
    const int y = (int)threadIdx.x / LANES, x = (int)threadIdx.x % LANES;
#pragma unroll 4
    for (int n = 0; n < STREAMED; n++) {
        float w[RP];
#pragma unroll
        for (int i = 0; i < RP; i++)
            w[i] = weights[(y * RP + i) * (STREAMED + PAD) + n];
#pragma unroll
        for (int j = 0; j < DP / LANES; j++) {
            const float v = Y[n * (DP + PAD) + x + LANES * j];
#pragma unroll
            for (int i = 0; i < RP; i++)
                sums[i][j] = fmaf(w[i], v, sums[i][j]);
        }
    }
}

/* Rows of the block's tile, scaled, to `target` (T, D). */
template <int DP, int RP>
static __device__ inline void store_rows(const float sums[RP][DP / LANES], const float factors[RP],
                                         int64_t first, int64_t T, int D, int64_t stride,
                                         float *target)
{
    const int y = (int)threadIdx.x / LANES, x = (int)threadIdx.x % LANES;
#pragma unroll
    for (int i = 0; i < RP; i++) {
        const int64_t row = first + y * RP + i;
#pragma unroll
        for (int j = 0; j < DP / LANES; j++)
            if (row < T && x + LANES * j < D)
                target[row * stride + x + LANES * j] = sums[i][j] * factors[i];
    }
}

/* Sum and maximum over the sixteen threads of a row. */
static __device__ inline float lanes_sum(float value)
{
    for (int apart = LANES / 2; apart > 0; apart /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, apart);
    return value;
}

static __device__ inline float lanes_maximum(float value)
{
    for (int apart = LANES / 2; apart > 0; apart /= 2)
        value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, apart));
    return value;
}

/* ---- Forwards ---- */

/* Take the scores of a tile into a row's maximum and sum; they become weights. Returns what older
 * sums are multiplied by. */
static __device__ inline float take_scores(float scores[STREAMED / LANES], float *maximum,
                                           float *sum)
{
    float most = scores[0], added = 0;
#pragma unroll
    for (int j = 1; j < STREAMED / LANES; j++)
        most = fmaxf(most, scores[j]);
    most = fmaxf(*maximum, lanes_maximum(most));
    const float rescaled = expf(*maximum - most);
#pragma unroll
    for (int j = 0; j < STREAMED / LANES; j++) {
        scores[j] = expf(scores[j] - most);
        added += scores[j];
    }
    *sum = fmaf(*sum, rescaled, lanes_sum(added));
    *maximum = most;
    return rescaled;
}

template <int DP>
static __global__ void __launch_bounds__(VAIN_CUDA_THREADS, 2)
    forward_tiles(struct vain_attention a, float scale)
{
    constexpr int R = FORWARD_ROWS, RP = R / LANES;
    extern __shared__ float4 room4[];
    float *query = (float *)room4, *key = query + R * (DP + PAD),
          *value = key + STREAMED * (DP + PAD), *weights = value + STREAMED * (DP + PAD);
    const int64_t tiles = (a.T + R - 1) / R, index = blockIdx.x / tiles;
    const int64_t first = (tiles - 1 - blockIdx.x % tiles) * R; /* long rows first */
    const int D = (int)(a.C / a.H), y = (int)threadIdx.x / LANES, x = (int)threadIdx.x % LANES;
    const float *rows = a.query_key_value + vain_cuda_head_offset(index, a.T, a.C, a.H, 3);
    float sums[RP][DP / LANES] = {}, maxima[RP], totals[RP] = {}, factors[RP];
    for (int i = 0; i < RP; i++)
        maxima[i] = -INFINITY;
    load_tile<DP, R>(rows, 3 * a.C, first, a.T, D, query);
    for (int64_t seen = 0; seen < first + R && seen < a.T; seen += STREAMED) {
        float scores[RP][STREAMED / LANES];
        __syncthreads();
        load_tile<DP, STREAMED>(rows + a.C, 3 * a.C, seen, a.T, D, key);
        load_tile<DP, STREAMED>(rows + 2 * a.C, 3 * a.C, seen, a.T, D, value);
        __syncthreads();
        multiply_rows<DP, RP>(query, key, scores);
#pragma unroll
        for (int i = 0; i < RP; i++) {
#pragma unroll
            for (int j = 0; j < STREAMED / LANES; j++)
                scores[i][j] =
                    seen + x + LANES * j <= first + y * RP + i ? scores[i][j] * scale : -INFINITY;
            const float rescaled = take_scores(scores[i], &maxima[i], &totals[i]);
#pragma unroll
            for (int j = 0; j < STREAMED / LANES; j++)
                weights[(y * RP + i) * (STREAMED + PAD) + x + LANES * j] = scores[i][j];
#pragma unroll
            for (int j = 0; j < DP / LANES; j++)
                sums[i][j] *= rescaled;
        }
        __syncwarp(); /* a row's weights are read by those who wrote them */
        add_weighted<DP, RP>(weights, value, sums);
    }
#pragma unroll
    for (int i = 0; i < RP; i++) {
        const int64_t row = first + y * RP + i;
        factors[i] = 1.0f / totals[i];
        if (x == 0 && row < a.T)
            a.log_sum[index * a.T + row] = maxima[i] + logf(totals[i]);
    }
    store_rows<DP, RP>(sums, factors, first, a.T, D, a.C,
                       a.output + vain_cuda_head_offset(index, a.T, a.C, a.H, 1));
}

template <int DP>
static void queue_forward(struct vain_queue *queue, const struct vain_attention *a)
{
    constexpr int R = FORWARD_ROWS;
    constexpr int bytes = ((R + 2 * STREAMED) * (DP + PAD) + R * (STREAMED + PAD)) * 4;
    cudaStream_t stream = vain_cuda_stream(queue);
    if (!VAIN_CUDA_CHECK(queue,
                         cudaFuncSetAttribute(forward_tiles<DP>,
                                              cudaFuncAttributeMaxDynamicSharedMemorySize, bytes)))
        return;
    forward_tiles<DP><<<(unsigned)(a->B * a->H * vain_cuda_parts_of(a->T, R)), VAIN_CUDA_THREADS,
                        bytes, stream>>>(*a, 1.0f / sqrtf((float)(a->C / a->H)));
    VAIN_CUDA_CHECK_LAUNCH(queue, "attention in float32");
}

void vain_cuda_attention_float(struct vain_queue *queue, const struct vain_attention *attention)
{
    const int64_t D = attention->C / attention->H;
    if (D <= 16)
        queue_forward<16>(queue, attention);
    else if (D <= 32)
        queue_forward<32>(queue, attention);
    else if (D <= 64)
        queue_forward<64>(queue, attention);
    else
        queue_forward<128>(queue, attention);
}

/* ---- Backwards ---- */

/* What a block streams past: queries with log_sum and dots for a block that owns keys, keys for one
 * that owns queries. Its tiles: X and Y are query and key or the other way round, X2 and Y2 are
 * d_output and value. */
template <int DP, bool KEYS> struct backward_room {
    static constexpr int R = backward_rows<DP>;
    float X[R * (DP + PAD)], X2[R * (DP + PAD)];
    float Y[STREAMED * (DP + PAD)], Y2[STREAMED * (DP + PAD)];
    float weights[R * (STREAMED + PAD)], d_scores[R * (STREAMED + PAD)];
    float log_sums[R > STREAMED ? R : STREAMED], dots[R > STREAMED ? R : STREAMED];
};

/* log_sum and dots of queries first .. first + count. */
static __device__ inline void load_queries(const float *log_sum, const float *dots, int64_t first,
                                           int64_t T, int count, float *log_sums, float *own_dots)
{
    if ((int)threadIdx.x < count) {
        const bool there = first + threadIdx.x < T;
        log_sums[threadIdx.x] = there ? log_sum[first + threadIdx.x] : 0;
        own_dots[threadIdx.x] = there ? dots[first + threadIdx.x] : 0;
    }
}

/* Probabilities and score gradients of the tile at (first, other), into the room. */
template <int DP, bool KEYS>
static __device__ inline void backward_scores(struct backward_room<DP, KEYS> *room, int64_t first,
                                              int64_t other, int64_t T, float scale)
{
    constexpr int RP = backward_rows<DP> / LANES;
    const int y = (int)threadIdx.x / LANES, x = (int)threadIdx.x % LANES;
    float scores[RP][STREAMED / LANES], d_weights[RP][STREAMED / LANES];
    multiply_rows<DP, RP>(room->X, room->Y, scores);
    multiply_rows<DP, RP>(room->X2, room->Y2, d_weights);
#pragma unroll
    for (int i = 0; i < RP; i++)
#pragma unroll
        for (int j = 0; j < STREAMED / LANES; j++) {
            const int row = y * RP + i, column = x + LANES * j, asking = KEYS ? column : row;
            const int64_t query = KEYS ? other + column : first + row;
            const int64_t key = KEYS ? first + row : other + column;
            const float p = key <= query && query < T
                                ? expf(scores[i][j] * scale - room->log_sums[asking])
                                : 0.0f;
            room->weights[row * (STREAMED + PAD) + column] = p;
            room->d_scores[row * (STREAMED + PAD) + column] =
                scale * (p * (d_weights[i][j] - room->dots[asking]));
        }
}

template <int DP, bool KEYS>
static __global__ void __launch_bounds__(VAIN_CUDA_THREADS, 2)
    backward_tiles(struct vain_attention_gradient a, const float *all_dots, float scale)
{
    constexpr int R = backward_rows<DP>, RP = R / LANES;
    extern __shared__ float4 room4[];
    struct backward_room<DP, KEYS> *room = (struct backward_room<DP, KEYS> *)(void *)room4;
    const int64_t tiles = (a.T + R - 1) / R, index = blockIdx.x / tiles, wide = 3 * a.C;
    const int64_t tile = blockIdx.x % tiles, first = (KEYS ? tile : tiles - 1 - tile) * R;
    const int D = (int)(a.C / a.H);
    const int64_t at = vain_cuda_head_offset(index, a.T, a.C, a.H, 3);
    const float *query = a.query_key_value + at, *key = query + a.C, *value = query + 2 * a.C;
    const float *d_output = a.d_output + vain_cuda_head_offset(index, a.T, a.C, a.H, 1);
    const float *log_sum = a.log_sum + index * a.T, *dots = all_dots + index * a.T;
    float sums[RP][DP / LANES] = {}, sums2[RP][DP / LANES] = {}, factors[RP];
    load_tile<DP, R>(KEYS ? key : query, wide, first, a.T, D, room->X);
    load_tile<DP, R>(KEYS ? value : d_output, KEYS ? wide : a.C, first, a.T, D, room->X2);
    if (!KEYS)
        load_queries(log_sum, dots, first, a.T, R, room->log_sums, room->dots);
    const int64_t end = KEYS ? a.T : vain_cuda_smaller(first + R, a.T);
    for (int64_t other = KEYS ? first : 0; other < end; other += STREAMED) {
        __syncthreads();
        load_tile<DP, STREAMED>(KEYS ? query : key, wide, other, a.T, D, room->Y);
        load_tile<DP, STREAMED>(KEYS ? d_output : value, KEYS ? a.C : wide, other, a.T, D,
                                room->Y2);
        if (KEYS)
            load_queries(log_sum, dots, other, a.T, STREAMED, room->log_sums, room->dots);
        __syncthreads();
        backward_scores<DP, KEYS>(room, first, other, a.T, scale);
        __syncwarp();
        add_weighted<DP, RP>(room->d_scores, room->Y, sums);
        if (KEYS)
            add_weighted<DP, RP>(room->weights, room->Y2, sums2);
    }
    for (int i = 0; i < RP; i++)
        factors[i] = 1;
    float *target = a.d_query_key_value + at + (KEYS ? a.C : 0);
    store_rows<DP, RP>(sums, factors, first, a.T, D, wide, target);
    if (KEYS)
        store_rows<DP, RP>(sums2, factors, first, a.T, D, wide, target + a.C);
}

/* dots (B, H, T): d_output times output, a warp a row of a head. */
static __global__ void dot_rows(struct vain_attention_gradient a, float *dots)
{
    const int64_t D = a.C / a.H, lane = threadIdx.x % 32;
    const int64_t row = (int64_t)blockIdx.x * VAIN_CUDA_WARPS + threadIdx.x / 32;
    if (row >= a.B * a.H * a.T)
        return;
    const int64_t index = row / a.T, t = row % a.T;
    const int64_t at = vain_cuda_head_offset(index, a.T, a.C, a.H, 1) + t * a.C;
    float sum = 0;
    for (int64_t d = lane; d < D; d += 32)
        sum = fmaf(a.d_output[at + d], a.output[at + d], sum);
    sum = vain_cuda_warp_sum(sum);
    if (lane == 0)
        dots[row] = sum;
}

template <int DP, bool KEYS>
static void queue_backward(struct vain_queue *queue, const struct vain_attention_gradient *a,
                           const float *dots)
{
    constexpr int bytes = (int)sizeof(struct backward_room<DP, KEYS>);
    cudaStream_t stream = vain_cuda_stream(queue);
    if (!VAIN_CUDA_CHECK(queue,
                         cudaFuncSetAttribute(backward_tiles<DP, KEYS>,
                                              cudaFuncAttributeMaxDynamicSharedMemorySize, bytes)))
        return;
    const int64_t blocks = a->B * a->H * vain_cuda_parts_of(a->T, backward_rows<DP>);
    backward_tiles<DP, KEYS><<<(unsigned)blocks, VAIN_CUDA_THREADS, bytes, stream>>>(
        *a, dots, 1.0f / sqrtf((float)(a->C / a->H)));
    VAIN_CUDA_CHECK_LAUNCH(queue, "attention's gradient in float32");
}

void vain_cuda_attention_float_gradient(struct vain_queue *queue,
                                        const struct vain_attention_gradient *gradient, float *dots)
{
    static const struct {
        int64_t D_most;
        void (*of_keys)(struct vain_queue *, const struct vain_attention_gradient *, const float *);
        void (*of_queries)(struct vain_queue *, const struct vain_attention_gradient *,
                           const float *);
    } widths[] = {{16, queue_backward<16, true>, queue_backward<16, false>},
                  {32, queue_backward<32, true>, queue_backward<32, false>},
                  {64, queue_backward<64, true>, queue_backward<64, false>},
                  {128, queue_backward<128, true>, queue_backward<128, false>}};
    const int64_t D = gradient->C / gradient->H, rows = gradient->B * gradient->H * gradient->T;
    size_t w = 0;
    while (D > widths[w].D_most)
        w++;
    dot_rows<<<(unsigned)vain_cuda_parts_of(rows, VAIN_CUDA_WARPS), VAIN_CUDA_THREADS, 0,
               vain_cuda_stream(queue)>>>(*gradient, dots);
    VAIN_CUDA_CHECK_LAUNCH(queue, "attention's dots");
    widths[w].of_keys(queue, gradient, dots);
    widths[w].of_queries(queue, gradient, dots);
}
