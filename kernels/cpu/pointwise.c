/* Embeddings, layer norm, cross entropy, dropout: rows shared out in blocks.
 *
 * What is summed over rows (gains, tables, losses) is summed in an order that depends on shapes
 * only: either one task owns a range of columns and walks all rows, or blocks of rows leave partial
 * sums in the device's shared area and these are added in order at the end. */
#include "kernels/cpu/cpu.h"

#include <string.h>

/* ---- Embedding ---- */

enum { EMBED_COLUMNS = 64 }; /* of a task of the gradient */

struct embed {
    const struct vain_device *device;
    int64_t B, T, C, rows; /* rows of a task */
    const int32_t *tokens;
    const float *token_table, *position_table;
    const struct vain_dropout *dropout;
    float *output;
};

static bool drops(const struct vain_dropout *dropout)
{
    return dropout != NULL && dropout->probability > 0;
}

/* row (count) = row * factors of elements first .. first + count - 1, by pieces that fit the
 * scratch. */
static void drop_range(const struct vain_device *device, int worker,
                       const struct vain_dropout *dropout, int64_t first, int64_t count, float *x)
{
    const struct vain_range_code *code = device->code->range;
    float *factors = vain_scratch_of(device, worker);
    for (int64_t done = 0; done < count; done += VAIN_BLOCK) {
        const int64_t part = vain_smaller(VAIN_BLOCK, count - done);
        code->dropout_factors(part, dropout, first + done, factors);
        code->multiply(part, factors, x + done);
    }
}

static void embed_rows(void *context, int64_t index, int worker)
{
    const struct embed *e = context;
    const int64_t C = e->C, first = index * e->rows,
                  end = vain_smaller(first + e->rows, e->B * e->T);
    for (int64_t m = first; m < end; m++) {
        const float *token_row = e->token_table + e->tokens[m] * C;
        float *row = e->output + m * C;
        if (e->position_table == NULL)
            memcpy(row, token_row, (size_t)C * sizeof(float));
        else
            e->device->code->range->add_two(C, token_row, e->position_table + m % e->T * C, row);
    }
    if (drops(e->dropout))
        drop_range(e->device, worker, e->dropout, first * C, (end - first) * C,
                   e->output + first * C);
}

void vain_cpu_embed(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                    const int32_t *tokens, const float *token_table, const float *position_table,
                    const struct vain_dropout *dropout, float *output)
{
    struct embed embed = {
        queue->device,  B,       T,     C, vain_rows_of_block(C), tokens, token_table,
        position_table, dropout, output};
    vain_cpu_run(queue->device, vain_parts_of(B * T, embed.rows), embed_rows, &embed);
}

struct embed_gradient {
    const struct vain_device *device;
    int64_t B, T, C;
    const int32_t *tokens;
    const float *d_output;
    const struct vain_dropout *dropout;
    float *d_token_table, *d_position_table;
};

static void embed_gradient_columns(void *context, int64_t index, int worker)
{
    const struct embed_gradient *e = context;
    const struct vain_range_code *code = e->device->code->range;
    const int64_t C = e->C, column = index * EMBED_COLUMNS,
                  count = vain_smaller(EMBED_COLUMNS, C - column);
    float *dropped = vain_scratch_of(e->device, worker);
    for (int64_t m = 0; m < e->B * e->T; m++) {
        const float *d = e->d_output + m * C + column;
        if (drops(e->dropout)) {
            code->dropout_factors(count, e->dropout, m * C + column, dropped);
            code->multiply(count, d, dropped);
            d = dropped;
        }
        code->add(count, d, e->d_token_table + e->tokens[m] * C + column);
        if (e->d_position_table != NULL)
            code->add(count, d, e->d_position_table + m % e->T * C + column);
    }
}

