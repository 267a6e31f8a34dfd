/* Features are asked of the model before it learns from a batch, so that what an agent remembers of
 * an example is how the example looked when it was met. */
#include "jobs/agent_memories.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static int64_t pixels_of(const struct vain_method_config *config)
{
    const struct vain_image_shape *image = &config->model->image;
    return image->height * image->width * image->channels;
}

void vain_agent_memory_options(const struct vain_method_config *config,
                               struct vain_memory_options *out)
{
    const struct vain_agent_options *memory = &config->job->memory;
    *out = (struct vain_memory_options){
        .shape = {.pixels = pixels_of(config),
                  .width = config->model_ops->feature_width(config->model),
                  .classes = config->model->classes},
        .budget_bytes = memory->budget_bytes,
        .ring = memory->ring,
        .clusters = memory->clusters,
        .neighbours = memory->neighbours,
        .symbols = memory->symbols,
        .gate_rate = memory->gate_rate,
    };
}

static size_t workspace_bytes(const struct vain_method_config *config)
{
    return config->model_ops->workspace_bytes(config->model, config->job->train.batch, 1, false);
}

/* false: agents cannot have such memories; the opening says it. */
static bool plan_memory(const struct vain_method_config *config,
                        struct vain_memory_options *options, struct vain_memory_plan *plan)
{
    if (config->model_ops->feature_width == NULL)
        return false;
    vain_agent_memory_options(config, options);
    if (vain_memory_plan_make(options, plan) == VAIN_OK)
        return true;
    vain_fail_clear();
    return false;
}

int64_t vain_agent_memories_kept_bytes(const struct vain_method_config *config)
{
    struct vain_memory_options options;
    struct vain_memory_plan plan;
    if (!plan_memory(config, &options, &plan))
        return 0;
    return config->job->memory.agents * plan.floats * (int64_t)sizeof(float);
}

int64_t vain_agent_memories_bytes(const struct vain_method_config *config)
{
    struct vain_memory_options options;
    struct vain_memory_plan plan;
    const int64_t B = config->job->train.batch, size = (int64_t)sizeof(float);
    if (!plan_memory(config, &options, &plan))
        return 0;
    const struct vain_memory_shape *shape = &options.shape;
    return config->job->memory.agents * plan.floats * size +
           vain_memory_scratch_bytes(&options, &plan, B) + (int64_t)workspace_bytes(config) +
           B * size * (2 * shape->width + 1 + 2 * shape->classes) +
           B * 2 * (int64_t)sizeof(int64_t);
}

static enum vain_status take_buffers(struct vain_agent_memories *m)
{
    struct vain_device *device = m->config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    const size_t size = sizeof(float), B = (size_t)m->B;
    const size_t logits = B * (size_t)m->C * size, features = B * (size_t)m->width * size;
    VAIN_TRY(memory->take(device, features, "features", (void **)&m->bare));
    VAIN_TRY(memory->take(device, features, "features", (void **)&m->features));
    VAIN_TRY(memory->take(device, B * size, "norms", (void **)&m->norms));
    VAIN_TRY(memory->take(device, logits, "logits", (void **)&m->device_logits));
    VAIN_TRY(memory->take(device, workspace_bytes(m->config), "activations", &m->workspace));
    VAIN_TRY(vain_take(logits, "logits", (void **)&m->logits));
    VAIN_TRY(vain_take_array(m->B, sizeof *m->skip, "episodes", (void **)&m->skip));
    return vain_take_array(m->B, sizeof *m->replayed, "episodes", (void **)&m->replayed);
}

static enum vain_status bind(struct vain_agent_memories *m,
                             const struct vain_memory_options *options)
{
    const struct vain_method_config *config = m->config;
    VAIN_TRY(vain_take_array(m->count, sizeof *m->of, "agents", (void **)&m->of));
    VAIN_ASSERT(m->of != NULL);
    for (int a = 0; a < m->count; a++) {
        char name[VAIN_NAME_BYTES + 32];
        snprintf(name, sizeof name, "%s agent %d", config->member_name, a);
        vain_memory_bind(options, &m->plan,
                         vain_random_stream(config->job->general.seed, VAIN_PURPOSE_MEMORY, name),
                         m->block + a * m->plan.floats, &m->of[a]);
    }
    return VAIN_OK;
}

