/* First-order MAML (Finn, Abbeel and Levine 2017, without the second derivatives): adapt to a task
 * by plain gradient steps, then take the gradient that other examples of the task have at the
 * adapted weights for the gradient at the weights before.
 *
 *     gradient = mean over tasks of d loss(query) / d parameters at adapted(parameters)
 *
 * The gradient leads to a step as in supervised training: train.learning_rate, AdamW, clipping. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/meta.h"
#include "jobs/optimiser.h"

/* What it has beyond struct vain_method. */
struct maml {
    struct vain_meta meta;
    struct vain_optimiser optimiser;
};

static int64_t maml_step_size(const struct vain_job *job)
{
    return job->meta.batch;
}

static int64_t maml_step_examples(const struct vain_job *job)
{
    return job->meta.batch * vain_inner_examples(job);
}

static const char *maml_unit(const struct vain_job *job)
{
    (void)job;
    return "tasks";
}

static double maml_step_bound(const struct vain_job *job)
{
    return vain_round_step_bound(&job->train);
}

static int64_t maml_memory_bytes(const struct vain_method_config *config)
{
    const int64_t vector = config->layout->parameter_count * (int64_t)sizeof(float);
    return 2 * vector + vain_optimiser_memory_bytes(config) + vain_meta_memory_bytes(config);
}

static void maml_close(struct vain_method *method)
{
    if (method->config.queue == NULL)
        return;
    struct maml *own = method->own;
    vain_method_release_vectors(method);
    if (own != NULL) {
        vain_optimiser_close(&own->optimiser);
        vain_meta_close(&own->meta, &method->config);
    }
    vain_release(own);
    memset(method, 0, sizeof *method);
}

static enum vain_status take_memory(struct vain_method *method, const float *initial)
{
    struct maml *own = method->own;
    VAIN_TRY(vain_method_take_vectors(method, initial));
    VAIN_TRY(vain_optimiser_open(&method->config, &own->optimiser));
    return vain_meta_open(&method->config, &own->meta);
}

static enum vain_status maml_open(const struct vain_method_config *config, const float *initial,
                                  struct vain_method *out)
{
    memset(out, 0, sizeof *out);
    out->config = *config;
    struct maml *own = NULL;
    VAIN_TRY(vain_take(sizeof *own, "the method's state", (void **)&own));
    out->own = own;
    const enum vain_status status = take_memory(out, initial);
    if (status != VAIN_OK) {
        maml_close(out);
        return status;
    }
    vain_optimiser_list(&own->optimiser, out);
    return VAIN_OK;
}

struct adaptation {
    struct vain_method *method;
    int64_t first_task;
};

static void adapt_to_task(void *context, int64_t index, int worker, struct vain_queue *queue)
{
    const struct adaptation *adaptation = context;
    const struct vain_method *method = adaptation->method;
    struct maml *own = method->own;
    struct vain_learner *learner = &own->meta.learners[worker];
    const int64_t N = method->config.layout->parameter_count;
    const int64_t task = adaptation->first_task + index;
    double support_loss;
    vain_learner_begin(learner, &own->meta.training, task, method->parameters, NULL);
    vain_learner_adapt(learner, &own->meta.training, task, 0, &support_loss);
    vain_learner_query_gradient(learner, &own->meta.training, task, &own->meta.losses[index]);
    queue->device->ops->memory.copy(queue, own->meta.results + index * N, learner->gradients,
                                    (size_t)N * sizeof(float));
}

static enum vain_status maml_step(struct vain_method *method, int64_t round, int64_t step_in_round,
                                  bool want_stop, struct vain_step_report *report)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_train_options *train = &config->job->train;
    struct maml *own = method->own;
    struct adaptation adaptation = {method, vain_meta_first_task(method)};
    struct vain_meta_step step = {
        .round = round, .step_in_round = step_in_round, .want_stop = want_stop};
    double squares = 0;
    vain_meta_run(method, &own->meta, adapt_to_task, &adaptation, &step);
    VAIN_TRY(vain_meta_mean(method, &own->meta, "gradients", &step));
    config->queue->device->ops->optimiser.sum_squares(
        config->queue, config->layout->parameter_count, method->gradients, &squares);
    *report = (struct vain_step_report){
        .loss = step.loss,
        .gradient_norm = sqrt(squares),
        .learning_rate = vain_learning_rate(train, round * train->local_steps + step_in_round),
        .stop_heard = step.want_stop,
    };
    const double limit = train->gradient_clip, norm = report->gradient_norm;
    method->optimiser_step++;
    vain_optimiser_step(&own->optimiser, method->optimiser_step, report->learning_rate,
                        limit > 0 && norm > limit ? limit / norm : 1.0, method->gradients,
                        method->parameters);
    method->data_position++;
    method->step_in_round = step_in_round + 1;
    method->loss_sum += step.loss;
    return VAIN_OK;
}

static void maml_forget(struct vain_method *method)
{
    struct maml *own = method->own;
    vain_optimiser_forget(&own->optimiser);
    method->optimiser_step = 0;
}

static enum vain_status maml_evaluate(struct vain_method *method, const float *parameters,
                                      const struct vain_method_share *share,
                                      struct vain_measure_sums *sums)
{
    struct maml *own = method->own;
    return vain_meta_evaluate(method, &own->meta, parameters, NULL, 0, share, sums);
}

const struct vain_method_ops vain_method_maml = {
    .name = "maml",
    .memory_bytes = maml_memory_bytes,
    .kept_bytes = vain_optimiser_memory_bytes,
    .step_size = maml_step_size,
    .unit = maml_unit,
    .step_examples = maml_step_examples,
    .step_bound = maml_step_bound,
    .open = maml_open,
    .step = maml_step,
    .adopt = vain_method_adopt,
    .forget = maml_forget,
    .evaluate = maml_evaluate,
    .close = maml_close,
};
