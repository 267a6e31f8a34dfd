/* What methods that learn to learn share: learners side by side, and tests on new classes.
 *
 * A meta-iteration is one local step: meta.batch tasks, each adapted to from the same parameters by
 * one learner. Tasks and learners meet by chance, results are kept by task and added in the order
 * of tasks, so bits do not depend on the number of threads. */
#pragma once

#include "jobs/learner.h"
#include "kernels/team.h"

struct vain_meta {
    struct vain_team team;         /* as many workers as the method's device has */
    int learner_count;             /* one a worker */
    struct vain_learner *learners; /* (learner_count) owned */
    struct vain_inner training, test;
    float *results; /* (meta.batch, N) device memory: what each task of a step came to */
    double *losses; /* (meta.batch) of each task, nats an example */
    struct vain_judgement *judgements; /* of the tests of an evaluation */
};

/* Bytes for the plan: `config` without queue and data is enough; as many learners as the job or the
 * machine says. */
int64_t vain_meta_memory_bytes(const struct vain_method_config *config);
/* Local; takes all memory. VAIN_ERR_INPUT if the data have too few classes, or classes with too few
 * examples; VAIN_ERR_UNAVAILABLE on a GPU. On failure `out` is empty. */
enum vain_status vain_meta_open(const struct vain_method_config *config,
                                struct vain_meta *out) VAIN_MUST_USE;
/* `config` as in open. One that is zero or closed is fine. */
void vain_meta_close(struct vain_meta *meta, const struct vain_method_config *config);

/* Number of the first task of the step that comes next: no rank of a site has another's. */
int64_t vain_meta_first_task(const struct vain_method *method);
/* A step under way. */
struct vain_meta_step {
    int64_t round, step_in_round;
    double loss;    /* mean over the tasks; of all ranks of the site after vain_meta_mean */
    bool want_stop; /* this rank was asked to stop; any rank, after vain_meta_mean */
};
/* Run `task` for the step's tasks, indices 0 .. meta.batch - 1; its worker is the number of its
 * learner. Each writes its loss and its row of results. Then the mean of the losses into `step`. */
void vain_meta_run(struct vain_method *method, struct vain_meta *meta, vain_team_task task,
                   void *context, struct vain_meta_step *step);
/* VAIN_ERR_NUMERIC if the loss is not finite, or an element of `vector` (N, device memory), which
 * are `what` of the message: it says member, round, step and slice. */
enum vain_status vain_meta_refuse_not_finite(const struct vain_method *method,
                                             const struct vain_meta_step *step, const char *what,
                                             const float *vector) VAIN_MUST_USE;
/* Mean of the tasks' results in the order of tasks, into method->gradients; with a site of several
 * ranks the mean over all of them, and loss and stop with it: collective then. Statuses as above.
 */
enum vain_status vain_meta_mean(struct vain_method *method, const struct vain_meta *meta,
                                const char *what, struct vain_meta_step *step) VAIN_MUST_USE;
/* As vain_method_ops.evaluate: adapts from `parameters` and `moment` (N; NULL with sgd), whose
 * optimiser has done `steps_before` steps, and leaves both as they are. */
enum vain_status vain_meta_evaluate(const struct vain_method *method, struct vain_meta *meta,
                                    const float *parameters, const float *moment,
                                    int64_t steps_before, const struct vain_method_share *share,
                                    struct vain_measure_sums *sums) VAIN_MUST_USE;