enum vain_status vain_agent_memories_open(const struct vain_method_config *config,
                                          struct vain_agent_memories *out)
{
    struct vain_device *device = config->queue->device;
    struct vain_memory_options options;
    *out = (struct vain_agent_memories){0};
    if (config->model_ops->feature_width == NULL)
        return vain_fail(VAIN_ERR_INPUT,
                         "model.kind: a %s gives no features to remember examples by; use convnet, "
                         "or set memory.enabled: false",
                         config->model_ops->name);
    vain_agent_memory_options(config, &options);
    VAIN_TRY(vain_memory_plan_make(&options, &out->plan));
    out->config = config;
    out->count = (int)config->job->memory.agents;
    out->B = config->job->train.batch;
    out->width = options.shape.width;
    out->C = options.shape.classes;
    out->pixels = options.shape.pixels;
    const size_t bytes = (size_t)out->count * (size_t)out->plan.floats * sizeof(float);
    VAIN_TRY(device->ops->memory.take(device, bytes, "memories", (void **)&out->block));
    VAIN_TRY(bind(out, &options));
    VAIN_TRY(vain_memory_scratch_open(&options, &out->plan, out->B, device, &out->scratch));
    return take_buffers(out);
}

void vain_agent_memories_close(struct vain_agent_memories *memories)
{
    if (memories->config == NULL)
        return;
    struct vain_device *device = memories->config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    memory->release(device, memories->block);
    memory->release(device, memories->bare);
    memory->release(device, memories->features);
    memory->release(device, memories->norms);
    memory->release(device, memories->device_logits);
    memory->release(device, memories->workspace);
    vain_release(memories->logits);
    vain_release(memories->skip);
    vain_release(memories->replayed);
    vain_release(memories->of);
    vain_memory_scratch_close(&memories->scratch);
    memset(memories, 0, sizeof *memories);
}

enum vain_status vain_agent_memories_check(const struct vain_agent_memories *memories)
{
    for (int a = 0; a < memories->count; a++) {
        char owner[VAIN_NAME_BYTES + 48];
        snprintf(owner, sizeof owner, "agent %d of member '%s'", a + 1,
                 memories->config->member_name);
        VAIN_TRY(vain_memory_check(&memories->of[a], owner));
    }
    return VAIN_OK;
}

void vain_agent_memories_forget(struct vain_agent_memories *memories)
{
    for (int a = 0; a < memories->count; a++)
        vain_memory_clear(&memories->of[a]);
}

/* Features and logits of a batch, where the host reads them. */
static void look(struct vain_agent_memories *m, const float *parameters,
                 const struct vain_batch *batch)
{
    const struct vain_method_config *config = m->config;
    struct vain_queue *queue = config->queue;
    const struct vain_ops *ops = queue->device->ops;
    config->model_ops->features(config->model, config->layout, queue, parameters, batch,
                                m->workspace, m->bare, m->device_logits);
    ops->pair.normalise_rows(queue, batch->B, m->width, m->bare, m->features, m->norms);
    ops->memory.copy_out(queue, m->logits, m->device_logits,
                         (size_t)(batch->B * m->C) * sizeof(float));
    VAIN_ASSERT(vain_queue_wait(queue) == VAIN_OK);
}

void vain_agent_memories_ask(struct vain_agent_memories *memories, int agent,
                             const float *parameters, const struct vain_batch *batch,
                             const int64_t *skip)
{
    look(memories, parameters, batch);
    const struct vain_memory_questions questions = {
        .M = batch->B, .features = memories->features, .logits = memories->logits, .skip = skip};
    vain_memory_ask(&memories->of[agent], memories->config->queue, &questions, &memories->scratch);
}

void vain_agent_memories_live(struct vain_agent_memories *memories, int agent, int64_t fresh,
                              int64_t count, const float *examples, const int32_t *labels)
{
    struct vain_memory *memory = &memories->of[agent];
    const struct vain_memory_scratch *scratch = &memories->scratch;
    vain_memory_learn(memory, scratch, count, labels);
    for (int64_t b = fresh; b < count; b++)
        vain_memory_renew_keys(memory, memories->replayed[b - fresh], 1,
                               memories->features + b * memories->width);
    for (int64_t b = 0; b < fresh; b++) {
        const float loss = (float)-scratch->computed[b * memories->C + labels[b]];
        (void)vain_memory_remember(memory, scratch, labels[b], loss,
                                   memories->features + b * memories->width,
                                   examples + b * memories->pixels);
    }
}

void vain_agent_memories_renew(struct vain_agent_memories *memories, const float *parameters)
{
    for (int a = 0; a < memories->count; a++) {
        struct vain_memory *memory = &memories->of[a];
        const int64_t count = vain_memory_episodes_count(&memory->episodes);
        for (int64_t first = 0; first < count; first += memories->B) {
            const int64_t left = count - first, M = left < memories->B ? left : memories->B;
            const struct vain_batch batch = {
                .B = M, .T = 1, .images = memory->episodes.examples + first * memories->pixels};
            look(memories, parameters, &batch);
            vain_memory_renew_keys(memory, first, M, memories->features);
        }
        vain_memory_renew_prototypes(memory);
    }
}
