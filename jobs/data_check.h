/* What the keys of the data mean together, and with the model. */
#pragma once

#include "jobs/options.h"
#include "jobs/spec/spec.h"

/* Adds a problem for every pair that does not fit, and for keys that would do nothing. Local. */
void vain_data_check(const struct vain_job *job, const struct vain_spec *spec,
                     struct vain_problems *problems);
