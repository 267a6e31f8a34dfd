/* Weight decay is a property of slices: a run of slices with equal decay is one segment. */
#include "jobs/optimiser.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static size_t vector_bytes(const struct vain_method_config *config)
{
    return (size_t)config->layout->parameter_count * sizeof(float);
}

/* How many vectors of N it keeps. */
static int vector_count(const struct vain_train_options *train)
{
    if (train->optimizer == VAIN_OPTIMISER_ADAMW)
        return 2;
    return train->momentum > 0 ? 1 : 0;
}

int64_t vain_optimiser_memory_bytes(const struct vain_method_config *config)
{
    return vector_count(&config->job->train) * (int64_t)vector_bytes(config);
}

static enum vain_status make_segments(struct vain_optimiser *optimiser)
{
    const struct vain_layout *layout = optimiser->config->layout;
    const float decay = (float)optimiser->config->job->train.weight_decay;
    VAIN_TRY(vain_take_array(layout->slice_count, sizeof *optimiser->segments,
                             "weight decay segments", (void **)&optimiser->segments));
    VAIN_ASSERT(optimiser->segments != NULL);
    for (int i = 0; i < layout->slice_count; i++) {
        const struct vain_slice *slice = &layout->slices[i];
        const float own = slice->weight_decay ? decay : 0.0f;
        struct vain_segment *last = optimiser->segment_count > 0
                                        ? &optimiser->segments[optimiser->segment_count - 1]
                                        : NULL;
        if (last != NULL && last->weight_decay == own &&
            last->offset + last->count == slice->offset)
            last->count += slice->count;
        else
            optimiser->segments[optimiser->segment_count++] = (struct vain_segment){
                .offset = slice->offset, .count = slice->count, .weight_decay = own};
    }
    return VAIN_OK;
}

enum vain_status vain_optimiser_open(const struct vain_method_config *config,
                                     struct vain_optimiser *out)
{
    struct vain_device *device = config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    const size_t bytes = vector_bytes(config);
    const int vectors = vector_count(&config->job->train);
    *out = (struct vain_optimiser){.config = config, .kind = config->job->train.optimizer};
    if (vectors > 0)
        VAIN_TRY(memory->take(device, bytes, "first moments", (void **)&out->moment1));
    if (vectors > 1)
        VAIN_TRY(memory->take(device, bytes, "second moments", (void **)&out->moment2));
    return out->kind == VAIN_OPTIMISER_ADAMW ? make_segments(out) : VAIN_OK;
}

void vain_optimiser_close(struct vain_optimiser *optimiser)
{
    if (optimiser->config == NULL)
        return;
    struct vain_device *device = optimiser->config->queue->device;
    device->ops->memory.release(device, optimiser->moment1);
    device->ops->memory.release(device, optimiser->moment2);
    vain_release(optimiser->segments);
    memset(optimiser, 0, sizeof *optimiser);
}

static void step_adamw(struct vain_optimiser *optimiser, int64_t step, double learning_rate,
                       double gradient_scale, const float *gradients, float *parameters)
{
    const struct vain_train_options *train = &optimiser->config->job->train;
    const struct vain_adamw adamw = {
        .learning_rate = (float)learning_rate,
        .beta1 = (float)train->beta1,
        .beta2 = (float)train->beta2,
        .epsilon = 1e-8f,
        .gradient_scale = (float)gradient_scale,
        .correction1 = (float)(1.0 - pow(train->beta1, (double)step)),
        .correction2 = (float)(1.0 - pow(train->beta2, (double)step)),
        .segments = optimiser->segments,
        .segment_count = optimiser->segment_count,
    };
    struct vain_queue *queue = optimiser->config->queue;
    queue->device->ops->optimiser.adamw(queue, &adamw, gradients, parameters, optimiser->moment1,
                                        optimiser->moment2);
}

void vain_optimiser_step(struct vain_optimiser *optimiser, int64_t step, double learning_rate,
                         double gradient_scale, const float *gradients, float *parameters)
{
    if (optimiser->kind == VAIN_OPTIMISER_ADAMW) {
        step_adamw(optimiser, step, learning_rate, gradient_scale, gradients, parameters);
        return;
    }
    const struct vain_sgd sgd = {.learning_rate = (float)learning_rate,
                                 .momentum = (float)optimiser->config->job->train.momentum,
                                 .gradient_scale = (float)gradient_scale};
    struct vain_queue *queue = optimiser->config->queue;
    queue->device->ops->optimiser.sgd(queue, optimiser->config->layout->parameter_count, &sgd,
                                      gradients, parameters, optimiser->moment1);
}

void vain_optimiser_forget(struct vain_optimiser *optimiser)
{
    struct vain_queue *queue = optimiser->config->queue;
    const struct vain_memory_ops *memory = &queue->device->ops->memory;
    const size_t bytes = vector_bytes(optimiser->config);
    if (optimiser->moment1 != NULL)
        memory->zero(queue, optimiser->moment1, bytes);
    if (optimiser->moment2 != NULL)
        memory->zero(queue, optimiser->moment2, bytes);
}

void vain_optimiser_list(const struct vain_optimiser *optimiser, struct vain_method *method)
{
    const int64_t N = optimiser->config->layout->parameter_count;
    VAIN_ASSERT(method->memory_count + 2 <= VAIN_MEMORIES_MAX);
    if (optimiser->moment1 != NULL)
        method->memories[method->memory_count++] = (struct vain_member_memory){
            "moment1", "first moment of the optimiser", optimiser->moment1, N};
    if (optimiser->moment2 != NULL)
        method->memories[method->memory_count++] = (struct vain_member_memory){
            "moment2", "second moment of the optimiser", optimiser->moment2, N};
}
