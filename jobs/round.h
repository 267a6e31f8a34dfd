/* One round: H local steps, one exchange, one outer step. */
#pragma once

#include "jobs/run.h"

/* Move `run` one round forward. VAIN_AGAIN: it is not done, or others did it and this member has
 * caught up with them: look at run->round and go on. Collective over the world; blocks.
 * VAIN_STOPPED: somebody asked to stop; the round is under way and can be saved as it is (local
 * steps done so far, or all of them and no exchange). */
enum vain_status vain_round(struct vain_run *run) VAIN_MUST_USE;

/* Before the first round: wait for as many members as the start needs, and take over what they hold
 * if it is later. Collective over the world; blocks. VAIN_STOPPED: asked to stop. */
enum vain_status vain_round_meet(struct vain_run *run) VAIN_MUST_USE;

/* What all members must agree on in the round under way, bound into its group so that seeds follow
 * all of it. Local. */
void vain_round_context(const struct vain_run *run, const struct vain_roster *roster,
                        struct vain_context *out);

/* Tell the others that this member leaves the round outside an exchange. Gives VAIN_STOPPED, or a
 * failure. Blocks for a moment. */
enum vain_status vain_round_leave(struct vain_run *run) VAIN_MUST_USE;
