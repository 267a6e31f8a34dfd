/* The two vectors that every method has. */
#include "jobs/method.h"

size_t vain_method_vector_bytes(const struct vain_method_config *config)
{
    return (size_t)config->layout->parameter_count * sizeof(float);
}

enum vain_status vain_method_take_vectors(struct vain_method *method, const float *initial)
{
    const struct vain_method_config *config = &method->config;
    struct vain_device *device = config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    const size_t bytes = vain_method_vector_bytes(config);
    VAIN_TRY(memory->take(device, bytes, "parameters", (void **)&method->parameters));
    VAIN_TRY(
        memory->take(device, bytes + 2 * sizeof(float), "gradients", (void **)&method->gradients));
    memory->copy(config->queue, method->parameters, initial, bytes);
    return VAIN_OK;
}

void vain_method_release_vectors(struct vain_method *method)
{
    struct vain_device *device = method->config.queue->device;
    device->ops->memory.release(device, method->parameters);
    device->ops->memory.release(device, method->gradients);
    method->parameters = method->gradients = NULL;
}

void vain_method_adopt(struct vain_method *method, const float *parameters)
{
    const struct vain_method_config *config = &method->config;
    config->queue->device->ops->memory.copy(config->queue, method->parameters, parameters,
                                            vain_method_vector_bytes(config));
    method->step_in_round = 0;
    method->loss_sum = 0;
}
