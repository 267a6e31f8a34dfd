/* Federated averaging (McMahan, Moore, Ramage, Hampson & Aguera y Arcas 2017, algorithm 1).
 *
 * A member plays data.clients / members clients. In a round it trains train.local_steps of them,
 * one a local step, each from the round's common parameters for fedavg.epochs epochs of SGD on the
 * client's examples. What the members exchange is
 *
 *     delta = sum over the trained clients k of n_k (common - w_k) / unit
 *
 * with n_k the client's examples and `unit` an agreed number; the sum of the n_k travels as the
 * masked weight, so that the round can divide by it: weighting by examples happens inside the sum,
 * and nobody learns another member's count. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/batches.h"
#include "jobs/data/draw.h"
#include "jobs/data/order.h"
#include "jobs/optimiser.h"

struct fedavg {
    float *start;  /* (N) the round's common parameters */
    float *client; /* (N) of the client that is being trained */
    struct vain_optimiser optimiser;
    struct vain_batches batches;
    struct vain_random order_random, choice_random, dropout_random;
    int64_t *chosen; /* (local_steps) own clients of the round that was asked for last */
};

static int64_t fedavg_memory_bytes(const struct vain_method_config *config)
{
    return 4 * (int64_t)vain_method_vector_bytes(config) + vain_optimiser_memory_bytes(config) +
           vain_batches_memory_bytes(config);
}

static int64_t fedavg_step_size(const struct vain_job *job)
{
    (void)job;
    return 1;
}

static const char *fedavg_unit(const struct vain_job *job)
{
    (void)job;
    return "clients";
}

/* SGD has no bound; a gradient of one is taken for it. What does not fit stays in the residual, is
 * told, and widens the range of the next round. */
static double fedavg_step_bound(const struct vain_job *job)
{
    return job->train.learning_rate;
}

/* What a member's clients of a round have together, if all have equally many examples. */
static double fedavg_weight_unit(const struct vain_method_config *config)
{
    const struct vain_job *job = config->job;
    const struct vain_image_data *data = &config->data->images;
    const double examples = job->fedavg.client_examples > 0
                                ? (double)job->fedavg.client_examples
                                : (double)data->train.count / (double)data->clients.client_count;
    return examples * (double)job->train.local_steps;
}

static void fedavg_close(struct vain_method *method)
{
    if (method->config.queue == NULL)
        return;
    struct fedavg *own = method->own;
    struct vain_device *device = method->config.queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    vain_method_release_vectors(method);
    if (own != NULL) {
        memory->release(device, own->start);
        memory->release(device, own->client);
        vain_optimiser_close(&own->optimiser);
        vain_batches_close(&own->batches);
        vain_release(own->chosen);
    }
    vain_release(own);
    memset(method, 0, sizeof *method);
}

static enum vain_status check(const struct vain_method_config *config)
{
    const int64_t steps = config->job->train.local_steps;
    if (config->data->kind != VAIN_DATA_IMAGES)
        return vain_fail(VAIN_ERR_INPUT,
                         "train.method: fedavg trains on labelled images; give data.images");
    if (config->site->comm.size > 1)
        return vain_fail(VAIN_ERR_INPUT,
                         "site: a site of %d ranks, but fedavg trains a client on one; use site: "
                         "rank",
                         config->site->comm.size);
    if (steps > config->data->images.client_count)
        return vain_fail(VAIN_ERR_INPUT,
                         "train.local_steps: %lld clients a round and member, but a member has %d "
                         "of the %lld (data.clients)",
                         (long long)steps, config->data->images.client_count,
                         (long long)config->job->data.clients);
    return VAIN_OK;
}

static enum vain_status take_memory(struct vain_method *method, const float *initial)
{
    const struct vain_method_config *config = &method->config;
    struct fedavg *own = method->own;
    struct vain_device *device = config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    const size_t vector = vain_method_vector_bytes(config);
    VAIN_TRY(vain_method_take_vectors(method, initial));
    VAIN_TRY(memory->take(device, vector, "a round's start", (void **)&own->start));
    VAIN_TRY(memory->take(device, vector, "a client's parameters", (void **)&own->client));
    VAIN_TRY(vain_take_array(config->job->train.local_steps, sizeof *own->chosen,
                             "clients of a round", (void **)&own->chosen));
    VAIN_TRY(vain_optimiser_open(config, &own->optimiser));
    return vain_batches_open(config, &own->batches);
}

