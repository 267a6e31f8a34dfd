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
