/* What all model kinds share: the table of keys, the layout, initial values, and the choice of a
 * kind.
 *
 * A layout is written once, in the order of the flat vector, without gaps: slice i + 1 starts where
 * slice i ends. Initial values are a function of (seed, element index) alone, so that members agree
 * on them whatever order or machine computes them. Problems with options are told with the numbers
 * that would do. */
#include "models/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "models/layout.h"
#include "models/normal.h"

static const char *const kind_choices[] = {"transformer", "mlp", "convnet", "encoder", NULL};
static const char *const preset_choices[] = {"none", "reptile", "mcmahan-cnn", "mlp-200", NULL};

#define MODEL_FIELD(name) .scope = VAIN_AGREED, .offset = offsetof(struct vain_model_options, name)

const struct vain_option vain_model_option_rows[] = {
    {.key = "model.kind",
     .type = VAIN_OPTION_CHOICE,
     MODEL_FIELD(kind),
     .choices = kind_choices,
     .fallback = "transformer",
     .help = "What is trained: a GPT-2 style transformer, a multi-layer perceptron over a window "
             "of tokens, a convnet that classifies images, or an encoder of sentences (the "
             "transformer without its mask, mean-pooled)."},
    {.key = "model.layers",
     .type = VAIN_OPTION_COUNT,
     MODEL_FIELD(layers),
     .minimum = 1,
     .maximum = VAIN_LAYERS_MAX,
     .fallback = "4",
     .help = "Blocks of the transformer."},
    {.key = "model.heads",
     .type = VAIN_OPTION_COUNT,
     MODEL_FIELD(heads),
     .minimum = 1,
     .maximum = VAIN_WIDTH_MAX,
     .fallback = "4",
     .help = "Attention heads of a transformer block; they divide the width."},
    {.key = "model.width",
     .type = VAIN_OPTION_COUNT,
     MODEL_FIELD(width),
     .minimum = 1,
     .maximum = VAIN_WIDTH_MAX,
     .fallback = "128",
     .unit = "channels",
     .help = "Channels of the transformer's residual stream."},
    {.key = "model.context",
     .type = VAIN_OPTION_COUNT,
     MODEL_FIELD(context),
     .minimum = 1,
     .maximum = VAIN_CONTEXT_MAX,
     .fallback = "64",
     .unit = "tokens",
     .help = "Tokens that the model sees at once."},
    {.key = "model.dropout",
     .type = VAIN_OPTION_NUMBER,
     MODEL_FIELD(dropout),
     .minimum = 0,
     .maximum = 1,
     .fallback = "0",
     .help = "Share of activations that training drops, below 1; 0 drops none."},
    {.key = "model.sizes",
     .type = VAIN_OPTION_COUNTS,
     MODEL_FIELD(sizes),
     .minimum = 1,
     .maximum = VAIN_WIDTH_MAX,
     .fallback = "[512, 256, 512]",
     .unit = "channels",
     .help = "Layer sizes of the mlp, from its input (a multiple of the context) to its last "
             "hidden layer."},
    {.key = "model.features",
     .type = VAIN_OPTION_COUNT,
     MODEL_FIELD(features),
     .minimum = 0,
     .maximum = VAIN_WIDTH_MAX,
     .fallback = "0",
     .unit = "channels",
     .help = "Features of a sentence, a projection of the encoder's mean; 0: the mean itself."},
    {.key = "model.preset",
     .type = VAIN_OPTION_CHOICE,
     MODEL_FIELD(preset),
     .choices = preset_choices,
     .fallback = "none",
     .help = "Layers of a convnet by the name of a paper's: Reptile's for Omniglot, McMahan's CNN "
             "or two layers of 200 for MNIST."},
    {.key = "model.network",
     .type = VAIN_OPTION_TEXT,
     MODEL_FIELD(network),
     .text_bytes = VAIN_NETWORK_BYTES,
     .fallback = "",
     .help = "Layers of a convnet, by commas: conv 32 5x5 [stride 2] [same] [batch-norm] [relu], "
             "max-pool 2x2, average-pool 2x2, dropout 0.4, dense 512 [batch-norm] [relu], and "
             "dense, which makes the classes, last."},
};
const int vain_model_option_count = (int)VAIN_COUNT_OF(vain_model_option_rows);

const struct vain_model_ops *vain_model_ops_of(const struct vain_model_options *options)
{
    if (options->kind == VAIN_MODEL_TRANSFORMER)
        return &vain_transformer_ops;
    if (options->kind == VAIN_MODEL_MLP)
        return &vain_mlp_ops;
    if (options->kind == VAIN_MODEL_ENCODER)
        return &vain_encoder_ops;
    VAIN_ASSERT(options->kind == VAIN_MODEL_CONVNET);
    return &vain_convnet_ops;
}

enum vain_status vain_layout_init(struct vain_layout *layout, int slice_capacity)
{
    *layout = (struct vain_layout){.slice_count = 0};
    VAIN_ASSERT(slice_capacity > 0 && slice_capacity <= VAIN_SLICES_MAX);
    void *slices = NULL;
    VAIN_TRY(
        vain_take_array(slice_capacity, sizeof(struct vain_slice), "the table of slices", &slices));
    layout->slices = slices;
    return VAIN_OK;
}

static void add_axis(struct vain_slice *slice, int64_t size, const char *dim)
{
    slice->shape[slice->shape_count] = size;
    slice->dims[slice->shape_count] = dim;
    slice->shape_count++;
    slice->count *= size;
}

