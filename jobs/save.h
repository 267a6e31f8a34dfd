/* What a run writes and how it goes on from it.
 *
 * checkpoint-<round>.h5 holds what is common, member-<name>-<round>.h5 what is a member's own. Both
 * are written after a round that is due, or in the middle of a round when the run is asked to stop.
 * A start resumes from the newest round that every member holds. */
#pragma once

#include "jobs/run.h"

/* Write the checkpoint (first member's leader) and the own file (leaders) for the rounds finished
 * so far, and prune old ones; no checkpoint of what is half caught up. Blocks until durable. Local,
 * but for the first save of a start, which is collective over the leaders: the checkpoint comes
 * last, when all own files are there. */
enum vain_status vain_save(struct vain_run *run) VAIN_MUST_USE;

/* Find where to go on and load it, or set up the very start. Collective over the world; blocks.
 * VAIN_ERR_REFUSED if the folder holds a run that this one must not touch, VAIN_ERR_CORRUPT or
 * VAIN_ERR_NOT_FOUND for a named checkpoint. */
enum vain_status vain_resume(struct vain_run *run) VAIN_MUST_USE;
/* What this leader of a member on its own host has voted for stays binding in another folder: the
 * votes that lie beside a named checkpoint are copied there, before anything is signed. Local;
 * blocks on the disk. */
enum vain_status vain_resume_votes(const struct vain_run *run) VAIN_MUST_USE;
