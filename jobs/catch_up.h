/* A member that the others have left behind takes over what they hold. */
#pragma once

#include "jobs/run.h"

/* Lends the federation what this run holds now. Leaders; local. */
enum vain_status vain_lend(struct vain_run *run) VAIN_MUST_USE;
/* After VAIN_BEHIND: common parameters, momentum, codec state and records come from the others; the
 * residual is dropped, since it belongs to parameters that this member has left; its data go on
 * behind what it has used, or from its place in the schedule. Blocks. A leader's part of a round;
 * its site's ranks are told by vain_round. */
enum vain_status vain_catch_up(struct vain_run *run) VAIN_MUST_USE;
/* Whether a catching up that failed has left half of another state in place of what is common: none
 * to save, or to go on from. */
bool vain_catch_up_is_half(const struct vain_run *run);
/* Where the data of a member go on that has been given round `round`. */
int64_t vain_catch_up_position(const struct vain_run *run);
