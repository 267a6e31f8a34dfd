/* Drawing the next symbol from a model's logits: a pure function, so that equal seeds write equal
 * texts. */
#pragma once

#include <stdint.h>

/* A symbol and its logit, for sorting; the caller brings room for V of them. */
struct vain_candidate {
    float logit;
    int32_t symbol;
};

/* The symbol that `unit` in [0, 1) draws from softmax(logits / temperature), logits (V), among the
 * `top` most likely ones (0: all; of equal ones the smaller symbol counts as more likely).
 * temperature = 0 takes the most likely one. -1 if a logit is not finite. Local. */
int32_t vain_sample(const float *logits, int64_t V, double temperature, int64_t top, double unit,
                    struct vain_candidate *candidates);
