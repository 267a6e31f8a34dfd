/* Causal attention in bf16 on the matrix units: FlashAttention-2's forward pass (Dao 2023), and a
 * backward pass in two kernels, one that owns keys and one that owns queries. That costs 7 products
 * of scores where 5 would do, and in exchange every sum has an owner and an order: no atomics, and
 * the same bits each time.
 *
 * One pass rounds queries, keys, values (and d_output) into scratch, head by head with rows padded
 * to DP channels, so that the kernels copy 16 bytes at a time whatever C and H are; the same pass
 * takes the dot of d_output and output. Scores, probabilities and sums are float32 in registers;
 * probabilities are rounded to bf16 as factors of the next product.
 *
 * A block has 4 warps; a warp owns MT times 16 rows of the block's kept tile. The other side
 * streams past in tiles, two in shared memory: one is copied while the other is used.
 *
 * Letters: B sequences, T tokens, C channels, H heads, D = C / H channels of a head, DP padded. */
#include "kernels/cuda/attention.h"
#include "kernels/cuda/matrix_unit.h"
#include "kernels/cuda/pointwise.h"

enum {
    WARPS = 4,
    THREADS = 32 * WARPS,
    PAD = 8 /* elements after a row: eight rows then lie in different banks */
};
static const int64_t rounded_bytes_most = (int64_t)512 << 20; /* of rounded heads at once */

typedef __nv_bfloat16 bf16;

/* Rounded operands of some sequences, each (heads, T, DP) of its own. */
struct rounded {
    bf16 *query, *key, *value, *d_output; /* d_output: backwards */
    float *dots;                          /* (heads, T): backwards */
};

/* ---- Rounding ---- */

/* What a warp rounds: one row (b, t) of one head in each operand. */
struct rounding {
    int64_t B, T, C, H;
    int DP;
    const float *query_key_value, *output, *d_output; /* the last two: backwards, or NULL */
    struct rounded rounded;
};

static __device__ inline void round_row(const float *source, int D, int DP, int lane, bf16 *target)
{
    for (int d = 2 * lane; d < DP; d += 64) {
        const float low = d < D ? source[d] : 0, high = d + 1 < D ? source[d + 1] : 0;
        *(uint32_t *)(void *)(target + d) = vain_cuda_round_pair(low, high);
    }
}

static __global__ void round_heads(struct rounding r)
{
    const int64_t row = (int64_t)blockIdx.x * VAIN_CUDA_WARPS + threadIdx.x / 32;
    const int lane = (int)threadIdx.x % 32, D = (int)(r.C / r.H);
    if (row >= r.B * r.T * r.H)
        return;
    const int64_t h = row % r.H, t = row / r.H % r.T, b = row / r.H / r.T;
    const float *source = r.query_key_value + (b * r.T + t) * 3 * r.C + h * D;
    const int64_t at = (b * r.H + h) * r.T + t;
    round_row(source, D, r.DP, lane, r.rounded.query + at * r.DP);
    round_row(source + r.C, D, r.DP, lane, r.rounded.key + at * r.DP);
    round_row(source + 2 * r.C, D, r.DP, lane, r.rounded.value + at * r.DP);
    if (r.d_output == NULL)
        return;
    const int64_t narrow = (b * r.T + t) * r.C + h * D;
    round_row(r.d_output + narrow, D, r.DP, lane, r.rounded.d_output + at * r.DP);
    float dot = 0;
    for (int d = lane; d < D; d += 32)
        dot = fmaf(r.d_output[narrow + d], r.output[narrow + d], dot);
    dot = vain_cuda_warp_sum(dot);
    if (lane == 0)
        r.rounded.dots[at] = dot;
}

/* ---- Tiles ---- */

/* Start copying rows first .. first + ROWS of source (T, DP) into tile (ROWS, DP + PAD). */
template <int DP, int ROWS>
static __device__ inline void copy_tile(const bf16 *source, int first, int T, bf16 *tile)
{
    constexpr int parts = DP / 8;
#pragma unroll
    for (int i = (int)threadIdx.x; i < ROWS * parts; i += THREADS) {
        const int row = i / parts, d = i % parts * 8;
        const bool there = first + row < T;
        vain_cuda_copy_async(tile + row * (DP + PAD) + d,
                             source + (int64_t)(there ? first + row : 0) * DP + d, there);
    }
}

