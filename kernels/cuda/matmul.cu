/* The GPU's linear layers: products by cuBLASLt, and what happens to them while or after they are
 * written.
 *
 * Matrices are float32 in device memory. In bf16 precision the operands are rounded into scratch
 * first, rows padded to a multiple of 8 so that any shape meets the matrix units; the pass that
 * rounds d_output also sums its columns for d_bias. Long operands go through the scratch in pieces
 * of rows. Sums, masters and results stay float32.
 *
 * Bias, GELU, its derivative and the residual ride on the product where cuBLASLt has an algorithm
 * for that (product.h); otherwise, and always in float32 precision, one pointwise kernel follows.
 *
 * Letters: M rows, N output channels, K input channels. */
#include <cuda_bf16.h>

#include "kernels/cuda/cuda.h"
#include "kernels/cuda/dropout.h"
#include "kernels/cuda/pointwise.h"
#include "kernels/cuda/product.h"

enum {
    THREADS = 256,
    ROUNDED_COLUMNS = 128, /* of a block that rounds: 4 a lane */
    ROUNDED_ROWS = 256,    /* and its rows; a partial sum of a column covers them */
    ROW_LANES = THREADS / 32,
    ODD_COLUMNS_LEAST = 1024, /* of a result that goes through scratch because its rows are odd */
    COPIED = 4,               /* columns that a thread copies from there */
};
static const int64_t rounded_bytes_most = (int64_t)512 << 20; /* of pieces of rows in scratch */

/* ---- Products ---- */

/* A product that must be possible: no epilogue. */
static void multiply_plainly(struct vain_queue *queue, struct vain_cuda_product p)
{
    p.epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    p.bias = NULL;
    p.aux = NULL;
    if (!vain_cuda_multiply(queue, &p))
        (void)vain_cuda_note(queue->device->cuda, cudaErrorNotSupported,
                             "cuBLASLt has no algorithm for a product");
}

/* With its epilogue if that is possible; says whether it was. */
static bool multiply_fused(struct vain_queue *queue, const struct vain_cuda_product *p)
{
    const bool aligned = p->aux == NULL || (p->D_stride % 8 == 0 && (uintptr_t)p->aux % 16 == 0);
    return aligned && queue->device->cuda->precision != VAIN_PRECISION_FLOAT32 &&
           vain_cuda_multiply(queue, p);
}

/* ---- Operands rounded to bf16, and column sums on the way ---- */

/* x = the four floats at source + at, of which `rest` exist; `end`: how many source has. Rows of
 * odd length begin anywhere, so the 16 bytes before and after are loaded whole and shifted. */
static __device__ inline void load_shifted(const float *source, int64_t at, int64_t rest,
                                           int64_t end, float x[4])
{
    const int shift = (int)((uintptr_t)(source + at) / 4 % 4);
    if (rest < 4 || at < shift || at - shift + 8 > end) {
        vain_cuda_load_four(false, rest, source + at, x);
        return;
    }
    const float4 *fours = (const float4 *)(source + at - shift);
    const float4 a = fours[0], b = shift > 0 ? fours[1] : a;
    x[0] = shift == 0 ? a.x : shift == 1 ? a.y : shift == 2 ? a.z : a.w;
    x[1] = shift == 0 ? a.y : shift == 1 ? a.z : shift == 2 ? a.w : b.x;
    x[2] = shift == 0 ? a.z : shift == 1 ? a.w : shift == 2 ? b.x : b.y;
    x[3] = shift == 0 ? a.w : shift == 1 ? b.x : shift == 2 ? b.y : b.z;
}

/* `source` (rows, columns) into `target` (rows, stride), padded with zeros, unless that is NULL;
 * sums of each column over the block's rows into partials (row blocks, columns) unless NULL. A warp
 * takes every eighth row, a lane four columns. */
