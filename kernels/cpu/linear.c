/* Linear layers: tiles of the result, each one product and its epilogue while the tile is in the cache.
 *
 * The tiles depend on M, N and K alone. A gradient is one loop over two kinds of tiles: those of d_weight first, then
 * those of d_input; a tile of d_weight that starts a row also sums its columns of d_output for d_bias. */
#include "kernels/cpu/blas.h"
#include "kernels/cpu/cpu.h"

enum {
    TILES_WANTED = 8, /* to share between up to eight threads */
    ROWS_LEAST = 32,  /* below this sgemm spends its time on packing */
    ROWS_MOST = 256,
    COLUMNS_MOST = 2048 /* a tile and its dropout factors fit the scratch */
};
_Static_assert((size_t)2 * ROWS_MOST * COLUMNS_MOST * sizeof(float) <= VAIN_SCRATCH_BYTES, "tile and factors fit");

/* How a matrix is cut: a grid of tiles, numbered along rows of the grid. */
struct grid {
    int64_t rows, columns;           /* of the matrix */
    int64_t tile_rows, tile_columns; /* of a tile */
    int64_t across, count;           /* tiles in a row of the grid, tiles */
};

static struct grid grid_of(int64_t rows, int64_t columns)
{
    struct grid grid = {.rows = rows, .columns = columns};
    const int64_t parts = vain_larger(1, vain_parts_of(columns, COLUMNS_MOST));
    grid.tile_columns = vain_larger(1, vain_parts_of(vain_parts_of(columns, parts), 16)) * 16;
    grid.across = vain_larger(1, vain_parts_of(columns, grid.tile_columns));
    const int64_t wanted = vain_parts_of(TILES_WANTED, grid.across);
    const int64_t even = vain_parts_of(vain_parts_of(rows, wanted), 16) * 16;
    grid.tile_rows = vain_smaller(vain_larger(even, ROWS_LEAST), ROWS_MOST);
    grid.count = vain_parts_of(rows, grid.tile_rows) * grid.across;
    return grid;
}

struct place {
    int64_t row, column; /* of the tile's first element */
    struct vain_tile tile;
};

static struct place place_of(const struct grid *grid, int64_t index)
{
    struct place place = {.row = index / grid->across * grid->tile_rows,
                          .column = index % grid->across * grid->tile_columns};
    place.tile.rows = vain_smaller(grid->tile_rows, grid->rows - place.row);
    place.tile.columns = vain_smaller(grid->tile_columns, grid->columns - place.column);
    place.tile.stride = grid->columns;
    return place;
}

/* ---- Forwards ---- */

struct forward {
    const struct vain_linear *linear;
    const struct vain_device *device;
    struct grid grid;
};

static void multiply_forward(const struct vain_linear *l, const struct place *at, float *target, int64_t stride)
{
    vain_blas_nt(&(struct vain_product){
        .M = at->tile.rows,
        .N = at->tile.columns,
        .K = l->K,
        .alpha = 1,
        .A = l->input + at->row * l->K,
        .A_stride = l->K,
        .B = l->weight + at->column * l->K,
        .B_stride = l->K,
        .C = target,
        .C_stride = stride,
    });
}

/* The product goes to scratch, since the residual may stand where the result will. */
static void residual_tile(const struct forward *forward, const struct place *at, int worker)
{
    const struct vain_linear *l = forward->linear;
    const struct vain_vector_code *code = forward->device->code;
    float *product = vain_scratch_of(forward->device, worker);
    const int64_t offset = at->row * l->N + at->column;
    multiply_forward(l, at, product, at->tile.columns);
    float *factors = NULL;
    if (l->dropout.probability > 0) {
        factors = product + ROWS_MOST * COLUMNS_MOST;
        for (int64_t i = 0; i < at->tile.rows; i++)
            code->range->dropout_factors(at->tile.columns, &l->dropout, offset + i * l->N,
                                         factors + i * at->tile.columns);
    }
    code->tile->residual(at->tile, l->bias == NULL ? NULL : l->bias + at->column, factors, product,
                         l->residual + offset, l->output + offset);
}

