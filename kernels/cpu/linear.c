/* Linear layers: the result is cut into tiles, a task computes one and finishes it while it is in the cache.
 *
 * A task packs the columns of B that it needs into its scratch, then takes a few rows at a time: product, then
 * epilogue. Every element of a product is one chain of additions whatever the tiles are (vector_product.c), and the
 * tiles depend on M, N and K alone, so bits do not depend on who does what.
 *
 * A gradient is one loop over two kinds of tiles: those of d_weight first, then those of d_input; a tile of d_weight
 * that starts a row also sums its columns of d_output for d_bias. */
#include "kernels/cpu/cpu.h"

enum {
    TASKS_WANTED = 8,    /* to share between up to eight threads */
    RANGE_ROWS = 48,     /* rows between epilogues: a strip of them stays in the first cache */
    RANGE_COLUMNS = 512, /* at most so many columns a task */
    PACKED_FLOATS = 512 * 1024,                      /* of B: 2 MiB, the size of a second cache */
    STRIP_FLOATS = RANGE_ROWS * RANGE_COLUMNS,       /* a strip, and as many dropout factors */
    GROUPS_FLOATS = VAIN_SCRATCH_BYTES / 4 - PACKED_FLOATS - 2 * STRIP_FLOATS /* of packed A */
};
_Static_assert(GROUPS_FLOATS >= VAIN_INNER_MOST * 1024, "a stretch of 1024 columns of A fits");

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

/* Columns are cut first, `columns_least` wide, since each range of them packs its own part of B once; then rows, until
 * there are enough tasks. */
static struct grid grid_of(int64_t rows, int64_t columns, int64_t columns_least)
{
    struct grid grid = {.rows = rows, .columns = columns};
    const int64_t wanted = vain_larger(rounded_up(vain_parts_of(columns, TASKS_WANTED), VAIN_PANEL_MOST), columns_least);
    grid.range_columns = vain_smaller(wanted, RANGE_COLUMNS);
    grid.across = vain_larger(1, vain_parts_of(columns, grid.range_columns));
    const int64_t down = vain_parts_of(TASKS_WANTED, grid.across);
    grid.range_rows = vain_larger(rounded_up(vain_parts_of(rows, down), RANGE_ROWS), RANGE_ROWS);
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

/* Terms of a product of which B fits its room. */
static int64_t stretch_of(const struct range *range)
{
    const int64_t fit = PACKED_FLOATS / vain_larger(VAIN_PANEL_MOST, rounded_up(range->columns, VAIN_PANEL_MOST));
    return fit / VAIN_INNER_MOST * VAIN_INNER_MOST;
}

/* ---- Results that are written, row by row of A ---- */

/* A product A B of which B is packed stretch by stretch, and what happens to each strip of the result. */
struct sweep {
    const struct vain_device *device;
    struct grid grid;
    int64_t K;
    const float *A; /* (M, K) */
    const void *op; /* what pack and finish need */
    void (*pack)(const struct sweep *sweep, const struct range *range, int64_t k, int64_t K, float *packed);
    /* Where rows `row` .. of the range go, and how far their rows are apart. */
    float *(*target)(const struct sweep *sweep, const struct room *room, const struct range *strip, int64_t *stride);
    void (*finish)(const struct sweep *sweep, const struct room *room, const struct range *strip);
};

/* One stretch of k for all rows of a range; the last one finishes them. */
static void sweep_stretch(const struct sweep *sweep, const struct room *room, const struct range *range, int64_t k,
                          int64_t K)
{
    for (int64_t done = 0; done < range->rows; done += RANGE_ROWS) {
        const struct range strip = {range->row + done, vain_smaller(RANGE_ROWS, range->rows - done), range->column,
                                    range->columns};
        int64_t stride;
        float *target = sweep->target(sweep, room, &strip, &stride);
        sweep->device->code->product->multiply(&(struct vain_product){
            .M = strip.rows,
            .N = strip.columns,
            .K = K,
            .A = sweep->A + strip.row * sweep->K + k,
            .A_group = VAIN_GROUP_ROWS * sweep->K,
            .A_row = sweep->K,
            .A_step = 1,
            .B = room->packed,
            .B_depth = K,
            .C = target,
            .C_stride = stride,
            .add = k > 0,
        });
        if (k + K == sweep->K)
            sweep->finish(sweep, room, &strip);
    }
}

static void sweep_range(const struct sweep *sweep, int64_t index, int worker)
{
    const struct range range = range_of(&sweep->grid, index);
    const struct room room = room_of(sweep->device, worker);
    const int64_t stretch = stretch_of(&range);
    for (int64_t k = 0; k < sweep->K || k == 0; k += stretch) {
        const int64_t K = vain_smaller(stretch, sweep->K - k);
        sweep->pack(sweep, &range, k, K, room.packed);
        sweep_stretch(sweep, &room, &range, k, K);
    }
}

static void sweep_task(void *context, int64_t index, int worker)
{
    sweep_range(context, index, worker);
}

/* ---- Forwards ---- */

static void pack_weight(const struct sweep *sweep, const struct range *range, int64_t k, int64_t K, float *packed)
{
    const struct vain_linear *l = sweep->op;
    sweep->device->code->product->pack_transposed(K, range->columns, l->weight + range->column * l->K + k, l->K,
                                                  packed);
}

static float *forward_target(const struct sweep *sweep, const struct room *room, const struct range *strip,
                             int64_t *stride)
{
    const struct vain_linear *l = sweep->op;
    const int64_t offset = strip->row * l->N + strip->column;
    *stride = l->N;
    (void)room;
    return (l->epilogue == VAIN_EPILOGUE_GELU ? l->pre_activation : l->output) + offset;
}

static void forward_finish(const struct sweep *sweep, const struct room *room, const struct range *strip)
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

/* A strip that meets a residual waits aside, since the residual may stand where the result will. Only where B is packed
 * in one stretch: else the strips of all rows have to wait, and do so in the output, which then must not be the
 * residual. */
static float *residual_target(const struct sweep *sweep, const struct room *room, const struct range *strip,
                              int64_t *stride)
{
    (void)sweep;
    *stride = strip->columns;
    return room->strip;
}

static void residual_finish(const struct sweep *sweep, const struct room *room, const struct range *strip)
{
    const struct vain_linear *l = sweep->op;
    const struct vain_vector_code *code = sweep->device->code;
    const int64_t offset = strip->row * l->N + strip->column;
    const bool drops = l->dropout.probability > 0;
    for (int64_t i = 0; drops && i < strip->rows; i++)
        code->range->dropout_factors(strip->columns, &l->dropout, offset + i * l->N, room->factors + i * strip->columns);
    code->tile->residual((struct vain_tile){strip->rows, strip->columns, l->N},
                         l->bias == NULL ? NULL : l->bias + strip->column, drops ? room->factors : NULL, room->strip,
                         l->residual + offset, l->output + offset);
}
