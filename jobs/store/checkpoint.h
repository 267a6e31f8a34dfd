/* checkpoint-<round>.h5: what is common to all members after a round, in HDF5 that scientists open
 * with their own tools (docs/checkpoint-format.md). Written by one process; read by everybody.
 *
 * One ritual: write <name>.part-<pid>, /complete = 1 last, flush, close, fsync, rename, fsync of
 * the folder. Every link and attribute has a fixed order and no times are tracked, so equal inputs
 * give equal files: `created` is an input.
 *
 * What a file says is bound together by /integrity: Merkle roots of the vectors, and one hash over
 * everything else that a reader takes from it. HDF5 itself checks the rest (object headers carry
 * checksums in this format). */
#pragma once

#include "base/crypto.h"
#include "base/limits.h"
#include "base/record.h"
#include "base/world.h"

enum {
    VAIN_CHECKPOINT_FORMAT = 2, /* /format_version: a reader refuses a larger one */
    VAIN_DIM_BYTES = 32,        /* name of an axis with its NUL */
    VAIN_JOB_NAME_BYTES = 256,  /* attribute job_name with its NUL */
    VAIN_TEXT_BYTES_MAX =
        4 << 20, /* /spec and /spec_resolved: the latter has the defaults of all keys that count */
    VAIN_CURVE_POINTS_MAX =
        1 << 22 /* rounds of a run: 100 MB of curve, and still drawn in a second */
};

/* A named slice as the file needs it (models/model.h has the model's side; jobs/ translates). The
 * slices of a vector tile it: ascending offsets, without gaps. Names are dotted paths of [a-z0-9_].
 */
struct vain_store_slice {
    char name[VAIN_SLICE_NAME_BYTES];
    int64_t offset, count; /* elements */
    int shape_count;
    int64_t shape[VAIN_SHAPE_MAX];
    const char *dims[VAIN_SHAPE_MAX]; /* what an axis is; NULL is written as "" */
};

/* A curve point: losses and accuracy at the end of a round. NaN: not evaluated then. */
struct vain_curve_point {
    int64_t round, step;
    double loss, validation_loss, accuracy;
};

struct vain_checkpoint {
    uint8_t run_id[VAIN_RUN_ID_BYTES];
    int64_t round, step; /* rounds finished; local steps each member has done */
    int64_t created_unix_ms;
    int64_t parameter_count;
    int slice_count;
    const struct vain_store_slice *slices; /* borrowed */
    const float *parameters;               /* (N) borrowed; after the outer step of `round` */
    const float *outer_momentum; /* (N) borrowed, NULL if the outer optimiser keeps none */
    int32_t range_exponent, bound_exponent;   /* of the codec, for the coming round */
    uint8_t parameters_hash[VAIN_HASH_BYTES]; /* Merkle root of `parameters` */
    uint8_t record_head[VAIN_HASH_BYTES];     /* hash of the record of `round`; zeros at round 0 */
    uint8_t spec_hash[VAIN_HASH_BYTES];       /* agreed keys */
    const char *spec, *spec_resolved;         /* borrowed texts; NULL is "" */
    const char *job_name, *platform, *model;  /* "transformer"; NULL is "" */
    int member_count;
    const struct vain_record_member *members; /* borrowed: names and ids */
    int64_t symbol_count;
    const uint32_t
        *symbols; /* (symbol_count) Unicode code points, or byte values; else NULL; borrowed */
    /* (symbol_count, VAIN_WORD_BYTES) what words stand for, filled up with NULs; else NULL;
     * borrowed */
    const char *words;
    const char *symbol_kind; /* "bytes", "characters", "tokens", "words" or "classes" */
    int64_t curve_count;
    const struct vain_curve_point *curve; /* borrowed */

    /* How to write; a file that was read has zeros here. */
    struct vain_pool
        *pool; /* borrowed; hashes on it while the file is being written. NULL: one thread */
    bool hash_parameters; /* compute parameters_hash meanwhile instead of taking the one above */
    uint8_t *parameters_hash_out; /* (32) gets the root that was stored; NULL: not wanted */
};

/* The folder's file for a round: "<folder>/checkpoint-000123.h5". */
void vain_checkpoint_path(const char *folder, int64_t round, char *out, size_t bytes);
/* Write it; local, blocks until durable. `bytes` (may be NULL) gets the file's size.
 * VAIN_ERR_STORAGE: nothing was replaced, the part file is gone. VAIN_ERR_INPUT: the slices do not
 * tile the vector or a text is too long. */
enum vain_status vain_checkpoint_write(const struct vain_checkpoint *checkpoint, const char *folder,
                                       struct vain_world *world, int64_t *bytes) VAIN_MUST_USE;

/* An opened file: everything but the big vectors, owned by it. VAIN_ERR_NOT_FOUND, VAIN_ERR_CORRUPT
 * (not complete, shapes, attributes out of bounds, content hash; says which). Nothing is trusted
 * before it is checked. */
struct vain_checkpoint_file;
enum vain_status vain_checkpoint_open(const char *path,
                                      struct vain_checkpoint_file **out) VAIN_MUST_USE;
/* The same for a file's bytes in memory (copied): for fuzzing, and for files that came over a link.
 */
enum vain_status vain_checkpoint_open_image(const void *image, size_t bytes,
                                            struct vain_checkpoint_file **out) VAIN_MUST_USE;
/* parameters = outer_momentum = NULL in it; has_momentum tells. Borrowed until close. */
const struct vain_checkpoint *vain_checkpoint_content(const struct vain_checkpoint_file *file);
bool vain_checkpoint_has_momentum(const struct vain_checkpoint_file *file);
/* Size of the file. */
int64_t vain_checkpoint_bytes(const struct vain_checkpoint_file *file);
/* Read into caller's (N) buffers (NULL: not wanted) and compare the Merkle roots: VAIN_ERR_CORRUPT
 * if one differs, and then the buffers hold nothing to rely on. Momentum of a file without it is
 * VAIN_ERR_INPUT. Hashes on `pool`. */
enum vain_status vain_checkpoint_read(struct vain_checkpoint_file *file, struct vain_pool *pool,
                                      float *parameters, float *outer_momentum) VAIN_MUST_USE;
void vain_checkpoint_close(struct vain_checkpoint_file **file);

/* Rounds for which a checkpoint file (complete name) lies in the folder, ascending; gives the array
 * (vain_release). A folder that is not there has none. Part files and other names are not looked
 * at. */
enum vain_status vain_checkpoint_list(const char *folder, int64_t **rounds,
                                      int *count) VAIN_MUST_USE;
/* Remove all but the newest `keep_checkpoints` checkpoints (0: leave checkpoints alone, another
 * member prunes them), all but the newest `keep_members` files of member `name` (NULL: none), and
 * the part files of ours that dead processes of this host left behind. */
enum vain_status vain_checkpoint_prune(const char *folder, int keep_checkpoints, const char *name,
                                       int keep_members) VAIN_MUST_USE;