/* products (MT * 16, NT * 8) = X Y^T over DP channels: MT * 16 rows of X, NT * 8 rows of Y. */
template <int DP, int MT, int NT>
static __device__ inline void multiply_rows(const bf16 *X, const bf16 *Y, float products[MT][NT][4])
{
    const int lane = (int)threadIdx.x % 32;
    const bf16 *left = X + lane % 16 * (DP + PAD) + lane / 16 * 8;
    const bf16 *right = Y + (lane % 8 + lane / 16 * 8) * (DP + PAD) + lane / 8 % 2 * 8;
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int n = 0; n < NT; n++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                products[m][n][i] = 0;
#pragma unroll
    for (int d = 0; d < DP; d += 16) {
        uint32_t A[MT][4];
#pragma unroll
        for (int m = 0; m < MT; m++)
            vain_cuda_load_matrices(left + m * 16 * (DP + PAD) + d, A[m]);
#pragma unroll
        for (int n = 0; n < NT; n += 2) {
            uint32_t B[4];
            vain_cuda_load_matrices(right + n * 8 * (DP + PAD) + d, B);
#pragma unroll
            for (int m = 0; m < MT; m++) {
                vain_cuda_multiply_add(A[m], B, products[m][n]);
                vain_cuda_multiply_add(A[m], B + 2, products[m][n + 1]);
            }
        }
    }
}

/* sums (MT * 16, DP) += weights (MT * 16, NT * 8), rounded, times Y (NT * 8, DP). */
template <int DP, int MT, int NT>
static __device__ inline void add_weighted(const float weights[MT][NT][4], const bf16 *Y,
                                           float sums[MT][DP / 8][4])
{
    const int lane = (int)threadIdx.x % 32;
    const bf16 *right = Y + lane % 16 * (DP + PAD) + lane / 16 * 8;
#pragma unroll
    for (int n = 0; n < NT; n += 2) {
        uint32_t A[MT][4];
#pragma unroll
        for (int m = 0; m < MT; m++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                A[m][i] = vain_cuda_round_pair(weights[m][n + i / 2][i % 2 * 2],
                                               weights[m][n + i / 2][i % 2 * 2 + 1]);
#pragma unroll
        for (int d = 0; d < DP; d += 16) {
            uint32_t B[4];
            vain_cuda_load_transposed(right + n * 8 * (DP + PAD) + d, B);
#pragma unroll
            for (int m = 0; m < MT; m++) {
                vain_cuda_multiply_add(A[m], B, sums[m][d / 8]);
                vain_cuda_multiply_add(A[m], B + 2, sums[m][d / 8 + 1]);
            }
        }
    }
}

/* Rows of a warp times their factors to target (T, D), whose rows lie `stride` apart. `row` is the
 * lane's first. */
template <int DP, int MT>
static __device__ inline void store_rows(const float sums[MT][DP / 8][4],
                                         const float factors[MT][2], int row, int T, int D,
                                         int64_t stride, float *target)
{
    const int lane = (int)threadIdx.x % 32;
    const bool pairs = D % 2 == 0 && (uintptr_t)target % 8 == 0 && stride % 2 == 0;
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const int at = row + m * 16 + half * 8;
            float *out = target + at * stride;
            if (at >= T)
                continue;
#pragma unroll
            for (int n = 0; n < DP / 8; n++) {
                const int d = n * 8 + lane % 4 * 2;
                const float low = sums[m][n][half * 2] * factors[m][half];
                const float high = sums[m][n][half * 2 + 1] * factors[m][half];
                if (pairs && d < D) {
                    *(float2 *)(out + d) = make_float2(low, high);
                } else {
                    if (d < D)
                        out[d] = low;
                    if (d + 1 < D)
                        out[d + 1] = high;
                }
            }
        }
}

/* ---- Forwards ---- */

/* What a warp knows of its rows: two of each 16 in a lane. */
template <int DP, int MT> struct forward_rows {
    float sums[MT][DP / 8][4];
    float maxima[MT][2], totals[MT][2]; /* totals: this lane's columns only, until the end */
};

