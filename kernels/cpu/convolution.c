/* Convolutions as products of patches (patches.h) and filters.
 *
 * Forwards a strip of patches at a time is copied together and multiplied by the filters, which
 * were packed once for all strips. Backwards there are two kinds of tasks in one loop, as in
 * linear.c: ranges of d_weight, for which patches are packed, and groups of images of d_input,
 * whose patches are made by a product and added to where they came from. Every element of a product
 * is one chain of additions wherever strips and ranges begin (vector_product.c), and patches are
 * added in their order, so strips, ranges and groups may be cut by what fits and by the number of
 * threads. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/patches.h"

#include <string.h>

enum {
    PACKED_FLOATS = VAIN_SHARED_BYTES / 4, /* filters, in the shared area */
    STRIP_ROWS = 48,                       /* patches of a strip: four groups of a product */
    STRIP_FLOATS = VAIN_SCRATCH_BYTES / 4 / 2,
    GAP = 16, /* floats between rows of a strip, against rows that meet in a set of the cache */
    RANGE_FILTERS = 504, /* of a task on d_weight: whole groups */
    RANGE_WIDTH = 512,   /* and elements of a filter */
    RANGE_WIDTH_LEAST = 64,
    PACKED_RANGE = VAIN_INNER_MOST * RANGE_WIDTH,
    GROUPS_RANGE = VAIN_INNER_MOST * RANGE_FILTERS,
    GROUPS_PER_THREAD = 4 /* of images, so that nobody waits long at the end */
};
_Static_assert(PACKED_RANGE + GROUPS_RANGE + STRIP_ROWS * (RANGE_WIDTH + GAP) <=
                   VAIN_SCRATCH_BYTES / 4,
               "a task on d_weight has room");
_Static_assert(STRIP_FLOATS / (VAIN_FILTER_MOST + GAP) >= VAIN_GROUP_ROWS,
               "a strip of the longest filters is a group of rows");

static int64_t rounded_up(int64_t count, int64_t unit)
{
    return vain_parts_of(count, unit) * unit;
}

/* ---- Packing filters into the shared area, once for all tasks ---- */

struct packing {
    const struct vain_device *device;
    const float *weight;     /* (F, K) */
    int64_t K, first, count; /* columns of the packed matrix: filters first .. first + count - 1, or
                                as many elements of each filter */
    int64_t F;
};

static float *packed_of(const struct vain_device *device)
{
    return (float *)(void *)device->shared;
}

/* (K, filters) */
static void pack_filters(void *context, int64_t index, int worker)
{
    const struct packing *p = context;
    const int64_t at = index * VAIN_PANEL_MOST;
    (void)worker;
    p->device->code->product->pack_transposed(p->K, vain_smaller(VAIN_PANEL_MOST, p->count - at),
                                              p->weight + (p->first + at) * p->K, p->K,
                                              packed_of(p->device) + at * p->K);
}

/* (F, elements) */
static void pack_elements(void *context, int64_t index, int worker)
{
    const struct packing *p = context;
    const int64_t at = index * VAIN_PANEL_MOST;
    (void)worker;
    p->device->code->product->pack_columns(p->F, vain_smaller(VAIN_PANEL_MOST, p->count - at),
                                           p->weight + p->first + at, p->K,
                                           packed_of(p->device) + at * p->F);
}

/* How many columns of a packed matrix with `depth` rows fit: whole panels, at least one. */
static int64_t columns_that_fit(int64_t depth)
{
    return PACKED_FLOATS / depth / VAIN_PANEL_MOST * VAIN_PANEL_MOST;
}

/* Patches of a strip whose rows have `width` elements. */
static int64_t strip_rows(int64_t width)
{
    const int64_t fit = STRIP_FLOATS / (width + GAP) / VAIN_GROUP_ROWS * VAIN_GROUP_ROWS;
    return vain_smaller(STRIP_ROWS, fit);
}

/* ---- Forwards ---- */

struct forward {
    const struct vain_device *device;
    const struct vain_convolution *c;
    struct vain_patches patches;
    int64_t rows;         /* patches of a strip */
    int64_t first, count; /* filters */
    bool plain;           /* a patch is a pixel: no copy is needed */
};

