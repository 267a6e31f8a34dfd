/* What a dealer sends to all members about the secret behind its own mask: commitments, and for
 * each other member a box with its share (docs/protocol.md, "Own masks").
 *
 *   u16 version (1) | u16 members n | u16 threshold t | u16 dealer's index |
 *   attempt[32]: BLAKE2b("vain/secagg/try"; ctx) | t commitments[32] | n boxes[72]
 *
 * little-endian; the dealer's own box is zeros. All members get the same bytes, so that they can
 * compare one hash of them: a dealer that commits to different things before different members is
 * found out, if that hash is among what they sign.
 *
 * A box opens with the key of its pair and for its attempt, dealer and holder only. What is wrong
 * with a message is another member's doing and so no status but a fault: data that the caller keeps
 * with the message as evidence. */
#pragma once

#include "base/box.h"
#include "collectives/context.h"
#include "collectives/share.h"

enum {
    VAIN_SHARE_HEAD_BYTES = 4 * 2 + VAIN_HASH_BYTES,
    VAIN_SHARE_BOX_BYTES = VAIN_SCALAR_BYTES + VAIN_BOX_EXTRA_BYTES
};

struct vain_sealed_share {
    uint8_t bytes[VAIN_SHARE_BOX_BYTES];
};
struct vain_share_message {
    int members, threshold, dealer;
    uint8_t attempt[VAIN_HASH_BYTES];
    const struct vain_point *commitments;  /* (threshold) borrowed */
    const struct vain_sealed_share *boxes; /* (members) borrowed */
};

enum vain_share_fault {
    VAIN_SHARE_FINE,
    VAIN_SHARE_LENGTH,     /* more or fewer bytes than its numbers say */
    VAIN_SHARE_VERSION,    /* of the format */
    VAIN_SHARE_NUMBERS,    /* members, threshold or dealer are not those of the attempt */
    VAIN_SHARE_ATTEMPT,    /* of another group, round, attempt, set or parameters */
    VAIN_SHARE_COMMITMENT, /* not a point */
    VAIN_SHARE_OWN_BOX,    /* the dealer's own box is not zeros */
    VAIN_SHARE_BOX,        /* does not open: changed, or sealed for others */
    VAIN_SHARE_VALUE       /* what was in the box is no scalar */
};
/* Half a sentence, such as "it is of another attempt"; static, never NULL. */
const char *vain_share_fault_text(enum vain_share_fault fault);

/* Bytes of a message; members <= VAIN_MEMBERS_MAX, threshold <= members (asserted). */
size_t vain_share_message_bytes(int members, int threshold);
/* What names an attempt in a message. Local. */
void vain_share_attempt(const struct vain_context *context,
                        uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);

/* Write the head of a message (vain_share_message_bytes) and zeros behind it; gives where in `out`
 * commitments (threshold) and boxes (members) belong, for the caller to fill. Local. */
struct vain_share_places {
    struct vain_point *commitments;
    struct vain_sealed_share *boxes;
};
struct vain_share_places vain_share_message_start(const struct vain_share_message *message,
                                                  uint8_t *out);
/* `out` points into data (bytes). Checks all that can be told from the bytes alone; what is
 * accepted encodes to the same bytes again. Takes no memory, looks at no more points than came.
 * Local. */
enum vain_share_fault vain_share_message_decode(const uint8_t *data, size_t bytes,
                                                struct vain_share_message *out) VAIN_MUST_USE;
/* The same, of a message that must be the one of `dealer` in one attempt; that is checked before
 * any point is. */
struct vain_share_expected {
    int members, threshold, dealer;
    const struct vain_context *context; /* borrowed */
};
enum vain_share_fault vain_share_message_read(const uint8_t *data, size_t bytes,
                                              const struct vain_share_expected *expected,
                                              struct vain_share_message *out) VAIN_MUST_USE;
/* BLAKE2b("vain/secagg/deal"; data): what members compare and sign. */
void vain_share_message_hash(const uint8_t *data, size_t bytes,
                             uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);

/* Who a box is between, and when. */
struct vain_share_box {
    const uint8_t *pair_key;            /* (VAIN_HASH_BYTES) K_ij of dealer and holder, borrowed */
    const struct vain_context *context; /* borrowed */
    int dealer, holder;                 /* indexes in the attempt's set */
};
void vain_share_seal(const struct vain_share_box *box, const struct vain_scalar *share,
                     struct vain_sealed_share *out);
/* VAIN_SHARE_FINE, VAIN_SHARE_BOX or VAIN_SHARE_VALUE; `share` is zeros but for the first. */
enum vain_share_fault vain_share_open(const struct vain_share_box *box,
                                      const struct vain_sealed_share *sealed,
                                      struct vain_scalar *share) VAIN_MUST_USE;
