/* The record of a round: what the members agree happened, signed by each, chained by hash.
 *
 * Canonical binary, little-endian (docs/checkpoint-format.md draws it):
 *   'VAINREC1' | u32 body bytes | body | u16 signatures | { u16 member index | signature[64] } ...
 *   body: u16 version | previous[32] | run id[16] | group id[32] | u64 epoch | u64 round |
 *         u32 attempt | agreed spec hash[32] | parameters before[32] | parameters after[32] |
 *         counters (4 x i64) | text platform | u16 members | { text name | certificate[152] } ... |
 *         u16 extensions | { u16 type | u32 bytes | data } ...
 *
 * A record's hash is BLAKE2b of its body; signatures are over "vain/record/v1\0" || hash. The first
 * record of a run has previous = 0. Members stand in ascending order of their id. */
#pragma once

#include "base/identity.h"

enum { VAIN_RUN_ID_BYTES = 16, VAIN_PLATFORM_BYTES = 160, VAIN_RECORD_EXTENSIONS_MAX = 16 };

/* Sums over the members of the round, never one member's. */
struct vain_counters {
    int64_t weight;     /* training examples (tokens) */
    int64_t loss_micro; /* sum over members of the round's mean loss, in 1e-6 nats */
    int64_t clipped;    /* members whose delta was scaled down to the L2 bound */
    int64_t saturated;  /* values that met the end of the integer range; kept in the residual */
};

struct vain_record_member {
    char name[VAIN_NAME_BYTES];
    struct vain_certificate certificate;
    uint8_t member_id[VAIN_HASH_BYTES]; /* derived, not in the bytes */
};

struct vain_record_extension {
    uint16_t type;
    uint32_t bytes;
    const uint8_t *data; /* borrowed */
};

struct vain_record {
    uint8_t previous[VAIN_HASH_BYTES];
    uint8_t run_id[VAIN_RUN_ID_BYTES];
    uint8_t group_id[VAIN_HASH_BYTES];
    uint64_t epoch, round;
    uint32_t attempt;
    uint8_t spec_hash[VAIN_HASH_BYTES];
    uint8_t parameters_before[VAIN_HASH_BYTES], parameters_after[VAIN_HASH_BYTES];
    struct vain_counters counters;
    char platform[VAIN_PLATFORM_BYTES]; /* "" when the members' platforms differ */
    int member_count;
    struct vain_record_member
        *members; /* (member_count) by ascending id; owned by whoever made the record */
    int extension_count;
    struct vain_record_extension extensions[VAIN_RECORD_EXTENSIONS_MAX];
    const uint8_t *signatures; /* (member_count, 64), zeros where missing; borrowed */
};

/* Encode the body; VAIN_ERR_INPUT if it does not fit `capacity`. */
enum vain_status vain_record_encode_body(const struct vain_record *record, uint8_t *out,
                                         size_t capacity, size_t *out_bytes) VAIN_MUST_USE;
/* Hash of an encoded body, and the message that members sign for it. */
void vain_record_hash(const uint8_t *body, size_t bytes,
                      uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);
enum { VAIN_RECORD_MESSAGE_BYTES = 15 + VAIN_HASH_BYTES };
void vain_record_message(const uint8_t hash[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                         uint8_t out[VAIN_MIN_LEN(VAIN_RECORD_MESSAGE_BYTES)]);
/* Body + signatures as one frame. `signatures` is (member_count, 64); all-zero ones are left out.
 */
enum vain_status vain_record_encode_frame(const uint8_t *body, size_t body_bytes,
                                          const uint8_t *signatures, int member_count, uint8_t *out,
                                          size_t capacity, size_t *out_bytes) VAIN_MUST_USE;
/* Decode the frame at the start of `data`; `used` is its length. Checks layout, order, keys and
 * every signature that is there; members and signatures are written to caller's arrays of
 * `members_capacity`. VAIN_END at 0 bytes, VAIN_AGAIN for a frame cut short (torn tail),
 * VAIN_ERR_CORRUPT or VAIN_ERR_AUTH with the reason. */
struct vain_record_decoded {
    struct vain_record record;
    uint8_t hash[VAIN_HASH_BYTES];
    int signature_count;
};
enum vain_status vain_record_decode(const uint8_t *data, size_t bytes,
                                    struct vain_record_member *members, uint8_t *signatures,
                                    int members_capacity, struct vain_record_decoded *out,
                                    size_t *used) VAIN_MUST_USE;
