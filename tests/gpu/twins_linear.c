/* Linear layers on both devices, in each precision. Errors are the largest difference over the root
 * mean square of the CPU's result. */
#include "tests/gpu/twins.h"

#include <stdio.h>

/* What a precision may differ by: rounded factors have 8 (bf16) and 11 (tf32) digits, and the worst
 * of many results is about six times the usual error. */
static const struct {
    const char *name;
    double tolerance;
} precisions[] = {
    [VAIN_PRECISION_BF16] = {"bf16", 3e-2},
    [VAIN_PRECISION_TF32] = {"tf32", 6e-3},
    [VAIN_PRECISION_FLOAT32] = {"float32", 2e-5},
};

/* One row, odd strides, one head's width, whole tiles, many symbols, several blocks of rows. */
static const struct shape {
    int64_t M, N, K;
} shapes[] = {
    {1, 65, 40},    {37, 24, 17},   {3, 1, 1},       {130, 72, 72},
    {257, 384, 96}, {300, 23, 129}, {64, 50257, 48}, {1000, 768, 768},
};

struct layer {
    struct vain_twin input, weight, bias, output, pre_activation, residual;
};

static struct layer layer_take(struct vain_twins *t, const struct shape *s)
{
    return (struct layer){
        .input = vain_twin_floats(t, s->M * s->K, 1, 21),
        .weight = vain_twin_floats(t, s->N * s->K, 0.2f, 22),
        .bias = vain_twin_floats(t, s->N, 1, 23),
        .output = vain_twin_floats(t, s->M * s->N, 1, 24),
        .pre_activation = vain_twin_floats(t, s->M * s->N, 1, 25),
        .residual = vain_twin_floats(t, s->M * s->N, 1, 26),
    };
}

static void layer_release(struct vain_twins *t, struct layer *layer)
{
    vain_twin_release(t, &layer->input);
    vain_twin_release(t, &layer->weight);
    vain_twin_release(t, &layer->bias);
    vain_twin_release(t, &layer->output);
    vain_twin_release(t, &layer->pre_activation);
    vain_twin_release(t, &layer->residual);
}

/* How a layer is called. */
struct variant {
    enum vain_epilogue epilogue;
    bool biased, in_place;
    float probability;
};

static const struct variant variants[] = {
    {VAIN_EPILOGUE_NONE, false, false, 0},        {VAIN_EPILOGUE_NONE, true, false, 0},
    {VAIN_EPILOGUE_GELU, true, false, 0},         {VAIN_EPILOGUE_GELU, false, false, 0},
    {VAIN_EPILOGUE_RESIDUAL, true, false, 0},     {VAIN_EPILOGUE_RESIDUAL, true, true, 0},
    {VAIN_EPILOGUE_RESIDUAL, true, false, 0.25f}, {VAIN_EPILOGUE_RESIDUAL, true, true, 0.25f},
};

static struct vain_linear linear_of(const struct shape *s, const struct variant *v,
                                    const struct layer *l, bool gpu)
{
    float *const output = gpu ? l->output.gpu : l->output.host;
    return (struct vain_linear){
        .M = s->M,
        .N = s->N,
        .K = s->K,
        .input = gpu ? l->input.gpu : l->input.host,
        .weight = gpu ? l->weight.gpu : l->weight.host,
        .bias = !v->biased ? NULL
                : gpu      ? l->bias.gpu
                           : l->bias.host,
        .output = output,
        .epilogue = v->epilogue,
        .pre_activation = gpu ? l->pre_activation.gpu : l->pre_activation.host,
        .residual = v->in_place ? output
                    : gpu       ? l->residual.gpu
                                : l->residual.host,
        .dropout = {.probability = v->probability,
                    .random = {{3, 7}},
                    .round = 2,
                    .step = 5,
                    .index_base = 1001},
    };
}

static double larger(double a, double b)
{
    return a > b || a != a ? a : b;
}

static double forward_error(struct vain_twins *t, const struct shape *s, const struct variant *v)
{
    struct layer layer = layer_take(t, s);
    const struct vain_linear cpu = linear_of(s, v, &layer, false),
                             gpu = linear_of(s, v, &layer, true);
    t->cpu.ops->matmul.linear(&t->on_cpu, &cpu);
    t->gpu.ops->matmul.linear(&t->on_gpu, &gpu);
    const double error =
        larger(vain_twin_error(t, &layer.output), vain_twin_error(t, &layer.pre_activation));
    layer_release(t, &layer);
    return error;
}

