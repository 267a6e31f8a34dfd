/* What the links between members cost, measured.
 *
 * Everybody meets everybody once, in the rounds of a tournament (the circle method; with an odd
 * number one rests), and speaks with nobody else meanwhile, so that no measurement stands in the
 * way of another at the same member. Of a pair the lower rank measures:
 *
 *     higher -> lower   small: there
 *     lower  -> higher  small, and back: the way there and back
 *     lower  -> higher  VAIN_PROBE_BYTES, and a small answer
 *     higher -> lower   VAIN_PROBE_BYTES, right behind that answer
 *
 * A link costs half the way there and back, and what the long message takes. Only the one who
 * measures looks at its clock, so clocks need not agree. Then all tell all. */
#pragma once

#include "collectives/transport.h"

enum { VAIN_PROBE_BYTES = 256 << 10 /* about what a ring's message has: see exchange.h */ };

/* The rank that `rank` of `size` meets in `round` = 0, 1, ... of vain_probe_rounds; -1: it rests.
 * Local. */
int vain_probe_partner(int rank, int size, int round);
int vain_probe_rounds(int size);

/* cost (size, size): cost[i][j] is that of VAIN_PROBE_BYTES from rank i to rank j, in microseconds,
 * the diagonal 0; the same numbers at all ranks, unless somebody lies. Collective, blocking for
 * `deadline_ms` at most (0: for ever) and as long for the telling; takes 2 VAIN_PROBE_BYTES
 * meanwhile. A failure aborts the communicator. */
enum vain_status vain_probe_links(struct vain_comm *comm, struct vain_world *world,
                                  int64_t deadline_ms, uint32_t *cost) VAIN_MUST_USE;
