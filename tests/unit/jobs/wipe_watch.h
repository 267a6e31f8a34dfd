/* Memory for secrets, from when it is taken to when it is given back: whether it was wiped by then.
 */
#pragma once

/* From now on, for this process. */
void wipe_watch_begin(void);
/* Blocks that were given back since, and those of them that held something still. */
void wipe_watch_end(int *released, int *unwiped);
