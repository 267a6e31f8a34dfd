/* A device computes; a queue orders what it computes.
 *
 * On the CPU a device is a thread pool with a scratch area for each worker, and a queue does
 * nothing: results are there when the call returns. On a GPU a queue is a CUDA stream. Callers
 * written for the second run on the first: they take memory from the device, pass the queue to
 * every op, and read results after vain_queue_wait. */
#pragma once

#include "base/pool.h"
#include "base/status.h"

struct vain_cuda;
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
    struct vain_cuda *cuda; /* the GPU's state (kernels/cuda/cuda.h), owned; NULL on the CPU */
    char name[96];          /* for people: "cpu avx512" */
};

struct vain_queue {
    struct vain_device *device; /* borrowed */
    void *stream;               /* the GPU's; NULL on the CPU */
};

/* What matrix units may do with float32 operands. Storage, master weights and sums are float32. */
enum vain_precision {
    VAIN_PRECISION_BF16,   /* operands rounded to bf16 */
    VAIN_PRECISION_TF32,   /* operands rounded to tf32 */
    VAIN_PRECISION_FLOAT32 /* as the CPU twin, which knows only this */
};

enum { VAIN_GPU_INDEX_MAX = 1023, VAIN_DEVICE_WHY_BYTES = 256 };

struct vain_device_wish {
    const char *name; /* "cpu"; "cuda:2"; "cuda": the GPU of this rank; "auto": that, or the CPU */
    int threads;      /* of the CPU */
    int local_rank;   /* of this process among those of the run on this host */
    bool shared;      /* several ranks may use one GPU */
    enum vain_precision precision; /* of a GPU */
    const char *module_path;       /* NULL: where it belongs */
};

/* Whether `name` is one that vain_device_open knows. */
bool vain_device_name_valid(const char *name);
/* Open a device by name. Gives the device, and in `why` what decided: for "auto" without a GPU the
 * reason why there is none. VAIN_ERR_UNAVAILABLE: no module, driver or GPU, and "auto" did not
 * allow the CPU; VAIN_ERR_REFUSED: the host has fewer GPUs than ranks; VAIN_ERR_INPUT: no such
 * name; VAIN_ERR_MEMORY. Local. */
enum vain_status vain_device_open(const struct vain_device_wish *wish, struct vain_device *out,
                                  char why[VAIN_MIN_LEN(VAIN_DEVICE_WHY_BYTES)]) VAIN_MUST_USE;
/* Open the CPU with `threads` workers. Picks the vector code by what the processor has, or by `isa`
 * if that is not NULL ("baseline", "avx2", "avx512"; for tests). Gives the device.
 * VAIN_ERR_UNAVAILABLE if the processor lacks the wanted code. */
enum vain_status vain_device_open_cpu(int threads, const char *isa,
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
/* Whether the device's memory is the host's, so that transports may read and write it. */
bool vain_device_is_host(const struct vain_device *device);
