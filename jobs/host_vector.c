#include "jobs/host_vector.h"

#include "base/memory.h"

static bool on_host(const struct vain_run *run)
{
    return vain_device_is_host(&run->device);
}

static float *device_vector(const struct vain_run *run, enum vain_vector which)
{
    float *const vectors[VAIN_VECTOR_MEMORIES] = {
        [VAIN_VECTOR_COMMON] = run->common,
        [VAIN_VECTOR_MOMENTUM] = run->momentum,
        [VAIN_VECTOR_RESIDUAL] = run->residual,
        [VAIN_VECTOR_LOCAL] = run->method.parameters,
    };
    return which < VAIN_VECTOR_MEMORIES ? vectors[which]
                                        : run->method.memories[which - VAIN_VECTOR_MEMORIES].values;
}

size_t vain_host_vector_bytes(const struct vain_run *run, enum vain_vector which)
{
    const int64_t count = which < VAIN_VECTOR_MEMORIES
                              ? run->layout.parameter_count
                              : run->method.memories[which - VAIN_VECTOR_MEMORIES].count;
    return (size_t)count * sizeof(float);
}

enum vain_status vain_host_vectors_take(struct vain_run *run)
{
    for (int v = 0; v < VAIN_VECTOR_COUNT && !on_host(run); v++) {
        const size_t bytes = vain_host_vector_bytes(run, (enum vain_vector)v);
        if (device_vector(run, (enum vain_vector)v) == NULL)
            continue;
        VAIN_TRY(
            vain_take(bytes, "vectors of the GPU in host memory", (void **)&run->host_vectors[v]));
        run->device.ops->memory.pin(&run->device, run->host_vectors[v], bytes);
    }
    return VAIN_OK;
}

void vain_host_vectors_release(struct vain_run *run)
{
    for (int v = 0; v < VAIN_VECTOR_COUNT; v++) {
        if (run->host_vectors[v] != NULL)
            run->device.ops->memory.unpin(&run->device, run->host_vectors[v]);
        vain_release(run->host_vectors[v]);
        run->host_vectors[v] = NULL;
    }
}

float *vain_host_vector(const struct vain_run *run, enum vain_vector which)
{
    return on_host(run) ? device_vector(run, which) : run->host_vectors[which];
}

enum vain_status vain_host_vector_read(struct vain_run *run, enum vain_vector which)
{
    const float *vector = device_vector(run, which);
    if (vector != NULL && !on_host(run))
        run->device.ops->memory.copy_out(&run->queue, run->host_vectors[which], vector,
                                         vain_host_vector_bytes(run, which));
    return vain_queue_wait(&run->queue);
}

enum vain_status vain_host_vector_write(struct vain_run *run, enum vain_vector which)
{
    float *vector = device_vector(run, which);
    if (vector != NULL && !on_host(run))
        run->device.ops->memory.copy_in(&run->queue, vector, run->host_vectors[which],
                                        vain_host_vector_bytes(run, which));
    return vain_queue_wait(&run->queue);
}

void vain_list_memories(const struct vain_run *run, struct vain_member_state *state)
{
    state->memory_count = run->method.memory_count;
    for (int i = 0; i < run->method.memory_count; i++) {
        state->memories[i] = run->method.memories[i];
        state->memories[i].values =
            vain_host_vector(run, (enum vain_vector)(VAIN_VECTOR_MEMORIES + i));
    }
}

enum vain_status vain_host_words_read(struct vain_run *run)
{
    if (run->device_words != run->words)
        run->device.ops->memory.copy_out(&run->queue, run->words, run->device_words,
                                         (size_t)run->codec.word_count * sizeof(uint32_t));
    return vain_queue_wait(&run->queue);
}

enum vain_status vain_host_words_write(struct vain_run *run)
{
    if (run->device_words != run->words)
        run->device.ops->memory.copy_in(&run->queue, run->device_words, run->words,
                                        (size_t)run->codec.word_count * sizeof(uint32_t));
    return vain_queue_wait(&run->queue);
}
