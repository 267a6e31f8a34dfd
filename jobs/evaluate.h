/* How good the common parameters are: mean loss over the whole validation split. */
#pragma once

#include "jobs/run.h"

/* Mean loss in nats a symbol over all windows of the validation split, divided among the world's
 * ranks. NaN if the split is empty. Collective over the world; blocks. `loss` gets the same number
 * at every rank. */
enum vain_status vain_evaluate(struct vain_run *run, double *loss) VAIN_MUST_USE;

/* The same for one process: windows `first`, `first + stride`, ... ; sums instead of a mean.
 * `tokens` and `targets` hold (batch, context) symbols, `workspace` what the model wants for that.
 * Local. Statuses of vain_corpus_batch. */
struct vain_evaluation {
    const struct vain_model_options *model;
    const struct vain_model_ops *model_ops;
    const struct vain_layout *layout;
    const struct vain_corpus *corpus;
    struct vain_queue *queue;
    const float *parameters;             /* (N) */
    int64_t batch;                       /* windows at once */
    int32_t *tokens, *targets;           /* device memory */
    int32_t *host_tokens, *host_targets; /* where windows are made; the same on the CPU */
    void *workspace;
};
enum vain_status vain_evaluate_windows(const struct vain_evaluation *evaluation, int64_t first,
                                       int64_t stride, double *loss_sum,
                                       int64_t *count) VAIN_MUST_USE;
