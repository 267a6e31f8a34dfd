/* Options, layout, initial values and rates: what all model kinds share. */
#include "models/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "models/layout.h"
#include "tests/unit/models/bed.h"
#include "tests/unit/suite.h"

/* nanoGPT's shakespeare_char on a CPU. */
static struct vain_model_options tiny(void)
{
    return (struct vain_model_options){.kind = VAIN_MODEL_TRANSFORMER,
                                       .layers = 4,
                                       .heads = 4,
                                       .width = 128,
                                       .context = 64,
                                       .symbols = 65};
}

static struct vain_model_options default_mlp(void)
{
    return (struct vain_model_options){.kind = VAIN_MODEL_MLP,
                                       .context = 64,
                                       .symbols = 65,
                                       .sizes = {.count = 3, .values = {512, 256, 512}}};
}

static void keys_have_their_defaults(void)
{
    struct vain_model_options options = {.symbols = 65};
    const struct vain_option_section sections[] = {
        {vain_model_option_rows, vain_model_option_count, &options},
        {vain_loss_option_rows, vain_loss_option_count, &options.loss}};
    vain_option_defaults(sections, 2);
    CU_ASSERT_EQUAL(options.kind, VAIN_MODEL_TRANSFORMER);
    CU_ASSERT_EQUAL(options.loss.kind, VAIN_LOSS_CROSS_ENTROPY);
    CU_ASSERT(options.layers == 4 && options.heads == 4 && options.width == 128 &&
              options.context == 64);
    CU_ASSERT(options.dropout == 0);
    CU_ASSERT_EQUAL(options.sizes.count, 3);
    CU_ASSERT(options.sizes.values[0] == 512 && options.sizes.values[1] == 256 &&
              options.sizes.values[2] == 512);
    CU_ASSERT_EQUAL(options.symbols, 65); /* not a key */
    char key[64], message[256];
    for (options.kind = 0; options.kind <= VAIN_MODEL_ENCODER; options.kind++)
        CU_ASSERT_EQUAL(
            vain_model_ops_of(&options)->check(&options, key, sizeof key, message, sizeof message),
            options.kind == VAIN_MODEL_CONVNET ? VAIN_ERR_INPUT : VAIN_OK); /* needs layers */
}

static void keys_are_agreed_and_explained(void)
{
    for (int i = 0; i < vain_model_option_count; i++) {
        const struct vain_option *row = &vain_model_option_rows[i];
        CU_ASSERT(strncmp(row->key, "model.", 6) == 0);
        CU_ASSERT_EQUAL(row->scope, VAIN_AGREED);
        CU_ASSERT(strlen(row->help) > 10 && row->help[strlen(row->help) - 1] == '.');
        CU_ASSERT_PTR_NOT_NULL(row->fallback);
    }
}

static void values_parse_and_bounds_hold(void)
{
    static const struct {
        const char *key, *text;
        enum vain_status status;
    } rows[] = {
        {"model.kind", "mlp", VAIN_OK},
        {"model.kind", "transformers", VAIN_ERR_INPUT},
        {"model.layers", "256", VAIN_OK},
        {"model.layers", "257", VAIN_ERR_INPUT},
        {"model.layers", "0", VAIN_ERR_INPUT},
        {"model.heads", "0", VAIN_ERR_INPUT},
        {"model.width", "65537", VAIN_ERR_INPUT},
        {"model.context", "65536", VAIN_OK},
        {"model.context", "65537", VAIN_ERR_INPUT},
        {"model.dropout", "0.1", VAIN_OK},
        {"model.dropout", "-0.1", VAIN_ERR_INPUT},
        {"model.dropout", "1.5", VAIN_ERR_INPUT},
        {"model.sizes", "[64, 32]", VAIN_OK},
        {"model.sizes", "[64, 0]", VAIN_ERR_INPUT},
        {"model.preset", "mcmahan-cnn", VAIN_OK},
        {"model.preset", "lenet", VAIN_ERR_INPUT},
        {"model.network", "dense 5, dense", VAIN_OK},
    };
    struct vain_model_options options = {0};
    const struct vain_option_section section = {vain_model_option_rows, vain_model_option_count,
                                                &options};
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        const struct vain_option *row = vain_option_find(&section, 1, rows[i].key, NULL);
        char message[256], hint[160];
        CU_ASSERT_PTR_NOT_NULL_FATAL(row);
        CU_ASSERT_EQUAL(vain_option_parse(row, rows[i].text, &options, message, sizeof message,
                                          hint, sizeof hint),
                        rows[i].status);
    }
    CU_ASSERT(options.kind == VAIN_MODEL_MLP && options.sizes.count == 2 &&
              options.sizes.values[1] == 32);
    CU_ASSERT_EQUAL(options.preset, VAIN_PRESET_MCMAHAN_CNN);
    CU_ASSERT_STRING_EQUAL(options.network, "dense 5, dense");
}

