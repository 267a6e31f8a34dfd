/* A decoder-only transformer with the GPT-2 block (Radford et al. 2019; Vaswani et al. 2017).
 *
 *   x = dropout(token_embedding[tokens] + position_embedding)
 *   L times:  x = x + dropout(projection(attention(query_key_value(norm(x)))))
 *             x = x + dropout(down(gelu(up(norm(x)))))
 *   logits = norm(x) token_embedding^T        (the head is tied: Press & Wolf 2017)
 *   loss = mean cross entropy
 *
 * B sequences, T tokens of a sequence, M = B T rows, C channels, H heads, L layers, V symbols.
 *
 * Training keeps what the backward pass reads, layer by layer; gradients of activations live in
 * three buffers that all layers share. Evaluation keeps one layer's worth and adds to the residual
 * stream in place. A step is 7 ops a layer forwards and 7 backwards: bias, GELU, dropout and
 * residual ride on the matmuls, and the gradient of the residual stream rides on the norms. Initial
 * values follow nanoGPT: normal(0.02), residual projections divided by sqrt(2 L). */
#include "models/model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "models/layout.h"
#include "models/parts.h"

/* ---- Slices: their order is the order of the flat vector ---- */

enum { TOKEN_EMBEDDING, POSITION_EMBEDDING, FIRST_BLOCK };
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
enum { SLICES_MOST = FIRST_BLOCK + BLOCK_SLICES * VAIN_LAYERS_MAX + FINAL_SLICES };
static_assert(SLICES_MOST <= (int)VAIN_SLICES_MAX,
              "the deepest transformer fits the table of slices");

