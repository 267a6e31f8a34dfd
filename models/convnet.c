/* A convolutional network that classifies images: the layers of a spec, in order (network.h).
 *
 *   x = image; of each layer: x = pool(x), dropout(x), or relu(batch_norm(convolution(x) + bias))
 *   with what the layer names; dense is a convolution whose window is the whole image
 *   loss = mean cross entropy
 *
 * Names of sets of layers from papers: `reptile` is the network of Nichol et al. 2018 for Omniglot
 * (the one of Finn et al. 2017, with strides in place of pools), `mcmahan-cnn` and `mlp-200` those
 * of McMahan et al. 2017 for MNIST. Where a batch norm follows there is no bias: the norm would
 * take it out again. Batch norms use the statistics of the batch at hand, in evaluation too, as
 * Reptile's do. Weights start at normal(sqrt(2 / (in + out))) (Glorot & Bengio 2010), as those
 * networks' did.
 *
 * Training keeps each layer's output, and with a batch norm what went into it. Gradients of outputs
 * live in two buffers in turns; evaluation has two for the outputs. */
#include "models/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/layout.h"
#include "models/network.h"
#include "models/parts.h"

static const char *const presets[] = {
    [VAIN_PRESET_NONE] = "",
    [VAIN_PRESET_REPTILE] = ("conv 64 3x3 stride 2 same batch-norm relu, "
                             "conv 64 3x3 stride 2 same batch-norm relu, "
                             "conv 64 3x3 stride 2 same batch-norm relu, "
                             "conv 64 3x3 stride 2 same batch-norm relu, dense"),
    [VAIN_PRESET_MCMAHAN_CNN] = ("conv 32 5x5 same relu, max-pool 2x2, conv 64 5x5 same relu, "
                                 "max-pool 2x2, dense 512 relu, dense"),
    [VAIN_PRESET_MLP_200] = "dense 200 relu, dense 200 relu, dense",
};

/* ---- Options ---- */

static bool shape_known(const struct vain_model_options *options)
{
    const struct vain_image_shape *image = &options->image;
    return image->height > 0 && image->width > 0 && image->channels > 0 && options->classes > 0;
}

static enum vain_status check_source(const struct vain_model_options *options,
                                     const struct vain_complaint *complaint)
{
    const bool preset = options->preset != VAIN_PRESET_NONE, network = options->network[0] != '\0';
    if (preset && network)
        return vain_complain(complaint, "model.network",
                             "model.preset names layers already; leave one of the two out");
    if (!preset && !network)
        return vain_complain(complaint, "model.network",
                             "a convnet has layers, such as \"conv 32 3x3 same relu, max-pool 2x2, "
                             "dense\"; or give model.preset");
    if (options->dropout > 0)
        return vain_complain(complaint, "model.dropout",
                             "a convnet drops where model.network says so: write \"dropout %g\" "
                             "among its layers",
                             options->dropout);
    return VAIN_OK;
}

/* The network of options that are fine, with its shapes if they are known; else what is not fine.
 */
static enum vain_status network_of(const struct vain_model_options *options,
                                   struct vain_network *out, char *message, size_t message_bytes)
{
    const char *text = options->network[0] != '\0' ? options->network : presets[options->preset];
    VAIN_TRY(vain_network_parse(text, out, message, message_bytes));
    if (!shape_known(options))
        return VAIN_OK;
    return vain_network_shape(out, options->image.height, options->image.width,
                              options->image.channels, options->classes, message, message_bytes);
}

static enum vain_status check(const struct vain_model_options *options, char *key, size_t key_bytes,
                              char *message, size_t message_bytes)
{
    const struct vain_complaint complaint = {key, key_bytes, message, message_bytes};
    struct vain_network network;
    char what[256];
    VAIN_TRY(vain_check_common(options, &complaint));
    VAIN_TRY(check_source(options, &complaint));
    if (network_of(options, &network, what, sizeof what) != VAIN_OK)
        return vain_complain(&complaint,
                             options->preset == VAIN_PRESET_NONE ? "model.network" : "model.preset",
                             "%s", what);
    return VAIN_OK;
}

/* ---- Slices ---- */

static bool has_parameters(const struct vain_network_layer *layer)
{
    return layer->kind == VAIN_NETWORK_CONVOLUTION || layer->kind == VAIN_NETWORK_DENSE;
}

