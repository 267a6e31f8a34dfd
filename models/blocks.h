/* The residual stream of GPT-2 blocks (Radford et al. 2019; Vaswani et al. 2017), shared by the
 * kinds of models that are made of them.
 *
 *   x = what the model embeds                                              stream 0
 *   L times:  x = x + dropout(projection(attention(query_key_value(norm(x)))))
 *             x = x + dropout(down(gelu(up(norm(x)))))
 *   norm(x)                                                                what comes out
 *
 * Attention is causal, or, where sequences have lengths, goes both ways and leaves padding out.
 * B sequences, T tokens of a sequence, M = B T rows, C channels, H heads, L layers. */
#pragma once

#include "models/layout.h"
#include "models/parts.h"

enum { VAIN_BLOCK_SLICES = 12, VAIN_BLOCKS_FINAL_SLICES = 2, VAIN_BLOCKS_PARTS = 12 };

/* Norms are numbered along the residual stream: 2 l and 2 l + 1 are those of layer l, 2 L is the
 * final one. Shapes are those of training; otherwise one layer's worth and one norm's are kept, and
 * every layer adds to the one stream in place. */
struct vain_blocks_activations {
    float *streams;               /* (2 L + 1, M, C): the residual stream before each norm */
    float *norms;                 /* (2 L + 1, M, C) */
    float *means;                 /* (2 L + 1, M) */
    float *reciprocal_deviations; /* (2 L + 1, M) */
    float *query_key_values;      /* (L, M, 3 C) */
    float *attentions;            /* (L, M, C) */
    float *log_sums;              /* (L, B, H, T) */
    float *pre_activations;       /* (L, M, 4 C) */
    float *ups;                   /* (L, M, 4 C) */
    float *d_stream; /* (M, C) gradient of the residual stream; training only, as the next two */
    float *d_narrow; /* (M, C) scratch */
    float *d_wide;   /* (M, 4 C) scratch */
};

/* One pass over one batch; all borrowed. */
struct vain_blocks {
    const struct vain_model_options *options;
    const struct vain_layout *layout;
    struct vain_queue *queue;
    const struct vain_ops *ops;
    const float *parameters; /* (N) */
    float *gradients;        /* (N) or NULL */
    const struct vain_batch_place *place;
    bool training;
    int64_t B, T, M, C, H, L;
    const int32_t *lengths; /* (B) or NULL: causal attention over all T */
    int first_slice;        /* of block 0; the final norm follows the last block */
    struct vain_blocks_activations a;
};

/* `layers`, `heads` and `width` of the options, and what holds for every kind. */
enum vain_status vain_blocks_check(const struct vain_model_options *options,
                                   const struct vain_complaint *complaint) VAIN_MUST_USE;
/* Appends the slices of all blocks and of the final norm. Initial values follow nanoGPT:
 * normal(0.02), residual projections divided by sqrt(2 L), so that the stream's size at the start
 * does not depend on depth. */
void vain_blocks_add_slices(const struct vain_model_options *options, struct vain_layout *layout);
/* Fills in the parts of a carve that the activations are. */
void vain_blocks_parts(const struct vain_model_options *options, int64_t B, int64_t T,
                       bool training, struct vain_blocks_activations *a,
                       struct vain_part out[VAIN_MIN_LEN(VAIN_BLOCKS_PARTS)]);

/* A pass without activations, gradients and lengths yet. */
struct vain_blocks vain_blocks_open(const struct vain_model_options *options,
                                    const struct vain_layout *layout, struct vain_queue *queue,
                                    const float *parameters, int64_t B, int64_t T, int first_slice);
/* From stream 0, which stands in a.streams, to the final norm (M, C), which is returned. */
const float *vain_blocks_forward(const struct vain_blocks *blocks);
/* From the gradient of what the forward pass returned, which stands in a.d_narrow, to that of
 * stream 0 in a.d_stream; adds to the gradients of all slices. */
void vain_blocks_backward(const struct vain_blocks *blocks);

/* Slice number `slice` of the flat vector, and of its gradient. */
const float *vain_blocks_parameter(const struct vain_blocks *blocks, int slice);
float *vain_blocks_gradient(const struct vain_blocks *blocks, int slice);
/* A linear layer of all rows whose weight is `slice` and whose bias follows it; shapes come from
 * the slice. */
struct vain_linear vain_blocks_linear(const struct vain_blocks *blocks, int slice,
                                      const float *input, float *output);
struct vain_linear_gradient vain_blocks_linear_gradient(const struct vain_blocks *blocks, int slice,
                                                        const float *input, const float *d_output,
                                                        float *d_input);
/* What is dropped at place `site`: 0 after the embedding, 1 + 2 l after the attention of layer l,
 * 2 + 2 l after its feed-forward part. */
struct vain_dropout vain_blocks_dropout(const struct vain_blocks *blocks, int64_t site);
/* The final norm of a pass under training, (M, C). */
const float *vain_blocks_output(const struct vain_blocks *blocks);
