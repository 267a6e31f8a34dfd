/* Embedding, layer norm, cross entropy and dropout on both devices. What only moves, adds in order
 * and drops has the same bits; the rest is compared by its error. */
#include "tests/gpu/twins.h"

#include <math.h>

static double larger(double a, double b)
{
    return a > b || a != a ? a : b;
}

static struct vain_dropout dropout_of(float probability, uint64_t index_base)
{
    return (struct vain_dropout){.probability = probability,
                                 .random = {{11, 13}},
                                 .round = 4,
                                 .step = 9,
                                 .index_base = index_base};
}

/* `count` numbers in [0, below), on both sides; every third is 0, so that a symbol repeats. */
static struct vain_twin take_symbols(struct vain_twins *t, int64_t count, int64_t below)
{
    struct vain_twin symbols = vain_twin_words(t, count, 51);
    uint32_t *words = symbols.host;
    for (int64_t i = 0; i < count; i++)
        words[i] = i % 3 == 0 ? 0 : words[i] % (uint32_t)below;
    vain_twin_send(t, &symbols);
    return symbols;
}

/* ---- Embedding ---- */

static const struct embedding {
    int64_t B, T, C, V;
    float probability;
} embeddings[] = {
    {1, 1, 1, 1, 0},
    {2, 7, 5, 3, 0.1f},
    {3, 40, 72, 11, 0},
    {2, 33, 260, 5, 0.2f},
    {4, 64, 36, 2, 0.5f},
    {8, 256, 384, 65, 0.2f},
    {2, 1000, 96, 50257, 0.1f},
};

static int64_t check_embedding(struct vain_twins *t, const struct embedding *e, bool placed)
{
    const struct vain_pointwise_ops *c = &t->cpu.ops->pointwise, *g = &t->gpu.ops->pointwise;
    const struct vain_dropout dropout = dropout_of(e->probability, 17);
    struct vain_twin tokens = take_symbols(t, e->B * e->T, e->V),
                     table = vain_twin_floats(t, e->V * e->C, 1, 52),
                     positions = vain_twin_floats(t, e->T * e->C, 1, 53),
                     output = vain_twin_floats(t, e->B * e->T * e->C, 1, 54);
    int64_t differences = 0;
    c->embed(&t->on_cpu, e->B, e->T, e->C, tokens.host, table.host, placed ? positions.host : NULL,
             &dropout, output.host);
    g->embed(&t->on_gpu, e->B, e->T, e->C, tokens.gpu, table.gpu, placed ? positions.gpu : NULL,
             &dropout, output.gpu);
    differences += vain_twin_differences(t, &output);
    /* The gradient of what came out, into the tables themselves. */
    c->embed_gradient(&t->on_cpu, e->B, e->T, e->C, tokens.host, output.host, &dropout, table.host,
                      placed ? positions.host : NULL);
    g->embed_gradient(&t->on_gpu, e->B, e->T, e->C, tokens.gpu, output.gpu, &dropout, table.gpu,
                      placed ? positions.gpu : NULL);
    differences += vain_twin_differences(t, &table) + vain_twin_differences(t, &positions);
    vain_twin_release(t, &tokens);
    vain_twin_release(t, &table);
    vain_twin_release(t, &positions);
    vain_twin_release(t, &output);
    return differences;
}

/* ---- Layer norm ---- */

struct norm {
    int64_t M, C;
    struct vain_twin input, gain, shift, output, mean, reciprocal, d_output, d_input, d_gain,
        d_shift;
};

static struct norm norm_take(struct vain_twins *t, int64_t M, int64_t C, bool large)
{
    struct vain_twin (*const take)(struct vain_twins *, int64_t, float, uint32_t) =
        large ? vain_twin_large : vain_twin_floats;
    return (struct norm){.M = M,
                         .C = C,
                         .input = take(t, M * C, 3, 61),
                         .gain = take(t, C, 1, 62),
                         .shift = take(t, C, 1, 63),
                         .output = take(t, M * C, 1, 64),
                         .mean = take(t, M, 1, 65),
                         .reciprocal = take(t, M, 1, 66),
                         .d_output = take(t, M * C, 1, 67),
                         .d_input = take(t, M * C, 1, 68),
                         .d_gain = take(t, C, 1, 69),
                         .d_shift = take(t, C, 1, 70)};
}

static void norm_release(struct vain_twins *t, struct norm *n)
{
    struct vain_twin *const all[] = {&n->input,  &n->gain,       &n->shift,    &n->output,
                                     &n->mean,   &n->reciprocal, &n->d_output, &n->d_input,
                                     &n->d_gain, &n->d_shift};
    for (size_t i = 0; i < VAIN_COUNT_OF(all); i++)
        vain_twin_release(t, all[i]);
}

