/* AdamW, norms, checks for NaN, averaging, the outer step: blocks of the flat vector. */
#include "kernels/cpu/cpu.h"

/* ---- AdamW ---- */

struct adamw {
    const struct vain_range_code *code;
    const struct vain_adamw *adamw;
    int64_t start, end; /* what the segments span */
    const float *gradients;
    float *parameters, *moment1, *moment2;
};

/* First segment that ends behind element `at`. */
static int first_segment(const struct vain_adamw *adamw, int64_t at)
{
    int low = 0, high = adamw->segment_count;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (adamw->segments[middle].offset + adamw->segments[middle].count <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void adamw_block(void *context, int64_t index, int worker)
{
    const struct adamw *a = context;
    const int64_t start = a->start + index * VAIN_BLOCK,
                  end = vain_smaller(start + VAIN_BLOCK, a->end);
    (void)worker;
    for (int s = first_segment(a->adamw, start); s < a->adamw->segment_count; s++) {
        const struct vain_segment *segment = &a->adamw->segments[s];
        const int64_t from = vain_larger(start, segment->offset);
        const int64_t to = vain_smaller(end, segment->offset + segment->count);
        if (segment->offset >= end)
            return;
        a->code->adamw(to - from, a->adamw, segment->weight_decay, a->gradients + from,
                       a->parameters + from, a->moment1 == NULL ? NULL : a->moment1 + from,
                       a->moment2 + from);
    }
}

void vain_cpu_adamw(struct vain_queue *queue, const struct vain_adamw *adamw,
                    const float *gradients, float *parameters, float *moment1, float *moment2)
{
    if (adamw->segment_count == 0)
        return;
    VAIN_ASSERT(moment1 != NULL || !(adamw->beta1 > 0));
    for (int s = 1; s < adamw->segment_count; s++)
        VAIN_ASSERT(adamw->segments[s - 1].offset + adamw->segments[s - 1].count <=
                    adamw->segments[s].offset);
    const struct vain_segment *last = &adamw->segments[adamw->segment_count - 1];
    struct adamw a = {
        .code = queue->device->code->range,
        .adamw = adamw,
        .start = adamw->segments[0].offset,
        .end = last->offset + last->count,
        .gradients = gradients,
        .parameters = parameters,
        .moment1 = moment1,
        .moment2 = moment2,
    };
    vain_cpu_run(queue->device, vain_parts_of(a.end - a.start, VAIN_BLOCK), adamw_block, &a);
}

/* ---- SGD ---- */

struct sgd {
    const struct vain_range_code *code;
    int64_t N;
    const struct vain_sgd *sgd;
    const float *gradients;
    float *parameters, *velocity;
};

static void sgd_block(void *context, int64_t index, int worker)
{
    const struct sgd *s = context;
    const int64_t first = index * VAIN_BLOCK;
    (void)worker;
    s->code->sgd(vain_smaller(VAIN_BLOCK, s->N - first), s->sgd, s->gradients + first,
                 s->parameters + first, s->velocity == NULL ? NULL : s->velocity + first);
}

void vain_cpu_sgd(struct vain_queue *queue, int64_t N, const struct vain_sgd *sgd,
                  const float *gradients, float *parameters, float *velocity)
{
    VAIN_ASSERT(velocity != NULL || !(sgd->momentum > 0));
    struct sgd s = {queue->device->code->range, N, sgd, gradients, parameters, velocity};
    vain_cpu_run(queue->device, vain_parts_of(N, VAIN_BLOCK), sgd_block, &s);
}

/* ---- Looking at all elements ---- */

struct squares {
    const struct vain_range_code *code;
    int64_t N;
    const float *x;
    double *sums; /* of blocks */
};

static void squares_block(void *context, int64_t index, int worker)
{
    const struct squares *s = context;
    const int64_t first = index * VAIN_SQUARES_BLOCK;
    (void)worker;
    s->sums[index] =
        s->code->sum_squares(vain_smaller(VAIN_SQUARES_BLOCK, s->N - first), s->x + first);
}

void vain_cpu_sum_squares(struct vain_queue *queue, int64_t N, const float *x, double *out)
{
    /* As many elements at a time as their blocks' sums fit the shared area: 2^35. */
    const int64_t most = VAIN_SHARED_BYTES / (int64_t)sizeof(double) * VAIN_SQUARES_BLOCK;
    double sum = 0;
    for (int64_t done = 0; done < N; done += most) {
        struct squares s = {queue->device->code->range, vain_smaller(most, N - done), x + done,
                            (double *)(void *)queue->device->shared};
        const int64_t blocks = vain_parts_of(s.N, VAIN_SQUARES_BLOCK);
        vain_cpu_run(queue->device, blocks, squares_block, &s);
        for (int64_t b = 0; b < blocks; b++)
            sum += s.sums[b];
    }
    *out = sum;
}

struct search {
    const struct vain_range_code *code;
    int64_t N, block; /* elements, elements of a block */
    const float *x;
    int64_t *found; /* of blocks */
};

enum { SEARCH_BLOCKS = VAIN_SHARED_BYTES / sizeof(int64_t) };

static void search_block(void *context, int64_t index, int worker)
{
    const struct search *s = context;
    const int64_t first = index * s->block, count = vain_smaller(s->block, s->N - first);
    (void)worker;
    const int64_t at = s->code->first_not_finite(count, s->x + first);
    s->found[index] = at < count ? first + at : s->N;
}

void vain_cpu_first_not_finite(struct vain_queue *queue, int64_t N, const float *x, int64_t *out)
{
    struct search s = {queue->device->code->range, N, VAIN_SQUARES_BLOCK, x,
                       (int64_t *)(void *)queue->device->shared};
    s.block = vain_larger(s.block, vain_parts_of(N, SEARCH_BLOCKS));
    const int64_t blocks = vain_parts_of(N, s.block);
    vain_cpu_run(queue->device, blocks, search_block, &s);
    *out = N;
    for (int64_t b = blocks - 1; b >= 0; b--)
        *out = s.found[b] < N ? s.found[b] : *out;
}

/* ---- Elementwise ---- */

struct range {
    const struct vain_range_code *code;
    int64_t N;
    const float *source;
    float *target;
    float factor;
};

static void add_block(void *context, int64_t index, int worker)
{
    const struct range *r = context;
    const int64_t first = index * VAIN_BLOCK;
    (void)worker;
    r->code->add(vain_smaller(VAIN_BLOCK, r->N - first), r->source + first, r->target + first);
}

void vain_cpu_add(struct vain_queue *queue, int64_t N, const float *source, float *target)
{
    struct range range = {queue->device->code->range, N, source, target, 0};
    vain_cpu_run(queue->device, vain_parts_of(N, VAIN_BLOCK), add_block, &range);
}

static void scale_block(void *context, int64_t index, int worker)
{
    const struct range *r = context;
    const int64_t first = index * VAIN_BLOCK;
    (void)worker;
    r->code->scale(vain_smaller(VAIN_BLOCK, r->N - first), r->factor, r->target + first);
}

void vain_cpu_scale(struct vain_queue *queue, int64_t N, float factor, float *target)
{
    struct range range = {queue->device->code->range, N, NULL, target, factor};
    vain_cpu_run(queue->device, vain_parts_of(N, VAIN_BLOCK), scale_block, &range);
}

static void move_block(void *context, int64_t index, int worker)
{
    const struct range *r = context;
    const int64_t first = index * VAIN_BLOCK;
    (void)worker;
    r->code->move(vain_smaller(VAIN_BLOCK, r->N - first), r->factor, r->source + first,
                  r->target + first);
}

void vain_cpu_move(struct vain_queue *queue, int64_t N, float rate, const float *source,
                   float *target)
{
    struct range range = {queue->device->code->range, N, source, target, rate};
    vain_cpu_run(queue->device, vain_parts_of(N, VAIN_BLOCK), move_block, &range);
}

struct outer {
    const struct vain_range_code *code;
    int64_t N;
    float rate, mu;
    bool nesterov;
    const float *delta;
    float *momentum, *parameters;
};

static void outer_block(void *context, int64_t index, int worker)
{
    const struct outer *o = context;
    const int64_t first = index * VAIN_BLOCK;
    (void)worker;
    o->code->outer_step(vain_smaller(VAIN_BLOCK, o->N - first), o->rate, o->mu, o->nesterov,
                        o->delta + first, o->momentum == NULL ? NULL : o->momentum + first,
                        o->parameters + first);
}

void vain_cpu_outer_step(struct vain_queue *queue, int64_t N, float rate, float mu, bool nesterov,
                         const float *delta, float *momentum, float *parameters)
{
    struct outer outer = {
        queue->device->code->range, N, rate, mu, nesterov, delta, momentum, parameters};
    vain_cpu_run(queue->device, vain_parts_of(N, VAIN_BLOCK), outer_block, &outer);
}
