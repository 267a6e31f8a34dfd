/* Real data files for tests: HDF5 and idx, plain and in gzip, in the scratch folder. */
#pragma once

#include <stdint.h>

#include <hdf5.h>

/* Make the file anew, or add to it: data set `name` of `rank` sizes, of native type `type`, stored
 * as `stored`. `chunk` > 0: cut into chunks of so many rows, with shuffle and deflate. */
struct maker_set {
    const char *name;
    hid_t type, stored;
    int rank;
    hsize_t shape[6];
    hsize_t chunk;
    const void *data;
};
/* Gives the path, as scratch_path does. */
const char *maker_hdf5(const char *file, const struct maker_set *sets, int count);
/* An idx file of type code `type`; `data` holds `bytes` big-endian elements. In gzip if the name
 * ends in ".gz". Gives the path. */
const char *maker_idx(const char *file, uint8_t type, int rank, const uint32_t *shape,
                      const void *data, size_t bytes);
/* `bytes` in gzip at `file`; gives the path. */
const char *maker_gzip(const char *file, const void *data, size_t bytes);
