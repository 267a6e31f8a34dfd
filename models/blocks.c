/* The blocks' slices, activations, forward and backward pass.
 *
 * Training keeps what the backward pass reads, layer by layer; gradients of activations live in
 * three buffers that all layers share. Evaluation keeps one layer's worth and adds to the residual
 * stream in place. A step is 7 ops a layer forwards and 7 backwards: bias, GELU, dropout and
 * residual ride on the matmuls, and the gradient of the residual stream rides on the norms. */
#include "models/blocks.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

/* ---- Slices: their order is the order of the flat vector ---- */

enum {
    ATTENTION_NORM_WEIGHT,
    ATTENTION_NORM_BIAS,
    QUERY_KEY_VALUE_WEIGHT,
    QUERY_KEY_VALUE_BIAS,
    PROJECTION_WEIGHT,
    PROJECTION_BIAS,
    FEED_FORWARD_NORM_WEIGHT,
    FEED_FORWARD_NORM_BIAS,
    UP_WEIGHT,
    UP_BIAS,
    DOWN_WEIGHT,
    DOWN_BIAS,
    BLOCK_SLICES
};
enum { FINAL_NORM_WEIGHT, FINAL_NORM_BIAS, FINAL_SLICES };
static_assert((int)BLOCK_SLICES == (int)VAIN_BLOCK_SLICES, "as announced");
static_assert((int)FINAL_SLICES == (int)VAIN_BLOCKS_FINAL_SLICES, "as announced");

enum vain_status vain_blocks_check(const struct vain_model_options *options,
                                   const struct vain_complaint *complaint)
{
    VAIN_TRY(vain_check_common(options, complaint));
    const int64_t C = options->width, H = options->heads;
    if (options->layers < 1 || options->layers > VAIN_LAYERS_MAX)
        return vain_complain(complaint, "model.layers", "%lld layers are not in 1 to %d",
                             (long long)options->layers, VAIN_LAYERS_MAX);
    if (C < 1 || C > VAIN_WIDTH_MAX)
        return vain_complain(complaint, "model.width", "%lld channels are not in 1 to %d",
                             (long long)C, VAIN_WIDTH_MAX);
    if (H < 1 || H > C)
        return vain_complain(complaint, "model.heads",
                             "%lld heads cannot share a width of %lld; 1 to %lld can", (long long)H,
                             (long long)C, (long long)C);
    if (C % H != 0) {
        int64_t fewer, more;
        vain_nearest_divisors(C, H, &fewer, &more);
        return vain_complain(
            complaint, "model.heads",
            "%lld heads do not divide a width of %lld; %lld or %lld heads do, or a width of %lld",
            (long long)H, (long long)C, (long long)fewer, (long long)more,
            (long long)((C / H + 1) * H));
    }
    return VAIN_OK;
}

static void add_block(struct vain_layout *layout, int64_t block, int64_t C,
                      float residual_deviation)
{
    const float deviation = 0.02f;
    const struct vain_slice_form forms[] = {
        [ATTENTION_NORM_WEIGHT] = {"attention_norm.weight", C, 0, "channel", NULL, 0, 1},
        [ATTENTION_NORM_BIAS] = {"attention_norm.bias", C, 0, "channel", NULL, 0, 0},
        [QUERY_KEY_VALUE_WEIGHT] = {"attention.query_key_value.weight", 3 * C, C, "out", "in",
                                    deviation, 0},
        [QUERY_KEY_VALUE_BIAS] = {"attention.query_key_value.bias", 3 * C, 0, "out", NULL, 0, 0},
        [PROJECTION_WEIGHT] = {"attention.projection.weight", C, C, "out", "in", residual_deviation,
                               0},
        [PROJECTION_BIAS] = {"attention.projection.bias", C, 0, "out", NULL, 0, 0},
        [FEED_FORWARD_NORM_WEIGHT] = {"feed_forward_norm.weight", C, 0, "channel", NULL, 0, 1},
        [FEED_FORWARD_NORM_BIAS] = {"feed_forward_norm.bias", C, 0, "channel", NULL, 0, 0},
        [UP_WEIGHT] = {"feed_forward.up.weight", 4 * C, C, "out", "in", deviation, 0},
        [UP_BIAS] = {"feed_forward.up.bias", 4 * C, 0, "out", NULL, 0, 0},
        [DOWN_WEIGHT] = {"feed_forward.down.weight", C, 4 * C, "out", "in", residual_deviation, 0},
        [DOWN_BIAS] = {"feed_forward.down.bias", C, 0, "out", NULL, 0, 0},
    };
    static_assert(VAIN_COUNT_OF(forms) == BLOCK_SLICES, "one form a slice");
    char prefix[32];
    (void)snprintf(prefix, sizeof prefix, "blocks.%d.", (int)block);
    for (int s = 0; s < BLOCK_SLICES; s++)
        vain_layout_add(layout, prefix, &forms[s]);
}

