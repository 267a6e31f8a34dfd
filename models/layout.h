/* Building a layout, and saying what is wrong with options: what the model kinds share, seen by no
 * one else. */
#pragma once

#include "models/model.h"

/* A slice before it has its place: a matrix (rows, columns), or a vector (rows) where columns is 0.
 */
struct vain_slice_form {
    const char *name; /* what follows the prefix */
    int64_t rows, columns;
    const char *row_dim, *column_dim; /* static strings */
    float deviation, constant;        /* as in struct vain_slice */
};

/* An empty layout with room for `slice_capacity` slices. Local. VAIN_ERR_MEMORY. */
enum vain_status vain_layout_init(struct vain_layout *layout, int slice_capacity) VAIN_MUST_USE;
/* Append a slice behind the last one; matrices decay, vectors do not. */
void vain_layout_add(struct vain_layout *layout, const char *prefix,
                     const struct vain_slice_form *form);

/* Append a matrix whose rows are filters of images: (rows, height, width, columns). */
void vain_layout_add_filters(struct vain_layout *layout, const char *prefix,
                             const struct vain_slice_form *form, int64_t height, int64_t width);

/* Where check() writes the key and the message of a problem. */
struct vain_complaint {
    char *key;
    size_t key_bytes;
    char *message;
    size_t message_bytes;
};
/* Fill in a complaint; always VAIN_ERR_INPUT. Not vain_fail: the caller collects the problems of a
 * whole spec. */
enum vain_status vain_complain(const struct vain_complaint *complaint, const char *key,
                               const char *format, ...) VAIN_FORMAT(3, 4) VAIN_MUST_USE;
/* What holds for every kind: ranges of symbols, context and dropout. */
enum vain_status vain_check_common(const struct vain_model_options *options,
                                   const struct vain_complaint *complaint) VAIN_MUST_USE;
/* The divisors of `whole` nearest to `near`: at most `near` in `below`, larger in `above` (0 if
 * there is none). */
void vain_nearest_divisors(int64_t whole, int64_t near, int64_t *below, int64_t *above);
/* Refuse options with which no layout can be made: VAIN_ERR_INPUT with check's message, or if
 * symbols are not set. */
enum vain_status vain_refuse_unchecked(const struct vain_model_ops *ops,
                                       const struct vain_model_options *options) VAIN_MUST_USE;
/* Floating operations of one trained image: see vain_model_flops_per_token. */
double vain_convnet_flops_per_image(const struct vain_model_options *options);