/* `residual`: 0 none, 1 d_input itself. */
static void norm_on_cpu(struct vain_twins *t, struct norm *n, int residual)
{
    const struct vain_pointwise_ops *ops = &t->cpu.ops->pointwise;
    ops->layer_norm(&t->on_cpu, n->M, n->C, n->input.host, n->gain.host, n->shift.host,
                    n->output.host, n->mean.host, n->reciprocal.host);
    ops->layer_norm_gradient(&t->on_cpu, n->M, n->C, n->input.host, n->gain.host, n->mean.host,
                             n->reciprocal.host, n->d_output.host,
                             residual ? n->d_input.host : NULL, n->d_input.host, n->d_gain.host,
                             n->d_shift.host);
}

static void norm_on_gpu(void *context, struct vain_twins *t, bool forwards, bool backwards,
                        int residual)
{
    struct norm *n = context;
    const struct vain_pointwise_ops *ops = &t->gpu.ops->pointwise;
    if (forwards)
        ops->layer_norm(&t->on_gpu, n->M, n->C, n->input.gpu, n->gain.gpu, n->shift.gpu,
                        n->output.gpu, n->mean.gpu, n->reciprocal.gpu);
    if (backwards)
        ops->layer_norm_gradient(&t->on_gpu, n->M, n->C, n->input.gpu, n->gain.gpu, n->mean.gpu,
                                 n->reciprocal.gpu, n->d_output.gpu,
                                 residual ? n->d_input.gpu : NULL, n->d_input.gpu, n->d_gain.gpu,
                                 n->d_shift.gpu);
}

static double check_norm(struct vain_twins *t, int64_t M, int64_t C, int residual)
{
    struct norm n = norm_take(t, M, C, false);
    norm_on_cpu(t, &n, residual);
    norm_on_gpu(&n, t, true, true, residual);
    double error = 0;
    const struct vain_twin *const given[] = {&n.output, &n.reciprocal, &n.d_input, &n.d_gain,
                                             &n.d_shift};
    for (size_t i = 0; i < VAIN_COUNT_OF(given); i++)
        error = larger(error, vain_twin_error(t, given[i]));
    norm_release(t, &n);
    return error;
}

/* ---- Cross entropy and dropout ---- */

/* Most of a gradient is nearly nothing, so its error is taken over the gradient of a target, which
 * is about sqrt(V) times the root mean square. (The CPU adds V exponentials in 16 lanes of float32:
 * its sum is good to 1e-5.) */
static double check_entropy(struct vain_twins *t, int64_t M, int64_t V, float scale)
{
    struct vain_twin logits = vain_twin_floats(t, M * V, 3, 71), targets = take_symbols(t, M, V);
    double on_cpu = -1, on_gpu = -2;
    t->cpu.ops->pointwise.cross_entropy(&t->on_cpu, M, V, logits.host, targets.host, scale,
                                        &on_cpu);
    t->gpu.ops->pointwise.cross_entropy(&t->on_gpu, M, V, logits.gpu, targets.gpu, scale, &on_gpu);
    double error = vain_twin_error(t, &logits);              /* waits */
    const double loss = (on_gpu - on_cpu) / (on_cpu + 1e-6); /* one symbol: no loss at all */
    error = larger(error, loss < 0 ? -loss : loss);
    vain_twin_release(t, &logits);
    vain_twin_release(t, &targets);
    return error;
}

static int64_t check_drop(struct vain_twins *t, int64_t N, uint64_t index_base)
{
    const struct vain_dropout dropout = dropout_of(0.3f, index_base);
    struct vain_twin x = vain_twin_floats(t, N, 1, 72);
    t->cpu.ops->pointwise.dropout_gradient(&t->on_cpu, N, &dropout, x.host);
    t->gpu.ops->pointwise.dropout_gradient(&t->on_gpu, N, &dropout, x.gpu);
    const int64_t differences = vain_twin_differences(t, &x);
    vain_twin_release(t, &x);
    return differences;
}

/* ---- Times: GPT-2 124M ---- */

enum { ROWS = 32768, WIDTH = 768, SYMBOLS = 50257, LOGIT_ROWS = 16384 };

struct bench {
    struct vain_twins *twins;
    struct norm norm;
    struct vain_twin logits, symbols, table, positions;
    struct vain_dropout dropout;
    double loss;
};

static void time_norm(void *context)
{
    struct bench *b = context;
    norm_on_gpu(&b->norm, b->twins, true, false, 0);
}

static void time_norm_gradient(void *context)
{
    struct bench *b = context;
    norm_on_gpu(&b->norm, b->twins, false, true, 1);
}

static void time_entropy(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->pointwise.cross_entropy(&b->twins->on_gpu, LOGIT_ROWS, SYMBOLS,
                                               b->logits.gpu, b->symbols.gpu, 1e-3f, &b->loss);
}

