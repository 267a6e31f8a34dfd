/* What the suites of p2p/ share: golden certificates, members made of known seeds, a world whose
 * clock stands still unless told. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/identity.h"
#include "base/world.h"
#include "p2p/certificate.h"

/* When the golden certificates are valid (tests/golden/link_vectors.py). */
#define BED_NOW_MS INT64_C(1750000000000)

enum { BED_NAME_BYTES = 64, BED_SAYS_BYTES = 128, BED_LINE_BYTES = 4096 };

/* A row of link_certificates.txt. */
struct bed_row {
    char name[BED_NAME_BYTES];
    char says[BED_SAYS_BYTES]; /* of the refusal; "-" for none */
    uint8_t der[BED_LINE_BYTES / 2];
    size_t bytes;
};
/* Calls `visit` with every row; the count. */
int bed_visit_rows(void (*visit)(const struct bed_row *row, void *context), void *context);
/* The row of that name. A missing one fails the test. */
void bed_find_row(const char *name, struct bed_row *out);

/* The member of the root seed that is `number` 32 times, as link_vectors.py has it. */
void bed_signer(int number, struct vain_signer *out);

/* A world with a clock of its own, and nothing else. */
struct bed_clock {
    uint64_t now_ns;
    int64_t unix_ms;
};
struct vain_world bed_world(struct bed_clock *clock);

/* Whether the last failure's message has `part`; prints it if not, and forgets it. */
bool bed_message_has(const char *part);