static __global__ void round_rows(int64_t rows, int64_t columns, const float *source,
                                  int64_t stride, __nv_bfloat16 *target, float *partials)
{
    __shared__ float lane_sums[ROW_LANES][ROUNDED_COLUMNS];
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    const int64_t column = (int64_t)blockIdx.x * ROUNDED_COLUMNS + lane * 4;
    const int64_t first = (int64_t)blockIdx.y * ROUNDED_ROWS;
    const int64_t end = first + ROUNDED_ROWS < rows ? first + ROUNDED_ROWS : rows;
    const bool whole = columns % 4 == 0 && (uintptr_t)source % 16 == 0;
    float sums[4] = {0, 0, 0, 0};
#pragma unroll 4
    for (int64_t row = first + warp; row < end; row += ROW_LANES) {
        float x[4] = {0, 0, 0, 0};
        if (whole && column < columns)
            vain_cuda_load_four(true, 4, source + row * columns + column, x);
        else if (column < columns)
            load_shifted(source, row * columns + column, columns - column, rows * columns, x);
        for (int i = 0; i < 4; i++)
            sums[i] += x[i];
        if (target != NULL && column < stride) {
            __nv_bfloat162 *out = (__nv_bfloat162 *)(target + row * stride + column);
            out[0] = __floats2bfloat162_rn(x[0], x[1]);
            out[1] = __floats2bfloat162_rn(x[2], x[3]);
        }
    }
    if (partials == NULL)
        return;
    for (int i = 0; i < 4; i++)
        lane_sums[warp][lane * 4 + i] = sums[i];
    __syncthreads();
    const int64_t mine = (int64_t)blockIdx.x * ROUNDED_COLUMNS + threadIdx.x;
    if (threadIdx.x < ROUNDED_COLUMNS && mine < columns) {
        float sum = 0;
        for (int i = 0; i < ROW_LANES; i++)
            sum += lane_sums[i][threadIdx.x];
        partials[blockIdx.y * columns + mine] = sum;
    }
}

/* target (columns) += sum of partials (blocks, columns) in order. */
static __global__ void add_partials(int64_t blocks, int64_t columns, const float *partials,
                                    float *target)
{
    const int64_t column = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= columns)
        return;
    float sum = target[column];
#pragma unroll 8
    for (int64_t i = 0; i < blocks; i++)
        sum += partials[i * columns + column];
    target[column] = sum;
}

static int64_t padded(int64_t columns)
{
    return vain_cuda_parts_of(columns, 8) * 8;
}

static int64_t rounded_bytes(int64_t rows, int64_t columns)
{
    return vain_cuda_parts_of(rows * padded(columns) * 2, 256) * 256;
}

static void round_operand(struct vain_queue *queue, int64_t rows, int64_t columns,
                          const float *source, void *target, float *partials)
{
    const dim3 grid((unsigned)vain_cuda_parts_of(padded(columns), ROUNDED_COLUMNS),
                    (unsigned)vain_cuda_parts_of(rows, ROUNDED_ROWS));
    round_rows<<<grid, THREADS, 0, vain_cuda_stream(queue)>>>(
        rows, columns, source, padded(columns), (__nv_bfloat16 *)target, partials);
    VAIN_CUDA_CHECK_LAUNCH(queue, "rounding an operand");
}

/* A weight (N, K) with its rows padded to a multiple of 8 too, by rows of zeros. */
static void round_weight(struct vain_queue *queue, int64_t N, int64_t K, const float *weight,
                         unsigned char *target)
{
    const size_t row_bytes = (size_t)padded(K) * 2;
    round_operand(queue, N, K, weight, target, NULL);
    if (padded(N) > N)
        (void)VAIN_CUDA_CHECK(queue, cudaMemsetAsync(target + (size_t)N * row_bytes, 0,
                                                     (size_t)(padded(N) - N) * row_bytes,
                                                     vain_cuda_stream(queue)));
}

/* ---- What follows a product that could not carry it ---- */

enum finish_kind { FINISH_BIAS, FINISH_GELU, FINISH_RESIDUAL, FINISH_GELU_GRADIENT };

/* Pointers are (rows, columns) and dense; `product` may be the output or the pre_activation. */
struct finish {
    int64_t rows, columns;
    enum finish_kind kind;
    const float *bias; /* or NULL */
    const float *product;
    float *pre_activation;
    const float *residual;
    float *output;
    struct vain_cuda_dropout dropout;
    int64_t first; /* dropout's number of the first element */
    bool fours;    /* whether all of it may be moved four at a time; set when it is queued */
};

/* e^x, cut where its square would overflow; NaN shows in what it is multiplied by. */
static __device__ inline float exponential(float x)
{
    return expf(fminf(x, 87.0f));
}

