/* Cheap stand-ins for what is slow about keys, so that thousands of federations can be simulated:
 * X25519, Ed25519, the points of ristretto255, and the operating system's randomness. Their algebra
 * is right (a shared key is one, a commitment fits its share), their secrecy is none: who judges
 * secrecy here looks at what is given away, not at whether it could be computed. The linker puts
 * them in the way of all callers (--wrap); while they are off the real ones are called. */
#pragma once

#include "base/identity.h"

/* on: randomness is a function of the seed from here on. */
void stand_in_use(bool on, uint64_t seed);
/* A signer of member `index`: a stand-in, or a throw-away key while they are off. */
enum vain_status stand_in_signer(int index, struct vain_signer *out) VAIN_MUST_USE;

/* Signatures since then: made by stand-ins, and checked. */
struct stand_in_counts {
    uint64_t made, checked;
};
const struct stand_in_counts *stand_in_counts(void);
