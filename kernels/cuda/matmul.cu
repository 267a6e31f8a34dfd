/* The GPU's linear layers: products by cuBLASLt, and what happens to them while or after they are
 * written.
 *
 * Matrices are float32 in device memory. In bf16 precision the operands are rounded into scratch
 * first, rows padded to a multiple of 8 so that any shape meets the matrix units; the pass that
 * rounds d_output also sums its columns for d_bias. Long operands go through the scratch in pieces
 * of rows. Sums, masters and results stay float32.
 *
 * Bias, GELU, its derivative and the residual ride on the product where cuBLASLt has an algorithm
 * for that; otherwise, and always in float32 precision, one pointwise kernel follows. Which
 * algorithm a shape gets is asked once and kept, so equal calls give equal bits. Schemes that split
 * a sum add its parts in a fixed order (no atomics).
 *
 * Letters: M rows, N output channels, K input channels. */
#include <cublasLt.h>
#include <cuda_bf16.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/dropout.h"

enum {
    THREADS = 256,
    ROUNDED_COLUMNS = 128, /* of a block that rounds: 4 a lane */
    ROUNDED_ROWS = 256,    /* and its rows; a partial sum of a column covers them */
    ROW_LANES = THREADS / 32,
    PLANS = 512 /* shapes whose algorithms are kept */
};
static const int64_t rounded_bytes_most = (int64_t)512 << 20; /* of pieces of rows in scratch */

/* ---- Products: cuBLASLt in row-major words ---- */

