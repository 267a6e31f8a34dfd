/* Each loss turns scores into their gradients in place, then takes these back to the features.
 *
 * The rows of keys stand here too, since jobs read them: how batches are drawn and what is measured
 * depends on the loss. */
#include "models/losses.h"

#include <math.h>

static const char *const loss_choices[] = {"cross-entropy", "contrastive", "clustering", NULL};

#define LOSS_FIELD(name) .scope = VAIN_AGREED, .offset = offsetof(struct vain_loss_options, name)

const struct vain_option vain_loss_option_rows[] = {
    {.key = "loss.kind",
     .type = VAIN_OPTION_CHOICE,
     LOSS_FIELD(kind),
     .choices = loss_choices,
     .fallback = "cross-entropy",
     .help = "What an encoder is trained for: to name labels (cross-entropy), to bring examples of "
             "one label together (contrastive), or to find clusters without labels (clustering)."},
    {.key = "loss.temperature",
     .type = VAIN_OPTION_NUMBER,
     LOSS_FIELD(temperature),
     .minimum = 0,
     .maximum = 100,
     .above_minimum = true,
     .fallback = "0.1",
     .help = "By which similarities, or an encoder's scores of labels, are divided: small values "
             "look at the nearest alone."},
    {.key = "loss.dropped_words",
     .type = VAIN_OPTION_NUMBER,
     LOSS_FIELD(dropped_words),
     .minimum = 0,
     .maximum = 0.9,
     .fallback = "0",
     .help = "Share of a sentence's words that are left out by chance each time it is trained on; "
             "one stays at least. Two views of a sentence for the clustering loss differ by it."},
    {.key = "loss.labels_a_batch",
     .type = VAIN_OPTION_COUNT,
     LOSS_FIELD(labels_a_batch),
     .minimum = 0,
     .maximum = 65536,
     .fallback = "0",
     .unit = "labels",
     .help = "Labels of a batch of the contrastive loss, each with train.batch / labels_a_batch "
             "sentences; 0: so many that each has 4."},
    {.key = "loss.clusters",
     .type = VAIN_OPTION_COUNT,
     LOSS_FIELD(clusters),
     .minimum = 0,
     .maximum = 65536,
     .fallback = "0",
     .unit = "clusters",
     .help = "Centroids of the clustering loss, and clusters that are looked for when features are "
             "measured; 0: as many as there are labels."},
    {.key = "loss.balance",
     .type = VAIN_OPTION_NUMBER,
     LOSS_FIELD(balance),
     .minimum = 0,
     .maximum = 100,
     .above_minimum = true,
     .fallback = "0.05",
     .help = "Temperature of the balanced assignments of the clustering loss (SwAV's epsilon)."},
    {.key = "loss.neighbours",
     .type = VAIN_OPTION_COUNT,
     LOSS_FIELD(neighbours),
     .minimum = 1,
     .maximum = 1024,
     .fallback = "10",
     .unit = "examples",
     .help = "Nearest training examples that vote on the label of an example that nobody trains "
             "on."},
};
const int vain_loss_option_count = (int)VAIN_COUNT_OF(vain_loss_option_rows);

enum { WEIGHT, BIAS }; /* slices of cross entropy; the first alone of clustering */
static const int SINKHORN_ITERATIONS = 3; /* SwAV's */

int64_t vain_loss_labels(const struct vain_model_options *options, int64_t B)
{
    const int64_t asked = options->loss.labels_a_batch;
    return asked > 0 ? asked : B / 4 > 0 ? B / 4 : 1;
}

int64_t vain_loss_clusters(const struct vain_model_options *options)
{
    return options->loss.clusters > 0 ? options->loss.clusters : options->classes;
}

int64_t vain_loss_columns(const struct vain_model_options *options, int64_t B)
{
    if (options->loss.kind == VAIN_LOSS_CONTRASTIVE)
        return B;
    return options->loss.kind == VAIN_LOSS_CLUSTERING ? vain_loss_clusters(options)
                                                      : options->classes;
}

