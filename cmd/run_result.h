/* What `vain run` prints at its end. */
#pragma once

#include "jobs/run.h"

/* To standard output, as text or as one JSON object. `directory` has the run's files; peak_bytes is
 * the memory of a process. The exit code: 0, or 1 when standard output cannot be written. */
int vain_run_result_print(const struct vain_run_result *result, const char *directory,
                          int64_t peak_bytes, bool json);
