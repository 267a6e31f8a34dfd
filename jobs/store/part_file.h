/* Temporary files: "<path>.part-<host>-<pid>" until they are complete and renamed.
 *
 * The host is in the name because a folder may be shared by many: whether process 4711 still lives
 * can be asked on its own host only. */
#pragma once

#include "base/limits.h"
#include "base/status.h"

enum { VAIN_PART_PATH_BYTES = VAIN_PATH_BYTES + 96 };

/* Name of the temporary file that becomes `path`. */
void vain_part_path(const char *path, char out[VAIN_MIN_LEN(VAIN_PART_PATH_BYTES)]);
/* Whether `name` is such a temporary file of a process of this host that has ended. */
bool vain_part_is_stale(const char *name);
/* Make the empty file `part` with `mode`, in place of one that an earlier process of the same
 * number left. Gives the descriptor. VAIN_ERR_STORAGE: names `path`. With `expected_bytes` > 0 it
 * is refused here, with the numbers, when the file system has less room: better than after half of
 * the work. */
enum vain_status vain_part_create(const char *part, const char *path, int mode,
                                  int64_t expected_bytes, int *descriptor) VAIN_MUST_USE;
