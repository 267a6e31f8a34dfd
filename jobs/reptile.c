/* Reptile (Nichol, Achiam and Schulman, "On First-Order Meta-Learning Algorithms", 2018): adapt to
 * some tasks, go toward the mean of what came out.
 *
 *     parameters += step * (mean over tasks of adapted(parameters) - parameters)
 *
 * Adam adapts without a first moment, and its second moments are carried on from task to task. The
 * published program adapts to one task after the other. Here the tasks of a meta-iteration all
 * start from the same second moments, so that they can be adapted to side by side, and what is
 * carried on is what one after the other would have left of their gradients: a task of k steps that
 * went from v to w has added w - beta2^k v, so
 *
 *     next = v;  for each task: next = beta2^k next + (w - beta2^k v)
 *
 * With one task a meta-iteration this is the published rule. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/meta.h"

/* What it has beyond struct vain_method. */
struct reptile {
    struct vain_meta meta;
    /* Device memory; all NULL with sgd. */
    float *moment, *next_moment; /* (N) Adam's second, and while a step runs the next one */
    float *task_moments;         /* (meta.batch, N) what each task left */
};

static int64_t reptile_step_size(const struct vain_job *job)
{
    return job->meta.batch;
}

static int64_t reptile_step_examples(const struct vain_job *job)
{
    return job->meta.batch * vain_inner_examples(job);
}

static const char *reptile_unit(const struct vain_job *job)
{
    (void)job;
    return "tasks";
}

/* An inner step of Adam moves a parameter by about its learning rate; sgd does where gradients are
 * below one. */
static double reptile_step_bound(const struct vain_job *job)
{
    const double steps = (double)(job->train.local_steps * job->meta.inner_iterations);
    return steps * job->meta.inner_learning_rate;
}

static bool keeps_moment(const struct vain_method_config *config)
{
    return config->job->meta.inner_optimizer == VAIN_INNER_ADAM;
}

static int64_t reptile_kept_bytes(const struct vain_method_config *config)
{
    return keeps_moment(config) ? config->layout->parameter_count * (int64_t)sizeof(float) : 0;
}

static int64_t reptile_memory_bytes(const struct vain_method_config *config)
{
    const int64_t vector = config->layout->parameter_count * (int64_t)sizeof(float);
    const int64_t moments = keeps_moment(config) ? 2 + config->job->meta.batch : 0;
    return (2 + moments) * vector + vain_meta_memory_bytes(config);
}

static void reptile_close(struct vain_method *method)
{
    if (method->config.queue == NULL)
        return;
    struct reptile *own = method->own;
    struct vain_device *device = method->config.queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    vain_method_release_vectors(method);
    if (own != NULL) {
        memory->release(device, own->moment);
        memory->release(device, own->next_moment);
        memory->release(device, own->task_moments);
        vain_meta_close(&own->meta, &method->config);
    }
    vain_release(own);
    memset(method, 0, sizeof *method);
}

/* The gradients' place takes the mean of the adapted parameters. */
static enum vain_status take_vectors(struct vain_method *method, const float *initial)
{
    const struct vain_method_config *config = &method->config;
    struct reptile *own = method->own;
    struct vain_device *device = config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    const size_t vector = (size_t)config->layout->parameter_count * sizeof(float);
    VAIN_TRY(vain_method_take_vectors(method, initial));
    if (!keeps_moment(config))
        return VAIN_OK;
    VAIN_TRY(memory->take(device, vector, "second moments", (void **)&own->moment));
    VAIN_TRY(memory->take(device, vector, "second moments", (void **)&own->next_moment));
    return memory->take(device, (size_t)config->job->meta.batch * vector, "tasks' second moments",
                        (void **)&own->task_moments);
}

static enum vain_status reptile_open(const struct vain_method_config *config, const float *initial,
                                     struct vain_method *out)
{
    memset(out, 0, sizeof *out);
    out->config = *config;
    const int64_t N = config->layout->parameter_count;
    struct reptile *own = NULL;
    VAIN_TRY(vain_take(sizeof *own, "the method's state", (void **)&own));
    out->own = own;
    enum vain_status status = take_vectors(out, initial);
    if (status == VAIN_OK)
        status = vain_meta_open(&out->config, &own->meta);
    if (status != VAIN_OK) {
        reptile_close(out);
        return status;
    }
    if (own->moment != NULL) {
        out->memories[0] = (struct vain_member_memory){
            "moment2", "second moment of the inner optimiser", own->moment, N};
        out->memory_count = 1;
    }
    return VAIN_OK;
}

/* ------------------------------------------------------------------ a step */

struct adaptation {
    struct vain_method *method;
    int64_t first_task;
};

static void adapt_to_task(void *context, int64_t index, int worker, struct vain_queue *queue)
{
    const struct adaptation *adaptation = context;
    const struct vain_method *method = adaptation->method;
    struct reptile *own = method->own;
    struct vain_learner *learner = &own->meta.learners[worker];
    const struct vain_memory_ops *memory = &queue->device->ops->memory;
    const int64_t N = method->config.layout->parameter_count;
    const int64_t task = adaptation->first_task + index;
    vain_learner_begin(learner, &own->meta.training, task, method->parameters, own->moment);
    vain_learner_adapt(learner, &own->meta.training, task, method->optimiser_step,
                       &own->meta.losses[index]);
    memory->copy(queue, own->meta.results + index * N, learner->parameters,
                 (size_t)N * sizeof(float));
    if (own->moment != NULL)
        memory->copy(queue, own->task_moments + index * N, learner->moment,
                     (size_t)N * sizeof(float));
}