void vain_blocks_add_slices(const struct vain_model_options *options, struct vain_layout *layout)
{
    const int64_t C = options->width, L = options->layers;
    const struct vain_slice_form last[] = {
        [FINAL_NORM_WEIGHT] = {"final_norm.weight", C, 0, "channel", NULL, 0, 1},
        [FINAL_NORM_BIAS] = {"final_norm.bias", C, 0, "channel", NULL, 0, 0},
    };
    /* Each layer adds to the residual stream twice; this keeps its size at the start independent of
     * depth. */
    const float residual_deviation = (float)(0.02 / sqrt(2.0 * (double)L));
    for (int64_t l = 0; l < L; l++)
        add_block(layout, l, C, residual_deviation);
    for (size_t s = 0; s < VAIN_COUNT_OF(last); s++)
        vain_layout_add(layout, "", &last[s]);
}

/* ---- Activations ---- */

void vain_blocks_parts(const struct vain_model_options *options, int64_t B, int64_t T,
                       bool training, struct vain_blocks_activations *a,
                       struct vain_part out[VAIN_MIN_LEN(VAIN_BLOCKS_PARTS)])
{
    const int64_t C = options->width, H = options->heads, L = options->layers;
    const int64_t layers = training ? L : 1, norms = training ? 2 * L + 1 : 1,
                  gradients = training ? 1 : 0;
    const int64_t M = vain_parts_product(B, T, 1), narrow = vain_parts_product(M, C, 1);
    const struct vain_part parts[] = {
        {(void **)&a->streams, vain_parts_product(norms, narrow, 1)},
        {(void **)&a->norms, vain_parts_product(norms, narrow, 1)},
        {(void **)&a->means, vain_parts_product(norms, M, 1)},
        {(void **)&a->reciprocal_deviations, vain_parts_product(norms, M, 1)},
        {(void **)&a->query_key_values, vain_parts_product(layers, narrow, 3)},
        {(void **)&a->attentions, vain_parts_product(layers, narrow, 1)},
        {(void **)&a->log_sums, vain_parts_product(layers, M, H)},
        {(void **)&a->pre_activations, vain_parts_product(layers, narrow, 4)},
        {(void **)&a->ups, vain_parts_product(layers, narrow, 4)},
        {(void **)&a->d_stream, vain_parts_product(gradients, narrow, 1)},
        {(void **)&a->d_narrow, vain_parts_product(gradients, narrow, 1)},
        {(void **)&a->d_wide, vain_parts_product(gradients, narrow, 4)},
    };
    static_assert(sizeof *a == VAIN_COUNT_OF(parts) * sizeof(float *), "one part a field");
    static_assert(VAIN_COUNT_OF(parts) == VAIN_BLOCKS_PARTS, "as announced");
    for (size_t i = 0; i < VAIN_COUNT_OF(parts); i++)
        out[i] = parts[i];
}

struct vain_blocks vain_blocks_open(const struct vain_model_options *options,
                                    const struct vain_layout *layout, struct vain_queue *queue,
                                    const float *parameters, int64_t B, int64_t T, int first_slice)
{
    VAIN_ASSERT(B > 0);
    VAIN_ASSERT(T > 0 && T <= options->context);
    VAIN_ASSERT(layout->slice_count >= first_slice + BLOCK_SLICES * options->layers + FINAL_SLICES);
    return (struct vain_blocks){
        .options = options,
        .layout = layout,
        .queue = queue,
        .ops = queue->device->ops,
        .parameters = parameters,
        .B = B,
        .T = T,
        .M = B * T,
        .C = options->width,
        .H = options->heads,
        .L = options->layers,
        .first_slice = first_slice,
    };
}

/* Number of slice `s` of block l in the layout. */
static int block_slice(const struct vain_blocks *p, int64_t l, int s)
{
    return p->first_slice + (int)l * BLOCK_SLICES + s;
}

static int final_slice(const struct vain_blocks *p, int s)
{
    return block_slice(p, p->L, s);
}

const float *vain_blocks_parameter(const struct vain_blocks *p, int slice)
{
    return p->parameters + p->layout->slices[slice].offset;
}

float *vain_blocks_gradient(const struct vain_blocks *p, int slice)
{
    return p->gradients + p->layout->slices[slice].offset;
}

/* Part l of an array of `count` elements a layer; the only one outside of training. */
static float *kept(const struct vain_blocks *p, float *array, int64_t l, int64_t count)
{
    return array + (p->training ? l * count : 0);
}

