/* The inner loops, once for each vector code.
 *
 * The sources vector_*.c are compiled several times with different -m flags and VAIN_ISA set to the
 * code's name; each time they define the same tables under other names. They are plain loops
 * without intrinsics that the compiler turns into vectors, and they give the same bits in every
 * vector code: no fused multiply-add, no approximate instruction, element j of a sum always goes to
 * lane j mod 16, lanes are always added in the same order, and exp, log and tanh are our own
 * polynomials (vector_math.h). Matrix products are the one exception: with fused multiply-add or
 * without (vector_product.c).
 *
 * Tables hold functions over parts of an op that one worker does: no threads in here. */
#pragma once

#include "kernels/ops.h"

#define VAIN_JOIN_(a, b) a##_##b
#define VAIN_JOIN(a, b)  VAIN_JOIN_(a, b)
/* The name of this table in this vector code. */
#define VAIN_CODE_NAME(name) VAIN_JOIN(name, VAIN_ISA)

/* A tile of a matrix: `rows` rows of `columns` elements, `stride` elements apart. */
struct vain_tile {
    int64_t rows, columns, stride;
};

enum {
    VAIN_GROUP_ROWS = 12, /* rows of a packed group of A: a multiple of every code's tile height */
    VAIN_INNER_MOST =
        384, /* terms of one chain of a product; longer sums are cut there, in every code */
    VAIN_PANEL_MOST = 32 /* the widest panel of any code: packed B takes N rounded up to this */
};

/* C (M, N) = A (M, K) B (K, N), or added to C. */
struct vain_product {
    int64_t M, N, K;
    const float *A; /* element (i, k) at A[i / 12 * A_group + i % 12 * A_row + k * A_step] */
    int64_t A_group, A_row, A_step;
    const float *B;           /* packed */
    int64_t B_depth, B_first; /* rows of the packed B, and the first of the K that are used */
    float *C;
    int64_t C_stride;
    bool add;
};

struct vain_product_code {
    void (*multiply)(const struct vain_product *product);
    /* Pack B, given as (K, N) or as its transpose (N, K), rows `stride` elements apart; K * N
     * floats with N rounded up to VAIN_PANEL_MOST. A product of the first rows, or of the first
     * columns, of a packed B is fine. */
    void (*pack_columns)(int64_t K, int64_t N, const float *source, int64_t stride, float *target);
    void (*pack_transposed)(int64_t K, int64_t N, const float *source, int64_t stride,
                            float *target);
    /* Some of the rows of a packed B with `depth` rows: `rows` from `first` on, given as (rows, N).
     */
    void (*pack_more)(int64_t rows, int64_t N, const float *source, int64_t stride, int64_t depth,
                      int64_t first, float *target);
    /* Pack A, given as its transpose (K, M): then A_group = 12 K, A_row = 1, A_step = 12. K * M
     * floats with M rounded up to 12. */
    void (*pack_group)(int64_t K, int64_t M, const float *source, int64_t stride, float *target);
};

/* What happens to a tile of a matmul while it is in the cache. */
struct vain_tile_code {
    /* x += bias (columns). */
    void (*bias)(struct vain_tile tile, const float *bias, float *x);
    /* pre += bias or as it is (bias NULL); out = gelu(pre). */
    void (*bias_gelu)(struct vain_tile tile, const float *bias, float *pre, float *out);
    /* out = residual + factors * (product + bias); product and factors (rows, columns) are dense,
     * out and residual strided; bias and factors may be NULL, residual may be out. */
    void (*residual)(struct vain_tile tile, const float *bias, const float *factors,
                     const float *product, const float *residual, float *out);
    /* d = d * gelu'(pre). */
    void (*gelu_gradient)(struct vain_tile tile, const float *pre, float *d);
    /* sums (columns) += sum over rows in order. */
    void (*column_sums)(struct vain_tile tile, const float *x, float *sums);
};

/* Softmax over a block of rows of a score matrix: row i of the block sees keys 0 .. first + i step,
 * with a step of 1 under a causal mask and of 0 without one. `stride` is a multiple of 16 and at
 * least keys: whole vectors are written. */
struct vain_score_block {
    int64_t rows, keys, first, step, stride;
    float scale; /* 1 / sqrt(head width) */
};

struct vain_row_code {
    /* Rows of layer norm: see struct vain_pointwise_ops. */
    void (*layer_norm)(int64_t rows, int64_t C, const float *input, const float *gain,
                       const float *shift, float *output, float *mean, float *reciprocal_deviation);
    /* The same backwards; adds to d_gain (C) and d_shift (C), which are the caller's partial sums.
     */
    void (*layer_norm_gradient)(int64_t rows, int64_t C, const float *input, const float *gain,
                                const float *mean, const float *reciprocal_deviation,
                                const float *d_output, const float *residual_gradient,
                                float *d_input, float *d_gain, float *d_shift);
    /* How many rows have their first largest at the target. */
    int64_t (*count_correct)(int64_t rows, int64_t V, const float *logits, const int32_t *targets);
    /* Loss of each row, written to losses (rows); logits become gradients unless scale is 0. */
    void (*cross_entropy)(int64_t rows, int64_t V, float *logits, const int32_t *targets,
                          float scale, double *losses);
    /* scores (rows, keys) become exp(scale * score - maximum), 0 from there to `keys`;
     * reciprocal_sums (rows) and log_sums (rows) are written. */
    void (*softmax)(const struct vain_score_block *block, float *scores, float *reciprocal_sums,
                    float *log_sums);
    /* scores become probabilities from log_sums; d_probabilities becomes the gradient of the raw
     * scores: scale * p * (d_p - dot), dot (rows) = d_output . output of the row. Both 0 from there
     * to `keys`. */
    void (*softmax_gradient)(const struct vain_score_block *block, const float *log_sums,
                             const float *dots, float *scores, float *d_probabilities);
    /* dots (rows) of the rows of two tiles. */
    void (*dot_rows)(struct vain_tile tile, const float *a, const float *b, float *dots);
    /* Row i of the tile times factors[i]. */
    void (*scale_rows)(struct vain_tile tile, const float *factors, float *x);
};

