/* Means over sequences: a task is one sequence. */
#include "kernels/cpu/cpu.h"

#include <string.h>

struct pool {
    const struct vain_device *device;
    int64_t T, C;
    const int32_t *lengths;
    const float *source;
    float *target;
};

static int64_t pool_length(const struct pool *p, int64_t b)
{
    VAIN_ASSERT(p->lengths[b] >= 1 && p->lengths[b] <= p->T);
    return p->lengths[b];
}

static void pool_sequence(void *context, int64_t b, int worker)
{
    const struct pool *p = context;
    const struct vain_range_code *code = p->device->code->range;
    const int64_t length = pool_length(p, b);
    const float *rows = p->source + b * p->T * p->C;
    float *mean = p->target + b * p->C;
    (void)worker;
    memcpy(mean, rows, (size_t)p->C * sizeof(float));
    for (int64_t t = 1; t < length; t++)
        code->add(p->C, rows + t * p->C, mean);
    code->scale(p->C, 1.0f / (float)length, mean);
}

void vain_cpu_mean_pool(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                        const int32_t *lengths, const float *input, float *output)
{
    struct pool pool = {queue->device, T, C, lengths, input, output};
    vain_cpu_run(queue->device, B, pool_sequence, &pool);
}

static void spread_sequence(void *context, int64_t b, int worker)
{
    const struct pool *p = context;
    const int64_t length = pool_length(p, b);
    const size_t row_bytes = (size_t)p->C * sizeof(float);
    float *rows = p->target + b * p->T * p->C;
    (void)worker;
    memcpy(rows, p->source + b * p->C, row_bytes);
    p->device->code->range->scale(p->C, 1.0f / (float)length, rows);
    for (int64_t t = 1; t < length; t++)
        memcpy(rows + t * p->C, rows, row_bytes);
    memset(rows + length * p->C, 0, (size_t)(p->T - length) * row_bytes);
}

void vain_cpu_mean_pool_gradient(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                                 const int32_t *lengths, const float *d_output, float *d_input)
{
    struct pool pool = {queue->device, T, C, lengths, d_output, d_input};
    vain_cpu_run(queue->device, B, spread_sequence, &pool);
}
