/* What the files of the CUDA twin share: the device's state, its stream, errors that stick, scratch
 * memory, and results for the host.
 *
 * Rules for an op (contracts: kernels/ops.h):
 *  - It queues work on vain_cuda_stream(queue) and returns; it never waits for the device.
 *  - Pointers are device memory, but for descriptions (structs, masks, segments), which are read
 *    before the op returns, and for scalars that it gives (`double *out`), which go through
 *    vain_cuda_deliver and are there after vain_queue_wait.
 *  - Every launch is followed by VAIN_CUDA_CHECK_LAUNCH. The first error sticks: later ops may do
 *    anything, and vain_queue_wait tells.
 *  - Work is cut by shape, sums have a fixed order: no floating atomics. Integer atomics are fine.
 *  - Files are compiled with -fmad=false: a * b + c is rounded twice, as on the CPU. Where fused
 *    multiply-add is wanted it is written: fmaf, __fmaf_rn. Division and square roots are rounded
 *    correctly. */
#pragma once

#include <cuda_runtime.h>

#include "kernels/cuda/module.h"
#include "kernels/ops.h"

enum {
    VAIN_CUDA_RESULTS = 64,      /* results under way at most; one more waits for those before it */
    VAIN_CUDA_RESULT_BYTES = 64, /* of one result at most */
    VAIN_CUDA_SCRATCH_BYTES = 64 << 20,  /* to begin with; grows when an op needs more */
    VAIN_CUDA_WORKSPACE_BYTES = 32 << 20 /* for matrix libraries */
};

/* A result that comes to `target` with the next vain_queue_wait. */
struct vain_cuda_result {
    void *target;
    size_t bytes;
};

struct vain_cuda {
    int index; /* of the GPU */
    enum vain_precision precision;
    int multiprocessors;
    int capability;         /* 10 * major + minor: 80, 90 */
    cudaStream_t stream;    /* owned; of queues that name none */
    unsigned char *scratch; /* owned, device; of one op, nothing is kept between ops */
    size_t scratch_bytes;
    void *workspace;       /* owned, device, VAIN_CUDA_WORKSPACE_BYTES: of matmul.cu */
    void *matmul;          /* owned by matmul.cu: vain_cuda_matmul_open and _close */
    unsigned char *pinned; /* owned, pinned: (VAIN_CUDA_RESULTS, VAIN_CUDA_RESULT_BYTES) */
    struct vain_cuda_result results[VAIN_CUDA_RESULTS];
    int result_count;
    cudaError_t error;    /* the first one; cudaSuccess: none */
    char error_place[96]; /* which call */
    char platform[96];
};

/* ---- module.cu ---- */

/* The stream of a queue; makes its GPU the current one of this thread. */
cudaStream_t vain_cuda_stream(const struct vain_queue *queue);
/* Keep the first error of a device; gives whether `error` is none. */
bool vain_cuda_note(struct vain_cuda *cuda, cudaError_t error, const char *place);
/* `bytes` of scratch in device memory, aligned to 256, until the op that asks returns: work queued
 * by it may use them, work of later ops comes after. NULL if there is no memory (noted): return
 * then. Ask once an op for all it needs; a second call gives the same memory. */
void *vain_cuda_scratch(const struct vain_queue *queue, size_t bytes);
/* Have `bytes` (at most VAIN_CUDA_RESULT_BYTES) of device memory at host_target after the next
 * vain_queue_wait. */
void vain_cuda_deliver(const struct vain_queue *queue, const void *device_source, void *host_target,
                       size_t bytes);

/* After each launch, in a function that has `queue`. */
#define VAIN_CUDA_CHECK_LAUNCH(queue, name)                                                        \
    ((void)vain_cuda_note((queue)->device->cuda, cudaGetLastError(), name))
/* For calls of the runtime. */
#define VAIN_CUDA_CHECK(queue, call) vain_cuda_note((queue)->device->cuda, (call), #call)

static inline int64_t vain_cuda_parts_of(int64_t count, int64_t part)
{
    return (count + part - 1) / part;
}

/* Blocks of a grid for `count` parts, at most `most` (a kernel that strides takes more parts). */
static inline unsigned vain_cuda_grid(int64_t count, int64_t most)
{
    return (unsigned)(count < 1 ? 1 : count < most ? count : most);
}

/* Blocks of a grid for `count` parts: no more than the device runs at once, so that kernels that
 * stride end together. */
template <class Kernel>
static inline unsigned vain_cuda_resident(const struct vain_queue *queue, Kernel *kernel,
                                          int threads, int64_t count)
{
    int blocks = 1;
    (void)VAIN_CUDA_CHECK(
        queue, cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, 0));
    return vain_cuda_grid(count, (int64_t)queue->device->cuda->multiprocessors *
                                     (blocks > 0 ? blocks : 1));
}

/* ---- The groups, each in the file of its name ---- */

extern "C" {
extern const struct vain_memory_ops vain_cuda_memory;
extern const struct vain_matmul_ops vain_cuda_matmul;
extern const struct vain_attention_ops vain_cuda_attention;
extern const struct vain_pointwise_ops vain_cuda_pointwise;
extern const struct vain_optimiser_ops vain_cuda_optimiser;
extern const struct vain_codec_ops vain_cuda_codec;
}

/* matmul.cu's own state (handles, plans), made when a device is opened and released with it. */
enum vain_status vain_cuda_matmul_open(struct vain_cuda *cuda);
void vain_cuda_matmul_close(struct vain_cuda *cuda);