/* The second moments that the tasks leave, one after the other; see above. */
static void carry_moments(struct vain_method *method)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_meta_options *meta = &config->job->meta;
    const struct reptile *own = method->own;
    const struct vain_ops *ops = config->queue->device->ops;
    const int64_t N = config->layout->parameter_count;
    const float kept = (float)pow(meta->inner_beta2, (double)meta->inner_iterations);
    ops->memory.copy(config->queue, own->next_moment, own->task_moments, (size_t)N * sizeof(float));
    for (int64_t i = 1; i < meta->batch; i++) {
        ops->optimiser.scale(config->queue, N, kept, own->next_moment);
        ops->optimiser.add(config->queue, N, own->task_moments + i * N, own->next_moment);
        ops->optimiser.outer_step(config->queue, N, kept, 0.0f, false, own->moment, NULL,
                                  own->next_moment);
    }
}

/* Ranks of a site carry on the mean of their moments, so that one of them can save it for all.
 * Uses the gradients' memory. */
static enum vain_status average_moments(struct vain_method *method)
{
    const struct vain_method_config *config = &method->config;
    const struct reptile *own = method->own;
    const struct vain_memory_ops *memory = &config->queue->device->ops->memory;
    const size_t bytes = (size_t)config->layout->parameter_count * sizeof(float);
    if (config->site->comm.size == 1)
        return VAIN_OK;
    memory->copy(config->queue, method->gradients, own->next_moment, bytes);
    VAIN_TRY(vain_site_average(config->site, method->gradients));
    memory->copy(config->queue, own->next_moment, method->gradients, bytes);
    return VAIN_OK;
}

static enum vain_status carry_on(struct vain_method *method, const struct vain_meta_step *step)
{
    const struct reptile *own = method->own;
    if (own->moment == NULL)
        return VAIN_OK;
    carry_moments(method);
    VAIN_TRY(vain_meta_refuse_not_finite(method, step, "second moments", own->next_moment));
    return average_moments(method);
}

static double step_size_at(const struct vain_job *job, int64_t step)
{
    const double done = (double)step / (double)(job->train.rounds * job->train.local_steps);
    return done * job->meta.step_final + (1.0 - done) * job->meta.step;
}

/* What a step leaves behind; nothing fails from here on. */
static void move(struct vain_method *method, double step_size)
{
    const struct vain_method_config *config = &method->config;
    struct reptile *own = method->own;
    config->queue->device->ops->optimiser.move(config->queue, config->layout->parameter_count,
                                               (float)step_size, method->gradients,
                                               method->parameters);
    if (own->moment != NULL)
        config->queue->device->ops->memory.copy(config->queue, own->moment, own->next_moment,
                                                (size_t)config->layout->parameter_count *
                                                    sizeof(float));
    method->optimiser_step += config->job->meta.batch * config->job->meta.inner_iterations;
    method->data_position++;
}

static enum vain_status reptile_step(struct vain_method *method, int64_t round,
                                     int64_t step_in_round, bool want_stop,
                                     struct vain_step_report *report)
{
    const struct vain_job *job = method->config.job;
    struct reptile *own = method->own;
    struct adaptation adaptation = {method, vain_meta_first_task(method)};
    struct vain_meta_step step = {
        .round = round, .step_in_round = step_in_round, .want_stop = want_stop};
    vain_meta_run(method, &own->meta, adapt_to_task, &adaptation, &step);
    VAIN_TRY(carry_on(method, &step));
    VAIN_TRY(vain_meta_mean(method, &own->meta, "adapted parameters", &step));
    *report = (struct vain_step_report){
        .loss = step.loss,
        .gradient_norm = NAN,
        .learning_rate = step_size_at(job, round * job->train.local_steps + step_in_round),
        .stop_heard = step.want_stop,
    };
    move(method, report->learning_rate);
    method->step_in_round = step_in_round + 1;
    method->loss_sum += step.loss;
    return VAIN_OK;
}

static void reptile_forget(struct vain_method *method)
{
    const struct vain_method_config *config = &method->config;
    const struct reptile *own = method->own;
    if (own->moment != NULL)
        config->queue->device->ops->memory.zero(
            config->queue, own->moment, (size_t)config->layout->parameter_count * sizeof(float));
    method->optimiser_step = 0;
}

/* Learners work on copies: the moments after a test are those from before it, as published. */
static enum vain_status reptile_evaluate(struct vain_method *method, const float *parameters,
                                         const struct vain_method_share *share,
                                         struct vain_measure_sums *sums)
{
    struct reptile *own = method->own;
    return vain_meta_evaluate(method, &own->meta, parameters, own->moment, method->optimiser_step,
                              share, sums);
}

const struct vain_method_ops vain_method_reptile = {
    .name = "reptile",
    .measures_with_memories = true,
    .memory_bytes = reptile_memory_bytes,
    .kept_bytes = reptile_kept_bytes,
    .step_size = reptile_step_size,
    .unit = reptile_unit,
    .step_examples = reptile_step_examples,
    .step_bound = reptile_step_bound,
    .open = reptile_open,
    .step = reptile_step,
    .adopt = vain_method_adopt,
    .forget = reptile_forget,
    .evaluate = reptile_evaluate,
    .close = reptile_close,
};
