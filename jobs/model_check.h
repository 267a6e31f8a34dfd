/* Keys of the kind of model and of the loss that are chosen, and no keys of another. */
#pragma once

#include "jobs/options.h"
#include "jobs/spec/spec.h"

/* Adds a problem for each key under model and loss that the spec gives and that the chosen
 * model.kind or loss.kind does not look at, and for what an encoder's loss asks of a batch. Local.
 */
void vain_model_check(const struct vain_job *job, const struct vain_spec *spec,
                      struct vain_problems *problems);
/* Why models of `kind` (enum vain_model_kind) do not look at `key`, such as 'it is of an mlp'; NULL
 * if they do, or if it is of no kind. Static text. Local. */
const char *vain_model_ignores(int kind, const char *key);
