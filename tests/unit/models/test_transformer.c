/* The transformer against its formulas (reference.c), against itself, and against what must be
 * refused. */
#include "tests/unit/models/bed.h"

#include <string.h>

#include "tests/unit/suite.h"

static struct vain_model_options transformer(int64_t layers, int64_t heads, int64_t width,
                                             int64_t context, int64_t symbols, double dropout)
{
    return (struct vain_model_options){.kind = VAIN_MODEL_TRANSFORMER,
                                       .layers = layers,
                                       .heads = heads,
                                       .width = width,
                                       .context = context,
                                       .symbols = symbols,
                                       .dropout = dropout};
}

static void gradients_equal_finite_differences(void)
{
    const struct vain_model_options small = transformer(2, 2, 8, 6, 7, 0),
                                    odd = transformer(1, 3, 15, 5, 11, 0);
    bed_check_gradients(&small, 2, 6, NULL);
    bed_check_gradients(&odd, 3, 5, NULL);
}

static void gradients_hold_for_short_windows(void)
{
    const struct vain_model_options small = transformer(2, 2, 8, 6, 7, 0);
    struct bed bed;
    bed_open(&bed, &small, 2, 3, 1);
    (void)bed_forward_backward(&bed, NULL);
    /* Positions that no window reached have no gradient, the others have. */
    const struct vain_slice *positions = &bed.layout.slices[1];
    CU_ASSERT_STRING_EQUAL(positions->name, "position_embedding.weight");
    for (int64_t t = 0; t < 6; t++) {
        float sum = 0;
        for (int64_t c = 0; c < 8; c++)
            sum += bed.gradients[positions->offset + t * 8 + c] *
                   bed.gradients[positions->offset + t * 8 + c];
        CU_ASSERT((sum > 0) == (t < 3));
    }
    bed_close(&bed);
    bed_check_gradients(&small, 2, 3, NULL);
    bed_check_gradients(&small, 1, 1 + 1, NULL);
}

static void gradients_hold_under_dropout(void)
{
    const struct vain_model_options small = transformer(2, 2, 8, 6, 7, 0.3);
    const struct vain_batch_place place = bed_place(3, 5, 2);
    bed_check_gradients(&small, 2, 5, &place);
}

static void bits_do_not_depend_on_threads(void)
{
    const struct vain_model_options characters = transformer(2, 4, 64, 32, 65, 0.1),
                                    bytes = transformer(1, 2, 48, 40, 256, 0);
    bed_check_threads(&characters, 6, 32);
    bed_check_threads(&bytes, 5, 37);
}

static void dropout_follows_the_place(void)
{
    const struct vain_model_options small = transformer(2, 2, 16, 8, 9, 0.2);
    bed_check_dropout_places(&small, 2, 8);
}

static void micro_batches_add_up(void)
{
    const struct vain_model_options small = transformer(2, 2, 16, 8, 9, 0);
    bed_check_accumulation(&small, 8);
}

static void next_logits_are_the_last_ones(void)
{
    const struct vain_model_options small = transformer(2, 2, 8, 6, 7, 0.5);
    bed_check_next_logits(&small);
}

static void workspaces_are_exact(void)
{
    const struct vain_model_options small = transformer(2, 2, 16, 8, 9, 0);
    bed_check_workspace(&small, 3, 8);
    /* By hand, M = 24 rows, C = 16, in floats, every part a multiple of 16: 2 x 5 norms of M C, 2 x
     * 5 of M, 12 L M C in qkv, attention and feed-forward, log sums L M H, logits M V, 6 M C of
     * gradients; all but the odd ones. */
    const size_t floats = 10 * 24 * 16 + 2 * 128 + 12 * 2 * 24 * 16 + 96 + 224 + 6 * 24 * 16;
    CU_ASSERT_EQUAL(vain_transformer_ops.workspace_bytes(&small, 3, 8, true), 4 * floats);
    /* Evaluation keeps one layer and no gradients. */
    const size_t one = 2 * 24 * 16 + 2 * 32 + 12 * 24 * 16 + 48 + 224;
    CU_ASSERT_EQUAL(vain_transformer_ops.workspace_bytes(&small, 3, 8, false), 4 * one);
}

static void layouts_have_known_totals(void)
{
    const struct vain_model_options tiny = transformer(4, 4, 128, 64, 65, 0),
                                    medium = transformer(6, 6, 384, 256, 65, 0),
                                    gpt2 = transformer(12, 12, 768, 1024, 50257, 0),
                                    deepest = transformer(256, 1, 2, 2, 2, 0);
    bed_check_layout(&tiny, 809856);
    bed_check_layout(&medium, 10770816);
    bed_check_layout(&gpt2, 124439808); /* "124M" */
    bed_check_layout(&deepest, 2 * 2 + 2 * 2 + 256 * (12 * 4 + 13 * 2) + 4);
}

