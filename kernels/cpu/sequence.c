/* Bags of symbols and means over sequences: rows shared out in blocks; what is summed over rows is
 * owned by ranges of columns, each walking all rows in order. */
#include "kernels/cpu/cpu.h"

#include <string.h>

enum { BAG_COLUMNS = 64 }; /* of a task of the gradient */

struct bags {
    const struct vain_device *device;
    const struct vain_bags *bags;
    int64_t rows; /* of a task */
    const float *symbol_table, *position_table;
    float *output;
};

static bool drops(const struct vain_dropout *dropout)
{
    return dropout != NULL && dropout->probability > 0;
}

static int64_t count_symbols(int64_t K, const int32_t *symbols)
{
    int64_t count = 0;
    for (int64_t k = 0; k < K; k++)
        count += symbols[k] >= 0 ? 1 : 0;
    return count;
}

static void embed_row(const struct bags *e, int64_t m, float *row)
{
    const int64_t K = e->bags->K, C = e->bags->C;
    const int32_t *symbols = e->bags->symbols + m * K;
    const struct vain_range_code *code = e->device->code->range;
    const int64_t count = count_symbols(K, symbols);
    memset(row, 0, (size_t)C * sizeof(float));
    for (int64_t k = 0; k < K; k++)
        if (symbols[k] >= 0)
            code->add(C, e->symbol_table + symbols[k] * C, row);
    if (count > 1)
        code->scale(C, 1.0f / (float)count, row);
    if (e->position_table != NULL)
        code->add(C, e->position_table + m % e->bags->T * C, row);
}

/* Rows are dropped by pieces that fit the scratch. */
static void drop_row(const struct bags *e, int worker, int64_t m, float *row)
{
    const struct vain_range_code *code = e->device->code->range;
    const int64_t C = e->bags->C;
    float *factors = vain_scratch_of(e->device, worker);
    for (int64_t done = 0; done < C; done += VAIN_BLOCK) {
        const int64_t part = vain_smaller(VAIN_BLOCK, C - done);
        code->dropout_factors(part, e->bags->dropout, m * C + done, factors);
        code->multiply(part, factors, row + done);
    }
}

static void embed_rows(void *context, int64_t index, int worker)
{
    const struct bags *e = context;
    const int64_t first = index * e->rows,
                  end = vain_smaller(first + e->rows, e->bags->B * e->bags->T);
    for (int64_t m = first; m < end; m++) {
        float *row = e->output + m * e->bags->C;
        embed_row(e, m, row);
        if (drops(e->bags->dropout))
            drop_row(e, worker, m, row);
    }
}

void vain_cpu_embed_bags(struct vain_queue *queue, const struct vain_bags *bags,
                         const float *symbol_table, const float *position_table, float *output)
{
    struct bags e = {queue->device, bags,           vain_rows_of_block(bags->C),
                     symbol_table,  position_table, output};
    vain_run(queue->device, vain_parts_of(bags->B * bags->T, e.rows), embed_rows, &e);
}

struct bags_gradient {
    const struct vain_device *device;
    const struct vain_bags *bags;
    const float *d_output;
    float *d_symbol_table, *d_position_table;
};

/* One token's share of a range of columns; d is changed. */
static void spread(const struct bags_gradient *e, int64_t m, int64_t column, int64_t columns,
                   float *d)
{
    const struct vain_range_code *code = e->device->code->range;
    const int64_t K = e->bags->K, C = e->bags->C;
    const int32_t *symbols = e->bags->symbols + m * K;
    const int64_t count = count_symbols(K, symbols);
    if (e->d_position_table != NULL)
        code->add(columns, d, e->d_position_table + m % e->bags->T * C + column);
    if (count > 1)
        code->scale(columns, 1.0f / (float)count, d);
    for (int64_t k = 0; k < K; k++)
        if (symbols[k] >= 0)
            code->add(columns, d, e->d_symbol_table + symbols[k] * C + column);
}

static void spread_columns(void *context, int64_t index, int worker)
{
    const struct bags_gradient *e = context;
    const struct vain_range_code *code = e->device->code->range;
    const int64_t C = e->bags->C, column = index * BAG_COLUMNS,
                  columns = vain_smaller(BAG_COLUMNS, C - column);
    float *d = vain_scratch_of(e->device, worker), *factors = d + BAG_COLUMNS;
    for (int64_t m = 0; m < e->bags->B * e->bags->T; m++) {
        memcpy(d, e->d_output + m * C + column, (size_t)columns * sizeof(float));
        if (drops(e->bags->dropout)) {
            code->dropout_factors(columns, e->bags->dropout, m * C + column, factors);
            code->multiply(columns, factors, d);
        }
        spread(e, m, column, columns, d);
    }
}

void vain_cpu_embed_bags_gradient(struct vain_queue *queue, const struct vain_bags *bags,
                                  const float *d_output, float *d_symbol_table,
                                  float *d_position_table)
{
    struct bags_gradient e = {queue->device, bags, d_output, d_symbol_table, d_position_table};
    vain_run(queue->device, vain_parts_of(bags->C, BAG_COLUMNS), spread_columns, &e);
}

/* ---- Means over sequences: a task is one sequence ---- */

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
    vain_run(queue->device, B, pool_sequence, &pool);
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
    vain_run(queue->device, B, spread_sequence, &pool);
}
