/* Inside a site: gradients are averaged in the clear, every step.
 *
 * Every rank owns a part of the vector, receives the others' parts of it, adds them in rank order
 * and gives the mean to all (reduce-scatter + all-gather by direct messages). The order of
 * additions depends on the number of ranks only, so every transport gives the same bits. The
 * vector's last elements may carry loss and stop request along. */
#pragma once

#include "collectives/transport.h"
#include "kernels/ops.h"

struct vain_site {
    struct vain_comm comm;    /* the site's ranks; size 1: nothing to do; owned */
    struct vain_world *world; /* borrowed */
    struct vain_queue *queue; /* borrowed */
    int64_t count;            /* elements of the vector */
    int64_t part;             /* elements that a rank owns; the last ones may own fewer or none */
    float *received;          /* (size - 1, part) in rank order, on the queue's device; owned */
    struct vain_request *requests; /* (2 * size) owned */
    int64_t deadline_ms;
};

/* Takes the communicator, also when it fails. Local. */
enum vain_status vain_site_open(struct vain_comm comm, struct vain_world *world,
                                struct vain_queue *queue, int64_t count, int64_t deadline_ms,
                                struct vain_site *out) VAIN_MUST_USE;
/* Collective over the site, blocking: vector (count) becomes the mean over its ranks: the sum in
 * rank order times the correctly rounded 1 / size. */
enum vain_status vain_site_average(struct vain_site *site, float *vector) VAIN_MUST_USE;
/* Closes the communicator too. */
void vain_site_close(struct vain_site *site);
