/* The multi-layer perceptron against its formulas (reference.c), against itself, and against what
 * must be refused. */
#include "tests/unit/models/bed.h"

#include <string.h>

#include "base/memory.h"
#include "tests/unit/suite.h"

static struct vain_model_options mlp(int64_t context, int64_t symbols, double dropout,
                                     struct vain_option_counts sizes)
{
    return (struct vain_model_options){.kind = VAIN_MODEL_MLP,
                                       .context = context,
                                       .symbols = symbols,
                                       .dropout = dropout,
                                       .sizes = sizes};
}

#define SIZES(...)                                                                                 \
    ((struct vain_option_counts){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),        \
                                 {__VA_ARGS__}})

static void gradients_equal_finite_differences(void)
{
    const struct vain_model_options shaped_like_the_default = mlp(4, 7, 0, SIZES(16, 8, 16)),
                                    deep = mlp(3, 5, 0, SIZES(9, 7, 6, 5, 4)),
                                    flat = mlp(3, 5, 0, SIZES(6));
    bed_check_gradients(&shaped_like_the_default, 3, 4, NULL);
    bed_check_gradients(&deep, 2, 3, NULL);
    bed_check_gradients(&flat, 2, 3, NULL);
}

static void gradients_hold_for_short_windows(void)
{
    const struct vain_model_options small = mlp(4, 7, 0, SIZES(16, 8, 16));
    bed_check_gradients(&small, 5, 2, NULL);
    bed_check_gradients(&small, 5, 1, NULL);
}

static void gradients_hold_under_dropout(void)
{
    const struct vain_model_options small = mlp(4, 7, 0.3, SIZES(16, 12, 16));
    const struct vain_batch_place place = bed_place(3, 5, 2);
    bed_check_gradients(&small, 4, 4, &place);
}

static void bits_do_not_depend_on_threads(void)
{
    const struct vain_model_options characters = mlp(16, 65, 0.1, SIZES(128, 64, 128)),
                                    bytes = mlp(5, 256, 0, SIZES(45, 33));
    bed_check_threads(&characters, 6, 16);
    bed_check_threads(&bytes, 9, 5);
}

static void dropout_follows_the_place(void)
{
    const struct vain_model_options small = mlp(4, 9, 0.2, SIZES(16, 8, 16));
    bed_check_dropout_places(&small, 4, 4);
}

static void micro_batches_add_up(void)
{
    const struct vain_model_options small = mlp(4, 9, 0, SIZES(16, 8, 16));
    bed_check_accumulation(&small, 4);
}

static void next_logits_are_the_last_ones(void)
{
    const struct vain_model_options small = mlp(6, 7, 0.5, SIZES(24, 8, 16));
    bed_check_next_logits(&small);
}

/* A context of 1: no padding is ever read, and its row has no gradient. */
static void a_context_of_one_token_works(void)
{
    const struct vain_model_options single = mlp(1, 7, 0, SIZES(8, 6));
    struct bed bed;
    bed_open(&bed, &single, 9, 1, 2);
    CU_ASSERT(bed_forward_backward(&bed, NULL) > 0);
    const struct vain_slice *padding = &bed.layout.slices[1];
    CU_ASSERT_STRING_EQUAL(padding->name, "padding_embedding.weight");
    for (int64_t e = 0; e < padding->count; e++)
        CU_ASSERT(bed.gradients[padding->offset + e] == 0);
    bed_close(&bed);
}

static void workspaces_are_exact(void)
{
    const struct vain_model_options small = mlp(4, 9, 0, SIZES(16, 8, 32));
    bed_check_workspace(&small, 3, 4);
    /* By hand, M = 12 rows, in units of 4 bytes, each part rounded up to 16: padding 4, windows 48,
     * inputs M 56, pre-activations M 40, logits 108, two gradients M 32. */
    CU_ASSERT_EQUAL(vain_mlp_ops.workspace_bytes(&small, 3, 4, true),
                    4 * (16 + 48 + 672 + 480 + 112 + 2 * 384));
    CU_ASSERT_EQUAL(vain_mlp_ops.workspace_bytes(&small, 3, 4, false),
                    4 * (16 + 48 + 672 + 480 + 112));
}

