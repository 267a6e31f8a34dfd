/* Which checkpoints of the run's folder go on from a checkpoint that is named.
 *
 * A job script says `--resume FILE` at every start, also after a pre-emption. What a run makes of a
 * file is determined by the file and the agreed keys, so a later round that the same spec has made
 * of it in this folder is where the command stands already. */
#pragma once

#include "jobs/run.h"

/* Rounds of checkpoints in config->directory, ascending, that are of the same run as the one at
 * `path`, later than it (where that lies in another folder, also of its round), of this start's
 * spec, and bound to it by the folder's record. Writer only; local, reads. Gives the array
 * (vain_release). A file that cannot be read is none of them, also that at `path`: whoever opens it
 * next says so. */
enum vain_status vain_resume_list_newer(const struct vain_run *run, const char *path, bool own,
                                        int64_t **rounds, int *count) VAIN_MUST_USE;
