/* Arithmetic on images, and on rows that stand for images: part of the table of kernels/ops.h,
 * whose rules hold here.
 *
 * Letters: B images, H and W their height and width in pixels, C channels, F filters. Images are
 * (B, H, W, C), so the channels of a pixel lie side by side, and a batch of vectors is (B, 1, 1,
 * C).
 */
#pragma once

#include "base/status.h"
#include "kernels/device.h"

/* How a window moves over an image, in pixels. Without padding it stays inside, and what is left
 * over at the lower and right edge is not seen; with `same` the output has one pixel for each step
 * begun, and the zeros around the image are shared out as TensorFlow does: an odd one goes below
 * and to the right. */
struct vain_window {
    int64_t height, width, stride; /* at least 1 each */
    bool same;
};

/* Pixels of an output along one side: of the image's `side` pixels and the window's `window`; 0 if
 * an unpadded window does not fit. */
static inline int64_t vain_window_count(int64_t side, int64_t window, int64_t stride, bool same)
{
    if (same)
        return (side + stride - 1) / stride;
    return side < window ? 0 : (side - window) / stride + 1;
}

/* Zeros before the first pixel of a side. */
static inline int64_t vain_window_padding(int64_t side, int64_t window, int64_t stride, bool same)
{
    const int64_t reach = (vain_window_count(side, window, stride, same) - 1) * stride + window;
    return same && reach > side ? (reach - side) / 2 : 0;
}

enum {
    /* Of a convolution: window height * window width * channels; what one filter's row may hold. */
    VAIN_FILTER_MOST = 32768
};

struct vain_convolution {
    int64_t B, H, W, C, F;
    struct vain_window window;
    const float *input;  /* (B, H, W, C) */
    const float *weight; /* (F, window height, window width, C) */
    const float *bias;   /* (F) or NULL */
    float *output;       /* (B, rows, columns, F) by vain_window_count */
    bool relu;           /* output = max(0, what it would be); NaN stays */
};

struct vain_convolution_gradient {
    int64_t B, H, W, C, F;
    struct vain_window window;
    const float *input, *weight; /* as above */
    const float *d_output;       /* of what the filters gave: a ReLU's gradient is already in it */
    float *d_input;              /* (B, H, W, C) written, or NULL */
    float *d_weight;             /* added to */
    float *d_bias;               /* (F) added to, or NULL */
};

/* Batch norm by the statistics of this batch (Ioffe & Szegedy 2015), epsilon 1e-3 as in
 * TensorFlow's layer: each channel over all M rows, M = B H W. */
struct vain_batch_norm {
    int64_t M, C;
    const float *input;          /* (M, C) */
    const float *gain, *shift;   /* (C) */
    float *output;               /* (M, C); may be the input where no gradient is wanted */
    float *mean;                 /* (C) written */
    float *reciprocal_deviation; /* (C) written: 1 / sqrt(variance + epsilon) */
    bool relu;                   /* as above */
};

struct vain_batch_norm_gradient {
    int64_t M, C;
    const float *input, *gain, *shift, *mean, *reciprocal_deviation; /* as above */
    const float *d_output;                                           /* (M, C) */
    float *d_input;          /* (M, C) written; may be d_output */
    float *d_gain, *d_shift; /* (C) added to */
    bool relu;               /* the norm's own ReLU, seen again in the same arithmetic */
};

struct vain_pool_layer {
    int64_t B, H, W, C;
    struct vain_window window;
    bool average;       /* else the largest; NaN counts as largest */
    const float *input; /* (B, H, W, C) */
    float *output;      /* (B, rows, columns, C); an average is over pixels of the image only */
};

struct vain_pool_layer_gradient {
    int64_t B, H, W, C;
    struct vain_window window;
    bool average;
    const float *input, *output; /* of the largest: the gradient goes to the first pixel that is it;
                                    not read for the average */
    const float *d_output;
    float *d_input; /* (B, H, W, C) written */
};

struct vain_image_ops {
    /* Tolerance between twins as for a linear layer of K = height * width * C; K is at most
     * VAIN_FILTER_MOST. */
    void (*convolution)(struct vain_queue *queue, const struct vain_convolution *convolution);
    void (*convolution_gradient)(struct vain_queue *queue,
                                 const struct vain_convolution_gradient *gradient);
    /* Tolerance between twins: 1e-5 of the largest output. */
    void (*batch_norm)(struct vain_queue *queue, const struct vain_batch_norm *norm);
    void (*batch_norm_gradient)(struct vain_queue *queue,
                                const struct vain_batch_norm_gradient *gradient);
    /* x (N) = max(0, x); NaN stays. */
    void (*relu)(struct vain_queue *queue, int64_t N, float *x);
    /* d_output (N) = 0 where output is not above 0. */
    void (*relu_gradient)(struct vain_queue *queue, int64_t N, const float *output,
                          float *d_output);
    void (*pool)(struct vain_queue *queue, const struct vain_pool_layer *pool);
    void (*pool_gradient)(struct vain_queue *queue,
                          const struct vain_pool_layer_gradient *gradient);
};

struct vain_pair_ops {
    /* output (M, C) = input / sqrt(sum of its squares + 1e-12), row by row; keeps the reciprocal
     * root (M). */
    void (*normalise_rows)(struct vain_queue *queue, int64_t M, int64_t C, const float *input,
                           float *output, float *reciprocal_norm);
    /* d_input (M, C) written; may be d_output. */
    void (*normalise_rows_gradient)(struct vain_queue *queue, int64_t M, int64_t C,
                                    const float *output, const float *reciprocal_norm,
                                    const float *d_output, float *d_input);
    /* products (M, M) of every row with every row. Tolerance between twins as for a linear layer.
     */
    void (*dot_products)(struct vain_queue *queue, int64_t M, int64_t C, const float *rows,
                         float *products);
    /* d_rows (M, C) written; d_products (M, M) becomes d_products + its transpose. */
    void (*dot_products_gradient)(struct vain_queue *queue, int64_t M, int64_t C, const float *rows,
                                  float *d_products, float *d_rows);
};
