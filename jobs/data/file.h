/* Files that others made: opened without trust, mapped read-only. */
#pragma once

#include "base/status.h"

/* Map the regular file `path`; `mapping` (never NULL on success) is released with vain_file_unmap.
 * Opening never waits, even for a FIFO without a writer. Statuses as in vain_corpus_open; messages
 * begin with the path. */
enum vain_status vain_file_map(const char *path, void **mapping, size_t *bytes) VAIN_MUST_USE;
/* NULL is fine. */
void vain_file_unmap(void *mapping, size_t bytes);