struct vain_range_code {
    void (*add)(int64_t N, const float *source, float *target);
    void (*add_two)(int64_t N, const float *a, const float *b, float *target);
    void (*multiply)(int64_t N, const float *source, float *target);
    void (*scale)(int64_t N, float factor, float *target);
    /* Dropout factors (0 or 1 / (1 - probability)) of elements first .. first + N - 1. */
    void (*dropout_factors)(int64_t N, const struct vain_dropout *dropout, int64_t first,
                            float *factors);
    void (*adamw)(int64_t N, const struct vain_adamw *adamw, float weight_decay,
                  const float *gradients, float *parameters, float *moment1, float *moment2);
    void (*sgd)(int64_t N, const struct vain_sgd *sgd, const float *gradients, float *parameters,
                float *velocity);
    void (*move)(int64_t N, float rate, const float *source, float *target);
    double (*sum_squares)(int64_t N, const float *x);
    int64_t (*first_not_finite)(int64_t N, const float *x);
    void (*outer_step)(int64_t N, float rate, float mu, bool nesterov, const float *delta,
                       float *momentum, float *parameters);
};

/* Codec loops start at an even element. */
struct vain_integer_code {
    void (*delta)(int64_t N, const float *common, const float *now, const float *residual,
                  float *delta);
    void (*encode)(int64_t N, const struct vain_fixed *fixed, float shrink, const float *delta,
                   uint32_t *words, float *residual, struct vain_saturation *saturation);
    void (*decode_mean)(int64_t N, const struct vain_fixed *fixed, int members,
                        const uint32_t *words, float *mean);
    /* Sum of squares of at most 2^31 integers as low + 2^32 high. */
    void (*sum_squares)(int64_t N, const struct vain_fixed *fixed, int members,
                        const uint32_t *words, uint64_t *low, uint64_t *high);
    /* key.k and the index of the first word give the coefficients (kernels/mix.h). */
    uint32_t (*check_word)(int64_t words_count, const uint32_t *words, const uint32_t key[4],
                           uint64_t first);
    void (*add_words)(int64_t words_count, const uint32_t *source, uint32_t *target);
    void (*subtract_words)(int64_t words_count, const uint32_t *source, uint32_t *target);
    /* key and the number of the first block of VAIN_TAG_WORDS give the coefficients. */
    uint64_t (*tag_words)(int64_t words_count, const uint32_t *words, uint64_t key,
                          uint64_t first_block);
};

/* Images: channels are side by side, rows are pixels (kernels/image.h). */
struct vain_image_code {
    /* Means of rows (rows, C), and sums of the squared distances from them, both (C) written. */
    void (*moments)(int64_t rows, int64_t C, const float *x, float *means, float *squares);
    /* Rows first .. first + rows - 1 of a batch norm whose mean and deviation are there. */
    void (*normalise)(const struct vain_batch_norm *norm, int64_t first, int64_t rows);
    /* Sums over these rows, (C) written: of the gradient that the ReLU let through, and of its
     * products with the normalised input. */
    void (*norm_gradient_sums)(const struct vain_batch_norm_gradient *gradient, int64_t first,
                               int64_t rows, float *d_sums, float *d_n_sums);
    /* d_input of these rows, from the same sums divided by all M rows. */
    void (*norm_gradient)(const struct vain_batch_norm_gradient *gradient, const float *d_means,
                          const float *d_n_means, int64_t first, int64_t rows);
    void (*relu)(int64_t N, float *x);
    void (*relu_gradient)(int64_t N, const float *output, float *d);
    /* largest = the larger of both; NaN counts as largest. */
    void (*larger)(int64_t N, const float *x, float *largest);
    /* d_x += d where x is the largest and nobody has `taken` (0 or 1) it. */
    void (*route)(int64_t N, const float *x, const float *largest, const float *d, uint32_t *taken,
                  float *d_x);
    /* d_x (rows, C) = factor of the row * (d_y - y * dot of the row); d_x may be d_y. */
    void (*subtract_scaled)(int64_t rows, int64_t C, const float *y, const float *factors,
                            const float *dots, const float *d_y, float *d_x);
};

struct vain_vector_code {
    const char *name; /* "baseline", "avx2", "avx512" */
    bool (*available)(void);
    bool fused; /* products use fused multiply-add: codes that do give the same bits, and codes that
                   do not */
    const struct vain_product_code *product;
    const struct vain_tile_code *tile;
    const struct vain_row_code *row;
    const struct vain_range_code *range;
    const struct vain_integer_code *integer;
    const struct vain_image_code *image;
};

/* The vector codes of this build, best first, ended by NULL. The last one runs everywhere. */
extern const struct vain_vector_code *const vain_vector_codes[];
