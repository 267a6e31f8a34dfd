/* In which order a group's members stand in the ring: measured where links differ, that is between
 * hosts, and again for every new group; by rank else. */
#pragma once

#include "jobs/run.h"

enum {
    VAIN_GROUP_RING_MIN = 4, /* members: with fewer there is one ring only */
    VAIN_GROUP_RING_MAX = 64 /* with more the measurement, in rounds as many as members, is long */
};

/* The group's algorithm is chosen. Sets run->ring_order and what members compare of it; says order
 * and slowest link if the order is not the one said last. Collective over the roster if something
 * is measured; blocks. */
enum vain_status vain_group_ring_open(struct vain_run *run,
                                      const struct vain_roster *roster) VAIN_MUST_USE;
/* "ring: ann, cid, bob, dan; slowest link cid - bob, 31 ms for 256 KiB" of symmetric costs; long
 * ones are cut. names by rank. */
void vain_group_ring_text(const char *const *names, const int *order, int members,
                          const uint32_t *cost, char *out, size_t capacity);
