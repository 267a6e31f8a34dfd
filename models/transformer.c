/* A decoder-only transformer with the GPT-2 block (Radford et al. 2019; Vaswani et al. 2017).
 *
 *   x = dropout(token_embedding[tokens] + position_embedding)
 *   x = blocks(x)                             (models/blocks.h)
 *   logits = norm(x) token_embedding^T        (the head is tied: Press & Wolf 2017)
 *   loss = mean cross entropy
 *
 * B sequences, T tokens of a sequence, M = B T rows, C channels, H heads, L layers, V symbols. */
#include "models/model.h"

#include <assert.h>

#include "models/blocks.h"

/* Slices: two tables, then those of the blocks. */
enum { TOKEN_EMBEDDING, POSITION_EMBEDDING, FIRST_BLOCK };
enum { SLICES_MOST = FIRST_BLOCK + VAIN_BLOCK_SLICES * VAIN_LAYERS_MAX + VAIN_BLOCKS_FINAL_SLICES };
static_assert(SLICES_MOST <= (int)VAIN_SLICES_MAX,
              "the deepest transformer fits the table of slices");

static enum vain_status check(const struct vain_model_options *options, char *key, size_t key_bytes,
                              char *message, size_t message_bytes)
{
    const struct vain_complaint complaint = {key, key_bytes, message, message_bytes};
    return vain_blocks_check(options, &complaint);
}

static enum vain_status layout(const struct vain_model_options *options, struct vain_layout *out)
{
    *out = (struct vain_layout){.slice_count = 0};
    VAIN_TRY(vain_refuse_unchecked(&vain_transformer_ops, options));
    const int64_t C = options->width, L = options->layers;
    VAIN_TRY(vain_layout_init(
        out, (int)(FIRST_BLOCK + VAIN_BLOCK_SLICES * L + VAIN_BLOCKS_FINAL_SLICES)));
    const struct vain_slice_form first[] = {
        [TOKEN_EMBEDDING] = {"token_embedding.weight", options->symbols, C, "symbol", "channel",
                             0.02f, 0},
        [POSITION_EMBEDDING] = {"position_embedding.weight", options->context, C, "position",
                                "channel", 0.02f, 0},
    };
    for (size_t s = 0; s < VAIN_COUNT_OF(first); s++)
        vain_layout_add(out, "", &first[s]);
    vain_blocks_add_slices(options, out);
    return VAIN_OK;
}

/* ---- One pass over one batch ---- */

struct pass {
    struct vain_blocks blocks;
    const int32_t *tokens; /* (B, T) */
    int64_t V;
    float *logits; /* (M, V); then their gradient */
};

static size_t carve(const struct vain_model_options *options, int64_t B, int64_t T, bool training,
                    void *block, struct pass *p)
{
    struct vain_part parts[VAIN_BLOCKS_PARTS + 1];
    vain_blocks_parts(options, B, T, training, &p->blocks.a, parts);
    parts[VAIN_BLOCKS_PARTS] =
        (struct vain_part){(void **)&p->logits, vain_parts_product(B, T, options->symbols)};
    return vain_parts_carve(parts, (int)VAIN_COUNT_OF(parts), block);
}

static size_t workspace_bytes(const struct vain_model_options *options, int64_t B, int64_t T,
                              bool training)
{
    struct pass unused;
    return carve(options, B, T, training, NULL, &unused);
}

static struct pass pass_open(const struct vain_model_options *options,
                             const struct vain_layout *layout, struct vain_queue *queue,
                             const float *parameters, int64_t B, int64_t T, const int32_t *tokens)
{
    return (struct pass){
        .blocks = vain_blocks_open(options, layout, queue, parameters, B, T, FIRST_BLOCK),
        .tokens = tokens,
        .V = options->symbols,
    };
}

