/* How one member improves its parameters between two exchanges.
 *
 * A method owns the local parameters and what its optimiser remembers; it knows nothing of rounds
 * of others. Its state is saved in the member's file. `supervised` is the first: gradient steps on
 * the model's loss. */
#pragma once

#include "collectives/site.h"
#include "jobs/data/corpus.h"
#include "jobs/options.h"
#include "models/model.h"

struct vain_method;

/* What a method works with; borrowed for its lifetime. */
struct vain_method_config {
    const struct vain_job *job;
    const struct vain_model_options *model;
    const struct vain_model_ops *model_ops;
    const struct vain_layout *layout;
    const struct vain_corpus *corpus;
    struct vain_queue *queue;
    struct vain_site *site; /* averages host memory */
    const char *member_name;
};

/* Numbers of the last local step. */
struct vain_step_report {
    double loss;          /* mean over the site's micro-batches, nats a symbol */
    double gradient_norm; /* before clipping */
    double learning_rate;
    bool stop_heard; /* a rank of this site asked to stop */
};

struct vain_method_ops {
    const char *name;
    /* Device memory that the method takes, for the plan. */
    int64_t (*memory_bytes)(const struct vain_method_config *config);
    /* Local; takes all memory. Starts with `initial` (N) as parameters. */
    enum vain_status (*open)(const struct vain_method_config *config, const float *initial,
                             struct vain_method *out);
    /* One local step. `want_stop`: this rank was asked to stop. Collective over the site.
     * VAIN_ERR_NUMERIC names step and slice of the first value that is not finite; parameters are
     * then as before the step. */
    enum vain_status (*step)(struct vain_method *method, int64_t round, int64_t step_in_round,
                             bool want_stop, struct vain_step_report *report);
    /* Parameters for the next round; the optimiser's memory stays. */
    void (*adopt)(struct vain_method *method, const float *parameters);
    void (*close)(struct vain_method *method);
};

/* Open, since the round, the files and the plan read it: all vectors are (N) device memory. */
struct vain_method {
    struct vain_method_config config;
    float *parameters; /* local */
    float *gradients;  /* (N + 2) the last two carry loss and stop; free between steps for the
                          round's delta */
    float *moment1, *moment2; /* AdamW's */
    int64_t optimiser_step, data_position;
    int64_t step_in_round; /* local steps done in the round under way */
    double loss_sum;       /* of those */
    struct vain_random data_random, dropout_random;
    struct vain_segment *segments; /* weight decay by slice */
    int segment_count;
    int32_t *tokens, *targets;           /* (B, T) */
    int32_t *host_tokens, *host_targets; /* (B, T) where batches are made; the same on the CPU */
    float *host_gradients; /* (N + 2) what the site averages; the same as gradients on the CPU;
                              NULL where the site is one rank with a GPU */
    void *workspace;       /* activations */
};

/* `count` symbols from where batches are made to the device; nothing where they are the same. The
 * source may be written again when the queue was waited for. Local. */
void vain_batch_send(struct vain_queue *queue, int64_t count, const int32_t *host_symbols,
                     int32_t *symbols);

extern const struct vain_method_ops vain_method_supervised;
