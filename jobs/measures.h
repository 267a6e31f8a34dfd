/* How good parameters are: what a task measures, as sums that members and ranks add up.
 *
 * A measure is a mean over samples: an example that was classified right or not, a task of which a
 * share was. Sums are kept in double and added in the order of ranks, so that all get the same
 * number. */
#pragma once

#include "base/status.h"

#include <stdint.h>

enum vain_measure_kind {
    VAIN_MEASURE_LOSS,                  /* nats a symbol or an example */
    VAIN_MEASURE_ACCURACY,              /* share that is right */
    VAIN_MEASURE_ACCURACY_TRANSDUCTIVE, /* of few-shot tasks whose queries are seen together */
    VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION,
    VAIN_MEASURE_KINDS
};
/* One measure: sums over samples. Zeroed: not measured. */
struct vain_measure_sum {
    double sum, squares; /* of the samples' values, and of their squares */
    int64_t count;
};
struct vain_measure_sums {
    struct vain_measure_sum of[VAIN_MEASURE_KINDS];
};
/* Mean and half the width of its 95 % interval: 1.96 standard errors, from the samples' own
 * variance; of samples that are all right or wrong, Wilson's. NaN where nothing was measured; an
 * interval of one sample is NaN too. */
struct vain_estimate {
    double mean, interval;
};
struct vain_measures {
    struct vain_estimate of[VAIN_MEASURE_KINDS];
};

/* "accuracy"; borrowed for ever. The interval is "<name>_interval". */
const char *vain_measure_name(enum vain_measure_kind kind);
/* Counts one sample. */
void vain_measure_add(struct vain_measure_sums *sums, enum vain_measure_kind kind, double value);
/* Counts `count` samples of which `right` have the value 1 and the others 0. */
void vain_measure_add_right(struct vain_measure_sums *sums, enum vain_measure_kind kind,
                            int64_t right, int64_t count);
/* target += source. */
void vain_measure_merge(struct vain_measure_sums *target, const struct vain_measure_sums *source);
/* Means and intervals of the sums. */
void vain_measure_finish(const struct vain_measure_sums *sums, struct vain_measures *out);
/* All of them not measured: NaN. */
void vain_measures_clear(struct vain_measures *out);
