/* member-<name>-<round>.h5, mode 0600: what is a member's own. Written by its owner only, with the
 * checkpoint's ritual.
 *
 * It pairs with checkpoint-<round>: `parameters_hash` names the common parameters that the state
 * belongs to. Vectors are flat, in the order of the model's slices; each carries its Merkle root,
 * and one hash binds the roots and scalars. */
#pragma once

#include "base/crypto.h"
#include "base/limits.h"
#include "base/world.h"

enum {
    VAIN_MEMORY_NAME_BYTES = 32, /* of a vector's name with its NUL: [a-z0-9_] */
    VAIN_MEMORIES_MAX = 8
};
/* A vector that a method keeps from step to step, such as a moment of its optimiser. */
struct vain_member_memory {
    const char *name, *long_name; /* "moment1", "first moment of the optimiser"; borrowed */
    float *values;                /* (count) for writing: borrowed. For reading: filled */
    int64_t count;
};

struct vain_member_state {
    char name[VAIN_NAME_BYTES];
    uint8_t run_id[16];
    uint8_t parameters_hash[VAIN_HASH_BYTES]; /* of the common parameters this state belongs to */
    int64_t round;                            /* rounds finished: pairs with checkpoint-<round> */
    int64_t step_in_round;  /* local steps done of the round under way; 0: at the round's start */
    int64_t optimiser_step; /* the optimiser's count of steps */
    int64_t data_position;  /* batches drawn so far */
    double loss_sum;        /* of the steps done in this round */
    int64_t promises;       /* lines of promises-<name>.bin by now; 0 without masks */
    int64_t dropped_inputs; /* of the round under way: promised to another set */
    int64_t parameter_count;
    /* What the method keeps. For reading: those that are expected, under their names. */
    int memory_count;
    struct vain_member_memory memories[VAIN_MEMORIES_MAX];
    /* (N) each. For writing: borrowed. For reading: caller's buffers, filled. */
    float *residual;
    float *parameters; /* local parameters mid-round; NULL or unused when step_in_round = 0 */

    struct vain_pool *pool; /* borrowed; writing hashes on it. NULL: one thread */
};
/* "<folder>/member-<name>-000123.h5". */
void vain_member_path(const char *folder, const char *name, int64_t round, char *out, size_t bytes);
/* Local; blocks until durable. VAIN_ERR_STORAGE: nothing was replaced, the part file is gone. */
enum vain_status vain_member_write(const struct vain_member_state *state, const char *folder,
                                   struct vain_world *world) VAIN_MUST_USE;
/* Scalars only, without the vectors (NULL in `out`): to find out what is there. Only
 * VAIN_ERR_NOT_FOUND means that there is none; VAIN_ERR_REFUSED and VAIN_ERR_STORAGE: one is there
 * that cannot be read; VAIN_ERR_CORRUPT. */
enum vain_status vain_member_peek(const char *path, struct vain_member_state *out) VAIN_MUST_USE;
/* Scalars, and the buffers of `state` filled and compared with their Merkle roots (parameters only
 * if step_in_round > 0). state->parameter_count and the memories say how long the buffers are:
 * VAIN_ERR_CORRUPT if the file has other counts or names. Other statuses as above. */
enum vain_status vain_member_read(const char *path, struct vain_pool *pool,
                                  struct vain_member_state *state) VAIN_MUST_USE;
/* Rounds for which a file of member `name` lies in the folder, ascending; gives the array
 * (vain_release). */
enum vain_status vain_member_list(const char *folder, const char *name, int64_t **rounds,
                                  int *count) VAIN_MUST_USE;
