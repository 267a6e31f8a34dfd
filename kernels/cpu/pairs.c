/* Rows of length one, and the products of all pairs of rows: losses on pairs are made of them. */
#include "kernels/cpu/cpu.h"

#include <math.h>
#include <string.h>

struct normalise {
    const struct vain_device *device;
    int64_t M, C, rows; /* rows of a task */
    const float *input;
    float *output, *reciprocal_norm;
};

static void normalise_block(void *context, int64_t index, int worker)
{
    const struct normalise *n = context;
    const int64_t C = n->C, first = index * n->rows, rows = vain_smaller(n->rows, n->M - first);
    const struct vain_tile tile = {rows, C, C};
    const float *input = n->input + first * C;
    float *norms = n->reciprocal_norm + first, *output = n->output + first * C;
    (void)worker;
    n->device->code->row->dot_rows(tile, input, input, norms);
    for (int64_t i = 0; i < rows; i++)
        norms[i] = 1.0f / sqrtf(norms[i] + 1e-12f);
    memcpy(output, input, (size_t)(rows * C) * sizeof(float));
    n->device->code->row->scale_rows(tile, norms, output);
}

void vain_cpu_normalise_rows(struct vain_queue *queue, int64_t M, int64_t C, const float *input,
                             float *output, float *reciprocal_norm)
{
    struct normalise n = {.device = queue->device,
                          .M = M,
                          .C = C,
                          .rows = vain_rows_of_block(C),
                          .input = input,
                          .output = output,
                          .reciprocal_norm = reciprocal_norm};
    vain_cpu_run(queue->device, vain_parts_of(M, n.rows), normalise_block, &n);
}

struct normalise_gradient {
    const struct vain_device *device;
    int64_t M, C, rows;
    const float *output, *reciprocal_norm, *d_output;
    float *d_input;
};

/* With r = (x x + epsilon)^(-1/2) and y = r x:  d_x = r (d_y - y (y d_y)), epsilon and all. */
static void gradient_block(void *context, int64_t index, int worker)
{
    const struct normalise_gradient *n = context;
    const int64_t C = n->C, first = index * n->rows, rows = vain_smaller(n->rows, n->M - first);
    const struct vain_tile tile = {rows, C, C};
    const float *output = n->output + first * C, *d_output = n->d_output + first * C;
    float *dots = vain_scratch_of(n->device, worker);
    n->device->code->row->dot_rows(tile, output, d_output, dots);
    n->device->code->image->subtract_scaled(rows, C, output, n->reciprocal_norm + first, dots,
                                            d_output, n->d_input + first * C);
}

void vain_cpu_normalise_rows_gradient(struct vain_queue *queue, int64_t M, int64_t C,
                                      const float *output, const float *reciprocal_norm,
                                      const float *d_output, float *d_input)
{
    struct normalise_gradient n = {queue->device,   M,        C,      vain_rows_of_block(C), output,
                                   reciprocal_norm, d_output, d_input};
    vain_cpu_run(queue->device, vain_parts_of(M, n.rows), gradient_block, &n);
}

void vain_cpu_dot_products(struct vain_queue *queue, int64_t M, int64_t C, const float *rows,
                           float *products)
{
    const struct vain_linear linear = {
        .M = M, .N = M, .K = C, .input = rows, .weight = rows, .output = products};
    vain_cpu_linear(queue, &linear);
}

struct symmetric {
    int64_t M;
    float *x;
};

/* Column i below the diagonal and row i behind it: no other task reads or writes them. */
static void add_transposed_row(void *context, int64_t index, int worker)
{
    const struct symmetric *s = context;
    (void)worker;
    s->x[index * s->M + index] *= 2;
    for (int64_t j = index + 1; j < s->M; j++) {
        const float sum = s->x[index * s->M + j] + s->x[j * s->M + index];
        s->x[index * s->M + j] = sum;
        s->x[j * s->M + index] = sum;
    }
}

/* With S = D + D^T, which is its own transpose: d_rows = S rows, a weight gradient of S. */
void vain_cpu_dot_products_gradient(struct vain_queue *queue, int64_t M, int64_t C,
                                    const float *rows, float *d_products, float *d_rows)
{
    struct symmetric symmetric = {M, d_products};
    vain_cpu_run(queue->device, M, add_transposed_row, &symmetric);
    vain_cpu_ops.memory.zero(queue, d_rows, (size_t)(M * C) * sizeof(float));
    const struct vain_linear_gradient gradient = {.M = M,
                                                  .N = M,
                                                  .K = C,
                                                  .input = rows,
                                                  .weight = rows,
                                                  .d_output = d_products,
                                                  .d_weight = d_rows};
    vain_cpu_linear_gradient(queue, &gradient);
}