/* Scores become probabilities relative to the rows' new maxima; older sums are rescaled. `scale`
 * includes log2 e. */
template <int DP, int MT, int NT>
static __device__ inline void take_scores(float scores[MT][NT][4], float scale,
                                          struct forward_rows<DP, MT> *rows)
{
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float most = rows->maxima[m][half], total = 0;
#pragma unroll
            for (int n = 0; n < NT; n++)
                most = fmaxf(most, fmaxf(scores[m][n][half * 2], scores[m][n][half * 2 + 1]));
            most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
            most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
            const float shift = most * scale;
            const float rescaled =
                vain_cuda_power_of_two(fmaf(rows->maxima[m][half], scale, -shift));
#pragma unroll
            for (int n = 0; n < NT; n++)
#pragma unroll
                for (int i = half * 2; i < half * 2 + 2; i++) {
                    scores[m][n][i] = vain_cuda_power_of_two(fmaf(scores[m][n][i], scale, -shift));
                    total += scores[m][n][i];
                }
            rows->totals[m][half] = fmaf(rows->totals[m][half], rescaled, total);
            rows->maxima[m][half] = most;
#pragma unroll
            for (int n = 0; n < DP / 8; n++) {
                rows->sums[m][n][half * 2] *= rescaled;
                rows->sums[m][n][half * 2 + 1] *= rescaled;
            }
        }
}

/* Scores of keys behind the query become -infinity. `row` and `column` are the lane's first. */
template <int MT, int NT>
static __device__ inline void hide_later(float scores[MT][NT][4], int row, int column)
{
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int n = 0; n < NT; n++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                if (column + n * 8 + i % 2 > row + m * 16 + i / 2 * 8)
                    scores[m][n][i] = -INFINITY;
}

template <int DP, int MT>
static __device__ inline void store_forward(struct forward_rows<DP, MT> *rows, int row,
                                            const struct vain_attention &a, int64_t index,
                                            float scale)
{
    float factors[MT][2];
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const int at = row + m * 16 + half * 8;
            float total = rows->totals[m][half];
            total += __shfl_xor_sync(0xffffffffu, total, 1);
            total += __shfl_xor_sync(0xffffffffu, total, 2);
            factors[m][half] = 1.0f / total;
            if (threadIdx.x % 4 == 0 && at < a.T)
                a.log_sum[index * a.T + at] = fmaf(rows->maxima[m][half], scale, logf(total));
        }
    store_rows<DP, MT>(rows->sums, factors, row, (int)a.T, (int)(a.C / a.H), a.C,
                       a.output + vain_cuda_head_offset(index, a.T, a.C, a.H, 1));
}

/* Bytes of shared memory of the forward kernel. */
template <int DP, int KEYS, int MT>
static constexpr int forward_bytes = (WARPS * 16 * MT + 4 * KEYS) * (DP + PAD) * 2;

/* A block keeps WARPS * 16 * MT queries of a head and streams KEYS keys and values at a time. */
template <int DP, int KEYS, int MT>
static __global__ void __launch_bounds__(THREADS, 2)
    forward_tiles(struct vain_attention a, struct rounded r, float scale)
{
    constexpr int R = WARPS * 16 * MT, NT = KEYS / 8, TILE = KEYS * (DP + PAD);
    extern __shared__ float4 room4[];
    bf16 *query = (bf16 *)(void *)room4, *key = query + R * (DP + PAD), *value = key + 2 * TILE;
    const int T = (int)a.T, tiles = (T + R - 1) / R, lane = (int)threadIdx.x % 32;
    const int64_t index = blockIdx.x / (unsigned)tiles, at = index * T * DP;
    const int first = (tiles - 1 - (int)(blockIdx.x % (unsigned)tiles)) * R; /* long rows first */
    const int warp_row = (int)threadIdx.x / 32 * 16 * MT, row = first + warp_row + lane / 4;
    const int steps = ((first + R < T ? first + R : T) + KEYS - 1) / KEYS;
    struct forward_rows<DP, MT> rows = {
    };
#pragma unroll
    for (int m = 0; m < MT; m++)
        rows.maxima[m][0] = rows.maxima[m][1] = -INFINITY;
    copy_tile<DP, R>(r.query + at, first, T, query);
    copy_tile<DP, KEYS>(r.key + at, 0, T, key);
    copy_tile<DP, KEYS>(r.value + at, 0, T, value);
    vain_cuda_copy_commit();
    for (int step = 0; step < steps; step++) {
        const int seen = step * KEYS, now = step % 2 * TILE, next = TILE - now;
        vain_cuda_copy_wait<0>();
        __syncthreads(); /* this tile is there for all, and nobody needs the one before */
        if (step + 1 < steps) {
            copy_tile<DP, KEYS>(r.key + at, seen + KEYS, T, key + next);
            copy_tile<DP, KEYS>(r.value + at, seen + KEYS, T, value + next);
        }
        vain_cuda_copy_commit();
        if (seen > first + warp_row + 16 * MT - 1)
            continue; /* all of it is behind this warp's rows */
        float scores[MT][NT][4];
        multiply_rows<DP, MT, NT>(query + warp_row * (DP + PAD), key + now, scores);
        if (seen + KEYS - 1 > first + warp_row)
            hide_later<MT, NT>(scores, row, seen + lane % 4 * 2);
        take_scores<DP, MT, NT>(scores, scale * 1.44269504088896341f, &rows);
        add_weighted<DP, MT, NT>(scores, value + now, rows.sums);
    }
    store_forward<DP, MT>(&rows, row, a, index, scale);
}