/* The next slice, with its name, place and first axis. */
static struct vain_slice *begin_slice(struct vain_layout *layout, const char *prefix,
                                      const struct vain_slice_form *form)
{
    struct vain_slice *slice = &layout->slices[layout->slice_count];
    const int length = snprintf(slice->name, sizeof slice->name, "%s%s", prefix, form->name);
    VAIN_ASSERT(length > 0 && length < (int)sizeof slice->name);
    slice->offset = layout->parameter_count;
    slice->count = 1;
    add_axis(slice, form->rows, form->row_dim);
    return slice;
}

static void end_slice(struct vain_layout *layout, struct vain_slice *slice,
                      const struct vain_slice_form *form)
{
    if (form->columns > 0)
        add_axis(slice, form->columns, form->column_dim);
    slice->weight_decay = form->columns > 0;
    slice->initial_deviation = form->deviation;
    slice->initial_constant = form->constant;
    layout->parameter_count += slice->count;
    layout->slice_count++;
}

void vain_layout_add(struct vain_layout *layout, const char *prefix,
                     const struct vain_slice_form *form)
{
    end_slice(layout, begin_slice(layout, prefix, form), form);
}

void vain_layout_add_filters(struct vain_layout *layout, const char *prefix,
                             const struct vain_slice_form *form, int64_t height, int64_t width)
{
    struct vain_slice *slice = begin_slice(layout, prefix, form);
    add_axis(slice, height, "height");
    add_axis(slice, width, "width");
    end_slice(layout, slice, form);
}

void vain_layout_fini(struct vain_layout *layout)
{
    vain_release(layout->slices);
    *layout = (struct vain_layout){.slice_count = 0};
}

const struct vain_slice *vain_layout_slice_at(const struct vain_layout *layout, int64_t index)
{
    VAIN_ASSERT(index >= 0 && index < layout->parameter_count);
    int first = 0, last = layout->slice_count - 1; /* the slice lies in [first, last] */
    while (first < last) {
        const int middle = first + (last - first + 1) / 2;
        if (layout->slices[middle].offset <= index)
            first = middle;
        else
            last = middle - 1;
    }
    return &layout->slices[first];
}

void vain_model_init(const struct vain_layout *layout, uint64_t seed, float *parameters)
{
    const struct vain_random random = vain_random_stream(seed, VAIN_PURPOSE_INITIAL, "");
    for (int s = 0; s < layout->slice_count; s++) {
        const struct vain_slice *slice = &layout->slices[s];
        const int64_t end = slice->offset + slice->count;
        for (int64_t e = slice->offset; e < end; e++) {
            if (slice->initial_deviation <= 0) {
                parameters[e] = slice->initial_constant;
                continue;
            }
            uint32_t words[4];
            vain_random_block(random, 0, 0, (uint64_t)e, words);
            parameters[e] =
                (float)(slice->initial_deviation * vain_normal_of_words(words[0], words[1]));
        }
    }
}

double vain_model_flops_per_token(const struct vain_model_options *options,
                                  const struct vain_layout *layout)
{
    double multiplied = (double)layout->parameter_count;
    if (options->kind == VAIN_MODEL_CONVNET)
        return vain_convnet_flops_per_image(options);
    if (options->kind == VAIN_MODEL_MLP)
        return 6 * multiplied;
    /* Positions are added, not multiplied; the token table is multiplied once, as the head. */
    multiplied -= (double)(options->context * options->width);
    if (options->kind == VAIN_MODEL_ENCODER) /* which has no such head */
        multiplied -= (double)(options->symbols * options->width);
    return 6 * multiplied +
           12 * (double)options->layers * (double)options->width * (double)options->context;
}

/* ---- What options cannot be ---- */

enum vain_status vain_complain(const struct vain_complaint *complaint, const char *key,
                               const char *format, ...)
{
    (void)snprintf(complaint->key, complaint->key_bytes, "%s", key);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(complaint->message, complaint->message_bytes, format, arguments);
    va_end(arguments);
    return VAIN_ERR_INPUT;
}

enum vain_status vain_check_common(const struct vain_model_options *options,
                                   const struct vain_complaint *complaint)
{
    if (options->context < 1 || options->context > VAIN_CONTEXT_MAX)
        return vain_complain(complaint, "model.context", "%lld tokens are not in 1 to %d",
                             (long long)options->context, VAIN_CONTEXT_MAX);
    /* Written so that NaN is refused too. The kernels take a float, in which 0.99999999 is 1. */
    if (!(options->dropout >= 0 && (float)options->dropout < 1))
        return vain_complain(
            complaint, "model.dropout",
            "%.9g is not a share of at least 0 and below 1 as a 32-bit number; 0 turns dropout off",
            options->dropout);
    if (options->symbols < 0 || options->symbols > VAIN_SYMBOLS_MAX)
        return vain_complain(complaint, "data.symbols", "%lld symbols are not in 1 to %d",
                             (long long)options->symbols, VAIN_SYMBOLS_MAX);
    return VAIN_OK;
}

void vain_nearest_divisors(int64_t whole, int64_t near, int64_t *below, int64_t *above)
{
    *below = *above = 0;
    for (int64_t d = near < whole ? near : whole; d >= 1 && *below == 0; d--)
        if (whole % d == 0)
            *below = d;
    for (int64_t d = near + 1; d <= whole && *above == 0; d++)
        if (whole % d == 0)
            *above = d;
}

enum vain_status vain_refuse_unchecked(const struct vain_model_ops *ops,
                                       const struct vain_model_options *options)
{
    char key[64], message[256];
    if (ops->check(options, key, sizeof key, message, sizeof message) != VAIN_OK)
        return vain_fail(VAIN_ERR_INPUT, "%s: %s", key, message);
    if (options->symbols < 1)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: the number of symbols is not known; open the data first", ops->name);
    return VAIN_OK;
}
