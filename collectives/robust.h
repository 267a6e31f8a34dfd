/* Robust aggregation: P views of N parameters become one update.
 *
 * A view is the mean of one group; with one group P = 1 and every rule is the identity. A rule says
 * what it needs; a codec that sums groups reveals VAIN_NEEDS_GROUP_SUMS and no more. */
#pragma once

#include "kernels/ops.h"

enum vain_rule_needs { VAIN_NEEDS_GROUP_SUMS, VAIN_NEEDS_MEMBER_VECTORS };

struct vain_robust_rule {
    const char *name;
    enum vain_rule_needs needs;
    int views_minimum;
    /* Local, deterministic: views (P, N) in a fixed order, weights (P) parts per million with a
     * positive sum; out (N) written and may equal the first view. VAIN_ERR_INPUT if a weight is
     * negative, all are zero, or there are too few views. */
    enum vain_status (*combine)(struct vain_queue *queue, int64_t P, int64_t N,
                                const float *const *views, const int64_t *weights, float *out);
};
/* The weighted mean: equal weights add nothing to the arithmetic but one division. */
extern const struct vain_robust_rule vain_rule_mean;
