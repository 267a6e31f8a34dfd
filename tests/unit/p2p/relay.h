/* Somebody in the middle: passes on what two ends say, looks at it, and may do harm. */
#pragma once

#include "tests/unit/p2p/pair.h"

enum { RELAY_BUFFER_BYTES = 65536, RELAY_RECORDS_MAX = 4096, RELAY_KEPT_BYTES = 1 << 20 };

/* What went one way. */
struct relay_way {
    int from, to;
    uint8_t buffer[RELAY_BUFFER_BYTES]; /* not yet passed on */
    size_t start, end;
    uint8_t kept[RELAY_KEPT_BYTES]; /* the first bytes of all that passed */
    size_t kept_bytes, total_bytes;
    size_t spoil_at; /* of this byte one bit is changed; SIZE_MAX: of none */
    bool from_ended;
};
struct relay {
    int listener;
    char address[VAIN_LINK_ADDRESS_BYTES];
    struct relay_way ways[2]; /* from the dialler, to the dialler */
};
/* Listens; who comes is passed on to the side by relay_connect. */
void relay_open(struct relay *relay);
void relay_connect(struct relay *relay, const struct side *side);
/* Passes on what is there, in both directions. */
void relay_pump(struct relay *relay);
/* Cuts both connections, without notice. */
void relay_cut(struct relay *relay);
void relay_close(struct relay *relay);
