/* The GPU's layer norm (Ba, Kiros & Hinton 2016). Bound by memory: a row is read once, into
 * registers, by a warp (up to 1024 channels) or a block (up to 8192); wider rows, and those that
 * cannot be moved four floats at a time, are read again by a plain kernel.
 *
 * Backwards a block takes a range of rows, whose ends depend on M alone, keeps the sums for gain
 * and shift of its columns in registers, and leaves them in scratch; a second kernel adds the
 * blocks' sums in order.
 *
 * Letters: M rows, C channels. */
#include "kernels/cuda/pointwise.h"

enum {
    BLOCKS_MOST = 264, /* with partial sums: two for each of an H100's multiprocessors */
    ROWS_LEAST = 8,    /* of a block */
    SUM_COLUMNS = 32   /* of a block that adds partial sums */
};

struct norm {
    int64_t M, C;
    const float *input, *gain, *shift;
    float *output, *mean, *reciprocal_deviation;
};

struct norm_gradient {
    int64_t M, C, rows; /* rows of a block */
    const float *input, *gain, *mean, *reciprocal_deviation, *d_output, *residual_gradient;
    float *d_input;
    float *partials; /* (blocks, 2, C): sums for gain, then for shift */
};

/* Four numbers that move at once, as an array. */
struct four {
    float x[4];
};

static __device__ inline struct four load(const float *source)
{
    const float4 v = *(const float4 *)source;
    return {{v.x, v.y, v.z, v.w}};
}

static __device__ inline void store(const struct four &f, float *target)
{
    *(float4 *)target = make_float4(f.x[0], f.x[1], f.x[2], f.x[3]);
}

/* The sum over a row's lanes: a warp or a block. */
template <int LANES> static __device__ inline float lanes_sum(float x, float *room)
{
    if constexpr (LANES == 32)
        return vain_cuda_warp_sum(x);
    else
        return vain_cuda_block_sum(x, room);
}

/* ---- Forwards ---- */

/* LANES threads a row, FOURS times four channels a thread. */
template <int LANES, int FOURS>
static __global__ void __launch_bounds__(VAIN_CUDA_THREADS) norm_rows(struct norm n)
{
    __shared__ float room[32];
    const int lane = (int)threadIdx.x % LANES;
    const int64_t row = (int64_t)blockIdx.x * (VAIN_CUDA_THREADS / LANES) + threadIdx.x / LANES;
    if (row >= n.M) /* a whole warp; never with a block a row */
        return;
    struct four x[FOURS];
    float sum = 0, squares = 0;
#pragma unroll
    for (int k = 0; k < FOURS; k++) {
        const int64_t column = (int64_t)(k * LANES + lane) * 4;
        x[k] = column < n.C ? load(n.input + row * n.C + column) : (struct four){};
    }
#pragma unroll
    for (int k = 0; k < FOURS; k++)
        sum += (x[k].x[0] + x[k].x[1]) + (x[k].x[2] + x[k].x[3]);
    const float mean = lanes_sum<LANES>(sum, room) / (float)n.C;
#pragma unroll
    for (int k = 0; k < FOURS; k++)
#pragma unroll
        for (int i = 0; i < 4; i++)
            if ((k * LANES + lane) * 4 < n.C)
                squares += (x[k].x[i] - mean) * (x[k].x[i] - mean);
    const float r = 1.0f / sqrtf(lanes_sum<LANES>(squares, room) / (float)n.C + 1e-5f);
#pragma unroll
    for (int k = 0; k < FOURS; k++) {
        const int64_t column = (int64_t)(k * LANES + lane) * 4;
        if (column >= n.C)
            continue;
        const struct four gain = load(n.gain + column), shift = load(n.shift + column);
        struct four y;
#pragma unroll
        for (int i = 0; i < 4; i++)
            y.x[i] = (x[k].x[i] - mean) * r * gain.x[i] + shift.x[i];
        store(y, n.output + row * n.C + column);
    }
    if (lane == 0) {
        n.mean[row] = mean;
        n.reciprocal_deviation[row] = r;
    }
}

/* Any row: a block, and three looks at the row. */
static __global__ void norm_wide_rows(struct norm n)
{
    __shared__ float room[32];
    const int64_t row = blockIdx.x;
    const float *x = n.input + row * n.C;
    float sum = 0, squares = 0;
    for (int64_t j = threadIdx.x; j < n.C; j += blockDim.x)
        sum += x[j];
    const float mean = vain_cuda_block_sum(sum, room) / (float)n.C;
    for (int64_t j = threadIdx.x; j < n.C; j += blockDim.x)
        squares += (x[j] - mean) * (x[j] - mean);
    const float r = 1.0f / sqrtf(vain_cuda_block_sum(squares, room) / (float)n.C + 1e-5f);
    for (int64_t j = threadIdx.x; j < n.C; j += blockDim.x)
        n.output[row * n.C + j] = (x[j] - mean) * r * n.gain[j] + n.shift[j];
    if (threadIdx.x == 0) {
        n.mean[row] = mean;
        n.reciprocal_deviation[row] = r;
    }
}

