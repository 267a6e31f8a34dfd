/* One data set of an HDF5 file into memory: what jobs/data/array.h reads from that format. Inner
 * header of jobs/data; takes the lock of base/library_lock.h for each call. */
#pragma once

#include "jobs/data/array.h"

/* Whether the bytes begin with HDF5's signature. */
bool vain_array_hdf5_is(const void *data, size_t bytes);
/* Data set `name` of the file, which has `file_bytes`. Statuses of vain_array_read. */
enum vain_status vain_array_hdf5_read(const char *path, const char *name, int64_t file_bytes,
                                      struct vain_array *out) VAIN_MUST_USE;
