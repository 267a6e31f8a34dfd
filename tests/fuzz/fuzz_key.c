/* Key files and certificates: every accepted one encodes to the same bytes again. */
#include "base/identity.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t capacity);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct vain_certificate certificate;
    uint8_t seed[VAIN_SEED_BYTES], again[VAIN_KEY_FILE_BYTES];
    if (vain_key_decode(data, bytes, seed, &certificate) == VAIN_OK) {
        vain_key_encode(seed, &certificate, again);
        if (bytes != sizeof again || memcmp(again, data, bytes) != 0)
            abort();
    }
    if (bytes >= VAIN_CERTIFICATE_BYTES && vain_certificate_decode(data, &certificate) == VAIN_OK) {
        vain_certificate_encode(&certificate, again);
        if (memcmp(again, data, VAIN_CERTIFICATE_BYTES) != 0)
            abort();
    }
    return 0;
}

/* Three times out of four the hash at the end is made to fit what came out. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed)
{
    bytes = LLVMFuzzerMutate(data, bytes, capacity);
    if (seed % 4 != 0 && bytes >= VAIN_HASH_BYTES)
        vain_hash("vain/key-file", data, bytes - VAIN_HASH_BYTES, data + bytes - VAIN_HASH_BYTES);
    return bytes;
}
