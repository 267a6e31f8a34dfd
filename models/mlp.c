/* A multi-layer perceptron as a neural probabilistic language model (Bengio, Ducharme, Vincent &
 * Jauvin 2003).
 *
 *   x = dropout(the last K tokens, each embedded in E = sizes[0] / K channels, side by side)
 * (sizes[0]) for each further size:  x = dropout(gelu(linear(x))) logits = linear(x); loss = mean
 * cross entropy
 *
 * So the 512-256-512 network trains on the same text as the transformer, with the same batches: K
 * is the context, and every position t of a window of T tokens predicts its target from the K
 * tokens that end at t. What would lie before the window is a learned padding row, so a prediction
 * never depends on tokens that the batch does not hold, and evaluation and training mean the same
 * by (B, T). The padding row follows the token table in the flat vector and is its symbol V for the
 * embedding op.
 *
 * B windows, T positions, M = B T rows, K tokens a row, E channels a token, S sizes, V symbols.
 * Hidden weights start at normal(sqrt(2 / in)) (He et al. 2015), embeddings at normal(1), the
 * output at normal(0.02), so that the first loss is near log V. */
#include "models/model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "models/layout.h"
#include "models/parts.h"

/* Slices: two tables, then weight and bias of each hidden layer, then of the output. */
enum { TOKEN_EMBEDDING, PADDING_EMBEDDING, FIRST_LAYER };

static enum vain_status check_sizes(const struct vain_model_options *options,
                                    const struct vain_complaint *complaint)
{
    const struct vain_option_counts *sizes = &options->sizes;
    if (sizes->count < 1 || sizes->count > VAIN_OPTION_COUNTS_MAX)
        return vain_complain(complaint, "model.sizes",
                             "%d sizes are not 1 to %d; [512, 256, 512] is the default",
                             sizes->count, VAIN_OPTION_COUNTS_MAX);
    for (int s = 0; s < sizes->count; s++)
        if (sizes->values[s] < 1 || sizes->values[s] > VAIN_WIDTH_MAX)
            return vain_complain(complaint, "model.sizes",
                                 "size %d is %lld, which is not in 1 to %d", s + 1,
                                 (long long)sizes->values[s], VAIN_WIDTH_MAX);
    return VAIN_OK;
}

static enum vain_status check(const struct vain_model_options *options, char *key, size_t key_bytes,
                              char *message, size_t message_bytes)
{
    const struct vain_complaint complaint = {key, key_bytes, message, message_bytes};
    VAIN_TRY(vain_check_common(options, &complaint));
    VAIN_TRY(check_sizes(options, &complaint));
    const int64_t input = options->sizes.values[0], K = options->context;
    if (input % K == 0)
        return VAIN_OK;
    int64_t shorter, longer;
    vain_nearest_divisors(input, K, &shorter, &longer);
    if (longer == 0)
        return vain_complain(
            &complaint, "model.sizes",
            "the first size, %lld, has no channel for each of %lld tokens of context; a context of "
            "%lld, or a first size of %lld, would do",
            (long long)input, (long long)K, (long long)shorter, (long long)K);
    return vain_complain(&complaint, "model.sizes",
                         "the first size, %lld, is not a multiple of the context, %lld; a context "
                         "of %lld or %lld, or "
                         "a first size of %lld, would do",
                         (long long)input, (long long)K, (long long)shorter, (long long)longer,
                         (long long)((input / K + 1) * K));
}

