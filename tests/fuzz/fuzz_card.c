/* Member cards: every accepted card, signed again by the same key, is the same bytes. */
#include "base/card.h"

#include <string.h>

#include "tests/fuzz/fuzz_keys.h"

static enum vain_status sign_with_first(struct vain_signer *signer, const void *message,
                                        size_t bytes, uint8_t out[VAIN_SIGNATURE_BYTES])
{
    (void)signer;
    vain_sign_with_seed(fuzz_first_signing_seed(), message, bytes, out);
    return VAIN_OK;
}

static const struct vain_signer_ops first_ops = {.name = "first", .sign = sign_with_first};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct vain_card card;
    if (vain_card_decode(data, bytes, &card) != VAIN_OK)
        return 0;
    struct vain_signer signer = {.ops = &first_ops, .certificate = card.certificate};
    uint8_t again[VAIN_CARD_BYTES_MAX];
    size_t again_bytes;
    fuzz_expect(vain_card_encode(&card, &signer, again, &again_bytes) == VAIN_OK);
    fuzz_expect(again_bytes == bytes);
    fuzz_expect(memcmp(again, data, bytes) == 0);
    return 0;
}

/* Three times out of four the signature is made to fit what came out. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed)
{
    bytes = LLVMFuzzerMutate(data, bytes, capacity);
    if (seed % 4 == 0 || bytes < VAIN_SIGNATURE_BYTES)
        return bytes;
    const size_t signed_bytes = bytes - VAIN_SIGNATURE_BYTES;
    uint8_t message[13 + VAIN_HASH_BYTES] = "vain/card/v1";
    vain_hash("vain/card", data, signed_bytes, message + 13);
    vain_sign_with_seed(fuzz_first_signing_seed(), message, sizeof message, data + signed_bytes);
    return bytes;
}
