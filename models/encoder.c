/* An encoder of sentences: the transformer's blocks without a mask, as features of unit length.
 *
 *   x = dropout(token_embedding[tokens] + position_embedding)
 *   x = norm(blocks(x)), every token seeing its whole sentence and no padding  (models/blocks.h)
 *   pooled = mean of x over the sentence's tokens (Reimers & Gurevych 2019)
 *   features = projection(pooled), or pooled where model.features is 0; of unit length
 *   loss = models/losses.h
 *
 * B sentences, T tokens of the longest, M = B T rows, C channels, F features, L layers, V symbols.
 */
#include "models/model.h"

#include <assert.h>
#include <math.h>

#include "models/blocks.h"
#include "models/losses.h"

/* Slices: two tables, those of the blocks, the projection if there is one, those of the loss. */
enum { TOKEN_EMBEDDING, POSITION_EMBEDDING, FIRST_BLOCK };
enum { PROJECTION_WEIGHT, PROJECTION_BIAS, PROJECTION_SLICES };
enum {
    SLICES_MOST = FIRST_BLOCK + VAIN_BLOCK_SLICES * VAIN_LAYERS_MAX + VAIN_BLOCKS_FINAL_SLICES +
                  PROJECTION_SLICES + VAIN_LOSS_SLICES_MOST
};
static_assert(SLICES_MOST <= (int)VAIN_SLICES_MAX, "the deepest encoder fits the table of slices");

static int projection_slice(const struct vain_model_options *options)
{
    return FIRST_BLOCK + VAIN_BLOCK_SLICES * (int)options->layers + VAIN_BLOCKS_FINAL_SLICES;
}

static int loss_slice(const struct vain_model_options *options)
{
    return projection_slice(options) + (options->features > 0 ? PROJECTION_SLICES : 0);
}

int64_t vain_encoder_width(const struct vain_model_options *options)
{
    return options->features > 0 ? options->features : options->width;
}

static enum vain_status check(const struct vain_model_options *options, char *key, size_t key_bytes,
                              char *message, size_t message_bytes)
{
    const struct vain_complaint complaint = {key, key_bytes, message, message_bytes};
    VAIN_TRY(vain_blocks_check(options, &complaint));
    if (options->features < 0 || options->features > VAIN_WIDTH_MAX)
        return vain_complain(&complaint, "model.features", "%lld features are not in 0 to %d",
                             (long long)options->features, VAIN_WIDTH_MAX);
    if (!(options->loss.temperature > 0))
        return vain_complain(&complaint, "loss.temperature",
                             "%g is not above 0; 0.1 is the default", options->loss.temperature);
    if (options->loss.kind == VAIN_LOSS_CLUSTERING &&
        (options->loss.clusters < 0 || options->loss.clusters == 1 ||
         options->loss.clusters > VAIN_WIDTH_MAX))
        return vain_complain(&complaint, "loss.clusters", "%lld clusters are not in 2 to %d",
                             (long long)options->loss.clusters, VAIN_WIDTH_MAX);
    return VAIN_OK;
}

static enum vain_status layout(const struct vain_model_options *options, struct vain_layout *out)
{
    *out = (struct vain_layout){.slice_count = 0};
    VAIN_TRY(vain_refuse_unchecked(&vain_encoder_ops, options));
    if (options->loss.kind != VAIN_LOSS_CONTRASTIVE && options->classes < 1)
        return vain_fail(VAIN_ERR_INPUT,
                         "encoder: the number of labels is not known; open the data first");
    const int64_t C = options->width, F = vain_encoder_width(options);
    const int slices = loss_slice(options) + vain_loss_slices(options);
    VAIN_TRY(vain_layout_init(out, slices));
    const struct vain_slice_form first[] = {
        [TOKEN_EMBEDDING] = {"token_embedding.weight", options->symbols, C, "symbol", "channel",
                             0.02f, 0},
        [POSITION_EMBEDDING] = {"position_embedding.weight", options->context, C, "position",
                                "channel", 0.02f, 0},
    };
    const struct vain_slice_form projection[] = {
        [PROJECTION_WEIGHT] = {"projection.weight", F, C, "out", "in", (float)(1 / sqrt((double)C)),
                               0},
        [PROJECTION_BIAS] = {"projection.bias", F, 0, "out", NULL, 0, 0},
    };
    for (size_t s = 0; s < VAIN_COUNT_OF(first); s++)
        vain_layout_add(out, "", &first[s]);
    vain_blocks_add_slices(options, out);
    for (size_t s = 0; s < VAIN_COUNT_OF(projection) && options->features > 0; s++)
        vain_layout_add(out, "", &projection[s]);
    vain_loss_add_slices(options, F, out);
    VAIN_ASSERT(out->slice_count == slices);
    return VAIN_OK;
}

