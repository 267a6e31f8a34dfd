#include "kernels/cpu/blas.h"

#include "kernels/cpu/processor.h"

#include <cblas.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* The only global state of this folder: the library itself has no more than one instance a process. */
static struct {
    void *library;
    void (*sgemm)(OPENBLAS_CONST enum CBLAS_ORDER order, OPENBLAS_CONST enum CBLAS_TRANSPOSE transpose_a,
                  OPENBLAS_CONST enum CBLAS_TRANSPOSE transpose_b, OPENBLAS_CONST blasint M, OPENBLAS_CONST blasint N,
                  OPENBLAS_CONST blasint K, OPENBLAS_CONST float alpha, OPENBLAS_CONST float *A,
                  OPENBLAS_CONST blasint lda, OPENBLAS_CONST float *B, OPENBLAS_CONST blasint ldb,
                  OPENBLAS_CONST float beta, float *C, OPENBLAS_CONST blasint ldc);
    void (*set_threads)(int threads);
    char *(*core)(void);
} blas;

/* dlsym gives an object pointer and POSIX says that it may be a function's. */
static bool find(const char *name, void *function_pointer)
{
    void *symbol = dlsym(blas.library, name);
    memcpy(function_pointer, &symbol, sizeof symbol);
    return symbol != NULL;
}

enum vain_status vain_blas_open(void)
{
    if (blas.library != NULL)
        return VAIN_OK;
    const char *core = vain_processor_blas_core();
    if (core != NULL)
        (void)setenv("OPENBLAS_CORETYPE", core, 0);
    /* Else it starts a thread a core that nobody uses. */
    (void)setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "OpenBLAS does not load: %s; install libopenblas0", dlerror());
    blas.library = library;
    if (!find("cblas_sgemm", &blas.sgemm) || !find("openblas_set_num_threads", &blas.set_threads) ||
        !find("openblas_get_corename", &blas.core)) {
        blas.library = NULL;
        (void)dlclose(library);
        return vain_fail(VAIN_ERR_UNAVAILABLE, "libopenblas.so.0 lacks cblas_sgemm; install libopenblas0");
    }
    blas.set_threads(1);
    return VAIN_OK;
}

const char *vain_blas_core(void)
{
    return blas.core();
}

static void multiply(const struct vain_product *p, enum CBLAS_TRANSPOSE transpose_a, enum CBLAS_TRANSPOSE transpose_b)
{
    if (p->M == 0 || p->N == 0)
        return;
    blas.sgemm(CblasRowMajor, transpose_a, transpose_b, (blasint)p->M, (blasint)p->N, (blasint)p->K, p->alpha, p->A,
               (blasint)p->A_stride, p->B, (blasint)p->B_stride, p->beta, p->C, (blasint)p->C_stride);
}

void vain_blas_nt(const struct vain_product *product)
{
    multiply(product, CblasNoTrans, CblasTrans);
}

void vain_blas_nn(const struct vain_product *product)
{
    multiply(product, CblasNoTrans, CblasNoTrans);
}

void vain_blas_tn(const struct vain_product *product)
{
    multiply(product, CblasTrans, CblasNoTrans);
}
