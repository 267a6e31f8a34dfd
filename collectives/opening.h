/* Opening a sum at level 2: the own secrets of all members of a set, disclosed by themselves or put
 * together from shares (docs/protocol.md, "Disclose").
 *
 * When it may begin is for the caller to know: a quorum has signed the set. Then every member gives
 * out its own secret; of who does not, the others give out their shares. What comes is checked
 * against what was dealt before words travelled, so nobody can make a sum come out wrong: a secret
 * that is not the one dealt is refused, and shares that do not fit are looked at one by one.
 *
 * Who answers whom is jobs/federation.h's; here is what they say. Members are indices in the set.
 * Local; one thread. */
#pragma once

#include "collectives/secagg.h"

struct vain_opening;

/* For sets of `members` with secagg's own masks of `threshold` (vain_secagg_use_own_masks);
 * secagg is borrowed. */
enum vain_status vain_opening_open(struct vain_secagg *secagg, int members, int own, int threshold,
                                   struct vain_opening **out) VAIN_MUST_USE;
/* Accepts NULL; wipes. */
void vain_opening_close(struct vain_opening **opening);

/* Bytes of what a member deals, and of what all of them do. */
size_t vain_opening_deal_bytes(const struct vain_opening *opening);
/* The own deal of the attempt under way, to be given to all. */
void vain_opening_deal(struct vain_opening *opening, uint8_t *out);
/* Everybody's deals (members, deal_bytes), copied. VAIN_SHARE_FINE, or what is wrong with that of
 * `*dealer`: then the attempt cannot be opened and must not go on. */
enum vain_share_fault vain_opening_begin(struct vain_opening *opening, const uint8_t *deals,
                                         int *dealer) VAIN_MUST_USE;

/* Give out the own secret; from here on it counts as known here too. */
void vain_opening_disclose(struct vain_opening *opening,
                           uint8_t out[VAIN_MIN_LEN(VAIN_SCALAR_BYTES)]);
/* Give out the own share of `dealer`'s secret. False: what it dealt holds none for this member. */
bool vain_opening_share(struct vain_opening *opening, int dealer,
                        uint8_t out[VAIN_MIN_LEN(VAIN_SCALAR_BYTES)]);
/* What others gave out. False: it is not what was dealt (a share: no scalar, or one that was given
 * twice and differs); whoever said it lies, or the dealer does. */
bool vain_opening_take_secret(struct vain_opening *opening, int dealer,
                              const uint8_t secret[VAIN_MIN_LEN(VAIN_SCALAR_BYTES)]);
bool vain_opening_take_share(struct vain_opening *opening, int holder, int dealer,
                             const uint8_t share[VAIN_MIN_LEN(VAIN_SCALAR_BYTES)]);

/* Whether the own share of `dealer`'s secret, if it was given out, is none that it committed to. */
bool vain_opening_share_is_wrong(const struct vain_opening *opening, int dealer);

bool vain_opening_knows(const struct vain_opening *opening, int member);
int vain_opening_missing(const struct vain_opening *opening);
int vain_opening_members(const struct vain_opening *opening);
int vain_opening_own(const struct vain_opening *opening);
/* The secret of `member`, which is known. */
const uint8_t *vain_opening_secret(const struct vain_opening *opening, int member);

/* All are known: takes the own masks off summed words (count). */
enum vain_status vain_opening_remove(struct vain_opening *opening, struct vain_queue *queue,
                                     uint32_t *words, int64_t count) VAIN_MUST_USE;
