/* The models in double precision (see reference.h). Values of one forward pass live in static
 * arrays: the models of the tests are small. */
#include "tests/unit/models/reference.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/philox.h"
#include "tests/unit/models/reference_convnet.h"

enum { ROWS = 64, WIDE = 96 };

/* What a forward pass needs to know everywhere. */
struct run {
    const struct vain_model_options *options;
    const struct vain_layout *layout;
    const double *parameters;
    const struct vain_batch *batch;
    const struct vain_batch_place *place;
};

static const double *named(const struct run *run, const char *prefix, const char *name)
{
    char full[VAIN_SLICE_NAME_BYTES];
    (void)snprintf(full, sizeof full, "%s%s", prefix, name);
    for (int s = 0; s < run->layout->slice_count; s++)
        if (strcmp(run->layout->slices[s].name, full) == 0)
            return run->parameters + run->layout->slices[s].offset;
    fprintf(stderr, "no slice is called %s\n", full);
    vain_bug(__FILE__, __LINE__, "a slice that the model should have");
}

/* Element e of dropout site `site`: 0 if dropped, else value / (1 - p). */
static double dropped(const struct run *run, uint64_t site, uint64_t sites, uint64_t e,
                      double value)
{
    if (run->place == NULL || run->options->dropout <= 0)
        return value;
    const struct vain_batch_place *place = run->place;
    const uint64_t index = ((place->micro_batch * sites + site) << 36) + e;
    uint32_t words[4];
    vain_random_block(place->dropout_random, place->round, place->step, index / 4, words);
    const double p = (double)(float)run->options->dropout;
    return (double)words[index % 4] >= p * 4294967296.0 ? value / (1 - p) : 0;
}