/* ---- Backwards ---- */

/* The shared memory of a block: kept tiles X and X2, streamed tiles Y and Y2 (two of each), and two
 * numbers of each query that a tile of queries brings. */
template <int DP, int STREAMED, int MT> struct backward_room {
    bf16 X[WARPS * 16 * MT * (DP + PAD)], X2[WARPS * 16 * MT * (DP + PAD)];
    bf16 Y[2][STREAMED * (DP + PAD)], Y2[2][STREAMED * (DP + PAD)];
    float log_sums[2][STREAMED], dots[2][STREAMED];
};

/* Numbers of queries first .. first + STREAMED, in base 2; zeros outside, where d_output is 0 too,
 * so that they add nothing. */
template <int STREAMED>
static __device__ inline void load_numbers(const float *log_sum, const float *dots, int first,
                                           int T, float *log_sums, float *own_dots)
{
    const int i = (int)threadIdx.x;
    if (i < STREAMED) {
        log_sums[i] = first + i < T ? log_sum[first + i] * 1.44269504088896341f : 0;
        own_dots[i] = first + i < T ? dots[first + i] : 0;
    }
}

/* Probabilities from scores, and score gradients (without their scale) from d_weights. The kept
 * side is keys if KEYS_KEPT; then a column has its query's numbers, else a row. */
template <bool KEYS_KEPT, int MT, int NT>
static __device__ inline void
take_gradients(float scores[MT][NT][4], float d_weights[MT][NT][4], float scale, bool hides,
               int row, int column, const float *log_sums, const float *dots,
               const float row_sums[MT][2], const float row_dots[MT][2])
{
    const int first = (int)threadIdx.x % 4 * 2;
#pragma unroll
    for (int n = 0; n < NT; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int at = n * 8 + first + i % 2;
            const float column_sum = KEYS_KEPT ? log_sums[at] : 0;
            const float column_dot = KEYS_KEPT ? dots[at] : 0;
#pragma unroll
            for (int m = 0; m < MT; m++) {
                const float sum = KEYS_KEPT ? column_sum : row_sums[m][i / 2];
                const float dot = KEYS_KEPT ? column_dot : row_dots[m][i / 2];
                const int own = row + m * 16 + i / 2 * 8, other = column + n * 8 + i % 2;
                float p = vain_cuda_power_of_two(fmaf(scores[m][n][i], scale, -sum));
                if (hides && (KEYS_KEPT ? other < own : other > own))
                    p = 0;
                scores[m][n][i] = p;
                d_weights[m][n][i] = p * (d_weights[m][n][i] - dot);
            }
        }
}

