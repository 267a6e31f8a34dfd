/* The matrix product: small tiles of C kept in registers while k runs, with B packed into panels.
 *
 * Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008,
 * with one change: A is read where it lies, since a broadcast costs the same from anywhere. A tile
 * is up to ROWS rows and one panel of COLUMNS columns; per k it takes two vectors of B, and each
 * element of A meets both.
 *
 * This file alone is compiled with contraction, for codes whose VAIN_FUSED is 1: every element of C
 * is one chain of fused multiply-adds over k = 0, 1, 2 ..., cut every VAIN_INNER_MOST terms,
 * whatever the vectors' width. So all codes with fused operations give the same bits, whether a
 * vector has 4, 8 or 16 lanes, and the one without them rounds twice and gives others.
 * VAIN_VECTOR_BYTES and VAIN_VECTOR_ROWS come with VAIN_ISA: the width, and as many rows as the
 * registers hold. */
#include "kernels/cpu/vector.h"

#include <string.h>

#define VAIN_ALWAYS_INLINE static inline __attribute__((always_inline))

typedef float vain_lanes __attribute__((vector_size(VAIN_VECTOR_BYTES)));
typedef int32_t vain_indices __attribute__((vector_size(VAIN_VECTOR_BYTES)));

/* Lanes of two vectors by constant indices, the second one's from LANES on. */
#if defined(__clang__)
VAIN_ALWAYS_INLINE vain_lanes shuffle(vain_lanes a, vain_lanes b, vain_indices indices)
{
    vain_lanes result = a;
    for (int j = 0; j < (int)(sizeof a / sizeof(float)); j++)
        result[j] = indices[j] < (int)(sizeof a / sizeof(float))
                        ? a[indices[j]]
                        : b[indices[j] - (int)(sizeof a / sizeof(float))];
    return result;
}
#define VAIN_SHUFFLE(a, b, indices) shuffle(a, b, indices)
#else
#define VAIN_SHUFFLE(a, b, indices) __builtin_shuffle(a, b, indices)
#endif

enum { LANES = VAIN_VECTOR_BYTES / 4, COLUMNS = 2 * LANES, ROWS = VAIN_VECTOR_ROWS };
_Static_assert(VAIN_GROUP_ROWS % ROWS == 0, "a group of packed rows is whole tiles");

VAIN_ALWAYS_INLINE vain_lanes load(const float *x)
{
    vain_lanes lanes;
    memcpy(&lanes, x, sizeof lanes);
    return lanes;
}

VAIN_ALWAYS_INLINE void store(float *x, vain_lanes lanes)
{
    memcpy(x, &lanes, sizeof lanes);
}

/* Where a tile reads and writes. */
struct spot {
    int64_t K;
    const float *a; /* element (i, k) at a[i * row + k * step] */
    int64_t row, step;
    const float *b; /* (K, COLUMNS) packed */
    float *c;
    int64_t c_stride;
    bool add; /* to what stands in c */
};

