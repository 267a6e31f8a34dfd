/* The encoder and its losses against their formulas (reference.c), against themselves, and against
 * what must be refused. */
#include "tests/unit/models/bed.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/models/reference.h"
#include "tests/unit/suite.h"

static struct vain_model_options encoder(int kind, int64_t layers, int64_t heads, int64_t width,
                                         int64_t features, double dropout)
{
    return (struct vain_model_options){
        .kind = VAIN_MODEL_ENCODER,
        .layers = layers,
        .heads = heads,
        .width = width,
        .context = 6,
        .symbols = 12,
        .classes = 5,
        .dropout = dropout,
        .features = features,
        .loss = {.kind = kind, .temperature = 0.5, .clusters = 4, .balance = 0.3}};
}

static void check_loss(int kind)
{
    const struct vain_model_options plain = encoder(kind, 2, 2, 8, 0, 0),
                                    projected = encoder(kind, 1, 3, 15, 7, 0),
                                    dropped = encoder(kind, 2, 2, 8, 5, 0.3);
    const struct vain_batch_place place = bed_place(3, 5, 2);
    bed_check_gradients(&plain, 6, 6, NULL);
    bed_check_gradients(&projected, 8, 6, NULL);
    bed_check_gradients(&dropped, 6, 6, &place);
}

static void contrastive_gradients_equal_finite_differences(void)
{
    check_loss(VAIN_LOSS_CONTRASTIVE);
}

static void clustering_gradients_equal_finite_differences(void)
{
    check_loss(VAIN_LOSS_CLUSTERING);
}

static void cross_entropy_gradients_equal_finite_differences(void)
{
    check_loss(VAIN_LOSS_CROSS_ENTROPY);
}

static void bits_do_not_depend_on_threads(void)
{
    for (int kind = VAIN_LOSS_CROSS_ENTROPY; kind <= VAIN_LOSS_CLUSTERING; kind++) {
        const struct vain_model_options options = encoder(kind, 2, 4, 64, 48, 0.1);
        bed_check_threads(&options, 34, 6);
    }
}

static void dropout_follows_the_place(void)
{
    const struct vain_model_options options = encoder(VAIN_LOSS_CONTRASTIVE, 2, 2, 16, 0, 0.2);
    bed_check_dropout_places(&options, 6, 6);
}

/* Features of the batch, in a workspace of evaluation whose every float is a NaN. */
static void run_features(struct bed *bed, float *out)
{
    const size_t bytes =
        bed->model->workspace_bytes(&bed->options, bed->batch.B, bed->batch.T, false);
    memset(bed->workspace, 0xff, bytes);
    bed->model->features(&bed->options, &bed->layout, &bed->queue, bed->parameters, &bed->batch,
                         bed->workspace, out, NULL);
}

static void features_follow_the_formula(void)
{
    const struct vain_model_options kinds[] = {encoder(VAIN_LOSS_CONTRASTIVE, 2, 2, 8, 0, 0.5),
                                               encoder(VAIN_LOSS_CLUSTERING, 1, 3, 15, 7, 0)};
    for (size_t k = 0; k < VAIN_COUNT_OF(kinds); k++) {
        struct bed bed;
        float found[6 * 15];
        double expected[6 * 15], *parameters = NULL;
        bed_open(&bed, &kinds[k], 6, 6, 2);
        const int64_t F = vain_encoder_width(&kinds[k]);
        CU_ASSERT_EQUAL(F, k == 0 ? 8 : 7);
        CU_ASSERT_FATAL(
            vain_take_array(bed.N, sizeof *parameters, "a test", (void **)&parameters) == VAIN_OK);
        for (int64_t e = 0; e < bed.N; e++)
            parameters[e] = (double)bed.parameters[e];
        reference_features(&kinds[k], &bed.layout, parameters, &bed.batch, NULL, expected);
        run_features(&bed, found);
        for (int64_t b = 0; b < 6; b++) {
            double squares = 0;
            for (int64_t f = 0; f < F; f++) {
                CU_ASSERT_DOUBLE_EQUAL((double)found[b * F + f], expected[b * F + f], 1e-5);
                squares += (double)found[b * F + f] * (double)found[b * F + f];
            }
            CU_ASSERT_DOUBLE_EQUAL(squares, 1, 1e-5);
        }
        vain_release(parameters);
        bed_close(&bed);
    }
}

/* A sentence's features are the same bits alone and among longer ones, whatever pads it. */
static void company_and_padding_do_not_matter(void)
{
    const struct vain_model_options options = encoder(VAIN_LOSS_CONTRASTIVE, 2, 2, 8, 0, 0);
    struct bed bed;
    float together[6 * 8], again[6 * 8], alone[8];
    bed_open(&bed, &options, 6, 6, 2);
    run_features(&bed, together);
    for (int64_t b = 0; b < 6; b++)
        for (int64_t t = bed.lengths[b]; t < 6; t++)
            bed.tokens[b * 6 + t] = (bed.tokens[b * 6 + t] + 1) % 12;
    run_features(&bed, again);
    CU_ASSERT_EQUAL(memcmp(together, again, sizeof together), 0);
    bed.batch.B = 1;
    bed.batch.T = bed.lengths[0];
    run_features(&bed, alone);
    for (int f = 0; f < 8; f++)
        CU_ASSERT_DOUBLE_EQUAL((double)alone[f], (double)together[f], 1e-6);
    bed_close(&bed);
}

