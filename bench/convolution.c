/* How fast a convolution is beside a product of as many operations, and how many meta-iterations of
 * Reptile's inner loop a second makes.
 *
 *     bench_convolution [workers] [vector code]
 *
 * A convolution is measured on one thread by its processor time, forwards and backwards, in turns
 * with our own product of the same M, N, K, and with OpenBLAS's where the machine has it (start it
 * with OPENBLAS_NUM_THREADS=1, and without OPENBLAS_CORETYPE); the best of many counts. In brackets
 * the rate over that of the last of the row. The first layer of a network needs no
 * gradient of its images, and here it makes none.
 *
 * Reptile's inner loop is that of 5-way 1-shot: 4 x [convolution 3 x 3, 64 filters, stride 2, batch
 * norm, ReLU] and a dense layer on 28 x 28 x 1; each task 5 steps of Adam without a first moment on
 * 10 of 50 random images. Each worker has tasks of its own on a device of its own. Processor time
 * for one worker, the wall's for more; the median of windows. */
#include "base/memory.h"
#include "kernels/ops.h"
#include "kernels/team.h"
#include "models/model.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
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

/* ---- One convolution ---- */

struct shape {
    const char *name;
    int64_t B, H, W, C, F;
    struct vain_window window;
};

static const struct shape shapes[] = {
    {"64 -> 64, 3x3, 14x14, 10", 10, 14, 14, 64, 64, {3, 3, 1, true}},
    {"1 -> 64, 3x3/2, 28x28, 10", 10, 28, 28, 1, 64, {3, 3, 2, true}},
    {"64 -> 64, 3x3/2, 14x14, 10", 10, 14, 14, 64, 64, {3, 3, 2, true}},
    {"64 -> 64, 3x3/2, 7x7, 10", 10, 7, 7, 64, 64, {3, 3, 2, true}},
    {"64 -> 64, 3x3/2, 4x4, 10", 10, 4, 4, 64, 64, {3, 3, 2, true}},
    {"1 -> 32, 5x5, 28x28, 10", 10, 28, 28, 1, 32, {5, 5, 1, true}},
    {"32 -> 64, 5x5, 14x14, 10", 10, 14, 14, 32, 64, {5, 5, 1, true}},
};

struct bench {
    struct vain_device device;
    struct vain_queue queue;
    const struct shape *shape;
    int64_t M, N, K;
    float *input, *weight, *bias, *output, *d_input, *d_weight, *d_bias, *patches;
};

typedef void (*bench_op)(struct bench *b);

static void forward(struct bench *b)
{
    const struct shape *s = b->shape;
    const struct vain_convolution c = {s->B,     s->H,      s->W,    s->C,      s->F, s->window,
                                       b->input, b->weight, b->bias, b->output, false};
    b->device.ops->image.convolution(&b->queue, &c);
}

static void backward(struct bench *b)
{
    const struct shape *s = b->shape;
    const struct vain_convolution_gradient g = {
        s->B,        s->H,     s->W,      s->C,      s->F,
        s->window,   b->input, b->weight, b->output, s->C == 1 ? NULL : b->d_input,
        b->d_weight, b->d_bias};
    b->device.ops->image.convolution_gradient(&b->queue, &g);
}

static void own_product(struct bench *b)
{
    const struct vain_linear l = {.M = b->M,
                                  .N = b->N,
                                  .K = b->K,
                                  .input = b->patches,
                                  .weight = b->weight,
                                  .bias = b->bias,
                                  .output = b->output};
    b->device.ops->matmul.linear(&b->queue, &l);
}

/* OpenBLAS's, as cblas.h declares it; 101, 111 and 112 are row-major, as it is, transposed. */
typedef void (*sgemm_function)(int order, int transpose_a, int transpose_b, int M, int N, int K,
                               float alpha, const float *A, int lda, const float *B, int ldb,
                               float beta, float *C, int ldc);
