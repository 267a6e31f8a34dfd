/* What this processor has: one question a vector code, one source file an architecture (processor_x86.c, or
 * processor_portable.c where the compiler's own choice is the only code). */
#pragma once

#include <stdbool.h>

bool vain_processor_has_baseline(void);
bool vain_processor_has_avx2(void);
bool vain_processor_has_avx512(void);

/* The core name that makes OpenBLAS use what this processor has, NULL if its own choice is fine. A release that is
 * older than the processor does not know it and falls back to code of 2004, a fifth as fast. */
const char *vain_processor_blas_core(void);
