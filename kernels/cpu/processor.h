/* What this processor has: one question a vector code, one source file an architecture
 * (processor_x86.c, or processor_portable.c where the compiler's own choice is the only code). */
#pragma once

#include <stdbool.h>

bool vain_processor_has_baseline(void);
bool vain_processor_has_avx2(void);
bool vain_processor_has_avx512(void);
