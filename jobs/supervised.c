/* The supervised method: gradient steps on the model's loss over batches of the member's own data.
 *
 *     batch -> forward, backward (accumulated) -> site average -> check finite -> clip + AdamW in
 * one pass */
#include "jobs/method.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static size_t parameter_bytes(const struct vain_method_config *config, int vectors)
{
    return (size_t)vectors * (size_t)config->layout->parameter_count * sizeof(float);
}

static size_t workspace_bytes(const struct vain_method_config *config)
{
    return config->model_ops->workspace_bytes(config->model, config->job->train.batch,
                                              config->model->context, true);
}

static int64_t supervised_memory_bytes(const struct vain_method_config *config)
{
    const int64_t window_bytes =
        config->job->train.batch * config->model->context * (int64_t)sizeof(int32_t);
    return (int64_t)parameter_bytes(config, 4) + (int64_t)workspace_bytes(config) +
           2 * window_bytes;
}

static void supervised_close(struct vain_method *method)
{
    if (method->config.queue == NULL)
        return;
    struct vain_device *device = method->config.queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    memory->release(device, method->parameters);
    memory->release(device, method->gradients);
    memory->release(device, method->moment1);
    memory->release(device, method->moment2);
    memory->release(device, method->tokens);
    memory->release(device, method->targets);
    memory->release(device, method->workspace);
    if (method->host_gradients != method->gradients)
        vain_release(method->host_gradients);
    if (!vain_device_is_host(device)) {
        vain_release(method->host_tokens);
        vain_release(method->host_targets);
    }
    vain_release(method->segments);
    memset(method, 0, sizeof *method);
}

/* Where batches are made, and what a site of several ranks averages: host memory. */
static enum vain_status take_host_side(struct vain_method *method, size_t window, size_t gradients)
{
    if (vain_device_is_host(method->config.queue->device)) {
        method->host_tokens = method->tokens;
        method->host_targets = method->targets;
        method->host_gradients = method->gradients;
        return VAIN_OK;
    }
    VAIN_TRY(vain_take(window, "tokens of the host", (void **)&method->host_tokens));
    VAIN_TRY(vain_take(window, "targets of the host", (void **)&method->host_targets));
    if (method->config.site->comm.size == 1)
        return VAIN_OK;
    return vain_take(gradients, "gradients of the host", (void **)&method->host_gradients);
}

void vain_batch_send(struct vain_queue *queue, int64_t count, const int32_t *host_symbols,
                     int32_t *symbols)
{
    if (symbols != host_symbols)
        queue->device->ops->memory.copy_in(queue, symbols, host_symbols,
                                           (size_t)count * sizeof *symbols);
}

static enum vain_status take_vectors(struct vain_method *method)
{
    const struct vain_method_config *config = &method->config;
    struct vain_device *device = config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    const size_t vector = parameter_bytes(config, 1);
    const size_t window =
        (size_t)(config->job->train.batch * config->model->context) * sizeof(int32_t);
    VAIN_TRY(memory->take(device, vector, "parameters", (void **)&method->parameters));
    VAIN_TRY(
        memory->take(device, vector + 2 * sizeof(float), "gradients", (void **)&method->gradients));
    VAIN_TRY(memory->take(device, vector, "first moments", (void **)&method->moment1));
    VAIN_TRY(memory->take(device, vector, "second moments", (void **)&method->moment2));
    VAIN_TRY(memory->take(device, window, "tokens", (void **)&method->tokens));
    VAIN_TRY(memory->take(device, window, "targets", (void **)&method->targets));
    VAIN_TRY(memory->take(device, workspace_bytes(config), "activations", &method->workspace));
    return take_host_side(method, window, vector + 2 * sizeof(float));
}

/* One segment a run of slices with equal decay. */
static enum vain_status make_segments(struct vain_method *method)
{
    const struct vain_layout *layout = method->config.layout;
    const float decay = (float)method->config.job->train.weight_decay;
    VAIN_TRY(vain_take_array(layout->slice_count, sizeof *method->segments, "weight decay segments",
                             (void **)&method->segments));
    VAIN_ASSERT(method->segments != NULL);
    for (int i = 0; i < layout->slice_count; i++) {
        const struct vain_slice *slice = &layout->slices[i];
        const float own = slice->weight_decay ? decay : 0.0f;
        struct vain_segment *last =
            method->segment_count > 0 ? &method->segments[method->segment_count - 1] : NULL;
        if (last != NULL && last->weight_decay == own &&
            last->offset + last->count == slice->offset)
            last->count += slice->count;
        else
            method->segments[method->segment_count++] = (struct vain_segment){
                .offset = slice->offset, .count = slice->count, .weight_decay = own};
    }
    return VAIN_OK;
}