/* Weight, then gain and shift of a batch norm, or a bias. */
static int slices_of(const struct vain_network_layer *layer)
{
    return !has_parameters(layer) ? 0 : (layer->batch_norm ? 3 : 2);
}

static void add_layer(struct vain_layout *layout, int index, const struct vain_network_layer *layer)
{
    const bool image = layer->kind == VAIN_NETWORK_CONVOLUTION;
    const int64_t pixels = image ? layer->window.height * layer->window.width : 1, in = layer->C,
                  out = layer->channels;
    const float deviation = sqrtf(2.0f / (float)(pixels * (in + out)));
    const struct vain_slice_form weight = {"weight", out, in, "out", "in", deviation, 0},
                                 gain = {"norm.gain", out, 0, "out", NULL, 0, 1},
                                 shift = {"norm.shift", out, 0, "out", NULL, 0, 0},
                                 bias = {"bias", out, 0, "out", NULL, 0, 0};
    char prefix[32];
    (void)snprintf(prefix, sizeof prefix, "layers.%d.", index);
    if (image)
        vain_layout_add_filters(layout, prefix, &weight, layer->window.height, layer->window.width);
    else
        vain_layout_add(layout, prefix, &weight);
    if (layer->batch_norm) {
        vain_layout_add(layout, prefix, &gain);
        vain_layout_add(layout, prefix, &shift);
    } else {
        vain_layout_add(layout, prefix, &bias);
    }
}

static enum vain_status layout(const struct vain_model_options *options, struct vain_layout *out)
{
    struct vain_network network;
    char key[64], message[256];
    *out = (struct vain_layout){.slice_count = 0};
    if (check(options, key, sizeof key, message, sizeof message) != VAIN_OK)
        return vain_fail(VAIN_ERR_INPUT, "%s: %s", key, message);
    if (!shape_known(options))
        return vain_fail(VAIN_ERR_INPUT, "convnet: the size of the images and the number of "
                                         "classes are not known; open the data first");
    (void)network_of(options, &network, message, sizeof message);
    int slices = 0;
    for (int i = 0; i < network.count; i++)
        slices += slices_of(&network.layers[i]);
    VAIN_TRY(vain_layout_init(out, slices));
    for (int i = 0; i < network.count; i++)
        if (has_parameters(&network.layers[i]))
            add_layer(out, i, &network.layers[i]);
    return VAIN_OK;
}

double vain_convnet_flops_per_image(const struct vain_model_options *options)
{
    struct vain_network network;
    char message[256];
    double flops = 0;
    VAIN_ASSERT(shape_known(options));
    VAIN_ASSERT(network_of(options, &network, message, sizeof message) == VAIN_OK);
    for (int i = 0; i < network.count; i++) {
        const struct vain_network_layer *layer = &network.layers[i];
        const bool image = layer->kind == VAIN_NETWORK_CONVOLUTION;
        const int64_t pixels = image ? layer->window.height * layer->window.width : 1;
        if (has_parameters(layer))
            flops += 6.0 * (double)(layer->rows * layer->columns) * (double)(pixels * layer->C) *
                     (double)layer->channels;
    }
    return flops;
}

/* ---- Activations: one block, carved by a table ---- */

struct layer_memory {
    float *before_norm; /* (B, rows, columns, channels), with a batch norm; else NULL */
    float *output;      /* the same */
    float *mean;        /* (channels), with a batch norm */
    float *deviation;   /* (channels), reciprocal */
};

struct activations {
    struct layer_memory layers[VAIN_NETWORK_LAYERS_MAX];
    float *d_even, *d_odd; /* gradients of outputs, in turns; training only */
};

enum { PARTS_MOST = 4 * VAIN_NETWORK_LAYERS_MAX + 4 };

struct carving {
    struct vain_part parts[PARTS_MOST];
    int count;
};

static void add_part(struct carving *carving, float **field, int64_t count)
{
    VAIN_ASSERT(carving->count < PARTS_MOST);
    carving->parts[carving->count++] = (struct vain_part){(void **)field, count};
}

static int64_t output_pixels(const struct vain_network_layer *layer)
{
    return layer->rows * layer->columns;
}

