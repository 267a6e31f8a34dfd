/* The inner loop of learning to learn: one worker that adapts weights to a task.
 *
 * A task is a few classes with a few examples of each (an episode of few-shot learning): its
 * support is what the weights are adapted to, its query is what they are then tried on. Several
 * learners work side by side, each with a device of one thread: tasks are independent of each
 * other, so what comes out does not depend on how many learners there are. */
#pragma once

#include "jobs/method.h"

/* Examples of a task and the steps that adapt to them. */
struct vain_inner {
    int64_t shot, query;       /* examples of a class in support and query */
    int64_t batch, iterations; /* support examples of a step (0: all); steps */
    bool test;                 /* of classes that nobody trains on */
};
/* Of a job's training tasks, and of its tests. */
struct vain_inner vain_inner_of_training(const struct vain_job *job);
struct vain_inner vain_inner_of_test(const struct vain_job *job);

/* Tasks of `inner` with `way` classes, as those who draw them know them. */
struct vain_task_shape vain_inner_shape(const struct vain_inner *inner, int64_t way);
/* The classes that they are drawn from; borrowed. */
const struct vain_class_pool *vain_inner_pool(const struct vain_inner *inner,
                                              const struct vain_data *data);

/* Examples that go through the model forth and back in a training task. */
int64_t vain_inner_examples(const struct vain_job *job);

struct vain_learner {
    const struct vain_method_config *config; /* borrowed; its own queue is not used */
    struct vain_queue *queue;                /* borrowed; of a device of one thread */
    /* Streams of training [0] and of tests [1]: which tasks there are, in which order a task's
     * examples come, what is dropped. Those of training are the member's own, tests are the same
     * for all. */
    struct vain_random tasks[2], orders[2], dropout[2];
    int64_t way, pixels; /* classes of a task; numbers of an image */
    float *parameters;   /* (N) device memory, as all below unless said: adapted */
    float *moment;       /* (N) Adam's second; NULL with sgd */
    float *gradients;    /* (N) */
    void *workspace;
    float *images;          /* (examples, pixels) host: the task's support, then its query */
    int32_t *labels;        /* (examples) host */
    int64_t *order;         /* (support examples) host */
    float *batch_images;    /* (examples of the largest batch, pixels) */
    int32_t *batch_targets; /* (the same) */
    float *batch_logits;    /* (the same, way) */
    float *query_logits;    /* (query examples, way) */
};

/* Bytes of one learner, for the plan: `config` without queue is enough. */
int64_t vain_learner_memory_bytes(const struct vain_method_config *config);
/* Local; takes all memory. The data's pools have passed vain_class_pool_check for training and
 * tests. On failure `out` is empty. VAIN_ERR_MEMORY. */
enum vain_status vain_learner_open(const struct vain_method_config *config,
                                   struct vain_queue *queue,
                                   struct vain_learner *out) VAIN_MUST_USE;
/* A learner that is zero or closed is fine. */
void vain_learner_close(struct vain_learner *learner);

/* Begin task number `task` of the member's (of all members' tests) from `parameters` and `moment`
 * (N each; NULL with sgd), which are copied. */
void vain_learner_begin(struct vain_learner *learner, const struct vain_inner *inner, int64_t task,
                        const float *parameters, const float *moment);
/* Adapt to the support: inner->iterations steps, the first of which is number `steps_before` + 1 of
 * the optimiser. Gives the mean loss of the batches, each before its step, in nats an example. */
void vain_learner_adapt(struct vain_learner *learner, const struct vain_inner *inner, int64_t task,
                        int64_t steps_before, double *mean_loss);
/* Gradient of the mean loss of the query, seen in one batch, at the adapted weights: into
 * learner->gradients. Gives that loss. */
void vain_learner_query_gradient(struct vain_learner *learner, const struct vain_inner *inner,
                                 int64_t task, double *mean_loss);

/* What the adapted weights say of the query. */
struct vain_judgement {
    int64_t right;      /* each example alone behind the support: batch statistics know no other */
    int64_t right_seen; /* transductive: the query in one batch */
    int64_t count;      /* examples */
    double loss_sum;    /* nats, each example alone */
};
void vain_learner_judge(struct vain_learner *learner, const struct vain_inner *inner,
                        struct vain_judgement *out);
