/* What is trained: one flat vector of parameters plus a table of named slices.
 *
 * The optimiser, the codec, the collectives and the checkpoint see the vector and the table and
 * never know what a layer is. A model kind is a table of functions over them; all memory for
 * activations is one block that the caller takes once, sized by workspace_bytes. */
#pragma once

#include "base/limits.h"
#include "base/option.h"
#include "base/philox.h"
#include "kernels/ops.h"
#include "models/network.h"

/* A named part of the flat vector. */
struct vain_slice {
    char name[VAIN_SLICE_NAME_BYTES]; /* dotted path: "blocks.0.attention.query_key_value.weight" */
    int64_t offset, count;            /* elements */
    int shape_count;
    int64_t shape[VAIN_SHAPE_MAX];
    const char *dims[VAIN_SHAPE_MAX]; /* what an axis is: "out", "in", "symbol", "channel" */
    bool weight_decay;                /* matrices and tables, not biases or gains */
    float initial_deviation;          /* normal(0, this); 0: constant */
    float initial_constant;           /* where the deviation is 0: 1 for gains, 0 for biases */
};
struct vain_layout {
    int slice_count;
    int64_t parameter_count;
    struct vain_slice *slices; /* (slice_count) owned */
};
/* Releases the table; a zeroed layout is fine. */
void vain_layout_fini(struct vain_layout *layout);
/* The slice that holds parameter `index`, 0 <= index < parameter_count; borrowed. Local. */
const struct vain_slice *vain_layout_slice_at(const struct vain_layout *layout, int64_t index);

enum { VAIN_WIDTH_MAX = 1 << 16 }; /* channels of a layer: five times the widest model published */

enum vain_model_kind {
    VAIN_MODEL_TRANSFORMER,
    VAIN_MODEL_MLP,
    VAIN_MODEL_CONVNET,
    VAIN_MODEL_ENCODER
};
/* Networks of images that papers name (models/convnet.c). */
enum vain_model_preset {
    VAIN_PRESET_NONE,
    VAIN_PRESET_REPTILE,
    VAIN_PRESET_MCMAHAN_CNN,
    VAIN_PRESET_MLP_200
};

/* Of every image of a data set: pixels, and numbers of a pixel. */
struct vain_image_shape {
    int64_t height, width, channels;
};
enum vain_loss_kind { VAIN_LOSS_CROSS_ENTROPY, VAIN_LOSS_CONTRASTIVE, VAIN_LOSS_CLUSTERING };

/* Spec keys loss.*, of encoders; rows in vain_loss_option_rows (models/losses.h says what each loss
 * is). */
struct vain_loss_options {
    int kind; /* enum vain_loss_kind */
    double temperature;
    double dropped_words;   /* share of words that training leaves out */
    int64_t labels_a_batch; /* contrastive; 0: a quarter of the batch */
    int64_t clusters;       /* 0: as many as classes */
    double balance;         /* temperature of balanced assignments */
    int64_t neighbours;     /* that vote when features are measured */
};
extern const struct vain_option vain_loss_option_rows[];
extern const int vain_loss_option_count;

/* Spec keys model.*; rows in vain_model_option_rows. */
struct vain_model_options {
    int kind;
    int64_t layers, heads, width, context;
    double dropout;
    struct vain_option_counts sizes; /* mlp */
    int preset;                      /* convnet, as the next; one of the two */
    char network[VAIN_NETWORK_BYTES];
    int64_t features;              /* encoder, as the next; 0: as many as the width */
    struct vain_loss_options loss; /* keys loss.* */
    /* No keys: set from the data; 0: not known yet. */
    int64_t symbols;               /* transformer, mlp, encoder */
    struct vain_image_shape image; /* convnet */
    int64_t classes;               /* convnet, encoder */
};
extern const struct vain_option vain_model_option_rows[];
extern const int vain_model_option_count;

/* B windows of T tokens, 1 <= T <= context; targets[b, t] is what follows tokens[b, 0..t]. Or B
 * images and their classes, with T = 1; or B sentences and their labels. Device memory. */
struct vain_batch {
    int64_t B, T;
    const int32_t *tokens;  /* (B, T) in [0, V); NULL for images */
    const int32_t *targets; /* (B, T) in [0, V); of images and sentences (B) in [0, classes) */
    const float *images;    /* (B, height, width, channels), or NULL */
    const int32_t *lengths; /* (B) tokens of each sentence, 1 to T, what follows being padding; or
                               NULL */
    /* Logits (B, classes) of another model for the same images, or NULL. Then the loss is
     * (1 - teacher_weight) times cross entropy and teacher_weight times the distance of
     * vain_loss_ops.distillation at teacher_temperature. In training only. */
    const float *teacher;
    float teacher_weight, teacher_temperature; /* in (0, 1]; above 0 */
};

