/* What a model takes from the data: how many symbols or classes there are, and what an image is. */
#pragma once

#include "jobs/data/data.h"
#include "jobs/store/checkpoint.h"
#include "models/model.h"

/* Sets the fields of `model` that are no keys. Local. */
void vain_fit_model(const struct vain_data *data, struct vain_model_options *model);
/* Whether the checkpoint at `path` holds the slices of `layout`, which the spec inside describes:
 * both come from one file, but its reader sees the slices only. VAIN_ERR_CORRUPT says what differs.
 * Local. */
enum vain_status vain_fit_compare(const char *path, const struct vain_checkpoint *content,
                                  const struct vain_layout *layout) VAIN_MUST_USE;
