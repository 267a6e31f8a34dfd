/* A checkpoint's model, ready to compute: what `generate` and `eval` start from. */
#pragma once

#include "cmd/checkpoint.h"
#include "cmd/spec_file.h"
#include "jobs/data/data.h"
#include "kernels/ops.h"
#include "models/model.h"

struct vain_trained {
    struct vain_ckpt_file checkpoint;
    struct vain_loaded_spec spec; /* the one inside the checkpoint */
    struct vain_device device;
    struct vain_queue queue;
    struct vain_model_options model; /* with the checkpoint's symbols */
    const struct vain_model_ops *model_ops;
    struct vain_layout layout;
    float *parameters; /* (N) device memory */
};

/* Open `path` with a worker on every core. `data` are what it is to be measured on, borrowed for
 * the call; NULL where there are none, which a model of images cannot do without. Gives the model
 * (vain_trained_close). Local; blocks on the disk. Statuses of vain_checkpoint_open, and
 * VAIN_ERR_CORRUPT if the spec inside describes another model than the slices. */
enum vain_status vain_trained_open(const char *path, const struct vain_data *data,
                                   struct vain_trained **out) VAIN_MUST_USE;
/* Accepts NULL, sets it. */
void vain_trained_close(struct vain_trained **trained);