/* The kernels by width, narrowest first. */
static const struct norm_kernel {
    int64_t C_most;
    int lanes;
    void (*kernel)(struct norm);
} norm_kernels[] = {
    {256, 32, norm_rows<32, 2>},    {512, 32, norm_rows<32, 4>},    {768, 32, norm_rows<32, 6>},
    {1024, 32, norm_rows<32, 8>},   {2048, 256, norm_rows<256, 2>}, {4096, 256, norm_rows<256, 4>},
    {8192, 256, norm_rows<256, 8>},
};

void vain_cuda_layer_norm(struct vain_queue *queue, int64_t M, int64_t C, const float *input,
                          const float *gain, const float *shift, float *output, float *mean,
                          float *reciprocal_deviation)
{
    const struct norm n = {M, C, input, gain, shift, output, mean, reciprocal_deviation};
    const bool fours = vain_cuda_fours(C, input) && vain_cuda_fours(C, gain) &&
                       vain_cuda_fours(C, shift) && vain_cuda_fours(C, output);
    struct norm_kernel chosen = {0, VAIN_CUDA_THREADS, norm_wide_rows};
    if (M == 0)
        return;
    for (size_t i = VAIN_COUNT_OF(norm_kernels); fours && i > 0; i--)
        if (C <= norm_kernels[i - 1].C_most)
            chosen = norm_kernels[i - 1];
    chosen.kernel<<<(unsigned)vain_cuda_parts_of(M, VAIN_CUDA_THREADS / chosen.lanes),
                    VAIN_CUDA_THREADS, 0, vain_cuda_stream(queue)>>>(n);
    VAIN_CUDA_CHECK_LAUNCH(queue, "layer_norm");
}

/* ---- Backwards: with n = (x - m) r and g = d_y gain, d_x = r (g - mean(g) - n mean(g n)) ---- */

static __device__ inline void store_gradient(const struct norm_gradient &n, int64_t at,
                                             const float x[4], float *target)
{
    struct four out = {{x[0], x[1], x[2], x[3]}};
    if (n.residual_gradient != NULL) {
        const struct four residual = load(n.residual_gradient + at);
#pragma unroll
        for (int i = 0; i < 4; i++)
            out.x[i] = residual.x[i] + x[i];
    }
    store(out, target + at);
}

/* One row; adds to the thread's sums for gain and shift. */
template <int LANES, int FOURS>
static __device__ inline void gradient_row(const struct norm_gradient &n, int64_t row, int lane,
                                           struct four d_gain[FOURS], struct four d_shift[FOURS],
                                           float *room)
{
    const float mean = n.mean[row], r = n.reciprocal_deviation[row];
    struct four x[FOURS], g[FOURS];
    float sum_g = 0, sum_gn = 0;
#pragma unroll
    for (int k = 0; k < FOURS; k++) {
        const int64_t column = (int64_t)(k * LANES + lane) * 4, at = row * n.C + column;
        x[k] = column < n.C ? load(n.input + at) : (struct four){};
        g[k] = column < n.C ? load(n.d_output + at) : (struct four){};
    }
#pragma unroll
    for (int k = 0; k < FOURS; k++) {
        const int64_t column = (int64_t)(k * LANES + lane) * 4;
        const struct four gain = column < n.C ? load(n.gain + column) : (struct four){};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            x[k].x[i] = (x[k].x[i] - mean) * r;
            d_gain[k].x[i] += g[k].x[i] * x[k].x[i];
            d_shift[k].x[i] += g[k].x[i];
            g[k].x[i] *= gain.x[i];
            sum_g += g[k].x[i];
            sum_gn += g[k].x[i] * x[k].x[i];
        }
    }
    const float mean_g = lanes_sum<LANES>(sum_g, room) / (float)n.C;
    const float mean_gn = lanes_sum<LANES>(sum_gn, room) / (float)n.C;