/* Start copying tile number `step` of the streamed side into buffer step % 2. */
template <bool KEYS_KEPT, int DP, int STREAMED, int MT>
static __device__ inline void stream_tile(const struct rounded &r, const float *log_sum,
                                          int64_t index, int first, int T, int buffer,
                                          struct backward_room<DP, STREAMED, MT> *room)
{
    const int64_t at = index * T * DP;
    copy_tile<DP, STREAMED>((KEYS_KEPT ? r.query : r.key) + at, first, T, room->Y[buffer]);
    copy_tile<DP, STREAMED>((KEYS_KEPT ? r.d_output : r.value) + at, first, T, room->Y2[buffer]);
    if (KEYS_KEPT)
        load_numbers<STREAMED>(log_sum + index * T, r.dots + index * T, first, T,
                               room->log_sums[buffer], room->dots[buffer]);
}

/* One streamed tile: sums += score gradients times Y, and sums2 += probabilities times Y2. */
template <bool KEYS_KEPT, int DP, int STREAMED, int MT>
static __device__ inline void
backward_tile(const struct backward_room<DP, STREAMED, MT> *room, int buffer, int warp_row, int row,
              int column, float scale, bool hides, const float row_sums[MT][2],
              const float row_dots[MT][2], float sums[MT][DP / 8][4], float sums2[MT][DP / 8][4])
{
    constexpr int NT = STREAMED / 8;
    float scores[MT][NT][4], d_weights[MT][NT][4];
    multiply_rows<DP, MT, NT>(room->X + warp_row * (DP + PAD), room->Y[buffer], scores);
    multiply_rows<DP, MT, NT>(room->X2 + warp_row * (DP + PAD), room->Y2[buffer], d_weights);
    take_gradients<KEYS_KEPT, MT, NT>(scores, d_weights, scale, hides, row, column,
                                      room->log_sums[buffer], room->dots[buffer], row_sums,
                                      row_dots);
    if (KEYS_KEPT)
        add_weighted<DP, MT, NT>(scores, room->Y2[buffer], sums2);
    add_weighted<DP, MT, NT>(d_weights, room->Y[buffer], sums);
}

/* d_key and d_value of a tile of keys (KEYS_KEPT), or d_query of a tile of queries. */
template <bool KEYS_KEPT, int DP, int STREAMED, int MT>
static __global__ void __launch_bounds__(THREADS, 2)
    backward_tiles(struct vain_attention_gradient a, struct rounded r, float scale)
{
    constexpr int R = WARPS * 16 * MT;
    extern __shared__ float4 room4[];
    auto *room = (struct backward_room<DP, STREAMED, MT> *)(void *)room4;
    const int T = (int)a.T, tiles = (T + R - 1) / R, lane = (int)threadIdx.x % 32;
    const int tile = (int)(blockIdx.x % (unsigned)tiles);
    const int64_t index = blockIdx.x / (unsigned)tiles, at = index * T * DP;
    const int first = (KEYS_KEPT ? tile : tiles - 1 - tile) * R; /* the long ones first */
    const int warp_row = (int)threadIdx.x / 32 * 16 * MT, row = first + warp_row + lane / 4;
    const int begin = KEYS_KEPT ? first : 0, end = KEYS_KEPT || first + R > T ? T : first + R;
    const int steps = (end - begin + STREAMED - 1) / STREAMED;
    float sums[MT][DP / 8][4] = {}, sums2[KEYS_KEPT ? MT : 1][DP / 8][4] = {};
    float row_sums[MT][2] = {}, row_dots[MT][2] = {}, factors[MT][2];
    copy_tile<DP, R>((KEYS_KEPT ? r.key : r.query) + at, first, T, room->X);
    copy_tile<DP, R>((KEYS_KEPT ? r.value : r.d_output) + at, first, T, room->X2);
    stream_tile<KEYS_KEPT, DP, STREAMED, MT>(r, a.log_sum, index, begin, T, 0, room);
    vain_cuda_copy_commit();
#pragma unroll
    for (int i = 0; !KEYS_KEPT && i < 2 * MT; i++) {
        const int query = row + i * 8;
        row_sums[i / 2][i % 2] =
            query < T ? a.log_sum[index * T + query] * 1.44269504088896341f : 0;
        row_dots[i / 2][i % 2] = query < T ? r.dots[index * T + query] : 0;
    }
    for (int step = 0; step < steps; step++) {
        const int other = begin + step * STREAMED, own = first + warp_row;
        vain_cuda_copy_wait<0>();
        __syncthreads(); /* this tile is there for all, and nobody needs the one before */
        if (step + 1 < steps)
            stream_tile<KEYS_KEPT, DP, STREAMED, MT>(r, a.log_sum, index, other + STREAMED, T,
                                                     (step + 1) % 2, room);
        vain_cuda_copy_commit();
        if (KEYS_KEPT ? other + STREAMED - 1 < own : other > own + 16 * MT - 1)
            continue; /* nothing of it is seen by this warp's rows, or sees them */
        const bool hides = KEYS_KEPT ? other < own + 16 * MT - 1 : other + STREAMED - 1 > own;
        backward_tile<KEYS_KEPT, DP, STREAMED, MT>(
            room, step % 2, warp_row, row, other + lane % 4 * 2, scale * 1.44269504088896341f,
            hides, row_sums, row_dots, sums, sums2);
    }
#pragma unroll
    for (int m = 0; m < MT; m++)
        factors[m][0] = factors[m][1] = scale;
    const int D = (int)(a.C / a.H);
    float *target =
        a.d_query_key_value + vain_cuda_head_offset(index, T, a.C, a.H, 3) + (KEYS_KEPT ? a.C : 0);
    store_rows<DP, MT>(sums, factors, row, T, D, 3 * a.C, target);
    if constexpr (KEYS_KEPT) {
#pragma unroll
        for (int m = 0; m < MT; m++)
            factors[m][0] = factors[m][1] = 1;
        store_rows<DP, MT>(sums2, factors, row, T, D, 3 * a.C, target + a.C);
    }
}

