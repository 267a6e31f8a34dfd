/* Secure aggregation: keys that only pairs know, and the masks made of them (docs/protocol.md,
 * "Start" and "Masks", draws the bytes).
 *
 * Member i sends y_i = q_i + SUM_{j after i} stream(s_ij) - SUM_{j before i} stream(s_ij) modulo
 * 2^32, members in ascending order of their ids. In the sum over all members every stream comes
 * once with each sign, so the masks are gone; anything less than the whole sum is uniformly random
 * to whoever lacks one of the seeds (Bonawitz et al. 2017, pairwise masks only).
 *
 * Keys of one start of a run, in three messages that everybody gives to all others:
 *
 *     nonce         32 random bytes; the hash over all of them is the session;
 *     announcement  the session and a fresh X25519 key, signed by the member's own key. One that
 *                   was recorded in an earlier start names another session and is refused;
 *     proof         for every other member a hash under the pair's key, which shows that both ends
 *                   have the same one.
 *
 * With own masks (level 2) a member adds a stream of its own, whose secret it shares among the
 * others (own_mask.h, share.h, share_message.h). Then a sum over all opens only when the own masks
 * come off, so an attempt that fails before that has shown nothing and the same input may be used
 * again. Without them (level 1) an attempt that fails burns its input.
 *
 * The X25519 secret is wiped as soon as the pair keys are made, a seed as soon as the words of its
 * attempt are made, the own mask's secret at the end of its attempt, the pair keys at the end of
 * the run. None of them is ever written anywhere. */
#pragma once

#include "base/identity.h"
#include "base/record.h"
#include "collectives/context.h"
#include "collectives/share_message.h"

enum {
    VAIN_SECAGG_NONCE_BYTES = 32,
    VAIN_SECAGG_ANNOUNCEMENT_BYTES = 32 + VAIN_X25519_BYTES + VAIN_SIGNATURE_BYTES,
    VAIN_SECAGG_PROOF_BYTES = 32,
    VAIN_SECAGG_MEMBERS_MIN = 3 /* in the sum of two each knows the other's part */
};

struct vain_secagg;

/* members (member_count) in ascending order of their ids, which differ; borrowed, as long as the
 * secagg lives. Makes the X25519 key. Gives the secagg. VAIN_ERR_REFUSED for equal ids,
 * VAIN_ERR_INPUT for fewer than VAIN_SECAGG_MEMBERS_MIN unless allow_small. Local. */
enum vain_status vain_secagg_open(const struct vain_record_member *members, int member_count,
                                  int own_index, bool allow_small,
                                  struct vain_secagg **out) VAIN_MUST_USE;
/* Accepts NULL; wipes all keys. */
void vain_secagg_close(struct vain_secagg **secagg);

/* The start, in this order; all local, by member index (order of ids). */
void vain_secagg_set_session(struct vain_secagg *secagg, const uint8_t *nonces /* (n, 32) */);
enum vain_status
vain_secagg_announce(const struct vain_secagg *secagg, struct vain_signer *signer,
                     uint8_t out[VAIN_MIN_LEN(VAIN_SECAGG_ANNOUNCEMENT_BYTES)]) VAIN_MUST_USE;
/* announcements (n, VAIN_SECAGG_ANNOUNCEMENT_BYTES): VAIN_ERR_AUTH names the member and what is
 * wrong (another start's, signature, a point of low order, somebody else's key). Then pair keys
 * exist. */
enum vain_status vain_secagg_accept(struct vain_secagg *secagg,
                                    const uint8_t *announcements) VAIN_MUST_USE;
/* out (n, VAIN_SECAGG_PROOF_BYTES): what this member shows each other one; zeros for itself. */
void vain_secagg_prove(const struct vain_secagg *secagg, uint8_t *out);
/* proofs (n, n, VAIN_SECAGG_PROOF_BYTES), by who shows, then to whom: VAIN_ERR_AUTH names a pair
 * whose ends have different keys. */
enum vain_status vain_secagg_check(struct vain_secagg *secagg, const uint8_t *proofs) VAIN_MUST_USE;

/* The masks of one attempt. `input` names what will be masked: words of one input are never masked
 * for two sets (asserted; jobs/store/promise.h keeps it over restarts), since the difference of the
 * two sums would be a member's own. (round, attempt) rises from call to call. Borrowed until
 * vain_secagg_wipe_seeds. With own masks a fresh one is the last of them, and the same input may go
 * to another set as long as nothing was disclosed for the one before. */
const struct vain_masks *vain_secagg_begin(struct vain_secagg *secagg,
                                           const struct vain_context *context, uint64_t input);
void vain_secagg_wipe_seeds(struct vain_secagg *secagg);

/* From the next vain_secagg_begin on pair masks are with `neighbours` members only, those of the
 * attempt's mask_graph.h. Once. */
enum vain_status vain_secagg_use_graph(struct vain_secagg *secagg, int neighbours) VAIN_MUST_USE;

/* ---- own masks (level 2) --------------------------------------------------------------------- */

/* From the next vain_secagg_begin on words carry an own mask, whose secret any `threshold` other
 * members can put together (collectives/quorum.h; that of the round's first set). In groups of more
 * than VAIN_MASK_COMPLETE_MAX pair masks are with vain_mask_degree's neighbours only: against a
 * third of the members, which is what the threshold bears, that is as good as masks with all
 * (mask_graph.h). Shares go to all in any group. Once. */
enum vain_status vain_secagg_use_own_masks(struct vain_secagg *secagg, int threshold) VAIN_MUST_USE;
/* What this member sends to all in the attempt under way, between begin and finish: out
 * (vain_share_message_bytes(members, threshold)). Boxes have new nonces in every call, so that a
 * message is made once and kept. */
void vain_secagg_deal(const struct vain_secagg *secagg, uint8_t *out);
/* Check the message of another member in the attempt under way, and that its box for this member
 * opens. What the fault is about is `dealer`. Whether the share fits is not looked at: see
 * vain_share_recover. `out` points into data. */
enum vain_share_fault vain_secagg_check_deal(const struct vain_secagg *secagg, int dealer,
                                             const uint8_t *data, size_t bytes,
                                             struct vain_share_message *out) VAIN_MUST_USE;
/* Give out the own secret, or the share of `dealer`'s from the message that it dealt, between begin
 * and finish. When that may be is for the caller to know: a quorum has signed one set. That it is
 * never done for two attempts of a round is asserted. `out` is zeros if there is a fault. */
void vain_secagg_disclose(struct vain_secagg *secagg, struct vain_scalar *out);
enum vain_share_fault vain_secagg_disclose_share(struct vain_secagg *secagg, int dealer,
                                                 const uint8_t *data, size_t bytes,
                                                 struct vain_share *out) VAIN_MUST_USE;
/* The attempt is over: wipes the own secret and its polynomial. Before the next begin. */
void vain_secagg_end_attempt(struct vain_secagg *secagg);

/* The key schedule alone, for vectors. lo and hi are by member id. */
enum vain_status vain_secagg_pair_key(const uint8_t secret[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                                      const uint8_t peer[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                                      const uint8_t low_public[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                                      const uint8_t high_public[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                                      uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]) VAIN_MUST_USE;
void vain_secagg_seed(const uint8_t pair_key[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                      const struct vain_context *context,
                      uint8_t out[VAIN_MIN_LEN(VAIN_MASK_SEED_BYTES)]);