/* `rows` and `vectors` are constants where this is called. */
VAIN_ALWAYS_INLINE void tile(int rows, int vectors, const struct spot *spot)
{
    vain_lanes sums[ROWS][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sums[i][v] = (vain_lanes){0};
    /* Four pointers and two strides address 12 rows; a pointer a row would not fit the registers.
     */
    const int64_t row = spot->row, step = spot->step;
    const float *a0 = spot->a, *a3 = a0 + 3 * row, *a6 = a3 + 3 * row, *a9 = a6 + 3 * row,
                *b = spot->b;
    for (int64_t k = 0; k < spot->K; k++) {
        vain_lanes b_k[2];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            b_k[v] = load(b + v * LANES);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            const float *from = i < 3 ? a0 : (i < 6 ? a3 : (i < 9 ? a6 : a9));
            const float a = from[i % 3 * row];
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                sums[i][v] += a * b_k[v];
        }
        a0 += step;
        a3 += step;
        a6 += step;
        a9 += step;
        b += COLUMNS;
    }
    float *c = spot->c;
    const int64_t c_stride = spot->c_stride;
    if (spot->add) {
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                sums[i][v] = load(c + i * c_stride + v * LANES) + sums[i][v];
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            store(c + i * c_stride + v * LANES, sums[i][v]);
}

/* One function a tile height, for a whole panel and for one that fills a single vector. */
#define VAIN_TILES(rows)                                                                           \
    static void tile_##rows##_1(const struct spot *spot)                                           \
    {                                                                                              \
        tile(rows, 1, spot);                                                                       \
    }                                                                                              \
    static void tile_##rows##_2(const struct spot *spot)                                           \
    {                                                                                              \
        tile(rows, 2, spot);                                                                       \
    }
VAIN_TILES(1)
VAIN_TILES(2)
VAIN_TILES(3)
VAIN_TILES(4)
VAIN_TILES(6)
#if VAIN_VECTOR_ROWS > 6
VAIN_TILES(8)
VAIN_TILES(12)
#endif

typedef void (*tile_function)(const struct spot *spot);

static const struct {
    int rows;
    tile_function one, two;
} heights[] = {
#if VAIN_VECTOR_ROWS > 6
    {12, tile_12_1, tile_12_2}, {8, tile_8_1, tile_8_2},
#endif
    {6, tile_6_1, tile_6_2},    {4, tile_4_1, tile_4_2}, {3, tile_3_1, tile_3_2},
    {2, tile_2_1, tile_2_2},    {1, tile_1_1, tile_1_2},
};

/* A tile whose columns do not fill its vectors: by way of a whole one. */
static void narrow_tile(tile_function function, const struct spot *spot, int64_t rows,
                        int64_t columns)
{
    float whole[ROWS * COLUMNS];
    struct spot aside = *spot;
    aside.c = whole;
    aside.c_stride = COLUMNS;
    aside.add = false;
    function(&aside);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            float *c = spot->c + i * spot->c_stride + j;
            *c = spot->add ? *c + whole[i * COLUMNS + j] : whole[i * COLUMNS + j];
        }
}

/* Rows i .. i + rows - 1 of C, where rows is at most ROWS and one of the heights, over one stretch
 * of k. */
static void multiply_rows(const struct vain_product *p, int height, int64_t k, int64_t K,
                          struct spot spot)
{
    spot.K = K;
    spot.a += k * p->A_step;
    spot.add = p->add || k > 0;
    float *c = spot.c;
    for (int64_t j = 0; j < p->N; j += COLUMNS) {
        const int64_t columns = p->N - j < COLUMNS ? p->N - j : COLUMNS;
        const tile_function function = columns > LANES ? heights[height].two : heights[height].one;
        spot.b = p->B + j * p->B_depth + (p->B_first + k) * COLUMNS;
        spot.c = c + j;
        if (columns % LANES == 0)
            function(&spot);
        else
            narrow_tile(function, &spot, heights[height].rows, columns);
    }
}

static void multiply(const struct vain_product *p)
{
    int height = 0;
    for (int64_t i = 0; i < p->M;) {
        /* The tallest that fits; a group of packed rows begins a new stretch of A. */
        const int64_t in_group = i % VAIN_GROUP_ROWS, rest = p->M - i;
        while (heights[height].rows > rest)
            height++;
        const struct spot spot = {
            .a = p->A + i / VAIN_GROUP_ROWS * p->A_group + in_group * p->A_row,
            .row = p->A_row,
            .step = p->A_step,
            .c = p->C + i * p->C_stride,
            .c_stride = p->C_stride,
        };
        for (int64_t k = 0; k < p->K || k == 0; k += VAIN_INNER_MOST) {
            const int64_t K = p->K - k < VAIN_INNER_MOST ? p->K - k : VAIN_INNER_MOST;
            multiply_rows(p, height, k, K, spot);
        }
        i += heights[height].rows;
    }
}