/* The formulas of kernels/cpu/vector_math.h. */
static __device__ inline float gelu_argument(float x)
{
    return x * fmaf(0.0713548162726f, x * x, 1.59576912160573f);
}

static __device__ inline float gelu(float x)
{
    return x / (1.0f + exponential(-gelu_argument(x)));
}

static __device__ inline float gelu_derivative(float x)
{
    const float e = exponential(-gelu_argument(x)), s = 1.0f / (1.0f + e);
    const float slope = fmaf(0.2140644488178f, x * x, 1.59576912160573f);
    return fmaf(x * slope, e * s * s, s);
}

/* Four columns of a row, or what is left of it. */
static __device__ inline void finish_four(const struct finish &f, int64_t at, int64_t column,
                                          const float factors[4])
{
    const int64_t rest = f.columns - column;
    const float *beside = f.kind == FINISH_GELU_GRADIENT ? f.pre_activation
                          : f.kind == FINISH_RESIDUAL    ? f.residual
                                                         : NULL;
    float x[4], other[4] = {0, 0, 0, 0}, bias[4] = {0, 0, 0, 0}, out[4];
    vain_cuda_load_four(f.fours, rest, f.product + at, x);
    if (f.bias != NULL)
        vain_cuda_load_four(f.fours, rest, f.bias + column, bias);
    if (beside != NULL)
        vain_cuda_load_four(f.fours, rest, beside + at, other);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        x[i] = f.bias != NULL ? x[i] + bias[i] : x[i];
        out[i] = f.kind == FINISH_GELU            ? gelu(x[i])
                 : f.kind == FINISH_GELU_GRADIENT ? x[i] * gelu_derivative(other[i])
                 : f.kind == FINISH_BIAS          ? x[i]
                 : f.dropout.drops                ? other[i] + factors[i] * x[i]
                                                  : other[i] + x[i];
    }
    if (f.kind == FINISH_GELU && f.bias != NULL)
        vain_cuda_store_four(f.fours, rest, x, f.pre_activation + at);
    vain_cuda_store_four(f.fours, rest, out, f.output + at);
}

/* A thread takes four columns of a row. */
static __global__ void finish_rows(struct finish f)
{
    const int64_t across = (f.columns + 3) / 4, count = f.rows * across;
    const int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        const int64_t column = i % across * 4, at = i / across * f.columns + column;
        float factors[4] = {1, 1, 1, 1};
        if (f.dropout.drops)
            vain_cuda_dropout_factors(f.dropout, (uint64_t)(f.first + at), factors);
        finish_four(f, at, column, factors);
    }
}

static void queue_finish(struct vain_queue *queue, struct finish *finish)
{
    const int64_t count = finish->rows * ((finish->columns + 3) / 4);
    const void *const pointers[] = {finish->bias, finish->product, finish->pre_activation,
                                    finish->residual, finish->output};
    finish->fours = true;
    for (size_t i = 0; i < VAIN_COUNT_OF(pointers); i++)
        finish->fours = finish->fours && vain_cuda_fours(finish->columns, pointers[i]);
    finish_rows<<<vain_cuda_grid(vain_cuda_parts_of(count, THREADS), 1 << 20), THREADS, 0,
                  vain_cuda_stream(queue)>>>(*finish);
    VAIN_CUDA_CHECK_LAUNCH(queue, "finishing a product");
}

/* ---- Forwards ---- */

/* The scratch of a forward op, and how many rows go through it at once. */
struct forward {
    const struct vain_linear *linear;
    bool bf16;
    bool aside; /* whether the product waits in scratch for its residual */
    bool odd;   /* or to be copied into rows that cuBLASLt cannot write 16 bytes at a time */
    int64_t rows;
    unsigned char *weight, *input;
    float *product;
};

/* Rows at once such that `row_bytes` of each fit; all of them if they do. */
static int64_t piece_rows(int64_t M, int64_t row_bytes)
{
    const int64_t fit = rounded_bytes_most / (row_bytes > 0 ? row_bytes : 1);
    const int64_t whole = fit / ROUNDED_ROWS * ROUNDED_ROWS;
    const int64_t least = whole > 0 ? whole : (int64_t)ROUNDED_ROWS;
    return M < least ? M : least;
}

