/* Several devices of one worker each, for tasks that have nothing to do with each other.
 *
 * A device with many workers shares out the inside of each op, and its workers wait for each other
 * after each. Small models have not enough inside: there one worker does a whole task (Reptile's
 * steps on the examples of one), and its neighbour does another. An op gives the same bits for any
 * number of workers, so a task gives the same on a team of any size, and as alone. */
#pragma once

#include "kernels/device.h"

struct vain_team {
    struct vain_pool *pool;      /* owned */
    int count;                   /* workers */
    struct vain_device *devices; /* (count) owned; one worker each, with equal vector code */
    struct vain_queue *queues;   /* (count) owned; their queues */
};

/* A task: `index` in [0, count), `worker` in [0, team->count) to choose memory, and that worker's
 * queue. */
typedef void (*vain_team_task)(void *context, int64_t index, int worker, struct vain_queue *queue);

/* Open `workers` devices (1 to VAIN_THREADS_MAX), as vain_device_open_cpu does with `isa`. Gives
 * the team; on failure it is empty. */
enum vain_status vain_team_open(int workers, const char *isa, struct vain_team *out) VAIN_MUST_USE;
/* Accepts an empty team, and leaves one. */
void vain_team_close(struct vain_team *team);
/* Run all tasks, shared out in order of their index, and return when all are done. Blocks; one
 * caller at a time; tasks must not call it. */
void vain_team_run(struct vain_team *team, int64_t count, vain_team_task task, void *context);