static enum vain_status fedavg_open(const struct vain_method_config *config, const float *initial,
                                    struct vain_method *out)
{
    const uint64_t seed = config->job->general.seed;
    memset(out, 0, sizeof *out);
    VAIN_TRY(check(config));
    out->config = *config;
    struct fedavg *own = NULL;
    VAIN_TRY(vain_take(sizeof *own, "the method's state", (void **)&own));
    out->own = own;
    own->order_random = vain_random_stream(seed, VAIN_PURPOSE_DATA, config->member_name);
    own->choice_random = vain_random_stream(seed, VAIN_PURPOSE_CLIENTS, config->member_name);
    own->dropout_random = vain_random_stream(seed, VAIN_PURPOSE_DROPOUT, config->member_name);
    const enum vain_status status = take_memory(out, initial);
    if (status != VAIN_OK) {
        fedavg_close(out);
        return status;
    }
    config->queue->device->ops->memory.copy(config->queue, own->start, out->parameters,
                                            vain_method_vector_bytes(config));
    return VAIN_OK;
}

/* Number of the input that is being trained, from 0: one a round, unless inputs were dropped since
 * they had been promised to another set of members. Clients and orders follow it and not the round,
 * so that what was summed with one set never goes to another. */
static int64_t input_of(const struct vain_method *method)
{
    const struct vain_train_options *train = &method->config.job->train;
    const int64_t begun = method->data_position - method->step_in_round * train->accumulate;
    const int64_t batches = train->local_steps * train->accumulate;
    return (begun + batches - 1) / batches;
}

/* Which of its own clients a member trains for an input: as many as local steps, each at most once,
 * all subsets equally likely. */
static void choose(const struct vain_method *method, int64_t input)
{
    const struct fedavg *own = method->own;
    struct vain_draw draw = vain_draw_start(own->choice_random, (uint32_t)input, 0);
    vain_draw_subset(&draw, method->config.data->images.client_count,
                     method->config.job->train.local_steps, own->chosen);
}

static int64_t examples_of(const struct vain_method *method, int64_t client)
{
    int64_t count;
    (void)vain_image_data_client(&method->config.data->images, (int)client, &count);
    return count;
}

static int64_t fedavg_weight(const struct vain_method *method, int64_t round)
{
    const struct fedavg *own = method->own;
    int64_t examples = 0;
    (void)round;
    choose(method, input_of(method));
    for (int64_t s = 0; s < method->config.job->train.local_steps; s++)
        examples += examples_of(method, own->chosen[s]);
    return examples;
}

/* Epochs of SGD from the round's start. Gives the mean loss over all batches. */
static double train_client(struct vain_method *method, int64_t input, int64_t client,
                           double learning_rate)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_memory_ops *memory = &config->queue->device->ops->memory;
    struct fedavg *own = method->own;
    const int64_t batches = vain_order_batch_count(examples_of(method, client), own->batches.B);
    const int64_t epochs = config->job->fedavg.epochs;
    double loss_sum = 0;
    memory->copy(config->queue, own->client, own->start, vain_method_vector_bytes(config));
    vain_optimiser_forget(&own->optimiser);
    for (int64_t i = 0; i < epochs * batches; i++) {
        struct vain_batch batch;
        double loss = 0;
        const struct vain_batch_place place = {.dropout_random = own->dropout_random,
                                               .round = (uint32_t)input,
                                               .step = (uint32_t)i,
                                               .micro_batch = (uint32_t)client};
        memory->zero(config->queue, method->gradients, vain_method_vector_bytes(config));
        vain_batches_draw_client(&own->batches, own->order_random, (int)client,
                                 input * epochs + i / batches, i % batches, &batch);
        config->model_ops->forward_backward(config->model, config->layout, config->queue,
                                            own->client, &batch, &place, 1.0f,
                                            own->batches.workspace, method->gradients, &loss);
        vain_optimiser_step(&own->optimiser, i + 1, learning_rate, 1.0, method->gradients,
                            own->client);
        loss_sum += loss;
    }
    return loss_sum / (double)(epochs * batches);
}

