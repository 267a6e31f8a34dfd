/* Few-shot tasks of a job: the classes to train on, of which a member may have its own part, and
 * those that nobody trains on. */
#pragma once

#include "jobs/data/episodes.h"
#include "jobs/data/options.h"

struct vain_episode_data {
    struct vain_episodes episodes;
    struct vain_class_pool pools[2]; /* of training [0], a member's own, and of tests [1] */
};

/* Read the set from `path` and take the classes of member `member` of `member_count` (in the order
 * of names): all of them with partition shared or named, else a part of them drawn by `seed`. Into
 * memory of `out`, which must not move: pools point into it. Local; blocks on the disk. On failure
 * `out` is empty. Statuses of vain_episodes_open, vain_class_pool_open. */
enum vain_status vain_episode_data_open(const struct vain_data_options *options, const char *path,
                                        uint64_t seed, int member, int member_count,
                                        struct vain_episode_data *out) VAIN_MUST_USE;
/* Data that are zero or closed are fine. */
void vain_episode_data_close(struct vain_episode_data *data);
/* Bytes of memory. */
int64_t vain_episode_data_bytes(const struct vain_episode_data *data);