/* Only what is multiplied counts: neither table. */
static void operations_are_counted(void)
{
    const struct vain_model_options options = encoder(VAIN_LOSS_CONTRASTIVE, 2, 2, 8, 0, 0);
    struct vain_layout layout;
    CU_ASSERT_FATAL(vain_encoder_ops.layout(&options, &layout) == VAIN_OK);
    CU_ASSERT_EQUAL(vain_model_flops_per_token(&options, &layout),
                    6.0 * (double)(layout.parameter_count - 18 * 8) + 12.0 * 2 * 8 * 6);
    vain_layout_fini(&layout);
}

/* What stands later in a sentence changes what is made of its beginning. */
static void order_and_later_words_matter(void)
{
    const struct vain_model_options options = encoder(VAIN_LOSS_CONTRASTIVE, 1, 2, 8, 0, 0);
    struct bed bed;
    float before[6 * 8], after[6 * 8];
    bed_open(&bed, &options, 6, 6, 1);
    run_features(&bed, before);
    const int32_t first = bed.tokens[5 * 6];
    bed.tokens[5 * 6] = bed.tokens[5 * 6 + 5];
    bed.tokens[5 * 6 + 5] = first;
    run_features(&bed, after);
    CU_ASSERT_EQUAL(memcmp(before, after, 5 * 8 * sizeof(float)), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(before + 5 * 8, after + 5 * 8, 8 * sizeof(float)), 0);
    bed_close(&bed);
}

static void layouts_have_known_totals(void)
{
    /* Tables 12 x 8 and 6 x 8, a block of 12 C^2 + 13 C each, the final norm. */
    const int64_t body = 18 * 8 + 2 * (12 * 64 + 13 * 8) + 16;
    struct vain_model_options options = encoder(VAIN_LOSS_CONTRASTIVE, 2, 2, 8, 0, 0);
    bed_check_layout(&options, body);
    options = encoder(VAIN_LOSS_CONTRASTIVE, 2, 2, 8, 7, 0);
    bed_check_layout(&options, body + 7 * 8 + 7);
    options = encoder(VAIN_LOSS_CLUSTERING, 2, 2, 8, 7, 0);
    bed_check_layout(&options, body + 7 * 8 + 7 + 4 * 7);
    options = encoder(VAIN_LOSS_CROSS_ENTROPY, 2, 2, 8, 0, 0);
    bed_check_layout(&options, body + 5 * 8 + 5);
}

static void workspaces_are_exact(void)
{
    for (int kind = VAIN_LOSS_CROSS_ENTROPY; kind <= VAIN_LOSS_CLUSTERING; kind++) {
        const struct vain_model_options options = encoder(kind, 2, 2, 16, 5, 0);
        bed_check_workspace(&options, 4, 6);
    }
}

static void what_cannot_be_is_refused_with_numbers(void)
{
    struct vain_model_options bad = encoder(VAIN_LOSS_CONTRASTIVE, 2, 3, 8, 0, 0);
    bed_check_refused(&bad, "model.heads", (const char *const[]){"3 heads", "width of 8", NULL});
    bad = encoder(VAIN_LOSS_CONTRASTIVE, 2, 2, 8, -1, 0);
    bed_check_refused(&bad, "model.features", (const char *const[]){"-1", "0 to 65536", NULL});
    bad = encoder(VAIN_LOSS_CONTRASTIVE, 2, 2, 8, 0, 0);
    bad.loss.temperature = (double)NAN;
    bed_check_refused(&bad, "loss.temperature", (const char *const[]){"above 0", NULL});
    bad = encoder(VAIN_LOSS_CLUSTERING, 2, 2, 8, 0, 0);
    bad.loss.clusters = 1;
    bed_check_refused(&bad, "loss.clusters", (const char *const[]){"1 clusters", "2 to", NULL});
    struct vain_layout layout;
    bad = encoder(VAIN_LOSS_CROSS_ENTROPY, 2, 2, 8, 0, 0);
    bad.classes = 0;
    CU_ASSERT_EQUAL(vain_encoder_ops.layout(&bad, &layout), VAIN_ERR_INPUT);
    CU_ASSERT(strstr(vain_fail_message(), "labels") != NULL);
    vain_fail_clear();
}

static const struct vain_test tests[] = {
    {"contrastive gradients equal finite differences",
     contrastive_gradients_equal_finite_differences},
    {"clustering gradients equal finite differences",
     clustering_gradients_equal_finite_differences},
    {"cross entropy's gradients equal finite differences",
     cross_entropy_gradients_equal_finite_differences},
    {"bits do not depend on threads", bits_do_not_depend_on_threads},
    {"dropout follows the place", dropout_follows_the_place},
    {"features follow the formula", features_follow_the_formula},
    {"company and padding do not matter", company_and_padding_do_not_matter},
    {"order and later words matter", order_and_later_words_matter},
    {"layouts have known totals", layouts_have_known_totals},
    {"operations are counted", operations_are_counted},
    {"workspaces are exact", workspaces_are_exact},
    {"what cannot be is refused with numbers", what_cannot_be_is_refused_with_numbers},
    {NULL, NULL},
};
const struct vain_suite vain_suite_encoder = {"models/encoder", tests};