static int64_t widest_output(const struct vain_network *network)
{
    int64_t widest = 0;
    for (int i = 0; i < network->count; i++) {
        const struct vain_network_layer *layer = &network->layers[i];
        const int64_t count = vain_parts_product(output_pixels(layer), layer->channels, 1);
        widest = count > widest ? count : widest;
    }
    return widest;
}

static size_t carve_training(const struct vain_network *network, int64_t B, void *block,
                             struct activations *a)
{
    struct carving carving = {.count = 0};
    for (int i = 0; i < network->count; i++) {
        const struct vain_network_layer *layer = &network->layers[i];
        struct layer_memory *memory = &a->layers[i];
        const int64_t count = vain_parts_product(B, output_pixels(layer), layer->channels);
        add_part(&carving, &memory->before_norm, layer->batch_norm ? count : 0);
        add_part(&carving, &memory->output, count);
        add_part(&carving, &memory->mean, layer->batch_norm ? layer->channels : 0);
        add_part(&carving, &memory->deviation, layer->batch_norm ? layer->channels : 0);
    }
    const int64_t widest = vain_parts_product(B, widest_output(network), 1);
    add_part(&carving, &a->d_even, widest);
    add_part(&carving, &a->d_odd, widest);
    return vain_parts_carve(carving.parts, carving.count, block);
}

/* Outputs in turns, norms in place, their sums in one place. */
static size_t carve_evaluation(const struct vain_network *network, int64_t B, void *block,
                               struct activations *a)
{
    float *buffers[2] = {NULL, NULL}, *mean = NULL, *deviation = NULL;
    int64_t channels = 0;
    for (int i = 0; i < network->count; i++)
        if (network->layers[i].batch_norm && network->layers[i].channels > channels)
            channels = network->layers[i].channels;
    struct carving carving = {.count = 0};
    const int64_t widest = vain_parts_product(B, widest_output(network), 1);
    add_part(&carving, &buffers[0], widest);
    add_part(&carving, &buffers[1], network->count > 1 ? widest : 0);
    add_part(&carving, &mean, channels);
    add_part(&carving, &deviation, channels);
    const size_t bytes = vain_parts_carve(carving.parts, carving.count, block);
    for (int i = 0; i < network->count; i++)
        a->layers[i] = (struct layer_memory){buffers[i % 2], buffers[i % 2], mean, deviation};
    a->d_even = a->d_odd = NULL;
    return bytes;
}

static size_t carve(const struct vain_network *network, int64_t B, bool training, void *block,
                    struct activations *a)
{
    return training ? carve_training(network, B, block, a) : carve_evaluation(network, B, block, a);
}

static size_t workspace_bytes(const struct vain_model_options *options, int64_t B, int64_t T,
                              bool training)
{
    struct vain_network network;
    struct activations unused;
    char message[256];
    (void)T;
    VAIN_ASSERT(shape_known(options));
    VAIN_ASSERT(network_of(options, &network, message, sizeof message) == VAIN_OK);
    return carve(&network, B, training, NULL, &unused);
}

/* ---- One pass over one batch ---- */

struct pass {
    struct vain_network network;
    const struct vain_layout *layout;
    struct vain_queue *queue;
    const struct vain_ops *ops;
    const float *parameters; /* (N) */
    float *gradients;        /* (N) or NULL */
    const struct vain_batch_place *place;
    const float *images; /* (B, H, W, C) */
    int64_t B;
    struct activations a;
};

static void pass_open(const struct vain_model_options *options, const struct vain_layout *layout,
                      struct vain_queue *queue, const float *parameters,
                      const struct vain_batch *batch, bool training, void *workspace,
                      struct pass *out)
{
    char message[256];
    VAIN_ASSERT(batch->B > 0 && batch->T == 1 && batch->images != NULL);
    VAIN_ASSERT(shape_known(options));
    VAIN_ASSERT(network_of(options, &out->network, message, sizeof message) == VAIN_OK);
    out->layout = layout;
    out->queue = queue;
    out->ops = queue->device->ops;
    out->parameters = parameters;
    out->gradients = NULL;
    out->place = NULL;
    out->images = batch->images;
    out->B = batch->B;
    (void)carve(&out->network, batch->B, training, workspace, &out->a);
}

/* What layer i reads, (B, H, W, C). */
static const float *input_of(const struct pass *p, int i)
{
    return i == 0 ? p->images : p->a.layers[i - 1].output;
}

