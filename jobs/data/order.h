/* In which order a member's part is read: epochs of windows that do not overlap, each epoch in an
 * order of its own and shifted by an offset of its own, so that every symbol is trained on once an
 * epoch and windows do not always begin at the same places.
 *
 * Everything is a pure function of (stream, rank, sample), so resuming needs only the number of
 * samples drawn. The order is a Feistel permutation (Luby & Rackoff 1988) of four rounds whose
 * round function is Philox, walked along its cycle until it falls below the number of windows
 * (Black & Rogaway, "Ciphers with arbitrary finite domains", 2002). */
#pragma once

#include <stdint.h>

#include "base/philox.h"

/* Windows of an epoch of `symbols` symbols, each of T tokens and their successors; symbols > T. */
int64_t vain_order_windows(int64_t symbols, int64_t T);
/* Where sample `sample` (counted over all epochs) of rank `rank` begins, in
 * [0, symbols - T - 1]. Local, deterministic. */
int64_t vain_order_offset(struct vain_random random, int rank, int64_t sample, int64_t symbols,
                          int64_t T);

/* ---- Examples, each once an epoch ---- */

/* Place `place` of epoch `epoch` in the order that `random` gives to `count` examples: for fixed
 * (random, epoch, count) a permutation of [0, count). Local, deterministic. */
int64_t vain_order_place(struct vain_random random, int64_t epoch, int64_t count, int64_t place);
/* Batches of B that an epoch of `count` examples has; the last may be short, as in federated
 * averaging (McMahan et al. 2017), and none is dropped. */
int64_t vain_order_batch_count(int64_t count, int64_t B);
/* Batch `batch` of epoch `epoch` of the examples `examples` (count; NULL: 0 to count - 1): writes
 * up to B of them to `out`, gives how many. */
int64_t vain_order_batch(struct vain_random random, int64_t epoch, int64_t batch,
                         const int64_t *examples, int64_t count, int64_t B, int64_t *out);