/* D (rows, columns) = A B + beta C, row-major; C has D's shape and stride. */
struct product {
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

/* What an algorithm depends on; compared as bytes, so it has no gaps. */
struct plan_key {
    int64_t rows, columns, depth, A_stride, B_stride, D_stride;
    uint32_t flags, epilogue;
    uint32_t alignments[6]; /* of A, B, C, D, bias, aux: up to 256 */
};

struct plan {
    struct plan_key key;
    bool known, possible;
    cublasLtMatmulAlgo_t algorithm;
};

struct matmul_state {
    cublasLtHandle_t handle;
    struct plan plans[PLANS];
};

enum vain_status vain_cuda_matmul_open(struct vain_cuda *cuda)
{
    void *memory;
    cuda->matmul = NULL;
    VAIN_TRY(vain_take(sizeof(struct matmul_state), "plans of matrix products", &memory));
    struct matmul_state *state = (struct matmul_state *)memory;
    const cublasStatus_t status = cublasLtCreate(&state->handle);
    if (status != CUBLAS_STATUS_SUCCESS) {
        vain_release(memory);
        return vain_fail(VAIN_ERR_UNAVAILABLE,
                         "cuBLASLt does not start on GPU %d: %s; device: cpu works without it",
                         cuda->index, cublasLtGetStatusString(status));
    }
    cuda->matmul = state;
    return VAIN_OK;
}

void vain_cuda_matmul_close(struct vain_cuda *cuda)
{
    struct matmul_state *state = (struct matmul_state *)cuda->matmul;
    if (state == NULL)
        return;
    (void)cublasLtDestroy(state->handle);
    vain_release(state);
    cuda->matmul = NULL;
}

static bool note_library(struct vain_cuda *cuda, cublasStatus_t status, const char *call)
{
    if (status == CUBLAS_STATUS_SUCCESS)
        return true;
    char place[96];
    (void)snprintf(place, sizeof place, "%s: %s", call, cublasLtGetStatusString(status));
    return vain_cuda_note(cuda, cudaErrorUnknown, place);
}

static uint32_t alignment_of(const void *pointer)
{
    const uintptr_t address = (uintptr_t)pointer;
    return pointer == NULL || address % 256 == 0 ? 256 : (uint32_t)(address & (~address + 1));
}

static struct plan_key key_of(const struct product *p)
{
    struct plan_key key;
    memset(&key, 0, sizeof key);
    key.rows = p->rows;
    key.columns = p->columns;
    key.depth = p->depth;
    key.A_stride = p->A_stride;
    key.B_stride = p->B_stride;
    key.D_stride = p->D_stride;
    key.flags = (p->A_transposed ? 1u : 0u) | (p->B_transposed ? 2u : 0u) | (p->bf16 ? 4u : 0u) |
                (p->beta == 0 ? 8u : 0u) | (p->C == p->D ? 16u : 0u);
    key.epilogue = p->epilogue;
    const void *const pointers[] = {p->A, p->B, p->C, p->D, p->bias, p->aux};
    for (size_t i = 0; i < VAIN_COUNT_OF(pointers); i++)
        key.alignments[i] = alignment_of(pointers[i]);
    return key;
}

/* The library counts in columns: a row-major matrix is its transpose there. So its first factor is
 * our B and its second our A, and D comes out transposed, which is what we want. */
struct description {
    cublasLtMatmulDescOpaque_t product;
    cublasLtMatrixLayoutOpaque_t first, second, result;
};

static cublasStatus_t set(struct description *d, cublasLtMatmulDescAttributes_t attribute,
                          const void *value, size_t bytes)
{
    return cublasLtMatmulDescSetAttribute(&d->product, attribute, value, bytes);
}

static cublasStatus_t describe_epilogue(const struct product *p, struct description *d)
{
    cublasStatus_t status = set(d, CUBLASLT_MATMUL_DESC_EPILOGUE, &p->epilogue, sizeof p->epilogue);
    if (status == CUBLAS_STATUS_SUCCESS && p->bias != NULL) {
        const int32_t type = CUDA_R_32F;
        status = set(d, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p->bias, sizeof p->bias);
        if (status == CUBLAS_STATUS_SUCCESS)
            status = set(d, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &type, sizeof type);
    }
    if (status == CUBLAS_STATUS_SUCCESS && p->aux != NULL) {
        status = set(d, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, &p->aux, sizeof p->aux);
        if (status == CUBLAS_STATUS_SUCCESS)
            status = set(d, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, &p->D_stride, sizeof p->D_stride);
    }
    return status;
}

static cublasStatus_t describe(const struct product *p, enum vain_precision precision,
                               struct description *d)
{
    const cudaDataType_t type = p->bf16 ? CUDA_R_16BF : CUDA_R_32F;
    const cublasComputeType_t compute = !p->bf16 && precision == VAIN_PRECISION_TF32
                                            ? CUBLAS_COMPUTE_32F_FAST_TF32
                                            : CUBLAS_COMPUTE_32F;
    const int32_t first = p->B_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    const int32_t second = p->A_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasStatus_t status = cublasLtMatmulDescInit(&d->product, compute, CUDA_R_32F);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = set(d, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = set(d, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = describe_epilogue(p, d);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutInit(
            &d->first, type, (uint64_t)(p->B_transposed ? p->depth : p->columns),
            (uint64_t)(p->B_transposed ? p->columns : p->depth), p->B_stride);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutInit(
            &d->second, type, (uint64_t)(p->A_transposed ? p->rows : p->depth),
            (uint64_t)(p->A_transposed ? p->depth : p->rows), p->A_stride);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutInit(&d->result, CUDA_R_32F, (uint64_t)p->columns,
                                          (uint64_t)p->rows, p->D_stride);
    return status;
}

/* Ask the library for an algorithm; `possible` stays false where it has none. */
static void find_algorithm(struct matmul_state *state, struct description *d, struct plan *plan)
{
    cublasLtMatmulPreferenceOpaque_t preference;
    cublasLtMatmulHeuristicResult_t found;
    const uint64_t workspace = VAIN_CUDA_WORKSPACE_BYTES;
    const uint32_t *alignments = plan->key.alignments;
    int count = 0;
    plan->known = true;
    plan->possible = false;
    bool made =
        cublasLtMatmulPreferenceInit(&preference) == CUBLAS_STATUS_SUCCESS &&
        cublasLtMatmulPreferenceSetAttribute(&preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                             &workspace, sizeof workspace) == CUBLAS_STATUS_SUCCESS;
    /* The library's first factor is B. */
    const struct {
        cublasLtMatmulPreferenceAttributes_t attribute;
        uint32_t bytes;
    } wanted[] = {
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignments[1]},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignments[0]},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignments[2]},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignments[3]},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(wanted); i++)
        made = made && cublasLtMatmulPreferenceSetAttribute(
                           &preference, wanted[i].attribute, &wanted[i].bytes,
                           sizeof wanted[i].bytes) == CUBLAS_STATUS_SUCCESS;
    if (!made || cublasLtMatmulAlgoGetHeuristic(state->handle, &d->product, &d->first, &d->second,
                                                &d->result, &d->result, &preference, 1, &found,
                                                &count) != CUBLAS_STATUS_SUCCESS)
        return;
    plan->possible = count > 0 && found.state == CUBLAS_STATUS_SUCCESS;
    plan->algorithm = found.algo;
}