/* Bits 1, 2, 4 of `how`: d_bias, d_input, pre_activation. */
static struct vain_linear_gradient
gradient_of(const struct shape *s, int how, const struct layer *l, const struct layer *d, bool gpu)
{
    return (struct vain_linear_gradient){
        .M = s->M,
        .N = s->N,
        .K = s->K,
        .input = gpu ? l->input.gpu : l->input.host,
        .weight = gpu ? l->weight.gpu : l->weight.host,
        .d_output = gpu ? l->output.gpu : l->output.host,
        .d_input = !(how & 2) ? NULL
                   : gpu      ? d->input.gpu
                              : d->input.host,
        .d_weight = gpu ? d->weight.gpu : d->weight.host,
        .d_bias = !(how & 1) ? NULL
                  : gpu      ? d->bias.gpu
                             : d->bias.host,
        .pre_activation = !(how & 4) ? NULL
                          : gpu      ? l->input.gpu
                                     : l->input.host,
    };
}

static double backward_error(struct vain_twins *t, const struct shape *s, int how)
{
    struct layer layer = layer_take(t, s), d = layer_take(t, s);
    const struct vain_linear_gradient cpu = gradient_of(s, how, &layer, &d, false),
                                      gpu = gradient_of(s, how, &layer, &d, true);
    t->cpu.ops->matmul.linear_gradient(&t->on_cpu, &cpu);
    t->gpu.ops->matmul.linear_gradient(&t->on_gpu, &gpu);
    const double error = larger(vain_twin_error(t, &d.input),
                                larger(vain_twin_error(t, &d.weight), vain_twin_error(t, &d.bias)));
    layer_release(t, &layer);
    layer_release(t, &d);
    return error;
}

/* The gradients of equal inputs into two buffers that began equal. */
static int64_t same_again(struct vain_twins *t, const struct shape *s)
{
    struct layer layer = layer_take(t, s), d = layer_take(t, s), again = layer_take(t, s);
    const struct vain_linear_gradient one = gradient_of(s, 3, &layer, &d, true),
                                      two = gradient_of(s, 3, &layer, &again, true);
    const struct vain_twin *const a[] = {&d.input, &d.weight, &d.bias}, *const b[] = {&again.input,
                                                                                      &again.weight,
                                                                                      &again.bias};
    int64_t differences = 0;
    t->gpu.ops->matmul.linear_gradient(&t->on_gpu, &one);
    t->gpu.ops->matmul.linear_gradient(&t->on_gpu, &two);
    for (size_t i = 0; i < VAIN_COUNT_OF(a); i++) {
        t->gpu.ops->memory.copy_out(&t->on_gpu, b[i]->host, a[i]->gpu, a[i]->bytes);
        (void)vain_twins_wait(t);
        differences += vain_twin_differences(t, b[i]);
    }
    layer_release(t, &layer);
    layer_release(t, &d);
    layer_release(t, &again);
    return differences;
}

static void check(struct vain_twins *t, enum vain_precision precision)
{
    char text[64];
    struct vain_twins_row row = {
        .shape = text, .differences = -1, .tolerance = precisions[precision].tolerance};
    const size_t count = VAIN_COUNT_OF(shapes) - (t->timed ? 0 : 2); /* the sanitizer is slow */
    (void)snprintf(text, sizeof text, "%zu shapes, 8 ways, %s", count, precisions[precision].name);
    row.op = "linear";
    for (size_t s = 0; s < count; s++)
        for (size_t v = 0; v < VAIN_COUNT_OF(variants); v++)
            row.error = larger(row.error, forward_error(t, &shapes[s], &variants[v]));
    vain_twins_row(t, &row);
    row.op = "linear_gradient";
    row.error = 0;
    for (size_t s = 0; s < count; s++)
        for (int how = 0; how < 8; how++)
            row.error = larger(row.error, backward_error(t, &shapes[s], how));
    vain_twins_row(t, &row);
    row.op = "linear_gradient again";
    row.differences = 0;
    for (size_t s = 0; s < count; s++)
        row.differences += same_again(t, &shapes[s]);
    vain_twins_row(t, &row);
}

