/* Examples are drawn in host memory and copied to the device in the order of the queue. */
#include "jobs/batches.h"

#include <string.h>

#include "base/memory.h"
#include "jobs/data/order.h"
#include "jobs/windows.h"

/* Tokens of an example: of a window, or one class for an image. */
static int64_t example_tokens(const struct vain_method_config *config)
{
    return config->job->data.images[0] != '\0' ? 1 : config->model->context;
}

static int64_t example_pixels(const struct vain_method_config *config)
{
    const struct vain_image_shape *image = &config->model->image;
    return config->job->data.images[0] != '\0' ? image->height * image->width * image->channels : 0;
}

static size_t token_bytes(const struct vain_method_config *config)
{
    return (size_t)(config->job->train.batch * example_tokens(config)) * sizeof(int32_t);
}

static size_t image_bytes(const struct vain_method_config *config)
{
    return (size_t)(config->job->train.batch * example_pixels(config)) * sizeof(float);
}

static size_t workspace_bytes(const struct vain_method_config *config)
{
    return config->model_ops->workspace_bytes(config->model, config->job->train.batch,
                                              example_tokens(config), true);
}

int64_t vain_batches_memory_bytes(const struct vain_method_config *config)
{
    if (config->data->kind == VAIN_DATA_SENTENCES)
        return (int64_t)workspace_bytes(config) + vain_sentence_batches_memory_bytes(config);
    return (int64_t)(workspace_bytes(config) + 4 * token_bytes(config) + 2 * image_bytes(config));
}

static enum vain_status take_texts(struct vain_batches *batches)
{
    struct vain_device *device = batches->config->queue->device;
    const size_t bytes = token_bytes(batches->config);
    VAIN_TRY(device->ops->memory.take(device, bytes, "tokens", (void **)&batches->tokens));
    return vain_take(bytes, "drawn tokens", (void **)&batches->host_tokens);
}

static enum vain_status take_images(struct vain_batches *batches)
{
    struct vain_device *device = batches->config->queue->device;
    const size_t bytes = image_bytes(batches->config);
    VAIN_TRY(device->ops->memory.take(device, bytes, "images", (void **)&batches->images));
    VAIN_TRY(vain_take(bytes, "drawn images", (void **)&batches->host_images));
    return vain_take_array(batches->B, sizeof *batches->examples, "drawn examples",
                           (void **)&batches->examples);
}

enum vain_status vain_batches_open(const struct vain_method_config *config,
                                   struct vain_batches *out)
{
    struct vain_device *device = config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    const size_t bytes = token_bytes(config);
    *out = (struct vain_batches){0};
    if (config->data->kind == VAIN_DATA_EPISODES)
        return vain_fail(VAIN_ERR_INPUT,
                         "train.method: this method trains on a text, labelled images or labelled "
                         "sentences; give data.text, data.tokens, data.images or data.pairs");
    *out = (struct vain_batches){.config = config,
                                 .B = config->job->train.batch,
                                 .T = example_tokens(config),
                                 .pixels = example_pixels(config)};
    if (config->data->kind == VAIN_DATA_SENTENCES) {
        VAIN_TRY(memory->take(device, workspace_bytes(config), "activations", &out->workspace));
        return vain_sentence_batches_open(config, out->workspace, &out->sentences);
    }
    if (config->teacher != NULL)
        VAIN_TRY(vain_teacher_open(config, &out->teacher));
    VAIN_TRY(out->pixels > 0 ? take_images(out) : take_texts(out));
    VAIN_TRY(memory->take(device, bytes, "targets", (void **)&out->targets));
    VAIN_TRY(vain_take(bytes, "drawn targets", (void **)&out->host_targets));
    return memory->take(device, workspace_bytes(config), "activations", &out->workspace);
}

void vain_batches_close(struct vain_batches *batches)
{
    if (batches->config == NULL)
        return;
    struct vain_device *device = batches->config->queue->device;
    const struct vain_memory_ops *memory = &device->ops->memory;
    vain_sentence_batches_close(&batches->sentences);
    vain_teacher_close(&batches->teacher, batches->config->queue);
    memory->release(device, batches->tokens);
    memory->release(device, batches->targets);
    memory->release(device, batches->images);
    memory->release(device, batches->workspace);
    vain_release(batches->host_tokens);
    vain_release(batches->host_targets);
    vain_release(batches->host_images);
    vain_release(batches->examples);
    memset(batches, 0, sizeof *batches);
}

static enum vain_status draw_text(struct vain_batches *batches, struct vain_random random,
                                  int64_t position, int rank, struct vain_batch *out)
{
    const struct vain_method_config *config = batches->config;
    const struct vain_memory_ops *memory = &config->queue->device->ops->memory;
    const size_t bytes = token_bytes(config);
    VAIN_TRY(vain_corpus_batch(&config->data->corpus, random, position, rank, batches->B,
                               batches->T, batches->host_tokens, batches->host_targets));
    memory->copy_in(config->queue, batches->tokens, batches->host_tokens, bytes);
    memory->copy_in(config->queue, batches->targets, batches->host_targets, bytes);
    *out = (struct vain_batch){
        .B = batches->B, .T = batches->T, .tokens = batches->tokens, .targets = batches->targets};
    return VAIN_OK;
}