/* What evaluation finds in a batch, to be added up over batches. */
struct vain_measure {
    double loss_sum; /* nats */
    int64_t count;   /* targets: tokens, images or sentences */
    int64_t correct; /* targets whose logit is the first largest */
};

/* One micro-batch's place in the run, for dropout. */
struct vain_batch_place {
    struct vain_random dropout_random;
    uint32_t round, step, micro_batch;
};

/* A kind of model. All local; no call takes memory except layout; vectors, batches and workspaces
 * are device memory and borrowed. Work is queued in order; calls that give a loss wait for the
 * queue, and a queue that failed gives NaN. Bits do not depend on the number of threads. */
struct vain_model_ops {
    const char *name;
    /* What the options cannot be, all at once: message and key of the first problem with
     * VAIN_ERR_INPUT (without vain_fail, since the caller collects problems); VAIN_OK if fine.
     * symbols = 0: not known yet. */
    enum vain_status (*check)(const struct vain_model_options *options, char *key, size_t key_bytes,
                              char *message, size_t message_bytes);
    /* The named slices. Gives the layout: release with vain_layout_fini. VAIN_ERR_INPUT if check
     * would refuse the options or symbols are not set; VAIN_ERR_MEMORY. */
    enum vain_status (*layout)(const struct vain_model_options *options, struct vain_layout *out);
    /* Bytes of activations for batches up to (B, T), exactly what is used; `training` = false needs
     * fewer. SIZE_MAX: more than can be. */
    size_t (*workspace_bytes)(const struct vain_model_options *options, int64_t B, int64_t T,
                              bool training);
    /* Mean loss in nats a target of the batch, written to `mean_loss`; adds d loss / d parameters *
     * gradient_scale to `gradients` (N). `parameters` is (N); `place` may be NULL where dropout is
     * 0. */
    void (*forward_backward)(const struct vain_model_options *options,
                             const struct vain_layout *layout, struct vain_queue *queue,
                             const float *parameters, const struct vain_batch *batch,
                             const struct vain_batch_place *place, float gradient_scale,
                             void *workspace, float *gradients, double *mean_loss);
    /* Loss and correct targets of the batch, no dropout. */
    void (*evaluate)(const struct vain_model_options *options, const struct vain_layout *layout,
                     struct vain_queue *queue, const float *parameters,
                     const struct vain_batch *batch, void *workspace, struct vain_measure *measure);
    /* Logits (V) of what follows tokens (T), T <= context, written to `logits`; a workspace for (1,
     * T) without training is enough. NULL where a model has nothing that follows. */
    void (*next_logits)(const struct vain_model_options *options, const struct vain_layout *layout,
                        struct vain_queue *queue, const float *parameters, const int32_t *tokens,
                        int64_t T, void *workspace, float *logits);
    /* Logits (B, classes) of a batch, without dropout, written to `logits`; targets are not read.
     * The workspace is that of evaluation. NULL where a model does not classify. */
    void (*logits)(const struct vain_model_options *options, const struct vain_layout *layout,
                   struct vain_queue *queue, const float *parameters,
                   const struct vain_batch *batch, void *workspace, float *logits);
    /* Optional: what the last layer sees of a batch (B, width), without dropout, written to
     * `features`: of unit length for an encoder (width: vain_encoder_width), as keys for memories
     * otherwise (models/memory.h; width: feature_width). `logits` (B, classes) of the same pass;
     * NULL for an encoder, which has none. Targets are not read; the workspace is that of
     * evaluation. */
    int64_t (*feature_width)(const struct vain_model_options *options);
    void (*features)(const struct vain_model_options *options, const struct vain_layout *layout,
                     struct vain_queue *queue, const float *parameters,
                     const struct vain_batch *batch, void *workspace, float *features,
                     float *logits);
};
extern const struct vain_model_ops vain_transformer_ops;
extern const struct vain_model_ops vain_mlp_ops;
extern const struct vain_model_ops vain_convnet_ops;
extern const struct vain_model_ops vain_encoder_ops;
/* The kind that the options choose; borrowed for ever. */
const struct vain_model_ops *vain_model_ops_of(const struct vain_model_options *options);

/* Channels of an encoder's features. */
int64_t vain_encoder_width(const struct vain_model_options *options);

/* Initial parameters (N) from the public stream (seed, INITIAL): element e of the vector is read at
 * index e, so every member computes the same, bit for bit, on any machine (models/normal.h). Host
 * memory. */
void vain_model_init(const struct vain_layout *layout, uint64_t seed, float *parameters);
/* Floating operations of one trained token, for rates: 6N + 12 L C T, N without the position table
 * (Kaplan et al. 2020, with attention counted in full), an encoder's also without the token table;
 * 6N for the mlp. For a convnet a token is an image: three times a multiplication and an addition
 * for each weight and pixel that it is used at. */
double vain_model_flops_per_token(const struct vain_model_options *options,
                                  const struct vain_layout *layout);
