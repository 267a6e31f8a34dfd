/* Batch norm, ReLU, pooling: rows or images shared out.
 *
 * Sums over all rows of a batch are sums of blocks of rows, which leave theirs in the shared area;
 * the blocks are put together in their order, in double. */
#include "kernels/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* ---- Batch norm ---- */

enum { SUMS_MOST = VAIN_SHARED_BYTES / (int)sizeof(float) }; /* floats of the shared area */

/* Rows cut into blocks, each of which leaves two rows of C sums; two more rows are for what comes
 * out of them. */
struct blocks {
    int64_t rows, count;
    float *sums;     /* (count, 2, C) */
    float *combined; /* (2, C) */
};

static struct blocks blocks_of(const struct vain_device *device, int64_t M, int64_t C)
{
    const int64_t most = SUMS_MOST / (2 * C) - 1;
    VAIN_ASSERT(C > 0 && most > 0);
    struct blocks b = {.rows = vain_larger(vain_rows_of_block(C), vain_parts_of(M, most))};
    b.count = vain_parts_of(M, b.rows);
    b.combined = (float *)(void *)device->shared;
    b.sums = b.combined + 2 * C;
    return b;
}

struct norm {
    const struct vain_device *device;
    const struct vain_batch_norm *norm;
    struct blocks blocks;
};

static void moments_block(void *context, int64_t index, int worker)
{
    const struct norm *n = context;
    const int64_t C = n->norm->C, first = index * n->blocks.rows,
                  rows = vain_smaller(n->blocks.rows, n->norm->M - first);
    float *means = n->blocks.sums + index * 2 * C;
    (void)worker;
    n->device->code->image->moments(rows, C, n->norm->input + first * C, means, means + C);
}

/* Chan, Golub & LeVeque 1983: squared distances from the common mean are those from each block's
 * own mean, and rows times the square of how far that is off. */
static void combine_moments(const struct norm *n)
{
    const double epsilon = 1e-3;
    const int64_t M = n->norm->M, C = n->norm->C;
    for (int64_t c = 0; c < C; c++) {
        double sum = 0, squares = 0;
        for (int64_t b = 0; b < n->blocks.count; b++) {
            const int64_t rows = vain_smaller(n->blocks.rows, M - b * n->blocks.rows);
            sum += (double)rows * (double)n->blocks.sums[2 * b * C + c];
        }
        const double mean = sum / (double)M;
        for (int64_t b = 0; b < n->blocks.count; b++) {
            const int64_t rows = vain_smaller(n->blocks.rows, M - b * n->blocks.rows);
            const double off = (double)n->blocks.sums[2 * b * C + c] - mean;
            squares += (double)n->blocks.sums[(2 * b + 1) * C + c] + (double)rows * off * off;
        }
        n->norm->mean[c] = (float)mean;
        n->norm->reciprocal_deviation[c] = (float)(1 / sqrt(squares / (double)M + epsilon));
    }
}

static void normalise_block(void *context, int64_t index, int worker)
{
    const struct norm *n = context;
    const int64_t first = index * n->blocks.rows;
    (void)worker;
    n->device->code->image->normalise(n->norm, first,
                                      vain_smaller(n->blocks.rows, n->norm->M - first));
}

void vain_cpu_batch_norm(struct vain_queue *queue, const struct vain_batch_norm *norm)
{
    struct norm n = {queue->device, norm, blocks_of(queue->device, norm->M, norm->C)};
    vain_cpu_run(queue->device, n.blocks.count, moments_block, &n);
    combine_moments(&n);
    vain_cpu_run(queue->device, n.blocks.count, normalise_block, &n);
}

struct norm_gradient {
    const struct vain_device *device;
    const struct vain_batch_norm_gradient *g;
    struct blocks blocks;
};

static void norm_sums_block(void *context, int64_t index, int worker)
{
    const struct norm_gradient *n = context;
    const int64_t C = n->g->C, first = index * n->blocks.rows;
    float *sums = n->blocks.sums + index * 2 * C;
    (void)worker;
    n->device->code->image->norm_gradient_sums(
        n->g, first, vain_smaller(n->blocks.rows, n->g->M - first), sums, sums + C);
}