static sgemm_function sgemm;

/* NULL if this machine has none. */
static void find_sgemm(void)
{
    void *library = dlopen("libopenblas.so.0", RTLD_NOW);
    void *symbol = library == NULL ? NULL : dlsym(library, "cblas_sgemm");
    memcpy(&sgemm, &symbol, sizeof symbol);
}

static void blas_product(struct bench *b)
{
    sgemm(101, 111, 112, (int)b->M, (int)b->N, (int)b->K, 1, b->patches, (int)b->K, b->weight,
          (int)b->K, 0, b->output, (int)b->N);
}

/* Best processor time of each of the ops, in turns. */
static void race(struct bench *b, const bench_op *ops, int count, double *best)
{
    for (int o = 0; o < count; o++)
        best[o] = 1e9;
    for (int i = 0; i < 300; i++)
        for (int o = 0; o < count; o++) {
            const double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
            ops[o](b);
            best[o] = fmin(best[o], seconds_of(CLOCK_THREAD_CPUTIME_ID) - start);
        }
}

static void measure_shape(const struct shape *s, const char *isa)
{
    static const char *const names[] = {"forward", "backward", "own product", "sgemm"};
    const bench_op ops[4] = {forward, backward, own_product, blas_product};
    const int count = sgemm == NULL ? 3 : 4;
    struct bench b = {.shape = s};
    if (vain_device_open_cpu(1, isa, &b.device) != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        exit(1);
    }
    b.queue.device = &b.device;
    const struct vain_window *w = &s->window;
    b.M = s->B * vain_window_count(s->H, w->height, w->stride, w->same) *
          vain_window_count(s->W, w->width, w->stride, w->same);
    b.N = s->F;
    b.K = w->height * w->width * s->C;
    b.input = floats(s->B * s->H * s->W * s->C);
    b.d_input = floats(s->B * s->H * s->W * s->C);
    b.weight = floats(b.N * b.K);
    b.d_weight = floats(b.N * b.K);
    b.bias = floats(b.N);
    b.d_bias = floats(b.N);
    b.output = floats(b.M * b.N);
    b.patches = floats(b.M * b.K);
    double best[4];
    race(&b, ops, count, best);
    printf("%-28s", s->name);
    for (int o = 0; o < count; o++) {
        const double work =
            (o == 1 && s->C > 1 ? 4.0 : 2.0) * (double)b.M * (double)b.N * (double)b.K;
        const double reference = best[count - 1] / (2.0 * (double)b.M * (double)b.N * (double)b.K);
        printf("  %s %.0f us %.1f GFLOP/s (%.2f)", names[o], best[o] * 1e6, work / best[o] * 1e-9,
               work * reference / best[o]);
    }
    printf("\n");
    float *const all[] = {b.input, b.d_input, b.weight, b.d_weight,
                          b.bias,  b.d_bias,  b.output, b.patches};
    for (size_t i = 0; i < VAIN_COUNT_OF(all); i++)
        vain_release(all[i]);
    vain_device_close(&b.device);
}

/* ---- Reptile's inner loop ---- */

enum { CLASSES = 5, IMAGES = 2000, PIXELS = 28 * 28, SHOTS = 10, BATCH = 10, STEPS = 5, TASKS = 5 };

struct worker {
    float *parameters, *gradients, *moment2, *batch;
    int32_t *targets;
    void *workspace;
};

struct reptile {
    struct vain_team team;
    struct vain_model_options options;
    struct vain_layout layout;
    struct vain_segment all;
    const float *images, *initial; /* (IMAGES, PIXELS); (N) */
    float *adapted;                /* (TASKS, N) */
    struct worker *workers;
    uint32_t iteration;
    double losses[TASKS];
};

static void *bytes(size_t count)
{
    void *memory;
    if (vain_take(count, "bench", &memory) != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        exit(1);
    }
    return memory;
}

