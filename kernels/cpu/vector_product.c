/* The matrix product: small tiles of C kept in registers while k runs, with B packed into panels.
 *
 * Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008, with one change: A is
 * read where it lies, since a broadcast costs the same from anywhere. A tile is up to ROWS rows and one panel of
 * COLUMNS columns; per k it takes two vectors of B, and each element of A meets both.
 *
 * This file alone is compiled with contraction: every element of C is one chain of fused multiply-adds over
 * k = 0, 1, 2 ..., cut every VAIN_INNER_MOST terms, whatever the vectors' width. So all codes with fused operations give
 * the same bits, whether a vector has 4, 8 or 16 lanes, and the one without them rounds twice and gives others.
 * VAIN_VECTOR_BYTES and VAIN_VECTOR_ROWS come with VAIN_ISA: the width, and as many rows as the registers hold. */
#include "kernels/cpu/vector.h"

#include <string.h>

#define VAIN_ALWAYS_INLINE static inline __attribute__((always_inline))

typedef float vain_lanes __attribute__((vector_size(VAIN_VECTOR_BYTES)));

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
    /* Four pointers and two strides address 12 rows; a pointer a row would not fit the registers. */
    const int64_t row = spot->row, step = spot->step;
    const float *a0 = spot->a, *a3 = a0 + 3 * row, *a6 = a3 + 3 * row, *a9 = a6 + 3 * row, *b = spot->b;
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
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            float *c = spot->c + i * spot->c_stride + v * LANES;
            store(c, spot->add ? load(c) + sums[i][v] : sums[i][v]);
        }
}

/* One function a tile height, for a whole panel and for one that fills a single vector. */
#define VAIN_TILES(rows)                                                                                               \
    static void tile_##rows##_1(const struct spot *spot)                                                               \
    {                                                                                                                  \
        tile(rows, 1, spot);                                                                                           \
    }                                                                                                                  \
    static void tile_##rows##_2(const struct spot *spot)                                                               \
    {                                                                                                                  \
        tile(rows, 2, spot);                                                                                           \
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
static void narrow_tile(tile_function function, const struct spot *spot, int64_t rows, int64_t columns)
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

/* Rows i .. i + rows - 1 of C, where rows is at most ROWS and one of the heights, over one stretch of k. */
static void multiply_rows(const struct vain_product *p, int height, int64_t k, int64_t K, struct spot spot)
{
    spot.K = K;
    spot.a += k * p->A_step;
    spot.add = p->add || k > 0;
    float *c = spot.c;
    for (int64_t j = 0; j < p->N; j += COLUMNS) {
        const int64_t columns = p->N - j < COLUMNS ? p->N - j : COLUMNS;
        const tile_function function = columns > LANES ? heights[height].two : heights[height].one;
        spot.b = p->B + j * p->B_depth + k * COLUMNS;
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

/* Rows of B become panels, the last one filled up with zeros. */
static void pack_rows(int64_t K, int64_t N, int64_t width, const float *source, int64_t stride, float *restrict target)
{
    for (int64_t j = 0; j < N; j += width) {
        const int64_t columns = N - j < width ? N - j : width;
        for (int64_t k = 0; k < K; k++, target += width) {
            const float *from = source + k * stride + j;
            for (int64_t c = 0; c < columns; c++)
                target[c] = from[c];
            for (int64_t c = columns; c < width; c++)
                target[c] = 0;
        }
    }
}

static void pack_columns(int64_t K, int64_t N, const float *source, int64_t stride, float *target)
{
    pack_rows(K, N, COLUMNS, source, stride, target);
}

static void pack_group(int64_t K, int64_t M, const float *source, int64_t stride, float *target)
{
    pack_rows(K, M, VAIN_GROUP_ROWS, source, stride, target);
}

static void pack_transposed(int64_t K, int64_t N, const float *source, int64_t stride, float *restrict target)
{
    for (int64_t j = 0; j < N; j += COLUMNS, target += K * COLUMNS) {
        const int64_t columns = N - j < COLUMNS ? N - j : COLUMNS;
        for (int64_t c = 0; c < columns; c++) {
            const float *from = source + (j + c) * stride;
            for (int64_t k = 0; k < K; k++)
                target[k * COLUMNS + c] = from[k];
        }
        for (int64_t c = columns; c < COLUMNS; c++)
            for (int64_t k = 0; k < K; k++)
                target[k * COLUMNS + c] = 0;
    }
}

extern const struct vain_product_code VAIN_CODE_NAME(vain_product_code);
const struct vain_product_code VAIN_CODE_NAME(vain_product_code) = {
    .multiply = multiply,
    .pack_columns = pack_columns,
    .pack_transposed = pack_transposed,
    .pack_group = pack_group,
};
