/* The convnet against its formulas (reference_convnet.c), against itself, and against what must be
 * refused. */
#include "tests/unit/models/bed.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "models/layout.h"
#include "tests/unit/suite.h"

/* A network on images of 6 x 5 pixels with 2 channels and 4 classes. */
static struct vain_model_options convnet(const char *network)
{
    struct vain_model_options options = {
        .kind = VAIN_MODEL_CONVNET, .context = 64, .image = {6, 5, 2}, .classes = 4};
    (void)snprintf(options.network, sizeof options.network, "%s", network);
    return options;
}

static struct vain_model_options preset(enum vain_model_preset preset, int64_t classes)
{
    return (struct vain_model_options){.kind = VAIN_MODEL_CONVNET,
                                       .context = 64,
                                       .preset = (int)preset,
                                       .image = {28, 28, 1},
                                       .classes = classes};
}

static const char *const networks[] = {
    "dense",
    "dense 7 relu, dense",
    "dense 7 batch-norm relu, dense 5 batch-norm, dense",
    "conv 3 3x3 same relu, max-pool 2x2, dense 6 relu, dense",
    "conv 3 3x2 stride 2 same batch-norm relu, conv 4 2x2 batch-norm relu, dense",
    "conv 3 3x3 batch-norm, average-pool 2x2 same, conv 2 1x1, dense",
    "max-pool 2x2 stride 1, conv 3 2x2 relu, average-pool 2x2 stride 1, dense",
};

static void gradients_equal_finite_differences(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(networks); i++) {
        const struct vain_model_options options = convnet(networks[i]);
        bed_check_gradients(&options, 5, 1, NULL);
    }
}

static void gradients_hold_under_dropout(void)
{
    static const char *const dropping[] = {
        "dropout 0.2, dense 9 relu, dropout 0.3, dense",
        "conv 4 3x3 same relu, max-pool 2x2, dropout 0.3, dense 8 relu, dropout 0.4, dense",
        "conv 4 3x3 same batch-norm relu, dropout 0.3, average-pool 2x2, dropout 0.2, dense",
    };
    const struct vain_batch_place place = bed_place(3, 5, 2);
    for (size_t i = 0; i < VAIN_COUNT_OF(dropping); i++) {
        const struct vain_model_options options = convnet(dropping[i]);
        bed_check_gradients(&options, 5, 1, &place);
    }
}

static void gradients_follow_a_teacher(void)
{
    static const float weights[] = {0.7f, 1, 0.25f}, temperatures[] = {3, 4, 1};
    for (size_t i = 0; i < VAIN_COUNT_OF(weights); i++) {
        const struct vain_model_options options = convnet(networks[i + 1]);
        bed_check_taught_gradients(&options, 5, weights[i], temperatures[i]);
    }
}

static void bits_do_not_depend_on_threads(void)
{
    const struct vain_model_options all = convnet(
        "conv 33 3x3 same batch-norm relu, max-pool 2x2, dropout 0.3, dense 70 relu, dense");
    const struct vain_model_options reptile = preset(VAIN_PRESET_REPTILE, 5);
    bed_check_threads(&all, 40, 1);
    bed_check_threads(&reptile, 10, 1);
}

static void dropout_follows_the_place(void)
{
    struct vain_model_options options = convnet("dense 30 relu, dropout 0.5, dense");
    struct bed bed;
    bed_open(&bed, &options, 6, 1, 2);
    const struct vain_batch_place here = bed_place(1, 2, 3);
    const double loss = bed_forward_backward(&bed, &here);
    CU_ASSERT(bed_forward_backward(&bed, &here) == loss);
    const struct vain_batch_place others[] = {bed_place(0, 2, 3), bed_place(1, 3, 3),
                                              bed_place(1, 2, 4)};
    for (size_t i = 0; i < VAIN_COUNT_OF(others); i++)
        CU_ASSERT(bed_forward_backward(&bed, &others[i]) != loss);
    bed_close(&bed);
}

/* Without a batch norm two micro-batches of one image add up to one of two. */
static void micro_batches_add_up(void)
{
    const struct vain_model_options options =
        convnet("conv 8 3x3 same relu, max-pool 2x2, dense 12 relu, dense");
    bed_check_accumulation(&options, 1);
}

/* Logits are those that evaluation counts, and neither depends on the other images of a batch where
 * there is no batch norm. */
