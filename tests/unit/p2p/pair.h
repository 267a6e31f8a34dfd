/* Two members in one thread: hosts, a link between them, and stepping both ends of anything. */
#pragma once

#include "p2p/link.h"
#include "p2p/link_state.h"
#include "tests/unit/p2p/bed.h"

/* One member with a host that listens on 127.0.0.1. */
struct side {
    struct bed_clock clock;
    struct vain_world world;
    struct vain_signer signer;
    struct vain_link_host *host;
    char address[VAIN_LINK_ADDRESS_BYTES];
};
/* Member `number` lets the members `allowed` (a digit each, such as "12") dial. `half_open_max` as
 * in the configuration. */
void side_open(struct side *side, int number, const char *allowed, int half_open_max);
void side_close(struct side *side);
/* Moves both clocks on. */
void side_pass_ms(struct side *side, int64_t ms);
uint64_t side_refused(const struct side *side, enum vain_link_refusal refusal);

/* One end that can be stepped until it is no longer VAIN_AGAIN. */
struct end {
    enum vain_status (*step)(void *context);
    int (*descriptor)(void *context, short *events); /* -1: none */
    void *context;
    enum vain_status status;
};
struct end end_of_link(struct vain_link *link);
/* Steps all until none can go on: every one has ended, or nothing moves any more. Waits on
 * descriptors, never on time, unless somebody waits for a peer that is not stepped here. */
void step_all(struct end *ends, int count);

/* Accepts the one that is about to come. */
struct vain_link *accept_one(struct side *side);

/* Sides 1 (accepts) and 2 (dials), and an established link between them. */
struct pair {
    struct side one, two;
    struct vain_link *accepted, *dialled;
};
void pair_open(struct pair *pair);
/* `address`: where two dials; NULL: one itself. `both_established`: false when it came to nothing.
 */
bool pair_connect(struct pair *pair, const char *address, uint16_t connection);
void pair_close(struct pair *pair);