static enum vain_status layout(const struct vain_model_options *options, struct vain_layout *out)
{
    *out = (struct vain_layout){.slice_count = 0};
    VAIN_TRY(vain_refuse_unchecked(&vain_mlp_ops, options));
    const struct vain_option_counts *sizes = &options->sizes;
    const int64_t E = sizes->values[0] / options->context, V = options->symbols;
    VAIN_TRY(vain_layout_init(out, FIRST_LAYER + 2 * sizes->count));
    const struct vain_slice_form tables[] = {
        [TOKEN_EMBEDDING] = {"token_embedding.weight", V, E, "symbol", "channel", 1, 0},
        [PADDING_EMBEDDING] = {"padding_embedding.weight", 1, E, "symbol", "channel", 1, 0},
    };
    for (size_t s = 0; s < VAIN_COUNT_OF(tables); s++)
        vain_layout_add(out, "", &tables[s]);
    for (int s = 0; s < sizes->count; s++) {
        const bool output = s + 1 == sizes->count;
        const int64_t in = sizes->values[s], rows = output ? V : sizes->values[s + 1];
        const float deviation = output ? 0.02f : (float)sqrt(2.0 / (double)in);
        const struct vain_slice_form weight = {"weight", rows, in, "out", "in", deviation, 0};
        const struct vain_slice_form bias = {"bias", rows, 0, "out", NULL, 0, 0};
        char prefix[32] = "output.";
        if (!output)
            (void)snprintf(prefix, sizeof prefix, "layers.%d.", s);
        vain_layout_add(out, prefix, &weight);
        vain_layout_add(out, prefix, &bias);
    }
    return VAIN_OK;
}

/* ---- Activations: one block, carved by a table ---- */

struct activations {
    int32_t *padding;       /* (K) the symbol V, K times */
    int32_t *windows;       /* (M, K) */
    float *inputs;          /* for each size s: (M, sizes[s]), what linear layer s reads */
    float *pre_activations; /* for each size s > 0: (M, sizes[s]), what made it */
    float *logits;          /* (M, V); then their gradient */
    float *d_even; /* (M, largest size) gradients of inputs, in turns; training only, as the next */
    float *d_odd;  /* (M, largest size) */
};

static size_t carve(const struct vain_model_options *options, int64_t B, int64_t T, bool training,
                    void *block, struct activations *a)
{
    const int64_t M = vain_parts_product(B, T, 1), K = options->context;
    int64_t all = 0, widest = 0;
    for (int s = 0; s < options->sizes.count; s++) {
        all += options->sizes.values[s];
        widest = options->sizes.values[s] > widest ? options->sizes.values[s] : widest;
    }
    const int64_t gradients = training ? widest : 0;
    const struct vain_part parts[] = {
        {(void **)&a->padding, K},
        {(void **)&a->windows, vain_parts_product(M, K, 1)},
        {(void **)&a->inputs, vain_parts_product(M, all, 1)},
        {(void **)&a->pre_activations, vain_parts_product(M, all - options->sizes.values[0], 1)},
        {(void **)&a->logits, vain_parts_product(M, options->symbols, 1)},
        {(void **)&a->d_even, vain_parts_product(M, gradients, 1)},
        {(void **)&a->d_odd, vain_parts_product(M, gradients, 1)},
    };
    static_assert(sizeof *a == VAIN_COUNT_OF(parts) * sizeof(void *), "one part a field");
    return vain_parts_carve(parts, (int)VAIN_COUNT_OF(parts), block);
}

static size_t workspace_bytes(const struct vain_model_options *options, int64_t B, int64_t T,
                              bool training)
{
    struct activations unused;
    return carve(options, B, T, training, NULL, &unused);
}

/* ---- One pass over M windows ---- */

struct pass {
    const struct vain_model_options *options;
    const struct vain_layout *layout;
    struct vain_queue *queue;
    const struct vain_ops *ops;
    const float *parameters; /* (N) */
    float *gradients;        /* (N) or NULL */
    const struct vain_batch_place *place;
    int64_t M, K, E, V;
    int S;
    struct activations a;
};

