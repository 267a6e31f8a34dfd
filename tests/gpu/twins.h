/* Ops on both devices: what the files of tests/gpu share.
 *
 * A buffer lies twice, in host memory for the CPU twin and in device memory for the GPU's. A test
 * fills the host's side, sends it, runs the op on both queues and compares. A row of the table is
 * one op at one shape: its time on the GPU beside what its bytes or operations should take, and
 * whether both twins agree. Time is the host's clock around several queued runs, so it needs no
 * CUDA here. */
#pragma once

#include "base/world.h"
#include "kernels/ops.h"

struct vain_twins {
    struct vain_device cpu, gpu;
    struct vain_queue on_cpu, on_gpu;
    bool timed;                 /* measure; off under compute-sanitizer */
    double copy_per_second;     /* bytes read and written by a large copy; 0: not measured */
    double multiply_per_second; /* floating operations of a large bf16 product; 0: not measured */
    int passed, failed;
};

struct vain_twin {
    void *host, *gpu; /* owned */
    size_t bytes;
};

/* Fails the program if there is no memory. The host's side is filled with `normal` numbers of the
 * seed, or words, and sent. */
struct vain_twin vain_twin_take(struct vain_twins *twins, size_t bytes);
struct vain_twin vain_twin_floats(struct vain_twins *twins, int64_t count, float deviation,
                                  uint32_t seed);
struct vain_twin vain_twin_words(struct vain_twins *twins, int64_t count, uint32_t seed);
void vain_twin_release(struct vain_twins *twins, struct vain_twin *twin);
/* host -> GPU; waits. */
void vain_twin_send(struct vain_twins *twins, const struct vain_twin *twin);
/* Wait for the GPU; a failure is printed and counted, and gives false. */
bool vain_twins_wait(struct vain_twins *twins);

/* Words of 4 bytes that differ between host and GPU, and the first of them. */
int64_t vain_twin_differences(struct vain_twins *twins, const struct vain_twin *twin,
                              int64_t *first);
/* Largest |gpu - host| over floats, divided by the root mean square of the host's; NaN if any of
 * them is not finite. */
double vain_twin_error(struct vain_twins *twins, const struct vain_twin *twin);

/* Seconds of one call of run(context) on the GPU's queue: median of five measurements of several
 * queued calls after a warm-up. 0 if twins->timed is false (then run is called once). */
double vain_twins_time(struct vain_twins *twins, void (*run)(void *context), void *context);

struct vain_twin_row {
    const char *op;
    char shape[48];
    double seconds;      /* 0: not timed */
    double bytes;        /* moved at least, or 0 */
    double operations;   /* floating, or 0 */
    int64_t differences; /* words that differ; -1: compared by error */
    double error, tolerance;
};
/* Print a row and count it: passed if no word differs, or error <= tolerance. */
void vain_twins_row(struct vain_twins *twins, const struct vain_twin_row *row);

/* One file a group. */
void vain_twins_codec(struct vain_twins *twins);
void vain_twins_optimiser(struct vain_twins *twins);
void vain_twins_matmul(struct vain_twins *twins);    /* twins_matmul.c */
void vain_twins_attention(struct vain_twins *twins); /* twins_attention.c */
void vain_twins_pointwise(struct vain_twins *twins); /* twins_pointwise.c */