static void slices_have_their_names(void)
{
    static const char *const names[] = {
        "token_embedding.weight",
        "position_embedding.weight",
        "blocks.0.attention_norm.weight",
        "blocks.0.attention_norm.bias",
        "blocks.0.attention.query_key_value.weight",
        "blocks.0.attention.query_key_value.bias",
        "blocks.0.attention.projection.weight",
        "blocks.0.attention.projection.bias",
        "blocks.0.feed_forward_norm.weight",
        "blocks.0.feed_forward_norm.bias",
        "blocks.0.feed_forward.up.weight",
        "blocks.0.feed_forward.up.bias",
        "blocks.0.feed_forward.down.weight",
        "blocks.0.feed_forward.down.bias",
        "final_norm.weight",
        "final_norm.bias",
    };
    const struct vain_model_options options = transformer(1, 2, 8, 6, 7, 0);
    struct vain_layout layout;
    CU_ASSERT_FATAL(vain_transformer_ops.layout(&options, &layout) == VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(layout.slice_count, (int)VAIN_COUNT_OF(names));
    for (int s = 0; s < layout.slice_count; s++)
        CU_ASSERT_STRING_EQUAL(layout.slices[s].name, names[s]);
    const struct vain_slice *up = &layout.slices[10];
    CU_ASSERT(up->shape[0] == 32 && up->shape[1] == 8);
    CU_ASSERT(strcmp(up->dims[0], "out") == 0 && strcmp(up->dims[1], "in") == 0);
    vain_layout_fini(&layout);
}

/* nanoGPT's: 0.02, and 0.02 / sqrt(2 L) for what is added to the residual stream; gains 1, the rest
 * 0. */
static void slices_start_as_stated(void)
{
    const struct vain_model_options options = transformer(8, 2, 8, 6, 7, 0);
    struct vain_layout layout;
    CU_ASSERT_FATAL(vain_transformer_ops.layout(&options, &layout) == VAIN_OK);
    for (int s = 0; s < layout.slice_count; s++) {
        const struct vain_slice *slice = &layout.slices[s];
        const bool residual = strstr(slice->name, "projection.weight") != NULL ||
                              strstr(slice->name, "down.weight") != NULL;
        const bool gain = strstr(slice->name, "norm.weight") != NULL;
        const float deviation = slice->shape_count == 1 ? 0.0f : residual ? 0.005f : 0.02f;
        CU_ASSERT(slice->initial_deviation == deviation);
        CU_ASSERT(slice->initial_constant == (gain ? 1.0f : 0.0f));
    }
    vain_layout_fini(&layout);
}

static void a_small_batch_is_learnt_by_heart(void)
{
    const struct vain_model_options small = transformer(2, 2, 32, 16, 65, 0);
    bed_check_overfit(&small, 4, 16, 80, 0.05);
}

static void what_cannot_be_is_refused_with_numbers(void)
{
    struct vain_model_options bad = transformer(4, 4, 130, 64, 65, 0);
    bed_check_refused(
        &bad, "model.heads",
        (const char *const[]){"4 heads", "width of 130", "2 or 5 heads", "width of 132", NULL});
    bad = transformer(4, 129, 128, 64, 65, 0);
    bed_check_refused(&bad, "model.heads", (const char *const[]){"129 heads", "128", NULL});
    bad = transformer(4, 0, 128, 64, 65, 0);
    bed_check_refused(&bad, "model.heads", (const char *const[]){"0 heads", "1 to 128", NULL});
    bad = transformer(0, 4, 128, 64, 65, 0);
    bed_check_refused(&bad, "model.layers", (const char *const[]){"0 layers", "1 to 256", NULL});
    bad = transformer(257, 4, 128, 64, 65, 0);
    bed_check_refused(&bad, "model.layers", (const char *const[]){"257 layers", NULL});
    bad = transformer(4, 4, 0, 64, 65, 0);
    bed_check_refused(&bad, "model.width", (const char *const[]){"0 channels", "1 to 65536", NULL});
    bad = transformer(4, 4, 65540, 64, 65, 0);
    bed_check_refused(&bad, "model.width", (const char *const[]){"65540 channels", NULL});
}

static const struct vain_test tests[] = {
    {"gradients equal finite differences", gradients_equal_finite_differences},
    {"gradients hold for short windows", gradients_hold_for_short_windows},
    {"gradients hold under dropout", gradients_hold_under_dropout},
    {"bits do not depend on threads", bits_do_not_depend_on_threads},
    {"dropout follows the place", dropout_follows_the_place},
    {"micro-batches add up", micro_batches_add_up},
    {"next logits are the last ones", next_logits_are_the_last_ones},
    {"workspaces are exact", workspaces_are_exact},
    {"layouts have known totals", layouts_have_known_totals},
    {"slices have their names", slices_have_their_names},
    {"slices start as stated", slices_start_as_stated},
    {"a small batch is learnt by heart", a_small_batch_is_learnt_by_heart},
    {"what cannot be is refused with numbers", what_cannot_be_is_refused_with_numbers},
    {NULL, NULL},
};
const struct vain_suite vain_suite_transformer = {"models/transformer", tests};