static const float *parameter(const struct pass *p, int slice)
{
    return p->parameters + p->layout->slices[slice].offset;
}

static float *gradient(const struct pass *p, int slice)
{
    return p->gradients + p->layout->slices[slice].offset;
}

static struct vain_dropout dropout_at(const struct pass *p, int i)
{
    return vain_parts_dropout(p->network.layers[i].dropout, p->place, i, p->network.count);
}

static int64_t outputs_of(const struct pass *p, int i)
{
    const struct vain_network_layer *layer = &p->network.layers[i];
    return p->B * output_pixels(layer) * layer->channels;
}

/* ---- Forwards ---- */

/* Convolution or dense layer i, whose first slice is `slice`, into `target`. */
static void product_forward(const struct pass *p, int i, int slice, float *target)
{
    const struct vain_network_layer *layer = &p->network.layers[i];
    const float *bias = layer->batch_norm ? NULL : parameter(p, slice + 1);
    const bool relu = layer->relu && !layer->batch_norm;
    if (layer->kind == VAIN_NETWORK_CONVOLUTION) {
        const struct vain_convolution convolution = {
            .B = p->B,
            .H = layer->H,
            .W = layer->W,
            .C = layer->C,
            .F = layer->channels,
            .window = layer->window,
            .input = input_of(p, i),
            .weight = parameter(p, slice),
            .bias = bias,
            .output = target,
            .relu = relu,
        };
        p->ops->image.convolution(p->queue, &convolution);
        return;
    }
    const struct vain_linear linear = {
        .M = p->B,
        .N = layer->channels,
        .K = layer->C,
        .input = input_of(p, i),
        .weight = parameter(p, slice),
        .bias = bias,
        .output = target,
    };
    p->ops->matmul.linear(p->queue, &linear);
    if (relu)
        p->ops->image.relu(p->queue, p->B * layer->channels, target);
}

static void trained_forward(const struct pass *p, int i, int slice, float *output)
{
    const struct vain_network_layer *layer = &p->network.layers[i];
    const struct layer_memory *memory = &p->a.layers[i];
    if (!layer->batch_norm) {
        product_forward(p, i, slice, output);
        return;
    }
    product_forward(p, i, slice, memory->before_norm);
    const struct vain_batch_norm norm = {
        .M = p->B * output_pixels(layer),
        .C = layer->channels,
        .input = memory->before_norm,
        .gain = parameter(p, slice + 1),
        .shift = parameter(p, slice + 2),
        .output = output,
        .mean = memory->mean,
        .reciprocal_deviation = memory->deviation,
        .relu = layer->relu,
    };
    p->ops->image.batch_norm(p->queue, &norm);
}

static void pool_forward(const struct pass *p, int i, float *output)
{
    const struct vain_network_layer *layer = &p->network.layers[i];
    const struct vain_pool_layer pool = {
        .B = p->B,
        .H = layer->H,
        .W = layer->W,
        .C = layer->C,
        .window = layer->window,
        .average = layer->kind == VAIN_NETWORK_AVERAGE_POOL,
        .input = input_of(p, i),
        .output = output,
    };
    p->ops->image.pool(p->queue, &pool);
}

/* A copy, since the layer before may look at its output again. */
static void dropout_forward(const struct pass *p, int i, float *output)
{
    const struct vain_dropout dropout = dropout_at(p, i);
    p->ops->memory.copy(p->queue, output, input_of(p, i), (size_t)outputs_of(p, i) * sizeof(float));
    if (dropout.probability > 0)
        p->ops->pointwise.dropout_gradient(p->queue, outputs_of(p, i), &dropout, output);
}

/* All layers; the last one's output (B, classes) goes to `logits`. */
static void forward(const struct pass *p, float *logits)
{
    int slice = 0;
    for (int i = 0; i < p->network.count; i++) {
        const struct vain_network_layer *layer = &p->network.layers[i];
        float *output = i + 1 == p->network.count ? logits : p->a.layers[i].output;
        if (has_parameters(layer))
            trained_forward(p, i, slice, output);
        else if (layer->kind == VAIN_NETWORK_DROPOUT)
            dropout_forward(p, i, output);
        else
            pool_forward(p, i, output);
        slice += slices_of(layer);
    }
}

/* ---- Backwards: d_output of layer i becomes d_input, which may be NULL ---- */