struct vain_dropout vain_blocks_dropout(const struct vain_blocks *p, int64_t site)
{
    return vain_parts_dropout(p->options->dropout, p->place, site, 2 * p->L + 1);
}

struct vain_linear vain_blocks_linear(const struct vain_blocks *p, int slice, const float *input,
                                      float *output)
{
    const struct vain_slice *weight = &p->layout->slices[slice];
    return (struct vain_linear){
        .M = p->M,
        .N = weight->shape[0],
        .K = weight->shape[1],
        .input = input,
        .weight = vain_blocks_parameter(p, slice),
        .bias = vain_blocks_parameter(p, slice + 1),
        .output = output,
        .epilogue = VAIN_EPILOGUE_NONE,
    };
}

struct vain_linear_gradient vain_blocks_linear_gradient(const struct vain_blocks *p, int slice,
                                                        const float *input, const float *d_output,
                                                        float *d_input)
{
    const struct vain_slice *weight = &p->layout->slices[slice];
    return (struct vain_linear_gradient){
        .M = p->M,
        .N = weight->shape[0],
        .K = weight->shape[1],
        .input = input,
        .weight = vain_blocks_parameter(p, slice),
        .d_output = d_output,
        .d_input = d_input,
        .d_weight = vain_blocks_gradient(p, slice),
        .d_bias = vain_blocks_gradient(p, slice + 1),
    };
}

const float *vain_blocks_output(const struct vain_blocks *p)
{
    return kept(p, p->a.norms, 2 * p->L, p->M * p->C);
}

/* ---- Forwards ---- */

/* Norm number n, whose gain is `slice` and whose shift follows it. Returns what it wrote, (M, C).
 */
static const float *norm_forward(const struct vain_blocks *p, int64_t n, int slice)
{
    float *norm = kept(p, p->a.norms, n, p->M * p->C);
    p->ops->pointwise.layer_norm(
        p->queue, p->M, p->C, kept(p, p->a.streams, n, p->M * p->C),
        vain_blocks_parameter(p, slice), vain_blocks_parameter(p, slice + 1), norm,
        kept(p, p->a.means, n, p->M), kept(p, p->a.reciprocal_deviations, n, p->M));
    return norm;
}

/* Stream n + 1 = stream n + dropout(linear(input)). */
static void residual_forward(const struct vain_blocks *p, int64_t n, int slice, const float *input)
{
    struct vain_linear linear =
        vain_blocks_linear(p, slice, input, kept(p, p->a.streams, n + 1, p->M * p->C));
    linear.epilogue = VAIN_EPILOGUE_RESIDUAL;
    linear.residual = kept(p, p->a.streams, n, p->M * p->C);
    linear.dropout = vain_blocks_dropout(p, n + 1);
    p->ops->matmul.linear(p->queue, &linear);
}

static void block_forward(const struct vain_blocks *p, int64_t l)
{
    const int64_t M = p->M, C = p->C;
    const float *norm = norm_forward(p, 2 * l, block_slice(p, l, ATTENTION_NORM_WEIGHT));
    const struct vain_linear query_key_value =
        vain_blocks_linear(p, block_slice(p, l, QUERY_KEY_VALUE_WEIGHT), norm,
                           kept(p, p->a.query_key_values, l, M * 3 * C));
    p->ops->matmul.linear(p->queue, &query_key_value);
    const struct vain_attention attention = {
        .B = p->B,
        .T = p->T,
        .C = C,
        .H = p->H,
        .query_key_value = query_key_value.output,
        .output = kept(p, p->a.attentions, l, M * C),
        .log_sum = kept(p, p->a.log_sums, l, M * p->H),
        .lengths = p->lengths,
    };
    if (p->lengths == NULL)
        p->ops->attention.causal(p->queue, &attention);
    else
        p->ops->attention.bidirectional(p->queue, &attention);
    residual_forward(p, 2 * l, block_slice(p, l, PROJECTION_WEIGHT), attention.output);

    norm = norm_forward(p, 2 * l + 1, block_slice(p, l, FEED_FORWARD_NORM_WEIGHT));
    struct vain_linear up =
        vain_blocks_linear(p, block_slice(p, l, UP_WEIGHT), norm, kept(p, p->a.ups, l, M * 4 * C));
    up.epilogue = VAIN_EPILOGUE_GELU;
    up.pre_activation = kept(p, p->a.pre_activations, l, M * 4 * C);
    p->ops->matmul.linear(p->queue, &up);
    residual_forward(p, 2 * l + 1, block_slice(p, l, DOWN_WEIGHT), up.output);
}

const float *vain_blocks_forward(const struct vain_blocks *p)
{
    for (int64_t l = 0; l < p->L; l++)
        block_forward(p, l);
    return norm_forward(p, 2 * p->L, final_slice(p, FINAL_NORM_WEIGHT));
}

