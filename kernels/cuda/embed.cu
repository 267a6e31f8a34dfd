/* The GPU's embeddings. Forwards a thread takes four columns of a row. Backwards the tokens are
 * sorted, stably, so that a warp meets all rows of one symbol in their order and adds them as the
 * CPU does, one after the other: the same bits, and no atomics. */
#include <cub/device/device_radix_sort.cuh>

#include "kernels/cuda/dropout.h"
#include "kernels/cuda/pointwise.h"

enum { COLUMNS = 128 }; /* of a warp of the gradient: 4 a lane */

struct embed {
    int64_t B, T, C;
    const int32_t *tokens;
    const float *token_table, *position_table; /* the gradients backwards */
    float *d_token_table, *d_position_table;
    const float *d_output;
    float *output;
    struct vain_cuda_dropout dropout;
    bool fours; /* whether all of it may be moved four at a time */
};

/* x = the four floats at `source`, of which the first `count` exist. */
static __device__ inline void load_four(bool fours, int64_t count, const float *source, float x[4])
{
    if (fours) {
        const float4 four = *(const float4 *)source;
        x[0] = four.x, x[1] = four.y, x[2] = four.z, x[3] = four.w;
    } else {
#pragma unroll
        for (int i = 0; i < 4; i++)
            x[i] = i < count ? source[i] : 0;
    }
}

static __device__ inline void store_four(bool fours, int64_t count, const float x[4], float *target)
{
    if (fours) {
        *(float4 *)target = make_float4(x[0], x[1], x[2], x[3]);
    } else {
#pragma unroll
        for (int i = 0; i < 4; i++)
            if (i < count)
                target[i] = x[i];
    }
}

/* x = d_output's elements from row m, column on, with their dropout. */
static __device__ inline void load_gradient(const struct embed &e, int64_t m, int64_t column,
                                            float x[4])
{
    load_four(e.fours, e.C - column, e.d_output + m * e.C + column, x);
    if (!e.dropout.drops)
        return;
    float factors[4];
    vain_cuda_dropout_factors(e.dropout, (uint64_t)(m * e.C + column), factors);
#pragma unroll
    for (int i = 0; i < 4; i++)
        x[i] *= factors[i];
}

/* ---- Forwards ---- */

static __global__ void embed_fours(struct embed e)
{
    const int64_t across = (e.C + 3) / 4, count = e.B * e.T * across;
    const int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        const int64_t m = i / across, column = i % across * 4, rest = e.C - column;
        float x[4], position[4] = {0, 0, 0, 0}, factors[4];
        load_four(e.fours, rest, e.token_table + e.tokens[m] * e.C + column, x);
        if (e.position_table != NULL) {
            load_four(e.fours, rest, e.position_table + m % e.T * e.C + column, position);
#pragma unroll
            for (int j = 0; j < 4; j++)
                x[j] += position[j];
        }
        if (e.dropout.drops) {
            vain_cuda_dropout_factors(e.dropout, (uint64_t)(m * e.C + column), factors);
#pragma unroll
            for (int j = 0; j < 4; j++)
                x[j] *= factors[j];
        }
        store_four(e.fours, rest, x, e.output + m * e.C + column);
    }
}

void vain_cuda_embed(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                     const int32_t *tokens, const float *token_table, const float *position_table,
                     const struct vain_dropout *dropout, float *output)
{
    struct embed e = {};
    e.B = B;
    e.T = T;
    e.C = C;
    e.tokens = tokens;
    e.token_table = token_table;
    e.position_table = position_table;
    e.output = output;
    e.dropout = vain_cuda_dropout_of(dropout);
    e.fours = vain_cuda_fours(C, token_table) && vain_cuda_fours(C, position_table) &&
              vain_cuda_fours(C, output);
    const int64_t blocks = vain_cuda_parts_of(B * T * ((C + 3) / 4), VAIN_CUDA_THREADS);
    if (blocks == 0)
        return;
    embed_fours<<<vain_cuda_grid(blocks, 1 << 20), VAIN_CUDA_THREADS, 0, vain_cuda_stream(queue)>>>(
        e);
    VAIN_CUDA_CHECK_LAUNCH(queue, "embed");
}

/* ---- Backwards ---- */

static __global__ void number_rows(int M, int32_t *rows)
{
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < M)
        rows[i] = i;
}

/* A warp for each place among the sorted tokens and each 128 columns; it works if its symbol begins
 * there: it adds the symbol's rows, 32 looked up at a time. */
