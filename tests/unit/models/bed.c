#include "tests/unit/models/bed.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "models/normal.h"
#include "tests/unit/models/reference.h"

enum { GUARD_BYTES = 4096, GUARD = 0xA5, NAN_BYTE = 0xFF };

static void *take(size_t bytes)
{
    void *memory = NULL;
    CU_ASSERT_FATAL(vain_take(bytes, "a test", &memory) == VAIN_OK);
    return memory;
}

static double normal(uint32_t stream, int64_t index)
{
    const struct vain_random random = vain_random_stream(7, VAIN_PURPOSE_SAMPLE, "bed");
    uint32_t words[4];
    vain_random_block(random, 0, stream, (uint64_t)index, words);
    return vain_normal_of_words(words[0], words[1]);
}

static void fill_parameters(struct bed *bed)
{
    for (int s = 0; s < bed->layout.slice_count; s++) {
        const struct vain_slice *slice = &bed->layout.slices[s];
        for (int64_t e = slice->offset; e < slice->offset + slice->count; e++)
            bed->parameters[e] = slice->initial_constant + (float)(0.3 * normal(1, e));
    }
}

/* Sentences of all lengths, the last one full; labels that repeat. */
static void make_sentences(struct bed *bed, int64_t B, int64_t T)
{
    bed->lengths = take((size_t)B * sizeof(int32_t));
    for (int64_t b = 0; b < B; b++) {
        bed->lengths[b] = b + 1 < B ? (int32_t)(1 + b * 2 % T) : (int32_t)T;
        bed->targets[b] = (int32_t)(b * 2 % 3 % bed->options.classes);
    }
    bed->batch.lengths = bed->lengths;
}

/* What the mean of a loss is over. */
static int64_t count_targets(const struct bed *bed)
{
    return bed->lengths != NULL ? bed->batch.B : bed->batch.B * bed->batch.T;
}

int64_t bed_logit_count(const struct vain_model_options *options)
{
    return options->kind == VAIN_MODEL_CONVNET ? options->classes : options->symbols;
}

