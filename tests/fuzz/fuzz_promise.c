/* Promises: every accepted line encodes to the same bytes again. */
#include "jobs/store/promise.h"

#include <stdlib.h>
#include <string.h>

enum { HASH_BYTES = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t capacity);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct vain_promise promise;
    uint8_t again[VAIN_PROMISE_BYTES];
    for (; bytes >= sizeof again; data += sizeof again, bytes -= sizeof again) {
        if (vain_promise_decode(data, &promise) != VAIN_OK)
            continue;
        vain_promise_encode(&promise, again);
        if (memcmp(again, data, sizeof again) != 0)
            abort();
    }
    return 0;
}

/* Three times out of four the hashes of whole lines are made to fit what came out. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed)
{
    bytes = LLVMFuzzerMutate(data, bytes, capacity);
    for (size_t at = 0; seed % 4 != 0 && bytes - at >= VAIN_PROMISE_BYTES;
         at += VAIN_PROMISE_BYTES) {
        uint8_t hash[VAIN_HASH_BYTES];
        vain_hash("vain/promise", data + at, VAIN_PROMISE_BYTES - HASH_BYTES, hash);
        memcpy(data + at + VAIN_PROMISE_BYTES - HASH_BYTES, hash, HASH_BYTES);
    }
    return bytes;
}
