#include "tests/unit/jobs/few_shot.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/suite.h"

enum { CLASSES = 20, TRAIN_CLASSES = 12, EXAMPLES = 10 };

struct few_notes few_notes;
double few_loss_added;

/* Softmax regression: a row of weights a class, then a bias a class. */
static void scores_of(const double *parameters, const float *image, double *scores)
{
    for (int c = 0; c < FEW_WAY; c++) {
        scores[c] = parameters[FEW_WAY * FEW_PIXELS + c];
        for (int p = 0; p < FEW_PIXELS; p++)
            scores[c] += parameters[c * FEW_PIXELS + p] * (double)image[p];
    }
}

double few_loss(const double *parameters, int64_t B, const float *batch, const int32_t *labels,
                double *gradient)
{
    double loss = 0, scores[FEW_WAY];
    for (int64_t b = 0; b < B; b++) {
        double sum = 0;
        scores_of(parameters, batch + b * FEW_PIXELS, scores);
        for (int c = 0; c < FEW_WAY; c++)
            sum += exp(scores[c]);
        loss += log(sum) - scores[labels[b]];
        for (int c = 0; c < FEW_WAY && gradient != NULL; c++) {
            const double d = (exp(scores[c]) / sum - (labels[b] == c ? 1.0 : 0.0)) / (double)B;
            gradient[FEW_WAY * FEW_PIXELS + c] += d;
            for (int p = 0; p < FEW_PIXELS; p++)
                gradient[c * FEW_PIXELS + p] += d * (double)batch[b * FEW_PIXELS + p];
        }
    }
    return loss / (double)B;
}

static void note(const struct vain_batch *batch)
{
    if (!few_notes.on)
        return;
    VAIN_ASSERT(few_notes.batches < FEW_NOTES_MAX && few_notes.images + batch->B <= FEW_NOTES_MAX);
    few_notes.batch_count[few_notes.batches++] = batch->B;
    for (int64_t b = 0; b < batch->B; b++)
        few_notes.first_pixel[few_notes.images++] = batch->images[b * FEW_PIXELS];
}

static size_t model_workspace_bytes(const struct vain_model_options *options, int64_t B, int64_t T,
                                    bool training)
{
    (void)options, (void)B, (void)T, (void)training;
    return 64;
}

static void widen(const float *parameters, double *out)
{
    for (int i = 0; i < FEW_N; i++)
        out[i] = (double)parameters[i];
}

static void model_forward_backward(const struct vain_model_options *options,
                                   const struct vain_layout *layout, struct vain_queue *queue,
                                   const float *parameters, const struct vain_batch *batch,
                                   const struct vain_batch_place *place, float gradient_scale,
                                   void *workspace, float *gradients, double *mean_loss)
{
    double wide[FEW_N], gradient[FEW_N] = {0};
    (void)options, (void)layout, (void)queue, (void)place, (void)workspace;
    note(batch);
    widen(parameters, wide);
    *mean_loss = few_loss(wide, batch->B, batch->images, batch->targets, gradient) + few_loss_added;
    for (int i = 0; i < FEW_N; i++)
        gradients[i] += (float)(gradient[i] * (double)gradient_scale);
}

static void model_logits(const struct vain_model_options *options, const struct vain_layout *layout,
                         struct vain_queue *queue, const float *parameters,
                         const struct vain_batch *batch, void *workspace, float *logits)
{
    double wide[FEW_N], scores[FEW_WAY];
    (void)options, (void)layout, (void)queue, (void)workspace;
    note(batch);
    widen(parameters, wide);
    for (int64_t b = 0; b < batch->B; b++) {
        scores_of(wide, batch->images + b * FEW_PIXELS, scores);
        for (int c = 0; c < FEW_WAY; c++)
            logits[b * FEW_WAY + c] = (float)scores[c];
    }
}

static const struct vain_model_ops model_ops = {
    .name = "linear",
    .workspace_bytes = model_workspace_bytes,
    .forward_backward = model_forward_backward,
    .logits = model_logits,
};

/* Each class lies around a point of its own; the first pixel is the image's number, scaled down. */
static void write_images(float *images)
{
    const struct vain_random random = vain_random_stream(3, VAIN_PURPOSE_INITIAL, "few-shot");
    uint32_t centre[4], noise[4];
    for (int i = 0; i < CLASSES * EXAMPLES; i++) {
        vain_random_block(random, 0, 0, (uint64_t)(i / EXAMPLES), centre);
        vain_random_block(random, 1, 0, (uint64_t)i, noise);
        for (int p = 1; p < FEW_PIXELS; p++)
            images[i * FEW_PIXELS + p] =
                4 * vain_random_unit(centre[p]) - 2 + vain_random_unit(noise[p]);
        images[i * FEW_PIXELS] = (float)i / 256;
    }
}

