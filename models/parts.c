/* Carving of activation blocks and the few lines that both model kinds share.
 *
 * Sizes come from the spec, so products are checked here once: a plan that does not fit 64 bits
 * ends as "no memory", never as a small block that is written past its end. */
#include "models/parts.h"

#include <math.h>

#include "base/memory.h"

int64_t vain_parts_product(int64_t a, int64_t b, int64_t c)
{
    VAIN_ASSERT(a >= 0 && b >= 0 && c >= 0);
    if (a == 0 || b == 0 || c == 0)
        return 0;
    if (a > INT64_MAX / b || a * b > INT64_MAX / c)
        return INT64_MAX;
    return a * b * c;
}

size_t vain_parts_carve(const struct vain_part *parts, int count, void *block)
{
    const size_t most_bytes = SIZE_MAX / 4; /* far below where rounding up could wrap */
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        if ((size_t)parts[i].count > most_bytes / 4)
            return SIZE_MAX;
        const size_t bytes = vain_arena_cut_bytes((size_t)parts[i].count * 4);
        if (bytes > most_bytes - used)
            return SIZE_MAX;
        if (block != NULL)
            *parts[i].field = parts[i].count > 0 ? (unsigned char *)block + used : NULL;
        used += bytes;
    }
    return used;
}

struct vain_dropout vain_parts_dropout(double probability, const struct vain_batch_place *place,
                                       int64_t site, int64_t sites)
{
    struct vain_dropout dropout = {.probability = 0};
    if (place == NULL || probability <= 0)
        return dropout;
    const uint64_t region = (uint64_t)place->micro_batch * (uint64_t)sites + (uint64_t)site;
    VAIN_ASSERT(region < (uint64_t)1 << 28);
    dropout.probability = (float)probability;
    dropout.random = place->dropout_random;
    dropout.round = place->round;
    dropout.step = place->step;
    dropout.index_base = region << 36;
    return dropout;
}

double vain_parts_settle_loss(struct vain_queue *queue, const double *loss_sum)
{
    return vain_queue_wait(queue) == VAIN_OK ? *loss_sum : (double)NAN;
}

struct vain_measure vain_parts_measure(struct vain_queue *queue, int64_t M, int64_t V,
                                       float *logits, const int32_t *targets)
{
    const struct vain_pointwise_ops *ops = &queue->device->ops->pointwise;
    struct vain_measure measure = {.count = M};
    double loss_sum = 0;
    ops->count_correct(queue, M, V, logits, targets, &measure.correct);
    ops->cross_entropy(queue, M, V, logits, targets, 0, &loss_sum);
    measure.loss_sum = vain_parts_settle_loss(queue, &loss_sum);
    return measure;
}