static double gelu(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

/* One row: out[n] = bias[n] + sum over k of in[k] weight[n][k]. */
static void linear_row(int64_t N, int64_t K, const double *in, const double *weight,
                       const double *bias, double *out)
{
    for (int64_t n = 0; n < N; n++) {
        out[n] = bias != NULL ? bias[n] : 0;
        for (int64_t k = 0; k < K; k++)
            out[n] += in[k] * weight[n * K + k];
    }
}

static void norm_row(int64_t C, const double *in, const double *gain, const double *shift,
                     double *out)
{
    double mean = 0, variance = 0;
    for (int64_t c = 0; c < C; c++)
        mean += in[c] / (double)C;
    for (int64_t c = 0; c < C; c++)
        variance += (in[c] - mean) * (in[c] - mean) / (double)C;
    for (int64_t c = 0; c < C; c++)
        out[c] = (in[c] - mean) / sqrt(variance + 1e-5) * gain[c] + shift[c];
}

/* Attention of head h for token t of the sequence whose rows start at `rows`, over `keys` tokens:
 * out (C / H). */
static void attend(int64_t C, int64_t H, int64_t h, int64_t t, int64_t keys, double rows[][WIDE],
                   double *out)
{
    const int64_t D = C / H;
    double scores[ROWS], sum = 0, largest = -INFINITY;
    for (int64_t s = 0; s < keys; s++) {
        scores[s] = 0;
        for (int64_t d = 0; d < D; d++)
            scores[s] += rows[t][h * D + d] * rows[s][C + h * D + d];
        scores[s] /= sqrt((double)D);
        largest = fmax(largest, scores[s]);
    }
    for (int64_t s = 0; s < keys; s++)
        sum += scores[s] = exp(scores[s] - largest);
    for (int64_t d = 0; d < D; d++) {
        out[d] = 0;
        for (int64_t s = 0; s < keys; s++)
            out[d] += scores[s] / sum * rows[s][2 * C + h * D + d];
    }
}

static void transformer_block(const struct run *run, int64_t l, double x[][WIDE])
{
    static double qkv[ROWS][WIDE];
    const int64_t B = run->batch->B, T = run->batch->T, C = run->options->width,
                  H = run->options->heads;
    const uint64_t sites = (uint64_t)(2 * run->options->layers + 1);
    double row[WIDE], wide[WIDE], add[WIDE];
    char block[32];
    (void)snprintf(block, sizeof block, "blocks.%d.", (int)l);
    for (int64_t m = 0; m < B * T; m++) {
        norm_row(C, x[m], named(run, block, "attention_norm.weight"),
                 named(run, block, "attention_norm.bias"), row);
        linear_row(3 * C, C, row, named(run, block, "attention.query_key_value.weight"),
                   named(run, block, "attention.query_key_value.bias"), qkv[m]);
    }
    for (int64_t m = 0; m < B * T; m++) {
        const int32_t *lengths = run->batch->lengths;
        const int64_t keys = lengths == NULL ? m % T + 1 : lengths[m / T];
        for (int64_t h = 0; h < H; h++)
            attend(C, H, h, m % T, keys, &qkv[m - m % T], row + h * (C / H));
        linear_row(C, C, row, named(run, block, "attention.projection.weight"),
                   named(run, block, "attention.projection.bias"), add);
        for (int64_t c = 0; c < C; c++)
            x[m][c] += dropped(run, (uint64_t)(1 + 2 * l), sites, (uint64_t)(m * C + c), add[c]);
        norm_row(C, x[m], named(run, block, "feed_forward_norm.weight"),
                 named(run, block, "feed_forward_norm.bias"), row);
        linear_row(4 * C, C, row, named(run, block, "feed_forward.up.weight"),
                   named(run, block, "feed_forward.up.bias"), wide);
        for (int64_t c = 0; c < 4 * C; c++)
            wide[c] = gelu(wide[c]);
        linear_row(C, 4 * C, wide, named(run, block, "feed_forward.down.weight"),
                   named(run, block, "feed_forward.down.bias"), add);
        for (int64_t c = 0; c < C; c++)
            x[m][c] += dropped(run, (uint64_t)(2 + 2 * l), sites, (uint64_t)(m * C + c), add[c]);
    }
}

/* Up to what the final norm reads. */
static void transformer_stream(const struct run *run, double x[][WIDE])
{
    const int64_t M = run->batch->B * run->batch->T, T = run->batch->T, C = run->options->width,
                  L = run->options->layers;
    VAIN_ASSERT(M <= ROWS && 4 * C <= WIDE);
    const double *table = named(run, "", "token_embedding.weight");
    const double *positions = named(run, "", "position_embedding.weight");
    for (int64_t m = 0; m < M; m++)
        for (int64_t c = 0; c < C; c++)
            x[m][c] = dropped(run, 0, (uint64_t)(2 * L + 1), (uint64_t)(m * C + c),
                              table[run->batch->tokens[m] * C + c] + positions[m % T * C + c]);
    for (int64_t l = 0; l < L; l++)
        transformer_block(run, l, x);
}

static void transformer_logits(const struct run *run, double *logits)
{
    static double x[ROWS][WIDE];
    const int64_t C = run->options->width, V = run->options->symbols;
    const double *table = named(run, "", "token_embedding.weight");
    transformer_stream(run, x);
    for (int64_t m = 0; m < run->batch->B * run->batch->T; m++) {
        double row[WIDE];
        norm_row(C, x[m], named(run, "", "final_norm.weight"), named(run, "", "final_norm.bias"),
                 row);
        linear_row(V, C, row, table, NULL, logits + m * V);
    }
}

/* Logits of row m: position t of window b sees the K tokens that end there, padding where there are
 * none. */
static void mlp_row(const struct run *run, int64_t m, double *logits)
{
    const struct vain_option_counts *sizes = &run->options->sizes;
    const int64_t K = run->options->context, E = sizes->values[0] / K, V = run->options->symbols;
    const int64_t t = m % run->batch->T;
    const uint64_t sites = (uint64_t)sizes->count;
    double in[WIDE], out[WIDE];
    for (int64_t k = 0; k < K; k++) {
        const int64_t position = t - (K - 1) + k;
        const double *row = position < 0 ? named(run, "", "padding_embedding.weight")
                                         : named(run, "", "token_embedding.weight") +
                                               run->batch->tokens[m - t + position] * E;
        for (int64_t e = 0; e < E; e++)
            in[k * E + e] = dropped(run, 0, sites, (uint64_t)((m * K + k) * E + e), row[e]);
    }
    for (int s = 1; s < sizes->count; s++) {
        const int64_t wide = sizes->values[s];
        char layer[32];
        (void)snprintf(layer, sizeof layer, "layers.%d.", s - 1);
        linear_row(wide, sizes->values[s - 1], in, named(run, layer, "weight"),
                   named(run, layer, "bias"), out);
        for (int64_t c = 0; c < wide; c++)
            in[c] = dropped(run, (uint64_t)s, sites, (uint64_t)(m * wide + c), gelu(out[c]));
    }
    linear_row(V, sizes->values[sizes->count - 1], in, named(run, "", "output.weight"),
               named(run, "", "output.bias"), logits);
}

void reference_logits(const struct vain_model_options *options, const struct vain_layout *layout,
                      const double *parameters, const struct vain_batch *batch,
                      const struct vain_batch_place *place, double *logits)
{
    const struct run run = {options, layout, parameters, batch, place};
    if (options->kind == VAIN_MODEL_CONVNET) {
        reference_convnet_logits(options, layout, parameters, batch, place, logits);
        return;
    }
    if (options->kind == VAIN_MODEL_TRANSFORMER) {
        transformer_logits(&run, logits);
        return;
    }
    for (int s = 0; s < options->sizes.count; s++)
        VAIN_ASSERT(options->sizes.values[s] <= WIDE);
    for (int64_t m = 0; m < batch->B * batch->T; m++)
        mlp_row(&run, m, logits + m * options->symbols);
}

static void unit_row(int64_t F, const double *in, double *out)
{
    double squares = 1e-12;
    for (int64_t f = 0; f < F; f++)
        squares += in[f] * in[f];
    for (int64_t f = 0; f < F; f++)
        out[f] = in[f] / sqrt(squares);
}

void reference_features(const struct vain_model_options *options, const struct vain_layout *layout,
                        const double *parameters, const struct vain_batch *batch,
                        const struct vain_batch_place *place, double *features)
{
    static double x[ROWS][WIDE];
    const struct run run = {options, layout, parameters, batch, place};
    const int64_t C = options->width, F = options->features > 0 ? options->features : C;
    transformer_stream(&run, x);
    for (int64_t b = 0; b < batch->B; b++) {
        double mean[WIDE] = {0}, row[WIDE];
        for (int64_t t = 0; t < batch->lengths[b]; t++) {
            norm_row(C, x[b * batch->T + t], named(&run, "", "final_norm.weight"),
                     named(&run, "", "final_norm.bias"), row);
            for (int64_t c = 0; c < C; c++)
                mean[c] += row[c] / batch->lengths[b];
        }
        if (options->features > 0)
            linear_row(F, C, mean, named(&run, "", "projection.weight"),
                       named(&run, "", "projection.bias"), row);
        unit_row(F, options->features > 0 ? row : mean, features + b * F);
    }
}

/* Balanced assignments of one view by the iteration of Sinkhorn & Knopp, on whole matrices. */
static void assign(int64_t M, int64_t V, const double *scores, double temperature, double *out)
{
    for (int64_t i = 0; i < M * V; i++)
        out[i] = exp(scores[i] / temperature);
    for (int64_t i = 0; i < M; i++) { /* whatever a row is scaled by first */
        double largest = 0;
        for (int64_t v = 0; v < V; v++)
            largest = fmax(largest, out[i * V + v]);
        for (int64_t v = 0; v < V; v++)
            out[i * V + v] /= largest;
    }
    for (int n = 0; n < 3; n++) {
        for (int64_t v = 0; v < V; v++) {
            double sum = 0;
            for (int64_t i = 0; i < M; i++)
                sum += out[i * V + v];
            for (int64_t i = 0; i < M; i++)
                out[i * V + v] *= (double)M / (double)V / sum;
        }
        for (int64_t i = 0; i < M; i++) {
            double sum = 0;
            for (int64_t v = 0; v < V; v++)
                sum += out[i * V + v];
            for (int64_t v = 0; v < V; v++)
                out[i * V + v] /= sum;
        }
    }
}

static double log_softmax(int64_t V, const double *x, double temperature, int64_t skipped,
                          int64_t at)
{
    double sum = 0;
    for (int64_t v = 0; v < V; v++)
        if (v != skipped)
            sum += exp(x[v] / temperature);
    return x[at] / temperature - log(sum);
}

/* Scores (B, V) of features against rows of unit length, or against each other. */
static void cosines(int64_t B, int64_t V, int64_t F, const double *features, const double *rows,
                    double *out)
{
    for (int64_t b = 0; b < B; b++)
        linear_row(V, F, features + b * F, rows, NULL, out + b * V);
}

static double contrastive_loss(const struct run *run, int64_t F, const double *features)
{
    static double scores[ROWS * ROWS];
    const int64_t B = run->batch->B;
    const int32_t *labels = run->batch->targets;
    double sum = 0;
    int anchors = 0;
    cosines(B, B, F, features, features, scores);
    for (int64_t i = 0; i < B; i++) {
        double own = 0;
        int positives = 0;
        for (int64_t j = 0; j < B; j++)
            if (j != i && labels[j] == labels[i]) {
                own -= log_softmax(B, scores + i * B, run->options->loss.temperature, i, j);
                positives++;
            }
        sum += positives > 0 ? own / positives : 0;
        anchors += positives > 0 ? 1 : 0;
    }
    return sum / anchors;
}

static double clustering_loss(const struct run *run, int64_t F, const double *features,
                              double *targets)
{
    static double scores[ROWS * ROWS], centroids[ROWS * WIDE];
    const struct vain_loss_options *loss = &run->options->loss;
    const int64_t B = run->batch->B, V = loss->clusters, half = B / 2;
    const double *weight = named(run, "", "centroids.weight");
    const bool fresh = targets[0] < 0; /* assignments are no function of what is differenced */
    double sum = 0;
    for (int64_t v = 0; v < V; v++)
        unit_row(F, weight + v * F, centroids + v * F);
    cosines(B, V, F, features, centroids, scores);
    for (int view = 0; view < 2 && fresh; view++)
        assign(half, V, scores + view * half * V, loss->balance, targets + (1 - view) * half * V);
    for (int64_t i = 0; i < B * V; i++)
        sum -= targets[i] * log_softmax(V, scores + i / V * V, loss->temperature, -1, i % V);
    return sum / (double)B;
}

double reference_encoder_loss(const struct vain_model_options *options,
                              const struct vain_layout *layout, const double *parameters,
                              const struct vain_batch *batch, const struct vain_batch_place *place,
                              double *targets)
{
    static double features[ROWS * WIDE];
    const struct run run = {options, layout, parameters, batch, place};
    const int64_t F = options->features > 0 ? options->features : options->width;
    double sum = 0, logits[WIDE];
    reference_features(options, layout, parameters, batch, place, features);
    if (options->loss.kind == VAIN_LOSS_CONTRASTIVE)
        return contrastive_loss(&run, F, features);
    if (options->loss.kind == VAIN_LOSS_CLUSTERING)
        return clustering_loss(&run, F, features, targets);
    for (int64_t b = 0; b < batch->B; b++) {
        linear_row(options->classes, F, features + b * F, named(&run, "", "head.weight"),
                   named(&run, "", "head.bias"), logits);
        sum -=
            log_softmax(options->classes, logits, options->loss.temperature, -1, batch->targets[b]);
    }
    return sum / (double)batch->B;
}

/* Temperature squared times the Kullback-Leibler divergence of a row's answers from the teacher's,
 * both softened. */
static double distance_of_row(int64_t V, const float *teacher, const double *logits,
                              double temperature)
{
    double teacher_total = 0, total = 0, divergence = 0;
    for (int64_t v = 0; v < V; v++) {
        teacher_total += exp((double)teacher[v] / temperature);
        total += exp(logits[v] / temperature);
    }
    for (int64_t v = 0; v < V; v++) {
        const double wanted = exp((double)teacher[v] / temperature) / teacher_total;
        divergence += wanted * log(wanted / (exp(logits[v] / temperature) / total));
    }
    return temperature * temperature * divergence;
}

double reference_mean_loss(const struct vain_batch *batch, int64_t V, const double *logits)
{
    const int64_t M = batch->B * batch->T;
    const double taught = batch->teacher != NULL ? (double)batch->teacher_weight : 0;
    double sum = 0;
    for (int64_t m = 0; m < M; m++) {
        double largest = -INFINITY, total = 0;
        for (int64_t v = 0; v < V; v++)
            largest = fmax(largest, logits[m * V + v]);
        for (int64_t v = 0; v < V; v++)
            total += exp(logits[m * V + v] - largest);
        sum += (1 - taught) * (log(total) + largest - logits[m * V + batch->targets[m]]);
        if (batch->teacher != NULL)
            sum += taught * distance_of_row(V, batch->teacher + m * V, logits + m * V,
                                            (double)batch->teacher_temperature);
    }
    return sum / (double)M;
}

int64_t reference_correct(const struct vain_batch *batch, int64_t V, const double *logits)
{
    int64_t correct = 0;
    for (int64_t m = 0; m < batch->B * batch->T; m++) {
        int64_t best = 0;
        for (int64_t v = 1; v < V; v++)
            best = logits[m * V + v] > logits[m * V + best] ? v : best;
        correct += best == batch->targets[m];
    }
    return correct;
}
