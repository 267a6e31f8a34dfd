/* Learners side by side: one loop over tasks in the device's pool, in which each worker computes on
 * a device of its own. */
#include "jobs/meta.h"

#include <math.h>
#include <string.h>

#include "base/host.h"
#include "base/memory.h"

static int64_t tests_of(const struct vain_job *job)
{
    const struct vain_meta_options *meta = &job->meta;
    return meta->final_tasks > meta->evaluation_tasks ? meta->final_tasks : meta->evaluation_tasks;
}

int64_t vain_meta_memory_bytes(const struct vain_method_config *config)
{
    const struct vain_job *job = config->job;
    const int64_t learners = job->train.threads > 0 ? job->train.threads : vain_cores();
    const int64_t vector = config->layout->parameter_count * (int64_t)sizeof(float);
    return learners * vain_learner_memory_bytes(config) +
           job->meta.batch * (vector + (int64_t)sizeof(double)) +
           tests_of(job) * (int64_t)sizeof(struct vain_judgement);
}

static enum vain_status open_learners(const struct vain_method_config *config,
                                      struct vain_meta *meta)
{
    const int threads = vain_pool_threads(config->queue->device->pool);
    VAIN_TRY(vain_team_open(threads, NULL, &meta->team));
    VAIN_TRY(
        vain_take_array(threads, sizeof *meta->learners, "learners", (void **)&meta->learners));
    for (; meta->learner_count < threads; meta->learner_count++)
        VAIN_TRY(vain_learner_open(config, &meta->team.queues[meta->learner_count],
                                   &meta->learners[meta->learner_count]));
    return VAIN_OK;
}

static enum vain_status take_results(const struct vain_method_config *config,
                                     struct vain_meta *meta)
{
    struct vain_device *device = config->queue->device;
    const int64_t tasks = config->job->meta.batch;
    const size_t bytes = (size_t)tasks * (size_t)config->layout->parameter_count * sizeof(float);
    VAIN_TRY(vain_take_array(tasks, sizeof *meta->losses, "tasks' losses", (void **)&meta->losses));
    VAIN_TRY(vain_take_array(tests_of(config->job), sizeof *meta->judgements, "tests",
                             (void **)&meta->judgements));
    return device->ops->memory.take(device, bytes, "tasks' results", (void **)&meta->results);
}

/* Whether there is all that tasks take. */
static enum vain_status check_pool(const struct vain_method_config *config,
                                   const struct vain_inner *inner)
{
    const struct vain_task_shape shape = vain_inner_shape(inner, config->job->data.way);
    return vain_class_pool_check(vain_inner_pool(inner, config->data), &shape);
}

static enum vain_status open_all(const struct vain_method_config *config, struct vain_meta *meta)
{
    if (!vain_device_is_host(config->queue->device))
        return vain_fail(VAIN_ERR_UNAVAILABLE,
                         "train.method: reptile and maml adapt on the CPU only, and this run's "
                         "device is %s; set device: cpu",
                         config->queue->device->name);
    VAIN_TRY(check_pool(config, &meta->training));
    VAIN_TRY(check_pool(config, &meta->test));
    VAIN_TRY(open_learners(config, meta));
    return take_results(config, meta);
}

enum vain_status vain_meta_open(const struct vain_method_config *config, struct vain_meta *out)
{
    memset(out, 0, sizeof *out);
    out->training = vain_inner_of_training(config->job);
    out->test = vain_inner_of_test(config->job);
    const enum vain_status status = open_all(config, out);
    if (status != VAIN_OK)
        vain_meta_close(out, config);
    return status;
}

void vain_meta_close(struct vain_meta *meta, const struct vain_method_config *config)
{
    for (int i = 0; i < meta->learner_count; i++)
        vain_learner_close(&meta->learners[i]);
    vain_release(meta->learners);
    vain_team_close(&meta->team);
    vain_release(meta->losses);
    vain_release(meta->judgements);
    if (config->queue != NULL)
        config->queue->device->ops->memory.release(config->queue->device, meta->results);
    memset(meta, 0, sizeof *meta);
}

int64_t vain_meta_first_task(const struct vain_method *method)
{
    const struct vain_comm *site = &method->config.site->comm;
    return (method->data_position * site->size + site->rank) * method->config.job->meta.batch;
}

void vain_meta_run(struct vain_method *method, struct vain_meta *meta, vain_team_task task,
                   void *context, struct vain_meta_step *step)
{
    const int64_t tasks = method->config.job->meta.batch;
    vain_team_run(&meta->team, tasks, task, context);
    step->loss = 0;
    for (int64_t i = 0; i < tasks; i++)
        step->loss += meta->losses[i];
    step->loss /= (double)tasks;
}

