/* How gradients move parameters within a member: AdamW, or SGD with momentum, and what either keeps
 * from step to step. */
#pragma once

#include "jobs/method.h"

struct vain_optimiser {
    const struct vain_method_config *config; /* borrowed */
    int kind;                                /* enum vain_optimiser_kind */
    float *moment1;                          /* (N) AdamW's first moment; SGD's velocity or NULL */
    float *moment2;                          /* (N) AdamW's second; NULL for SGD */
    struct vain_segment *segments;           /* weight decay by slice; AdamW */
    int segment_count;
};

/* Device memory that it takes. */
int64_t vain_optimiser_memory_bytes(const struct vain_method_config *config);
/* The optimiser that train.optimizer names; `config` is borrowed until the close. On failure what
 * was taken is released by vain_optimiser_close. */
enum vain_status vain_optimiser_open(const struct vain_method_config *config,
                                     struct vain_optimiser *out) VAIN_MUST_USE;
void vain_optimiser_close(struct vain_optimiser *optimiser);
/* One step, number `step` from 1 of those since the optimiser was empty: parameters (N) move
 * against gradients (N), each times `gradient_scale`. */
void vain_optimiser_step(struct vain_optimiser *optimiser, int64_t step, double learning_rate,
                         double gradient_scale, const float *gradients, float *parameters);
/* What it keeps becomes zero. */
void vain_optimiser_forget(struct vain_optimiser *optimiser);
/* Adds what it keeps to what the method keeps. */
void vain_optimiser_list(const struct vain_optimiser *optimiser, struct vain_method *method);
