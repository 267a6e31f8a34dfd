/* How fast each op is on the shapes of the two benchmark models, and what a training step of them
 * adds up to.
 *
 *     bench_kernels [tiny|medium] [threads] [vector code]
 *
 * Each op runs again and again on the same buffers; the best time counts, since on a shared machine
 * everything else measures the neighbours. So the buffers of tiny are warmer than in a real step.
 * One thread is measured by its processor time, for the same reason; several by the clock on the
 * wall. */
#include "base/memory.h"
#include "kernels/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct model {
    const char *name;
    int64_t L, H, C, T, B, V;
};

static const struct model models[] = {{"tiny", 4, 4, 128, 64, 12, 65},
                                      {"medium", 6, 6, 384, 256, 8, 65}};

struct bench {
    struct model model;
    int64_t M, N, K; /* of the product at hand */
    int64_t parameters;
    struct vain_device device;
    struct vain_queue queue;
    float *input, *weight, *bias, *output, *pre, *residual, *d_weight, *d_bias, *log_sum, *mean,
        *deviation;
    float *values, *gradients, *moment1, *moment2;
    int32_t *tokens;
    double step_seconds;
};

static double now(const struct bench *b)
{
    struct timespec t;
    const bool alone = vain_pool_threads(b->device.pool) == 1;
    (void)clock_gettime(alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static float *floats(int64_t count)
{
    void *memory;
    if (vain_take_array(count, sizeof(float), "bench", &memory) != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        exit(1);
    }
    float *x = memory;
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    return x;
}

typedef void (*bench_op)(struct bench *b);

/* Best of enough repetitions; `work` in floating operations (unit GFLOP/s) or bytes (unit GB/s). */
static void measure(struct bench *b, const char *name, bench_op op, double work, const char *unit,
                    int64_t times)
{
    double best = 1e9, spent = 0;
    for (int i = 0; i < 5 || (spent < 0.3 && i < 2000); i++) {
        const double start = now(b);
        op(b);
        const double seconds = now(b) - start;
        best = seconds < best ? seconds : best;
        spent += seconds;
    }
    b->step_seconds += best * (double)times;
    printf("%-28s %9.1f us %8.1f %-8s x %lld = %8.2f ms\n", name, best * 1e6, work / best * 1e-9,
           unit, (long long)times, best * (double)times * 1e3);
}

/* ---- Products ---- */

static struct vain_linear linear_of(struct bench *b, enum vain_epilogue epilogue)
{
    return (struct vain_linear){
        .M = b->M,
        .N = b->N,
        .K = b->K,
        .input = b->input,
        .weight = b->weight,
        .bias = b->bias,
        .output = b->output,
        .epilogue = epilogue,
        .pre_activation = b->pre,
        .residual = b->residual,
    };
}

static void plain(struct bench *b)
{
    const struct vain_linear linear = linear_of(b, VAIN_EPILOGUE_NONE);
    b->device.ops->matmul.linear(&b->queue, &linear);
}

static void gelu(struct bench *b)
{
    const struct vain_linear linear = linear_of(b, VAIN_EPILOGUE_GELU);
    b->device.ops->matmul.linear(&b->queue, &linear);
}

static void residual(struct bench *b)
{
    const struct vain_linear linear = linear_of(b, VAIN_EPILOGUE_RESIDUAL);
    b->device.ops->matmul.linear(&b->queue, &linear);
}

static void backward(struct bench *b, const float *pre_activation)
{
    const struct vain_linear_gradient gradient = {
        .M = b->M,
        .N = b->N,
        .K = b->K,
        .input = b->input,
        .weight = b->weight,
        .d_output = b->residual,
        .d_input = b->output,
        .d_weight = b->d_weight,
        .d_bias = b->d_bias,
        .pre_activation = pre_activation,
    };
    b->device.ops->matmul.linear_gradient(&b->queue, &gradient);
}

static void plain_backward(struct bench *b)
{
    backward(b, NULL);
}

static void gelu_backward(struct bench *b)
{
    backward(b, b->pre);
}

static void product(struct bench *b, const char *name, int64_t N, int64_t K, bench_op forward,
                    bench_op back, int64_t times)
{
    char label[64];
    b->N = N;
    b->K = K;
    const double work = 2.0 * (double)b->M * (double)N * (double)K;
    (void)snprintf(label, sizeof label, "%s %lldx%lldx%lld", name, (long long)b->M, (long long)N,
                   (long long)K);
    measure(b, label, forward, work, "GFLOP/s", times);
    (void)snprintf(label, sizeof label, "%s backward", name);
    measure(b, label, back, 2 * work, "GFLOP/s", times);
}

/* ---- The rest of a step ---- */

static void attention(struct bench *b)
{
    const struct model *m = &b->model;
    const struct vain_attention a = {.B = m->B,
                                     .T = m->T,
                                     .C = m->C,
                                     .H = m->H,
                                     .query_key_value = b->input,
                                     .output = b->output,
                                     .log_sum = b->log_sum};
    b->device.ops->attention.causal(&b->queue, &a);
}

static void attention_backward(struct bench *b)
{
    const struct model *m = &b->model;
    const struct vain_attention_gradient a = {.B = m->B,
                                              .T = m->T,
                                              .C = m->C,
                                              .H = m->H,
                                              .query_key_value = b->input,
                                              .output = b->output,
                                              .log_sum = b->log_sum,
                                              .d_output = b->residual,
                                              .d_query_key_value = b->pre};
    b->device.ops->attention.causal_gradient(&b->queue, &a);
}

static void norm(struct bench *b)
{
    b->device.ops->pointwise.layer_norm(&b->queue, b->M, b->model.C, b->input, b->weight, b->bias,
                                        b->output, b->mean, b->deviation);
}

static void norm_backward(struct bench *b)
{
    b->device.ops->pointwise.layer_norm_gradient(&b->queue, b->M, b->model.C, b->input, b->weight,
                                                 b->mean, b->deviation, b->residual, b->pre, b->pre,
                                                 b->d_weight, b->d_bias);
}

static void embed(struct bench *b)
{
    const struct model *m = &b->model;
    b->device.ops->pointwise.embed(&b->queue, m->B, m->T, m->C, b->tokens, b->weight, b->residual,
                                   NULL, b->output);
}

static void embed_backward(struct bench *b)
{
    const struct model *m = &b->model;
    b->device.ops->pointwise.embed_gradient(&b->queue, m->B, m->T, m->C, b->tokens, b->residual,
                                            NULL, b->d_weight, b->pre);
}

static void entropy(struct bench *b)
{
    double loss;
    b->device.ops->pointwise.cross_entropy(&b->queue, b->M, b->model.V, b->output, b->tokens, 1e-3f,
                                           &loss);
}

static void zero(struct bench *b)
{
    b->device.ops->memory.zero(&b->queue, b->moment2, (size_t)b->parameters * sizeof(float));
}

static void squares(struct bench *b)
{
    double sum;
    b->device.ops->optimiser.sum_squares(&b->queue, b->parameters, b->gradients, &sum);
}

static void adamw(struct bench *b)
{
    const struct vain_segment segment = {0, b->parameters, 0.1f};
    const struct vain_adamw settings = {1e-3f, 0.9f, 0.99f, 1e-8f, 1, 0.5f, 0.5f, &segment, 1};
    b->device.ops->optimiser.adamw(&b->queue, &settings, b->gradients, b->values, b->moment1,
                                   b->moment2);
}

static void step(struct bench *b)
{
    const struct model *m = &b->model;
    const int64_t C = m->C, L = m->L;
    const double score_work =
        2.0 * (double)m->B * (double)m->T * (double)m->T * (double)C; /* half of QK and PV */
    const double rows = (double)b->M * (double)C * 4, all = (double)b->parameters * 4;
    measure(b, "embed", embed, 3 * rows, "GB/s", 1);
    measure(b, "embed backward", embed_backward, 5 * rows, "GB/s", 1);
    measure(b, "layer norm", norm, 2 * rows, "GB/s", 2 * L + 1);
    measure(b, "layer norm backward", norm_backward, 4 * rows, "GB/s", 2 * L + 1);
    product(b, "query key value", 3 * C, C, plain, plain_backward, L);
    measure(b, "attention", attention, score_work, "GFLOP/s", L);
    measure(b, "attention backward", attention_backward, 2.5 * score_work, "GFLOP/s", L);
    product(b, "projection", C, C, residual, plain_backward, L);
    product(b, "up", 4 * C, C, gelu, plain_backward, L);
    product(b, "down", C, 4 * C, residual, gelu_backward, L);
    product(b, "head", m->V, C, plain, plain_backward, 1);
    measure(b, "cross entropy", entropy, 2 * (double)b->M * (double)m->V * 4, "GB/s", 1);
    measure(b, "zero", zero, all, "GB/s", 1);
    measure(b, "sum of squares", squares, all, "GB/s", 1);
    measure(b, "adamw", adamw, 7 * all, "GB/s", 1);
    printf("%s: %.2f ms a step, %.0f tokens/s\n", m->name, b->step_seconds * 1e3,
           (double)b->M / b->step_seconds);
}

static void take_buffers(struct bench *b)
{
    const struct model *m = &b->model;
    const int64_t wide = b->M * 4 * m->C, square = 4 * m->C * (m->C > m->V ? m->C : m->V);
    void *memory;
    float **const all[] = {&b->input, &b->output, &b->pre, &b->residual};
    for (size_t i = 0; i < VAIN_COUNT_OF(all); i++)
        *all[i] = floats(wide);
    b->weight = floats(square);
    b->d_weight = floats(square);
    b->bias = floats(4 * m->C);
    b->d_bias = floats(4 * m->C);
    b->log_sum = floats(b->M * m->H);
    b->mean = floats(b->M);
    b->deviation = floats(b->M);
    b->values = floats(b->parameters);
    b->gradients = floats(b->parameters);
    b->moment1 = floats(b->parameters);
    b->moment2 = floats(b->parameters);
    if (vain_take_array(b->M, sizeof(int32_t), "bench", &memory) != VAIN_OK)
        exit(1);
    b->tokens = memory;
    for (int64_t i = 0; i < b->M; i++)
        b->tokens[i] = (int32_t)(i * 7919 % m->V);
}

int main(int argc, char **argv)
{
    const struct model *model = &models[argc > 1 && strcmp(argv[1], "medium") == 0];
    struct bench b = {.model = *model, .M = model->B * model->T};
    b.parameters = model->L * 12 * model->C * model->C + (model->V + model->T) * model->C;
    if (vain_device_open_cpu(argc > 2 ? atoi(argv[2]) : 2, argc > 3 ? argv[3] : NULL, &b.device) !=
        VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        return 1;
    }
    b.queue = (struct vain_queue){&b.device, NULL};
    printf("%s, %s, %d threads\n", model->name, vain_device_platform(&b.device),
           vain_pool_threads(b.device.pool));
    take_buffers(&b);
    step(&b);
    return 0;
}
