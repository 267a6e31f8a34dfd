/* Adapting to a task as the published program does it: the support is shuffled and cut into
 * batches, and when it is used up it is shuffled again, so a batch may reach over the end of one
 * order into the next (Nichol, Achiam and Schulman 2018). */
#include "jobs/learner.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/data/draw.h"

struct vain_inner vain_inner_of_training(const struct vain_job *job)
{
    const struct vain_meta_options *meta = &job->meta;
    return (struct vain_inner){
        .shot = meta->train_shots > 0 ? meta->train_shots : job->data.shot,
        .query = job->train.method == VAIN_METHOD_MAML ? job->data.query : 0,
        .batch = meta->inner_batch,
        .iterations = meta->inner_iterations,
    };
}

struct vain_inner vain_inner_of_test(const struct vain_job *job)
{
    const struct vain_meta_options *meta = &job->meta;
    return (struct vain_inner){
        .shot = job->data.shot,
        .query = job->data.query,
        .batch = meta->evaluation_batch,
        .iterations = meta->evaluation_iterations,
        .test = true,
    };
}

struct vain_task_shape vain_inner_shape(const struct vain_inner *inner, int64_t way)
{
    return (struct vain_task_shape){(int)way, (int)inner->shot, (int)inner->query};
}

const struct vain_class_pool *vain_inner_pool(const struct vain_inner *inner,
                                              const struct vain_data *data)
{
    return inner->test ? &data->episodes.test : &data->episodes.train;
}