/* Up to the final norm; returns what it wrote, (M, C). */
static const float *stream_forward(const struct pass *p)
{
    const struct vain_blocks *b = &p->blocks;
    const struct vain_dropout dropout = vain_blocks_dropout(b, 0);
    b->ops->pointwise.embed(b->queue, b->B, b->T, b->C, p->tokens,
                            vain_blocks_parameter(b, TOKEN_EMBEDDING),
                            vain_blocks_parameter(b, POSITION_EMBEDDING), &dropout, b->a.streams);
    return vain_blocks_forward(b);
}

/* Logits (rows, V) of `rows` rows of the final norm. */
static void head_forward(const struct pass *p, const float *norm, int64_t rows, float *logits)
{
    const struct vain_blocks *b = &p->blocks;
    struct vain_linear head = vain_blocks_linear(b, TOKEN_EMBEDDING, norm, logits);
    head.M = rows;
    head.bias = NULL;
    b->ops->matmul.linear(b->queue, &head);
}

/* From the gradient of the logits, which stands in their place. */
static void backward(const struct pass *p)
{
    const struct vain_blocks *b = &p->blocks;
    struct vain_linear_gradient head = vain_blocks_linear_gradient(
        b, TOKEN_EMBEDDING, vain_blocks_output(b), p->logits, b->a.d_narrow);
    head.d_bias = NULL;
    b->ops->matmul.linear_gradient(b->queue, &head);
    vain_blocks_backward(b);
    const struct vain_dropout dropout = vain_blocks_dropout(b, 0);
    b->ops->pointwise.embed_gradient(b->queue, b->B, b->T, b->C, p->tokens, b->a.d_stream, &dropout,
                                     vain_blocks_gradient(b, TOKEN_EMBEDDING),
                                     vain_blocks_gradient(b, POSITION_EMBEDDING));
}

/* ---- The table ---- */

static void forward_backward(const struct vain_model_options *options,
                             const struct vain_layout *layout, struct vain_queue *queue,
                             const float *parameters, const struct vain_batch *batch,
                             const struct vain_batch_place *place, float gradient_scale,
                             void *workspace, float *gradients, double *mean_loss)
{
    VAIN_ASSERT(place != NULL || options->dropout <= 0);
    struct pass p =
        pass_open(options, layout, queue, parameters, batch->B, batch->T, batch->tokens);
    const int64_t M = p.blocks.M;
    p.blocks.gradients = gradients;
    p.blocks.place = place;
    p.blocks.training = true;
    (void)carve(options, batch->B, batch->T, true, workspace, &p);
    head_forward(&p, stream_forward(&p), M, p.logits);
    double loss_sum = 0;
    p.blocks.ops->pointwise.cross_entropy(queue, M, p.V, p.logits, batch->targets,
                                          gradient_scale / (float)M, &loss_sum);
    backward(&p);
    *mean_loss = vain_parts_settle_loss(queue, &loss_sum) / (double)M;
}

static void evaluate(const struct vain_model_options *options, const struct vain_layout *layout,
                     struct vain_queue *queue, const float *parameters,
                     const struct vain_batch *batch, void *workspace, struct vain_measure *measure)
{
    struct pass p =
        pass_open(options, layout, queue, parameters, batch->B, batch->T, batch->tokens);
    (void)carve(options, batch->B, batch->T, false, workspace, &p);
    head_forward(&p, stream_forward(&p), p.blocks.M, p.logits);
    *measure = vain_parts_measure(queue, p.blocks.M, p.V, p.logits, batch->targets);
}

static void next_logits(const struct vain_model_options *options, const struct vain_layout *layout,
                        struct vain_queue *queue, const float *parameters, const int32_t *tokens,
                        int64_t T, void *workspace, float *logits)
{
    struct pass p = pass_open(options, layout, queue, parameters, 1, T, tokens);
    (void)carve(options, 1, T, false, workspace, &p);
    const float *norm = stream_forward(&p);
    head_forward(&p, norm + (T - 1) * p.blocks.C, 1, logits);
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