int vain_loss_slices(const struct vain_model_options *options)
{
    if (options->loss.kind == VAIN_LOSS_CONTRASTIVE)
        return 0;
    return options->loss.kind == VAIN_LOSS_CLUSTERING ? 1 : 2;
}

void vain_loss_add_slices(const struct vain_model_options *options, int64_t F,
                          struct vain_layout *layout)
{
    const float deviation = (float)(1 / sqrt((double)F)); /* rows of about unit length */
    const struct vain_slice_form centroids = {
        "centroids.weight", vain_loss_clusters(options), F, "cluster", "channel", deviation, 0};
    const struct vain_slice_form head[] = {
        [WEIGHT] = {"head.weight", options->classes, F, "class", "channel", deviation, 0},
        [BIAS] = {"head.bias", options->classes, 0, "class", NULL, 0, 0},
    };
    if (options->loss.kind == VAIN_LOSS_CLUSTERING)
        vain_layout_add(layout, "", &centroids);
    if (options->loss.kind == VAIN_LOSS_CROSS_ENTROPY)
        for (size_t s = 0; s < VAIN_COUNT_OF(head); s++)
            vain_layout_add(layout, "", &head[s]);
}

void vain_loss_parts(const struct vain_model_options *options, int64_t B, int64_t F,
                     struct vain_loss *loss, struct vain_part out[VAIN_MIN_LEN(VAIN_LOSS_PARTS)])
{
    const int64_t clusters =
        options->loss.kind == VAIN_LOSS_CLUSTERING ? vain_loss_clusters(options) : 0;
    const int64_t table = vain_parts_product(clusters, F, 1);
    const struct vain_part parts[] = {
        {(void **)&loss->scores, vain_parts_product(B, vain_loss_columns(options, B), 1)},
        {(void **)&loss->targets, vain_parts_product(B, clusters, 1)},
        {(void **)&loss->centroids, table},
        {(void **)&loss->centroid_norms, clusters},
        {(void **)&loss->d_centroids, table},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(parts); i++)
        out[i] = parts[i];
}

static const float *slice_of(const struct vain_loss *loss, const float *vector, int slice)
{
    return vector + loss->layout->slices[loss->first_slice + slice].offset;
}

static float *gradient_of(const struct vain_loss *loss, int slice)
{
    return loss->gradients + loss->layout->slices[loss->first_slice + slice].offset;
}

/* scores (B, N) = features weight (N, F)^T + bias. */
static void score(const struct vain_loss *loss, int64_t N, const float *weight, const float *bias)
{
    const struct vain_linear linear = {.M = loss->B,
                                       .N = N,
                                       .K = loss->F,
                                       .input = loss->features,
                                       .weight = weight,
                                       .bias = bias,
                                       .output = loss->scores,
                                       .epilogue = VAIN_EPILOGUE_NONE};
    loss->queue->device->ops->matmul.linear(loss->queue, &linear);
}

static void score_gradient(const struct vain_loss *loss, int64_t N, const float *weight,
                           float *d_weight, float *d_bias, float *d_features)
{
    const struct vain_linear_gradient gradient = {.M = loss->B,
                                                  .N = N,
                                                  .K = loss->F,
                                                  .input = loss->features,
                                                  .weight = weight,
                                                  .d_output = loss->scores,
                                                  .d_input = d_features,
                                                  .d_weight = d_weight,
                                                  .d_bias = d_bias};
    loss->queue->device->ops->matmul.linear_gradient(loss->queue, &gradient);
}

