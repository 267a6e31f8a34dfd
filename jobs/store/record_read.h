/* Frames of record.bin, as they lie there, for somebody who lacks them. */
#pragma once

#include "base/record.h"

/* Whole frames of rounds after `round`, oldest first, as many as fit `capacity`, which is at least
 * VAIN_RECORD_BYTES_MAX; none: out_bytes 0. `*offset` is where a call before this one has stopped
 * (0: at the start; at the end of the file before the last frame), and is moved on: a hint, which
 * costs nothing but time when it is wrong.
 * Signatures are not looked at: whoever is given them does that. VAIN_ERR_NOT_FOUND,
 * VAIN_ERR_CORRUPT, VAIN_ERR_STORAGE. Local; blocks on the disk. */
enum vain_status vain_record_read_after(const char *path, uint64_t round, uint8_t *out,
                                        size_t capacity, size_t *out_bytes,
                                        int64_t *offset) VAIN_MUST_USE;
