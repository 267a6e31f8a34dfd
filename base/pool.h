/* A pool of worker threads that share one loop at a time.
 *
 * Work is cut by shape, never by thread count: a loop is `count` tasks, each of which writes its
 * own outputs only, so results do not depend on who runs which (docs/architecture.md, promise 8).
 * The caller is worker 0. Waiting workers spin briefly, then yield the core, then sleep, so that
 * more threads than cores stay fast. */
#pragma once

#include "base/status.h"

struct vain_pool;

/* A task: `index` in [0, count), `worker` in [0, threads) to choose a scratch area. */
typedef void (*vain_pool_task)(void *context, int64_t index, int worker);

/* Start threads - 1 workers (1 <= threads <= VAIN_THREADS_MAX). Gives the pool. */
enum vain_status vain_pool_open(int threads, struct vain_pool **out) VAIN_MUST_USE;
/* Ends and joins the workers; accepts NULL, sets *pool to NULL. */
void vain_pool_close(struct vain_pool **pool);
int vain_pool_threads(const struct vain_pool *pool);
/* Run all tasks and return when all are done. Blocks; one caller at a time; tasks must not call it.
 */
void vain_pool_run(struct vain_pool *pool, int64_t count, vain_pool_task task, void *context);
