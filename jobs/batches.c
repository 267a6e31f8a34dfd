/* Examples are drawn in host memory and copied to the device in the order of the queue. */
#include "jobs/batches.h"

#include <string.h>

#include "base/memory.h"
#include "jobs/windows.h"

static size_t window_bytes(const struct vain_method_config *config)
{
    return (size_t)(config->job->train.batch * config->model->context) * sizeof(int32_t);
}

static size_t workspace_bytes(const struct vain_method_config *config)
{
    return config->model_ops->workspace_bytes(config->model, config->job->train.batch,
                                              config->model->context, true);
}

int64_t vain_batches_memory_bytes(const struct vain_method_config *config)
{
    return (int64_t)(workspace_bytes(config) + 4 * window_bytes(config));
}

enum vain_status vain_batches_open(const struct vain_method_config *config,
                                   struct vain_batches *out)
{
    struct vain_device *device = config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    const size_t bytes = window_bytes(config);
    *out = (struct vain_batches){
        .config = config, .B = config->job->train.batch, .T = config->model->context};
    VAIN_TRY(memory->take(device, bytes, "tokens", (void **)&out->tokens));
    VAIN_TRY(memory->take(device, bytes, "targets", (void **)&out->targets));
    VAIN_TRY(vain_take(bytes, "drawn tokens", (void **)&out->host_tokens));
    VAIN_TRY(vain_take(bytes, "drawn targets", (void **)&out->host_targets));
    return memory->take(device, workspace_bytes(config), "activations", &out->workspace);
}

void vain_batches_close(struct vain_batches *batches)
{
    if (batches->config == NULL)
        return;
    struct vain_device *device = batches->config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    memory->release(device, batches->tokens);
    memory->release(device, batches->targets);
    memory->release(device, batches->workspace);
    vain_release(batches->host_tokens);
    vain_release(batches->host_targets);
    memset(batches, 0, sizeof *batches);
}

enum vain_status vain_batches_draw(struct vain_batches *batches, struct vain_random random,
                                   int64_t position, int rank, struct vain_batch *out)
{
    const struct vain_method_config *config = batches->config;
    const struct vain_memory_ops *memory = &config->queue->device->ops->memory;
    VAIN_TRY(vain_corpus_batch(&config->data->corpus, random, position, rank, batches->B,
                               batches->T, batches->host_tokens, batches->host_targets));
    memory->copy_in(config->queue, batches->tokens, batches->host_tokens, window_bytes(config));
    memory->copy_in(config->queue, batches->targets, batches->host_targets, window_bytes(config));
    *out = (struct vain_batch){
        .B = batches->B, .T = batches->T, .tokens = batches->tokens, .targets = batches->targets};
    return VAIN_OK;
}

enum vain_status vain_batches_evaluate(struct vain_batches *batches, const float *parameters,
                                       const struct vain_method_share *share,
                                       struct vain_measure_sums *sums)
{
    const struct vain_method_config *config = batches->config;
    const struct vain_windows windows = {
        .model = config->model,
        .model_ops = config->model_ops,
        .layout = config->layout,
        .corpus = &config->data->corpus,
        .queue = config->queue,
        .parameters = parameters,
        .batch = batches->B,
        .tokens = batches->tokens,
        .targets = batches->targets,
        .workspace = batches->workspace,
    };
    return vain_windows_evaluate(&windows, share->share, share->shares, sums);
}
