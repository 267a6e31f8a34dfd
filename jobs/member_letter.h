/* Letters of members on their own hosts beside those of the assembly (docs/protocol.md, "Members on
 * their own hosts"). Little-endian; the decoders refuse what does not add up. */
#pragma once

#include "base/record.h"
#include "collectives/codec.h"
#include "collectives/letter.h"
#include "collectives/member_set.h"

/* The first letter each way: who it is, and what must be equal. */
struct vain_hello_letter {
    uint8_t group_id[VAIN_HASH_BYTES], spec_hash[VAIN_HASH_BYTES], corpus_hash[VAIN_HASH_BYTES];
    char platform[VAIN_PLATFORM_BYTES];
    const uint8_t *card; /* (card_bytes) borrowed */
    size_t card_bytes;
};

/* What a member holds: the answer to a letter VAIN_LETTER_STATE_ASK, which has no body. */
struct vain_state_letter {
    uint64_t epoch, round;
    bool starting;
    struct vain_set voters;
    uint8_t run_id[VAIN_RUN_ID_BYTES];
    uint8_t parameters_hash[VAIN_HASH_BYTES];
    uint8_t momentum_hash[VAIN_HASH_BYTES]; /* zeros: there is none */
    uint8_t record_head[VAIN_HASH_BYTES];
    struct vain_codec_state codec;
    uint64_t parameter_count;
};

/* A member's end of a round (jobs/round_record.h). */
enum { VAIN_SIGNATURE_LETTER_BODY_MAX = 128 };
struct vain_signature_letter {
    uint64_t epoch, round;
    const uint8_t *body; /* (bytes) borrowed */
    size_t bytes;
};

enum {
    VAIN_HELLO_LETTER_BYTES_MAX = 2 + 3 * 32 + 2 + VAIN_PLATFORM_BYTES + 2 + VAIN_CARD_BYTES_MAX,
    VAIN_STATE_LETTER_BYTES = 8 + 8 + 2 + VAIN_SET_BYTES + VAIN_RUN_ID_BYTES + 3 * 32 + 4 + 4 + 8,
    VAIN_SIGNATURE_LETTER_BYTES_MAX = 8 + 8 + VAIN_SIGNATURE_LETTER_BODY_MAX,
    VAIN_RECORD_ASK_BYTES = 8 /* u64: the last round of which the record is there */
};

/* out holds VAIN_HELLO_LETTER_BYTES_MAX. */
size_t vain_hello_letter_encode(const struct vain_hello_letter *hello, uint8_t *out);
bool vain_hello_letter_decode(const uint8_t *data, size_t bytes, struct vain_hello_letter *out);
void vain_state_letter_encode(const struct vain_state_letter *state,
                              uint8_t out[VAIN_MIN_LEN(VAIN_STATE_LETTER_BYTES)]);
bool vain_state_letter_decode(const uint8_t *data, size_t bytes, int members,
                              struct vain_state_letter *out);
size_t vain_signature_letter_encode(const struct vain_signature_letter *letter, uint8_t *out);
bool vain_signature_letter_decode(const uint8_t *data, size_t bytes,
                                  struct vain_signature_letter *out);

/* The hash by which positions name a state: of round, run, parameters and record. */
void vain_state_letter_hash(const struct vain_state_letter *state,
                            uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);