static void common_limits_are_told(void)
{
    for (int kind = 0; kind <= VAIN_MODEL_MLP; kind++) {
        struct vain_model_options good = kind == VAIN_MODEL_MLP ? default_mlp() : tiny(),
                                  bad = good;
        bad.context = 0;
        bed_check_refused(&bad, "model.context",
                          (const char *const[]){"0 tokens", "1 to 65536", NULL});
        bad.context = VAIN_CONTEXT_MAX + 1;
        bed_check_refused(&bad, "model.context", (const char *const[]){"65537 tokens", NULL});
        bad = good;
        bad.dropout = 1;
        bed_check_refused(&bad, "model.dropout",
                          (const char *const[]){"1 is not", "below 1", NULL});
        bad.dropout = 0.99999999; /* 1.0f */
        bed_check_refused(&bad, "model.dropout",
                          (const char *const[]){"0.99999999 is not", "32-bit", NULL});
        bad.dropout = -0.5;
        bed_check_refused(&bad, "model.dropout", (const char *const[]){"-0.5 is not", NULL});
        bad.dropout = NAN;
        bed_check_refused(&bad, "model.dropout", (const char *const[]){"nan is not", NULL});
        bad = good;
        bad.symbols = VAIN_SYMBOLS_MAX + 1;
        bed_check_refused(&bad, "data.symbols", (const char *const[]){"65537", NULL});
        bad.symbols = -1;
        bed_check_refused(&bad, "data.symbols", (const char *const[]){"-1", NULL});
    }
}

static void unknown_symbols_pass_the_check_but_make_no_layout(void)
{
    for (int kind = 0; kind <= VAIN_MODEL_MLP; kind++) {
        struct vain_model_options options = kind == VAIN_MODEL_MLP ? default_mlp() : tiny();
        options.symbols = 0;
        const struct vain_model_ops *model = vain_model_ops_of(&options);
        char key[64], message[256];
        CU_ASSERT_EQUAL(model->check(&options, key, sizeof key, message, sizeof message), VAIN_OK);
        struct vain_layout layout;
        CU_ASSERT_EQUAL(model->layout(&options, &layout), VAIN_ERR_INPUT);
        CU_ASSERT(strstr(vain_fail_message(), "open the data first") != NULL);
        CU_ASSERT_PTR_NULL(layout.slices);
        vain_layout_fini(&layout);
        vain_fail_clear();
    }
}

static void divisors_are_the_nearest(void)
{
    static const int64_t rows[][4] = {{130, 4, 2, 5}, {512, 48, 32, 64}, {7, 3, 1, 7},
                                      {6, 6, 6, 0},   {6, 9, 6, 0},      {97, 96, 1, 97}};
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        int64_t below, above;
        vain_nearest_divisors(rows[i][0], rows[i][1], &below, &above);
        CU_ASSERT_EQUAL(below, rows[i][2]);
        CU_ASSERT_EQUAL(above, rows[i][3]);
    }
}

/* Values of an independent program: Philox4x32-10 and Box-Muller with 40 digits (Python, mpmath),
 * seed 1. */
static void initial_values_are_the_published_ones(void)
{
    static const struct {
        int64_t index;
        float value;
    } rows[] = {
        {0, 0x1.bb8b04p-5f}, /* first of the token table, deviation 0.02 */
        {1, -0x1.19627ep-6f},
        {8319, -0x1.2741b2p-8f},  /* last of the token table */
        {8320, -0x1.cd6ae8p-7f},  /* first position */
        {16768, 0x1.d79e7ap-7f},  /* first of query_key_value */
        {809087, 0x1.383f2p-12f}, /* in the last residual projection, deviation 0.02 / sqrt(8) */
        {16512, 1},               /* a gain */
        {809855, 0},              /* the last shift */
    };
    const struct vain_model_options options = tiny();
    struct vain_layout layout;
    CU_ASSERT_FATAL(vain_transformer_ops.layout(&options, &layout) == VAIN_OK);
    void *memory = NULL;
    CU_ASSERT_FATAL(vain_take_array(layout.parameter_count, sizeof(float), "a test", &memory) ==
                    VAIN_OK);
    float *parameters = memory;
    vain_model_init(&layout, 1, parameters);
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++)
        CU_ASSERT(parameters[rows[i].index] == rows[i].value);
    vain_release(memory);
    vain_layout_fini(&layout);
}

