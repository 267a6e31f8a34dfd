/* The supervised method: gradient steps on the model's loss over batches of the member's own data.
 *
 *     batch -> forward, backward (accumulated) -> site average -> check finite -> clip + AdamW in
 * one pass */
#include "jobs/method.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/batches.h"
#include "jobs/optimiser.h"

/* What it has beyond struct vain_method. */
struct supervised {
    struct vain_optimiser optimiser;
    struct vain_random data_random, dropout_random;
    struct vain_batches batches;
    float *host_gradients; /* (N + 2) what the site averages; the same as gradients on the CPU; NULL
                              where the site is one rank with a GPU */
};

static int64_t supervised_step_size(const struct vain_job *job)
{
    const bool examples = job->data.images[0] != '\0' || job->data.pairs[0] != '\0';
    return job->train.batch * job->train.accumulate * (examples ? 1 : job->model.context);
}

static const char *supervised_unit(const struct vain_job *job)
{
    if (job->data.pairs[0] != '\0')
        return "sentences";
    return job->data.images[0] != '\0' ? "images" : "tokens";
}

static double supervised_step_bound(const struct vain_job *job)
{
    return vain_round_step_bound(&job->train);
}

static int64_t supervised_memory_bytes(const struct vain_method_config *config)
{
    return 2 * (int64_t)vain_method_vector_bytes(config) + vain_optimiser_memory_bytes(config) +
           vain_batches_memory_bytes(config);
}

static void supervised_close(struct vain_method *method)
{
    if (method->config.queue == NULL)
        return;
    struct supervised *own = method->own;
    struct vain_device *device = method->config.queue->device;
    vain_method_release_vectors(method);
    if (own != NULL) {
        vain_optimiser_close(&own->optimiser);
        vain_batches_close(&own->batches);
        if (own->host_gradients != NULL && !vain_device_is_host(device))
            vain_release(own->host_gradients);
    }
    vain_release(own);
    memset(method, 0, sizeof *method);
}

/* What a site of several ranks averages: host memory. */
static enum vain_status take_host_side(struct vain_method *method, size_t bytes)
{
    struct supervised *own = method->own;
    if (vain_device_is_host(method->config.queue->device)) {
        own->host_gradients = method->gradients;
        return VAIN_OK;
    }
    if (method->config.site->comm.size == 1)
        return VAIN_OK;
    return vain_take(bytes, "gradients of the host", (void **)&own->host_gradients);
}

static enum vain_status take_memory(struct vain_method *method, const float *initial)
{
    const struct vain_method_config *config = &method->config;
    struct supervised *own = method->own;
    VAIN_TRY(vain_method_take_vectors(method, initial));
    VAIN_TRY(vain_optimiser_open(config, &own->optimiser));
    VAIN_TRY(vain_batches_open(config, &own->batches));
    return take_host_side(method, vain_method_vector_bytes(config) + 2 * sizeof(float));
}

static enum vain_status supervised_open(const struct vain_method_config *config,
                                        const float *initial, struct vain_method *out)
{
    memset(out, 0, sizeof *out);
    out->config = *config;
    struct supervised *own = NULL;
    VAIN_TRY(vain_take(sizeof *own, "the method's state", (void **)&own));
    out->own = own;
    own->data_random =
        vain_random_stream(config->job->general.seed, VAIN_PURPOSE_DATA, config->member_name);
    own->dropout_random =
        vain_random_stream(config->job->general.seed, VAIN_PURPOSE_DROPOUT, config->member_name);
    const enum vain_status status = take_memory(out, initial);
    if (status != VAIN_OK) {
        supervised_close(out);
        return status;
    }
    vain_optimiser_list(&own->optimiser, out);
    return VAIN_OK;
}

/* Gradients of `accumulate` micro-batches, averaged, and their mean loss. */
static enum vain_status accumulate_gradients(struct vain_method *method, int64_t round,
                                             int64_t step_in_round, double *mean_loss)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_train_options *train = &config->job->train;
    struct supervised *own = method->own;
    const int rank = config->site->comm.rank;
    config->queue->device->ops->memory.zero(config->queue, method->gradients,
                                            vain_method_vector_bytes(config));
    double loss_sum = 0;
    for (int64_t i = 0; i < train->accumulate; i++) {
        struct vain_batch batch;
        VAIN_TRY(vain_batches_draw(&own->batches, own->data_random, method->data_position++, rank,
                                   &batch));
        const struct vain_batch_place place = {
            .dropout_random = own->dropout_random,
            .round = (uint32_t)round,
            .step = (uint32_t)step_in_round,
            .micro_batch = (uint32_t)(rank * train->accumulate + i),
        };
        double loss = 0;
        config->model_ops->forward_backward(
            config->model, config->layout, config->queue, method->parameters, &batch, &place,
            1.0f / (float)train->accumulate, own->batches.workspace, method->gradients, &loss);
        loss_sum += loss;
    }
    *mean_loss = loss_sum / (double)train->accumulate;
    return VAIN_OK;
}

