/* Ops on both devices: what the files of tests/gpu share.
 *
 * A buffer lies twice, in host memory for the CPU twin and in device memory for the GPU's. A test
 * fills the host's side, sends it, runs the op on both queues and compares. A row of the table is
 * one op: over many small shapes, or at one large shape with its time beside the time that its
 * bytes or operations need at the device's own measured rates. Time is the host's clock around
 * several queued runs, so it needs no CUDA here. */
#pragma once

#include "kernels/ops.h"

struct vain_twins {
    struct vain_device cpu, gpu;
    struct vain_queue on_cpu, on_gpu;
    bool timed;                 /* measure large shapes; off under compute-sanitizer */
    double copy_per_second;     /* bytes read and written by a large copy */
    double multiply_per_second; /* floating operations of a large bf16 product; 0: not known */
    const char *device_name;    /* of the other twin: "cuda" */
    const char *module_path;
    int passed, failed;
};

struct vain_twin {
    void *host, *gpu; /* owned; host NULL: only timed */
    size_t bytes;
};

/* Open the GPU again with another precision; all buffers must have been released. */
void vain_twins_reopen(struct vain_twins *twins, enum vain_precision precision);

/* Both sides zeroed. Running out of memory ends the program. */
struct vain_twin vain_twin_take(struct vain_twins *twins, size_t bytes);
/* Both sides the same `count` normal numbers, or random words. */
struct vain_twin vain_twin_floats(struct vain_twins *twins, int64_t count, float deviation,
                                  uint32_t seed);
struct vain_twin vain_twin_words(struct vain_twins *twins, int64_t count, uint32_t seed);
/* On the GPU only: `count` normal numbers that repeat every 2^20. For timing. */
struct vain_twin vain_twin_large(struct vain_twins *twins, int64_t count, float deviation,
                                 uint32_t seed);
void vain_twin_release(struct vain_twins *twins, struct vain_twin *twin);
/* host -> GPU; waits. */
void vain_twin_send(struct vain_twins *twins, const struct vain_twin *twin);
/* Wait for the GPU; a failure is printed and counted, and gives false. */
bool vain_twins_wait(struct vain_twins *twins);

/* Words of 4 bytes that differ between host and GPU. */
int64_t vain_twin_differences(struct vain_twins *twins, const struct vain_twin *twin);
/* Largest |gpu - host| over floats, divided by the root mean square of the host's; NaN if any of
 * them is not finite. */
double vain_twin_error(struct vain_twins *twins, const struct vain_twin *twin);

/* Seconds of one call of run(context), which queues on the GPU: median of five measurements of
 * several queued calls after a warm-up. If twins->timed is false run is called once, and 0 given.
 */
double vain_twins_time(struct vain_twins *twins, void (*run)(void *context), void *context);

struct vain_twins_row {
    const char *op;
    const char *shape;
    double seconds;      /* 0: not timed */
    double bytes;        /* moved at least, or 0 */
    double operations;   /* floating, or 0 */
    int64_t differences; /* words that differ; -1: compared by error; -2: only timed */
    double error, tolerance;
};
/* Print a row and count it: passed if no word differs, or error <= tolerance. */
void vain_twins_row(struct vain_twins *twins, const struct vain_twins_row *row);

/* One file a group. */
void vain_twins_codec(struct vain_twins *twins);
void vain_twins_masks(struct vain_twins *twins);
void vain_twins_members(struct vain_twins *twins);
void vain_twins_optimiser(struct vain_twins *twins);
/* These open the GPU again with each precision, and leave it at bf16. */
void vain_twins_linear(struct vain_twins *twins);
void vain_twins_attention(struct vain_twins *twins);
void vain_twins_pointwise(struct vain_twins *twins);
