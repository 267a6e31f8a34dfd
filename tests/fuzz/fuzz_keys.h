/* For the fuzzers of signed formats: the keys that signed their seeds
 * (tests/golden/base_vectors.py), so that a changed input can be signed again and its content, not
 * its signature, meets the decoder. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"

enum { FUZZ_KEYS = 3 };

/* Of libFuzzer: what it asks for, and its own change of bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t capacity);

/* Ends the run with a finding unless `condition` holds. */
void fuzz_expect(bool condition);
/* Signing seeds of the root seeds 01.., 02.., 03.., by ascending member id; made at the first call.
 */
const uint8_t *fuzz_signing_seed(int index);
/* The one of root seed 01.. (alice). */
const uint8_t *fuzz_first_signing_seed(void);