static void activation_backward(const struct pass *p, int i, int slice, float *d_output)
{
    const struct vain_network_layer *layer = &p->network.layers[i];
    const struct layer_memory *memory = &p->a.layers[i];
    if (!layer->batch_norm) {
        if (layer->relu)
            p->ops->image.relu_gradient(p->queue, outputs_of(p, i), memory->output, d_output);
        return;
    }
    const struct vain_batch_norm_gradient norm = {
        .M = p->B * output_pixels(layer),
        .C = layer->channels,
        .input = memory->before_norm,
        .gain = parameter(p, slice + 1),
        .shift = parameter(p, slice + 2),
        .mean = memory->mean,
        .reciprocal_deviation = memory->deviation,
        .d_output = d_output,
        .d_input = d_output,
        .d_gain = gradient(p, slice + 1),
        .d_shift = gradient(p, slice + 2),
        .relu = layer->relu,
    };
    p->ops->image.batch_norm_gradient(p->queue, &norm);
}

static void trained_backward(const struct pass *p, int i, int slice, float *d_output,
                             float *d_input)
{
    const struct vain_network_layer *layer = &p->network.layers[i];
    float *d_bias = layer->batch_norm ? NULL : gradient(p, slice + 1);
    activation_backward(p, i, slice, d_output);
    if (layer->kind == VAIN_NETWORK_CONVOLUTION) {
        const struct vain_convolution_gradient convolution = {
            .B = p->B,
            .H = layer->H,
            .W = layer->W,
            .C = layer->C,
            .F = layer->channels,
            .window = layer->window,
            .input = input_of(p, i),
            .weight = parameter(p, slice),
            .d_output = d_output,
            .d_input = d_input,
            .d_weight = gradient(p, slice),
            .d_bias = d_bias,
        };
        p->ops->image.convolution_gradient(p->queue, &convolution);
        return;
    }
    const struct vain_linear_gradient linear = {
        .M = p->B,
        .N = layer->channels,
        .K = layer->C,
        .input = input_of(p, i),
        .weight = parameter(p, slice),
        .d_output = d_output,
        .d_input = d_input,
        .d_weight = gradient(p, slice),
        .d_bias = d_bias,
    };
    p->ops->matmul.linear_gradient(p->queue, &linear);
}

static void pool_backward(const struct pass *p, int i, const float *d_output, float *d_input)
{
    const struct vain_network_layer *layer = &p->network.layers[i];
    const struct vain_pool_layer_gradient pool = {
        .B = p->B,
        .H = layer->H,
        .W = layer->W,
        .C = layer->C,
        .window = layer->window,
        .average = layer->kind == VAIN_NETWORK_AVERAGE_POOL,
        .input = input_of(p, i),
        .output = p->a.layers[i].output,
        .d_output = d_output,
        .d_input = d_input,
    };
    p->ops->image.pool_gradient(p->queue, &pool);
}

/* From the gradient of the logits, which stands in their place, down to the first layer that
 * learns; what lies before it has nothing to be told. */
static void backward(const struct pass *p)
{
    int first = 0, slice = p->layout->slice_count;
    while (!has_parameters(&p->network.layers[first]))
        first++;
    float *d_output = p->a.layers[p->network.count - 1].output, *d_input = p->a.d_even;
    for (int i = p->network.count - 1; i >= first; i--) {
        const struct vain_network_layer *layer = &p->network.layers[i];
        slice -= slices_of(layer);
        if (layer->kind == VAIN_NETWORK_DROPOUT) {
            const struct vain_dropout dropout = dropout_at(p, i);
            if (dropout.probability > 0)
                p->ops->pointwise.dropout_gradient(p->queue, outputs_of(p, i), &dropout, d_output);
            continue;
        }
        if (has_parameters(layer))
            trained_backward(p, i, slice, d_output, i == first ? NULL : d_input);
        else
            pool_backward(p, i, d_output, d_input);
        d_output = d_input;
        d_input = d_output == p->a.d_even ? p->a.d_odd : p->a.d_even;
    }
}

/* ---- The table ---- */

/* The batch's losses, summed over its examples, with their gradients in the logits' place. With a
 * teacher there are two, whose gradients are added; a buffer of gradients, free before the way
 * back and as large as any output, holds the second meanwhile. */