static void forward_strip(void *context, int64_t index, int worker)
{
    const struct forward *f = context;
    const struct vain_convolution *c = f->c;
    const struct vain_vector_code *code = f->device->code;
    const int64_t m = index * f->rows, M = vain_smaller(f->rows, f->patches.M - m),
                  K = f->patches.K;
    const int64_t stride = f->plain ? K : K + GAP;
    float *strip = vain_scratch_of(f->device, worker), *output = c->output + m * c->F + f->first;
    if (!f->plain)
        vain_patches_read(&f->patches, c->input, m, M, 0, K, stride, strip);
    code->product->multiply(&(struct vain_product){
        .M = M,
        .N = f->count,
        .K = K,
        .A = f->plain ? c->input + m * K : strip,
        .A_group = VAIN_GROUP_ROWS * stride,
        .A_row = stride,
        .A_step = 1,
        .B = packed_of(f->device),
        .B_depth = K,
        .C = output,
        .C_stride = c->F,
    });
    const struct vain_tile tile = {M, f->count, c->F};
    if (c->bias != NULL)
        code->tile->bias(tile, c->bias + f->first, output);
    for (int64_t i = 0; c->relu && i < M; i++)
        code->image->relu(f->count, output + i * c->F);
}

void vain_cpu_convolution(struct vain_queue *queue, const struct vain_convolution *c)
{
    struct forward f = {
        .device = queue->device,
        .c = c,
        .patches = vain_patches_of(c->B, c->H, c->W, c->C, c->window),
        .plain = c->window.height * c->window.width * c->window.stride == 1,
    };
    VAIN_ASSERT(f.patches.K > 0 && f.patches.K <= VAIN_FILTER_MOST);
    f.rows = strip_rows(f.patches.K);
    const int64_t fit = columns_that_fit(f.patches.K);
    for (f.first = 0; f.first < c->F; f.first += f.count) {
        f.count = vain_smaller(fit, c->F - f.first);
        struct packing packing = {.device = queue->device,
                                  .weight = c->weight,
                                  .K = f.patches.K,
                                  .first = f.first,
                                  .count = f.count};
        vain_cpu_run(queue->device, vain_parts_of(f.count, VAIN_PANEL_MOST), pack_filters,
                     &packing);
        vain_cpu_run(queue->device, vain_parts_of(f.patches.M, f.rows), forward_strip, &f);
    }
}

/* ---- Backwards ---- */

struct backward {
    const struct vain_device *device;
    const struct vain_convolution_gradient *g;
    struct vain_patches patches;
    int64_t weight_width, weight_across, weight_tasks; /* d_weight: elements of a range, ranges */
    int64_t group_images;                              /* d_input: images of a task */
    int64_t first, width; /* d_input: elements of the filters whose patches are made now */
};

/* d_weight (F, K) += d_output^T patches, a range of both; who has a filter's first elements sums
 * its d_bias. */
static void weight_range(const struct backward *b, int64_t index, int worker)
{
    const struct vain_convolution_gradient *g = b->g;
    const struct vain_vector_code *code = b->device->code;
    const int64_t K = b->patches.K, k = index % b->weight_across * b->weight_width,
                  width = vain_smaller(b->weight_width, K - k);
    const int64_t filter = index / b->weight_across * RANGE_FILTERS,
                  filters = vain_smaller(RANGE_FILTERS, g->F - filter);
    float *packed = vain_scratch_of(b->device, worker), *groups = packed + PACKED_RANGE,
          *strip = groups + GROUPS_RANGE;
    for (int64_t m = 0; m < b->patches.M; m += VAIN_INNER_MOST) {
        const int64_t M = vain_smaller(VAIN_INNER_MOST, b->patches.M - m);
        const float *d_output = g->d_output + m * g->F + filter;
        for (int64_t done = 0; done < M; done += STRIP_ROWS) {
            const int64_t rows = vain_smaller(STRIP_ROWS, M - done);
            vain_patches_read(&b->patches, g->input, m + done, rows, k, width, RANGE_WIDTH, strip);
            code->product->pack_more(rows, width, strip, RANGE_WIDTH, M, done, packed);
        }
        code->product->pack_group(M, filters, d_output, g->F, groups);
        code->product->multiply(&(struct vain_product){
            .M = filters,
            .N = width,
            .K = M,
            .A = groups,
            .A_group = VAIN_GROUP_ROWS * M,
            .A_row = 1,
            .A_step = VAIN_GROUP_ROWS,
            .B = packed,
            .B_depth = M,
            .C = g->d_weight + filter * K + k,
            .C_stride = K,
            .add = true,
        });
        if (g->d_bias != NULL && k == 0)
            code->tile->column_sums((struct vain_tile){M, filters, g->F}, d_output,
                                    g->d_bias + filter);
    }
}

