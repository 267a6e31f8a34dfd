/* How one member improves its parameters between two exchanges.
 *
 * A method owns the local parameters and what it keeps from step to step; it knows nothing of
 * rounds of others. Its state is saved in the member's file. `supervised` is the first: gradient
 * steps on the model's loss. */
#pragma once

#include <stdatomic.h>

#include "collectives/site.h"
#include "jobs/data/data.h"
#include "jobs/measures.h"
#include "jobs/options.h"
#include "jobs/store/member.h"
#include "models/model.h"

struct vain_method;

enum { VAIN_FOUND_VALUE_BYTES = 32 };

/* What a method works with; borrowed for its lifetime. */
struct vain_method_config {
    const struct vain_job *job;
    const struct vain_model_options *model;
    const struct vain_model_ops *model_ops;
    const struct vain_layout *layout; /* of what is exchanged, see vain_method_layout */
    const struct vain_data *data;
    struct vain_queue *queue;
    struct vain_site *site; /* averages host memory */
    const char *member_name;
    const char *teacher; /* path of the checkpoint that teaches, or NULL */
};

/* Numbers of the last local step. */
struct vain_step_report {
    double loss;          /* mean over the site's micro-batches, nats a symbol or an example */
    double gradient_norm; /* before clipping; NaN where the method has none */
    double learning_rate;
    bool stop_heard; /* a rank of this site asked to stop */
};

/* Which part of an evaluation is asked for: samples share, share + shares, ... */
struct vain_method_share {
    int share, shares;
    bool last;          /* of the run: the full measure, where it is larger than that of a round */
    int64_t round;      /* rounds finished */
    atomic_int *signal; /* not 0: the evaluation is left off; NULL: never */
};
/* Whether it is to be left off: evaluations look between batches, or parts of the work as long. */
static inline bool vain_method_leaves_off(const struct vain_method_share *share)
{
    return share->signal != NULL && atomic_load(share->signal) != 0;
}

/* What a search has found: keys of a spec with the best values, as a spec would have them. */
struct vain_found {
    int count;
    char keys[VAIN_OPTION_TEXTS_MAX][VAIN_OPTION_TEXTS_ITEM_BYTES];
    char values[VAIN_OPTION_TEXTS_MAX][VAIN_FOUND_VALUE_BYTES];
};