static bool forward_open(struct vain_queue *queue, const struct vain_linear *l, struct forward *f)
{
    *f = {};
    f->linear = l;
    f->bf16 = queue->device->cuda->precision == VAIN_PRECISION_BF16;
    f->aside = l->epilogue == VAIN_EPILOGUE_RESIDUAL && l->residual == l->output;
    f->odd = l->epilogue == VAIN_EPILOGUE_NONE && l->N % 4 != 0 && l->N >= ODD_COLUMNS_LEAST &&
             queue->device->cuda->precision != VAIN_PRECISION_FLOAT32;
    const int64_t product_bytes = f->aside || f->odd ? padded(l->N) * 4 : 0; /* of a row */
    f->rows = piece_rows(l->M, (f->bf16 ? padded(l->K) * 2 : 0) + product_bytes);
    const int64_t weight = f->bf16 ? rounded_bytes(padded(l->N), l->K) : 0;
    const int64_t input = f->bf16 ? rounded_bytes(f->rows, l->K) : 0;
    const int64_t product = f->rows * product_bytes;
    if (weight + input + product == 0)
        return true;
    f->weight = (unsigned char *)vain_cuda_scratch(queue, (size_t)(weight + input + product));
    if (f->weight == NULL)
        return false;
    f->input = f->weight + weight;
    f->product = (float *)(void *)(f->input + input);
    if (f->bf16)
        round_weight(queue, l->N, l->K, l->weight, f->weight);
    return true;
}

static struct vain_cuda_product forward_product(const struct forward *f, int64_t row, int64_t rows)
{
    const struct vain_linear *l = f->linear;
    struct vain_cuda_product p = {};
    p.rows = rows;
    p.columns = l->N;
    p.depth = l->K;
    p.A = f->bf16 ? (const void *)f->input : l->input + row * l->K;
    p.B = f->bf16 ? (const void *)f->weight : l->weight;
    p.A_stride = p.B_stride = f->bf16 ? padded(l->K) : l->K;
    p.B_transposed = true;
    p.D_stride = l->N;
    p.bf16 = f->bf16;
    p.D = l->output + row * l->N;
    p.C = p.D;
    p.bias = l->bias;
    p.epilogue = l->bias != NULL ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    return p;
}

/* output (rows, columns) = source (rows, stride) + bias (columns) or NULL. */
static __global__ void copy_rows(int64_t columns, int64_t stride, const float *source,
                                 const float *bias, float *output)
{
    const int64_t row = blockIdx.x;
#pragma unroll
    for (int i = 0; i < COPIED; i++) {
        const int64_t column = ((int64_t)blockIdx.y * COPIED + i) * THREADS + threadIdx.x;
        if (column < columns)
            output[row * columns + column] =
                source[row * stride + column] + (bias != NULL ? bias[column] : 0.0f);
    }
}

/* A wide layer whose rows are not multiples of 16 bytes, such as 50257 logits: written directly it
 * takes several times as long as padded in scratch and copied. */
static void forward_odd(struct vain_queue *queue, const struct forward *f, int64_t row,
                        int64_t rows)
{
    struct vain_cuda_product p = forward_product(f, row, rows);
    float *output = p.D;
    p.D_stride = padded(f->linear->N);
    p.columns = f->bf16 ? p.D_stride : p.columns;
    p.C = p.D = f->product;
    multiply_plainly(queue, p);
    const dim3 grid((unsigned)rows, (unsigned)vain_cuda_parts_of(f->linear->N, COPIED * THREADS));
    copy_rows<<<grid, THREADS, 0, vain_cuda_stream(queue)>>>(f->linear->N, p.D_stride, f->product,
                                                             f->linear->bias, output);
    VAIN_CUDA_CHECK_LAUNCH(queue, "copying a padded product");
}

static void forward_bias(struct vain_queue *queue, const struct forward *f, int64_t row,
                         int64_t rows)
{
    const struct vain_cuda_product p = forward_product(f, row, rows);
    if (f->odd) {
        forward_odd(queue, f, row, rows);
        return;
    }
    if (p.bias == NULL) {
        multiply_plainly(queue, p);
        return;
    }
    if (multiply_fused(queue, &p))
        return;
    multiply_plainly(queue, p);
    struct finish finish = {};
    finish.rows = rows;
    finish.columns = p.columns;
    finish.kind = FINISH_BIAS;
    finish.bias = p.bias;
    finish.product = p.D;
    finish.output = p.D;
    queue_finish(queue, &finish);
}

