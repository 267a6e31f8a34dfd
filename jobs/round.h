/* One round: H local steps, one exchange, one outer step. The program in one function. */
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

/* A member's mean loss of a round in millionths, as the counters carry it. At most 10^8 nats, so
 * that the sum over 2^16 members stays inside 64 bits. VAIN_ERR_NUMERIC names member, round
 * (from 1) and loss. Local. */
enum vain_status vain_round_loss_micro(const char *member, int64_t round, double loss,
                                       int64_t *micro) VAIN_MUST_USE;