/* The plan of a key: kept, or found now. A full table forgets one. */
static const struct plan *plan_of(struct matmul_state *state, const struct plan_key *key,
                                  struct description *d)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < sizeof *key; i++)
        hash = (hash ^ ((const unsigned char *)key)[i]) * 16777619u;
    struct plan *plan = &state->plans[hash % PLANS];
    for (uint32_t i = 0; i < 8; i++) {
        plan = &state->plans[(hash + i) % PLANS];
        if (!plan->known || memcmp(&plan->key, key, sizeof *key) == 0)
            break;
    }
    if (!plan->known || memcmp(&plan->key, key, sizeof *key) != 0) {
        plan->key = *key;
        find_algorithm(state, d, plan);
    }
    return plan;
}

/* Queue a product; false if the library has no algorithm for it as it stands. */
static bool multiply(struct vain_queue *queue, const struct product *p)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    struct vain_cuda *cuda = queue->device->cuda;
    struct matmul_state *state = (struct matmul_state *)cuda->matmul;
    struct description d;
    const float one = 1;
    if (describe(p, cuda->precision, &d) != CUBLAS_STATUS_SUCCESS)
        return false;
    const struct plan_key key = key_of(p);
    const struct plan *plan = plan_of(state, &key, &d);
    if (!plan->possible)
        return false;
    (void)note_library(cuda,
                       cublasLtMatmul(state->handle, &d.product, &one, p->B, &d.first, p->A,
                                      &d.second, &p->beta, p->C, &d.result, p->D, &d.result,
                                      &plan->algorithm, cuda->workspace, VAIN_CUDA_WORKSPACE_BYTES,
                                      stream),
                       "cublasLtMatmul");
    return true;
}

/* A product that must be possible: no epilogue. */
static void multiply_plainly(struct vain_queue *queue, struct product p)
{
    p.epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    p.bias = NULL;
    p.aux = NULL;
    if (!multiply(queue, &p))
        (void)vain_cuda_note(queue->device->cuda, cudaErrorNotSupported,
                             "cuBLASLt has no algorithm for a product");
}

/* With its epilogue if that is possible; says whether it was. */
static bool multiply_fused(struct vain_queue *queue, const struct product *p)
{
    const bool aligned = p->aux == NULL || (p->D_stride % 8 == 0 && alignment_of(p->aux) >= 16);
    return aligned && queue->device->cuda->precision != VAIN_PRECISION_FLOAT32 &&
           multiply(queue, p);
}

/* ---- Operands rounded to bf16, and column sums on the way ---- */

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
        if (whole && column < columns) {
            const float4 four = *(const float4 *)(source + row * columns + column);
            x[0] = four.x, x[1] = four.y, x[2] = four.z, x[3] = four.w;
        } else {
            for (int i = 0; i < 4; i++)
                x[i] = column + i < columns ? source[row * columns + column + i] : 0;
        }
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

/* ---- What follows a product that could not carry it ---- */

enum finish_kind { FINISH_BIAS, FINISH_GELU, FINISH_RESIDUAL, FINISH_GELU_GRADIENT };

/* Pointers are (rows, columns) and dense; see the kinds in `finish_one`. */
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