static void forward_gelu(struct vain_queue *queue, const struct forward *f, int64_t row,
                         int64_t rows)
{
    struct vain_cuda_product p = forward_product(f, row, rows);
    p.aux = f->linear->pre_activation + row * p.D_stride;
    p.epilogue = p.bias != NULL ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
    if (multiply_fused(queue, &p))
        return;
    struct finish finish = {};
    finish.rows = rows;
    finish.columns = p.columns;
    finish.kind = FINISH_GELU;
    finish.product = finish.pre_activation = p.aux;
    finish.output = p.D;
    p.C = p.D = p.aux;
    p.aux = NULL;
    p.epilogue = CUBLASLT_EPILOGUE_BIAS;
    if (p.bias == NULL || !multiply_fused(queue, &p)) {
        multiply_plainly(queue, p);
        finish.bias = p.bias;
    }
    queue_finish(queue, &finish);
}

static void forward_residual(struct vain_queue *queue, const struct forward *f, int64_t row,
                             int64_t rows)
{
    const struct vain_linear *l = f->linear;
    const struct vain_cuda_dropout dropout = vain_cuda_dropout_of(&l->dropout);
    struct vain_cuda_product p = forward_product(f, row, rows);
    const float *residual = l->residual + row * l->N;
    if (!dropout.drops) {
        struct vain_cuda_product fused = p;
        fused.beta = 1;
        fused.C = residual;
        if (multiply_fused(queue, &fused))
            return;
    }
    struct finish finish = {};
    finish.rows = rows;
    finish.columns = l->N;
    finish.kind = FINISH_RESIDUAL;
    finish.bias = l->bias;
    finish.residual = residual;
    finish.output = p.D;
    finish.dropout = dropout;
    finish.first = row * l->N;
    if (f->aside)
        p.C = p.D = f->product;
    finish.product = p.D;
    multiply_plainly(queue, p);
    queue_finish(queue, &finish);
}

static void linear(struct vain_queue *queue, const struct vain_linear *l)
{
    static void (*const parts[])(struct vain_queue *, const struct forward *, int64_t, int64_t) = {
        forward_bias, forward_gelu, forward_residual}; /* in the order of enum vain_epilogue */
    struct forward f;
    if (l->M == 0 || l->N == 0)
        return;
    VAIN_ASSERT(l->K > 0);
    if (!forward_open(queue, l, &f))
        return;
    for (int64_t row = 0; row < l->M; row += f.rows) {
        const int64_t rows = l->M - row < f.rows ? l->M - row : f.rows;
        if (f.bf16)
            round_operand(queue, rows, l->K, l->input + row * l->K, f.input, NULL);
        parts[l->epilogue](queue, &f, row, rows);
    }
}

/* ---- Backwards ---- */

struct backward {
    const struct vain_linear_gradient *gradient;
    bool bf16;
    int64_t rows; /* at once */
    unsigned char *weight, *input, *d_output;
    float *partials; /* (row blocks, N): column sums of d_output */
};

static bool backward_open(struct vain_queue *queue, const struct vain_linear_gradient *g,
                          struct backward *b)
{
    *b = {};
    b->gradient = g;
    b->bf16 = queue->device->cuda->precision == VAIN_PRECISION_BF16;
    b->rows = piece_rows(g->M, b->bf16 ? (padded(g->K) + padded(g->N)) * 2 : 0);
    const int64_t weight = b->bf16 && g->d_input != NULL ? rounded_bytes(padded(g->N), g->K) : 0;
    const int64_t input = b->bf16 ? rounded_bytes(b->rows, g->K) : 0;
    const int64_t d_output = b->bf16 ? rounded_bytes(b->rows, g->N) : 0;
    const int64_t partials =
        g->d_bias != NULL ? vain_cuda_parts_of(g->M, ROUNDED_ROWS) * g->N * 4 : 0;
    if (weight + input + d_output + partials == 0)
        return true;
    b->weight =
        (unsigned char *)vain_cuda_scratch(queue, (size_t)(weight + input + d_output + partials));
    if (b->weight == NULL)
        return false;
    b->input = b->weight + weight;
    b->d_output = b->input + input;
    b->partials = g->d_bias != NULL ? (float *)(void *)(b->d_output + d_output) : NULL;
    if (weight > 0)
        round_weight(queue, g->N, g->K, g->weight, b->weight);
    return true;
}

