/* Letters: what members write to each other beside the words of an exchange (collectives/mailbox.h
 * carries them). A head, then as many bytes as it says:
 *
 *   u32 "VLTR" | u16 kind | u16 zero | u32 body bytes | u32 zero            16 bytes, little-endian
 *
 * The body is its kind's own. */
#pragma once

#include "base/status.h"

enum {
    VAIN_LETTER_HEAD_BYTES = 16,
    VAIN_LETTER_BYTES_MAX = 1 << 20 /* of a body */
};

/* Every kind there is, so that no two parts of the program take the same one. */
enum vain_letter_kind {
    VAIN_LETTER_POSITION = 1, /* collectives/assembly.h */
    VAIN_LETTER_PROPOSAL = 2,
    VAIN_LETTER_ACK = 3,
    VAIN_LETTER_VOTE = 4,
    VAIN_LETTER_HELLO = 8, /* jobs/member_letter.h */
    VAIN_LETTER_SPEC = 9,
    VAIN_LETTER_STATE_ASK = 10,
    VAIN_LETTER_STATE = 11,
    VAIN_LETTER_RECORD_ASK = 12,
    VAIN_LETTER_RECORD = 13,
    VAIN_LETTER_SIGNATURE = 14,
    VAIN_LETTER_FETCH_LEAVES_ASK = 32, /* collectives/fetch.h */
    VAIN_LETTER_FETCH_LEAVES = 33,
    VAIN_LETTER_FETCH_PART_ASK = 34,
    VAIN_LETTER_FETCH_PART = 35
};

struct vain_letter_head {
    uint16_t kind;  /* > 0; not checked further: who reads the body knows its kinds */
    uint32_t bytes; /* of the body, at most VAIN_LETTER_BYTES_MAX */
};

/* A head that decode would refuse is a bug. */
void vain_letter_head_encode(const struct vain_letter_head *head,
                             uint8_t out[VAIN_MIN_LEN(VAIN_LETTER_HEAD_BYTES)]);
/* VAIN_ERR_CORRUPT says what is wrong; encode(decode(b)) == b for all that is accepted. */
enum vain_status vain_letter_head_decode(const uint8_t data[VAIN_MIN_LEN(VAIN_LETTER_HEAD_BYTES)],
                                         struct vain_letter_head *out) VAIN_MUST_USE;
