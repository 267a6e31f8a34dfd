/* x86-64: the vector codes, best first, and the questions to CPUID (which includes whether the
 * system saves the registers). */
#include "kernels/cpu/processor.h"
#include "kernels/cpu/vector.h"

bool vain_processor_has_baseline(void)
{
    return true;
}

bool vain_processor_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool vain_processor_has_avx512(void)
{
    return vain_processor_has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

extern const struct vain_vector_code vain_vector_code_baseline, vain_vector_code_avx2,
    vain_vector_code_avx512;

const struct vain_vector_code *const vain_vector_codes[] = {
    &vain_vector_code_avx512,
    &vain_vector_code_avx2,
    &vain_vector_code_baseline,
    NULL,
};
