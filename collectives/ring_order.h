/* In which order members stand in a ring, by what their links cost.
 *
 * A ring is as slow as its slowest link: every step waits for it. So the order is the one whose
 * slowest link is fastest, and of those one with the least sum over all links. Up to
 * VAIN_RING_EXACT_MAX members all cycles are looked at; above that nearest neighbours from several
 * starts are mended by 2-opt moves (Croes 1958), for as many steps as a second has at most.
 * Integers only, steps are counted and not timed, ties go to the lower rank: the same costs give
 * the same order on every machine. Pure functions. */
#pragma once

#include "base/crypto.h"

enum { VAIN_RING_EXACT_MAX = 9 /* 8! / 2 cycles */ };

/* Of a ring: its slowest link, and all of them together. */
struct vain_ring_length {
    uint32_t slowest;
    int slowest_place; /* that link is from this place of the order to the next; the first such */
    uint64_t sum;
};

/* cost (members, members): cost[i][j] of the link from rank i to rank j, in any unit; the diagonal
 * is not read. Both directions of a pair become the larger of the two, in place. order (members):
 * the rank at each place, rank 0 at the first, the lower of its neighbours at the second; never
 * worse than by rank. 1 <= members <= VAIN_MEMBERS_MAX. */
void vain_ring_order_find(uint32_t *cost, int members, int *order);
/* By costs that vain_ring_order_find has made symmetric. */
struct vain_ring_length vain_ring_order_length(const uint32_t *cost, int members, const int *order);
/* Whether every rank has one place. */
bool vain_ring_order_valid(const int *order, int members);
/* What members compare: BLAKE2b("vain/ring/order"; LE32 rank at each place); zeros by rank, which
 * `order` NULL means too. */
void vain_ring_order_hash(const int *order, int members,
                          uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);
