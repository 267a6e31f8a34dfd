/* What a model takes from the data: how many symbols or classes there are, and what an image is. */
#pragma once

#include "jobs/data/data.h"
#include "models/model.h"

/* Sets the fields of `model` that are no keys. Local. */
void vain_fit_model(const struct vain_data *data, struct vain_model_options *model);