/* ---- Packing ---- */

/* Rows become panels `width` wide, the last one filled up with zeros. Row by row, since sources are
 * far and long. */
VAIN_ALWAYS_INLINE void pack_rows(int64_t K, int64_t N, int64_t width, const float *source,
                                  int64_t stride, int64_t depth, float *restrict target)
{
    const int64_t whole = N / width * width;
    for (int64_t k = 0; k < K; k++, target += width) {
        const float *from = source + k * stride;
        for (int64_t j = 0; j < whole; j += width)
            memcpy(target + j * depth, from + j, (size_t)width * sizeof(float));
        for (int64_t c = 0; whole < N && c < width; c++)
            target[whole * depth + c] = c < N - whole ? from[whole + c] : 0;
    }
}

static void pack_columns(int64_t K, int64_t N, const float *source, int64_t stride, float *target)
{
    pack_rows(K, N, COLUMNS, source, stride, K, target);
}

static void pack_more(int64_t rows, int64_t N, const float *source, int64_t stride, int64_t depth,
                      int64_t first, float *target)
{
    pack_rows(rows, N, COLUMNS, source, stride, depth, target + first * COLUMNS);
}

static void pack_group(int64_t K, int64_t M, const float *source, int64_t stride, float *target)
{
    pack_rows(K, M, VAIN_GROUP_ROWS, source, stride, K, target);
}

/* A square of LANES x LANES in registers: swap what lies off the diagonal in blocks of 1, 2, 4 ...
 */
VAIN_ALWAYS_INLINE void transpose_square(const float *source, int64_t stride, float *target)
{
    vain_lanes rows[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        rows[i] = load(source + i * stride);
#pragma GCC unroll 4
    for (int size = 1; size < LANES; size *= 2) {
        vain_indices low, high;
#pragma GCC unroll 16
        for (int j = 0; j < LANES; j++) {
            low[j] = (j & size) != 0 ? LANES + j - size : j;
            high[j] = (j & size) != 0 ? LANES + j : j + size;
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) {
            if ((i & size) != 0)
                continue;
            const vain_lanes a = rows[i], b = rows[i + size];
            rows[i] = VAIN_SHUFFLE(a, b, low);
            rows[i + size] = VAIN_SHUFFLE(a, b, high);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        store(target + i * COLUMNS, rows[i]);
}

/* Columns of one panel whose squares are not whole. */
static void transpose_rest(int64_t k, int64_t K, int64_t first, int64_t columns,
                           const float *source, int64_t stride, float *restrict target)
{
    for (; k < K; k++)
        for (int64_t c = first; c < COLUMNS; c++)
            target[k * COLUMNS + c] = c < columns ? source[c * stride + k] : 0;
}

static void pack_transposed(int64_t K, int64_t N, const float *source, int64_t stride,
                            float *target)
{
    for (int64_t j = 0; j < N; j += COLUMNS, target += K * COLUMNS) {
        const float *panel = source + j * stride;
        const int64_t columns = N - j < COLUMNS ? N - j : COLUMNS, whole = columns / LANES * LANES;
        int64_t k = 0;
        for (; k + LANES <= K; k += LANES)
            for (int64_t c = 0; c < whole; c += LANES)
                transpose_square(panel + c * stride + k, stride, target + k * COLUMNS + c);
        transpose_rest(k, K, 0, columns, panel, stride, target);
        if (whole < COLUMNS)
            transpose_rest(0, k, whole, columns, panel, stride, target);
    }
}

extern const struct vain_product_code VAIN_CODE_NAME(vain_product_code);
const struct vain_product_code VAIN_CODE_NAME(vain_product_code) = {
    .multiply = multiply,
    .pack_columns = pack_columns,
    .pack_transposed = pack_transposed,
    .pack_more = pack_more,
    .pack_group = pack_group,
};
