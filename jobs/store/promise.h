/* promises-<name>.bin: which set of members an input was promised to, so that a restart keeps to
 * it.
 *
 * Masks hide a member's words in a sum. Two sums over different sets of which one member's words
 * are equal would give away the difference, and after a restart a member makes the same words
 * again: same parameters, same batches. So before the first word of a round leaves, a line is made
 * durable here that names input and set; whoever comes back with the same input and meets another
 * set drops the input (jobs/masks.c).
 *
 * The file is lines of 112 bytes, appended:
 *     'VAINPROM' | u32 version | u32 attempt | u64 round | u64 input | parameters[32] | set[32] |
 *     hash[16], of all before it
 * A line cut short at the end was not durable, so no word followed it; it is cut off. A broken line
 * elsewhere is damage. */
#pragma once

#include "base/crypto.h"
#include "base/limits.h"
#include "base/world.h"

enum { VAIN_PROMISE_BYTES = 112 };

struct vain_promise {
    uint32_t attempt;
    uint64_t round,
        input; /* input: position in the member's data where the round's batches begin */
    uint8_t parameters_hash[VAIN_HASH_BYTES]; /* common ones at the round's start */
    uint8_t set_hash[VAIN_HASH_BYTES];        /* of who is in the sum, by what outlives a restart */
};

/* A line and back. VAIN_ERR_CORRUPT says what is wrong with one; VAIN_ERR_REFUSED: it is whole, but
 * of another version. Local. */
void vain_promise_encode(const struct vain_promise *promise,
                         uint8_t out[VAIN_MIN_LEN(VAIN_PROMISE_BYTES)]);
enum vain_status vain_promise_decode(const uint8_t data[VAIN_MIN_LEN(VAIN_PROMISE_BYTES)],
                                     struct vain_promise *out) VAIN_MUST_USE;

struct vain_promises;
/* Read the file of member `name` in `folder` (none: no promises); lines of rounds before
 * `oldest_round`, to which no restart goes back, are dropped from it. Gives the promises. Local. */
enum vain_status vain_promises_open(const char *folder, const char *name, struct vain_world *world,
                                    uint64_t oldest_round,
                                    struct vain_promises **out) VAIN_MUST_USE;
void vain_promises_close(struct vain_promises **promises);
/* Whether the promise's input (round, parameters, input) was promised to another set. */
bool vain_promises_forbid(const struct vain_promises *promises, const struct vain_promise *promise);
/* Durable when it returns. The input must not be forbidden (asserted). Blocks on the disk. */
enum vain_status vain_promises_make(struct vain_promises *promises,
                                    const struct vain_promise *promise) VAIN_MUST_USE;
/* Lines held. */
int64_t vain_promises_count(const struct vain_promises *promises);