void vain_cpu_embed_gradient(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                             const int32_t *tokens, const float *d_output,
                             const struct vain_dropout *dropout, float *d_token_table,
                             float *d_position_table)
{
    struct embed_gradient e = {queue->device,   B, T, C, tokens, d_output, dropout, d_token_table,
                               d_position_table};
    vain_cpu_run(queue->device, vain_parts_of(C, EMBED_COLUMNS), embed_gradient_columns, &e);
}

/* ---- Layer norm ---- */

struct norm {
    const struct vain_device *device;
    int64_t M, C, rows; /* rows of a task */
    const float *input, *gain, *shift;
    float *output, *mean, *reciprocal_deviation;
};

static void norm_rows(void *context, int64_t index, int worker)
{
    const struct norm *n = context;
    const int64_t first = index * n->rows, rows = vain_smaller(n->rows, n->M - first), C = n->C;
    (void)worker;
    n->device->code->row->layer_norm(rows, C, n->input + first * C, n->gain, n->shift,
                                     n->output + first * C, n->mean + first,
                                     n->reciprocal_deviation + first);
}

void vain_cpu_layer_norm(struct vain_queue *queue, int64_t M, int64_t C, const float *input,
                         const float *gain, const float *shift, float *output, float *mean,
                         float *reciprocal_deviation)
{
    struct norm norm = {queue->device, M,      C,    vain_rows_of_block(C), input, gain,
                        shift,         output, mean, reciprocal_deviation};
    vain_cpu_run(queue->device, vain_parts_of(M, norm.rows), norm_rows, &norm);
}

enum { PARTIALS_MOST = 64 };

struct norm_gradient {
    const struct vain_device *device;
    int64_t M, C, rows, blocks;
    const float *input, *gain, *mean, *reciprocal_deviation, *d_output, *residual_gradient;
    float *d_input, *d_gain, *d_shift;
    float *partials; /* (blocks, 2, C): sums for gain and shift of each block of rows */
};

static void norm_gradient_rows(void *context, int64_t index, int worker)
{
    const struct norm_gradient *n = context;
    const int64_t first = index * n->rows, rows = vain_smaller(n->rows, n->M - first), C = n->C,
                  at = first * C;
    float *d_gain = n->partials + index * 2 * C, *d_shift = d_gain + C;
    (void)worker;
    memset(d_gain, 0, (size_t)(2 * C) * sizeof(float));
    n->device->code->row->layer_norm_gradient(
        rows, C, n->input + at, n->gain, n->mean + first, n->reciprocal_deviation + first,
        n->d_output + at, n->residual_gradient == NULL ? NULL : n->residual_gradient + at,
        n->d_input + at, d_gain, d_shift);
}

/* Blocks of rows whose partial sums fit the shared area; a row of more than VAIN_SHARED_BYTES / 8
 * channels does not exist (models/model.h: widths end at 65536). */
static int64_t norm_blocks(int64_t M, int64_t C)
{
    const int64_t fit = VAIN_SHARED_BYTES / (2 * (int64_t)sizeof(float)) / C;
    VAIN_ASSERT(fit > 0);
    return vain_smaller(vain_smaller(fit, PARTIALS_MOST), vain_parts_of(M, vain_rows_of_block(C)));
}

void vain_cpu_layer_norm_gradient(struct vain_queue *queue, int64_t M, int64_t C,
                                  const float *input, const float *gain, const float *mean,
                                  const float *reciprocal_deviation, const float *d_output,
                                  const float *residual_gradient, float *d_input, float *d_gain,
                                  float *d_shift)
{
    if (M == 0)
        return;
    struct norm_gradient n = {
        .device = queue->device,
        .M = M,
        .C = C,
        .rows = vain_parts_of(M, norm_blocks(M, C)),
        .input = input,
        .gain = gain,
        .mean = mean,
        .reciprocal_deviation = reciprocal_deviation,
        .d_output = d_output,
        .residual_gradient = residual_gradient,
        .d_input = d_input,
        .partials = (float *)(void *)queue->device->shared,
    };
    n.blocks = vain_parts_of(M, n.rows);
    vain_cpu_run(queue->device, n.blocks, norm_gradient_rows, &n);
    const struct vain_tile sums = {n.blocks, C, 2 * C};
    queue->device->code->tile->column_sums(sums, n.partials, d_gain);
    queue->device->code->tile->column_sums(sums, n.partials + C, d_shift);
}

