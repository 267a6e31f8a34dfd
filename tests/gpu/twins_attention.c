/* Causal attention on both devices, in each precision. */
#include "tests/gpu/twins.h"

#include <stdio.h>

/* Forwards, and backwards of forwards: the GPU's gradient starts from the GPU's own output. */
static const struct {
    const char *name;
    double forward, backward;
} precisions[] = {
    [VAIN_PRECISION_BF16] = {"bf16", 3e-2, 6e-2},
    [VAIN_PRECISION_TF32] = {"tf32", 2e-5, 1e-4},
    [VAIN_PRECISION_FLOAT32] = {"float32", 2e-5, 1e-4},
};

/* Heads from 1 to 300 channels, odd widths, lengths around the tiles' ends. */
static const struct shape {
    int64_t B, T, C, H;
} shapes[] = {
    {2, 3, 6, 3},    {1, 7, 5, 5},      {3, 64, 32, 2},   {1, 65, 34, 2},   {1, 131, 17, 1},
    {2, 150, 72, 3}, {2, 37, 128, 4},   {1, 17, 96, 1},   {1, 129, 192, 2}, {2, 257, 128, 2},
    {1, 33, 300, 2}, {2, 300, 768, 12}, {1, 520, 384, 3}, {3, 1000, 64, 4},
};

struct heads {
    struct vain_twin query_key_value, output, log_sum, d_output, d_query_key_value;
};

static struct heads heads_take(struct vain_twins *t, const struct shape *s, bool large)
{
    struct vain_twin (*const take)(struct vain_twins *, int64_t, float, uint32_t) =
        large ? vain_twin_large : vain_twin_floats;
    const int64_t narrow = s->B * s->T * s->C;
    return (struct heads){
        .query_key_value = take(t, 3 * narrow, 1, 41),
        .output = take(t, narrow, 1, 42),
        .log_sum = take(t, s->B * s->H * s->T, 1, 43),
        .d_output = take(t, narrow, 1, 44),
        .d_query_key_value = take(t, 3 * narrow, 1, 45),
    };
}

static void heads_release(struct vain_twins *t, struct heads *heads)
{
    vain_twin_release(t, &heads->query_key_value);
    vain_twin_release(t, &heads->output);
    vain_twin_release(t, &heads->log_sum);
    vain_twin_release(t, &heads->d_output);
    vain_twin_release(t, &heads->d_query_key_value);
}

static void forward(struct vain_twins *t, const struct shape *s, const struct heads *h, bool gpu)
{
    const struct vain_attention attention = {
        .B = s->B,
        .T = s->T,
        .C = s->C,
        .H = s->H,
        .query_key_value = gpu ? h->query_key_value.gpu : h->query_key_value.host,
        .output = gpu ? h->output.gpu : h->output.host,
        .log_sum = gpu ? h->log_sum.gpu : h->log_sum.host,
    };
    if (gpu)
        t->gpu.ops->attention.causal(&t->on_gpu, &attention);
    else
        t->cpu.ops->attention.causal(&t->on_cpu, &attention);
}

static void backward(struct vain_twins *t, const struct shape *s, const struct heads *h, bool gpu)
{
    const struct vain_attention_gradient gradient = {
        .B = s->B,
        .T = s->T,
        .C = s->C,
        .H = s->H,
        .query_key_value = gpu ? h->query_key_value.gpu : h->query_key_value.host,
        .output = gpu ? h->output.gpu : h->output.host,
        .log_sum = gpu ? h->log_sum.gpu : h->log_sum.host,
        .d_output = gpu ? h->d_output.gpu : h->d_output.host,
        .d_query_key_value = gpu ? h->d_query_key_value.gpu : h->d_query_key_value.host,
    };
    if (gpu)
        t->gpu.ops->attention.causal_gradient(&t->on_gpu, &gradient);
    else
        t->cpu.ops->attention.causal_gradient(&t->on_cpu, &gradient);
}

static double larger(double a, double b)
{
    return a > b || a != a ? a : b;
}

struct errors {
    double forward, backward;
    int64_t differences; /* between two runs */
};

