/* Products by cuBLASLt: its handle, descriptions of ours in its words, and a table of algorithms.
 *
 * Asking the library which algorithm suits a shape takes longer than many a product, so answers are
 * kept, "none" too. They depend on shapes, types, epilogue and the alignment of the pointers. */
#include "kernels/cuda/product.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { PLANS = 512 /* shapes whose algorithms are kept */ };

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

static struct plan_key key_of(const struct vain_cuda_product *p)
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

static cublasStatus_t describe_epilogue(const struct vain_cuda_product *p, struct description *d)
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

static cublasStatus_t describe(const struct vain_cuda_product *p, enum vain_precision precision,
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

bool vain_cuda_multiply(struct vain_queue *queue, const struct vain_cuda_product *p)
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
