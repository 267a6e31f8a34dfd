/* The outer step: what the members do with the mean of their deltas (DiLoCo, Douillard et al.
 * 2023).
 *
 *     mean      theta = theta - delta
 *     sgd       momentum = mu momentum + delta;  theta = theta - rate momentum
 *     nesterov  momentum = mu momentum + delta;  theta = theta - rate (delta + mu momentum)
 *
 * Only correctly rounded operations in a fixed order, so all members and devices get the same bits.
 */
#pragma once

#include "jobs/options.h"

/* True if the optimiser keeps a momentum vector. */
bool vain_outer_keeps_momentum(const struct vain_outer_options *outer);
/* Move `parameters` (N) by the mean `delta` (N). `momentum` (N) is in and out; NULL where none is
 * kept. Local. */
void vain_outer_apply(const struct vain_outer_options *outer, struct vain_queue *queue, int64_t N,
                      const float *delta, float *momentum, float *parameters);