/* d_input of a group of images += d_output weight, made as patches strip by strip. */
static void input_group(const struct backward *b, int64_t index, int worker)
{
    const struct vain_convolution_gradient *g = b->g;
    const struct vain_vector_code *code = b->device->code;
    const int64_t image = index * b->group_images,
                  images = vain_smaller(b->group_images, g->B - image),
                  pixels = b->patches.rows * b->patches.columns, stride = b->width + GAP,
                  rows = strip_rows(b->width), end = (image + images) * pixels;
    const size_t image_floats = (size_t)(g->H * g->W * g->C);
    float *strip = vain_scratch_of(b->device, worker);
    if (b->first == 0)
        memset(g->d_input + (size_t)image * image_floats, 0,
               (size_t)images * image_floats * sizeof(float));
    for (int64_t m = image * pixels; m < end; m += rows) {
        const int64_t M = vain_smaller(rows, end - m);
        code->product->multiply(&(struct vain_product){
            .M = M,
            .N = b->width,
            .K = g->F,
            .A = g->d_output + m * g->F,
            .A_group = VAIN_GROUP_ROWS * g->F,
            .A_row = g->F,
            .A_step = 1,
            .B = packed_of(b->device),
            .B_depth = g->F,
            .C = strip,
            .C_stride = stride,
        });
        vain_patches_add(&b->patches, code->range->add, strip, m, M, b->first, b->width, stride,
                         g->d_input);
    }
}

static void backward_task(void *context, int64_t index, int worker)
{
    const struct backward *b = context;
    if (index < b->weight_tasks)
        weight_range(b, index, worker);
    else
        input_group(b, index - b->weight_tasks, worker);
}

static void cut_backward(struct backward *b)
{
    const struct vain_convolution_gradient *g = b->g;
    const int64_t threads = vain_pool_threads(b->device->pool), K = b->patches.K;
    const int64_t across = vain_larger(vain_parts_of(K, RANGE_WIDTH),
                                       vain_smaller(threads, vain_parts_of(K, RANGE_WIDTH_LEAST)));
    b->weight_width = rounded_up(vain_parts_of(K, across), VAIN_PANEL_MOST);
    b->weight_across = vain_parts_of(K, b->weight_width);
    b->weight_tasks = b->weight_across * vain_parts_of(g->F, RANGE_FILTERS);
    b->group_images =
        vain_larger(1, threads == 1 ? g->B : vain_parts_of(g->B, GROUPS_PER_THREAD * threads));
}

void vain_cpu_convolution_gradient(struct vain_queue *queue,
                                   const struct vain_convolution_gradient *g)
{
    struct backward b = {
        .device = queue->device,
        .g = g,
        .patches = vain_patches_of(g->B, g->H, g->W, g->C, g->window),
    };
    VAIN_ASSERT(b.patches.K > 0 && b.patches.K <= VAIN_FILTER_MOST);
    VAIN_ASSERT(g->F > 0 && g->F <= VAIN_FILTER_MOST);
    cut_backward(&b);
    if (g->d_input == NULL) {
        vain_cpu_run(queue->device, b.weight_tasks, backward_task, &b);
        return;
    }
    /* Tasks on d_weight go along with the first elements of the filters. */
    for (b.first = 0; b.first < b.patches.K; b.first += b.width) {
        b.width = vain_smaller(vain_smaller(columns_that_fit(g->F), VAIN_FILTER_MOST),
                               b.patches.K - b.first);
        struct packing packing = {.device = queue->device,
                                  .weight = g->weight,
                                  .K = b.patches.K,
                                  .first = b.first,
                                  .count = b.width,
                                  .F = g->F};
        vain_cpu_run(queue->device, vain_parts_of(b.width, VAIN_PANEL_MOST), pack_elements,
                     &packing);
        vain_cpu_run(queue->device, b.weight_tasks + vain_parts_of(g->B, b.group_images),
                     backward_task, &b);
        b.weight_tasks = 0;
    }
}