#pragma unroll
    for (int k = 0; k < FOURS; k++) {
        const int64_t column = (int64_t)(k * LANES + lane) * 4;
        float d_x[4];
#pragma unroll
        for (int i = 0; i < 4; i++)
            d_x[i] = r * ((g[k].x[i] - mean_g) - x[k].x[i] * mean_gn);
        if (column < n.C)
            store_gradient(n, row * n.C + column, d_x, n.d_input);
    }
}

/* The warps of a block add their sums one after the other, in shared memory (2, C). */
template <int LANES, int FOURS>
static __device__ inline void leave_sums(const struct norm_gradient &n, int lane,
                                         const struct four d_gain[FOURS],
                                         const struct four d_shift[FOURS])
{
    __shared__ float sums[LANES == 32 ? 2 * LANES * FOURS * 4 : 1];
    float *partials = n.partials + (int64_t)blockIdx.x * 2 * n.C;
    const int groups = VAIN_CUDA_THREADS / LANES, group = (int)threadIdx.x / LANES;
    for (int turn = 0; turn < groups; turn++) {
#pragma unroll
        for (int k = 0; turn == group && k < FOURS; k++) {
            const int column = (k * LANES + lane) * 4;
            struct four gain = d_gain[k], shift = d_shift[k];
            if constexpr (LANES == 32) {
                float *gains = sums + column, *shifts = gains + LANES * FOURS * 4;
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    gains[i] = gain.x[i] = turn > 0 ? gains[i] + gain.x[i] : gain.x[i];
                    shifts[i] = shift.x[i] = turn > 0 ? shifts[i] + shift.x[i] : shift.x[i];
                }
            }
            if (turn == groups - 1 && column < n.C) {
                store(gain, partials + column);
                store(shift, partials + n.C + column);
            }
        }
        __syncthreads();
    }
}

template <int LANES, int FOURS>
static __global__ void __launch_bounds__(VAIN_CUDA_THREADS, 1) gradient_rows(struct norm_gradient n)
{
    __shared__ float room[32];
    const int lane = (int)threadIdx.x % LANES;
    const int64_t first = blockIdx.x * n.rows;
    const int64_t end = first + n.rows < n.M ? first + n.rows : n.M;
    struct four d_gain[FOURS] = {}, d_shift[FOURS] = {};
    for (int64_t row = first + threadIdx.x / LANES; row < end; row += VAIN_CUDA_THREADS / LANES)
        gradient_row<LANES, FOURS>(n, row, lane, d_gain, d_shift, room);
    leave_sums<LANES, FOURS>(n, lane, d_gain, d_shift);
}

/* Any row: a block, and two looks at the row. */
static __global__ void gradient_wide_rows(struct norm_gradient n)
{
    __shared__ float room[32];
    const int64_t row = blockIdx.x, at = row * n.C;
    const float *x = n.input + at, *d_y = n.d_output + at;
    const float mean = n.mean[row], r = n.reciprocal_deviation[row];
    float sum_g = 0, sum_gn = 0;
    for (int64_t j = threadIdx.x; j < n.C; j += blockDim.x) {
        const float g = d_y[j] * n.gain[j];
        sum_g += g;
        sum_gn += g * ((x[j] - mean) * r);
    }
    const float mean_g = vain_cuda_block_sum(sum_g, room) / (float)n.C;
    const float mean_gn = vain_cuda_block_sum(sum_gn, room) / (float)n.C;
    for (int64_t j = threadIdx.x; j < n.C; j += blockDim.x) {
        const float d = r * ((d_y[j] * n.gain[j] - mean_g) - (x[j] - mean) * r * mean_gn);
        n.d_input[at + j] = n.residual_gradient != NULL ? n.residual_gradient[at + j] + d : d;
    }
}

/* The column sums of those: a block takes 32 columns of a range of rows, a warp every eighth row.
 */
static __global__ void gradient_wide_columns(struct norm_gradient n)
{
    __shared__ float sums[2][VAIN_CUDA_WARPS][SUM_COLUMNS];
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    const int64_t column = (int64_t)blockIdx.x * SUM_COLUMNS + lane, first = blockIdx.y * n.rows;
    const int64_t end = first + n.rows < n.M ? first + n.rows : n.M;
    float d_gain = 0, d_shift = 0;
    for (int64_t row = first + warp; column < n.C && row < end; row += VAIN_CUDA_WARPS) {
        const float d_y = n.d_output[row * n.C + column];
        d_gain += d_y * ((n.input[row * n.C + column] - n.mean[row]) * n.reciprocal_deviation[row]);
        d_shift += d_y;
    }
    sums[0][warp][lane] = d_gain;
    sums[1][warp][lane] = d_shift;
    __syncthreads();
    if (warp < 2 && column < n.C) {
        float sum = 0;
        for (int i = 0; i < VAIN_CUDA_WARPS; i++)
            sum += sums[warp][i][lane];
        n.partials[((int64_t)blockIdx.y * 2 + warp) * n.C + column] = sum;
    }
}

