/* salts-<name>.bin: what opens a member's commitments (collectives/commit.h), for itself and for an
 * auditor to whom it shows them. Nothing in the program reads it back.
 *
 * The file, of mode 0600, is lines of 120 bytes, one an attempt, appended before the root leaves:
 *     'VAINSALT' | u32 version | u32 attempt | u64 epoch | u64 round | salt[32] | root[32] |
 *     zero[8] | hash[16], of all before it
 * A line that a crash cut short is cut off by the next. */
#pragma once

#include "base/crypto.h"
#include "base/world.h"

enum { VAIN_SALT_BYTES = 32, VAIN_SALT_LINE_BYTES = 120 };

struct vain_salt_line {
    uint64_t epoch, round; /* finished before it */
    uint32_t attempt;
    uint8_t salt[VAIN_SALT_BYTES], root[VAIN_HASH_BYTES];
};

/* Durable when it returns; blocks on the disk. VAIN_ERR_STORAGE. */
enum vain_status vain_salt_file_append(const char *folder, const char *name,
                                       struct vain_world *world,
                                       const struct vain_salt_line *line) VAIN_MUST_USE;
