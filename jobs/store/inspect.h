/* Looking at files of ours: what `vain ckpt ls | show | verify | diff` tell. Local; blocking;
 * reading only. */
#pragma once

#include "jobs/store/checkpoint.h"

/* One object of a file, for `ckpt ls`. */
struct vain_tree_entry {
    const char *path; /* "/model/head/weight" */
    const char *type; /* "group", "float32", "float64", "int32", "int64", "uint8", "uint32", "text"
                         or "other" */
    int shape_count;  /* 0: a group or a scalar */
    int64_t shape[VAIN_SHAPE_MAX];
    int64_t bytes; /* that its data take in the file */
};
typedef void (*vain_tree_visitor)(void *context, const struct vain_tree_entry *entry);
/* Visit everything in the file in the order in which it was made, parents first. Works on
 * checkpoint and member files, complete or not. VAIN_ERR_NOT_FOUND, VAIN_ERR_CORRUPT (no HDF5, more
 * than 32768 objects, links that leave the file). */
enum vain_status vain_checkpoint_tree(const char *path, vain_tree_visitor visit,
                                      void *context) VAIN_MUST_USE;

/* A slice in numbers, in double precision; over its finite values. All NaN if it has none. */
struct vain_slice_statistics {
    double minimum, maximum, mean, deviation;
    int64_t not_finite;
};
struct vain_slice_statistics vain_slice_statistics(const float *values, int64_t count);

/* What `ckpt verify` found. */
struct vain_checkpoint_verdict {
    int64_t round, step, parameter_count, bytes;
    int slice_count;
    bool has_momentum;
    uint8_t parameters_hash[VAIN_HASH_BYTES]; /* recomputed */
    uint8_t spec_hash[VAIN_HASH_BYTES];       /* as stored, under the content hash */
    uint8_t record_head[VAIN_HASH_BYTES];
    int64_t not_finite; /* parameters that are NaN or infinite: damage that hashes do not show */
};
/* Everything that a resume would check: /complete, shapes, content hash, Merkle roots recomputed on
 * `pool`. Takes memory for one vector. VAIN_ERR_NOT_FOUND or VAIN_ERR_CORRUPT with the reason;
 * `out` is then zero. */
enum vain_status vain_checkpoint_verify(const char *path, struct vain_pool *pool,
                                        struct vain_checkpoint_verdict *out) VAIN_MUST_USE;

/* A line of `ckpt diff`: an attribute or text (values as text), or a slice (numbers). */
struct vain_difference {
    const char
        *name; /* "round", "spec_resolved", "model/head/weight", "outer/momentum/head/weight" */
    const char *a,
        *b; /* attribute: its values; slice: NULL, or "absent" / a shape where those differ */
    double maximum;  /* slice: largest |a - b|; NaN where only one side is a number */
    int64_t count;   /* slice: elements that differ in their bits */
    bool provenance; /* says which run made it, not what it holds: run_id, record_head, ids of peers
                        with the same names */
};
typedef void (*vain_difference_visitor)(void *context, const struct vain_difference *difference);
/* Visit all that differs in what two checkpoints hold (times of making and program versions aside).
 * `differences` counts them without provenance; 0: equal. Takes memory for two vectors. Statuses of
 * vain_checkpoint_open for either file. */
enum vain_status vain_checkpoint_diff(const char *a, const char *b, struct vain_pool *pool,
                                      vain_difference_visitor visit, void *context,
                                      int64_t *differences) VAIN_MUST_USE;
