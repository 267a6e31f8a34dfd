#include "tests/unit/jobs/stand_in_gpu.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "kernels/device_module.h"
#include "kernels/cpu/cpu.h"

enum { ARENA_BYTES = 64 << 20, RESULTS = 8, ALIGNMENT = 64, POISON = 0xa5 };

/* A scalar that waits for vain_queue_wait. */
struct result {
    void *target;
    size_t bytes;
    unsigned char value[32];
};

struct vain_cuda {
    struct vain_device cpu;
    struct vain_queue queue; /* on it */
    unsigned char *arena;    /* mapped without access outside of ops */
    size_t used;
    struct result results[RESULTS];
    int result_count;
};

static atomic_bool in_use;
static atomic_long ops_run;

void stand_in_gpu_use(bool used)
{
    atomic_store(&in_use, used);
}

long stand_in_gpu_ops(void)
{
    return atomic_load(&ops_run);
}

/* ---- Memory that only ops can reach ---- */

static void protect(struct vain_cuda *gpu, int access)
{
    VAIN_ASSERT(mprotect(gpu->arena, ARENA_BYTES, access) == 0);
}

static struct vain_queue *enter(struct vain_queue *queue)
{
    protect(queue->device->cuda, PROT_READ | PROT_WRITE);
    atomic_fetch_add(&ops_run, 1);
    return &queue->device->cuda->queue;
}

static void leave(struct vain_queue *queue)
{
    protect(queue->device->cuda, PROT_NONE);
}

/* Where an op may put a scalar now; the caller sees poison until it waits. */
static void *later(struct vain_queue *queue, void *target, size_t bytes)
{
    struct vain_cuda *gpu = queue->device->cuda;
    VAIN_ASSERT(gpu->result_count < RESULTS);
    struct result *result = &gpu->results[gpu->result_count++];
    VAIN_ASSERT(bytes <= sizeof result->value);
    *result = (struct result){.target = target, .bytes = bytes};
    memset(target, POISON, bytes);
    return result->value;
}

static bool is_on_device(const struct vain_queue *queue, const void *memory)
{
    const unsigned char *arena = queue->device->cuda->arena, *at = memory;
    return at >= arena && at < arena + ARENA_BYTES;
}

static enum vain_status take(struct vain_device *device, size_t bytes, const char *what, void **out)
{
    struct vain_cuda *gpu = device->cuda;
    const size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *out = NULL;
    if (rounded > ARENA_BYTES - gpu->used)
        return vain_fail(VAIN_ERR_MEMORY, "%s: %zu bytes on the stand-in", what, bytes);
    *out = gpu->arena + gpu->used; /* zeros, since nothing is given out twice */
    gpu->used += rounded;
    return VAIN_OK;
}

static void release(struct vain_device *device, void *memory)
{
    (void)device;
    (void)memory;
}

static void pin(struct vain_device *device, void *host_memory, size_t bytes)
{
    (void)device;
    (void)host_memory;
    (void)bytes;
}

static void unpin(struct vain_device *device, void *host_memory)
{
    (void)device;
    (void)host_memory;
}

static void copy(struct vain_queue *queue, void *target, const void *source, size_t bytes)
{
    VAIN_ASSERT(is_on_device(queue, target));
    VAIN_ASSERT(is_on_device(queue, source));
    vain_cpu_ops.memory.copy(enter(queue), target, source, bytes);
    leave(queue);
}

static void copy_in(struct vain_queue *queue, void *target, const void *source, size_t bytes)
{
    VAIN_ASSERT(is_on_device(queue, target));
    VAIN_ASSERT(!is_on_device(queue, source));
    vain_cpu_ops.memory.copy(enter(queue), target, source, bytes);
    leave(queue);
}

static void copy_out(struct vain_queue *queue, void *target, const void *source, size_t bytes)
{
    VAIN_ASSERT(!is_on_device(queue, target));
    VAIN_ASSERT(is_on_device(queue, source));
    vain_cpu_ops.memory.copy(enter(queue), target, source, bytes);
    leave(queue);
}

static void zero(struct vain_queue *queue, void *target, size_t bytes)
{
    VAIN_ASSERT(is_on_device(queue, target));
    vain_cpu_ops.memory.zero(enter(queue), target, bytes);
    leave(queue);
}

/* ---- Ops: the CPU's, while the memory is open ---- */

#define STAND_IN(group, name, parameters, arguments)                                               \
    static void name parameters                                                                    \
    {                                                                                              \
        vain_cpu_ops.group.name arguments;                                                         \
        leave(queue);                                                                              \
    }
#define IN enter(queue)
/* Of vectors: they lie on the device. */
#define ON(vector) (VAIN_ASSERT(is_on_device(queue, vector)), (vector))