static void forward_tile(void *context, int64_t index, int worker)
{
    const struct forward *forward = context;
    const struct vain_linear *l = forward->linear;
    const struct vain_tile_code *code = forward->device->code->tile;
    const struct place at = place_of(&forward->grid, index);
    const int64_t offset = at.row * l->N + at.column;
    const float *bias = l->bias == NULL ? NULL : l->bias + at.column;
    if (l->epilogue == VAIN_EPILOGUE_RESIDUAL) {
        residual_tile(forward, &at, worker);
    } else if (l->epilogue == VAIN_EPILOGUE_GELU) {
        multiply_forward(l, &at, l->pre_activation + offset, l->N);
        code->bias_gelu(at.tile, bias, l->pre_activation + offset, l->output + offset);
    } else {
        multiply_forward(l, &at, l->output + offset, l->N);
        if (bias != NULL)
            code->bias(at.tile, bias, l->output + offset);
    }
}

void vain_cpu_linear(struct vain_queue *queue, const struct vain_linear *linear)
{
    struct forward forward = {linear, queue->device, grid_of(linear->M, linear->N)};
    vain_run(queue->device, forward.grid.count, forward_tile, &forward);
}

/* ---- Backwards ---- */

struct backward {
    const struct vain_linear_gradient *gradient;
    const struct vain_tile_code *code;
    struct grid weight, input;
};

/* d_weight (N, K) += d_output^T input; d_bias (N) += column sums of d_output. */
static void weight_tile(const struct backward *backward, int64_t index)
{
    const struct vain_linear_gradient *g = backward->gradient;
    const struct place at = place_of(&backward->weight, index);
    vain_blas_tn(&(struct vain_product){
        .M = at.tile.rows,
        .N = at.tile.columns,
        .K = g->M,
        .alpha = 1,
        .A = g->d_output + at.row,
        .A_stride = g->N,
        .B = g->input + at.column,
        .B_stride = g->K,
        .beta = 1,
        .C = g->d_weight + at.row * g->K + at.column,
        .C_stride = g->K,
    });
    if (g->d_bias != NULL && at.column == 0)
        backward->code->column_sums((struct vain_tile){g->M, at.tile.rows, g->N}, g->d_output + at.row,
                                    g->d_bias + at.row);
}

/* d_input (M, K) = d_output weight, times the derivative of the GELU before it. */
static void input_tile(const struct backward *backward, int64_t index)
{
    const struct vain_linear_gradient *g = backward->gradient;
    const struct place at = place_of(&backward->input, index);
    const int64_t offset = at.row * g->K + at.column;
    vain_blas_nn(&(struct vain_product){
        .M = at.tile.rows,
        .N = at.tile.columns,
        .K = g->N,
        .alpha = 1,
        .A = g->d_output + at.row * g->N,
        .A_stride = g->N,
        .B = g->weight + at.column,
        .B_stride = g->K,
        .C = g->d_input + offset,
        .C_stride = g->K,
    });
    if (g->pre_activation != NULL)
        backward->code->gelu_gradient(at.tile, g->pre_activation + offset, g->d_input + offset);
}

static void backward_tile(void *context, int64_t index, int worker)
{
    const struct backward *backward = context;
    (void)worker;
    if (index < backward->weight.count)
        weight_tile(backward, index);
    else
        input_tile(backward, index - backward->weight.count);
}

void vain_cpu_linear_gradient(struct vain_queue *queue, const struct vain_linear_gradient *gradient)
{
    struct backward backward = {.gradient = gradient, .code = queue->device->code->tile};
    backward.weight = grid_of(gradient->N, gradient->K);
    backward.input = grid_of(gradient->M, gradient->K);
    const int64_t inputs = gradient->d_input == NULL ? 0 : backward.input.count;
    vain_run(queue->device, backward.weight.count + inputs, backward_tile, &backward);
}
