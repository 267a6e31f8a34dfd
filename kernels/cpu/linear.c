/* Linear layers: the result is cut into tiles, a task computes one and finishes it while it is in
 * the cache.
 *
 * A task packs the columns of B that it needs into its scratch, then takes a few rows at a time:
 * product, then epilogue. Every element of a product is one chain of additions wherever the tiles
 * begin and end (vector_product.c), so here, and nowhere else, more threads may mean more tiles:
 * bits do not depend on them.
 *
 * A gradient is one loop over two kinds of tiles: those of d_weight first, then those of d_input; a
 * tile of d_weight that starts a row also sums its columns of d_output for d_bias. */
#include "kernels/cpu/cpu.h"

enum {
    TASKS_LEAST = 8,     /* even for one thread: parts of a product that fit its caches */
    RANGE_ROWS = 48,     /* rows between epilogues: a strip of them stays in the first cache */
    COLUMNS_LEAST = 64,  /* of a task: each element of A that it reads meets two panels at least, */
    COLUMNS_FAR = 128,   /* or four where A is too large for a second cache */
    RANGE_COLUMNS = 512, /* and at most */
    WEIGHT_TASKS_LEAST = 4, /* on d_weight; they stand beside those on d_input */
    WEIGHT_ROWS_LEAST = 64,
    WEIGHT_ROWS_MOST = 1024 / VAIN_GROUP_ROWS * VAIN_GROUP_ROWS,
    PACKED_FLOATS = 512 * 1024,                /* of B: 2 MiB, the size of a second cache */
    STRIP_FLOATS = RANGE_ROWS * RANGE_COLUMNS, /* a strip, and as many dropout factors */
    GROUPS_FLOATS = VAIN_SCRATCH_BYTES / 4 - PACKED_FLOATS - 2 * STRIP_FLOATS /* of packed A */
};
_Static_assert(GROUPS_FLOATS >= VAIN_INNER_MOST * WEIGHT_ROWS_MOST,
               "a stretch of WEIGHT_ROWS_MOST columns of A fits");

/* The scratch of a task. */
struct room {
    float *packed, *strip, *factors, *groups;
};

static struct room room_of(const struct vain_device *device, int worker)
{
    struct room room = {.packed = vain_scratch_of(device, worker)};
    room.strip = room.packed + PACKED_FLOATS;
    room.factors = room.strip + STRIP_FLOATS;
    room.groups = room.factors + STRIP_FLOATS;
    return room;
}

static int64_t rounded_up(int64_t count, int64_t unit)
{
    return vain_parts_of(count, unit) * unit;
}

/* How a result is cut: a grid of ranges, numbered along rows of the grid. */
struct grid {
    int64_t rows, columns;             /* of the result */
    int64_t range_rows, range_columns; /* of a task */
    int64_t across, count;             /* tasks in a row of the grid, tasks */
};

/* Columns are cut first, since each range of them packs its own part of B once, but not too narrow,
 * and such that B fits if K is not enormous; then rows, until there are enough tasks. */
static struct grid grid_of(int64_t rows, int64_t columns, int64_t K, int64_t tasks)
{
    struct grid grid = {.rows = rows, .columns = columns};
    const int64_t least = rows * K <= PACKED_FLOATS ? COLUMNS_LEAST : COLUMNS_FAR;
    const int64_t wanted =
        vain_larger(rounded_up(vain_parts_of(columns, tasks), VAIN_PANEL_MOST), least);
    const int64_t fit = PACKED_FLOATS / vain_larger(K, 1) / VAIN_PANEL_MOST * VAIN_PANEL_MOST;
    const int64_t most = vain_smaller(RANGE_COLUMNS, vain_larger(fit, VAIN_PANEL_MOST));
    grid.range_columns = vain_smaller(wanted, most);
    grid.across = vain_larger(1, vain_parts_of(columns, grid.range_columns));
    const int64_t down = vain_parts_of(tasks, grid.across);
    grid.range_rows = vain_larger(rounded_up(vain_parts_of(rows, down), RANGE_ROWS), RANGE_ROWS);
    grid.count = vain_parts_of(rows, grid.range_rows) * grid.across;
    return grid;
}

/* Here both factors are packed by each task, so ranges are large in both directions, and fewer. */
static struct grid weight_grid_of(int64_t rows, int64_t columns, int64_t tasks)
{
    struct grid grid = {.rows = rows, .columns = columns};
    grid.range_columns = vain_smaller(vain_larger(columns, 1), RANGE_COLUMNS);
    grid.across = vain_larger(1, vain_parts_of(columns, grid.range_columns));
    const int64_t down = vain_smaller(vain_parts_of(tasks, grid.across), rows / WEIGHT_ROWS_LEAST);
    const int64_t even = rounded_up(vain_parts_of(rows, vain_larger(down, 1)), VAIN_GROUP_ROWS);
    grid.range_rows = vain_larger(vain_smaller(even, WEIGHT_ROWS_MOST), VAIN_GROUP_ROWS);
    grid.count = vain_parts_of(rows, grid.range_rows) * grid.across;
    return grid;
}

struct range {
    int64_t row, rows, column, columns;
};