int64_t vain_inner_examples(const struct vain_job *job)
{
    const struct vain_inner inner = vain_inner_of_training(job);
    const int64_t batch = inner.batch > 0 ? inner.batch : job->data.way * inner.shot;
    return inner.iterations * batch + job->data.way * inner.query;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Examples of the largest batch of a kind of task, and of the task. */
static int64_t batch_examples(const struct vain_inner *inner, int64_t way)
{
    const int64_t step = inner->batch > 0 ? inner->batch : way * inner->shot;
    const int64_t judged = inner->test ? way * inner->shot + 1 : 0;
    return larger(larger(step, judged), way * inner->query);
}

static int64_t task_examples(const struct vain_inner *inner, int64_t way)
{
    return way * (inner->shot + inner->query);
}

static int64_t pixels_of(const struct vain_method_config *config)
{
    const struct vain_image_shape *image = &config->model->image;
    return image->height * image->width * image->channels;
}

/* How much of what a learner takes. */
struct sizes {
    int64_t N, way, pixels;
    int64_t batch, examples; /* the larger of training and test */
    int64_t query;           /* of a test */
    size_t workspace;
    bool moment;
};

static struct sizes sizes_of(const struct vain_method_config *config)
{
    const struct vain_inner training = vain_inner_of_training(config->job);
    const struct vain_inner test = vain_inner_of_test(config->job);
    const int64_t way = config->job->data.way;
    struct sizes sizes = {
        .N = config->layout->parameter_count,
        .way = way,
        .pixels = pixels_of(config),
        .batch = larger(batch_examples(&training, way), batch_examples(&test, way)),
        .examples = larger(task_examples(&training, way), task_examples(&test, way)),
        .query = way * test.query,
        .moment = config->job->meta.inner_optimizer == VAIN_INNER_ADAM,
    };
    sizes.workspace = config->model_ops->workspace_bytes(config->model, sizes.batch, 1, true);
    return sizes;
}

int64_t vain_learner_memory_bytes(const struct vain_method_config *config)
{
    const struct sizes sizes = sizes_of(config);
    const int64_t floats = sizes.N * (sizes.moment ? 3 : 2) +
                           (sizes.examples + sizes.batch) * sizes.pixels +
                           (sizes.batch + sizes.query) * sizes.way;
    return floats * (int64_t)sizeof(float) + (int64_t)sizes.workspace +
           (sizes.examples + sizes.batch) * (int64_t)sizeof(int32_t) +
           sizes.examples * (int64_t)sizeof(int64_t) + VAIN_SCRATCH_BYTES + VAIN_SHARED_BYTES;
}

static enum vain_status take_floats(struct vain_learner *learner, int64_t count, const char *what,
                                    float **out)
{
    return learner->queue->device->ops->memory.take(
        learner->queue->device, (size_t)count * sizeof(float), what, (void **)out);
}

static enum vain_status take_memory(struct vain_learner *learner)
{
    const struct sizes sizes = sizes_of(learner->config);
    const struct vain_memory_ops *memory = &learner->queue->device->ops->memory;
    VAIN_TRY(take_floats(learner, sizes.N, "adapted parameters", &learner->parameters));
    VAIN_TRY(take_floats(learner, sizes.N, "inner gradients", &learner->gradients));
    if (sizes.moment)
        VAIN_TRY(take_floats(learner, sizes.N, "inner moments", &learner->moment));
    VAIN_TRY(take_floats(learner, sizes.batch * sizes.pixels, "images", &learner->batch_images));
    VAIN_TRY(take_floats(learner, sizes.batch * sizes.way, "logits", &learner->batch_logits));
    VAIN_TRY(take_floats(learner, sizes.query * sizes.way, "logits", &learner->query_logits));
    VAIN_TRY(memory->take(learner->queue->device, (size_t)sizes.batch * sizeof(int32_t), "targets",
                          (void **)&learner->batch_targets));
    VAIN_TRY(
        memory->take(learner->queue->device, sizes.workspace, "activations", &learner->workspace));
    VAIN_TRY(vain_take_array(sizes.examples * sizes.pixels, sizeof(float), "a task's images",
                             (void **)&learner->images));
    VAIN_TRY(vain_take_array(sizes.examples, sizeof(int32_t), "a task's labels",
                             (void **)&learner->labels));
    return vain_take_array(sizes.examples, sizeof(int64_t), "a task's order",
                           (void **)&learner->order);
}

enum vain_status vain_learner_open(const struct vain_method_config *config,
                                   struct vain_queue *queue, struct vain_learner *out)
{
    memset(out, 0, sizeof *out);
    out->queue = queue;
    out->config = config;
    out->way = config->job->data.way;
    out->pixels = pixels_of(config);
    for (int test = 0; test < 2; test++) {
        const char *name = test != 0 ? "" : config->member_name;
        out->tasks[test] = vain_random_stream(config->job->general.seed, VAIN_PURPOSE_DATA, name);
        out->orders[test] = vain_random_stream(config->job->general.seed, VAIN_PURPOSE_ORDER, name);
        out->dropout[test] =
            vain_random_stream(config->job->general.seed, VAIN_PURPOSE_DROPOUT, name);
    }
    const enum vain_status status = take_memory(out);
    if (status != VAIN_OK)
        vain_learner_close(out);
    return status;
}

void vain_learner_close(struct vain_learner *learner)
{
    if (learner->queue == NULL)
        return;
    const struct vain_memory_ops *memory = &learner->queue->device->ops->memory;
    memory->release(learner->queue->device, learner->parameters);
    memory->release(learner->queue->device, learner->moment);
    memory->release(learner->queue->device, learner->gradients);
    memory->release(learner->queue->device, learner->workspace);
    memory->release(learner->queue->device, learner->batch_images);
    memory->release(learner->queue->device, learner->batch_targets);
    memory->release(learner->queue->device, learner->batch_logits);
    memory->release(learner->queue->device, learner->query_logits);
    vain_release(learner->images);
    vain_release(learner->labels);
    vain_release(learner->order);
    memset(learner, 0, sizeof *learner);
}

/* ------------------------------------------------------------------ the order of a task's examples
 */

/* The support in an endless row of shuffled orders. */
struct shuffle {
    struct vain_draw draw;
    int64_t *order; /* (count) */
    int64_t count, next;
};

static void shuffle_init(struct shuffle *shuffle, struct vain_random random, int64_t task,
                         int64_t count, int64_t *order)
{
    *shuffle = (struct shuffle){
        .draw = vain_draw_start_at(random, task), .order = order, .count = count, .next = count};
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
}

static int64_t shuffle_next(struct shuffle *shuffle)
{
    if (shuffle->next == shuffle->count) {
        vain_draw_shuffle(&shuffle->draw, shuffle->order, shuffle->count);
        shuffle->next = 0;
    }
    return shuffle->order[shuffle->next++];
}

/* ------------------------------------------------------------------ a task */

static void copy_vector(struct vain_learner *learner, const float *source, float *target)
{
    const size_t bytes = (size_t)learner->config->layout->parameter_count * sizeof(float);
    learner->queue->device->ops->memory.copy(learner->queue, target, source, bytes);
}

/* Example `index` of the task becomes number `at` of the batch. */
static void put_in_batch(struct vain_learner *learner, int64_t index, int64_t at)
{
    const struct vain_memory_ops *memory = &learner->queue->device->ops->memory;
    memory->copy_in(learner->queue, learner->batch_images + at * learner->pixels,
                    learner->images + index * learner->pixels,
                    (size_t)learner->pixels * sizeof(float));
    memory->copy_in(learner->queue, learner->batch_targets + at, learner->labels + index,
                    sizeof(int32_t));
}

static struct vain_batch batch_of(const struct vain_learner *learner, int64_t B)
{
    return (struct vain_batch){
        .B = B, .T = 1, .images = learner->batch_images, .targets = learner->batch_targets};
}

void vain_learner_begin(struct vain_learner *learner, const struct vain_inner *inner, int64_t task,
                        const float *parameters, const float *moment)
{
    const struct vain_task_shape shape = vain_inner_shape(inner, learner->way);
    const int64_t support = learner->way * inner->shot;
    const struct vain_task place = {.support = learner->images,
                                    .support_labels = learner->labels,
                                    .query = learner->images + support * learner->pixels,
                                    .query_labels = learner->labels + support};
    vain_episodes_draw(vain_inner_pool(inner, learner->config->data), &shape,
                       learner->tasks[inner->test], task, &place);
    copy_vector(learner, parameters, learner->parameters);
    if (moment != NULL)
        copy_vector(learner, moment, learner->moment);
}

/* Where dropout is in a task. */
static struct vain_batch_place place_of(const struct vain_learner *learner,
                                        const struct vain_inner *inner, int64_t task, int64_t step)
{
    return (struct vain_batch_place){.dropout_random = learner->dropout[inner->test],
                                     .round = (uint32_t)task,
                                     .step = (uint32_t)step,
                                     .micro_batch = (uint32_t)(task >> 32)};
}

/* Mean loss of the first B of the batch, and its gradient. */
static double gradient_of(struct vain_learner *learner, int64_t B,
                          const struct vain_batch_place *place)
{
    const struct vain_method_config *config = learner->config;
    const struct vain_batch batch = batch_of(learner, B);
    double loss = NAN;
    learner->queue->device->ops->memory.zero(learner->queue, learner->gradients,
                                             (size_t)config->layout->parameter_count *
                                                 sizeof(float));
    config->model_ops->forward_backward(config->model, config->layout, learner->queue,
                                        learner->parameters, &batch, place, 1.0f,
                                        learner->workspace, learner->gradients, &loss);
    return loss;
}

static void inner_step(struct vain_learner *learner, int64_t number)
{
    const struct vain_meta_options *meta = &learner->config->job->meta;
    const struct vain_optimiser_ops *optimiser = &learner->queue->device->ops->optimiser;
    const int64_t N = learner->config->layout->parameter_count;
    if (meta->inner_optimizer == VAIN_INNER_SGD) {
        const struct vain_sgd sgd = {.learning_rate = (float)meta->inner_learning_rate,
                                     .gradient_scale = 1.0f};
        optimiser->sgd(learner->queue, N, &sgd, learner->gradients, learner->parameters, NULL);
        return;
    }
    const struct vain_segment all = {.count = N};
    const struct vain_adamw adam = {
        .learning_rate = (float)meta->inner_learning_rate,
        .beta2 = (float)meta->inner_beta2,
        .epsilon = 1e-8f,
        .gradient_scale = 1.0f,
        .correction1 = 1.0f,
        .correction2 = (float)(1.0 - pow(meta->inner_beta2, (double)number)),
        .segments = &all,
        .segment_count = 1,
    };
    optimiser->adamw(learner->queue, &adam, learner->gradients, learner->parameters, NULL,
                     learner->moment);
}

void vain_learner_adapt(struct vain_learner *learner, const struct vain_inner *inner, int64_t task,
                        int64_t steps_before, double *mean_loss)
{
    struct shuffle shuffle;
    const int64_t support = learner->way * inner->shot;
    const int64_t B = inner->batch > 0 ? inner->batch : support;
    double loss_sum = 0;
    shuffle_init(&shuffle, learner->orders[inner->test], task, support, learner->order);
    for (int64_t step = 0; step < inner->iterations; step++) {
        for (int64_t at = 0; at < B; at++)
            put_in_batch(learner, shuffle_next(&shuffle), at);
        const struct vain_batch_place place = place_of(learner, inner, task, step);
        loss_sum += gradient_of(learner, B, &place);
        inner_step(learner, steps_before + step + 1);
    }
    *mean_loss = loss_sum / (double)inner->iterations;
}

void vain_learner_query_gradient(struct vain_learner *learner, const struct vain_inner *inner,
                                 int64_t task, double *mean_loss)
{
    const struct vain_batch_place place = place_of(learner, inner, task, inner->iterations);
    const int64_t support = learner->way * inner->shot, query = learner->way * inner->query;
    for (int64_t i = 0; i < query; i++)
        put_in_batch(learner, support + i, i);
    *mean_loss = gradient_of(learner, query, &place);
}

/* ------------------------------------------------------------------ judging */

static void logits_of(struct vain_learner *learner, int64_t B)
{
    const struct vain_method_config *config = learner->config;
    const struct vain_batch batch = batch_of(learner, B);
    config->model_ops->logits(config->model, config->layout, learner->queue, learner->parameters,
                              &batch, learner->workspace, learner->batch_logits);
}

/* Each example behind the whole support, whose statistics its batch norm then sees. */
static void judge_alone(struct vain_learner *learner, int64_t support, int64_t query)
{
    const size_t row = (size_t)learner->way * sizeof(float);
    for (int64_t i = 0; i < support; i++)
        put_in_batch(learner, i, i);
    for (int64_t i = 0; i < query; i++) {
        put_in_batch(learner, support + i, support);
        logits_of(learner, support + 1);
        learner->queue->device->ops->memory.copy(
            learner->queue, learner->query_logits + i * learner->way,
            learner->batch_logits + support * learner->way, row);
    }
}

void vain_learner_judge(struct vain_learner *learner, const struct vain_inner *inner,
                        struct vain_judgement *out)
{
    const struct vain_pointwise_ops *pointwise = &learner->queue->device->ops->pointwise;
    const int64_t support = learner->way * inner->shot, query = learner->way * inner->query;
    *out = (struct vain_judgement){.count = query};
    judge_alone(learner, support, query);
    for (int64_t i = 0; i < query; i++)
        put_in_batch(learner, support + i, i);
    pointwise->count_correct(learner->queue, query, learner->way, learner->query_logits,
                             learner->batch_targets, &out->right);
    pointwise->cross_entropy(learner->queue, query, learner->way, learner->query_logits,
                             learner->batch_targets, 0.0f, &out->loss_sum);
    logits_of(learner, query);
    pointwise->count_correct(learner->queue, query, learner->way, learner->batch_logits,
                             learner->batch_targets, &out->right_seen);
}
