/* Sealed boxes: a few bytes that only who has the key can read or change.
 *
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) with a random nonce of 24 bytes, so that one key may
 * seal any number of boxes without a counter. A box is nonce[24] || ciphertext || tag[16]. The
 * additional data are not in it: both ends must know them, and a box opens with the same ones only.
 * Local, plain functions of their arguments. */
#pragma once

#include "base/status.h"

enum { VAIN_BOX_KEY_BYTES = 32, VAIN_BOX_EXTRA_BYTES = 24 + 16 /* that a box is longer */ };

struct vain_box_context {
    const void *data; /* additional data, borrowed */
    size_t bytes;
};

/* out (bytes + VAIN_BOX_EXTRA_BYTES) from plain (bytes). */
void vain_box_seal(const uint8_t key[VAIN_MIN_LEN(VAIN_BOX_KEY_BYTES)],
                   struct vain_box_context context, const void *plain, size_t bytes, uint8_t *out);
/* plain (bytes) from box (bytes + VAIN_BOX_EXTRA_BYTES); false, and zeros in `plain`, if key,
 * context or a bit of the box are not those that it was sealed with. */
bool vain_box_open(const uint8_t key[VAIN_MIN_LEN(VAIN_BOX_KEY_BYTES)],
                   struct vain_box_context context, const uint8_t *box, void *plain,
                   size_t bytes) VAIN_MUST_USE;