static struct pass pass_open(const struct vain_model_options *options,
                             const struct vain_layout *layout, struct vain_queue *queue,
                             const float *parameters, int64_t B, int64_t T)
{
    VAIN_ASSERT(B > 0);
    VAIN_ASSERT(T > 0 && T <= options->context);
    VAIN_ASSERT(layout->slice_count == FIRST_LAYER + 2 * options->sizes.count);
    return (struct pass){
        .options = options,
        .layout = layout,
        .queue = queue,
        .ops = queue->device->ops,
        .parameters = parameters,
        .M = B * T,
        .K = options->context,
        .E = options->sizes.values[0] / options->context,
        .V = options->symbols,
        .S = options->sizes.count,
    };
}

static const float *parameter(const struct pass *p, int slice)
{
    return p->parameters + p->layout->slices[slice].offset;
}

static float *gradient(const struct pass *p, int slice)
{
    return p->gradients + p->layout->slices[slice].offset;
}

/* What linear layer s reads, (M, sizes[s]). */
static float *input_of(const struct pass *p, int s)
{
    int64_t before = 0;
    for (int i = 0; i < s; i++)
        before += p->options->sizes.values[i];
    return p->a.inputs + p->M * before;
}

/* What made the input of linear layer s by GELU, (M, sizes[s]); NULL for the embedding. */
static float *pre_activation_of(const struct pass *p, int s)
{
    if (s == 0)
        return NULL;
    return p->a.pre_activations + (input_of(p, s) - input_of(p, 1));
}

/* Site s is the input of linear layer s. */
static struct vain_dropout dropout_at(const struct pass *p, int s)
{
    return vain_parts_dropout(p->options->dropout, p->place, s, p->S);
}

/* Fill the padding by doubling, since the device may not be ours to write: log K copies. */
static void fill_padding(const struct pass *p)
{
    const int32_t symbol = (int32_t)p->V;
    p->ops->memory.copy_in(p->queue, p->a.padding, &symbol, sizeof symbol);
    for (int64_t filled = 1; filled < p->K;) {
        const int64_t more = filled < p->K - filled ? filled : p->K - filled;
        p->ops->memory.copy(p->queue, p->a.padding + filled, p->a.padding,
                            (size_t)more * sizeof symbol);
        filled += more;
    }
}

/* Row (K) of the window that ends at tokens[t]: t < T <= K, so all tokens up to t are in it, and
 * padding before. */
static void gather_window(const struct pass *p, const int32_t *tokens, int64_t t, int32_t *row)
{
    const int64_t seen = t + 1, missing = p->K - seen;
    if (missing > 0)
        p->ops->memory.copy(p->queue, row, p->a.padding, (size_t)missing * sizeof *row);
    p->ops->memory.copy(p->queue, row + missing, tokens, (size_t)seen * sizeof *row);
}

/* Drop from the input of linear layer s, or from its gradient: dropout is linear and diagonal, so
 * its gradient is also itself. */
static void drop_in_place(const struct pass *p, int s, float *values)
{
    const struct vain_dropout dropout = dropout_at(p, s);
    if (dropout.probability > 0)
        p->ops->pointwise.dropout_gradient(p->queue, p->M * p->options->sizes.values[s], &dropout,
                                           values);
}

/* Windows (M, K) to logits (M, V). */
static void forward(const struct pass *p, float *logits)
{
    const struct vain_dropout dropout = dropout_at(p, 0);
    p->ops->pointwise.embed(p->queue, p->M, p->K, p->E, p->a.windows, parameter(p, TOKEN_EMBEDDING),
                            NULL, &dropout, p->a.inputs);
    for (int s = 0; s < p->S; s++) {
        const bool output = s + 1 == p->S;
        const int slice = FIRST_LAYER + 2 * s;
        const struct vain_linear linear = {
            .M = p->M,
            .N = p->layout->slices[slice].shape[0],
            .K = p->layout->slices[slice].shape[1],
            .input = input_of(p, s),
            .weight = parameter(p, slice),
            .bias = parameter(p, slice + 1),
            .output = output ? logits : input_of(p, s + 1),
            .epilogue = output ? VAIN_EPILOGUE_NONE : VAIN_EPILOGUE_GELU,
            .pre_activation = output ? NULL : pre_activation_of(p, s + 1),
        };
        p->ops->matmul.linear(p->queue, &linear);
        if (!output)
            drop_in_place(p, s + 1, linear.output);
    }
}