static __device__ inline void finish_one(const struct finish &f, int64_t at, float bias,
                                         float factor)
{
    if (f.kind == FINISH_GELU_GRADIENT) {
        f.output[at] = f.product[at] * gelu_derivative(f.pre_activation[at]);
        return;
    }
    const float x = f.bias != NULL ? f.product[at] + bias : f.product[at];
    if (f.kind == FINISH_BIAS) {
        f.output[at] = x;
    } else if (f.kind == FINISH_GELU) {
        f.pre_activation[at] = x;
        f.output[at] = gelu(x);
    } else {
        f.output[at] = f.residual[at] + (f.dropout.drops ? factor * x : x);
    }
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
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (column + j < f.columns)
                finish_one(f, at + j, f.bias != NULL ? f.bias[column + j] : 0, factors[j]);
    }
}

static void queue_finish(struct vain_queue *queue, const struct finish *finish)
{
    const int64_t count = finish->rows * ((finish->columns + 3) / 4);
    finish_rows<<<vain_cuda_grid(vain_cuda_parts_of(count, THREADS), 1 << 20), THREADS, 0,
                  vain_cuda_stream(queue)>>>(*finish);
    VAIN_CUDA_CHECK_LAUNCH(queue, "finishing a product");
}

/* ---- Forwards ---- */

/* The scratch of a forward op, and how many rows go through it at once. */
struct forward {
    const struct vain_linear *linear;
    bool bf16, aside; /* whether the product waits in scratch for its residual */
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
    f->rows = piece_rows(l->M, (f->bf16 ? padded(l->K) * 2 : 0) + (f->aside ? l->N * 4 : 0));
    const int64_t weight = f->bf16 ? rounded_bytes(l->N, l->K) : 0;
    const int64_t input = f->bf16 ? rounded_bytes(f->rows, l->K) : 0;
    const int64_t product = f->aside ? f->rows * l->N * 4 : 0;
    if (weight + input + product == 0)
        return true;
    f->weight = (unsigned char *)vain_cuda_scratch(queue, (size_t)(weight + input + product));
    if (f->weight == NULL)
        return false;
    f->input = f->weight + weight;
    f->product = (float *)(void *)(f->input + input);
    if (f->bf16)
        round_operand(queue, l->N, l->K, l->weight, f->weight, NULL);
    return true;
}

static struct product forward_product(const struct forward *f, int64_t row, int64_t rows)
{
    const struct vain_linear *l = f->linear;
    struct product p = {};
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

static void forward_bias(struct vain_queue *queue, const struct forward *f, int64_t row,
                         int64_t rows)
{
    const struct product p = forward_product(f, row, rows);
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
    struct product p = forward_product(f, row, rows);
    p.aux = f->linear->pre_activation + row * p.D_stride;
    p.epilogue = p.bias != NULL ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
    if (multiply_fused(queue, &p))
        return;
    struct finish finish = {};
    finish.rows = rows;
    finish.columns = p.columns;
    finish.kind = FINISH_GELU;
    finish.bias = p.bias;
    finish.product = finish.pre_activation = p.aux;
    finish.output = p.D;
    p.C = p.D = p.aux;
    multiply_plainly(queue, p);
    queue_finish(queue, &finish);
}

static void forward_residual(struct vain_queue *queue, const struct forward *f, int64_t row,
                             int64_t rows)
{
    const struct vain_linear *l = f->linear;
    const struct vain_cuda_dropout dropout = vain_cuda_dropout_of(&l->dropout);
    struct product p = forward_product(f, row, rows);
    const float *residual = l->residual + row * l->N;
    if (!dropout.drops) {
        struct product fused = p;
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
    const int64_t weight = b->bf16 && g->d_input != NULL ? rounded_bytes(g->N, g->K) : 0;
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
        round_operand(queue, g->N, g->K, g->weight, b->weight, NULL);
    return true;
}

/* d_input (M, K) = d_output weight, times the derivative of the GELU before it. */
static void backward_input(struct vain_queue *queue, const struct backward *b, int64_t row,
                           int64_t rows)
{
    const struct vain_linear_gradient *g = b->gradient;
    struct product p = {};
    p.rows = rows;
    p.columns = g->K;
    p.depth = g->N;
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
    struct product p = {};
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