static __global__ void add_symbols(struct embed e, int64_t M, const int32_t *sorted,
                                   const int32_t *rows)
{
    const int64_t across = (e.C + COLUMNS - 1) / COLUMNS;
    const int64_t index = (int64_t)blockIdx.x * VAIN_CUDA_WARPS + threadIdx.x / 32;
    const int lane = (int)threadIdx.x % 32;
    const int64_t place = index / across, column = index % across * COLUMNS + lane * 4;
    if (place >= M || (place > 0 && sorted[place] == sorted[place - 1]))
        return;
    const int32_t symbol = sorted[place];
    const bool mine = column < e.C;
    float *target = e.d_token_table + symbol * e.C + column;
    float sums[4] = {0, 0, 0, 0};
    if (mine)
        load_four(e.fours, e.C - column, target, sums);
    int count = 32;
    for (int64_t first = place; first < M && count == 32; first += 32) {
        const bool same = first + lane < M && sorted[first + lane] == symbol;
        const int row = same ? rows[first + lane] : 0;
        count = __popc(__ballot_sync(0xffffffffu, same));
#pragma unroll 8
        for (int i = 0; i < count; i++) {
            const int m = __shfl_sync(0xffffffffu, row, i);
            float x[4] = {0, 0, 0, 0};
            if (mine)
                load_gradient(e, m, column, x);
#pragma unroll
            for (int j = 0; j < 4; j++)
                sums[j] += x[j];
        }
    }
    if (mine)
        store_four(e.fours, e.C - column, sums, target);
}

/* A thread takes four columns of a position and adds its rows, one a sequence, in order. */
static __global__ void add_positions(struct embed e)
{
    const int64_t across = (e.C + 3) / 4;
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= e.T * across)
        return;
    const int64_t t = i / across, column = i % across * 4;
    float *target = e.d_position_table + t * e.C + column;
    float sums[4];
    load_four(e.fours, e.C - column, target, sums);
#pragma unroll 4
    for (int64_t b = 0; b < e.B; b++) {
        float x[4];
        load_gradient(e, b * e.T + t, column, x);
#pragma unroll
        for (int j = 0; j < 4; j++)
            sums[j] += x[j];
    }
    store_four(e.fours, e.C - column, sums, target);
}

static cudaError_t sort_tokens(void *room, size_t *room_bytes, const int32_t *tokens,
                               int32_t *sorted, const int32_t *numbers, int32_t *rows, int M,
                               cudaStream_t stream)
{
    return cub::DeviceRadixSort::SortPairs(room, *room_bytes, (const uint32_t *)tokens,
                                           (uint32_t *)sorted, numbers, rows, M, 0, 32, stream);
}

static void gradient_of_symbols(struct vain_queue *queue, const struct embed *e)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    const int64_t M = e->B * e->T, row_bytes = vain_cuda_parts_of(M * 4, 256) * 256;
    size_t room_bytes = 0;
    VAIN_ASSERT(M < INT32_MAX);
    if (!VAIN_CUDA_CHECK(
            queue, sort_tokens(NULL, &room_bytes, e->tokens, NULL, NULL, NULL, (int)M, stream)))
        return;
    unsigned char *scratch =
        (unsigned char *)vain_cuda_scratch(queue, (size_t)(3 * row_bytes) + room_bytes);
    if (scratch == NULL)
        return;
    int32_t *numbers = (int32_t *)(void *)scratch;
    int32_t *sorted = (int32_t *)(void *)(scratch + row_bytes);
    int32_t *rows = (int32_t *)(void *)(scratch + 2 * row_bytes);
    number_rows<<<(unsigned)vain_cuda_parts_of(M, VAIN_CUDA_THREADS), VAIN_CUDA_THREADS, 0,
                  stream>>>((int)M, numbers);
    VAIN_CUDA_CHECK_LAUNCH(queue, "numbering rows");
    (void)VAIN_CUDA_CHECK(queue, sort_tokens(scratch + 3 * row_bytes, &room_bytes, e->tokens,
                                             sorted, numbers, rows, (int)M, stream));
    const int64_t warps = M * vain_cuda_parts_of(e->C, COLUMNS);
    add_symbols<<<(unsigned)vain_cuda_parts_of(warps, VAIN_CUDA_WARPS), VAIN_CUDA_THREADS, 0,
                  stream>>>(*e, M, sorted, rows);
    VAIN_CUDA_CHECK_LAUNCH(queue, "d_token_table");
}

void vain_cuda_embed_gradient(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                              const int32_t *tokens, const float *d_output,
                              const struct vain_dropout *dropout, float *d_token_table,
                              float *d_position_table)
{
    struct embed e = {};
    e.B = B;
    e.T = T;
    e.C = C;
    e.tokens = tokens;
    e.d_output = d_output;
    e.d_token_table = d_token_table;
    e.d_position_table = d_position_table;
    e.dropout = vain_cuda_dropout_of(dropout);
    e.fours = vain_cuda_fours(C, d_output) && vain_cuda_fours(C, d_token_table) &&
              vain_cuda_fours(C, d_position_table);
    if (B * T * C == 0)
        return;
    gradient_of_symbols(queue, &e);
    if (d_position_table == NULL)
        return;
    const int64_t threads = T * ((C + 3) / 4);
    add_positions<<<(unsigned)vain_cuda_parts_of(threads, VAIN_CUDA_THREADS), VAIN_CUDA_THREADS, 0,
                    vain_cuda_stream(queue)>>>(e);
    VAIN_CUDA_CHECK_LAUNCH(queue, "d_position_table");
}
