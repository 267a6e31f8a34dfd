/* A network of layers as a spec writes it: names that people know, one after the other.
 *
 *     conv 32 5x5 same relu, max-pool 2x2, dense 512 relu, dropout 0.4, dense
 *
 * Reading and the shapes that follow from the data's are apart, since a spec is checked before its
 * data is there. Every complaint names the layer by its number from 1 and its own words. All local.
 */
#pragma once

#include "base/status.h"
#include "kernels/image.h"

enum {
    VAIN_NETWORK_LAYERS_MAX = 64, /* deeper ones need more than a list of layers */
    VAIN_NETWORK_BYTES = 1024,    /* of the text with its NUL */
    VAIN_NETWORK_WORDS_BYTES = 64 /* of one layer's words with their NUL */
};

enum vain_network_kind {
    VAIN_NETWORK_CONVOLUTION,
    VAIN_NETWORK_DENSE,
    VAIN_NETWORK_MAX_POOL,
    VAIN_NETWORK_AVERAGE_POOL,
    VAIN_NETWORK_DROPOUT
};

struct vain_network_layer {
    enum vain_network_kind kind;
    char words[VAIN_NETWORK_WORDS_BYTES]; /* as written, for complaints */
    int64_t units;             /* filters, or channels of a dense layer; 0: the classes */
    struct vain_window window; /* convolution and pools */
    bool batch_norm, relu;     /* in this order after convolution or dense */
    double dropout;            /* share that is dropped */
    /* By vain_network_shape: an image in and one out; vectors are images of one pixel. */
    int64_t H, W, C;
    int64_t rows, columns, channels;
};

struct vain_network {
    int count;
    struct vain_network_layer layers[VAIN_NETWORK_LAYERS_MAX];
};

/* Read the layers of `text`; brackets around all of them are fine. On failure writes what is wrong
 * with which layer and gives VAIN_ERR_INPUT without vain_fail, since the caller collects problems.
 */
enum vain_status vain_network_parse(const char *text, struct vain_network *out, char *message,
                                    size_t message_bytes) VAIN_MUST_USE;
/* Set the shapes of all layers for images (H, W, C) and a number of classes, all at least 1; fails
 * in the same way where a layer cannot have its input. */
enum vain_status vain_network_shape(struct vain_network *network, int64_t H, int64_t W, int64_t C,
                                    int64_t classes, char *message,
                                    size_t message_bytes) VAIN_MUST_USE;
