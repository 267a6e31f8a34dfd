/* Boxes by libsodium's AEAD; ours is where the nonce lies. */
#include "base/box.h"

#include "base/crypto.h"

#include <assert.h>

#include <sodium.h>

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES
};
static_assert((int)VAIN_BOX_KEY_BYTES == (int)crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
static_assert((int)VAIN_BOX_EXTRA_BYTES == NONCE_BYTES + TAG_BYTES, "nonce and tag");

void vain_box_seal(const uint8_t key[VAIN_MIN_LEN(VAIN_BOX_KEY_BYTES)],
                   struct vain_box_context context, const void *plain, size_t bytes, uint8_t *out)
{
    unsigned long long sealed_bytes = 0;
    vain_random_bytes(out, NONCE_BYTES);
    VAIN_ASSERT(crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_BYTES, &sealed_bytes, plain,
                                                           bytes, context.data, context.bytes, NULL,
                                                           out, key) == 0);
    VAIN_ASSERT(sealed_bytes == bytes + TAG_BYTES);
}

bool vain_box_open(const uint8_t key[VAIN_MIN_LEN(VAIN_BOX_KEY_BYTES)],
                   struct vain_box_context context, const uint8_t *box, void *plain, size_t bytes)
{
    unsigned long long plain_bytes = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &plain_bytes, NULL, box + NONCE_BYTES,
                                                   bytes + TAG_BYTES, context.data, context.bytes,
                                                   box, key) != 0) {
        vain_wipe(plain, bytes);
        return false;
    }
    VAIN_ASSERT(plain_bytes == bytes);
    return true;
}
