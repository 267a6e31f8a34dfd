/* Merkle roots of large vectors, computed on another thread while this one writes the same vectors
 * to disk: hashing is bound by the processor, writing by the disk. Inner header of jobs/store. */
#pragma once

#include "base/crypto.h"

#include <pthread.h>

enum { VAIN_ROOTS_MAX = 10 };

struct vain_root_job {
    int count;
    const float
        *vectors[VAIN_ROOTS_MAX]; /* (counts[i]) each; borrowed; may not change until finish */
    int64_t counts[VAIN_ROOTS_MAX];
    struct vain_pool *pool; /* borrowed; nobody else uses it until finish. NULL: one thread */
    uint8_t roots[VAIN_ROOTS_MAX][VAIN_HASH_BYTES];

    enum vain_status status;
    char message[256];
    pthread_t thread;
    bool running;
};

/* Fill the fields down to the pool, zero the rest, then start; with nothing to do no thread is
 * made. */
void vain_root_job_start(struct vain_root_job *job);
/* Blocks; the roots are there after VAIN_OK. Must follow every start. */
enum vain_status vain_root_job_finish(struct vain_root_job *job) VAIN_MUST_USE;
