/* Any other architecture: what the compiler makes of the sources by default. */
#include "kernels/cpu/processor.h"
#include "kernels/cpu/vector.h"

bool vain_processor_has_baseline(void)
{
    return true;
}

extern const struct vain_vector_code vain_vector_code_baseline;

const struct vain_vector_code *const vain_vector_codes[] = {
    &vain_vector_code_baseline,
    NULL,
};