static enum vain_status check(const struct vain_model_options *options, char *key, size_t key_bytes,
                              char *message, size_t message_bytes)
{
    const struct vain_complaint complaint = {key, key_bytes, message, message_bytes};
    VAIN_TRY(vain_check_common(options, &complaint));
    const int64_t C = options->width, H = options->heads;
    if (options->layers < 1 || options->layers > VAIN_LAYERS_MAX)
        return vain_complain(&complaint, "model.layers", "%lld layers are not in 1 to %d",
                             (long long)options->layers, VAIN_LAYERS_MAX);
    if (C < 1 || C > VAIN_WIDTH_MAX)
        return vain_complain(&complaint, "model.width", "%lld channels are not in 1 to %d",
                             (long long)C, VAIN_WIDTH_MAX);
    if (H < 1 || H > C)
        return vain_complain(&complaint, "model.heads",
                             "%lld heads cannot share a width of %lld; 1 to %lld can", (long long)H,
                             (long long)C, (long long)C);
    if (C % H != 0) {
        int64_t fewer, more;
        vain_nearest_divisors(C, H, &fewer, &more);
        return vain_complain(
            &complaint, "model.heads",
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

static enum vain_status layout(const struct vain_model_options *options, struct vain_layout *out)
{
    *out = (struct vain_layout){.slice_count = 0};
    VAIN_TRY(vain_refuse_unchecked(&vain_transformer_ops, options));
    const int64_t C = options->width, L = options->layers;
    VAIN_TRY(vain_layout_init(out, (int)(FIRST_BLOCK + BLOCK_SLICES * L + FINAL_SLICES)));
    const struct vain_slice_form first[] = {
        [TOKEN_EMBEDDING] = {"token_embedding.weight", options->symbols, C, "symbol", "channel",
                             0.02f, 0},
        [POSITION_EMBEDDING] = {"position_embedding.weight", options->context, C, "position",
                                "channel", 0.02f, 0},
    };
    const struct vain_slice_form last[] = {
        [FINAL_NORM_WEIGHT] = {"final_norm.weight", C, 0, "channel", NULL, 0, 1},
        [FINAL_NORM_BIAS] = {"final_norm.bias", C, 0, "channel", NULL, 0, 0},
    };
    for (size_t s = 0; s < VAIN_COUNT_OF(first); s++)
        vain_layout_add(out, "", &first[s]);
    /* Each layer adds to the residual stream twice; this keeps its size at the start independent of
     * depth. */
    const float residual_deviation = (float)(0.02 / sqrt(2.0 * (double)L));
    for (int64_t l = 0; l < L; l++)
        add_block(out, l, C, residual_deviation);
    for (size_t s = 0; s < VAIN_COUNT_OF(last); s++)
        vain_layout_add(out, "", &last[s]);
    return VAIN_OK;
}

/* ---- Activations: one block, carved by a table ---- */

/* Norms are numbered along the residual stream: 2 l and 2 l + 1 are those of layer l, 2 L is the
 * final one. Shapes are those of training; otherwise one layer's worth and one norm's are kept, and
 * every layer adds to the one stream in place. */
struct activations {
    float *streams;               /* (2 L + 1, M, C): the residual stream before each norm */
    float *norms;                 /* (2 L + 1, M, C) */
    float *means;                 /* (2 L + 1, M) */
    float *reciprocal_deviations; /* (2 L + 1, M) */
    float *query_key_values;      /* (L, M, 3 C) */
    float *attentions;            /* (L, M, C) */
    float *log_sums;              /* (L, B, H, T) */
    float *pre_activations;       /* (L, M, 4 C) */
    float *ups;                   /* (L, M, 4 C) */
    float *logits;                /* (M, V); then their gradient */
    float *d_stream; /* (M, C) gradient of the residual stream; training only, as the next two */
    float *d_narrow; /* (M, C) scratch */
    float *d_wide;   /* (M, 4 C) scratch */
};

static size_t carve(const struct vain_model_options *options, int64_t B, int64_t T, bool training,
                    void *block, struct activations *a)
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
        {(void **)&a->logits, vain_parts_product(M, options->symbols, 1)},
        {(void **)&a->d_stream, vain_parts_product(gradients, narrow, 1)},
        {(void **)&a->d_narrow, vain_parts_product(gradients, narrow, 1)},
        {(void **)&a->d_wide, vain_parts_product(gradients, narrow, 4)},
    };
    static_assert(sizeof *a == VAIN_COUNT_OF(parts) * sizeof(float *), "one part a field");
    return vain_parts_carve(parts, (int)VAIN_COUNT_OF(parts), block);
}

static size_t workspace_bytes(const struct vain_model_options *options, int64_t B, int64_t T,
                              bool training)
{
    struct activations unused;
    return carve(options, B, T, training, NULL, &unused);
}

/* ---- One pass over one batch ---- */

struct pass {
    const struct vain_model_options *options;
    const struct vain_layout *layout;
    struct vain_queue *queue;
    const struct vain_ops *ops;
    const float *parameters; /* (N) */
    float *gradients;        /* (N) or NULL */
    const struct vain_place *place;
    bool training;
    const int32_t *tokens; /* (B, T) */
    int64_t B, T, M, C, H, L, V;
    struct activations a;
};

static struct pass pass_open(const struct vain_model_options *options,
                             const struct vain_layout *layout, struct vain_queue *queue,
                             const float *parameters, int64_t B, int64_t T, const int32_t *tokens)
{
    VAIN_ASSERT(B > 0);
    VAIN_ASSERT(T > 0 && T <= options->context);
    VAIN_ASSERT(layout->slice_count == FIRST_BLOCK + BLOCK_SLICES * options->layers + FINAL_SLICES);
    return (struct pass){
        .options = options,
        .layout = layout,
        .queue = queue,
        .ops = queue->device->ops,
        .tokens = tokens,
        .parameters = parameters,
        .B = B,
        .T = T,
        .M = B * T,
        .C = options->width,
        .H = options->heads,
        .L = options->layers,
        .V = options->symbols,
    };
}

/* Number of slice `s` of block l in the layout. */
static int block_slice(int64_t l, int s)
{
    return FIRST_BLOCK + (int)l * BLOCK_SLICES + s;
}

static int final_slice(const struct pass *p, int s)
{
    return FIRST_BLOCK + (int)p->L * BLOCK_SLICES + s;
}

static const float *parameter(const struct pass *p, int slice)
{
    return p->parameters + p->layout->slices[slice].offset;
}

static float *gradient(const struct pass *p, int slice)
{
    return p->gradients + p->layout->slices[slice].offset;
}

/* Part l of an array of `count` elements a layer; the only one outside of training. */
static float *kept(const struct pass *p, float *array, int64_t l, int64_t count)
{
    return array + (p->training ? l * count : 0);
}

/* Sites: 0 after the embedding, 1 + 2 l after the attention of layer l, 2 + 2 l after its
 * feed-forward part. */
static struct vain_dropout dropout_at(const struct pass *p, int64_t site)
{
    return vain_parts_dropout(p->options->dropout, p->place, site, 2 * p->L + 1);
}

/* A linear layer whose weight is `slice` and whose bias follows it; shapes come from the slice. */
static struct vain_linear linear_of(const struct pass *p, int slice, const float *input,
                                    float *output)
{
    const struct vain_slice *weight = &p->layout->slices[slice];
    return (struct vain_linear){
        .M = p->M,
        .N = weight->shape[0],
        .K = weight->shape[1],
        .input = input,
        .weight = parameter(p, slice),
        .bias = parameter(p, slice + 1),
        .output = output,
        .epilogue = VAIN_EPILOGUE_NONE,
    };
}

static struct vain_linear_gradient linear_gradient_of(const struct pass *p, int slice,
                                                      const float *input, const float *d_output,
                                                      float *d_input)
{
    const struct vain_slice *weight = &p->layout->slices[slice];
    return (struct vain_linear_gradient){
        .M = p->M,
        .N = weight->shape[0],
        .K = weight->shape[1],
        .input = input,
        .weight = parameter(p, slice),
        .d_output = d_output,
        .d_input = d_input,
        .d_weight = gradient(p, slice),
        .d_bias = gradient(p, slice + 1),
    };
}

/* ---- Forwards ---- */

/* Norm number n, whose gain is `slice` and whose shift follows it. Returns what it wrote, (M, C).
 */
static const float *norm_forward(const struct pass *p, int64_t n, int slice)
{
    float *norm = kept(p, p->a.norms, n, p->M * p->C);
    p->ops->pointwise.layer_norm(p->queue, p->M, p->C, kept(p, p->a.streams, n, p->M * p->C),
                                 parameter(p, slice), parameter(p, slice + 1), norm,
                                 kept(p, p->a.means, n, p->M),
                                 kept(p, p->a.reciprocal_deviations, n, p->M));
    return norm;
}

/* Stream n + 1 = stream n + dropout(linear(input)). */
static void residual_forward(const struct pass *p, int64_t n, int slice, const float *input)
{
    struct vain_linear linear =
        linear_of(p, slice, input, kept(p, p->a.streams, n + 1, p->M * p->C));
    linear.epilogue = VAIN_EPILOGUE_RESIDUAL;
    linear.residual = kept(p, p->a.streams, n, p->M * p->C);
    linear.dropout = dropout_at(p, n + 1);
    p->ops->matmul.linear(p->queue, &linear);
}

static void block_forward(const struct pass *p, int64_t l)
{
    const int64_t M = p->M, C = p->C;
    const float *norm = norm_forward(p, 2 * l, block_slice(l, ATTENTION_NORM_WEIGHT));
    const struct vain_linear query_key_value =
        linear_of(p, block_slice(l, QUERY_KEY_VALUE_WEIGHT), norm,
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
    };
    p->ops->attention.causal(p->queue, &attention);
    residual_forward(p, 2 * l, block_slice(l, PROJECTION_WEIGHT), attention.output);

    norm = norm_forward(p, 2 * l + 1, block_slice(l, FEED_FORWARD_NORM_WEIGHT));
    struct vain_linear up =
        linear_of(p, block_slice(l, UP_WEIGHT), norm, kept(p, p->a.ups, l, M * 4 * C));
    up.epilogue = VAIN_EPILOGUE_GELU;
    up.pre_activation = kept(p, p->a.pre_activations, l, M * 4 * C);
    p->ops->matmul.linear(p->queue, &up);
    residual_forward(p, 2 * l + 1, block_slice(l, DOWN_WEIGHT), up.output);
}

/* Up to the final norm; returns what it wrote, (M, C). */
static const float *stream_forward(const struct pass *p)
{
    const struct vain_dropout dropout = dropout_at(p, 0);
    p->ops->pointwise.embed(p->queue, p->B, p->T, p->C, p->tokens, parameter(p, TOKEN_EMBEDDING),
                            parameter(p, POSITION_EMBEDDING), &dropout, p->a.streams);
    for (int64_t l = 0; l < p->L; l++)
        block_forward(p, l);
    return norm_forward(p, 2 * p->L, final_slice(p, FINAL_NORM_WEIGHT));
}

/* Logits (M, V) of `rows` rows of the final norm. */
static void head_forward(const struct pass *p, const float *norm, int64_t rows, float *logits)
{
    struct vain_linear head = linear_of(p, TOKEN_EMBEDDING, norm, logits);
    head.M = rows;
    head.bias = NULL;
    p->ops->matmul.linear(p->queue, &head);
}

/* ---- Backwards ---- */

/* d_stream (M, C), the gradient of what norm n feeds, becomes the gradient of stream n. d_norm may
 * be scratch. */
static void norm_backward(const struct pass *p, int64_t n, int slice, const float *d_norm,
                          const float *residual_gradient)
{
    p->ops->pointwise.layer_norm_gradient(
        p->queue, p->M, p->C, kept(p, p->a.streams, n, p->M * p->C), parameter(p, slice),
        kept(p, p->a.means, n, p->M), kept(p, p->a.reciprocal_deviations, n, p->M), d_norm,
        residual_gradient, p->a.d_stream, gradient(p, slice), gradient(p, slice + 1));
}

/* The gradient of what dropout number `site` let through: d_stream itself, or a copy in `scratch`
 * (M, C) where elements were dropped, since the residual beside it goes on undropped. */
static const float *dropped_gradient(const struct pass *p, int64_t site, float *scratch)
{
    const struct vain_dropout dropout = dropout_at(p, site);
    if (dropout.probability <= 0)
        return p->a.d_stream;
    p->ops->memory.copy(p->queue, scratch, p->a.d_stream, (size_t)(p->M * p->C) * sizeof(float));
    p->ops->pointwise.dropout_gradient(p->queue, p->M * p->C, &dropout, scratch);
    return scratch;
}

static void feed_forward_backward(const struct pass *p, int64_t l)
{
    const int64_t M = p->M, C = p->C;
    const struct activations *a = &p->a;
    /* d_narrow is free until `up` writes it. */
    const float *d_down = dropped_gradient(p, 2 * l + 2, a->d_narrow);
    struct vain_linear_gradient down = linear_gradient_of(
        p, block_slice(l, DOWN_WEIGHT), kept(p, a->ups, l, M * 4 * C), d_down, a->d_wide);
    down.pre_activation = kept(p, a->pre_activations, l, M * 4 * C);
    p->ops->matmul.linear_gradient(p->queue, &down);
    const struct vain_linear_gradient up = linear_gradient_of(
        p, block_slice(l, UP_WEIGHT), kept(p, a->norms, 2 * l + 1, M * C), a->d_wide, a->d_narrow);
    p->ops->matmul.linear_gradient(p->queue, &up);
    norm_backward(p, 2 * l + 1, block_slice(l, FEED_FORWARD_NORM_WEIGHT), a->d_narrow, a->d_stream);
}

static void attention_backward(const struct pass *p, int64_t l)
{
    const int64_t M = p->M, C = p->C;
    const struct activations *a = &p->a;
    /* d_wide is free until the attention writes its gradient there. */
    const float *d_projection = dropped_gradient(p, 2 * l + 1, a->d_wide);
    const struct vain_linear_gradient projection =
        linear_gradient_of(p, block_slice(l, PROJECTION_WEIGHT), kept(p, a->attentions, l, M * C),
                           d_projection, a->d_narrow);
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
    };
    p->ops->attention.causal_gradient(p->queue, &attention);
    const struct vain_linear_gradient query_key_value =
        linear_gradient_of(p, block_slice(l, QUERY_KEY_VALUE_WEIGHT),
                           kept(p, a->norms, 2 * l, M * C), a->d_wide, a->d_narrow);
    p->ops->matmul.linear_gradient(p->queue, &query_key_value);
    norm_backward(p, 2 * l, block_slice(l, ATTENTION_NORM_WEIGHT), a->d_narrow, a->d_stream);
}

