/* What depends on who takes part: the codec's headroom, keys, the exchange, names for messages.
 *
 * The members of the fixed federation are one group for the whole run. On their own hosts they are
 * another one whenever somebody dies or comes, or a communicator had to be made anew. */
#pragma once

#include "jobs/run.h"

/* Takes what is as large as the number of members; `members_max` is the most there can be. Once, in
 * the set-up of a leader. */
enum vain_status vain_group_take(struct vain_run *run, int members_max) VAIN_MUST_USE;
void vain_group_release(struct vain_run *run);

/* Makes the roster's members the run's group, unless they are already (roster->use). Under masks
 * new keys are made. Collective over them; blocks. A failure leaves no group open. */
enum vain_status vain_group_open(struct vain_run *run,
                                 const struct vain_roster *roster) VAIN_MUST_USE;
/* What contexts call the group: on own hosts another one for every use. */
void vain_group_id(const struct vain_run *run, const struct vain_roster *roster,
                   uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);
/* Wipes its keys. Before its communicator is closed. */
void vain_group_close(struct vain_run *run);