static void fill_images(struct bed *bed)
{
    const struct vain_image_shape *image = &bed->options.image;
    const int64_t count = bed->batch.B * image->height * image->width * image->channels;
    bed->images = take((size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++)
        bed->images[i] = (float)normal(4, i);
    bed->batch.images = bed->images;
    bed->batch.tokens = NULL;
}

void bed_open(struct bed *bed, const struct vain_model_options *options, int64_t B, int64_t T,
              int threads)
{
    memset(bed, 0, sizeof *bed);
    CU_ASSERT_FATAL(vain_device_open_cpu(threads, NULL, &bed->device) == VAIN_OK);
    bed->queue.device = &bed->device;
    bed->options = *options;
    bed->model = vain_model_ops_of(options);
    CU_ASSERT_FATAL(bed->model->layout(options, &bed->layout) == VAIN_OK);
    bed->N = bed->layout.parameter_count;
    bed->parameters = take((size_t)bed->N * sizeof(float));
    bed->gradients = take((size_t)bed->N * sizeof(float));
    fill_parameters(bed);
    bed->tokens = take((size_t)(B * T) * sizeof(int32_t));
    bed->targets = take((size_t)(B * T) * sizeof(int32_t));
    const int32_t V = (int32_t)bed_logit_count(options);
    for (int64_t i = 0; i < B * T; i++) {
        bed->tokens[i] = (int32_t)(fabs(normal(2, i)) * 1000) % V;
        bed->targets[i] = (int32_t)(fabs(normal(3, i)) * 1000) % V;
    }
    bed->batch = (struct vain_batch){
        .B = B, .T = T, .tokens = bed->tokens, .targets = bed->targets, .images = NULL};
    if (options->kind == VAIN_MODEL_CONVNET)
        fill_images(bed);
    if (options->kind == VAIN_MODEL_ENCODER)
        make_sentences(bed, B, T);
    bed->workspace_bytes = bed->model->workspace_bytes(options, B, T, true);
    bed->workspace = take(bed->workspace_bytes + GUARD_BYTES);
}

void bed_close(struct bed *bed)
{
    vain_release(bed->workspace);
    vain_release(bed->lengths);
    vain_release(bed->images);
    vain_release(bed->targets);
    vain_release(bed->tokens);
    vain_release(bed->gradients);
    vain_release(bed->parameters);
    vain_layout_fini(&bed->layout);
    vain_device_close(&bed->device);
}

/* Whatever a pass reads it must have written: every float of the workspace starts as a NaN. */
static void set_guard(struct bed *bed, size_t bytes)
{
    memset(bed->workspace, NAN_BYTE, bytes);
    memset(bed->workspace + bytes, GUARD, GUARD_BYTES);
}

static void check_guard(const struct bed *bed, size_t bytes)
{
    int touched = 0;
    for (int i = 0; i < GUARD_BYTES; i++)
        touched += bed->workspace[bytes + (size_t)i] != GUARD;
    CU_ASSERT_EQUAL(touched, 0);
}

double bed_forward_backward(struct bed *bed, const struct vain_batch_place *place)
{
    double mean_loss = -1;
    memset(bed->gradients, 0, (size_t)bed->N * sizeof(float));
    set_guard(bed, bed->workspace_bytes);
    bed->model->forward_backward(&bed->options, &bed->layout, &bed->queue, bed->parameters,
                                 &bed->batch, place, 1, bed->workspace, bed->gradients, &mean_loss);
    check_guard(bed, bed->workspace_bytes);
    return mean_loss;
}

double bed_evaluate(struct bed *bed)
{
    const size_t bytes =
        bed->model->workspace_bytes(&bed->options, bed->batch.B, bed->batch.T, false);
    CU_ASSERT_FATAL(bytes <= bed->workspace_bytes);
    struct vain_measure measure = {-1, -1, -1};
    set_guard(bed, bytes);
    bed->model->evaluate(&bed->options, &bed->layout, &bed->queue, bed->parameters, &bed->batch,
                         bed->workspace, &measure);
    check_guard(bed, bytes);
    CU_ASSERT_EQUAL(measure.count, count_targets(bed));
    bed->correct = measure.correct;
    return measure.loss_sum;
}

struct vain_batch_place bed_place(uint32_t round, uint32_t step, uint32_t micro_batch)
{
    return (struct vain_batch_place){
        .dropout_random = vain_random_stream(1, VAIN_PURPOSE_DROPOUT, "alice"),
        .round = round,
        .step = step,
        .micro_batch = micro_batch,
    };
}

/* ---- Against the reference ---- */

struct probe {
    const struct bed *bed;
    const struct vain_batch_place *place;
    double *parameters, *logits; /* or an encoder's assignments */
};

static double probe_loss(const struct probe *probe)
{
    const struct bed *bed = probe->bed;
    if (bed->lengths != NULL)
        return reference_encoder_loss(&bed->options, &bed->layout, probe->parameters, &bed->batch,
                                      probe->place, probe->logits);
    reference_logits(&bed->options, &bed->layout, probe->parameters, &bed->batch, probe->place,
                     probe->logits);
    return reference_mean_loss(&bed->batch, bed_logit_count(&bed->options), probe->logits);
}

/* Central difference; its own error is about h^2 = 1e-9 of the third derivative. */
static double probe_gradient(const struct probe *probe, int64_t e)
{
    const double before = probe->parameters[e], h = 3e-5;
    probe->parameters[e] = before + h;
    const double above = probe_loss(probe);
    probe->parameters[e] = before - h;
    const double below = probe_loss(probe);
    probe->parameters[e] = before;
    return (above - below) / (2 * h);
}

/* Every element within 1e-5 of the slice's largest gradient: binary32 gives about 1e-6. */
static void check_slice(const struct probe *probe, const struct vain_slice *slice, double *expected)
{
    double largest = 0, worst = 0;
    for (int64_t i = 0; i < slice->count; i++) {
        expected[i] = probe_gradient(probe, slice->offset + i);
        largest = fmax(largest, fabs(expected[i]));
    }
    for (int64_t i = 0; i < slice->count; i++)
        worst = fmax(worst, fabs((double)probe->bed->gradients[slice->offset + i] - expected[i]));
    if (!(worst <= 1e-5 * largest))
        printf("\n    %s: worst difference %g, largest gradient %g\n", slice->name, worst, largest);
    CU_ASSERT(largest > 1e-6);
    CU_ASSERT(worst <= 1e-5 * largest);
}

static void check_gradients(struct bed *bed, const struct vain_batch_place *place)
{
    const int64_t logits = bed->batch.B * bed->batch.T * bed_logit_count(&bed->options);
    struct probe probe = {bed, place, take((size_t)bed->N * sizeof(double)),
                          take((size_t)logits * sizeof(double))};
    probe.logits[0] = -1;
    double *expected = take((size_t)bed->N * sizeof(double));
    for (int64_t e = 0; e < bed->N; e++)
        probe.parameters[e] = bed->parameters[e];
    const double loss = bed_forward_backward(bed, place);
    CU_ASSERT_DOUBLE_EQUAL(loss, probe_loss(&probe), 2e-6 * loss);
    for (int s = 0; s < bed->layout.slice_count; s++)
        check_slice(&probe, &bed->layout.slices[s], expected);
    probe.place = NULL; /* evaluation never drops, and asks no teacher */
    bed->batch.teacher = NULL;
    probe.logits[0] = -1;
    const double mean = bed_evaluate(bed) / (double)count_targets(bed);
    CU_ASSERT_DOUBLE_EQUAL(mean, probe_loss(&probe), 2e-6 * mean);
    if (bed->lengths == NULL) /* whose losses are not all made of logits */
        CU_ASSERT_EQUAL(bed->correct, reference_correct(&bed->batch, bed_logit_count(&bed->options),
                                                        probe.logits));
    vain_release(expected);
    vain_release(probe.logits);
    vain_release(probe.parameters);
}

void bed_check_gradients(const struct vain_model_options *options, int64_t B, int64_t T,
                         const struct vain_batch_place *place)
{
    struct bed bed;
    bed_open(&bed, options, B, T, 2);
    check_gradients(&bed, place);
    bed_close(&bed);
}

void bed_check_taught_gradients(const struct vain_model_options *options, int64_t B, float weight,
                                float temperature)
{
    struct bed bed;
    bed_open(&bed, options, B, 1, 2);
    const int64_t count = B * bed_logit_count(options);
    float *teacher = take((size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++)
        teacher[i] = 3 * sinf((float)(i * i)); /* anything but equal */
    bed.batch.teacher = teacher;
    bed.batch.teacher_weight = weight;
    bed.batch.teacher_temperature = temperature;
    check_gradients(&bed, NULL);
    vain_release(teacher);
    bed_close(&bed);
}

void bed_check_next_logits(const struct vain_model_options *options)
{
    struct bed bed;
    const int64_t most = options->context, V = options->symbols;
    bed_open(&bed, options, 1, most, 2);
    double *parameters = take((size_t)bed.N * sizeof(double)),
           *expected = take((size_t)(most * V) * sizeof(double));
    float *logits = take((size_t)V * sizeof(float));
    for (int64_t e = 0; e < bed.N; e++)
        parameters[e] = bed.parameters[e];
    for (int64_t T = 1; T <= most; T++) {
        const size_t bytes = bed.model->workspace_bytes(options, 1, T, false);
        bed.batch.T = T;
        reference_logits(options, &bed.layout, parameters, &bed.batch, NULL, expected);
        set_guard(&bed, bytes);
        bed.model->next_logits(options, &bed.layout, &bed.queue, bed.parameters, bed.tokens, T,
                               bed.workspace, logits);
        check_guard(&bed, bytes);
        for (int64_t v = 0; v < V; v++)
            CU_ASSERT_DOUBLE_EQUAL((double)logits[v], expected[(T - 1) * V + v], 1e-5);
    }
    vain_release(logits);
    vain_release(expected);
    vain_release(parameters);
    bed_close(&bed);
}

/* ---- Against itself ---- */

void bed_check_threads(const struct vain_model_options *options, int64_t B, int64_t T)
{
    struct bed first;
    const struct vain_batch_place place = bed_place(0, 1, 0);
    bed_open(&first, options, B, T, 1);
    const double loss = bed_forward_backward(&first, &place), sum = bed_evaluate(&first);
    CU_ASSERT(isfinite(loss));
    const int threads[] = {2, 3, 4};
    for (size_t i = 0; i < VAIN_COUNT_OF(threads); i++) {
        struct bed bed;
        bed_open(&bed, options, B, T, threads[i]);
        CU_ASSERT(bed_forward_backward(&bed, &place) == loss);
        CU_ASSERT(memcmp(bed.gradients, first.gradients, (size_t)bed.N * sizeof(float)) == 0);
        CU_ASSERT(bed_evaluate(&bed) == sum);
        bed_close(&bed);
    }
    bed_close(&first);
}

void bed_check_dropout_places(const struct vain_model_options *options, int64_t B, int64_t T)
{
    struct bed bed;
    bed_open(&bed, options, B, T, 2);
    const struct vain_batch_place here = bed_place(1, 2, 3);
    const double loss = bed_forward_backward(&bed, &here);
    CU_ASSERT(bed_forward_backward(&bed, &here) == loss);
    const struct vain_batch_place others[] = {bed_place(0, 2, 3), bed_place(1, 3, 3),
                                              bed_place(1, 2, 4)};
    for (size_t i = 0; i < VAIN_COUNT_OF(others); i++)
        CU_ASSERT(bed_forward_backward(&bed, &others[i]) != loss);
    struct vain_batch_place bob = here;
    bob.dropout_random = vain_random_stream(1, VAIN_PURPOSE_DROPOUT, "bob");
    CU_ASSERT(bed_forward_backward(&bed, &bob) != loss);
    const double sum = bed_evaluate(&bed);
    bed.options.dropout = 0;
    CU_ASSERT(bed_evaluate(&bed) == sum);
    CU_ASSERT_DOUBLE_EQUAL(bed_forward_backward(&bed, NULL), sum / (double)count_targets(&bed),
                           1e-6);
    bed_close(&bed);
}

/* Two micro-batches of one window with scale 1/2 add up to one batch of two with scale 1. */
void bed_check_accumulation(const struct vain_model_options *options, int64_t T)
{
    struct bed bed;
    bed_open(&bed, options, 2, T, 2);
    const double loss = bed_forward_backward(&bed, NULL);
    float *whole = take((size_t)bed.N * sizeof(float));
    memcpy(whole, bed.gradients, (size_t)bed.N * sizeof(float));
    memset(bed.gradients, 0, (size_t)bed.N * sizeof(float));
    double halves[2], largest = 0, worst = 0;
    for (int half = 0; half < 2; half++) {
        const struct vain_image_shape *image = &options->image;
        const struct vain_batch batch = {
            .B = 1,
            .T = T,
            .tokens = bed.tokens + half * T,
            .targets = bed.targets + half * T,
            .images = bed.images == NULL
                          ? NULL
                          : bed.images + half * image->height * image->width * image->channels};
        bed.model->forward_backward(options, &bed.layout, &bed.queue, bed.parameters, &batch, NULL,
                                    0.5f, bed.workspace, bed.gradients, &halves[half]);
    }
    for (int64_t e = 0; e < bed.N; e++) {
        largest = fmax(largest, fabs((double)whole[e]));
        worst = fmax(worst, fabs((double)whole[e] - (double)bed.gradients[e]));
    }
    CU_ASSERT(largest > 0 && worst <= 1e-6 * largest);
    CU_ASSERT_DOUBLE_EQUAL((halves[0] + halves[1]) / 2, loss, 1e-6);
    vain_release(whole);
    bed_close(&bed);
}

void bed_check_workspace(const struct vain_model_options *options, int64_t B, int64_t T)
{
    const struct vain_model_ops *model = vain_model_ops_of(options);
    const size_t most = model->workspace_bytes(options, B, T, true);
    CU_ASSERT(model->workspace_bytes(options, B, T, false) < most);
    /* A workspace for (B, T) serves every smaller batch. */
    for (int64_t b = 1; b <= B; b++)
        for (int64_t t = 1; t <= T; t++)
            CU_ASSERT(model->workspace_bytes(options, b, t, true) <= most);
    CU_ASSERT(model->workspace_bytes(options, INT64_MAX / 2, T, true) == SIZE_MAX);
    CU_ASSERT(model->workspace_bytes(options, INT64_C(1) << 50, 64, false) == SIZE_MAX);
}

void bed_check_layout(const struct vain_model_options *options, int64_t parameter_count)
{
    struct vain_layout layout;
    CU_ASSERT_FATAL(vain_model_ops_of(options)->layout(options, &layout) == VAIN_OK);
    CU_ASSERT_EQUAL(layout.parameter_count, parameter_count);
    int64_t end = 0;
    for (int s = 0; s < layout.slice_count; s++) {
        const struct vain_slice *slice = &layout.slices[s];
        int64_t product = 1;
        CU_ASSERT(slice->shape_count >= 1 && slice->shape_count <= VAIN_SHAPE_MAX);
        for (int d = 0; d < slice->shape_count; d++) {
            product *= slice->shape[d];
            CU_ASSERT(slice->dims[d] != NULL && slice->dims[d][0] != '\0');
        }
        CU_ASSERT_EQUAL(slice->count, product);
        CU_ASSERT_EQUAL(slice->offset, end);
        CU_ASSERT_EQUAL(slice->weight_decay, slice->shape_count >= 2);
        end += slice->count;
        CU_ASSERT_PTR_EQUAL(vain_layout_slice_at(&layout, slice->offset), slice);
        CU_ASSERT_PTR_EQUAL(vain_layout_slice_at(&layout, end - 1), slice);
        for (int other = 0; other < s; other++)
            CU_ASSERT(strcmp(slice->name, layout.slices[other].name) != 0);
    }
    CU_ASSERT_EQUAL(end, layout.parameter_count);
    vain_layout_fini(&layout);
    CU_ASSERT(layout.slices == NULL && layout.parameter_count == 0);
}

void bed_check_overfit(const struct vain_model_options *options, int64_t B, int64_t T, int steps,
                       double floor_nats)
{
    struct bed bed;
    bed_open(&bed, options, B, T, 2);
    vain_model_init(&bed.layout, 3, bed.parameters);
    float *moments = take((size_t)(2 * bed.N) * sizeof(float));
    const struct vain_segment all = {.offset = 0, .count = bed.N, .weight_decay = 0};
    struct vain_adamw adamw = {.learning_rate = 1e-2f,
                               .beta1 = 0.9f,
                               .beta2 = 0.99f,
                               .epsilon = 1e-8f,
                               .gradient_scale = 1,
                               .segments = &all,
                               .segment_count = 1};
    const double at_start = bed_forward_backward(&bed, NULL);
    const double chance = log((double)bed_logit_count(options));
    CU_ASSERT(at_start > chance - 0.5 && at_start < chance + 0.5);
    double loss = at_start;
    for (int step = 1; step <= steps; step++) {
        adamw.correction1 = (float)(1 - pow(0.9, step));
        adamw.correction2 = (float)(1 - pow(0.99, step));
        bed.device.ops->optimiser.adamw(&bed.queue, &adamw, bed.gradients, bed.parameters, moments,
                                        moments + bed.N);
        loss = bed_forward_backward(&bed, NULL);
    }
    if (!(loss < floor_nats))
        printf("\n    loss %g after %d steps, from %g\n", loss, steps, at_start);
    CU_ASSERT(loss < floor_nats);
    vain_release(moments);
    bed_close(&bed);
}

void bed_check_refused(const struct vain_model_options *options, const char *key,
                       const char *const *texts)
{
    const struct vain_model_ops *model = vain_model_ops_of(options);
    char found_key[64] = "", message[256] = "";
    CU_ASSERT_EQUAL(model->check(options, found_key, sizeof found_key, message, sizeof message),
                    VAIN_ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(found_key, key);
    for (int i = 0; texts[i] != NULL; i++) {
        if (strstr(message, texts[i]) == NULL)
            printf("\n    \"%s\" does not say \"%s\"\n", message, texts[i]);
        CU_ASSERT(strstr(message, texts[i]) != NULL);
    }
    struct vain_layout layout;
    CU_ASSERT_EQUAL(model->layout(options, &layout), VAIN_ERR_INPUT);
    CU_ASSERT(strstr(vain_fail_message(), message) != NULL);
    CU_ASSERT(layout.slices == NULL && layout.slice_count == 0);
    vain_fail_clear();
}