static void layouts_have_known_totals(void)
{
    /* 66 rows of 8, 512 to 256, 256 to 512, 512 to 65 */
    const struct vain_model_options standard = mlp(64, 65, 0, SIZES(512, 256, 512)),
                                    flat = mlp(3, 5, 0, SIZES(6));
    bed_check_layout(&standard, 66 * 8 + 513 * 256 + 257 * 512 + 513 * 65);
    bed_check_layout(&flat, 6 * 2 + 7 * 5);
}

static void slices_have_their_names(void)
{
    static const char *const names[] = {
        "token_embedding.weight", "padding_embedding.weight",
        "layers.0.weight",        "layers.0.bias",
        "layers.1.weight",        "layers.1.bias",
        "output.weight",          "output.bias",
    };
    const struct vain_model_options options = mlp(64, 65, 0, SIZES(512, 256, 512));
    struct vain_layout layout;
    CU_ASSERT_FATAL(vain_mlp_ops.layout(&options, &layout) == VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(layout.slice_count, (int)VAIN_COUNT_OF(names));
    for (int s = 0; s < layout.slice_count; s++)
        CU_ASSERT_STRING_EQUAL(layout.slices[s].name, names[s]);
    vain_layout_fini(&layout);
}

static void a_small_batch_is_learnt_by_heart(void)
{
    const struct vain_model_options small = mlp(8, 65, 0, SIZES(64, 32, 64));
    bed_check_overfit(&small, 6, 8, 80, 0.05);
}

static void what_cannot_be_is_refused_with_numbers(void)
{
    struct vain_model_options bad = mlp(48, 65, 0, SIZES(512, 256, 512));
    bed_check_refused(
        &bad, "model.sizes",
        (const char *const[]){"512", "the context, 48", "32 or 64", "first size of 528", NULL});
    bad = mlp(513, 65, 0, SIZES(512, 256));
    bed_check_refused(
        &bad, "model.sizes",
        (const char *const[]){"512", "513 tokens", "context of 512", "first size of 513", NULL});
    bad = mlp(64, 65, 0, SIZES(512, 0, 512));
    bed_check_refused(&bad, "model.sizes",
                      (const char *const[]){"size 2 is 0", "1 to 65536", NULL});
    bad = mlp(64, 65, 0, SIZES(512, 65537));
    bed_check_refused(&bad, "model.sizes", (const char *const[]){"size 2 is 65537", NULL});
    bad.sizes.count = 0;
    bed_check_refused(&bad, "model.sizes",
                      (const char *const[]){"0 sizes", "[512, 256, 512]", NULL});
    bad.sizes.count = VAIN_OPTION_COUNTS_MAX + 1;
    bed_check_refused(&bad, "model.sizes", (const char *const[]){"17 sizes", NULL});
}

static const struct vain_test tests[] = {
    {"gradients equal finite differences", gradients_equal_finite_differences},
    {"gradients hold for short windows", gradients_hold_for_short_windows},
    {"gradients hold under dropout", gradients_hold_under_dropout},
    {"bits do not depend on threads", bits_do_not_depend_on_threads},
    {"dropout follows the place", dropout_follows_the_place},
    {"micro-batches add up", micro_batches_add_up},
    {"next logits are the last ones", next_logits_are_the_last_ones},
    {"a context of one token works", a_context_of_one_token_works},
    {"workspaces are exact", workspaces_are_exact},
    {"layouts have known totals", layouts_have_known_totals},
    {"slices have their names", slices_have_their_names},
    {"a small batch is learnt by heart", a_small_batch_is_learnt_by_heart},
    {"what cannot be is refused with numbers", what_cannot_be_is_refused_with_numbers},
    {NULL, NULL},
};
const struct vain_suite vain_suite_mlp = {"models/mlp", tests};
