/* Member card: the signed record of at most 1000 bytes that says who and where a member is.
 * One format for rosters, gossip, DHT values and address files. Canonical binary:
 *   'VAINCARD' | u16 version | certificate | u64 sequence | i64 expires_ms | text name | text
 * region | text device | u64 capacity | text software | u8 addresses | text address ... |
 * signature[64] by the current key */
#pragma once

#include "base/identity.h"

enum { VAIN_CARD_ADDRESSES_MAX = 4, VAIN_CARD_ADDRESS_BYTES = 96, VAIN_CARD_TEXT_BYTES = 48 };

struct vain_card {
    struct vain_certificate certificate;
    uint8_t member_id[VAIN_HASH_BYTES]; /* derived, not on the wire */
    uint64_t sequence;                  /* a newer card of one key epoch has a larger one */
    int64_t expires_ms;
    char name[VAIN_NAME_BYTES];
    char region[VAIN_CARD_TEXT_BYTES], device[VAIN_CARD_TEXT_BYTES], software[VAIN_CARD_TEXT_BYTES];
    uint64_t capacity_tokens_per_second;
    int address_count;
    char addresses[VAIN_CARD_ADDRESSES_MAX][VAIN_CARD_ADDRESS_BYTES]; /* "host:port" */
};

/* Encode and sign with `signer`, whose certificate is put in. `out_bytes` is what was used. */
enum vain_status vain_card_encode(const struct vain_card *card, struct vain_signer *signer,
                                  uint8_t out[VAIN_MIN_LEN(VAIN_CARD_BYTES_MAX)],
                                  size_t *out_bytes) VAIN_MUST_USE;
/* Decode and verify everything but time: encode(decode(b)) == b for every b that is accepted. */
enum vain_status vain_card_decode(const uint8_t *data, size_t bytes,
                                  struct vain_card *out) VAIN_MUST_USE;
