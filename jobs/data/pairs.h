/* Batches in which every example has partners of its own label: P labels with K examples each, what
 * losses on pairs (supervised contrastive, triplet) need (P-K batches: Hermans, Beyer & Leibe
 * 2017). */
#pragma once

#include "base/philox.h"
#include "jobs/data/label_index.h"

struct vain_pairs {
    struct vain_label_index index;
    int32_t *labels; /* (label_count): those with at least K examples, ascending; owned */
    int64_t label_count;
    int64_t P, K;
};

/* For the rows `subset` (ascending; NULL: all) of `labels` (count), below class_count. `what` names
 * them in messages. Local. VAIN_ERR_INPUT: fewer than P labels have K examples, with the numbers
 * and a label that has too few; VAIN_ERR_MEMORY. On failure `out` is empty. */
enum vain_status vain_pairs_open(const char *what, const int32_t *labels, int64_t count,
                                 int64_t class_count, const int64_t *subset, int64_t subset_count,
                                 int64_t P, int64_t K, struct vain_pairs *out) VAIN_MUST_USE;
void vain_pairs_close(struct vain_pairs *pairs);
/* Batch number `position` (from 0): P different labels, K different rows of each, into `rows`
 * (P * K), those of a label beside each other. A pure function of (pairs, random, position).
 * Local, allocates nothing. */
void vain_pairs_draw(const struct vain_pairs *pairs, struct vain_random random, int64_t position,
                     int64_t *rows);