/* ---- Cross entropy ---- */

struct entropy {
    const struct vain_device *device;
    int64_t M, V, rows; /* rows of a task */
    float *logits;
    const int32_t *targets;
    float scale;
    double *losses; /* (M) */
};

static void entropy_rows(void *context, int64_t index, int worker)
{
    const struct entropy *e = context;
    const int64_t first = index * e->rows, rows = vain_smaller(e->rows, e->M - first);
    (void)worker;
    e->device->code->row->cross_entropy(rows, e->V, e->logits + first * e->V, e->targets + first,
                                        e->scale, e->losses + first);
}

void vain_cpu_cross_entropy(struct vain_queue *queue, int64_t M, int64_t V, float *logits,
                            const int32_t *targets, float scale, double *loss_sum)
{
    const int64_t most =
        VAIN_SHARED_BYTES / (int64_t)sizeof(double); /* rows whose losses fit the shared area */
    double sum = 0;
    for (int64_t done = 0; done < M; done += most) {
        struct entropy e = {
            .device = queue->device,
            .M = vain_smaller(most, M - done),
            .V = V,
            .rows = vain_rows_of_block(V),
            .logits = logits + done * V,
            .targets = targets + done,
            .scale = scale,
            .losses = (double *)(void *)queue->device->shared,
        };
        vain_cpu_run(queue->device, vain_parts_of(e.M, e.rows), entropy_rows, &e);
        for (int64_t m = 0; m < e.M; m++)
            sum += e.losses[m];
    }
    *loss_sum = sum;
}

struct correct {
    const struct vain_device *device;
    int64_t M, V, rows; /* rows of a task */
    const float *logits;
    const int32_t *targets;
    int64_t *counts; /* of tasks */
};

static void correct_rows(void *context, int64_t index, int worker)
{
    const struct correct *c = context;
    const int64_t first = index * c->rows;
    (void)worker;
    c->counts[index] = c->device->code->row->count_correct(
        vain_smaller(c->rows, c->M - first), c->V, c->logits + first * c->V, c->targets + first);
}

void vain_cpu_count_correct(struct vain_queue *queue, int64_t M, int64_t V, const float *logits,
                            const int32_t *targets, int64_t *correct)
{
    const int64_t most = VAIN_SHARED_BYTES / (int64_t)sizeof(int64_t);
    struct correct c = {.device = queue->device,
                        .M = M,
                        .V = V,
                        .rows = vain_larger(vain_rows_of_block(V), vain_parts_of(M, most)),
                        .logits = logits,
                        .targets = targets,
                        .counts = (int64_t *)(void *)queue->device->shared};
    const int64_t tasks = vain_parts_of(M, c.rows);
    vain_cpu_run(queue->device, tasks, correct_rows, &c);
    *correct = 0;
    for (int64_t i = 0; i < tasks; i++)
        *correct += c.counts[i];
}

/* ---- Dropout ---- */

struct drop {
    const struct vain_device *device;
    int64_t N;
    const struct vain_dropout *dropout;
    float *d_output;
};

static void drop_block(void *context, int64_t index, int worker)
{
    const struct drop *d = context;
    const int64_t first = index * VAIN_BLOCK, count = vain_smaller(VAIN_BLOCK, d->N - first);
    drop_range(d->device, worker, d->dropout, first, count, d->d_output + first);
}

void vain_cpu_dropout_gradient(struct vain_queue *queue, int64_t N,
                               const struct vain_dropout *dropout, float *d_output)
{
    struct drop drop = {queue->device, N, dropout, d_output};
    if (drops(dropout))
        vain_cpu_run(queue->device, vain_parts_of(N, VAIN_BLOCK), drop_block, &drop);
}