/* NaN and infinity stop here, at the member that made them (promise 7). */
static enum vain_status refuse_not_finite(const struct vain_method *method, double loss,
                                          int64_t round, int64_t step_in_round)
{
    const struct vain_method_config *config = &method->config;
    const int64_t N = config->layout->parameter_count;
    int64_t index = N;
    config->queue->device->ops->optimiser.first_not_finite(config->queue, N, method->gradients,
                                                           &index);
    VAIN_TRY(vain_queue_wait(config->queue));
    if (index == N)
        return vain_fail(VAIN_ERR_NUMERIC,
                         "member '%s', round %lld, local step %lld: the loss is %g, with gradients "
                         "that are finite; nothing was sent. Lower train.learning_rate, or look at "
                         "the data",
                         config->member_name, (long long)round + 1, (long long)step_in_round + 1,
                         loss);
    return vain_fail(VAIN_ERR_NUMERIC,
                     "member '%s', round %lld, local step %lld: the gradient of slice '%s' is not "
                     "finite (parameter %lld; loss %g); nothing was sent. Lower "
                     "train.learning_rate, set train.gradient_clip, or look at the data",
                     config->member_name, (long long)round + 1, (long long)step_in_round + 1,
                     vain_layout_slice_at(config->layout, index)->name, (long long)index, loss);
}

/* Sum of squares of the gradients; a value that is not finite ends the step here. */
static enum vain_status measure_gradients(struct vain_method *method, double loss, int64_t round,
                                          int64_t step_in_round, double *squares)
{
    const struct vain_method_config *config = &method->config;
    config->queue->device->ops->optimiser.sum_squares(
        config->queue, config->layout->parameter_count, method->gradients, squares);
    VAIN_TRY(vain_queue_wait(config->queue));
    if (isfinite(*squares) && isfinite(loss))
        return VAIN_OK;
    return refuse_not_finite(method, loss, round, step_in_round);
}

static void apply_step(struct vain_method *method, double learning_rate, double norm)
{
    struct supervised *own = method->own;
    const double limit = method->config.job->train.gradient_clip;
    method->optimiser_step++;
    vain_optimiser_step(&own->optimiser, method->optimiser_step, learning_rate,
                        limit > 0 && norm > limit ? limit / norm : 1.0, method->gradients,
                        method->parameters);
}

/* Gradients, loss and the wish to stop of all ranks of the site, in host memory. */
static enum vain_status average_in_site(struct vain_method *method, double *loss, bool *stop)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_memory_ops *memory = &config->queue->device->ops->memory;
    const struct supervised *own = method->own;
    const int64_t N = config->layout->parameter_count;
    const bool on_host = own->host_gradients == method->gradients;
    float *gradients = own->host_gradients;
    if (!on_host)
        memory->copy_out(config->queue, gradients, method->gradients,
                         vain_method_vector_bytes(config));
    VAIN_TRY(vain_queue_wait(config->queue));
    gradients[N] = (float)*loss;
    gradients[N + 1] = *stop ? 1.0f : 0.0f;
    VAIN_TRY(vain_site_average(config->site, gradients));
    *loss = (double)gradients[N];
    *stop = gradients[N + 1] > 0;
    if (!on_host)
        memory->copy_in(config->queue, method->gradients, gradients,
                        vain_method_vector_bytes(config));
    return VAIN_OK;
}

static enum vain_status supervised_step(struct vain_method *method, int64_t round,
                                        int64_t step_in_round, bool want_stop,
                                        struct vain_step_report *report)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_train_options *train = &config->job->train;
    double loss = NAN, squares = 0;
    VAIN_TRY(accumulate_gradients(method, round, step_in_round, &loss));
    VAIN_TRY(measure_gradients(method, loss, round, step_in_round, &squares));
    report->stop_heard = want_stop;
    if (config->site->comm.size > 1) {
        VAIN_TRY(average_in_site(method, &loss, &report->stop_heard));
        VAIN_TRY(measure_gradients(method, loss, round, step_in_round, &squares));
    }
    report->loss = loss;
    report->gradient_norm = sqrt(squares);
    report->learning_rate = vain_learning_rate(train, round * train->local_steps + step_in_round);
    apply_step(method, report->learning_rate, report->gradient_norm);
    method->step_in_round = step_in_round + 1;
    method->loss_sum += loss;
    return VAIN_OK;
}

static void supervised_forget(struct vain_method *method)
{
    struct supervised *own = method->own;
    vain_optimiser_forget(&own->optimiser);
    method->optimiser_step = 0;
}

static enum vain_status supervised_evaluate(struct vain_method *method, const float *parameters,
                                            const struct vain_method_share *share,
                                            struct vain_measure_sums *sums)
{
    struct supervised *own = method->own;
    return vain_batches_evaluate(&own->batches, parameters, share, sums);
}

const struct vain_method_ops vain_method_supervised = {
    .name = "supervised",
    .memory_bytes = supervised_memory_bytes,
    .kept_bytes = vain_optimiser_memory_bytes,
    .step_size = supervised_step_size,
    .unit = supervised_unit,
    .step_bound = supervised_step_bound,
    .forget = supervised_forget,
    .evaluate = supervised_evaluate,
    .open = supervised_open,
    .step = supervised_step,
    .adopt = vain_method_adopt,
    .close = supervised_close,
};
