/* The models again, forwards only, in double precision and plain loops: what models/ is measured
 * against.
 *
 * Written from the formulas, not from models/: slices are found by name, nothing is fused, one
 * value at a time. Its loss differenced numerically gives the gradients that forward_backward must
 * give. */
#pragma once

#include "models/model.h"

/* Logits (B T, V) of the batch under `parameters` (N); with dropout as at `place` if that is not
 * NULL. */
void reference_logits(const struct vain_model_options *options, const struct vain_layout *layout,
                      const double *parameters, const struct vain_batch *batch,
                      const struct vain_batch_place *place, double *logits);
/* The encoder's features (B, F). */
void reference_features(const struct vain_model_options *options, const struct vain_layout *layout,
                        const double *parameters, const struct vain_batch *batch,
                        const struct vain_batch_place *place, double *features);
/* The encoder's mean loss. `targets` (B, clusters) are the assignments of the clustering loss,
 * which has no gradient through them: found and written if targets[0] < 0, else used. */
double reference_encoder_loss(const struct vain_model_options *options,
                              const struct vain_layout *layout, const double *parameters,
                              const struct vain_batch *batch, const struct vain_batch_place *place,
                              double *targets);
/* Mean cross entropy of logits (B T, V) against the batch's targets, in nats; with a teacher what
 * struct vain_batch says. */
double reference_mean_loss(const struct vain_batch *batch, int64_t V, const double *logits);
/* How many rows of logits (B T, V) have their first largest at the target. */
int64_t reference_correct(const struct vain_batch *batch, int64_t V, const double *logits);
