/* Draws one after the other from a Philox stream: bounded integers, subsets, orders, and the
 * variates that a Dirichlet partition takes.
 *
 * What members must agree on is drawn here, so every result is the same on every machine: integers
 * are exact, and the few real functions are made of IEEE 754's correctly rounded operations (+, -,
 * *, /, square root) and exact scalings only. No libm function decides anything: log and exp differ
 * between C libraries in the last bit. All local, nothing blocks or allocates. */
#pragma once

#include "base/philox.h"
#include "base/status.h"

/* A place in a stream; a plain value. */
struct vain_draw {
    struct vain_random random;
    uint32_t round, step; /* which sequence of the stream */
    uint64_t next;        /* its next block */
    uint32_t words[4];
    int left; /* words not yet given */
};

/* The beginning of sequence (round, step) of `random`. Two sequences never meet, so whoever needs
 * many independent draws numbers them. */
struct vain_draw vain_draw_start(struct vain_random random, uint32_t round, uint32_t step);
/* The same for a number of 64 bits, such as that of a task. */
struct vain_draw vain_draw_start_at(struct vain_random random, int64_t number);

uint32_t vain_draw_word(struct vain_draw *draw);
/* Uniform in [0, bound), bound >= 1: exactly, by rejection. */
int64_t vain_draw_below(struct vain_draw *draw, int64_t bound);
/* Uniform in (0, 1): an odd multiple of 2^-53. */
double vain_draw_unit(struct vain_draw *draw);
/* All orders of `items` (count) are equally likely (Fisher & Yates; Durstenfeld 1964). */
void vain_draw_shuffle(struct vain_draw *draw, int64_t *items, int64_t count);
/* `size` different numbers of [0, count), every ordered choice equally likely, into `out` (size).
 * Takes time in size^2: for the handful of classes or drawings of a task (Floyd's algorithm;
 * Bentley & Floyd, "A sample of brilliance", 1987). */
void vain_draw_subset(struct vain_draw *draw, int64_t count, int64_t size, int64_t *out);
/* Standard normal: Marsaglia's polar method (Marsaglia & Bray 1964). */
double vain_draw_normal(struct vain_draw *draw);
/* Natural logarithm of a Gamma(shape, 1) variate, shape > 0: Marsaglia & Tsang 2000, below shape 1
 * with their factor U^(1/shape). The logarithm, because for a small shape the variate itself is
 * below the smallest double. */
double vain_draw_log_gamma(struct vain_draw *draw, double shape);

/* ln x (x > 0) and e^x (0 below x = -700; x <= 700) to about 1e-15, the same bits everywhere. */
double vain_draw_log(double x);
double vain_draw_exp(double x);
