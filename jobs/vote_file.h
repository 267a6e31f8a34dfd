/* votes-<name>.bin: a member's last vote (collectives/assembly.h), durable before it leaves, so
 * that no restart makes it vote twice in a round. Mode 0600; replaced as a whole:
 *
 *     'VAINVOTE' | u16 2 | the vote's bytes | hash[16] of all before it */
#pragma once

#include "base/world.h"
#include "collectives/assembly_letter.h"

enum vain_status vain_vote_file_write(const char *folder, const char *name,
                                      struct vain_world *world,
                                      const struct vain_vote *vote) VAIN_MUST_USE;
/* Epoch 0 when there is no file. VAIN_ERR_CORRUPT when it is not what was written: then it is not
 * known what this member has voted for, and it must not take part. VAIN_ERR_REFUSED: it is of
 * another format, or of a longer list than of `members`. */
enum vain_status vain_vote_file_read(const char *folder, const char *name, int members,
                                     struct vain_vote *out) VAIN_MUST_USE;
/* What `name` has voted for according to another folder, for a start that goes on from there: its
 * vote is written here, durably, unless there is none or `to_folder` has one. Under a new ballot:
 * two runs may go on from one folder. The statuses of vain_vote_file_read for either file. Local;
 * blocks on the disk. */
enum vain_status vain_vote_file_adopt(const char *from_folder, const char *to_folder,
                                      const char *name, struct vain_world *world) VAIN_MUST_USE;
