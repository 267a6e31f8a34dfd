/* Transport certificates: what is accepted is accepted as it stands only, until its end only, and
 * for the member whose root key it names. */
#include "p2p/certificate.h"

#include <string.h>

#include "tests/fuzz/fuzz_keys.h"

#define NOW_MS INT64_C(1750000000000) /* of the seeds (tests/golden/link_vectors.py) */

enum {
    HEAD_BYTES = 4,                            /* of a DER sequence of 256 to 65535 bytes */
    TAIL_BYTES = 7 + 3 + VAIN_SIGNATURE_BYTES, /* Ed25519's name, and the bit string's head */
    MESSAGE_BYTES = 12 + VAIN_LINK_KEY_INFO_BYTES + 8
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static uint8_t changed[VAIN_LINK_CERTIFICATE_BYTES_MAX];
    struct vain_link_peer peer;
    uint8_t member_id[VAIN_HASH_BYTES], choice[VAIN_HASH_BYTES];
    if (vain_link_certificate_check(data, bytes, NOW_MS, &peer) != VAIN_OK) {
        fuzz_expect(vain_is_zero(&peer.certificate, sizeof peer.certificate));
        return 0;
    }
    vain_member_id(peer.certificate.root_key, member_id);
    fuzz_expect(memcmp(member_id, peer.member_id, sizeof member_id) == 0);
    fuzz_expect(peer.not_after_ms >= NOW_MS);
    fuzz_expect(peer.not_after_ms <= NOW_MS + VAIN_LINK_LIFETIME_MS + VAIN_LINK_SKEW_MS);
    const int64_t late_ms = peer.not_after_ms + 1;
    fuzz_expect(vain_link_certificate_check(data, bytes, late_ms, &peer) == VAIN_ERR_AUTH);
    /* One bit somewhere. */
    vain_hash("", data, bytes, choice);
    const size_t bit = (choice[0] | (size_t)choice[1] << 8) % (8 * bytes);
    memcpy(changed, data, bytes);
    changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    fuzz_expect(vain_link_certificate_check(changed, bytes, NOW_MS, &peer) == VAIN_ERR_AUTH);
    return 0;
}

/* The member's signature, over the transport key and the end that stand before it: vain's extension
 * is the last in the seeds, and the signature its last part. */
static void sign_extension(uint8_t *end_of_part, const uint8_t *transport_key)
{
    static const uint8_t info[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                     0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    uint8_t message[MESSAGE_BYTES] = "vain/tls/v1";
    memcpy(message + 12, info, sizeof info);
    memcpy(message + 24, transport_key, VAIN_PUBLIC_KEY_BYTES);
    memcpy(message + 56, end_of_part - VAIN_SIGNATURE_BYTES - 8, 8);
    vain_sign_with_seed(fuzz_first_signing_seed(), message, sizeof message,
                        end_of_part - VAIN_SIGNATURE_BYTES);
}

/* Three times out of four the signatures are made to fit what came out. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed)
{
    uint8_t transport_seed[VAIN_SEED_BYTES], transport_key[VAIN_PUBLIC_KEY_BYTES];
    bytes = LLVMFuzzerMutate(data, bytes, capacity);
    if (seed % 4 == 0 || bytes < HEAD_BYTES + VAIN_LINK_EXTENSION_BYTES + TAIL_BYTES)
        return bytes;
    memset(transport_seed, 7, sizeof transport_seed);
    vain_public_key_of_seed(transport_seed, transport_key);
    uint8_t *end_of_part = data + bytes - TAIL_BYTES;
    if (seed % 4 != 1)
        sign_extension(end_of_part, transport_key);
    vain_sign_with_seed(transport_seed, data + HEAD_BYTES,
                        (size_t)(end_of_part - data) - HEAD_BYTES,
                        data + bytes - VAIN_SIGNATURE_BYTES);
    return bytes;
}