static void time_embed(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->pointwise.embed(&b->twins->on_gpu, 32, ROWS / 32, WIDTH, b->symbols.gpu,
                                       b->table.gpu, b->positions.gpu, &b->dropout,
                                       b->norm.output.gpu);
}

static void time_embed_gradient(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->pointwise.embed_gradient(&b->twins->on_gpu, 32, ROWS / 32, WIDTH,
                                                b->symbols.gpu, b->norm.output.gpu, &b->dropout,
                                                b->table.gpu, b->positions.gpu);
}

static void time_drop(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->pointwise.dropout_gradient(&b->twins->on_gpu, (int64_t)ROWS * WIDTH,
                                                  &b->dropout, b->norm.output.gpu);
}

static void time_all(struct vain_twins *t)
{
    const double narrow = 4.0 * ROWS * WIDTH; /* bytes of a row of activations */
    const struct {
        const char *op, *shape;
        void (*run)(void *context);
        double bytes;
    } rows[] = {
        {"layer_norm", "32768 x 768", time_norm, 2 * narrow},
        {"layer_norm_gradient", "32768 x 768", time_norm_gradient, 4 * narrow},
        {"cross_entropy", "16384 x 50257", time_entropy, 8.0 * LOGIT_ROWS * SYMBOLS},
        {"embed", "32768 x 768, dropout", time_embed, 2 * narrow},
        {"embed_gradient", "32768 x 768, dropout", time_embed_gradient, 2 * narrow},
        {"dropout_gradient", "N = 25165824", time_drop, 2 * narrow},
    };
    struct bench b = {.twins = t, .dropout = dropout_of(0.1f, 0)};
    b.norm = norm_take(t, ROWS, WIDTH, true);
    b.logits = vain_twin_large(t, (int64_t)LOGIT_ROWS * SYMBOLS, 1, 81);
    b.symbols = take_symbols(t, ROWS, SYMBOLS);
    b.table = vain_twin_large(t, (int64_t)SYMBOLS * WIDTH, 1, 82);
    b.positions = vain_twin_large(t, (int64_t)ROWS / 32 * WIDTH, 1, 83);
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        const struct vain_twins_row row = {.op = rows[i].op,
                                           .shape = rows[i].shape,
                                           .seconds = vain_twins_time(t, rows[i].run, &b),
                                           .bytes = rows[i].bytes,
                                           .differences = -2};
        vain_twins_row(t, &row);
    }
    norm_release(t, &b.norm);
    vain_twin_release(t, &b.logits);
    vain_twin_release(t, &b.symbols);
    vain_twin_release(t, &b.table);
    vain_twin_release(t, &b.positions);
}

void vain_twins_pointwise(struct vain_twins *twins)
{
    static const int64_t widths[] = {1,    5,    64,   72,   300,  768,  777,  1000,
                                     1024, 1600, 2052, 4100, 8192, 8196, 65536};
    static const int64_t symbols[] = {1, 65, 128, 129, 1000, 1024, 1025, 3000, 9000, 50257, 70001};
    struct vain_twins_row embed = {.op = "embed, its gradient", .shape = "7 shapes"},
                          drop = {.op = "dropout_gradient", .shape = "6 sizes, 4 offsets"},
                          norm = {.op = "layer_norm, gradient",
                                  .shape = "15 widths",
                                  .differences = -1,
                                  .tolerance = 1e-4},
                          entropy = {.op = "cross_entropy",
                                     .shape = "11 alphabets",
                                     .differences = -1,
                                     .tolerance = 5e-5};
    for (size_t i = 0; i < VAIN_COUNT_OF(embeddings); i++)
        embed.differences += check_embedding(twins, &embeddings[i], true) +
                             check_embedding(twins, &embeddings[i], false);
    for (int64_t N = 1; N <= 100000; N *= 10)
        for (uint64_t base = 0; base < 4; base++)
            drop.differences += check_drop(twins, N, base);
    for (size_t i = 0; i < VAIN_COUNT_OF(widths); i++)
        for (int residual = 0; residual < 2; residual++)
            norm.error = larger(
                norm.error, check_norm(twins, widths[i] < 2000 ? 1003 : 19, widths[i], residual));
    for (size_t i = 0; i < VAIN_COUNT_OF(symbols); i++)
        for (int scaled = 0; scaled < 2; scaled++)
            entropy.error =
                larger(entropy.error, check_entropy(twins, 19, symbols[i], scaled ? 0.5f : 0.0f));
    vain_twins_row(twins, &embed);
    vain_twins_row(twins, &drop);
    vain_twins_row(twins, &norm);
    vain_twins_row(twins, &entropy);
    if (twins->timed)
        time_all(twins);
}