static enum vain_status make_episodes(struct vain_episodes *out)
{
    static const int64_t shape[] = {CLASSES, EXAMPLES, 2, 2};
    static const struct vain_pixel_options pixels;
    struct vain_array array;
    int32_t labels[CLASSES * EXAMPLES];
    VAIN_TRY(vain_array_take("few", VAIN_ARRAY_FLOAT32, 4, shape, &array));
    write_images(array.data);
    VAIN_TRY(vain_images_adopt("few.h5", "images", false, &pixels, &array, &out->images));
    for (int i = 0; i < CLASSES * EXAMPLES; i++)
        labels[i] = i / EXAMPLES;
    VAIN_TRY(vain_label_index_make(labels, CLASSES * EXAMPLES, CLASSES, NULL, 0, &out->index));
    VAIN_TRY(vain_take_array(CLASSES, sizeof *out->order, "order", (void **)&out->order));
    for (int i = 0; i < CLASSES; i++)
        out->order[i] = i;
    out->class_count = CLASSES;
    out->train_count = TRAIN_CLASSES;
    out->test_count = CLASSES - TRAIN_CLASSES;
    return VAIN_OK;
}

static struct vain_slice slices[] = {
    {.name = "dense.weight", .count = FEW_WAY * FEW_PIXELS, .weight_decay = true},
    {.name = "dense.bias", .offset = FEW_WAY * FEW_PIXELS, .count = FEW_WAY},
};

void few_init(struct few_shot *few, int method)
{
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    memset(few, 0, sizeof *few);
    vain_job_sections(&few->job, sections);
    vain_option_defaults(sections, VAIN_JOB_SECTIONS);
    few->job.general.seed = 5;
    few->job.train.method = method;
    few->job.train.rounds = 4;
    few->job.train.local_steps = 5;
    few->job.data.way = FEW_WAY;
    few->job.data.shot = 2;
    few->job.data.query = 1;
    few->model.image = (struct vain_image_shape){2, 2, 1};
    few->model.classes = FEW_WAY;
    few->layout = (struct vain_layout){2, FEW_N, slices};
    few->data.kind = VAIN_DATA_EPISODES;
    few->site.comm.size = 1;
    few->ops = vain_method_ops_of(&few->job);
    for (int i = 0; i < FEW_N; i++)
        few->initial[i] = 0.1f * (float)(i % 5) - 0.2f;
}

enum vain_status few_open(struct few_shot *few, int threads, const char *name)
{
    VAIN_TRY(vain_device_open_cpu(threads, NULL, &few->device));
    few->queue.device = &few->device;
    few->is_open = true;
    VAIN_TRY(make_episodes(&few->data.episodes.set));
    VAIN_TRY(vain_class_pool_open(&few->data.episodes.set, VAIN_EPISODES_TRAIN, NULL,
                                  &few->data.episodes.train));
    VAIN_TRY(vain_class_pool_open(&few->data.episodes.set, VAIN_EPISODES_TEST, NULL,
                                  &few->data.episodes.test));
    const struct vain_method_config config = {
        .job = &few->job,
        .model = &few->model,
        .model_ops = &model_ops,
        .layout = &few->layout,
        .data = &few->data,
        .queue = &few->queue,
        .site = &few->site,
        .member_name = name,
    };
    return few->ops->open(&config, few->initial, &few->method);
}

void few_close(struct few_shot *few)
{
    if (!few->is_open)
        return;
    few->ops->close(&few->method);
    vain_episode_data_close(&few->data.episodes);
    vain_device_close(&few->device);
    few->is_open = false;
}

enum vain_status few_steps(struct few_shot *few, int64_t first, int64_t count)
{
    const int64_t H = few->job.train.local_steps;
    struct vain_step_report report;
    for (int64_t step = first; step < first + count; step++)
        VAIN_TRY(few->ops->step(&few->method, step / H, step % H, false, &report));
    return VAIN_OK;
}

void few_draw(const struct few_shot *few, const char *name, const struct vain_inner *inner,
              int64_t task, float *out, int32_t *labels)
{
    const struct vain_random random =
        vain_random_stream(few->job.general.seed, VAIN_PURPOSE_DATA, inner->test ? "" : name);
    const struct vain_task_shape shape = {FEW_WAY, (int)inner->shot, (int)inner->query};
    const int64_t support = FEW_WAY * inner->shot;
    const struct vain_task place = {out, labels, out + support * FEW_PIXELS, labels + support};
    vain_episodes_draw(vain_inner_pool(inner, &few->data), &shape, random, task, &place);
}
