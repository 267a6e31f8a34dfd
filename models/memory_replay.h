/* Learning again from episodes: experience replay against forgetting (Chaudhry et al. 2019, tiny
 * episodic memories), and few-shot tasks out of the same store.
 *
 * Classes are drawn first and episodes within them, so classes of long ago come as often as those
 * of today. Drawn episodes count as used. All local; nothing takes memory. */
#pragma once

#include "models/memory.h"

/* `M` episodes for batch `number`, each drawn independently: a class of those in the store, then an
 * episode of it. Writes examples (M, pixels), labels (M) and which episodes (M). Gives M, or 0 if
 * the store is empty. */
int64_t vain_memory_replay(struct vain_memory *memory, uint64_t number, int64_t M, float *examples,
                           int32_t *labels, int64_t *episodes);

/* A few-shot task of episodes, in the form of a data set's tasks: `way` classes, of each `shot`
 * examples to learn from and `query` others to be asked about; classes one after the other. */
struct vain_memory_task_shape {
    int way, shot, query;
};
struct vain_memory_task {
    float *support;          /* (way * shot, pixels) */
    int32_t *support_labels; /* (way * shot), 0 to way - 1 */
    float *query;            /* (way * query, pixels); NULL if query is 0 */
    int32_t *query_labels;   /* (way * query); NULL if query is 0 */
    int64_t *classes;        /* (way) the memory's labels of the task's */
};
/* Task `number`; no class and no episode is in it twice. false, and nothing written or used, if
 * fewer than `way` classes have shot + query episodes. */
bool vain_memory_task_draw(struct vain_memory *memory, const struct vain_memory_task_shape *shape,
                           uint64_t number, const struct vain_memory_task *task);