/* The first `count` of batches->examples, which are rows of `images`. */
static void copy_images(struct vain_batches *batches, const struct vain_images *images,
                        int64_t count, struct vain_batch *out)
{
    struct vain_queue *queue = batches->config->queue;
    const struct vain_memory_ops *memory = &queue->device->ops->memory;
    vain_images_batch(images, batches->examples, count, batches->host_images,
                      batches->host_targets);
    memory->copy_in(queue, batches->images, batches->host_images,
                    (size_t)(count * batches->pixels) * sizeof(float));
    memory->copy_in(queue, batches->targets, batches->host_targets,
                    (size_t)count * sizeof(int32_t));
    *out = (struct vain_batch){
        .B = count, .T = 1, .targets = batches->targets, .images = batches->images};
}

/* The same of the training images, and what a teacher makes of them. */
static void copy_training_images(struct vain_batches *batches, int64_t count,
                                 struct vain_batch *out)
{
    const struct vain_method_config *config = batches->config;
    copy_images(batches, &config->data->images.train, count, out);
    if (batches->teacher.parameters != NULL)
        vain_teacher_ask(&batches->teacher, config, out);
}

/* The site's ranks deal one order of the member's examples among them, so an epoch has each once.
 */
static void draw_images(struct vain_batches *batches, struct vain_random random, int64_t position,
                        int rank, struct vain_batch *out)
{
    const struct vain_method_config *config = batches->config;
    const struct vain_image_data *data = &config->data->images;
    const int ranks = config->site->comm.size;
    int64_t count;
    const int64_t *examples = vain_image_data_client(data, 0, &count);
    for (int64_t b = 0; b < batches->B; b++) {
        const int64_t sample = (position * batches->B + b) * ranks + rank;
        batches->examples[b] =
            examples[vain_order_place(random, sample / count, count, sample % count)];
    }
    copy_training_images(batches, batches->B, out);
}

enum vain_status vain_batches_draw(struct vain_batches *batches, struct vain_random random,
                                   int64_t position, int rank, struct vain_batch *out)
{
    switch (batches->config->data->kind) {
    case VAIN_DATA_SENTENCES:
        vain_sentence_batches_draw(&batches->sentences, random, position, rank, out);
        return VAIN_OK;
    case VAIN_DATA_IMAGES:
        draw_images(batches, random, position, rank, out);
        return VAIN_OK;
    default:
        return draw_text(batches, random, position, rank, out);
    }
}

void vain_batches_draw_client(struct vain_batches *batches, struct vain_random random, int client,
                              int64_t epoch, int64_t index, struct vain_batch *out)
{
    const struct vain_image_data *data = &batches->config->data->images;
    int64_t count;
    const int64_t *examples = vain_image_data_client(data, client, &count);
    const int64_t drawn =
        vain_order_batch(random, epoch, index, examples, count, batches->B, batches->examples);
    copy_training_images(batches, drawn, out);
}

static enum vain_status evaluate_images(struct vain_batches *batches, const float *parameters,
                                        const struct vain_method_share *share,
                                        struct vain_measure_sums *sums)
{
    const struct vain_method_config *config = batches->config;
    const struct vain_images *test = &config->data->images.test;
    const int64_t count = vain_order_batch_count(test->count, batches->B);
    for (int64_t i = share->share; i < count; i += share->shares) {
        const int64_t first = i * batches->B, left = test->count - first;
        const int64_t drawn = left < batches->B ? left : batches->B;
        struct vain_batch batch;
        struct vain_measure measure = {0};
        if (vain_method_leaves_off(share))
            return VAIN_STOPPED;
        for (int64_t b = 0; b < drawn; b++)
            batches->examples[b] = first + b;
        copy_images(batches, test, drawn, &batch);
        config->model_ops->evaluate(config->model, config->layout, config->queue, parameters,
                                    &batch, batches->workspace, &measure);
        sums->of[VAIN_MEASURE_LOSS].sum += measure.loss_sum;
        sums->of[VAIN_MEASURE_LOSS].count += measure.count;
        vain_measure_add_right(sums, VAIN_MEASURE_ACCURACY, measure.correct, measure.count);
    }
    return VAIN_OK;
}

enum vain_status vain_batches_evaluate(struct vain_batches *batches, const float *parameters,
                                       const struct vain_method_share *share,
                                       struct vain_measure_sums *sums)
{
    const struct vain_method_config *config = batches->config;
    if (config->data->kind == VAIN_DATA_SENTENCES)
        return vain_sentence_batches_evaluate(&batches->sentences, parameters, share, sums);
    if (batches->pixels > 0)
        return evaluate_images(batches, parameters, share, sums);
    const struct vain_windows windows = {
        .model = config->model,
        .model_ops = config->model_ops,
        .layout = config->layout,
        .corpus = &config->data->corpus,
        .queue = config->queue,
        .parameters = parameters,
        .batch = batches->B,
        .tokens = batches->tokens,
        .targets = batches->targets,
        .host_tokens = batches->host_tokens,
        .host_targets = batches->host_targets,
        .workspace = batches->workspace,
    };
    return vain_windows_evaluate(&windows, share, sums);
}
