/* Who trains on what: pure arithmetic on counts, names and paths, in integers, so that all members
 * agree. */
#pragma once

#include "jobs/data/options.h"

/* Symbols for training out of `count`: nanoGPT's int(n * 0.9), with `validation` (0 to 0.9) taken
 * as a whole number of billionths, so that no rounding of doubles decides where the split lies. */
int64_t vain_partition_train_count(int64_t count, double validation);
/* Part `index` of `parts` equal ones (they differ by one symbol at most) of [0, count). */
void vain_partition_part(int64_t count, int index, int parts, int64_t *begin, int64_t *end);
/* Place of `own_name` in byte order of `names`. VAIN_ERR_INPUT: it is not among them, or two names
 * are equal. */
enum vain_status vain_partition_place(const char *const *names, int count, const char *own_name,
                                      int *place) VAIN_MUST_USE;
/* The file of member `own_name`: resolves the source that is given against `spec_folder`, with
 * "{name}" replaced in named partitions. VAIN_ERR_INPUT: none or more than one are given, "{name}"
 * and the partition contradict each other, or the path does not fit. */
enum vain_status vain_partition_path(const struct vain_data_options *options,
                                     const char *spec_folder, const char *own_name,
                                     char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)]) VAIN_MUST_USE;
