/* Finding the slices of a vector in a file: every dataset below a group, with its name, shape and
 * place, checked. Inner header of jobs/store. */
#pragma once

#include "jobs/store/checkpoint.h"
#include "jobs/store/hdf5_file.h"

struct vain_slice_table {
    int count;
    struct vain_store_slice *slices;              /* (count) owned; ascending offsets */
    char (*dims)[VAIN_SHAPE_MAX][VAIN_DIM_BYTES]; /* (count) owned; what slices[].dims point into */
};
/* Reads the table below `group` ("/model"). Rejects what does not tile [0, parameter_count).
 * Release with _fini, also after a failure. */
void vain_slice_table_read(struct vain_h5_reader *reader, const char *group,
                           int64_t parameter_count, struct vain_slice_table *out);
void vain_slice_table_fini(struct vain_slice_table *table);