static struct range range_of(const struct grid *grid, int64_t index)
{
    struct range range = {.row = index / grid->across * grid->range_rows,
                          .column = index % grid->across * grid->range_columns};
    range.rows = vain_smaller(grid->range_rows, grid->rows - range.row);
    range.columns = vain_smaller(grid->range_columns, grid->columns - range.column);
    return range;
}

/* ---- Results that are written, row by row of A ---- */

/* A product A B of which B is packed stretch by stretch, and what happens to each strip of the
 * result. */
struct sweep {
    const struct vain_device *device;
    struct grid grid;
    int64_t K;
    const float *A; /* (M, K) */
    const void *op; /* what pack and finish need */
    void (*pack)(const struct sweep *sweep, const struct range *range, int64_t k, int64_t K,
                 float *packed);
    /* Where rows `row` .. of the range go, and how far their rows are apart. */
    float *(*target)(const struct sweep *sweep, const struct room *room, const struct range *strip,
                     int64_t *stride);
    void (*finish)(const struct sweep *sweep, const struct room *room, const struct range *strip);
};

/* Product and epilogue of a few rows; B is packed already if it fits in one stretch. */
static void sweep_strip(const struct sweep *sweep, const struct room *room,
                        const struct range *strip, int64_t stretch)
{
    int64_t stride;
    float *target = sweep->target(sweep, room, strip, &stride);
    for (int64_t k = 0; k < sweep->K || k == 0; k += stretch) {
        const int64_t K = vain_smaller(stretch, sweep->K - k);
        if (stretch < sweep->K)
            sweep->pack(sweep, strip, k, K, room->packed);
        sweep->device->code->product->multiply(&(struct vain_product){
            .M = strip->rows,
            .N = strip->columns,
            .K = K,
            .A = sweep->A + strip->row * sweep->K + k,
            .A_group = VAIN_GROUP_ROWS * sweep->K,
            .A_row = sweep->K,
            .A_step = 1,
            .B = room->packed,
            .B_depth = K,
            .C = target,
            .C_stride = stride,
            .add = k > 0,
        });
    }
    sweep->finish(sweep, room, strip);
}

static void sweep_range(const struct sweep *sweep, int64_t index, int worker)
{
    const struct range range = range_of(&sweep->grid, index);
    const struct room room = room_of(sweep->device, worker);
    const int64_t wide = vain_larger(VAIN_PANEL_MOST, rounded_up(range.columns, VAIN_PANEL_MOST));
    const int64_t stretch = PACKED_FLOATS / wide / VAIN_INNER_MOST * VAIN_INNER_MOST;
    if (stretch >= sweep->K)
        sweep->pack(sweep, &range, 0, sweep->K, room.packed);
    for (int64_t done = 0; done < range.rows; done += RANGE_ROWS) {
        const struct range strip = {range.row + done, vain_smaller(RANGE_ROWS, range.rows - done),
                                    range.column, range.columns};
        sweep_strip(sweep, &room, &strip, stretch);
    }
}

static void sweep_task(void *context, int64_t index, int worker)
{
    sweep_range(context, index, worker);
}

/* ---- Forwards ---- */

static void pack_weight(const struct sweep *sweep, const struct range *range, int64_t k, int64_t K,
                        float *packed)
{
    const struct vain_linear *l = sweep->op;
    sweep->device->code->product->pack_transposed(
        K, range->columns, l->weight + range->column * l->K + k, l->K, packed);
}

static float *forward_target(const struct sweep *sweep, const struct room *room,
                             const struct range *strip, int64_t *stride)
{
    const struct vain_linear *l = sweep->op;
    const int64_t offset = strip->row * l->N + strip->column;
    *stride = l->N;
    (void)room;
    return (l->epilogue == VAIN_EPILOGUE_GELU ? l->pre_activation : l->output) + offset;
}

static void forward_finish(const struct sweep *sweep, const struct room *room,
                           const struct range *strip)
{
    const struct vain_linear *l = sweep->op;
    const struct vain_tile_code *code = sweep->device->code->tile;
    const int64_t offset = strip->row * l->N + strip->column;
    const struct vain_tile tile = {strip->rows, strip->columns, l->N};
    const float *bias = l->bias == NULL ? NULL : l->bias + strip->column;
    (void)room;
    if (l->epilogue == VAIN_EPILOGUE_GELU)
        code->bias_gelu(tile, bias, l->pre_activation + offset, l->output + offset);
    else if (bias != NULL)
        code->bias(tile, bias, l->output + offset);
}

/* A strip that meets a residual waits aside, since the residual may stand where the result will. */
static float *residual_target(const struct sweep *sweep, const struct room *room,
                              const struct range *strip, int64_t *stride)
{
    (void)sweep;
    *stride = strip->columns;
    return room->strip;
}

