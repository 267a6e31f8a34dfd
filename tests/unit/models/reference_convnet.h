/* The convnet of reference.h. */
#pragma once

#include "models/model.h"

/* Logits (B, classes) of the batch's images under `parameters` (N), of options with model.network;
 * with dropout as at `place` if that is not NULL. */
void reference_convnet_logits(const struct vain_model_options *options,
                              const struct vain_layout *layout, const double *parameters,
                              const struct vain_batch *batch, const struct vain_batch_place *place,
                              double *logits);