/* d_input (M, K) = d_output weight, times the derivative of the GELU before it. */
static void backward_input(struct vain_queue *queue, const struct backward *b, int64_t row,
                           int64_t rows)
{
    const struct vain_linear_gradient *g = b->gradient;
    struct vain_cuda_product p = {};
    p.rows = rows;
    p.columns = g->K;
    p.depth = b->bf16 ? padded(g->N) : g->N; /* zeros times zeros */
    p.A = b->bf16 ? (const void *)b->d_output : g->d_output + row * g->N;
    p.B = b->bf16 ? (const void *)b->weight : g->weight;
    p.A_stride = b->bf16 ? padded(g->N) : g->N;
    p.B_stride = b->bf16 ? padded(g->K) : g->K;
    p.D_stride = g->K;
    p.bf16 = b->bf16;
    p.D = g->d_input + row * g->K;
    p.C = p.D;
    if (g->pre_activation == NULL) {
        multiply_plainly(queue, p);
        return;
    }
    struct finish finish = {};
    finish.rows = rows;
    finish.columns = g->K;
    finish.kind = FINISH_GELU_GRADIENT;
    finish.pre_activation = (float *)g->pre_activation + row * g->K; /* read only */
    finish.product = finish.output = p.D;
    p.aux = finish.pre_activation;
    p.epilogue = CUBLASLT_EPILOGUE_DGELU;
    if (multiply_fused(queue, &p))
        return;
    multiply_plainly(queue, p);
    queue_finish(queue, &finish);
}

/* d_weight (N, K) += d_output^T input of these rows. */
static void backward_weight(struct vain_queue *queue, const struct backward *b, int64_t row,
                            int64_t rows)
{
    const struct vain_linear_gradient *g = b->gradient;
    struct vain_cuda_product p = {};
    p.rows = g->N;
    p.columns = g->K;
    p.depth = rows;
    p.A = b->bf16 ? (const void *)b->d_output : g->d_output + row * g->N;
    p.B = b->bf16 ? (const void *)b->input : g->input + row * g->K;
    p.A_stride = b->bf16 ? padded(g->N) : g->N;
    p.B_stride = b->bf16 ? padded(g->K) : g->K;
    p.A_transposed = true;
    p.D_stride = g->K;
    p.bf16 = b->bf16;
    p.beta = 1;
    p.D = g->d_weight;
    p.C = p.D;
    multiply_plainly(queue, p);
}

static void backward_piece(struct vain_queue *queue, const struct backward *b, int64_t row,
                           int64_t rows)
{
    const struct vain_linear_gradient *g = b->gradient;
    float *partials = b->partials == NULL ? NULL : b->partials + row / ROUNDED_ROWS * g->N;
    if (b->bf16 || partials != NULL)
        round_operand(queue, rows, g->N, g->d_output + row * g->N,
                      b->bf16 ? (void *)b->d_output : NULL, partials);
    if (b->bf16)
        round_operand(queue, rows, g->K, g->input + row * g->K, b->input, NULL);
    backward_weight(queue, b, row, rows);
    if (g->d_input != NULL)
        backward_input(queue, b, row, rows);
}

static void linear_gradient(struct vain_queue *queue, const struct vain_linear_gradient *g)
{
    struct backward b;
    if (g->M == 0)
        return;
    VAIN_ASSERT(g->N > 0 && g->K > 0);
    if (!backward_open(queue, g, &b))
        return;
    for (int64_t row = 0; row < g->M; row += b.rows)
        backward_piece(queue, &b, row, g->M - row < b.rows ? g->M - row : b.rows);
    if (b.partials == NULL)
        return;
    add_partials<<<(unsigned)vain_cuda_parts_of(g->N, THREADS), THREADS, 0,
                   vain_cuda_stream(queue)>>>(vain_cuda_parts_of(g->M, ROUNDED_ROWS), g->N,
                                              b.partials, g->d_bias);
    VAIN_CUDA_CHECK_LAUNCH(queue, "d_bias");
}

const struct vain_matmul_ops vain_cuda_matmul = {
    .linear = linear,
    .linear_gradient = linear_gradient,
};
