/* What a model takes from the data: how many symbols or classes there are, and what an image is;
 * and whether a stored model fits data. */
#pragma once

#include "jobs/options.h"
#include "jobs/store/checkpoint.h"

/* Sets the fields of `model` that are no keys. Local. */
void vain_fit_model(const struct vain_data *data, struct vain_model_options *model);
/* Whether a model of this kind takes such data. */
bool vain_fit_suits(const struct vain_data *data, const struct vain_model_options *model);
/* The layout of the checkpoint at `path`, whose spec is `job` and whose model, fitted to the data,
 * is `model`: that of the slices it holds. Gives the layout (vain_layout_fini, on failure too).
 * Local. VAIN_ERR_CORRUPT: spec and slices describe two models; VAIN_ERR_REFUSED: its images have
 * another size than the data's; VAIN_ERR_INPUT, VAIN_ERR_MEMORY. */
enum vain_status vain_fit_layout(const char *path, const struct vain_checkpoint *content,
                                 const struct vain_job *job, const struct vain_model_options *model,
                                 struct vain_layout *out) VAIN_MUST_USE;
/* Whether pixels become the same numbers under both: VAIN_ERR_REFUSED names the first key that
 * differs. Local. */
enum vain_status vain_fit_compare_pixels(const char *path, const struct vain_data_options *stored,
                                         const struct vain_data_options *given) VAIN_MUST_USE;
