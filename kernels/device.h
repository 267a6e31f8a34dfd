/* A device computes; a queue orders what it computes.
 *
 * On the CPU a device is a thread pool with a scratch area for each worker, and a queue does
 * nothing: results are there when the call returns. On a GPU a queue is a CUDA stream. Callers
 * written for the second run on the first: they take memory from the device, pass the queue to
 * every op, and read results after vain_queue_wait. */
#pragma once

#include "base/pool.h"
#include "base/status.h"

struct vain_mask_stream;
struct vain_ops;
struct vain_vector_code;

/* Scratch of one worker, and of all together for what an op sums up at its end. Fixed, so that a
 * run knows its memory before it starts; pages that no op needs are never touched. Ops cut their
 * work so that it fits, by shape only. */
enum { VAIN_SCRATCH_BYTES = 4 << 20, VAIN_SHARED_BYTES = 4 << 20 };

struct vain_device {
    const struct vain_ops *ops;
    struct vain_pool *pool;              /* owned; the CPU's workers */
    const struct vain_vector_code *code; /* the CPU's inner loops; borrowed for ever */
    unsigned char *scratch; /* (threads, VAIN_SCRATCH_BYTES) owned; nothing is kept between ops */
    struct vain_mask_stream **mask_streams; /* (threads) owned; NULL: no cipher for them */
    unsigned char *shared;                  /* (VAIN_SHARED_BYTES) owned; partial sums of one op */
    char name[96];                          /* for people: "cpu avx512" */
};

struct vain_queue {
    struct vain_device *device; /* borrowed */
    void *stream;               /* the GPU's; NULL on the CPU */
};

/* Open the CPU with `threads` workers. Picks the vector code by what the processor has, or by `isa`
 * if that is not NULL ("baseline", "avx2", "avx512"; for tests). Gives the device.
 * VAIN_ERR_UNAVAILABLE if the processor lacks the wanted code. */
enum vain_status vain_device_open_cpu(int threads, const char *isa,
                                      struct vain_device *out) VAIN_MUST_USE;
/* Open a device of one worker, the caller, that computes as `like` does, bit for bit: so that
 * several threads can each run operations of their own. Gives the device. VAIN_ERR_MEMORY. */
enum vain_status vain_device_open_alone(const struct vain_device *like,
                                        struct vain_device *out) VAIN_MUST_USE;
/* Whether the device can make masks: VAIN_ERR_UNAVAILABLE says why not (a library without the
 * cipher). All else works without. Local. */
enum vain_status vain_device_can_mask(const struct vain_device *device) VAIN_MUST_USE;
void vain_device_close(struct vain_device *device);
/* Blocks until all that was queued is done. */
enum vain_status vain_queue_wait(struct vain_queue *queue) VAIN_MUST_USE;
/* The part of the platform string that the kernels answer for: "product=fused" where matrix
 * products use fused multiply-add (AVX2, AVX-512, ARM), "product=plain" where they cannot. Runs of
 * one version of vAIn with equal strings give equal bits, on whatever processor. Borrowed for ever.
 */
const char *vain_device_platform(const struct vain_device *device);
