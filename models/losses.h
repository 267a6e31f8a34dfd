/* What an encoder of whole examples is trained for, on rows of unit length: (B, F) features.
 *
 * cross-entropy  logits = features weight^T + bias, over the temperature (Wang et al. 2017)
 * contrastive    examples of one label attract each other, others repel: L_out of Khosla et al.
 *                2020; no parameters
 * clustering     without labels: the first half of the rows and the second are two views of the
 *                same examples (dropout differs); each is to predict to which learned centroid the
 *                other belongs, where centroids are used equally (SwAV: Caron et al. 2020)
 *
 * Parameters of a loss are slices of the model's flat vector like any others. */
#pragma once

#include "models/layout.h"
#include "models/parts.h"

enum { VAIN_LOSS_PARTS = 5, VAIN_LOSS_SLICES_MOST = 2 };

/* One loss of one batch; all borrowed. */
struct vain_loss {
    const struct vain_model_options *options; /* loss, classes */
    const struct vain_layout *layout;
    struct vain_queue *queue;
    const float *parameters; /* (N) */
    float *gradients;        /* (N) added to; NULL: the loss alone */
    int first_slice;         /* of its slices */
    int64_t B, F;
    const float *features; /* (B, F) rows of unit length */
    const int32_t *labels; /* (B) in [0, classes); not read for clustering */
    float *scores;         /* (B, B), (B, classes) or (B, clusters); overwritten */
    float *targets;        /* (B, clusters) */
    float *centroids;      /* (clusters, F) of unit length */
    float *centroid_norms; /* (clusters) their reciprocals before */
    float *d_centroids;    /* (clusters, F) */
};

/* Labels of a contrastive batch of B examples, each with B / labels of them. */
int64_t vain_loss_labels(const struct vain_model_options *options, int64_t B);
/* Clusters: as many as there are labels where the options do not say. */
int64_t vain_loss_clusters(const struct vain_model_options *options);
/* Columns of the scores of B rows. */
int64_t vain_loss_columns(const struct vain_model_options *options, int64_t B);
/* Of the loss's parameters: 0 to VAIN_LOSS_SLICES_MOST. */
int vain_loss_slices(const struct vain_model_options *options);
void vain_loss_add_slices(const struct vain_model_options *options, int64_t F,
                          struct vain_layout *layout);
/* Fills in the parts of a carve that the loss's scratch is. */
void vain_loss_parts(const struct vain_model_options *options, int64_t B, int64_t F,
                     struct vain_loss *loss, struct vain_part out[VAIN_MIN_LEN(VAIN_LOSS_PARTS)]);
/* Mean loss in nats an example, NaN if the queue failed. Waits for the queue. With gradients, also
 * writes d_features (B, F) and adds to the loss's own, both times `scale`. */
double vain_loss_run(const struct vain_loss *loss, float scale, float *d_features);