static void residual_finish(const struct sweep *sweep, const struct room *room,
                            const struct range *strip)
{
    const struct vain_linear *l = sweep->op;
    const struct vain_vector_code *code = sweep->device->code;
    const int64_t offset = strip->row * l->N + strip->column;
    const bool drops = l->dropout.probability > 0;
    for (int64_t i = 0; drops && i < strip->rows; i++)
        code->range->dropout_factors(strip->columns, &l->dropout, offset + i * l->N,
                                     room->factors + i * strip->columns);
    code->tile->residual((struct vain_tile){strip->rows, strip->columns, l->N},
                         l->bias == NULL ? NULL : l->bias + strip->column,
                         drops ? room->factors : NULL, room->strip, l->residual + offset,
                         l->output + offset);
}

void vain_cpu_linear(struct vain_queue *queue, const struct vain_linear *linear)
{
    const bool residual = linear->epilogue == VAIN_EPILOGUE_RESIDUAL;
    const int64_t tasks = vain_larger(TASKS_LEAST, 2 * vain_pool_threads(queue->device->pool));
    struct sweep sweep = {
        .device = queue->device,
        .grid = grid_of(linear->M, linear->N, linear->K, tasks),
        .K = linear->K,
        .A = linear->input,
        .op = linear,
        .pack = pack_weight,
        .target = residual ? residual_target : forward_target,
        .finish = residual ? residual_finish : forward_finish,
    };
    vain_cpu_run(queue->device, sweep.grid.count, sweep_task, &sweep);
}

/* ---- Backwards: d_input (M, K) = d_output weight, times the derivative of the GELU before it ----
 */

static void pack_weight_rows(const struct sweep *sweep, const struct range *range, int64_t k,
                             int64_t K, float *packed)
{
    const struct vain_linear_gradient *g = sweep->op;
    sweep->device->code->product->pack_columns(K, range->columns,
                                               g->weight + k * g->K + range->column, g->K, packed);
}

static float *input_target(const struct sweep *sweep, const struct room *room,
                           const struct range *strip, int64_t *stride)
{
    const struct vain_linear_gradient *g = sweep->op;
    (void)room;
    *stride = g->K;
    return g->d_input + strip->row * g->K + strip->column;
}

static void input_finish(const struct sweep *sweep, const struct room *room,
                         const struct range *strip)
{
    const struct vain_linear_gradient *g = sweep->op;
    const int64_t offset = strip->row * g->K + strip->column;
    (void)room;
    if (g->pre_activation != NULL)
        sweep->device->code->tile->gelu_gradient(
            (struct vain_tile){strip->rows, strip->columns, g->K}, g->pre_activation + offset,
            g->d_input + offset);
}

/* ---- d_weight (N, K) += d_output^T input; d_bias (N) += column sums of d_output ---- */

struct backward {
    const struct vain_linear_gradient *gradient;
    struct sweep input;
    struct grid weight;
};

static void weight_range(const struct backward *backward, int64_t index, int worker)
{
    const struct vain_linear_gradient *g = backward->gradient;
    const struct vain_vector_code *code = backward->input.device->code;
    const struct room room = room_of(backward->input.device, worker);
    const struct range range = range_of(&backward->weight, index);
    for (int64_t m = 0; m < g->M; m += VAIN_INNER_MOST) {
        const int64_t M = vain_smaller(VAIN_INNER_MOST, g->M - m);
        code->product->pack_columns(M, range.columns, g->input + m * g->K + range.column, g->K,
                                    room.packed);
        code->product->pack_group(M, range.rows, g->d_output + m * g->N + range.row, g->N,
                                  room.groups);
        code->product->multiply(&(struct vain_product){
            .M = range.rows,
            .N = range.columns,
            .K = M,
            .A = room.groups,
            .A_group = VAIN_GROUP_ROWS * M,
            .A_row = 1,
            .A_step = VAIN_GROUP_ROWS,
            .B = room.packed,
            .B_depth = M,
            .C = g->d_weight + range.row * g->K + range.column,
            .C_stride = g->K,
            .add = true,
        });
        if (g->d_bias != NULL && range.column == 0)
            code->tile->column_sums((struct vain_tile){M, range.rows, g->N},
                                    g->d_output + m * g->N + range.row, g->d_bias + range.row);
    }
}

static void backward_task(void *context, int64_t index, int worker)
{
    const struct backward *backward = context;
    if (index < backward->weight.count)
        weight_range(backward, index, worker);
    else
        sweep_range(&backward->input, index - backward->weight.count, worker);
}

void vain_cpu_linear_gradient(struct vain_queue *queue, const struct vain_linear_gradient *gradient)
{
    const int64_t threads = vain_pool_threads(queue->device->pool);
    struct backward backward = {
        .gradient = gradient,
        .weight =
            weight_grid_of(gradient->N, gradient->K, vain_larger(WEIGHT_TASKS_LEAST, threads)),
        .input =
            {
                .device = queue->device,
                .grid = grid_of(gradient->M, gradient->K, gradient->N,
                                vain_larger(TASKS_LEAST, 2 * threads)),
                .K = gradient->N,
                .A = gradient->d_output,
                .op = gradient,
                .pack = pack_weight_rows,
                .target = input_target,
                .finish = input_finish,
            },
    };
    const int64_t inputs = gradient->d_input == NULL ? 0 : backward.input.grid.count;
    vain_cpu_run(queue->device, backward.weight.count + inputs, backward_task, &backward);
}
