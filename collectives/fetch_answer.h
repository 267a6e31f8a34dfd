/* What a member that fetches a state asks for, and how one that has the state answers.
 *
 * A state is bytes under a Merkle root (base/crypto.h). Both kinds of asks have one shape:
 *
 *   root[32] | u32 number | u32 leaf | u32 offset | u32 count               48 bytes, little-endian
 *
 *   VAIN_LETTER_FETCH_LEAVES_ASK   the hashes of `count` leaves from `leaf` on; offset is 0
 *   VAIN_LETTER_FETCH_PART_ASK     `count` bytes of leaf `leaf`, from its byte `offset` on
 *
 * The number is the asker's own, another for each fetch, so that late answers to one are not taken
 * for lies in the next. An answer (VAIN_LETTER_FETCH_LEAVES, VAIN_LETTER_FETCH_PART) is the ask,
 * then all that was asked for, or nothing: then the member does not have that state. A member
 * answers in the order in which it was asked, and keeps nothing of an ask once it is answered. */
#pragma once

#include "base/crypto.h"
#include "collectives/letter.h"

enum {
    VAIN_FETCH_ASK_BYTES = 48,
    VAIN_FETCH_LEAVES_MAX = 8192,      /* hashes in a letter: 256 KiB */
    VAIN_FETCH_PART_BYTES = 512 << 10, /* bytes of a state in a letter, at most */
    VAIN_FETCH_ANSWER_BYTES_MAX = VAIN_FETCH_ASK_BYTES + VAIN_FETCH_PART_BYTES
};

struct vain_fetch_ask {
    enum vain_letter_kind kind; /* one of the two asks */
    uint8_t root[VAIN_HASH_BYTES];
    uint32_t number, leaf, offset, count;
};
/* What decode would refuse is a bug. */
void vain_fetch_ask_encode(const struct vain_fetch_ask *ask,
                           uint8_t out[VAIN_MIN_LEN(VAIN_FETCH_ASK_BYTES)]);
/* The body of a letter of `kind`, one of the two asks. VAIN_ERR_CORRUPT says what no honest member
 * would send; encode(decode(b)) == b for all that is accepted. Which states have such leaves is not
 * looked at. */
enum vain_status vain_fetch_ask_decode(uint16_t kind, const void *body, size_t bytes,
                                       struct vain_fetch_ask *out) VAIN_MUST_USE;

/* A state that others may fetch; all borrowed. */
struct vain_fetch_source {
    const uint8_t *root;  /* (VAIN_HASH_BYTES) */
    const uint8_t *state; /* (bytes) */
    size_t bytes;
    const uint8_t *leaves; /* (vain_merkle_leaf_count, VAIN_HASH_BYTES): vain_merkle_leaves */
    size_t leaf_bytes;     /* VAIN_MERKLE_LEAF_BYTES except in tests */
};
struct vain_fetch_answer {
    enum vain_letter_kind kind;
    size_t bytes;
    uint8_t body[VAIN_FETCH_ANSWER_BYTES_MAX];
};
/* The answer to a letter of `kind`, one of the two asks; `source` NULL: this member has no state.
 * Who keeps to VAIN_FETCH_WINDOW (collectives/fetch.h) finds room in an empty queue of a mailbox
 * for all answers, so a queue that is full may wait for later asks too. Local, does not block.
 * VAIN_ERR_CORRUPT: no honest member would ask this; the message says why, and there is no answer.
 */
enum vain_status vain_fetch_answer(const struct vain_fetch_source *source, uint16_t kind,
                                   const void *body, size_t bytes,
                                   struct vain_fetch_answer *out) VAIN_MUST_USE;
