/* What all members of a round must agree on before a word travels, and how they say so.
 *
 * The first part is ctx (docs/protocol.md, "Agree"): it enters every mask's seed, so words that
 * were masked for another group, round, attempt, set or other parameters never cancel. The rest is
 * what the words mean. Last, and not compared, what a member tells the others about itself. */
#pragma once

#include "base/crypto.h"
#include "collectives/codec.h"

struct vain_context {
    uint8_t group_id[VAIN_HASH_BYTES];
    uint64_t epoch, round;
    uint32_t attempt;
    uint8_t set_hash[VAIN_HASH_BYTES];        /* over the sorted member ids */
    uint8_t parameters_hash[VAIN_HASH_BYTES]; /* Merkle root of the common parameters */
    uint8_t spec_hash[VAIN_HASH_BYTES];       /* agreed keys */
    uint32_t algorithm;                       /* enum vain_algorithm */
    uint32_t masked;                          /* 1: words carry masks */
    uint8_t order_hash[VAIN_HASH_BYTES];      /* of the ring's order, collectives/ring_order.h */
    /* Not compared: what a member says of itself. */
    uint32_t dropped;        /* inputs that it has dropped for this round */
    uint32_t wants_evidence; /* 1: a sum of this round had a check word that did not hold */
};

enum {
    VAIN_CONTEXT_BYTES = 3 * VAIN_HASH_BYTES + 8 + 8 + 4, /* ctx: the seeds' input */
    VAIN_CONTEXT_MESSAGE_BYTES = VAIN_CONTEXT_BYTES + 2 * VAIN_HASH_BYTES + 8 + 4 * 4 + 2 * 4,
    VAIN_CONTEXT_COMPARED_BYTES = VAIN_CONTEXT_MESSAGE_BYTES - 2 * 4
};

/* Make group_id stand for all that the members agree on about the round's words: it becomes a hash
 * of itself, the spec, the algorithm, masks, the order of a ring and what the codec will do. So
 * seeds differ between members that were told different things, whatever their messages say. Once a
 * round. */
void vain_context_bind(struct vain_context *context, const struct vain_codec *codec);
/* ctx: group || LE64 epoch || LE64 round || LE32 attempt || set || parameters. */
void vain_context_encode(const struct vain_context *context,
                         uint8_t out[VAIN_MIN_LEN(VAIN_CONTEXT_BYTES)]);
/* ctx, then spec, algorithm, masks, order and what the codec will do with the words. */
void vain_context_message(const struct vain_context *context, const struct vain_codec *codec,
                          uint8_t out[VAIN_MIN_LEN(VAIN_CONTEXT_MESSAGE_BYTES)]);
/* The `dropped` of a message, and whether its sender wants evidence. */
uint32_t
vain_context_message_dropped(const uint8_t message[VAIN_MIN_LEN(VAIN_CONTEXT_MESSAGE_BYTES)]);
bool vain_context_message_wants_evidence(
    const uint8_t message[VAIN_MIN_LEN(VAIN_CONTEXT_MESSAGE_BYTES)]);
/* BLAKE2b-256 of the compared part of a message. */
void vain_context_message_hash(const uint8_t message[VAIN_MIN_LEN(VAIN_CONTEXT_MESSAGE_BYTES)],
                               uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);
/* Compare this member's message with theirs (members, VAIN_CONTEXT_MESSAGE_BYTES), names by the
 * same index: VAIN_ERR_PEER names who differs in what. Equality is transitive, so if any two
 * differ, everybody sees somebody who differs. */
enum vain_status vain_context_compare(const struct vain_context *context, int own, int members,
                                      const char *const *names, const uint8_t *mine,
                                      const uint8_t *theirs) VAIN_MUST_USE;
