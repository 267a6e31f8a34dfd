/* The verbs below `vain ckpt`, one file each where they are long. */
#pragma once

#include "base/pool.h"
#include "cmd/verb.h"
#include "jobs/store/checkpoint.h"

int vain_ckpt_list(int argc, char **argv);
int vain_ckpt_show(int argc, char **argv);
int vain_ckpt_diff(int argc, char **argv);
int vain_ckpt_verify(int argc, char **argv);
int vain_ckpt_export(int argc, char **argv);

/* What all of them take. Set `least`, `most` and `missing` before parsing. */
struct vain_ckpt_arguments {
    int least, most;     /* words without a dash */
    const char *missing; /* said when there are fewer: "FILE is missing: ..." */
    const char *words[2];
    int word_count;
    const char *target; /* --to */
    bool force, statistics, json;
};
enum { VAIN_CKPT_JSON = 1, VAIN_CKPT_TO, VAIN_CKPT_FORCE, VAIN_CKPT_STATISTICS };
error_t vain_ckpt_parse(int key, char *argument, struct argp_state *state);

/* Where `*path` is a folder, it becomes the path of the newest checkpoint in it that is whole,
 * which is kept in `chosen`; standard error says which, and which newer ones are broken. Other
 * paths stay. Local; reads all of the file. VAIN_ERR_NOT_FOUND: the folder has none;
 * VAIN_ERR_CORRUPT: none is whole. */
enum vain_status vain_ckpt_choose(const char **path,
                                  char chosen[VAIN_MIN_LEN(VAIN_PATH_BYTES)]) VAIN_MUST_USE;

/* An opened checkpoint and, if wanted, its checked parameters (N). */
struct vain_ckpt_file {
    struct vain_checkpoint_file *file;
    const struct vain_checkpoint *content; /* borrowed from file */
    float *parameters;                     /* owned, NULL if not wanted */
};
/* Local; blocks on the disk. On success release with vain_ckpt_close, which accepts a zeroed one.
 */
enum vain_status vain_ckpt_open(const char *path, bool with_parameters,
                                struct vain_ckpt_file *out) VAIN_MUST_USE;
void vain_ckpt_close(struct vain_ckpt_file *file);
/* A pool of all cores, for hashing. */
enum vain_status vain_ckpt_pool(struct vain_pool **out) VAIN_MUST_USE;