/* ---- Activations ---- */

struct pass {
    struct vain_blocks blocks;
    struct vain_loss loss;
    const int32_t *tokens; /* (B, T) */
    int64_t F;
    float *pooled, *d_pooled;     /* (B, C) */
    float *projected;             /* (B, F), or NULL */
    float *features, *d_features; /* (B, F) */
    float *reciprocal_norms;      /* (B) */
};

enum { OWN_PARTS = 6, PARTS = VAIN_BLOCKS_PARTS + VAIN_LOSS_PARTS + OWN_PARTS };

static size_t carve(const struct vain_model_options *options, int64_t B, int64_t T, bool training,
                    void *block, struct pass *p)
{
    const int64_t F = vain_encoder_width(options), gradients = training ? 1 : 0;
    struct vain_part parts[PARTS];
    const struct vain_part own[] = {
        {(void **)&p->pooled, vain_parts_product(B, options->width, 1)},
        {(void **)&p->d_pooled, vain_parts_product(B, options->width, gradients)},
        {(void **)&p->projected, vain_parts_product(B, options->features, 1)},
        {(void **)&p->features, vain_parts_product(B, F, 1)},
        {(void **)&p->d_features, vain_parts_product(B, F, gradients)},
        {(void **)&p->reciprocal_norms, B},
    };
    static_assert(VAIN_COUNT_OF(own) == OWN_PARTS, "one part a field");
    vain_blocks_parts(options, B, T, training, &p->blocks.a, parts);
    vain_loss_parts(options, B, F, &p->loss, parts + VAIN_BLOCKS_PARTS);
    for (int i = 0; i < OWN_PARTS; i++)
        parts[VAIN_BLOCKS_PARTS + VAIN_LOSS_PARTS + i] = own[i];
    return vain_parts_carve(parts, PARTS, block);
}

static size_t workspace_bytes(const struct vain_model_options *options, int64_t B, int64_t T,
                              bool training)
{
    struct pass unused;
    return carve(options, B, T, training, NULL, &unused);
}

/* ---- One pass over one batch ---- */

static void pass_open(const struct vain_model_options *options, const struct vain_layout *layout_of,
                      struct vain_queue *queue, const float *parameters,
                      const struct vain_batch *batch, const struct vain_batch_place *place,
                      bool training, void *workspace, struct pass *p)
{
    VAIN_ASSERT(batch->lengths != NULL);
    *p = (struct pass){.tokens = batch->tokens, .F = vain_encoder_width(options)};
    p->blocks =
        vain_blocks_open(options, layout_of, queue, parameters, batch->B, batch->T, FIRST_BLOCK);
    p->blocks.place = place;
    p->blocks.training = training;
    p->blocks.lengths = batch->lengths;
    p->loss = (struct vain_loss){.options = options,
                                 .layout = layout_of,
                                 .queue = queue,
                                 .parameters = parameters,
                                 .first_slice = loss_slice(options),
                                 .B = batch->B,
                                 .F = p->F,
                                 .labels = batch->targets};
    (void)carve(options, batch->B, batch->T, training, workspace, p);
    p->loss.features = p->features;
}

