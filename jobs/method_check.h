/* What the keys of gradient steps, federated averaging and teachers mean together, and with the
 * method. */
#pragma once

#include "jobs/options.h"
#include "jobs/spec/spec.h"

/* Adds a problem for each of `keys` (NULL-ended) that the spec gives: its value would do nothing,
 * `why`. An empty text and "none" ask for nothing, so that --set can take back a key of the file.
 * All of them are noted as idle. Local. */
void vain_refuse_idle(const struct vain_spec *spec, struct vain_problems *problems,
                      const char *const *keys, const char *hint, const char *why);
/* The same for the keys of gradient steps, from learning rate to clipping. */
void vain_refuse_gradient_keys(const struct vain_spec *spec, struct vain_problems *problems,
                               const char *hint, const char *why);
/* Adds a problem for every pair that does not fit, and for keys that would do nothing. Local. */
void vain_method_check(const struct vain_job *job, const struct vain_spec *spec,
                       struct vain_problems *problems);