/* NaN and infinity stop here, at the member that made them (promise 7). */
static enum vain_status refuse_not_finite(const struct vain_method *method, int64_t round,
                                          int64_t client, double loss)
{
    const struct vain_method_config *config = &method->config;
    const struct fedavg *own = method->own;
    const int64_t N = config->layout->parameter_count;
    int64_t index = N;
    config->queue->device->ops->optimiser.first_not_finite(config->queue, N, own->client, &index);
    if (index == N && isfinite(loss))
        return VAIN_OK;
    return vain_fail(VAIN_ERR_NUMERIC,
                     "member '%s', round %lld: client %lld of its own came to a loss of %g and "
                     "parameters that are not finite%s%s; nothing was sent. Lower "
                     "train.learning_rate, or look at the data",
                     config->member_name, (long long)round + 1, (long long)client, loss,
                     index < N ? ", first in slice " : "",
                     index < N ? vain_layout_slice_at(config->layout, index)->name : "");
}

static enum vain_status fedavg_step(struct vain_method *method, int64_t round,
                                    int64_t step_in_round, bool want_stop,
                                    struct vain_step_report *report)
{
    const struct vain_method_config *config = &method->config;
    const struct vain_train_options *train = &config->job->train;
    const struct vain_optimiser_ops *ops = &config->queue->device->ops->optimiser;
    struct fedavg *own = method->own;
    const int64_t N = config->layout->parameter_count;
    report->stop_heard = want_stop;
    report->learning_rate = vain_learning_rate(train, round * train->local_steps + step_in_round);
    report->gradient_norm = NAN;
    const int64_t input = input_of(method);
    choose(method, input);
    const int64_t client = own->chosen[step_in_round];
    report->loss = train_client(method, input, client, report->learning_rate);
    VAIN_TRY(refuse_not_finite(method, round, client, report->loss));
    /* parameters += n_k / unit * (client - start): the product of SGD's step, twice. */
    const double weight = (double)examples_of(method, client) / fedavg_weight_unit(config);
    const struct vain_sgd less = {.learning_rate = 1, .gradient_scale = 1};
    const struct vain_sgd plus = {.learning_rate = (float)-weight, .gradient_scale = 1};
    ops->sgd(config->queue, N, &less, own->start, own->client, NULL);
    ops->sgd(config->queue, N, &plus, own->client, method->parameters, NULL);
    method->data_position += train->accumulate;
    method->step_in_round = step_in_round + 1;
    method->loss_sum += report->loss;
    return VAIN_OK;
}

static void fedavg_adopt(struct vain_method *method, const float *parameters)
{
    const struct vain_method_config *config = &method->config;
    struct fedavg *own = method->own;
    vain_method_adopt(method, parameters);
    config->queue->device->ops->memory.copy(config->queue, own->start, parameters,
                                            vain_method_vector_bytes(config));
}

/* A client starts without memory; so does a member. */
static void fedavg_forget(struct vain_method *method)
{
    (void)method;
}

static enum vain_status fedavg_evaluate(struct vain_method *method, const float *parameters,
                                        const struct vain_method_share *share,
                                        struct vain_measure_sums *sums)
{
    struct fedavg *own = method->own;
    return vain_batches_evaluate(&own->batches, parameters, share, sums);
}

const struct vain_method_ops vain_method_fedavg = {
    .name = "fedavg",
    .memory_bytes = fedavg_memory_bytes,
    .step_size = fedavg_step_size,
    .unit = fedavg_unit,
    .step_bound = fedavg_step_bound,
    .weight = fedavg_weight,
    .weight_unit = fedavg_weight_unit,
    .open = fedavg_open,
    .step = fedavg_step,
    .adopt = fedavg_adopt,
    .forget = fedavg_forget,
    .evaluate = fedavg_evaluate,
    .close = fedavg_close,
};