/* From the gradient of the logits, which stands in their place. */
static void backward(const struct pass *p)
{
    float *d_output = p->a.logits;
    for (int s = p->S - 1; s >= 0; s--) {
        const int slice = FIRST_LAYER + 2 * s;
        const struct vain_linear_gradient linear = {
            .M = p->M,
            .N = p->layout->slices[slice].shape[0],
            .K = p->layout->slices[slice].shape[1],
            .input = input_of(p, s),
            .weight = parameter(p, slice),
            .d_output = d_output,
            .d_input = s % 2 == 0 ? p->a.d_even : p->a.d_odd,
            .d_weight = gradient(p, slice),
            .d_bias = gradient(p, slice + 1),
            .pre_activation = pre_activation_of(p, s),
        };
        p->ops->matmul.linear_gradient(p->queue, &linear);
        /* The derivative of GELU is diagonal too, so the order of the two does not matter. */
        if (s > 0)
            drop_in_place(p, s, linear.d_input);
        d_output = linear.d_input;
    }
    const struct vain_dropout dropout = dropout_at(p, 0);
    p->ops->pointwise.embed_gradient(p->queue, p->M, p->K, p->E, p->a.windows, d_output, &dropout,
                                     gradient(p, TOKEN_EMBEDDING), NULL);
}

/* ---- The table ---- */

static void gather_windows(const struct pass *p, const struct vain_batch *batch)
{
    fill_padding(p);
    for (int64_t b = 0; b < batch->B; b++)
        for (int64_t t = 0; t < batch->T; t++)
            gather_window(p, batch->tokens + b * batch->T, t,
                          p->a.windows + (b * batch->T + t) * p->K);
}

static void forward_backward(const struct vain_model_options *options,
                             const struct vain_layout *layout, struct vain_queue *queue,
                             const float *parameters, const struct vain_batch *batch,
                             const struct vain_batch_place *place, float gradient_scale,
                             void *workspace, float *gradients, double *mean_loss)
{
    VAIN_ASSERT(place != NULL || options->dropout <= 0);
    struct pass p = pass_open(options, layout, queue, parameters, batch->B, batch->T);
    p.gradients = gradients;
    p.place = place;
    (void)carve(options, batch->B, batch->T, true, workspace, &p.a);
    gather_windows(&p, batch);
    forward(&p, p.a.logits);
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
    struct pass p = pass_open(options, layout, queue, parameters, batch->B, batch->T);
    (void)carve(options, batch->B, batch->T, false, workspace, &p.a);
    gather_windows(&p, batch);
    forward(&p, p.a.logits);
    *measure = vain_parts_measure(queue, p.M, p.V, p.a.logits, batch->targets);
}

static void next_logits(const struct vain_model_options *options, const struct vain_layout *layout,
                        struct vain_queue *queue, const float *parameters, const int32_t *tokens,
                        int64_t T, void *workspace, float *logits)
{
    VAIN_ASSERT(T > 0 && T <= options->context);
    /* One window, the one that ends at the last token: a single row, whatever T is. */
    struct pass p = pass_open(options, layout, queue, parameters, 1, 1);
    (void)carve(options, 1, 1, false, workspace, &p.a);
    fill_padding(&p);
    gather_window(&p, tokens, T - 1, p.a.windows);
    forward(&p, logits);
}

const struct vain_model_ops vain_mlp_ops = {
    .name = "mlp",
    .check = check,
    .layout = layout,
    .workspace_bytes = workspace_bytes,
    .forward_backward = forward_backward,
    .evaluate = evaluate,
    .next_logits = next_logits,
};