/* d_gain and d_shift (C) += sums of partials (blocks, 2, C): a warp adds every eighth block, then
 * the warps in order. */
static __global__ void add_sums(int64_t blocks, int64_t C, const float *partials, float *d_gain,
                                float *d_shift)
{
    __shared__ float sums[VAIN_CUDA_WARPS][SUM_COLUMNS];
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    const int64_t column = (int64_t)blockIdx.x * SUM_COLUMNS + lane;
    float sum = 0;
    if (column < 2 * C)
#pragma unroll 8
        for (int64_t i = warp; i < blocks; i += VAIN_CUDA_WARPS)
            sum += partials[i * 2 * C + column];
    sums[warp][lane] = sum;
    __syncthreads();
    if (warp > 0 || column >= 2 * C)
        return;
    float *target = column < C ? d_gain + column : d_shift + (column - C);
    sum = *target;
    for (int i = 0; i < VAIN_CUDA_WARPS; i++)
        sum += sums[i][lane];
    *target = sum;
}

static const struct gradient_kernel {
    int64_t C_most;
    void (*kernel)(struct norm_gradient);
} gradient_kernels[] = {
    {256, gradient_rows<32, 2>},   {512, gradient_rows<32, 4>},   {768, gradient_rows<32, 6>},
    {1024, gradient_rows<32, 8>},  {2048, gradient_rows<256, 2>}, {4096, gradient_rows<256, 4>},
    {8192, gradient_rows<256, 8>},
};

static void queue_gradient(struct vain_queue *queue, const struct norm_gradient *n, int64_t blocks)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    const bool fours = vain_cuda_fours(n->C, n->input) && vain_cuda_fours(n->C, n->gain) &&
                       vain_cuda_fours(n->C, n->d_output) && vain_cuda_fours(n->C, n->d_input) &&
                       vain_cuda_fours(n->C, n->residual_gradient);
    void (*kernel)(struct norm_gradient) = NULL;
    for (size_t i = VAIN_COUNT_OF(gradient_kernels); fours && i > 0; i--)
        if (n->C <= gradient_kernels[i - 1].C_most)
            kernel = gradient_kernels[i - 1].kernel;
    if (kernel != NULL) {
        kernel<<<(unsigned)blocks, VAIN_CUDA_THREADS, 0, stream>>>(*n);
    } else {
        const dim3 grid((unsigned)vain_cuda_parts_of(n->C, SUM_COLUMNS), (unsigned)blocks);
        gradient_wide_columns<<<grid, VAIN_CUDA_THREADS, 0, stream>>>(*n);
        gradient_wide_rows<<<(unsigned)n->M, VAIN_CUDA_THREADS, 0, stream>>>(*n);
    }
    VAIN_CUDA_CHECK_LAUNCH(queue, "layer_norm_gradient");
}

void vain_cuda_layer_norm_gradient(struct vain_queue *queue, int64_t M, int64_t C,
                                   const float *input, const float *gain, const float *mean,
                                   const float *reciprocal_deviation, const float *d_output,
                                   const float *residual_gradient, float *d_input, float *d_gain,
                                   float *d_shift)
{
    struct norm_gradient n = {};
    if (M == 0)
        return;
    const int64_t wanted = vain_cuda_parts_of(M, ROWS_LEAST);
    n.M = M;
    n.C = C;
    n.rows = vain_cuda_parts_of(M, wanted < BLOCKS_MOST ? wanted : (int64_t)BLOCKS_MOST);
    n.input = input;
    n.gain = gain;
    n.mean = mean;
    n.reciprocal_deviation = reciprocal_deviation;
    n.d_output = d_output;
    n.residual_gradient = residual_gradient;
    n.d_input = d_input;
    const int64_t blocks = vain_cuda_parts_of(M, n.rows);
    n.partials = (float *)vain_cuda_scratch(queue, (size_t)(blocks * 2 * C) * sizeof(float));
    if (n.partials == NULL)
        return;
    queue_gradient(queue, &n, blocks);
    add_sums<<<(unsigned)vain_cuda_parts_of(2 * C, SUM_COLUMNS), VAIN_CUDA_THREADS, 0,
               vain_cuda_stream(queue)>>>(blocks, C, n.partials, d_gain, d_shift);
    VAIN_CUDA_CHECK_LAUNCH(queue, "d_gain and d_shift");
}
