/* What writer and reader of a checkpoint must agree on beyond names: which slices make a model, and
 * the hash that binds everything but the vectors. Inner header of jobs/store. */
#pragma once

#include "jobs/store/checkpoint.h"

#define VAIN_CHECKPOINT_FILE_TYPE "vain-checkpoint"
#define VAIN_CONVENTIONS          "VAIN-1.0"
#define VAIN_MODEL_GROUP          "/model"
#define VAIN_MOMENTUM_GROUP       "/outer/momentum"

enum { VAIN_OBJECT_PATH_BYTES = VAIN_SLICE_NAME_BYTES + 32 };

/* Whether `name` is a dotted path of non-empty parts of [a-z0-9_]. */
bool vain_slice_name_valid(const char *name);
/* "/model" + "head.weight" gives "/model/head/weight". */
void vain_slice_path(const char *group, const char *name,
                     char out[VAIN_MIN_LEN(VAIN_OBJECT_PATH_BYTES)]);
/* The slices tile [0, parameter_count): valid names, 1 to 4 sizes of at least 1 whose product is
 * the count, ascending offsets without gaps. NULL if so, else what is wrong with slice *index (a
 * static text). */
const char *vain_slices_problem(const struct vain_store_slice *slices, int count,
                                int64_t parameter_count, int *index);
/* Product of the shape; 0 if it is no positive int64_t. */
int64_t vain_slice_elements(const struct vain_store_slice *slice);
/* BLAKE2b-256 ("vain/ckpt/body") of every field that a reader takes from the file, in the order of
 * the struct; the vectors enter by their roots (momentum_root NULL: there is none).
 * docs/checkpoint-format.md draws it. */
void vain_checkpoint_content_hash(const struct vain_checkpoint *checkpoint,
                                  const uint8_t *momentum_root,
                                  uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);