static void take_losses(const struct pass *p, const struct vain_batch *batch, int64_t classes,
                        float scale, float *logits, double losses[VAIN_MIN_LEN(2)])
{
    const float weight = batch->teacher != NULL ? batch->teacher_weight : 0;
    const int64_t count = p->B * classes;
    const size_t bytes = (size_t)count * sizeof(float);
    losses[0] = losses[1] = 0;
    if (batch->teacher != NULL) {
        VAIN_ASSERT(scale * weight > 0 && batch->teacher_temperature > 0); /* 0 takes no gradient */
        p->ops->memory.copy(p->queue, p->a.d_even, logits, bytes);
        p->ops->loss.distillation(p->queue, p->B, classes, batch->teacher,
                                  batch->teacher_temperature, scale * weight, p->a.d_even,
                                  &losses[1]);
    }
    if (weight < 1)
        p->ops->pointwise.cross_entropy(p->queue, p->B, classes, logits, batch->targets,
                                        scale * (1 - weight), &losses[0]);
    else
        p->ops->memory.zero(p->queue, logits, bytes);
    if (batch->teacher != NULL)
        p->ops->optimiser.add(p->queue, count, p->a.d_even, logits);
}

static void forward_backward(const struct vain_model_options *options,
                             const struct vain_layout *layout, struct vain_queue *queue,
                             const float *parameters, const struct vain_batch *batch,
                             const struct vain_batch_place *place, float gradient_scale,
                             void *workspace, float *gradients, double *mean_loss)
{
    struct pass p;
    pass_open(options, layout, queue, parameters, batch, true, workspace, &p);
    p.gradients = gradients;
    p.place = place;
    for (int i = 0; i < p.network.count; i++)
        VAIN_ASSERT(place != NULL || p.network.layers[i].kind != VAIN_NETWORK_DROPOUT);
    float *logits = p.a.layers[p.network.count - 1].output;
    const double weight = batch->teacher != NULL ? (double)batch->teacher_weight : 0;
    double losses[2];
    forward(&p, logits);
    take_losses(&p, batch, options->classes, gradient_scale / (float)p.B, logits, losses);
    backward(&p);
    const double hard = vain_parts_settle_loss(queue, &losses[0]);
    *mean_loss = ((1 - weight) * hard + weight * losses[1]) / (double)p.B;
}

static void evaluate(const struct vain_model_options *options, const struct vain_layout *layout,
                     struct vain_queue *queue, const float *parameters,
                     const struct vain_batch *batch, void *workspace, struct vain_measure *measure)
{
    struct pass p;
    pass_open(options, layout, queue, parameters, batch, false, workspace, &p);
    float *logits = p.a.layers[p.network.count - 1].output;
    forward(&p, logits);
    *measure = vain_parts_measure(queue, p.B, options->classes, logits, batch->targets);
}

static void logits_of(const struct vain_model_options *options, const struct vain_layout *layout,
                      struct vain_queue *queue, const float *parameters,
                      const struct vain_batch *batch, void *workspace, float *logits)
{
    struct pass p;
    pass_open(options, layout, queue, parameters, batch, false, workspace, &p);
    forward(&p, logits);
}

static int64_t feature_width(const struct vain_model_options *options)
{
    struct vain_network network;
    char message[256];
    VAIN_ASSERT(shape_known(options));
    VAIN_ASSERT(network_of(options, &network, message, sizeof message) == VAIN_OK);
    return network.layers[network.count - 1].C;
}

/* The last layer reads its input and leaves it as it is. */
static void features_of(const struct vain_model_options *options, const struct vain_layout *layout,
                        struct vain_queue *queue, const float *parameters,
                        const struct vain_batch *batch, void *workspace, float *features,
                        float *logits)
{
    struct pass p;
    pass_open(options, layout, queue, parameters, batch, false, workspace, &p);
    const int last = p.network.count - 1;
    forward(&p, logits);
    p.ops->memory.copy(queue, features, input_of(&p, last),
                       (size_t)(p.B * p.network.layers[last].C) * sizeof(float));
}

const struct vain_model_ops vain_convnet_ops = {
    .name = "convnet",
    .check = check,
    .layout = layout,
    .workspace_bytes = workspace_bytes,
    .forward_backward = forward_backward,
    .evaluate = evaluate,
    .logits = logits_of,
    .feature_width = feature_width,
    .features = features_of,
};
