/* How good the common parameters are, by what the method measures. */
#pragma once

#include "jobs/run.h"

/* Measures over all samples that nobody trains on, divided among the world's ranks; NaN where there
 * are none. Collective over the world; blocks. `out` gets the same numbers at every rank.
 * VAIN_STOPPED, at every rank: one of them was asked to stop before the end, and nothing was
 * measured. */
enum vain_status vain_evaluate(struct vain_run *run, struct vain_measures *out) VAIN_MUST_USE;