static double run_cross_entropy(const struct vain_loss *loss, float scale, float *d_features)
{
    const struct vain_ops *ops = loss->queue->device->ops;
    const int64_t classes = loss->options->classes;
    const float sharpness = (float)(1 / loss->options->loss.temperature);
    const float *weight = slice_of(loss, loss->parameters, WEIGHT);
    double sum = 0;
    score(loss, classes, weight, slice_of(loss, loss->parameters, BIAS));
    ops->optimiser.scale(loss->queue, loss->B * classes, sharpness, loss->scores);
    ops->pointwise.cross_entropy(loss->queue, loss->B, classes, loss->scores, loss->labels,
                                 scale * sharpness / (float)loss->B, &sum);
    if (loss->gradients != NULL)
        score_gradient(loss, classes, weight, gradient_of(loss, WEIGHT), gradient_of(loss, BIAS),
                       d_features);
    return vain_parts_settle_loss(loss->queue, &sum) / (double)loss->B;
}

static double run_contrastive(const struct vain_loss *loss, float scale, float *d_features)
{
    const struct vain_ops *ops = loss->queue->device->ops;
    double mean = 0;
    ops->pair.dot_products(loss->queue, loss->B, loss->F, loss->features, loss->scores);
    ops->loss.contrastive(loss->queue, loss->B, loss->labels,
                          (float)loss->options->loss.temperature, scale, loss->scores, &mean);
    if (loss->gradients != NULL)
        ops->pair.dot_products_gradient(loss->queue, loss->B, loss->F, loss->features, loss->scores,
                                        d_features);
    return vain_parts_settle_loss(loss->queue, &mean);
}

/* The gradient of what the centroids were before they had unit length. */
static void centroid_gradient(const struct vain_loss *loss, float *d_features)
{
    const struct vain_ops *ops = loss->queue->device->ops;
    const int64_t V = vain_loss_clusters(loss->options), count = V * loss->F;
    ops->memory.zero(loss->queue, loss->d_centroids, (size_t)count * sizeof(float));
    score_gradient(loss, V, loss->centroids, loss->d_centroids, NULL, d_features);
    ops->pair.normalise_rows_gradient(loss->queue, V, loss->F, loss->centroids,
                                      loss->centroid_norms, loss->d_centroids, loss->d_centroids);
    ops->optimiser.add(loss->queue, count, loss->d_centroids, gradient_of(loss, WEIGHT));
}

static double run_clustering(const struct vain_loss *loss, float scale, float *d_features)
{
    const struct vain_ops *ops = loss->queue->device->ops;
    const struct vain_loss_options *options = &loss->options->loss;
    const int64_t V = vain_loss_clusters(loss->options), half = loss->B / 2;
    const float own = scale / (float)loss->B;
    double sums[2] = {0, 0};
    VAIN_ASSERT(loss->B % 2 == 0);
    ops->pair.normalise_rows(loss->queue, V, loss->F, slice_of(loss, loss->parameters, WEIGHT),
                             loss->centroids, loss->centroid_norms);
    score(loss, V, loss->centroids, NULL);
    for (int view = 0; view < 2; view++)
        ops->loss.balance(loss->queue, half, V, loss->scores + view * half * V,
                          (float)options->balance, SINKHORN_ITERATIONS,
                          loss->targets + (1 - view) * half * V); /* the other view's target */
    for (int view = 0; view < 2; view++)
        ops->loss.soft_cross_entropy(loss->queue, half, V, loss->targets + view * half * V,
                                     (float)options->temperature, own,
                                     loss->scores + view * half * V, &sums[view]);
    if (loss->gradients != NULL)
        centroid_gradient(loss, d_features);
    const double sum = sums[0] + sums[1];
    return vain_parts_settle_loss(loss->queue, &sum) / (double)loss->B;
}

double vain_loss_run(const struct vain_loss *loss, float scale, float *d_features)
{
    const float used = loss->gradients != NULL ? scale : 0;
    VAIN_ASSERT(loss->B > 0);
    if (loss->options->loss.kind == VAIN_LOSS_CONTRASTIVE)
        return run_contrastive(loss, used, d_features);
    if (loss->options->loss.kind == VAIN_LOSS_CLUSTERING)
        return run_clustering(loss, used, d_features);
    return run_cross_entropy(loss, used, d_features);
}