STAND_IN(matmul, linear, (struct vain_queue * queue, const struct vain_linear *linear_),
         (IN, linear_))
STAND_IN(matmul, linear_gradient,
         (struct vain_queue * queue, const struct vain_linear_gradient *gradient), (IN, gradient))
STAND_IN(attention, causal, (struct vain_queue * queue, const struct vain_attention *attention),
         (IN, attention))
STAND_IN(attention, causal_gradient,
         (struct vain_queue * queue, const struct vain_attention_gradient *gradient),
         (IN, gradient))
STAND_IN(pointwise, embed,
         (struct vain_queue * queue, int64_t B, int64_t T, int64_t C, const int32_t *tokens,
          const float *token_table, const float *position_table, const struct vain_dropout *dropout,
          float *output),
         (IN, B, T, C, tokens, token_table, position_table, dropout, output))
STAND_IN(pointwise, embed_gradient,
         (struct vain_queue * queue, int64_t B, int64_t T, int64_t C, const int32_t *tokens,
          const float *d_output, const struct vain_dropout *dropout, float *d_token_table,
          float *d_position_table),
         (IN, B, T, C, tokens, d_output, dropout, d_token_table, d_position_table))
STAND_IN(pointwise, layer_norm,
         (struct vain_queue * queue, int64_t M, int64_t C, const float *input, const float *gain,
          const float *shift, float *output, float *mean, float *reciprocal_deviation),
         (IN, M, C, input, gain, shift, output, mean, reciprocal_deviation))
STAND_IN(pointwise, layer_norm_gradient,
         (struct vain_queue * queue, int64_t M, int64_t C, const float *input, const float *gain,
          const float *mean, const float *reciprocal_deviation, const float *d_output,
          const float *residual_gradient, float *d_input, float *d_gain, float *d_shift),
         (IN, M, C, input, gain, mean, reciprocal_deviation, d_output, residual_gradient, d_input,
          d_gain, d_shift))
STAND_IN(pointwise, cross_entropy,
         (struct vain_queue * queue, int64_t M, int64_t V, float *logits, const int32_t *targets,
          float scale_, double *loss_sum),
         (IN, M, V, logits, targets, scale_, later(queue, loss_sum, sizeof *loss_sum)))
STAND_IN(pointwise, dropout_gradient,
         (struct vain_queue * queue, int64_t N, const struct vain_dropout *dropout,
          float *d_output),
         (IN, N, dropout, d_output))
STAND_IN(optimiser, adamw,
         (struct vain_queue * queue, const struct vain_adamw *adamw_, const float *gradients,
          float *parameters, float *moment1, float *moment2),
         (IN, adamw_, ON(gradients), ON(parameters), ON(moment1), ON(moment2)))
STAND_IN(optimiser, sum_squares,
         (struct vain_queue * queue, int64_t N, const float *x, double *out),
         (IN, N, ON(x), later(queue, out, sizeof *out)))
STAND_IN(optimiser, first_not_finite,
         (struct vain_queue * queue, int64_t N, const float *x, int64_t *out),
         (IN, N, ON(x), later(queue, out, sizeof *out)))
STAND_IN(optimiser, add, (struct vain_queue * queue, int64_t N, const float *source, float *target),
         (IN, N, ON(source), ON(target)))
STAND_IN(optimiser, scale, (struct vain_queue * queue, int64_t N, float factor, float *target),
         (IN, N, factor, ON(target)))
STAND_IN(optimiser, sgd,
         (struct vain_queue * queue, int64_t N, const struct vain_sgd *settings,
          const float *gradients, float *parameters, float *velocity),
         (IN, N, settings, ON(gradients), ON(parameters), velocity))
STAND_IN(optimiser, move,
         (struct vain_queue * queue, int64_t N, float rate, const float *source, float *target),
         (IN, N, rate, ON(source), ON(target)))
STAND_IN(pointwise, count_correct,
         (struct vain_queue * queue, int64_t M, int64_t V, const float *logits,
          const int32_t *targets, int64_t *correct),
         (IN, M, V, ON(logits), ON(targets), later(queue, correct, sizeof *correct)))
STAND_IN(optimiser, outer_step,
         (struct vain_queue * queue, int64_t N, float rate, float mu, bool nesterov,
          const float *delta_, float *momentum, float *parameters),
         (IN, N, rate, mu, nesterov, ON(delta_), momentum, ON(parameters)))
STAND_IN(codec, delta,
         (struct vain_queue * queue, int64_t N, const float *common, const float *now,
          const float *residual, float *delta_),
         (IN, N, ON(common), ON(now), ON(residual), ON(delta_)))
