/* Chains of signed round records for tests: two members with throw-away keys. */
#pragma once

#include "base/record.h"

enum { CHAIN_MEMBERS = 2, CHAIN_FRAME_BYTES = 2048 };

struct chain_maker {
    struct vain_signer signers[CHAIN_MEMBERS];
    struct vain_record_member members[CHAIN_MEMBERS];
    uint64_t epoch;                /* of the frames to come; chain_open: 0 */
    uint8_t head[VAIN_HASH_BYTES]; /* of the last frame made */
};
enum vain_status chain_open(struct chain_maker *maker) VAIN_MUST_USE;
void chain_close(struct chain_maker *maker);
/* What the parameters are after `round`: any function of it that differs each round. */
void chain_parameters(uint64_t round, uint8_t out[VAIN_HASH_BYTES]);
/* The frame of `round`, linked to `previous`, from the parameters of round - 1 to those of round;
 * `signers` of the two sign. Sets maker->head. */
enum vain_status chain_frame(struct chain_maker *maker, uint64_t round,
                             const uint8_t previous[VAIN_HASH_BYTES], int signers,
                             uint8_t out[CHAIN_FRAME_BYTES], size_t *bytes) VAIN_MUST_USE;
