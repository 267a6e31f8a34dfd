/* What the kernel tests share: every device of this machine, guarded buffers, and reproducible
 * numbers.
 *
 * Devices: each vector code that the processor has, with 1, 2, 3, 4 and 8 workers. An op must leave
 * the same bits on all of them, or, with products in it, on all with equal platform strings.
 * References are written in double, plainly, and know nothing of tiles. */
#pragma once

#include "kernels/ops.h"
#include "tests/unit/suite.h"

enum { BED_DEVICES_MOST = 15 };

bool bed_open(void);
void bed_close(void);
int bed_device_count(void);
/* Device 0 is the best vector code with two workers. */
struct vain_queue *bed_queue(int device);

/* Zeroed bytes between guards; all buffers live until bed_end, which checks every guard and
 * releases them. */
void *bed_bytes(size_t bytes);
float *bed_floats(int64_t count);
double *bed_doubles(int64_t count);
int32_t *bed_ints(int64_t count);
void bed_end(void);

/* The next number in [-1, 1), from a fixed sequence that bed_seed starts. */
void bed_seed(uint32_t seed);
double bed_number(void);
/* `count` new numbers times `size`. */
float *bed_random_floats(int64_t count, float size);
/* `count` integers in [0, below). */
int32_t *bed_random_ints(int64_t count, int32_t below);

/* An op under test writes everything it gives to `out` (bytes long, zeroed before). */
typedef void (*bed_op)(struct vain_queue *queue, const void *context, unsigned char *out);
/* Whether all devices leave the same bits. */
bool bed_same_bits(bed_op op, const void *context, size_t bytes);
/* Whether all devices with equal platform strings do: for ops with products in them. */
bool bed_same_bits_by_platform(bed_op op, const void *context, size_t bytes);

/* Largest |found - expected|, or infinity if one is NaN. */
double bed_distance(int64_t count, const float *found, const double *expected);

/* A function of many numbers under test by differences: sum of weights times outputs. */
typedef double (*bed_function)(const void *context);
/* (f(x + h) - f(x - h)) / 2 h with x a number that the function reads. */
double bed_slope(bed_function function, const void *context, double *x);
/* Whether `found` (count) are the slopes of the function along x (count), to within `tolerance`. */
bool bed_are_slopes(bed_function function, const void *context, int64_t count, double *x,
                    const float *found, double tolerance);

/* What dropout multiplies element e by, read from the header's definition. */
double bed_dropout_factor(const struct vain_dropout *dropout, int64_t e);
