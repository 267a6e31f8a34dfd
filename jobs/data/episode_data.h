/* Few-shot tasks of a job: classes to draw tasks from for this member, and classes that nobody
 * trains on. */
#pragma once

#include "jobs/data/episodes.h"
#include "jobs/data/options.h"

struct vain_episode_data {
    struct vain_episodes set;
    struct vain_class_pool train, test; /* point into `set`, so this struct stays where it is */
};

/* Read the set at `path`. With data.partition shared every member draws from all training classes
 * (by a stream of its own), with disjoint or iid from a part of them, with by-group from whole
 * groups; with named the file is its own. Local; blocks on the disk. On failure `out` is empty.
 * Statuses of vain_episodes_open and vain_class_pool_open, and VAIN_ERR_INPUT for a partition by
 * labels, which classes do not have. */
enum vain_status vain_episode_data_open(const struct vain_data_options *options, const char *path,
                                        uint64_t seed, int member, int member_count,
                                        struct vain_episode_data *out) VAIN_MUST_USE;
/* Data that are zero or closed are fine. */
void vain_episode_data_close(struct vain_episode_data *data);
