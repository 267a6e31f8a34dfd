/* One lock for libraries that are one in a process and know no threads.
 *
 * HDF5's serial build keeps its tables in globals, and members of one process are threads. Two
 * folders use it without including each other (jobs/store for checkpoints, jobs/data for data
 * sets), so what keeps them apart lives below both. */
#pragma once

/* Wait for the lock and take it; not recursive. Held for the length of a file's reading or writing,
 * so never while waiting for another member. */
void vain_library_lock(void);
void vain_library_unlock(void);
