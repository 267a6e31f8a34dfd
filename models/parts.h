/* How a model carves its one block of activations: a table of fields and sizes, walked twice.
 *
 * Walked without a block it says how many bytes are needed, walked with one it sets the fields, so
 * the announced size and the used one cannot differ (the habit of llm.c's malloc_and_point). */
#pragma once

#include "base/status.h"
#include "kernels/ops.h"
#include "models/model.h"

/* One field: `count` elements of 4 bytes (float or int32_t). A count of 0 gives NULL. */
struct vain_part {
    void **field; /* set when there is a block */
    int64_t count;
};

/* Bytes that the parts take, each rounded up to a cache line; with `block` not NULL also sets the
 * fields. SIZE_MAX if the sum does not fit: no memory of that size exists, and taking it fails with
 * its own message. Local. */
size_t vain_parts_carve(const struct vain_part *parts, int count, void *block);

/* Product of counts, INT64_MAX if it does not fit (then the carve gives SIZE_MAX). */
int64_t vain_parts_product(int64_t a, int64_t b, int64_t c);

/* The dropout of one place of a model. `site` counts the places where the model drops, in [0,
 * sites). Every (micro-batch, site) owns 2^36 indices of the stream, far more than activations a
 * site can have, so no two meet; `place` NULL or a probability of 0 drops nothing. */
struct vain_dropout vain_parts_dropout(double probability, const struct vain_batch_place *place,
                                       int64_t site, int64_t sites);

/* Wait for the queue, then give loss_sum; NaN if the queue failed, which stops the member like any
 * other NaN. */
double vain_parts_settle_loss(struct vain_queue *queue, const double *loss_sum);
/* Loss and correct targets of logits (M, V), which stay as they are; waits as above. */
struct vain_measure vain_parts_measure(struct vain_queue *queue, int64_t M, int64_t V,
                                       float *logits, const int32_t *targets);