/* One inner step on `BATCH` of the task's images, as the stream of (iteration, task, step) has it.
 */
static void inner_step(struct reptile *r, struct worker *w, struct vain_queue *queue, int64_t task,
                       uint32_t step)
{
    const struct vain_random random = {{1, 2}};
    const struct vain_ops *ops = queue->device->ops;
    for (uint32_t i = 0; i < BATCH; i++) {
        uint32_t words[4];
        vain_random_block(random, r->iteration, (uint32_t)task, i, words);
        const uint32_t shot = (words[step % 4] + step) % (CLASSES * SHOTS);
        const int64_t image = (int64_t)((words[3] / 64 + shot * 39) % IMAGES);
        memcpy(w->batch + i * PIXELS, r->images + image * PIXELS, PIXELS * sizeof(float));
        w->targets[i] = (int32_t)(shot / SHOTS);
    }
    const struct vain_batch batch = {.B = BATCH, .T = 1, .targets = w->targets, .images = w->batch};
    const size_t size = (size_t)r->layout.parameter_count * sizeof(float);
    ops->memory.zero(queue, w->gradients, size);
    vain_convnet_ops.forward_backward(&r->options, &r->layout, queue, w->parameters, &batch, NULL,
                                      1, w->workspace, w->gradients, &r->losses[task]);
    const struct vain_adamw adam = {1e-3f, 0, 0.999f, 1e-8f, 1, 1, 1, &r->all, 1};
    ops->optimiser.adamw(queue, &adam, w->gradients, w->parameters, NULL, w->moment2);
}

static void adapt(void *context, int64_t task, int worker, struct vain_queue *queue)
{
    struct reptile *r = context;
    struct worker *w = &r->workers[worker];
    const size_t size = (size_t)r->layout.parameter_count * sizeof(float);
    queue->device->ops->memory.copy(queue, w->parameters, r->initial, size);
    for (uint32_t step = 0; step < STEPS; step++)
        inner_step(r, w, queue, task, step);
    queue->device->ops->memory.copy(queue, r->adapted + task * r->layout.parameter_count,
                                    w->parameters, size);
}