static void check_moments(const struct vain_slice *slice, const float *parameters)
{
    const double count = (double)slice->count, deviation = slice->initial_deviation;
    double sum = 0, squares = 0;
    for (int64_t e = slice->offset; e < slice->offset + slice->count; e++) {
        sum += (double)parameters[e];
        squares += (double)parameters[e] * (double)parameters[e];
    }
    if (slice->initial_deviation > 0) {
        CU_ASSERT_DOUBLE_EQUAL(sum / count, 0, 5 * deviation / sqrt(count));
        CU_ASSERT_DOUBLE_EQUAL(squares / count / (deviation * deviation), 1, 5 * sqrt(2 / count));
    } else {
        CU_ASSERT(sum == count * (double)slice->initial_constant && squares == sum);
    }
}

static void initial_values_have_the_stated_deviations(void)
{
    const struct vain_model_options kinds[] = {tiny(), default_mlp()};
    for (size_t k = 0; k < VAIN_COUNT_OF(kinds); k++) {
        struct vain_layout layout;
        CU_ASSERT_FATAL(vain_model_ops_of(&kinds[k])->layout(&kinds[k], &layout) == VAIN_OK);
        void *memory = NULL;
        CU_ASSERT_FATAL(vain_take_array(2 * layout.parameter_count, sizeof(float), "a test",
                                        &memory) == VAIN_OK);
        float *parameters = memory, *again = parameters + layout.parameter_count;
        vain_model_init(&layout, 11, parameters);
        for (int s = 0; s < layout.slice_count; s++)
            check_moments(&layout.slices[s], parameters);
        vain_model_init(&layout, 11, again);
        CU_ASSERT(memcmp(parameters, again, (size_t)layout.parameter_count * sizeof(float)) == 0);
        vain_model_init(&layout, 12, again);
        CU_ASSERT(memcmp(parameters, again, (size_t)layout.parameter_count * sizeof(float)) != 0);
        vain_release(memory);
        vain_layout_fini(&layout);
    }
}

/* The value of an element depends on its index and deviation alone, not on the slices before it. */
static void initial_values_do_not_depend_on_order(void)
{
    struct vain_slice slices[2] = {{.offset = 0, .count = 40, .initial_deviation = 1},
                                   {.offset = 40, .count = 60, .initial_deviation = 1}};
    struct vain_slice swapped[2] = {slices[1], slices[0]};
    struct vain_slice one = {.offset = 0, .count = 100, .initial_deviation = 1};
    float forwards[100], backwards[100], whole[100];
    vain_model_init(&(struct vain_layout){2, 100, slices}, 5, forwards);
    vain_model_init(&(struct vain_layout){2, 100, swapped}, 5, backwards);
    vain_model_init(&(struct vain_layout){1, 100, &one}, 5, whole);
    CU_ASSERT(memcmp(forwards, whole, sizeof whole) == 0);
    CU_ASSERT(memcmp(backwards, whole, sizeof whole) == 0);
}

static void rates_follow_the_formula(void)
{
    struct vain_model_options options = tiny();
    struct vain_layout layout;
    CU_ASSERT_FATAL(vain_transformer_ops.layout(&options, &layout) == VAIN_OK);
    /* 6 (809856 - 8192) + 12 4 128 64 */
    CU_ASSERT_EQUAL(vain_model_flops_per_token(&options, &layout), 5203200.0);
    vain_layout_fini(&layout);
    options = default_mlp();
    CU_ASSERT_FATAL(vain_mlp_ops.layout(&options, &layout) == VAIN_OK);
    CU_ASSERT_EQUAL(vain_model_flops_per_token(&options, &layout),
                    6.0 * (double)layout.parameter_count);
    vain_layout_fini(&layout);
}

static void kinds_have_their_names(void)
{
    struct vain_model_options options = tiny();
    for (options.kind = 0; options.kind <= VAIN_MODEL_ENCODER; options.kind++)
        CU_ASSERT_STRING_EQUAL(vain_model_ops_of(&options)->name,
                               vain_model_option_rows[0].choices[options.kind]);
    CU_ASSERT_PTR_NULL(vain_model_option_rows[0].choices[options.kind]);
}

static const struct vain_test tests[] = {
    {"keys have their defaults", keys_have_their_defaults},
    {"keys are agreed and explained", keys_are_agreed_and_explained},
    {"values parse and bounds hold", values_parse_and_bounds_hold},
    {"common limits are told", common_limits_are_told},
    {"unknown symbols pass the check but make no layout",
     unknown_symbols_pass_the_check_but_make_no_layout},
    {"divisors are the nearest", divisors_are_the_nearest},
    {"initial values are the published ones", initial_values_are_the_published_ones},
    {"initial values have the stated deviations", initial_values_have_the_stated_deviations},
    {"initial values do not depend on order", initial_values_do_not_depend_on_order},
    {"rates follow the formula", rates_follow_the_formula},
    {"kinds have their names", kinds_have_their_names},
    {NULL, NULL},
};
const struct vain_suite vain_suite_model = {"models/model", tests};
