/* The mean loss of a language model over windows of a validation split. */
#pragma once

#include "jobs/data/corpus.h"
#include "jobs/measures.h"
#include "jobs/method.h"
#include "models/model.h"

/* What is measured, with what; all borrowed. */
struct vain_windows {
    const struct vain_model_options *model;
    const struct vain_model_ops *model_ops;
    const struct vain_layout *layout;
    const struct vain_corpus *corpus;
    struct vain_queue *queue;
    const float *parameters;             /* (N) device memory */
    int64_t batch;                       /* windows at once */
    int32_t *tokens, *targets;           /* (batch, context) device memory */
    int32_t *host_tokens, *host_targets; /* the same in host memory, where windows are made */
    void *workspace;                     /* what the model wants for a batch */
};
/* Adds the losses of the share's windows to the sums. Local. Statuses of vain_corpus_batch;
 * VAIN_STOPPED: left off. */
enum vain_status vain_windows_evaluate(const struct vain_windows *windows,
                                       const struct vain_method_share *share,
                                       struct vain_measure_sums *sums) VAIN_MUST_USE;
