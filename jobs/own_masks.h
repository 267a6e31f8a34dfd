/* Own masks over an attempt (exchange.level: 2): dealt before words travel, taken off the sum once
 * a quorum has signed who is in it. So an attempt that fails before has shown nothing, and the same
 * words' input may go into another one. */
#pragma once

#include "jobs/run.h"

bool vain_own_masks_used(const struct vain_run *run);
/* Part of opening a group, after its keys are there. */
enum vain_status vain_own_masks_open(struct vain_run *run,
                                     const struct vain_roster *roster) VAIN_MUST_USE;
void vain_own_masks_close(struct vain_run *run);

/* What was dealt is of no use: the attempt has ended without a sum. */
void vain_own_masks_forget(struct vain_run *run);

/* After the words are made: give all members shares of the secret behind the own mask, take theirs.
 * Collective over the roster; blocks. VAIN_ERR_PEER names who dealt what does not hold. */
enum vain_status vain_own_masks_deal(struct vain_run *run,
                                     const struct vain_roster *roster) VAIN_MUST_USE;
/* After the commit: disclose, learn all secrets, and take the masks off run->words. Blocks. As
 * vain_federation_ops.open. */
enum vain_status vain_own_masks_take_off(struct vain_run *run,
                                         const struct vain_roster *roster) VAIN_MUST_USE;