/* ---- Queueing ---- */

template <int DP, int KEYS, int MT>
static void queue_forward(struct vain_queue *queue, const struct vain_attention *a,
                          const struct rounded *r)
{
    constexpr int bytes = forward_bytes<DP, KEYS, MT>;
    cudaStream_t stream = vain_cuda_stream(queue);
    if (!VAIN_CUDA_CHECK(queue,
                         cudaFuncSetAttribute(forward_tiles<DP, KEYS, MT>,
                                              cudaFuncAttributeMaxDynamicSharedMemorySize, bytes)))
        return;
    const int64_t blocks = a->B * a->H * vain_cuda_parts_of(a->T, WARPS * 16 * MT);
    forward_tiles<DP, KEYS, MT>
        <<<(unsigned)blocks, THREADS, bytes, stream>>>(*a, *r, 1.0f / sqrtf((float)(a->C / a->H)));
    VAIN_CUDA_CHECK_LAUNCH(queue, "attention in bf16");
}

template <bool KEYS_KEPT, int DP, int STREAMED, int MT>
static void queue_backward(struct vain_queue *queue, const struct vain_attention_gradient *a,
                           const struct rounded *r)
{
    constexpr int bytes = (int)sizeof(struct backward_room<DP, STREAMED, MT>);
    cudaStream_t stream = vain_cuda_stream(queue);
    if (!VAIN_CUDA_CHECK(queue,
                         cudaFuncSetAttribute(backward_tiles<KEYS_KEPT, DP, STREAMED, MT>,
                                              cudaFuncAttributeMaxDynamicSharedMemorySize, bytes)))
        return;
    const int64_t blocks = a->B * a->H * vain_cuda_parts_of(a->T, WARPS * 16 * MT);
    backward_tiles<KEYS_KEPT, DP, STREAMED, MT>
        <<<(unsigned)blocks, THREADS, bytes, stream>>>(*a, *r, 1.0f / sqrtf((float)(a->C / a->H)));
    VAIN_CUDA_CHECK_LAUNCH(queue, "attention's gradient in bf16");
}

/* The kernels by width: tiles as large as registers allow. */
static const struct width {
    int DP;
    void (*forward)(struct vain_queue *, const struct vain_attention *, const struct rounded *);
    void (*of_keys)(struct vain_queue *, const struct vain_attention_gradient *,
                    const struct rounded *);
    void (*of_queries)(struct vain_queue *, const struct vain_attention_gradient *,
                       const struct rounded *);
} widths[] = {
    {32, queue_forward<32, 64, 2>, queue_backward<true, 32, 32, 2>,
     queue_backward<false, 32, 32, 2>},
    {64, queue_forward<64, 64, 2>, queue_backward<true, 64, 64, 1>,
     queue_backward<false, 64, 32, 2>},
    {96, queue_forward<96, 32, 2>, queue_backward<true, 96, 32, 1>,
     queue_backward<false, 96, 32, 1>},
    {128, queue_forward<128, 32, 2>, queue_backward<true, 128, 32, 1>,
     queue_backward<false, 128, 32, 1>},
};