static enum vain_status supervised_open(const struct vain_method_config *config,
                                        const float *initial, struct vain_method *out)
{
    memset(out, 0, sizeof *out);
    out->config = *config;
    out->data_random =
        vain_random_stream(config->job->general.seed, VAIN_PURPOSE_DATA, config->member_name);
    out->dropout_random =
        vain_random_stream(config->job->general.seed, VAIN_PURPOSE_DROPOUT, config->member_name);
    enum vain_status status = take_vectors(out);
    if (status == VAIN_OK)
        status = make_segments(out);
    if (status != VAIN_OK) {
        supervised_close(out);
        return status;
    }
    config->queue->device->ops->memory.copy(config->queue, out->parameters, initial,
                                            parameter_bytes(config, 1));
    return VAIN_OK;
}

/* Gradients of `accumulate` micro-batches, averaged, and their mean loss. */
static enum vain_status accumulate_gradients(struct vain_method *method, int64_t round,
                                             int64_t step_in_round, double *mean_loss)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_train_options *train = &config->job->train;
    const int rank = config->site->comm.rank;
    const int64_t T = config->model->context;
    config->queue->device->ops->memory.zero(config->queue, method->gradients,
                                            parameter_bytes(config, 1));
    double loss_sum = 0;
    for (int64_t i = 0; i < train->accumulate; i++) {
        VAIN_TRY(vain_corpus_batch(config->corpus, method->data_random, method->data_position++,
                                   rank, train->batch, T, method->host_tokens,
                                   method->host_targets));
        vain_batch_send(config->queue, train->batch * T, method->host_tokens, method->tokens);
        vain_batch_send(config->queue, train->batch * T, method->host_targets, method->targets);
        const struct vain_batch batch = {train->batch, T, method->tokens, method->targets};
        const struct vain_place place = {
            .dropout_random = method->dropout_random,
            .round = (uint32_t)round,
            .step = (uint32_t)step_in_round,
            .micro_batch = (uint32_t)(rank * train->accumulate + i),
        };
        double loss = 0;
        config->model_ops->forward_backward(
            config->model, config->layout, config->queue, method->parameters, &batch, &place,
            1.0f / (float)train->accumulate, method->workspace, method->gradients, &loss);
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
    const struct vain_method_config *config = &method->config;
    const struct vain_train_options *train = &config->job->train;
    const double limit = train->gradient_clip;
    method->optimiser_step++;
    const double steps = (double)method->optimiser_step;
    const struct vain_adamw adamw = {
        .learning_rate = (float)learning_rate,
        .beta1 = (float)train->beta1,
        .beta2 = (float)train->beta2,
        .epsilon = 1e-8f,
        .gradient_scale = limit > 0 && norm > limit ? (float)(limit / norm) : 1.0f,
        .correction1 = (float)(1.0 - pow(train->beta1, steps)),
        .correction2 = (float)(1.0 - pow(train->beta2, steps)),
        .segments = method->segments,
        .segment_count = method->segment_count,
    };
    config->queue->device->ops->optimiser.adamw(config->queue, &adamw, method->gradients,
                                                method->parameters, method->moment1,
                                                method->moment2);
}

/* Gradients, loss and the wish to stop of all ranks of the site, in host memory. */
static enum vain_status average_in_site(struct vain_method *method, double *loss, bool *stop)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_memory_ops *memory = &config->queue->device->ops->memory;
    const int64_t N = config->layout->parameter_count;
    const bool on_host = method->host_gradients == method->gradients;
    float *gradients = method->host_gradients;
    if (!on_host)
        memory->copy_out(config->queue, gradients, method->gradients, parameter_bytes(config, 1));
    VAIN_TRY(vain_queue_wait(config->queue));
    gradients[N] = (float)*loss;
    gradients[N + 1] = *stop ? 1.0f : 0.0f;
    VAIN_TRY(vain_site_average(config->site, gradients));
    *loss = (double)gradients[N];
    *stop = gradients[N + 1] > 0;
    if (!on_host)
        memory->copy_in(config->queue, method->gradients, gradients, parameter_bytes(config, 1));
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

static void supervised_adopt(struct vain_method *method, const float *parameters)
{
    const struct vain_method_config *config = &method->config;
    config->queue->device->ops->memory.copy(config->queue, method->parameters, parameters,
                                            parameter_bytes(config, 1));
    method->step_in_round = 0;
    method->loss_sum = 0;
}

const struct vain_method_ops vain_method_supervised = {
    .name = "supervised",
    .memory_bytes = supervised_memory_bytes,
    .open = supervised_open,
    .step = supervised_step,
    .adopt = supervised_adopt,
    .close = supervised_close,
};
