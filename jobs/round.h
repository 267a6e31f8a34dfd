/* One round: H local steps, one exchange, one outer step. The program in one function. */
#pragma once

#include "jobs/run.h"

/* Move `run` one round forward. Collective over the world; blocks. VAIN_STOPPED: somebody asked to
 * stop; the round is under way and can be saved as it is (local steps done so far, or all of them
 * and no exchange). */
enum vain_status vain_round(struct vain_run *run) VAIN_MUST_USE;