/* Features (B, F), left in p->features. */
static void features_forward(const struct pass *p)
{
    const struct vain_blocks *b = &p->blocks;
    const struct vain_ops *ops = b->ops;
    const struct vain_dropout dropout = vain_blocks_dropout(b, 0);
    ops->pointwise.embed(b->queue, b->B, b->T, b->C, p->tokens,
                         vain_blocks_parameter(b, TOKEN_EMBEDDING),
                         vain_blocks_parameter(b, POSITION_EMBEDDING), &dropout, b->a.streams);
    const float *output = vain_blocks_forward(b);
    ops->sequence.mean_pool(b->queue, b->B, b->T, b->C, b->lengths, output, p->pooled);
    if (b->options->features > 0) {
        struct vain_linear projection =
            vain_blocks_linear(b, projection_slice(b->options), p->pooled, p->projected);
        projection.M = b->B;
        ops->matmul.linear(b->queue, &projection);
    }
    ops->pair.normalise_rows(b->queue, b->B, p->F,
                             b->options->features > 0 ? p->projected : p->pooled, p->features,
                             p->reciprocal_norms);
}

/* From d_features to the gradients of all slices. */
static void features_backward(const struct pass *p)
{
    const struct vain_blocks *b = &p->blocks;
    const struct vain_ops *ops = b->ops;
    const bool projects = b->options->features > 0;
    ops->pair.normalise_rows_gradient(b->queue, b->B, p->F, p->features, p->reciprocal_norms,
                                      p->d_features, projects ? p->d_features : p->d_pooled);
    if (projects) {
        struct vain_linear_gradient projection = vain_blocks_linear_gradient(
            b, projection_slice(b->options), p->pooled, p->d_features, p->d_pooled);
        projection.M = b->B;
        ops->matmul.linear_gradient(b->queue, &projection);
    }
    ops->sequence.mean_pool_gradient(b->queue, b->B, b->T, b->C, b->lengths, p->d_pooled,
                                     b->a.d_narrow);
    vain_blocks_backward(b);
    const struct vain_dropout dropout = vain_blocks_dropout(b, 0);
    ops->pointwise.embed_gradient(b->queue, b->B, b->T, b->C, p->tokens, b->a.d_stream, &dropout,
                                  vain_blocks_gradient(b, TOKEN_EMBEDDING),
                                  vain_blocks_gradient(b, POSITION_EMBEDDING));
}

/* ---- The table ---- */

static void forward_backward(const struct vain_model_options *options,
                             const struct vain_layout *layout_of, struct vain_queue *queue,
                             const float *parameters, const struct vain_batch *batch,
                             const struct vain_batch_place *place, float gradient_scale,
                             void *workspace, float *gradients, double *mean_loss)
{
    VAIN_ASSERT(place != NULL || options->dropout <= 0);
    struct pass p;
    pass_open(options, layout_of, queue, parameters, batch, place, true, workspace, &p);
    p.blocks.gradients = p.loss.gradients = gradients;
    features_forward(&p);
    *mean_loss = vain_loss_run(&p.loss, gradient_scale, p.d_features);
    features_backward(&p);
}

static void evaluate(const struct vain_model_options *options, const struct vain_layout *layout_of,
                     struct vain_queue *queue, const float *parameters,
                     const struct vain_batch *batch, void *workspace, struct vain_measure *measure)
{
    struct pass p;
    pass_open(options, layout_of, queue, parameters, batch, NULL, false, workspace, &p);
    features_forward(&p);
    *measure = (struct vain_measure){.count = batch->B};
    measure->loss_sum = vain_loss_run(&p.loss, 0, NULL) * (double)batch->B;
    if (options->loss.kind == VAIN_LOSS_CROSS_ENTROPY)
        p.blocks.ops->pointwise.count_correct(queue, batch->B, options->classes, p.loss.scores,
                                              batch->targets, &measure->correct);
}

static void features(const struct vain_model_options *options, const struct vain_layout *layout_of,
                     struct vain_queue *queue, const float *parameters,
                     const struct vain_batch *batch, void *workspace, float *out, float *logits)
{
    struct pass p;
    VAIN_ASSERT(logits == NULL);
    pass_open(options, layout_of, queue, parameters, batch, NULL, false, workspace, &p);
    p.features = out;
    features_forward(&p);
}

const struct vain_model_ops vain_encoder_ops = {
    .name = "encoder",
    .check = check,
    .layout = layout,
    .workspace_bytes = workspace_bytes,
    .forward_backward = forward_backward,
    .evaluate = evaluate,
    .features = features,
};