static void combine_norm_sums(const struct norm_gradient *n)
{
    const int64_t C = n->g->C;
    for (int64_t c = 0; c < C; c++) {
        double d = 0, d_n = 0;
        for (int64_t b = 0; b < n->blocks.count; b++) {
            d += (double)n->blocks.sums[2 * b * C + c];
            d_n += (double)n->blocks.sums[(2 * b + 1) * C + c];
        }
        n->g->d_shift[c] += (float)d;
        n->g->d_gain[c] += (float)d_n;
        n->blocks.combined[c] = (float)(d / (double)n->g->M);
        n->blocks.combined[C + c] = (float)(d_n / (double)n->g->M);
    }
}

static void norm_gradient_block(void *context, int64_t index, int worker)
{
    const struct norm_gradient *n = context;
    const int64_t first = index * n->blocks.rows;
    (void)worker;
    n->device->code->image->norm_gradient(n->g, n->blocks.combined, n->blocks.combined + n->g->C,
                                          first, vain_smaller(n->blocks.rows, n->g->M - first));
}

void vain_cpu_batch_norm_gradient(struct vain_queue *queue,
                                  const struct vain_batch_norm_gradient *gradient)
{
    struct norm_gradient n = {queue->device, gradient,
                              blocks_of(queue->device, gradient->M, gradient->C)};
    vain_cpu_run(queue->device, n.blocks.count, norm_sums_block, &n);
    combine_norm_sums(&n);
    vain_cpu_run(queue->device, n.blocks.count, norm_gradient_block, &n);
}

/* ---- ReLU ---- */

struct relu {
    const struct vain_image_code *code;
    int64_t N;
    const float *output;
    float *x;
};

static void relu_block(void *context, int64_t index, int worker)
{
    const struct relu *r = context;
    const int64_t first = index * VAIN_BLOCK, count = vain_smaller(VAIN_BLOCK, r->N - first);
    (void)worker;
    if (r->output == NULL)
        r->code->relu(count, r->x + first);
    else
        r->code->relu_gradient(count, r->output + first, r->x + first);
}

void vain_cpu_relu(struct vain_queue *queue, int64_t N, float *x)
{
    struct relu r = {queue->device->code->image, N, NULL, x};
    vain_cpu_run(queue->device, vain_parts_of(N, VAIN_BLOCK), relu_block, &r);
}

void vain_cpu_relu_gradient(struct vain_queue *queue, int64_t N, const float *output,
                            float *d_output)
{
    struct relu r = {queue->device->code->image, N, output, d_output};
    vain_cpu_run(queue->device, vain_parts_of(N, VAIN_BLOCK), relu_block, &r);
}

/* ---- Pooling: a task is an image ---- */

/* The pixels of an image that a window sees: lines [y, y_end), columns [x, x_end), not empty. */
struct view {
    int64_t y, y_end, x, x_end;
};

static struct view view_of(const struct vain_window *w, int64_t H, int64_t W, int64_t row,
                           int64_t column)
{
    const int64_t y = row * w->stride - vain_window_padding(H, w->height, w->stride, w->same),
                  x = column * w->stride - vain_window_padding(W, w->width, w->stride, w->same);
    return (struct view){vain_larger(y, 0), vain_smaller(y + w->height, H), vain_larger(x, 0),
                         vain_smaller(x + w->width, W)};
}

static float share_of(const struct view *v)
{
    return 1.0f / (float)((v->y_end - v->y) * (v->x_end - v->x));
}

struct pool {
    const struct vain_device *device;
    const struct vain_pool_layer *p;
    int64_t rows, columns;
};

