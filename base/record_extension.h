/* What the extensions of a round's record say. Types are given here, once and for ever; a build
 * keeps the bytes of types that it does not know.
 *
 * 1, privacy: u8 1 if words were masked | u8 1 if all members' keys are pinned in the spec.
 *
 * 2, dropped: { u16 member index | u32 inputs } ... ascending: members that did not send what they
 * had for this round, because it was promised to another set of members.
 *
 * 3, commitments: root[32] a member, by index: of the leaves over its words before masks, which it
 * gave out before words travelled (collectives/commit.h).
 *
 * 4, next: u32 range exponent | u32 bound exponent (two's complement) | root[32]: what beside the
 * parameters the next round begins with, the state of the integer codec and the root of the outer
 * momentum, zeros where there is none. Who catches up can trust these as it does the parameters. */
#pragma once

#include "base/record.h"

enum vain_record_extension_type {
    VAIN_EXTENSION_PRIVACY = 1,
    VAIN_EXTENSION_DROPPED = 2,
    VAIN_EXTENSION_COMMITMENTS = 3,
    VAIN_EXTENSION_NEXT = 4
};
enum {
    VAIN_EXTENSION_PRIVACY_BYTES = 2,
    VAIN_EXTENSION_DROPPED_BYTES = 6, /* a member */
    VAIN_EXTENSION_NEXT_BYTES = 4 + 4 + VAIN_HASH_BYTES
};

struct vain_record_privacy {
    bool known; /* the record says */
    bool masked, keys_pinned;
};
struct vain_record_next {
    bool known; /* the record says */
    int32_t range_exponent, bound_exponent;
    uint8_t momentum_hash[VAIN_HASH_BYTES]; /* zeros: there is none */
};
/* Append to the record, whose earlier extensions are of lower types. `bytes` is what the extension
 * points to: VAIN_EXTENSION_PRIVACY_BYTES, or VAIN_EXTENSION_DROPPED_BYTES a member; borrowed as
 * long as the record lives. Nobody has dropped anything: no extension. */
void vain_record_add_privacy(struct vain_record *record, bool masked, bool keys_pinned,
                             uint8_t *bytes);
void vain_record_add_dropped(struct vain_record *record, const uint32_t *inputs /* (members) */,
                             uint8_t *bytes);
/* roots (members, 32), borrowed as long as the record lives. */
void vain_record_add_commitments(struct vain_record *record, const uint8_t *roots);
/* bytes (VAIN_EXTENSION_NEXT_BYTES), borrowed as long as the record lives. */
void vain_record_add_next(struct vain_record *record, const struct vain_record_next *next,
                          uint8_t *bytes);
/* What it says; one that has another length than its type is not known. */
struct vain_record_privacy vain_record_privacy_of(const struct vain_record *record);
struct vain_record_next vain_record_next_of(const struct vain_record *record);
/* Inputs that the member at `index` has dropped for this round. */
uint32_t vain_record_dropped_of(const struct vain_record *record, int index);
/* What the member at `index` has committed to [VAIN_HASH_BYTES], in the record's bytes; NULL: it
 * does not say. */
const uint8_t *vain_record_commitment_of(const struct vain_record *record, int index);
