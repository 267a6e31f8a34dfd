/* Files of rounds that a run goes back behind: renamed, never removed.
 *
 * A run that goes on from an older round than the newest in its folder would otherwise leave files
 * of an abandoned branch, which the next start would take for the newest. */
#pragma once

#include "base/status.h"
#include "base/world.h"

/* Rename the checkpoints (if `checkpoints`) and the files of member `name` (NULL: none) of rounds
 * after `round` in `folder` to "<file>.aside-<unix ms>", names that nothing reads. `count` is how
 * many. Local; blocks. VAIN_ERR_STORAGE names the file that could not be renamed. */
enum vain_status vain_store_set_aside(const char *folder, struct vain_world *world, int64_t round,
                                      bool checkpoints, const char *name, int *count) VAIN_MUST_USE;
