/* Ops on sequences of different lengths: rows behind the end of a sequence are padding.
 *
 * Letters: B sequences, T tokens of the longest, C channels. */
#pragma once

#include "kernels/device.h"

#include <stdint.h>

struct vain_sequence_ops {
    /* output (B, C) = mean of the first lengths[b] rows, 1 to T, of input (B, T, C); the others are
     * not read. */
    void (*mean_pool)(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                      const int32_t *lengths, const float *input, float *output);
    /* d_input (B, T, C) written, 0 behind the lengths. */
    void (*mean_pool_gradient)(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                               const int32_t *lengths, const float *d_output, float *d_input);
};
