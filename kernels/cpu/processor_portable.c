/* Any other architecture: what the compiler makes of the sources by default, and OpenBLAS chooses for itself. */
#include "kernels/cpu/processor.h"
#include "kernels/cpu/vector.h"

bool vain_processor_has_baseline(void)
{
    return true;
}

const char *vain_processor_blas_core(void)
{
    return NULL;
}

extern const struct vain_vector_code vain_vector_code_baseline;

const struct vain_vector_code *const vain_vector_codes[] = {
    &vain_vector_code_baseline,
    NULL,
};
