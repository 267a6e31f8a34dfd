/* The CPU's op table, and its memory: device memory is host memory. */
#include "kernels/cpu/cpu.h"

#include "base/memory.h"

#include <string.h>

static enum vain_status take(struct vain_device *device, size_t bytes, const char *what, void **out)
{
    (void)device;
    return vain_take(bytes, what, out);
}

static void release(struct vain_device *device, void *memory)
{
    (void)device;
    vain_release(memory);
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

struct move {
    unsigned char *target;
    const unsigned char *source; /* NULL: zeros */
    size_t bytes;
};

enum { MOVE_BYTES = 1 << 20 };

static void move_part(void *context, int64_t index, int worker)
{
    const struct move *move = context;
    const size_t start = (size_t)index * MOVE_BYTES;
    const size_t bytes = move->bytes - start < MOVE_BYTES ? move->bytes - start : MOVE_BYTES;
    (void)worker;
    if (move->source == NULL)
        memset(move->target + start, 0, bytes);
    else
        memcpy(move->target + start, move->source + start, bytes);
}

static void run_move(struct vain_queue *queue, void *target, const void *source, size_t bytes)
{
    struct move move = {target, source, bytes};
    vain_cpu_run(queue->device, vain_parts_of((int64_t)bytes, MOVE_BYTES), move_part, &move);
}

static void zero(struct vain_queue *queue, void *target, size_t bytes)
{
    run_move(queue, target, NULL, bytes);
}

static void copy(struct vain_queue *queue, void *target, const void *source, size_t bytes)
{
    if (source != NULL)
        run_move(queue, target, source, bytes);
}

static void copy_in(struct vain_queue *queue, void *device_target, const void *host_source,
                    size_t bytes)
{
    copy(queue, device_target, host_source, bytes);
}

static void copy_out(struct vain_queue *queue, void *host_target, const void *device_source,
                     size_t bytes)
{
    copy(queue, host_target, device_source, bytes);
}

const struct vain_ops vain_cpu_ops = {
    .name = "cpu",
    .device =
        {
            .close = vain_cpu_close,
            .wait = vain_cpu_wait,
            .can_mask = vain_cpu_can_mask,
            .platform = vain_cpu_platform,
        },
    .memory =
        {
            .take = take,
            .release = release,
            .pin = pin,
            .unpin = unpin,
            .copy_in = copy_in,
            .copy_out = copy_out,
            .copy = copy,
            .zero = zero,
        },
    .matmul = {.linear = vain_cpu_linear, .linear_gradient = vain_cpu_linear_gradient},
    .attention =
        {
            .causal = vain_cpu_attention,
            .causal_gradient = vain_cpu_attention_gradient,
            .bidirectional = vain_cpu_attention_both_ways,
            .bidirectional_gradient = vain_cpu_attention_both_ways_gradient,
        },
    .pointwise =
        {
            .embed = vain_cpu_embed,
            .embed_gradient = vain_cpu_embed_gradient,
            .layer_norm = vain_cpu_layer_norm,
            .layer_norm_gradient = vain_cpu_layer_norm_gradient,
            .cross_entropy = vain_cpu_cross_entropy,
            .count_correct = vain_cpu_count_correct,
            .dropout_gradient = vain_cpu_dropout_gradient,
        },
    .optimiser =
        {
            .adamw = vain_cpu_adamw,
            .sgd = vain_cpu_sgd,
            .sum_squares = vain_cpu_sum_squares,
            .first_not_finite = vain_cpu_first_not_finite,
            .add = vain_cpu_add,
            .scale = vain_cpu_scale,
            .move = vain_cpu_move,
            .outer_step = vain_cpu_outer_step,
        },
    .codec =
        {
            .delta = vain_cpu_delta,
            .encode = vain_cpu_encode,
            .decode_mean = vain_cpu_decode_mean,
            .sum_squares_words = vain_cpu_sum_squares_words,
            .check_word = vain_cpu_check_word,
            .add_words = vain_cpu_add_words,
            .add_masks = vain_cpu_add_masks,
            .tag_words = vain_cpu_tag_words,
        },
    .sequence =
        {
            .mean_pool = vain_cpu_mean_pool,
            .mean_pool_gradient = vain_cpu_mean_pool_gradient,
        },
    .loss =
        {
            .contrastive = vain_cpu_contrastive,
            .soft_cross_entropy = vain_cpu_soft_cross_entropy,
            .distillation = vain_cpu_distillation,
            .balance = vain_cpu_balance,
        },
    .image =
        {
            .convolution = vain_cpu_convolution,
            .convolution_gradient = vain_cpu_convolution_gradient,
            .batch_norm = vain_cpu_batch_norm,
            .batch_norm_gradient = vain_cpu_batch_norm_gradient,
            .relu = vain_cpu_relu,
            .relu_gradient = vain_cpu_relu_gradient,
            .pool = vain_cpu_pool,
            .pool_gradient = vain_cpu_pool_gradient,
        },
    .pair =
        {
            .normalise_rows = vain_cpu_normalise_rows,
            .normalise_rows_gradient = vain_cpu_normalise_rows_gradient,
            .dot_products = vain_cpu_dot_products,
            .dot_products_gradient = vain_cpu_dot_products_gradient,
        },
};
