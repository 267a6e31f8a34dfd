/* The letters by which members agree on who takes part (collectives/assembly.h), and their bytes
 * (docs/protocol.md, "Who takes part"). Little-endian, of fixed length a kind; flags that are not
 * known, members beyond the list and trailing bytes are refused. */
#pragma once

#include "base/crypto.h"
#include "collectives/letter.h"
#include "collectives/member_set.h"

/* What tells a member's votes in one output folder from those in any other: random, and made
 * durable with the first of them. Only who tells it itself, over its own link, can have it counted;
 * so votes that were cast in another run, and are signed by the same key, are nothing here. */
enum { VAIN_BALLOT_BYTES = 16 };

/* Where a member stands. */
enum {
    VAIN_POSITION_READY = 1, /* its words for this round are ready, or will be as soon as asked */
    VAIN_POSITION_STARTING = 2, /* it has not taken part since it was started */
    VAIN_POSITION_LEAVING = 4,  /* it takes part in nothing any more */
    VAIN_POSITION_LOST = 8,     /* it has given the round up: no sum, or no decision, for a while */
    VAIN_POSITION_FLAGS = 15
};
struct vain_position {
    uint64_t epoch; /* of the last attempt that it saw start */
    uint64_t round; /* finished */
    uint32_t attempt, flags;
    uint8_t state_hash[VAIN_HASH_BYTES]; /* of what it holds after that round */
    uint8_t use_key[VAIN_HASH_BYTES];    /* of the streams that it holds open; zero: none */
    uint8_t ballot[VAIN_BALLOT_BYTES];   /* of its votes */
};

struct vain_proposal {
    uint64_t epoch, round;
    uint32_t attempt;
    uint8_t state_hash[VAIN_HASH_BYTES];
    uint8_t use_key[VAIN_HASH_BYTES]; /* streams to go on with; zero: new ones */
    struct vain_set set;              /* who takes part */
};

struct vain_ack {
    uint64_t epoch, round;
    uint32_t attempt;
    uint8_t proposal_hash[VAIN_HASH_BYTES];
    uint8_t signature[VAIN_SIGNATURE_BYTES];
};

struct vain_vote {
    uint64_t epoch, round;
    uint32_t attempt; /* of a burn only its generation counts, see assembly.h */
    bool burn;        /* not a set, but that this generation shall come to nothing */
    uint16_t voter;
    struct vain_set set; /* empty for a burn */
    uint8_t ballot[VAIN_BALLOT_BYTES];
    /* Of all that the set's members have told each other in the attempt, and of the sum's words:
     * who was told something else votes for something else. Zeros for a burn. */
    uint8_t content[VAIN_HASH_BYTES];
    uint8_t signature[VAIN_SIGNATURE_BYTES];
};

enum {
    VAIN_POSITION_BYTES = 8 + 8 + 4 + 4 + 32 + 32 + VAIN_BALLOT_BYTES,
    VAIN_PROPOSAL_BYTES = 8 + 8 + 4 + 4 + 32 + 32 + VAIN_SET_BYTES,
    VAIN_ACK_BYTES = 8 + 8 + 4 + 4 + 32 + 64,
    VAIN_VOTE_BYTES = 8 + 8 + 4 + 2 + 2 + VAIN_SET_BYTES + VAIN_BALLOT_BYTES + 32 + 64,
    VAIN_ASSEMBLY_LETTER_BYTES_MAX = VAIN_VOTE_BYTES
};

void vain_position_encode(const struct vain_position *position,
                          uint8_t out[VAIN_MIN_LEN(VAIN_POSITION_BYTES)]);
bool vain_position_decode(const uint8_t *data, size_t bytes, struct vain_position *out);
void vain_proposal_encode(const struct vain_proposal *proposal,
                          uint8_t out[VAIN_MIN_LEN(VAIN_PROPOSAL_BYTES)]);
bool vain_proposal_decode(const uint8_t *data, size_t bytes, int members,
                          struct vain_proposal *out);
void vain_ack_encode(const struct vain_ack *ack, uint8_t out[VAIN_MIN_LEN(VAIN_ACK_BYTES)]);
bool vain_ack_decode(const uint8_t *data, size_t bytes, struct vain_ack *out);
void vain_vote_encode(const struct vain_vote *vote, uint8_t out[VAIN_MIN_LEN(VAIN_VOTE_BYTES)]);
bool vain_vote_decode(const uint8_t *data, size_t bytes, int members, struct vain_vote *out);

/* What an ack names: BLAKE2b-256 under "vain/proposal" of the proposal's bytes. */
void vain_proposal_hash(const struct vain_proposal *proposal,
                        uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);

/* What is signed: a label, then a hash over the whole letter but the signature and, of a vote, the
 * voter, which the signature itself shows. */
enum { VAIN_ASSEMBLY_MESSAGE_BYTES = 16 + VAIN_HASH_BYTES };
void vain_ack_message(const struct vain_ack *ack,
                      uint8_t out[VAIN_MIN_LEN(VAIN_ASSEMBLY_MESSAGE_BYTES)]);
void vain_vote_message(const struct vain_vote *vote,
                       uint8_t out[VAIN_MIN_LEN(VAIN_ASSEMBLY_MESSAGE_BYTES)]);
