/* Ops on sequences of tokens that are sets of symbols, with padding behind their ends.
 *
 * A token is a bag of up to K symbols, its word and what the word is made of; unused places hold
 * -1. Letters: B sequences, T tokens of the longest, K symbols of a token, C channels, V symbols in
 * all. */
#pragma once

#include "kernels/device.h"

#include <stdint.h>

struct vain_dropout;

struct vain_bags {
    int64_t B, T, K, C;
    const int32_t *symbols; /* (B, T, K) in [0, V), or -1: none */
    const struct vain_dropout *dropout;
};

struct vain_sequence_ops {
    /* output (B, T, C) = dropout(mean of symbol_table (V, C)[symbols of a token] + position_table
     * (T, C)), the mean of none being 0; position_table may be NULL (Bojanowski et al. 2017: words
     * and their n-grams). */
    void (*embed_bags)(struct vain_queue *queue, const struct vain_bags *bags,
                       const float *symbol_table, const float *position_table, float *output);
    /* Adds to both tables, in token order for each row: the same bits for any thread count. */
    void (*embed_bags_gradient)(struct vain_queue *queue, const struct vain_bags *bags,
                                const float *d_output, float *d_symbol_table,
                                float *d_position_table);
    /* output (B, C) = mean of the first lengths[b] rows, 1 to T, of input (B, T, C); the others are
     * not read. */
    void (*mean_pool)(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                      const int32_t *lengths, const float *input, float *output);
    /* d_input (B, T, C) written, 0 behind the lengths. */
    void (*mean_pool_gradient)(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                               const int32_t *lengths, const float *d_output, float *d_input);
};
