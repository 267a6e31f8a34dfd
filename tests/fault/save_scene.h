/* What save_loop writes and save_check expects: every value a function of the round, so that the
 * two programs need nothing of each other. */
#pragma once

#include "jobs/store/checkpoint.h"
#include "jobs/store/member.h"

enum { SCENE_PARAMETERS = 40000, SCENE_SLICES = 2, SCENE_ROUNDS = 3, SCENE_KEEP = 2 };
#define SCENE_MEMBER "alice"

struct scene_vectors {
    float parameters[SCENE_PARAMETERS], momentum[SCENE_PARAMETERS], moment[SCENE_PARAMETERS];
};
/* The vectors after `round`. */
void scene_fill(int64_t round, struct scene_vectors *out);
/* The checkpoint of `round`, borrowing `vectors`; `head` is the record's. */
enum vain_status scene_checkpoint(int64_t round, const struct scene_vectors *vectors,
                                  const uint8_t head[VAIN_HASH_BYTES],
                                  struct vain_checkpoint *out) VAIN_MUST_USE;
/* The member's file of `round`, borrowing `vectors`. */
void scene_member(int64_t round, struct scene_vectors *vectors, struct vain_member_state *out);