static void pool_pixel(const struct pool *pool, const float *image, const struct view *v,
                       float *output)
{
    const struct vain_pool_layer *p = pool->p;
    const struct vain_vector_code *code = pool->device->code;
    const int64_t C = p->C;
    memcpy(output, image + (v->y * p->W + v->x) * C, (size_t)C * sizeof(float));
    for (int64_t y = v->y; y < v->y_end; y++)
        for (int64_t x = y == v->y ? v->x + 1 : v->x; x < v->x_end; x++) {
            const float *pixel = image + (y * p->W + x) * C;
            if (p->average)
                code->range->add(C, pixel, output);
            else
                code->image->larger(C, pixel, output);
        }
    if (p->average)
        code->range->scale(C, share_of(v), output);
}

static void pool_image(void *context, int64_t index, int worker)
{
    const struct pool *pool = context;
    const struct vain_pool_layer *p = pool->p;
    const float *image = p->input + index * p->H * p->W * p->C;
    float *output = p->output + index * pool->rows * pool->columns * p->C;
    (void)worker;
    for (int64_t row = 0; row < pool->rows; row++)
        for (int64_t column = 0; column < pool->columns; column++, output += p->C) {
            const struct view view = view_of(&p->window, p->H, p->W, row, column);
            pool_pixel(pool, image, &view, output);
        }
}

void vain_cpu_pool(struct vain_queue *queue, const struct vain_pool_layer *p)
{
    const struct vain_window *w = &p->window;
    struct pool pool = {queue->device, p, vain_window_count(p->H, w->height, w->stride, w->same),
                        vain_window_count(p->W, w->width, w->stride, w->same)};
    vain_cpu_run(queue->device, p->B, pool_image, &pool);
}

struct pool_gradient {
    const struct vain_device *device;
    const struct vain_pool_layer_gradient *g;
    int64_t rows, columns;
};

/* Share the gradient of output pixel `at` out over what its window sees. */
static void share_pixel(const struct pool_gradient *pool, int64_t image, const struct view *v,
                        int64_t at, unsigned char *scratch)
{
    const struct vain_pool_layer_gradient *g = pool->g;
    const struct vain_vector_code *code = pool->device->code;
    const int64_t C = g->C;
    float *shares = (float *)(void *)scratch;
    uint32_t *taken = (uint32_t *)(void *)scratch;
    if (g->average) {
        memcpy(shares, g->d_output + at, (size_t)C * sizeof(float));
        code->range->scale(C, share_of(v), shares);
    } else {
        memset(taken, 0, (size_t)C * sizeof *taken);
    }
    for (int64_t y = v->y; y < v->y_end; y++)
        for (int64_t x = v->x; x < v->x_end; x++) {
            const int64_t pixel = ((image * g->H + y) * g->W + x) * C;
            if (g->average)
                code->range->add(C, shares, g->d_input + pixel);
            else
                code->image->route(C, g->input + pixel, g->output + at, g->d_output + at, taken,
                                   g->d_input + pixel);
        }
}

static void pool_gradient_image(void *context, int64_t index, int worker)
{
    const struct pool_gradient *pool = context;
    const struct vain_pool_layer_gradient *g = pool->g;
    const int64_t floats = g->H * g->W * g->C;
    int64_t at = index * pool->rows * pool->columns * g->C;
    memset(g->d_input + index * floats, 0, (size_t)floats * sizeof(float));
    for (int64_t row = 0; row < pool->rows; row++)
        for (int64_t column = 0; column < pool->columns; column++, at += g->C) {
            const struct view view = view_of(&g->window, g->H, g->W, row, column);
            share_pixel(pool, index, &view, at, vain_scratch_of(pool->device, worker));
        }
}

void vain_cpu_pool_gradient(struct vain_queue *queue, const struct vain_pool_layer_gradient *g)
{
    const struct vain_window *w = &g->window;
    struct pool_gradient pool = {queue->device, g,
                                 vain_window_count(g->H, w->height, w->stride, w->same),
                                 vain_window_count(g->W, w->width, w->stride, w->same)};
    VAIN_ASSERT((size_t)g->C * sizeof(float) <= VAIN_SCRATCH_BYTES);
    vain_cpu_run(queue->device, g->B, pool_gradient_image, &pool);
}
