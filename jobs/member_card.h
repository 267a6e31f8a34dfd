/* Who a member is, for those it meets: its pinned key, and the card that it shows. */
#pragma once

#include "base/card.h"
#include "base/option.h"
#include "base/record.h"
#include "base/world.h"

/* Opens <folder>/<name>.key, which must be the key whose id is `pinned` (64 digits). The statuses
 * of vain_signer_open_file; VAIN_ERR_AUTH for another key. */
enum vain_status vain_member_key_open(const char *folder, const char *name, const char *pinned,
                                      struct vain_signer *out) VAIN_MUST_USE;

/* The card of `name`, signed: at most VAIN_CARD_BYTES_MAX bytes. The signer's failure. */
enum vain_status vain_member_card_make(struct vain_signer *signer, const char *name,
                                       uint8_t out[VAIN_MIN_LEN(VAIN_CARD_BYTES_MAX)],
                                       size_t *out_bytes) VAIN_MUST_USE;
/* Who it says, and proves, that he is. VAIN_ERR_AUTH: no card, or its certificate does not hold now
 * by the world's clock, give or take an hour. */
enum vain_status vain_member_card_accept(const uint8_t *card, size_t bytes,
                                         struct vain_world *world,
                                         struct vain_record_member *out) VAIN_MUST_USE;
/* Whether it is who the spec lists: the name, and the key if one is pinned. VAIN_ERR_AUTH; `where`
 * is for the message. */
enum vain_status vain_member_card_check(const struct vain_record_member *member,
                                        const struct vain_option_member *listed,
                                        const char *where) VAIN_MUST_USE;