/* ---- Backwards ---- */

/* d_stream (M, C), the gradient of what norm n feeds, becomes the gradient of stream n. d_norm may
 * be scratch. */
static void norm_backward(const struct vain_blocks *p, int64_t n, int slice, const float *d_norm,
                          const float *residual_gradient)
{
    p->ops->pointwise.layer_norm_gradient(
        p->queue, p->M, p->C, kept(p, p->a.streams, n, p->M * p->C),
        vain_blocks_parameter(p, slice), kept(p, p->a.means, n, p->M),
        kept(p, p->a.reciprocal_deviations, n, p->M), d_norm, residual_gradient, p->a.d_stream,
        vain_blocks_gradient(p, slice), vain_blocks_gradient(p, slice + 1));
}

/* The gradient of what dropout number `site` let through: d_stream itself, or a copy in `scratch`
 * (M, C) where elements were dropped, since the residual beside it goes on undropped. */
static const float *dropped_gradient(const struct vain_blocks *p, int64_t site, float *scratch)
{
    const struct vain_dropout dropout = vain_blocks_dropout(p, site);
    if (dropout.probability <= 0)
        return p->a.d_stream;
    p->ops->memory.copy(p->queue, scratch, p->a.d_stream, (size_t)(p->M * p->C) * sizeof(float));
    p->ops->pointwise.dropout_gradient(p->queue, p->M * p->C, &dropout, scratch);
    return scratch;
}

static void feed_forward_backward(const struct vain_blocks *p, int64_t l)
{
    const int64_t M = p->M, C = p->C;
    const struct vain_blocks_activations *a = &p->a;
    /* d_narrow is free until `up` writes it. */
    const float *d_down = dropped_gradient(p, 2 * l + 2, a->d_narrow);
    struct vain_linear_gradient down = vain_blocks_linear_gradient(
        p, block_slice(p, l, DOWN_WEIGHT), kept(p, a->ups, l, M * 4 * C), d_down, a->d_wide);
    down.pre_activation = kept(p, a->pre_activations, l, M * 4 * C);
    p->ops->matmul.linear_gradient(p->queue, &down);
    const struct vain_linear_gradient up =
        vain_blocks_linear_gradient(p, block_slice(p, l, UP_WEIGHT),
                                    kept(p, a->norms, 2 * l + 1, M * C), a->d_wide, a->d_narrow);
    p->ops->matmul.linear_gradient(p->queue, &up);
    norm_backward(p, 2 * l + 1, block_slice(p, l, FEED_FORWARD_NORM_WEIGHT), a->d_narrow,
                  a->d_stream);
}

static void attention_backward(const struct vain_blocks *p, int64_t l)
{
    const int64_t M = p->M, C = p->C;
    const struct vain_blocks_activations *a = &p->a;
    /* d_wide is free until the attention writes its gradient there. */
    const float *d_projection = dropped_gradient(p, 2 * l + 1, a->d_wide);
    const struct vain_linear_gradient projection =
        vain_blocks_linear_gradient(p, block_slice(p, l, PROJECTION_WEIGHT),
                                    kept(p, a->attentions, l, M * C), d_projection, a->d_narrow);
    p->ops->matmul.linear_gradient(p->queue, &projection);
    const struct vain_attention_gradient attention = {
        .B = p->B,
        .T = p->T,
        .C = C,
        .H = p->H,
        .query_key_value = kept(p, a->query_key_values, l, M * 3 * C),
        .output = kept(p, a->attentions, l, M * C),
        .log_sum = kept(p, a->log_sums, l, M * p->H),
        .d_output = a->d_narrow,
        .d_query_key_value = a->d_wide,
        .lengths = p->lengths,
    };
    if (p->lengths == NULL)
        p->ops->attention.causal_gradient(p->queue, &attention);
    else
        p->ops->attention.bidirectional_gradient(p->queue, &attention);
    const struct vain_linear_gradient query_key_value =
        vain_blocks_linear_gradient(p, block_slice(p, l, QUERY_KEY_VALUE_WEIGHT),
                                    kept(p, a->norms, 2 * l, M * C), a->d_wide, a->d_narrow);
    p->ops->matmul.linear_gradient(p->queue, &query_key_value);
    norm_backward(p, 2 * l, block_slice(p, l, ATTENTION_NORM_WEIGHT), a->d_narrow, a->d_stream);
}

void vain_blocks_backward(const struct vain_blocks *p)
{
    norm_backward(p, 2 * p->L, final_slice(p, FINAL_NORM_WEIGHT), p->a.d_narrow, NULL);
    for (int64_t l = p->L - 1; l >= 0; l--) {
        feed_forward_backward(p, l);
        attention_backward(p, l);
    }
}
