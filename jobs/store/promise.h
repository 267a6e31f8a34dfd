/* promises-<name>.bin: which set of members each part of a member's data was promised to.
 *
 * Masks hide a member's words in a sum. Two sums over different sets of which one member's words
 * are equal, or nearly, would give away the difference, and after a restart a member makes the same
 * words again: same parameters, same batches. So before the first word of a round leaves, a line is
 * made durable here that names the round's batches and the set, and batches that were promised to
 * one set never go to another, whatever the round and the parameters (jobs/masks.c passes over
 * them).
 *
 * The file, of mode 0600, is lines of 120 bytes, appended and never removed:
 *     'VAINPROM' | u32 version | u32 attempt | u64 round | u64 first batch | u64 batches |
 *     parameters[32] | set[32] | hash[16], of all before it
 * A line cut short at the end, or of zeros, was not durable, so no word followed it; it is cut off.
 * Any other line that does not hold is damage. */
#pragma once

#include "base/crypto.h"
#include "base/limits.h"
#include "base/world.h"

enum { VAIN_PROMISE_BYTES = 120 };

struct vain_promise {
    uint32_t attempt;
    uint64_t round;
    uint64_t input, batches; /* position in the member's data where the round's batches begin; how
                                many there are */
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
/* Read the file of member `name` in `folder`; one that is not there holds nothing and is made by
 * the first promise. Gives the promises. Local; blocks on the disk. */
enum vain_status vain_promises_open(const char *folder, const char *name, struct vain_world *world,
                                    struct vain_promises **out) VAIN_MUST_USE;
void vain_promises_close(struct vain_promises **promises);
/* Take over what the file of `name` in another folder says and this one does not hold, durably: for
 * a start that goes on from there. Local; blocks on the disk. */
enum vain_status vain_promises_adopt(struct vain_promises *promises, const char *folder,
                                     const char *name) VAIN_MUST_USE;
/* Whether some of the promise's batches were promised to another set. */
bool vain_promises_forbid(const struct vain_promises *promises, const struct vain_promise *promise);
/* Durable when it returns. The input must not be forbidden (asserted). Blocks on the disk. */
enum vain_status vain_promises_make(struct vain_promises *promises,
                                    const struct vain_promise *promise) VAIN_MUST_USE;
/* The same for an input that was promised to another set of which nothing can be opened any more:
 * its words carried own masks, and this process, which has never disclosed what opens them, says
 * so. */
enum vain_status vain_promises_make_anew(struct vain_promises *promises,
                                         const struct vain_promise *promise) VAIN_MUST_USE;
/* Lines held. */
int64_t vain_promises_count(const struct vain_promises *promises);