struct vain_method_ops {
    const char *name;
    /* Evaluation starts from what the method keeps, so a measure is that of a member. */
    bool measures_with_memories;
    /* Device memory that the method takes, for the plan. */
    int64_t (*memory_bytes)(const struct vain_method_config *config);
    /* Optional: bytes of its memories in the member's file, for the plan. */
    int64_t (*kept_bytes)(const struct vain_method_config *config);
    /* What a local step of one rank trains on, for rates and as the weight of a delta: so many
     * "tokens", "images", "tasks". */
    int64_t (*step_size)(const struct vain_job *job);
    const char *(*unit)(const struct vain_job *job);
    /* Optional: tokens or images that a local step of one rank takes through the model forth and
     * back, where that is not step_size. */
    int64_t (*step_examples)(const struct vain_job *job);
    /* Upper bound of how far one parameter moves in a round, from agreed keys in correctly rounded
     * operations: the range of the first exchange's integers. */
    double (*step_bound)(const struct vain_job *job);
    /* Optional: what members exchange, where it is not the model's parameters. Gives the layout
     * (vain_layout_fini). Local, a function of agreed keys. VAIN_ERR_MEMORY. */
    enum vain_status (*layout)(const struct vain_job *job, struct vain_layout *out);
    /* Optional, with `layout`: its values at the very start (N, host memory), from agreed keys
     * alone; without it those of vain_model_init. */
    void (*initial)(const struct vain_job *job, float *out);
    /* Optional, with `layout`: the model's parameters (n, host memory) that the exchanged ones (N,
     * host memory) stand for. `model` has the data's symbols. VAIN_ERR_REFUSED if they stand for
     * no model, VAIN_ERR_CORRUPT, VAIN_ERR_MEMORY. */
    enum vain_status (*express)(const struct vain_job *job, const struct vain_model_options *model,
                                struct vain_pool *pool, const float *exchanged, float *parameters);
    /* Local; takes all memory. Starts with `initial` (N, device memory) as parameters. */
    enum vain_status (*open)(const struct vain_method_config *config, const float *initial,
                             struct vain_method *out);
    /* One local step; draws train.accumulate batches, counted by data_position. `want_stop`: this
     * rank was asked to stop. Collective over the site. VAIN_ERR_NUMERIC names step and slice of
     * the first value that is not finite; parameters are then as before the step. */
    enum vain_status (*step)(struct vain_method *method, int64_t round, int64_t step_in_round,
                             bool want_stop, struct vain_step_report *report);
    /* Parameters (N, device memory) for the next round; what the method keeps stays. */
    void (*adopt)(struct vain_method *method, const float *parameters);
    /* What the method keeps starts anew: nothing of the batches drawn so far is left in it. */
    void (*forget)(struct vain_method *method);
    /* How good `parameters` (N, device memory) are on data that nobody trains on: adds this share's
     * samples to `sums`. Not collective. Statuses of reading the data; VAIN_STOPPED: left off, and
     * the sums say nothing. */
    enum vain_status (*evaluate)(struct vain_method *method, const float *parameters,
                                 const struct vain_method_share *share,
                                 struct vain_measure_sums *sums);
    /* Optional, both or none: a method whose deltas weigh differently. The weight of this member's
     * delta in `round`, in what all members count alike (examples); and the agreed weight that a
     * delta is measured in: what the method leaves in `parameters` is its weight / unit times how
     * far it went. The round divides the sum of the deltas by the sum of the weights. */
    int64_t (*weight)(const struct vain_method *method, int64_t round);
    double (*weight_unit)(const struct vain_method_config *config);
    /* Optional: after the outer step of `round` (from 0) the method moves what is common (N, device
     * memory) by a rule of its own. The same bits at all members: a pure function of agreed keys,
     * round and common parameters, in correctly rounded operations. */
    void (*settle)(struct vain_method *method, int64_t round, float *common);
    /* Optional: what the method has found by now, for people and scripts. `common` (N) is device
     * memory. Local. */
    void (*found)(struct vain_method *method, const float *common, struct vain_found *out);
    void (*close)(struct vain_method *method);
};

/* Open, since the round, the files and the plan read it: all vectors are device memory. */
struct vain_method {
    struct vain_method_config config;
    float *parameters; /* (N) local */
    float *gradients;  /* (N + 2) the last two carry loss and stop; free between steps for the
                          round's delta */
    int64_t optimiser_step, data_position;
    int64_t step_in_round; /* local steps done in the round under way */
    double loss_sum;       /* of those */
    /* What it keeps from step to step, in the member's file under these names; values are owned by
     * the method and device memory. */
    int memory_count;
    struct vain_member_memory memories[VAIN_MEMORIES_MAX];
    void *own; /* what else a kind of method has; owned by it */
};

/* The kind that the job chooses; borrowed for ever. */
const struct vain_method_ops *vain_method_ops_of(const struct vain_job *job);
extern const struct vain_method_ops vain_method_supervised, vain_method_fedavg, vain_method_genetic,
    vain_method_reptile, vain_method_maml, vain_method_agents;
/* The layout of what members exchange: the method's own, or the model's. `model` has the data's
 * symbols. Gives the layout. Statuses of both. */
enum vain_status vain_method_layout(const struct vain_job *job,
                                    const struct vain_model_options *model,
                                    struct vain_layout *out) VAIN_MUST_USE;

/* For methods: what all of them do with parameters and gradients. Bytes of N numbers. */
size_t vain_method_vector_bytes(const struct vain_method_config *config);
/* Takes both vectors, and begins with `initial` (N, device memory). On failure what was taken is
 * released by vain_method_release_vectors. Statuses of taking device memory. */
enum vain_status vain_method_take_vectors(struct vain_method *method,
                                          const float *initial) VAIN_MUST_USE;
/* Vectors that were never taken are fine. */
void vain_method_release_vectors(struct vain_method *method);
/* The `adopt` of a method that keeps nothing else of a round. */
void vain_method_adopt(struct vain_method *method, const float *parameters);