/* From the gradient of the logits, which stands in their place. */
static void backward(const struct pass *p)
{
    const struct activations *a = &p->a;
    struct vain_linear_gradient head = linear_gradient_of(
        p, TOKEN_EMBEDDING, kept(p, a->norms, 2 * p->L, p->M * p->C), a->logits, a->d_narrow);
    head.d_bias = NULL;
    p->ops->matmul.linear_gradient(p->queue, &head);
    norm_backward(p, 2 * p->L, final_slice(p, FINAL_NORM_WEIGHT), a->d_narrow, NULL);
    for (int64_t l = p->L - 1; l >= 0; l--) {
        feed_forward_backward(p, l);
        attention_backward(p, l);
    }
    const struct vain_dropout dropout = dropout_at(p, 0);
    p->ops->pointwise.embed_gradient(p->queue, p->B, p->T, p->C, p->tokens, a->d_stream, &dropout,
                                     gradient(p, TOKEN_EMBEDDING), gradient(p, POSITION_EMBEDDING));
}

/* ---- The table ---- */

static void forward_backward(const struct vain_model_options *options,
                             const struct vain_layout *layout, struct vain_queue *queue,
                             const float *parameters, const struct vain_batch *batch,
                             const struct vain_place *place, float gradient_scale, void *workspace,
                             float *gradients, double *mean_loss)
{
    VAIN_ASSERT(place != NULL || options->dropout <= 0);
    struct pass p =
        pass_open(options, layout, queue, parameters, batch->B, batch->T, batch->tokens);
    p.gradients = gradients;
    p.place = place;
    p.training = true;
    (void)carve(options, p.B, p.T, true, workspace, &p.a);
    head_forward(&p, stream_forward(&p), p.M, p.a.logits);
    double loss_sum = 0;
    p.ops->pointwise.cross_entropy(queue, p.M, p.V, p.a.logits, batch->targets,
                                   gradient_scale / (float)p.M, &loss_sum);
    backward(&p);
    *mean_loss = vain_parts_settle_loss(queue, &loss_sum) / (double)p.M;
}