static void check_shape(struct vain_twins *t, const struct shape *s, struct errors *errors)
{
    struct heads h = heads_take(t, s, false);
    for (int gpu = 0; gpu < 2; gpu++) {
        forward(t, s, &h, gpu);
        backward(t, s, &h, gpu);
    }
    errors->forward = larger(errors->forward,
                             larger(vain_twin_error(t, &h.output), vain_twin_error(t, &h.log_sum)));
    errors->backward = larger(errors->backward, vain_twin_error(t, &h.d_query_key_value));
    const struct vain_twin *const written[] = {&h.output, &h.log_sum, &h.d_query_key_value};
    for (size_t i = 0; i < VAIN_COUNT_OF(written); i++)
        t->gpu.ops->memory.copy_out(&t->on_gpu, written[i]->host, written[i]->gpu,
                                    written[i]->bytes);
    forward(t, s, &h, true);
    backward(t, s, &h, true);
    for (size_t i = 0; vain_twins_wait(t) && i < VAIN_COUNT_OF(written); i++)
        errors->differences += vain_twin_differences(t, written[i]);
    heads_release(t, &h);
}

static void check(struct vain_twins *t, enum vain_precision precision)
{
    char text[64];
    struct errors errors = {.forward = 0};
    const size_t count = VAIN_COUNT_OF(shapes) - (t->timed ? 0 : 3); /* the sanitizer is slow */
    (void)snprintf(text, sizeof text, "%zu shapes, %s", count, precisions[precision].name);
    for (size_t s = 0; s < count; s++)
        check_shape(t, &shapes[s], &errors);
    const struct vain_twins_row rows[] = {
        {.op = "causal",
         .shape = text,
         .differences = -1,
         .error = errors.forward,
         .tolerance = precisions[precision].forward},
        {.op = "causal_gradient",
         .shape = text,
         .differences = -1,
         .error = errors.backward,
         .tolerance = precisions[precision].backward},
        {.op = "causal, twice", .shape = text, .differences = errors.differences},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++)
        vain_twins_row(t, &rows[i]);
}

/* ---- Times: 32768 tokens of 768 channels ---- */

struct bench {
    struct vain_twins *twins;
    struct shape shape;
    struct heads heads;
};

static void run_forward(void *context)
{
    struct bench *b = context;
    forward(b->twins, &b->shape, &b->heads, true);
}

static void run_backward(void *context)
{
    struct bench *b = context;
    backward(b->twins, &b->shape, &b->heads, true);
}

static void time_shape(struct vain_twins *t, int64_t T, int64_t D, enum vain_precision precision)
{
    char text[64];
    struct bench b = {.twins = t, .shape = {32768 / T, T, 768, 768 / D}};
    /* Two products of T^2 / 2 scores forwards; five backwards, as everybody counts. */
    const double operations = 2.0 * 32768 * 768 * (double)T;
    struct vain_twins_row row = {.op = "causal", .shape = text, .differences = -2};
    (void)snprintf(text, sizeof text, "T %lld, head %lld, %s", (long long)T, (long long)D,
                   precisions[precision].name);
    b.heads = heads_take(t, &b.shape, true);
    row.seconds = vain_twins_time(t, run_forward, &b);
    row.operations = operations;
    vain_twins_row(t, &row);
    row.op = "causal_gradient";
    row.seconds = vain_twins_time(t, run_backward, &b);
    row.operations = 2.5 * operations;
    vain_twins_row(t, &row);
    heads_release(t, &b.heads);
}

void vain_twins_attention(struct vain_twins *twins)
{
    for (int precision = VAIN_PRECISION_FLOAT32; precision >= VAIN_PRECISION_BF16; precision--) {
        vain_twins_reopen(twins, (enum vain_precision)precision);
        if (precision == VAIN_PRECISION_TF32)
            continue; /* the same kernels as float32 */
        check(twins, (enum vain_precision)precision);
    }
    for (int64_t T = 1024; twins->timed && T <= 8192; T *= 2)
        for (int64_t D = 64; D <= 128; D *= 2)
            time_shape(twins, T, D, VAIN_PRECISION_BF16);
    if (!twins->timed)
        return;
    vain_twins_reopen(twins, VAIN_PRECISION_FLOAT32);
    time_shape(twins, 1024, 64, VAIN_PRECISION_FLOAT32);
    vain_twins_reopen(twins, VAIN_PRECISION_BF16);
}