enum vain_status vain_meta_refuse_not_finite(const struct vain_method *method,
                                             const struct vain_meta_step *step, const char *what,
                                             const float *vector)
{
    const struct vain_method_config *config = &method->config;
    const int64_t N = config->layout->parameter_count;
    int64_t index = N;
    config->queue->device->ops->optimiser.first_not_finite(config->queue, N, vector, &index);
    if (index < N)
        return vain_fail(
            VAIN_ERR_NUMERIC,
            "member '%s', round %lld, local step %lld: the %s of slice '%s' are not "
            "finite (parameter %lld; loss %g); nothing was sent. Lower "
            "meta.inner_learning_rate, or look at the data",
            config->member_name, (long long)step->round + 1, (long long)step->step_in_round + 1,
            what, vain_layout_slice_at(config->layout, index)->name, (long long)index, step->loss);
    if (isfinite(step->loss))
        return VAIN_OK;
    return vain_fail(VAIN_ERR_NUMERIC,
                     "member '%s', round %lld, local step %lld: the loss is %g, with %s that are "
                     "finite; nothing was sent. Lower meta.inner_learning_rate, or look at the "
                     "data",
                     config->member_name, (long long)step->round + 1,
                     (long long)step->step_in_round + 1, step->loss, what);
}

enum vain_status vain_meta_mean(struct vain_method *method, const struct vain_meta *meta,
                                const char *what, struct vain_meta_step *step)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_ops *ops = config->queue->device->ops;
    const int64_t N = config->layout->parameter_count, tasks = config->job->meta.batch;
    float *mean = method->gradients;
    ops->memory.copy(config->queue, mean, meta->results, (size_t)N * sizeof(float));
    for (int64_t i = 1; i < tasks; i++)
        ops->optimiser.add(config->queue, N, meta->results + i * N, mean);
    if (tasks > 1)
        ops->optimiser.scale(config->queue, N, 1.0f / (float)tasks, mean);
    VAIN_TRY(vain_meta_refuse_not_finite(method, step, what, mean));
    if (config->site->comm.size == 1)
        return VAIN_OK;
    mean[N] = (float)step->loss;
    mean[N + 1] = step->want_stop ? 1.0f : 0.0f;
    VAIN_TRY(vain_site_average(config->site, mean));
    step->loss = (double)mean[N];
    step->want_stop = mean[N + 1] > 0;
    return vain_meta_refuse_not_finite(method, step, what, mean);
}

/* ------------------------------------------------------------------ tests */

enum { TESTS_AT_ONCE = 64 }; /* before somebody looks whether to leave off: a second or less */

struct evaluation {
    struct vain_meta *meta;
    const float *parameters, *moment;
    int64_t steps_before;
    int64_t first, stride; /* test i of this share is number first + i * stride */
    int64_t taken;         /* tests of this share before those that are taken now */
};

static void take_test(void *context, int64_t index, int worker, struct vain_queue *queue)
{
    (void)queue; /* the learner's */
    const struct evaluation *evaluation = context;
    struct vain_meta *meta = evaluation->meta;
    struct vain_learner *learner = &meta->learners[worker];
    const int64_t test = evaluation->taken + index;
    const int64_t task = evaluation->first + test * evaluation->stride;
    double loss;
    vain_learner_begin(learner, &meta->test, task, evaluation->parameters, evaluation->moment);
    vain_learner_adapt(learner, &meta->test, task, evaluation->steps_before, &loss);
    vain_learner_judge(learner, &meta->test, &meta->judgements[test]);
}

/* A test is one sample: its examples share an adaptation, so they are not independent. */
static void add_judgement(const struct vain_judgement *judgement, struct vain_measure_sums *sums)
{
    const double count = (double)judgement->count;
    vain_measure_add(sums, VAIN_MEASURE_LOSS, judgement->loss_sum / count);
    vain_measure_add(sums, VAIN_MEASURE_ACCURACY, (double)judgement->right / count);
    vain_measure_add(sums, VAIN_MEASURE_ACCURACY_TRANSDUCTIVE,
                     (double)judgement->right_seen / count);
}

enum vain_status vain_meta_evaluate(const struct vain_method *method, struct vain_meta *meta,
                                    const float *parameters, const float *moment,
                                    int64_t steps_before, const struct vain_method_share *share,
                                    struct vain_measure_sums *sums)
{
    const struct vain_meta_options *options = &method->config.job->meta;
    const int64_t tests = share->last ? options->final_tasks : options->evaluation_tasks;
    const int64_t mine = tests > share->share ? (tests - share->share - 1) / share->shares + 1 : 0;
    struct evaluation evaluation = {.meta = meta,
                                    .parameters = parameters,
                                    .moment = moment,
                                    .steps_before = steps_before,
                                    .first = share->share,
                                    .stride = share->shares};
    for (int64_t taken = 0; taken < mine; taken += TESTS_AT_ONCE) {
        if (vain_method_leaves_off(share))
            return VAIN_STOPPED;
        evaluation.taken = taken;
        vain_team_run(&meta->team, mine - taken < TESTS_AT_ONCE ? mine - taken : TESTS_AT_ONCE,
                      take_test, &evaluation);
    }
    for (int64_t i = 0; i < mine; i++)
        add_judgement(&meta->judgements[i], sums);
    return VAIN_OK;
}
