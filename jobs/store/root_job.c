/* One helper thread a save. A message of a failure belongs to the thread that failed, so it is
 * carried over. */
#include "jobs/store/root_job.h"

#include "base/limits.h"

#include <stdio.h>

static void *compute(void *context)
{
    struct vain_root_job *job = context;
    for (int i = 0; i < job->count && job->status == VAIN_OK; i++)
        job->status = vain_merkle_root(job->vectors[i], (size_t)job->counts[i] * sizeof(float),
                                       VAIN_MERKLE_LEAF_BYTES, job->pool, job->roots[i]);
    if (job->status != VAIN_OK)
        snprintf(job->message, sizeof job->message, "%s", vain_fail_message());
    return NULL;
}

void vain_root_job_start(struct vain_root_job *job)
{
    VAIN_ASSERT(job->count <= VAIN_ROOTS_MAX);
    job->status = VAIN_OK;
    job->running = job->count > 0 && pthread_create(&job->thread, NULL, compute, job) == 0;
    /* No thread to be had is no reason to lose a checkpoint. */
    if (!job->running)
        (void)compute(job);
}

enum vain_status vain_root_job_finish(struct vain_root_job *job)
{
    if (job->running)
        VAIN_ASSERT(pthread_join(job->thread, NULL) == 0);
    job->running = false;
    if (job->status != VAIN_OK)
        return vain_fail(job->status, "%s", job->message);
    return VAIN_OK;
}