/* ---- Times: GPT-2 124M's layers at batch 32, context 1024 ---- */

struct bench {
    struct vain_twins *twins;
    struct vain_linear linear;
    struct vain_linear_gradient gradient;
};

static void run_linear(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->matmul.linear(&b->twins->on_gpu, &b->linear);
}

static void run_gradient(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->matmul.linear_gradient(&b->twins->on_gpu, &b->gradient);
}

static const struct large {
    const char *name;
    struct shape shape;
    enum vain_epilogue epilogue;
    bool after_gelu;
} larges[] = {
    {"query, key, value", {32768, 2304, 768}, VAIN_EPILOGUE_NONE, false},
    {"projection", {32768, 768, 768}, VAIN_EPILOGUE_RESIDUAL, false},
    {"up and GELU", {32768, 3072, 768}, VAIN_EPILOGUE_GELU, false},
    {"down", {32768, 768, 3072}, VAIN_EPILOGUE_RESIDUAL, true},
    {"head", {16384, 50257, 768}, VAIN_EPILOGUE_NONE, false},
    {"head, padded", {16384, 50304, 768}, VAIN_EPILOGUE_NONE, false},
};

static void time_rows(struct vain_twins *t, const struct large *l, enum vain_precision precision,
                      struct bench *bench)
{
    char text[64];
    const double operations = 2 * (double)l->shape.M * (double)l->shape.N * (double)l->shape.K;
    struct vain_twins_row row = {.op = "linear", .shape = text, .differences = -2};
    (void)snprintf(text, sizeof text, "%s, %s", l->name, precisions[precision].name);
    row.seconds = vain_twins_time(t, run_linear, bench);
    row.operations = operations;
    vain_twins_row(t, &row);
    row.op = "linear_gradient";
    row.seconds = vain_twins_time(t, run_gradient, bench);
    row.operations = 2 * operations;
    vain_twins_row(t, &row);
}

static void time_layer(struct vain_twins *t, const struct large *l, enum vain_precision precision)
{
    const int64_t M = l->shape.M, N = l->shape.N, K = l->shape.K;
    const bool is_head = N > 50000;
    struct vain_twin input = vain_twin_large(t, M * K, 1, 31),
                     weight = vain_twin_large(t, N * K, 0.02f, 32),
                     bias = vain_twin_large(t, N, 1, 33), output = vain_twin_large(t, M * N, 1, 34),
                     d_input = vain_twin_large(t, M * K, 1, 35),
                     d_weight = vain_twin_large(t, N * K, 1, 36),
                     pre = vain_twin_large(t, is_head ? 1 : M * (N > K ? N : K), 1, 37);
    struct bench bench = {.twins = t};
    bench.linear = (struct vain_linear){.M = M,
                                        .N = N,
                                        .K = K,
                                        .input = input.gpu,
                                        .weight = weight.gpu,
                                        .bias = is_head ? NULL : bias.gpu,
                                        .output = output.gpu,
                                        .epilogue = l->epilogue,
                                        .pre_activation = pre.gpu,
                                        .residual = pre.gpu};
    bench.gradient =
        (struct vain_linear_gradient){.M = M,
                                      .N = N,
                                      .K = K,
                                      .input = input.gpu,
                                      .weight = weight.gpu,
                                      .d_output = output.gpu,
                                      .d_input = d_input.gpu,
                                      .d_weight = d_weight.gpu,
                                      .d_bias = is_head ? NULL : bias.gpu,
                                      .pre_activation = l->after_gelu ? pre.gpu : NULL};
    time_rows(t, l, precision, &bench);
    struct vain_twin *const all[] = {&input, &weight, &bias, &output, &d_input, &d_weight, &pre};
    for (size_t i = 0; i < VAIN_COUNT_OF(all); i++)
        vain_twin_release(t, all[i]);
}

void vain_twins_linear(struct vain_twins *twins)
{
    for (int precision = VAIN_PRECISION_FLOAT32; precision >= VAIN_PRECISION_BF16; precision--) {
        vain_twins_reopen(twins, (enum vain_precision)precision);
        check(twins, (enum vain_precision)precision);
        for (size_t i = 0; twins->timed && i < VAIN_COUNT_OF(larges); i++)
            if (precision != VAIN_PRECISION_FLOAT32)
                time_layer(twins, &larges[i], (enum vain_precision)precision);
    }
}