static void meta_iteration(struct reptile *r, float *common, int64_t tasks)
{
    const int64_t N = r->layout.parameter_count;
    struct vain_queue *queue = &r->team.queues[0];
    const struct vain_optimiser_ops *ops = &queue->device->ops->optimiser;
    vain_team_run(&r->team, tasks, adapt, r);
    for (int64_t t = 1; t < tasks; t++)
        ops->add(queue, N, r->adapted + t * N, r->adapted);
    ops->scale(queue, N, 1.0f / (float)tasks, r->adapted);
    ops->move(queue, N, 1.0f, r->adapted, common);
    r->iteration++;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure_reptile(int workers, const char *isa)
{
    struct reptile r = {.options = {.kind = VAIN_MODEL_CONVNET,
                                    .context = 64,
                                    .preset = VAIN_PRESET_REPTILE,
                                    .image = {28, 28, 1},
                                    .classes = CLASSES}};
    if (vain_team_open(workers, isa, &r.team) != VAIN_OK ||
        vain_convnet_ops.layout(&r.options, &r.layout) != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        exit(1);
    }
    const int64_t N = r.layout.parameter_count;
    r.all = (struct vain_segment){0, N, 0};
    float *common = floats(N), *images = floats((int64_t)IMAGES * PIXELS);
    vain_model_init(&r.layout, 1, common);
    r.images = images;
    r.initial = common;
    r.adapted = floats(TASKS * N);
    r.workers = bytes((size_t)workers * sizeof *r.workers);
    for (int i = 0; i < workers; i++)
        r.workers[i] = (struct worker){
            .parameters = floats(N),
            .gradients = floats(N),
            .moment2 = bytes((size_t)N * sizeof(float)),
            .batch = floats((int64_t)BATCH * PIXELS),
            .targets = bytes(BATCH * sizeof(int32_t)),
            .workspace = bytes(vain_convnet_ops.workspace_bytes(&r.options, BATCH, 1, true))};
    const clockid_t clock = workers == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    for (int64_t tasks = 1; tasks <= TASKS; tasks += TASKS - 1) {
        double rates[5];
        for (int window = 0; window < 5; window++) {
            const double start = seconds_of(clock);
            int count = 0;
            for (; seconds_of(clock) - start < 1; count++)
                meta_iteration(&r, common, tasks);
            rates[window] = count / (seconds_of(clock) - start);
        }
        qsort(rates, 5, sizeof *rates, by_size);
        printf("reptile 5-way 1-shot, meta-batch %lld, %d workers: %.1f meta-iterations/s (%.1f to "
               "%.1f), %.0f inner steps/s, loss %.3f\n",
               (long long)tasks, workers, rates[2], rates[0], rates[4],
               rates[2] * STEPS * (double)tasks, r.losses[0]);
    }
    vain_layout_fini(&r.layout);
    vain_team_close(&r.team);
}

/* ---- A training step of the networks of McMahan et al. on 10 images of MNIST's size ---- */

static void measure_step(enum vain_model_preset preset, const char *name, int threads,
                         const char *isa)
{
    struct vain_model_options options = {.kind = VAIN_MODEL_CONVNET,
                                         .context = 64,
                                         .preset = (int)preset,
                                         .image = {28, 28, 1},
                                         .classes = 10};
    struct vain_device device;
    struct vain_layout layout;
    if (vain_device_open_cpu(threads, isa, &device) != VAIN_OK ||
        vain_convnet_ops.layout(&options, &layout) != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        exit(1);
    }
    struct vain_queue queue = {&device, NULL};
    const int64_t N = layout.parameter_count;
    float *parameters = floats(N), *gradients = floats(N), *images = floats(BATCH * PIXELS);
    int32_t *targets = bytes(BATCH * sizeof *targets);
    void *workspace = bytes(vain_convnet_ops.workspace_bytes(&options, BATCH, 1, true));
    const struct vain_batch batch = {.B = BATCH, .T = 1, .targets = targets, .images = images};
    const struct vain_sgd sgd = {0.01f, 0, 1, false};
    const clockid_t clock = threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    double best = 1e9, loss = 0;
    vain_model_init(&layout, 1, parameters);
    for (int i = 0; i < 200; i++) {
        const double start = seconds_of(clock);
        device.ops->memory.zero(&queue, gradients, (size_t)N * sizeof(float));
        vain_convnet_ops.forward_backward(&options, &layout, &queue, parameters, &batch, NULL, 1,
                                          workspace, gradients, &loss);
        device.ops->optimiser.sgd(&queue, N, &sgd, gradients, parameters, NULL);
        best = fmin(best, seconds_of(clock) - start);
    }
    printf("%s, 10 images, %d threads: %.0f us a step, %.0f images/s, %.1f GFLOP/s\n", name,
           threads, best * 1e6, BATCH / best,
           vain_model_flops_per_token(&options, &layout) * BATCH / best * 1e-9);
    vain_release(workspace);
    vain_release(targets);
    vain_release(images);
    vain_release(gradients);
    vain_release(parameters);
    vain_layout_fini(&layout);
    vain_device_close(&device);
}

int main(int argc, char **argv)
{
    const char *isa = argc > 2 ? argv[2] : NULL;
    find_sgemm();
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++)
        measure_shape(&shapes[s], isa);
    const int workers = argc > 1 ? atoi(argv[1]) : 1;
    measure_step(VAIN_PRESET_MCMAHAN_CNN, "mcmahan-cnn", workers, isa);
    measure_step(VAIN_PRESET_MLP_200, "mlp-200", workers, isa);
    measure_reptile(workers, isa);
    return 0;
}