static void logits_classify(void)
{
    const struct vain_model_options options = convnet("conv 3 3x3 same relu, max-pool 2x2, dense");
    enum { B = 9, V = 4 };
    struct bed bed;
    float together[B * V], alone[V];
    bed_open(&bed, &options, B, 1, 2);
    struct vain_measure measure;
    bed.model->evaluate(&options, &bed.layout, &bed.queue, bed.parameters, &bed.batch,
                        bed.workspace, &measure);
    bed.model->logits(&options, &bed.layout, &bed.queue, bed.parameters, &bed.batch, bed.workspace,
                      together);
    int correct = 0;
    for (int b = 0; b < B; b++) {
        int best = 0;
        for (int v = 1; v < V; v++)
            best = together[b * V + v] > together[b * V + best] ? v : best;
        correct += best == bed.targets[b];
        const struct vain_batch one = {.B = 1, .T = 1, .images = bed.batch.images + b * 6 * 5 * 2};
        bed.model->logits(&options, &bed.layout, &bed.queue, bed.parameters, &one, bed.workspace,
                          alone);
        CU_ASSERT_EQUAL(memcmp(alone, together + b * V, sizeof alone), 0);
    }
    CU_ASSERT(measure.count == B && measure.correct == correct && correct > 0 && correct < B);
    CU_ASSERT_PTR_NULL(bed.model->next_logits);
    bed_close(&bed);
}

/* What the last layer makes of the features are the logits, and those are the ones without them. */
static void features_are_what_the_last_layer_sees(void)
{
    static const char *const texts[] = {"conv 3 3x3 same relu, max-pool 2x2, dense 7 relu, dense",
                                        "dense",
                                        "conv 3 3x3 same batch-norm relu, dropout 0.5, dense"};
    static const int64_t widths[] = {7, 6 * 5 * 2, 6 * 5 * 3};
    enum { B = 9, V = 4, MOST = 90 };
    for (size_t n = 0; n < VAIN_COUNT_OF(texts); n++) {
        const struct vain_model_options options = convnet(texts[n]);
        struct bed bed;
        float logits[B * V], beside[B * V], features[B * MOST];
        bed_open(&bed, &options, B, 1, 2);
        const int64_t width = bed.model->feature_width(&options);
        CU_ASSERT_EQUAL_FATAL(width, widths[n]);
        bed.model->logits(&options, &bed.layout, &bed.queue, bed.parameters, &bed.batch,
                          bed.workspace, logits);
        bed.model->features(&options, &bed.layout, &bed.queue, bed.parameters, &bed.batch,
                            bed.workspace, features, beside);
        CU_ASSERT_EQUAL(memcmp(logits, beside, sizeof logits), 0);
        const float *weight = bed.parameters + bed.N - V - V * width,
                    *bias = bed.parameters + bed.N - V;
        for (int b = 0; b < B; b++) {
            for (int v = 0; v < V; v++) {
                double sum = (double)bias[v];
                for (int64_t w = 0; w < width; w++)
                    sum += (double)weight[v * width + w] * (double)features[b * width + w];
                CU_ASSERT_DOUBLE_EQUAL((double)logits[b * V + v], sum, 1e-4);
            }
        }
        bed_close(&bed);
    }
}

static void workspaces_are_exact(void)
{
    const struct vain_model_options options =
        convnet("conv 3 3x3 same batch-norm relu, max-pool 2x2, dense");
    const struct vain_model_ops *model = &vain_convnet_ops;
    /* By hand, in floats rounded up to 16, B = 3: 90 a picture before and after the norm, means and
     * deviations of 3, then 2 x 3 x 2 + ... pixels of the pool, 4 logits; two gradients of 90. */
    CU_ASSERT_EQUAL(model->workspace_bytes(&options, 3, 1, true),
                    4 * (2 * 272 + 2 * 16 + 64 + 16 + 2 * 272));
    CU_ASSERT_EQUAL(model->workspace_bytes(&options, 3, 1, false), 4 * (2 * 272 + 2 * 16));
    for (int64_t B = 1; B < 3; B++)
        CU_ASSERT(model->workspace_bytes(&options, B, 1, true) <=
                  model->workspace_bytes(&options, 3, 1, true));
    CU_ASSERT(model->workspace_bytes(&options, INT64_MAX / 2, 1, true) == SIZE_MAX);
    CU_ASSERT(model->workspace_bytes(&options, INT64_MAX / 2, 1, false) == SIZE_MAX);
}

static void layouts_have_known_totals(void)
{
    const struct vain_model_options mlp = preset(VAIN_PRESET_MLP_200, 10),
                                    cnn = preset(VAIN_PRESET_MCMAHAN_CNN, 10),
                                    reptile = preset(VAIN_PRESET_REPTILE, 5);
    bed_check_layout(&mlp, 199210);
    bed_check_layout(&cnn, 1663370);
    /* Filters, gains and shifts of four layers, 256 to 5. */
    bed_check_layout(&reptile, 64 * 9 + 128 + 3 * (64 * 64 * 9 + 128) + 257 * 5);
}