static const struct width *width_of(int64_t D)
{
    const struct width *width = widths;
    while (width->DP < D)
        width++;
    return width;
}

/* Scratch for `heads` heads of T rows: operands, then dots. False if there is no memory. */
static bool take_rounded(struct vain_queue *queue, int64_t heads, int64_t T, int DP, bool backwards,
                         struct rounded *out)
{
    const int64_t count = heads * T * DP,
                  operands = backwards ? 4 : 3; /* 64 bytes a row at least */
    bf16 *room = (bf16 *)vain_cuda_scratch(queue, (size_t)(count * operands) * sizeof(bf16) +
                                                      (size_t)(heads * T) * sizeof(float));
    if (room == NULL)
        return false;
    *out = {room, room + count, room + 2 * count, backwards ? room + 3 * count : NULL,
            (float *)(void *)(room + operands * count)};
    return true;
}

static void queue_rounding(struct vain_queue *queue, const struct rounding *rounding)
{
    const int64_t rows = rounding->B * rounding->T * rounding->H;
    round_heads<<<(unsigned)vain_cuda_parts_of(rows, VAIN_CUDA_WARPS), VAIN_CUDA_THREADS, 0,
                  vain_cuda_stream(queue)>>>(*rounding);
    VAIN_CUDA_CHECK_LAUNCH(queue, "rounding heads");
}

/* Sequences whose rounded heads fit the scratch at once; at least one. */
static int64_t sequences_at_once(int64_t B, int64_t T, int64_t H, int DP, int operands)
{
    const int64_t fit = rounded_bytes_most / (T * H * DP * operands * (int64_t)sizeof(bf16));
    return B < fit ? B : fit > 0 ? fit : 1;
}

void vain_cuda_attention_matrix(struct vain_queue *queue, const struct vain_attention *attention)
{
    const int64_t B = attention->B, T = attention->T, C = attention->C, H = attention->H;
    const struct width *width = width_of(C / H);
    const int64_t most = sequences_at_once(B, T, H, width->DP, 3);
    struct rounded rounded;
    if (!take_rounded(queue, most * H, T, width->DP, false, &rounded))
        return;
    for (int64_t b = 0; b < B; b += most) {
        struct vain_attention part = *attention;
        part.B = vain_cuda_smaller(most, B - b);
        part.query_key_value += b * T * 3 * C;
        part.output += b * T * C;
        part.log_sum += b * H * T;
        const struct rounding rounding = {part.B, T,    C,      H, width->DP, part.query_key_value,
                                          NULL,   NULL, rounded};
        queue_rounding(queue, &rounding);
        width->forward(queue, &part, &rounded);
    }
}

void vain_cuda_attention_matrix_gradient(struct vain_queue *queue,
                                         const struct vain_attention_gradient *gradient)
{
    const int64_t B = gradient->B, T = gradient->T, C = gradient->C, H = gradient->H;
    const struct width *width = width_of(C / H);
    const int64_t most = sequences_at_once(B, T, H, width->DP, 4);
    struct rounded rounded;
    if (!take_rounded(queue, most * H, T, width->DP, true, &rounded))
        return;
    for (int64_t b = 0; b < B; b += most) {
        struct vain_attention_gradient part = *gradient;
        part.B = vain_cuda_smaller(most, B - b);
        part.query_key_value += b * T * 3 * C;
        part.output += b * T * C;
        part.log_sum += b * H * T;
        part.d_output += b * T * C;
        part.d_query_key_value += b * T * 3 * C;
        const struct rounding rounding = {
            part.B, T, C, H, width->DP, part.query_key_value, part.output, part.d_output, rounded};
        queue_rounding(queue, &rounding);
        width->of_keys(queue, &part, &rounded);
        width->of_queries(queue, &part, &rounded);
    }
}