static void evaluate(const struct vain_model_options *options, const struct vain_layout *layout,
                     struct vain_queue *queue, const float *parameters,
                     const struct vain_batch *batch, void *workspace, struct vain_measure *measure)
{
    struct pass p =
        pass_open(options, layout, queue, parameters, batch->B, batch->T, batch->tokens);
    (void)carve(options, p.B, p.T, false, workspace, &p.a);
    head_forward(&p, stream_forward(&p), p.M, p.a.logits);
    *measure = vain_parts_measure(queue, p.M, p.V, p.a.logits, batch->targets);
}

static void next_logits(const struct vain_model_options *options, const struct vain_layout *layout,
                        struct vain_queue *queue, const float *parameters, const int32_t *tokens,
                        int64_t T, void *workspace, float *logits)
{
    struct pass p = pass_open(options, layout, queue, parameters, 1, T, tokens);
    (void)carve(options, 1, T, false, workspace, &p.a);
    const float *norm = stream_forward(&p);
    head_forward(&p, norm + (T - 1) * p.C, 1, logits);
}

const struct vain_model_ops vain_transformer_ops = {
    .name = "transformer",
    .check = check,
    .layout = layout,
    .workspace_bytes = workspace_bytes,
    .forward_backward = forward_backward,
    .evaluate = evaluate,
    .next_logits = next_logits,
};
