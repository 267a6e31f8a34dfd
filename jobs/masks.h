/* What hides a member's words, over the life of a run: keys at the start, a promise before the
 * first word of a round, masks for one attempt, and what happens to an input that was promised
 * elsewhere.
 *
 * The cryptography is collectives/secagg.h, the promises on disk jobs/store/promise.h; here they
 * meet the run. All of it is about site leaders. With exchange.privacy: none there are no keys and
 * no masks, but promises that this run made when it was masked are kept, and more are made: what
 * was summed under masks must not travel bare in another sum. */
#pragma once

#include "jobs/run.h"

/* Under masks: make and exchange keys with the other members of the roster. Collective over them;
 * blocks. VAIN_ERR_AUTH and VAIN_ERR_REFUSED as in secagg.h. */
enum vain_status vain_masks_open(struct vain_run *run,
                                 const struct vain_roster *roster) VAIN_MUST_USE;
/* After the resume: whether this run keeps promises. Collective over the site. */
enum vain_status vain_masks_resume(struct vain_run *run) VAIN_MUST_USE;
/* Wipes the keys. Local. */
void vain_masks_close(struct vain_run *run);

/* At the start of a round, before its first local step: if what this member would send was promised
 * to another set of members, it is dropped: the residual becomes zero, local steps done so far are
 * undone (and the optimiser forgets them), and the data position moves past the batches; again
 * until an input is free. Says so, and adds them to run->dropped_inputs. Collective over the site.
 */
enum vain_status vain_masks_drop_promised(struct vain_run *run) VAIN_MUST_USE;

/* After the members have agreed: make durable that this round's input goes to this set. Local;
 * blocks on the disk. */
enum vain_status vain_masks_promise(struct vain_run *run, const struct vain_roster *roster,
                                    const struct vain_context *context) VAIN_MUST_USE;
/* Masks for the words of the promised attempt, NULL where they travel in the clear; and their end,
 * as soon as the words are made. */
const struct vain_masks *vain_masks_begin(struct vain_run *run, const struct vain_context *context);
void vain_masks_end(struct vain_run *run);
