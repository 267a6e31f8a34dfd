/* What happens to a tile of a matmul while it is in the cache: bias, GELU, residual, derivative,
 * column sums. */
#include "kernels/cpu/vector.h"
#include "kernels/cpu/vector_math.h"

static void bias(struct vain_tile tile, const float *restrict b, float *restrict x)
{
    for (int64_t i = 0; i < tile.rows; i++) {
        float *row = x + i * tile.stride;
        for (int64_t j = 0; j < tile.columns; j++)
            row[j] += b[j];
    }
}

static void bias_gelu(struct vain_tile tile, const float *restrict b, float *restrict pre,
                      float *restrict out)
{
    if (b != NULL)
        bias(tile, b, pre);
    for (int64_t i = 0; i < tile.rows; i++) {
        const float *pre_row = pre + i * tile.stride;
        float *out_row = out + i * tile.stride;
        for (int64_t j = 0; j < tile.columns; j++)
            out_row[j] = vain_gelu(pre_row[j]);
    }
}

/* One row; the flags are constants where it is called, so each call becomes a loop of its own. */
static inline void residual_row(int64_t columns, bool in_place, const float *restrict b,
                                const float *restrict factors, const float *restrict product,
                                const float *residual, float *out)
{
    if (in_place) {
        float *restrict target = out;
        for (int64_t j = 0; j < columns; j++) {
            const float x = b != NULL ? product[j] + b[j] : product[j];
            target[j] += factors != NULL ? factors[j] * x : x;
        }
    } else {
        const float *restrict source = residual;
        float *restrict target = out;
        for (int64_t j = 0; j < columns; j++) {
            const float x = b != NULL ? product[j] + b[j] : product[j];
            target[j] = source[j] + (factors != NULL ? factors[j] * x : x);
        }
    }
}

static void residual_add(struct vain_tile tile, const float *b, const float *factors,
                         const float *product, const float *residual, float *out)
{
    const bool in_place = residual == out;
    for (int64_t i = 0; i < tile.rows; i++) {
        const int64_t dense = i * tile.columns, strided = i * tile.stride;
        residual_row(tile.columns, in_place, b, factors == NULL ? NULL : factors + dense,
                     product + dense, residual + strided, out + strided);
    }
}

static void gelu_gradient(struct vain_tile tile, const float *restrict pre, float *restrict d)
{
    for (int64_t i = 0; i < tile.rows; i++) {
        const float *pre_row = pre + i * tile.stride;
        float *d_row = d + i * tile.stride;
        for (int64_t j = 0; j < tile.columns; j++)
            d_row[j] = d_row[j] * vain_gelu_derivative(pre_row[j]);
    }
}

/* Four rows at once halve the traffic on sums; the order stays that of the rows. */
static void column_sums(struct vain_tile tile, const float *restrict x, float *restrict sums)
{
    int64_t i = 0;
    for (; i + 4 <= tile.rows; i += 4) {
        const float *a = x + i * tile.stride, *b = a + tile.stride, *c = b + tile.stride,
                    *d = c + tile.stride;
        for (int64_t j = 0; j < tile.columns; j++)
            sums[j] = (((sums[j] + a[j]) + b[j]) + c[j]) + d[j];
    }
    for (; i < tile.rows; i++)
        for (int64_t j = 0; j < tile.columns; j++)
            sums[j] += x[i * tile.stride + j];
}

extern const struct vain_tile_code VAIN_CODE_NAME(vain_tile_code);
const struct vain_tile_code VAIN_CODE_NAME(vain_tile_code) = {
    .bias = bias,
    .bias_gelu = bias_gelu,
    .residual = residual_add,
    .gelu_gradient = gelu_gradient,
    .column_sums = column_sums,
};
