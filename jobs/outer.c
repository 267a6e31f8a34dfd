#include "jobs/outer.h"

bool vain_outer_keeps_momentum(const struct vain_outer_options *outer)
{
    return outer->optimizer != VAIN_OUTER_MEAN && outer->momentum > 0;
}

void vain_outer_apply(const struct vain_outer_options *outer, struct vain_queue *queue, int64_t N,
                      const float *delta, float *momentum, float *parameters)
{
    const bool mean = outer->optimizer == VAIN_OUTER_MEAN;
    VAIN_ASSERT((momentum != NULL) == vain_outer_keeps_momentum(outer));
    queue->device->ops->optimiser.outer_step(queue, N, mean ? 1.0f : (float)outer->learning_rate,
                                             momentum == NULL ? 0.0f : (float)outer->momentum,
                                             outer->optimizer == VAIN_OUTER_NESTEROV, delta,
                                             momentum, parameters);
}