STAND_IN(codec, encode,
         (struct vain_queue * queue, int64_t N, const struct vain_encoding *encoding,
          const float *delta_, uint32_t *words, float *residual, struct vain_encoded *out),
         (IN, N, encoding, ON(delta_), ON(words), ON(residual), later(queue, out, sizeof *out)))
STAND_IN(codec, decode_mean,
         (struct vain_queue * queue, int64_t N, const struct vain_fixed *fixed, int members,
          const uint32_t *words, float *mean),
         (IN, N, fixed, members, ON(words), ON(mean)))
STAND_IN(codec, sum_squares_words,
         (struct vain_queue * queue, int64_t N, const struct vain_fixed *fixed, int members,
          const uint32_t *words, uint64_t out[2]),
         (IN, N, fixed, members, ON(words), later(queue, out, 2 * sizeof *out)))
STAND_IN(codec, check_word,
         (struct vain_queue * queue, int64_t words_count, const uint32_t *words,
          struct vain_random random, uint32_t round, uint32_t attempt, uint32_t *out),
         (IN, words_count, ON(words), random, round, attempt, later(queue, out, sizeof *out)))
STAND_IN(codec, add_words,
         (struct vain_queue * queue, int64_t words_count, const uint32_t *source, uint32_t *target),
         (IN, words_count, ON(source), ON(target)))
STAND_IN(codec, add_masks,
         (struct vain_queue * queue, const struct vain_masks *masks, uint64_t first,
          int64_t words_count, uint32_t *words),
         (IN, masks, first, words_count, ON(words)))
STAND_IN(codec, tag_words,
         (struct vain_queue * queue, int64_t words_count, const uint32_t *words, uint64_t key,
          uint64_t *out),
         (IN, words_count, ON(words), key, later(queue, out, sizeof *out)))

/* ---- The device ---- */

static enum vain_status wait_queue(struct vain_queue *queue)
{
    struct vain_cuda *gpu = queue->device->cuda;
    for (int i = 0; i < gpu->result_count; i++)
        memcpy(gpu->results[i].target, gpu->results[i].value, gpu->results[i].bytes);
    gpu->result_count = 0;
    return VAIN_OK;
}

static enum vain_status can_mask(const struct vain_device *device)
{
    return vain_device_can_mask(&device->cuda->cpu);
}

static const char *platform(const struct vain_device *device)
{
    (void)device;
    return "product=stand-in";
}

static void close_device(struct vain_device *device)
{
    struct vain_cuda *gpu = device->cuda;
    (void)munmap(gpu->arena, ARENA_BYTES);
    vain_device_close(&gpu->cpu);
    vain_release(gpu);
    *device = (struct vain_device){.ops = NULL};
}

static const struct vain_ops ops = {
    .name = "cuda",
    .device = {close_device, wait_queue, can_mask, platform},
    .memory = {take, release, pin, unpin, copy_in, copy_out, copy, zero},
    .matmul = {linear, linear_gradient},
    .attention = {causal, causal_gradient, NULL, NULL},
    .pointwise = {embed, embed_gradient, layer_norm, layer_norm_gradient, cross_entropy,
                  count_correct, dropout_gradient},
    .optimiser = {adamw, sgd, sum_squares, first_not_finite, add, scale, move, outer_step},
    .codec = {delta, encode, decode_mean, sum_squares_words, check_word, add_words, add_masks,
              tag_words},
};

static enum vain_status count_devices(int *out)
{
    *out = 1;
    return VAIN_OK;
}

static enum vain_status open_device(const struct vain_cuda_options *options,
                                    struct vain_device *out)
{
    struct vain_cuda *gpu = NULL;
    VAIN_TRY(vain_take(sizeof *gpu, "stand-in GPU", (void **)&gpu));
    VAIN_TRY(vain_device_open_cpu(1, NULL, &gpu->cpu));
    gpu->queue.device = &gpu->cpu;
    gpu->arena =
        mmap(NULL, ARENA_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    VAIN_ASSERT(gpu->arena != MAP_FAILED);
    *out = (struct vain_device){.ops = &ops, .cuda = gpu};
    snprintf(out->name, sizeof out->name, "cuda:%d stand-in", options->index);
    return VAIN_OK;
}

static const struct vain_cuda_module module = {
    .version = VAIN_CUDA_MODULE_VERSION, .count = count_devices, .open = open_device};

enum vain_status __real_vain_device_module(const char *path, const struct vain_cuda_module **out);
enum vain_status __wrap_vain_device_module(const char *path, const struct vain_cuda_module **out);

enum vain_status __wrap_vain_device_module(const char *path, const struct vain_cuda_module **out)
{
    if (!atomic_load(&in_use))
        return __real_vain_device_module(path, out);
    *out = &module;
    return VAIN_OK;
}