static void slices_have_their_names_and_shapes(void)
{
    static const char *const names[] = {
        "layers.0.weight", "layers.0.norm.gain", "layers.0.norm.shift", "layers.2.weight",
        "layers.2.bias",   "layers.4.weight",    "layers.4.bias",
    };
    const struct vain_model_options options =
        convnet("conv 7 3x2 batch-norm relu, max-pool 2x2, dense 6 relu, dropout 0.5, dense");
    struct vain_layout layout;
    CU_ASSERT_FATAL(vain_convnet_ops.layout(&options, &layout) == VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(layout.slice_count, (int)VAIN_COUNT_OF(names));
    for (int s = 0; s < layout.slice_count; s++)
        CU_ASSERT_STRING_EQUAL(layout.slices[s].name, names[s]);
    const struct vain_slice *filters = &layout.slices[0];
    CU_ASSERT_EQUAL(filters->shape_count, 4);
    CU_ASSERT(filters->shape[0] == 7 && filters->shape[1] == 3 && filters->shape[2] == 2 &&
              filters->shape[3] == 2);
    /* 2 / (3 2 (2 + 7)) */
    CU_ASSERT_DOUBLE_EQUAL((double)filters->initial_deviation, 0.19245008972988, 1e-7);
    CU_ASSERT(layout.slices[1].initial_constant == 1 && layout.slices[2].initial_constant == 0);
    /* 2 x 2 pixels of 7 channels are left of 4 x 4. */
    CU_ASSERT_EQUAL(layout.slices[3].shape[1], 28);
    vain_layout_fini(&layout);
}

static void rates_count_every_pixel(void)
{
    const struct vain_model_options options = convnet("conv 7 3x3 same, max-pool 2x2, dense");
    struct vain_layout layout;
    CU_ASSERT_FATAL(vain_convnet_ops.layout(&options, &layout) == VAIN_OK);
    CU_ASSERT_EQUAL(vain_model_flops_per_token(&options, &layout),
                    6.0 * (30 * 9 * 2 * 7 + 3 * 2 * 7 * 4));
    vain_layout_fini(&layout);
}

static void a_small_batch_is_learnt_by_heart(void)
{
    const struct vain_model_options
        plain = convnet("conv 16 3x3 same relu, max-pool 2x2, dense 32 relu, dense"),
        normed = convnet("conv 16 3x3 same batch-norm relu, average-pool 3x3, dense");
    bed_check_overfit(&plain, 12, 1, 80, 0.05);
    bed_check_overfit(&normed, 12, 1, 80, 0.05);
}

static void what_cannot_be_is_refused(void)
{
    struct vain_model_options bad = convnet("");
    bed_check_refused(&bad, "model.network", (const char *const[]){"has layers", "dense", NULL});
    bad = convnet("dense");
    bad.preset = VAIN_PRESET_REPTILE;
    bed_check_refused(&bad, "model.network", (const char *const[]){"leave one", NULL});
    bad = convnet("dense");
    bad.dropout = 0.25;
    bed_check_refused(&bad, "model.dropout", (const char *const[]){"\"dropout 0.25\"", NULL});
    bad = convnet("conv 3 3x3, pool 2x2, dense");
    bed_check_refused(&bad, "model.network",
                      (const char *const[]){"layer 2 (pool 2x2)", "\"pool\" is no layer", NULL});
    bad = convnet("conv 3 7x7, dense");
    bed_check_refused(&bad, "model.network",
                      (const char *const[]){"layer 1 (conv 3 7x7)", "6x5 pixels", NULL});
    bad = preset(VAIN_PRESET_MCMAHAN_CNN, 10);
    bad.image = (struct vain_image_shape){3, 3, 1};
    bed_check_refused(&bad, "model.preset",
                      (const char *const[]){"layer 4 (max-pool 2x2)", "1x1 pixels", NULL});
}

static void unknown_images_pass_the_check_but_make_no_layout(void)
{
    struct vain_model_options options = preset(VAIN_PRESET_REPTILE, 0);
    struct vain_layout layout;
    char key[64], message[256];
    CU_ASSERT_EQUAL(vain_convnet_ops.check(&options, key, sizeof key, message, sizeof message),
                    VAIN_OK);
    CU_ASSERT_EQUAL(vain_convnet_ops.layout(&options, &layout), VAIN_ERR_INPUT);
    CU_ASSERT(strstr(vain_fail_message(), "open the data first") != NULL);
    CU_ASSERT_PTR_NULL(layout.slices);
    vain_fail_clear();
}

static const struct vain_test tests[] = {
    {"gradients equal finite differences", gradients_equal_finite_differences},
    {"gradients hold under dropout", gradients_hold_under_dropout},
    {"gradients follow a teacher", gradients_follow_a_teacher},
    {"bits do not depend on threads", bits_do_not_depend_on_threads},
    {"dropout follows the place", dropout_follows_the_place},
    {"micro-batches add up", micro_batches_add_up},
    {"logits classify", logits_classify},
    {"features are what the last layer sees", features_are_what_the_last_layer_sees},
    {"workspaces are exact", workspaces_are_exact},
    {"layouts have known totals", layouts_have_known_totals},
    {"slices have their names and shapes", slices_have_their_names_and_shapes},
    {"rates count every pixel", rates_count_every_pixel},
    {"a small batch is learnt by heart", a_small_batch_is_learnt_by_heart},
    {"what cannot be is refused", what_cannot_be_is_refused},
    {"unknown images pass the check but make no layout",
     unknown_images_pass_the_check_but_make_no_layout},
    {NULL, NULL},
};
const struct vain_suite vain_suite_convnet = {"models/convnet", tests};
