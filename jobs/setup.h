/* Everything that stands before the first round: who we are, what is trained, what is exchanged. */
#pragma once

#include "jobs/run.h"

/* Fill `run`: sites, members, keys, data, model, memory, federation, exchange. Takes
 * config->world_comm. Collective over the world; blocks. On failure call vain_teardown all the
 * same. */
enum vain_status vain_setup(struct vain_run *run,
                            const struct vain_run_config *config) VAIN_MUST_USE;
/* Undo it in reverse order. Local. */
void vain_teardown(struct vain_run *run);
