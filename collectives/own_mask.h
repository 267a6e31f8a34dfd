/* A member's own mask (docs/protocol.md, "Own masks"): a stream that only its owner can take off.
 *
 *     self_i = BLAKE2b("vain/secagg/self"; LE32 bytes of b_i),  b_i uniform below L, fresh in every
 *     attempt;  words_i += stream(self_i) in domain VAIN_MASK_OWN
 *
 * Pair masks cancel in the sum over a whole set, own masks do not: the sum says nothing until every
 * b_i is known, which its owner discloses, or `threshold` others put together from their shares of
 * it (share.h). That happens once for one set; so an attempt that fails before leaves the inputs as
 * hidden as they were. b_i and its polynomial live from begin to end and are wiped then. */
#pragma once

#include "collectives/context.h"
#include "collectives/share.h"

struct vain_own_mask;

/* Memory for the polynomials of a run. Gives the own mask; close accepts NULL and wipes. */
enum vain_status vain_own_mask_open(int threshold, struct vain_own_mask **out) VAIN_MUST_USE;
void vain_own_mask_close(struct vain_own_mask **own);
int vain_own_mask_threshold(const struct vain_own_mask *own);

/* A new secret and polynomial for the attempt of `context`, and the mask to add to its words. The
 * one before has ended (asserted). Local. */
void vain_own_mask_begin(struct vain_own_mask *own, const struct vain_context *context,
                         struct vain_mask *mask);
/* commitments (threshold); the share of the member at `index`. Between begin and end. */
void vain_own_mask_commit(const struct vain_own_mask *own, struct vain_point *commitments);
void vain_own_mask_share(const struct vain_own_mask *own, int index, struct vain_scalar *out);
/* Wipes secret and polynomial; fine if none is under way. */
void vain_own_mask_end(struct vain_own_mask *own);

/* Give out the secret, between begin and end of the attempt that it was made for (asserted). */
void vain_own_mask_disclose(struct vain_own_mask *own, const struct vain_context *context,
                            struct vain_scalar *out);
/* Something that opens a sum of the attempt under way has been given out: the own secret (disclose
 * says so itself), or a share of another's. A bug if something was given out for another attempt of
 * the same round, or of a later one: with two sums over two sets the difference is somebody's
 * delta. Within this process; over restarts the caller's promises say it. */
void vain_own_mask_mark_disclosed(struct vain_own_mask *own, const struct vain_context *context);

/* The seed that a secret stands for. Local. */
void vain_own_mask_seed(const struct vain_scalar *secret,
                        uint8_t out[VAIN_MIN_LEN(VAIN_MASK_SEED_BYTES)]);
/* Take the own masks of all members, secrets (count), off summed words (words_count), which are
 * elements first, first + 1, ... of the vector: a shard, or all. Cost: `count` streams of
 * words_count words. Returns when the device has done it. */
enum vain_status vain_own_masks_remove(struct vain_queue *queue, const struct vain_scalar *secrets,
                                       int count, uint64_t first, int64_t words_count,
                                       uint32_t *words) VAIN_MUST_USE;
