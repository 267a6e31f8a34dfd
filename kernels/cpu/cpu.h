/* What the CPU's op files share: cutting work by shape, scratch, and the tables that cpu.c puts
 * together. */
#pragma once

#include "kernels/cpu/vector.h"
#include "kernels/ops.h"

enum {
    VAIN_BLOCK = 16384, /* elements of a pointwise task: 64 KiB of floats */
    VAIN_SQUARES_BLOCK =
        65536 /* elements of a partial sum of squares: part of the op's definition */
};

static inline int64_t vain_smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t vain_larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t vain_parts_of(int64_t count, int64_t part)
{
    return (count + part - 1) / part;
}

/* The scratch of a worker, aligned to 64 bytes. */
static inline void *vain_scratch_of(const struct vain_device *device, int worker)
{
    return device->scratch + (size_t)worker * VAIN_SCRATCH_BYTES;
}

/* Rows of C elements that make about a block; at least 1. */
static inline int64_t vain_rows_of_block(int64_t C)
{
    return vain_larger(1, VAIN_BLOCK / vain_larger(1, C));
}

/* Call task(context, i, worker) for the parts of [0, count). */
static inline void vain_cpu_run(const struct vain_device *device, int64_t count,
                                vain_pool_task task, void *context)
{
    vain_pool_run(device->pool, count, task, context);
}

/* Add the masks to words (count) in the cache, which are elements first, first + 1, ... of a
 * vector. For tasks; the caller calls vain_cpu_forget_masks after the last one. */
void vain_cpu_mask_block(const struct vain_device *device, int worker,
                         const struct vain_masks *masks, uint64_t first, int64_t count,
                         uint32_t *words);
/* Wipe seeds and streams of all workers; no task may run. */
void vain_cpu_forget_masks(const struct vain_device *device);

/* The table (cpu.c) and the functions in it, under the names of their files: contracts in
 * kernels/ops.h and the headers of its groups. */
extern const struct vain_ops vain_cpu_ops;

/* cpu_device.c */
void vain_cpu_close(struct vain_device *device);
enum vain_status vain_cpu_wait(struct vain_queue *queue);
enum vain_status vain_cpu_can_mask(const struct vain_device *device);
const char *vain_cpu_platform(const struct vain_device *device);

/* linear.c */
void vain_cpu_linear(struct vain_queue *queue, const struct vain_linear *linear);
void vain_cpu_linear_gradient(struct vain_queue *queue,
                              const struct vain_linear_gradient *gradient);

/* attention.c */
void vain_cpu_attention(struct vain_queue *queue, const struct vain_attention *attention);
void vain_cpu_attention_gradient(struct vain_queue *queue,
                                 const struct vain_attention_gradient *gradient);
void vain_cpu_attention_both_ways(struct vain_queue *queue, const struct vain_attention *attention);
void vain_cpu_attention_both_ways_gradient(struct vain_queue *queue,
                                           const struct vain_attention_gradient *gradient);

/* pointwise.c */
void vain_cpu_embed(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                    const int32_t *tokens, const float *token_table, const float *position_table,
                    const struct vain_dropout *dropout, float *output);
void vain_cpu_embed_gradient(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                             const int32_t *tokens, const float *d_output,
                             const struct vain_dropout *dropout, float *d_token_table,
                             float *d_position_table);
void vain_cpu_layer_norm(struct vain_queue *queue, int64_t M, int64_t C, const float *input,
                         const float *gain, const float *shift, float *output, float *mean,
                         float *reciprocal_deviation);
void vain_cpu_layer_norm_gradient(struct vain_queue *queue, int64_t M, int64_t C,
                                  const float *input, const float *gain, const float *mean,
                                  const float *reciprocal_deviation, const float *d_output,
                                  const float *residual_gradient, float *d_input, float *d_gain,
                                  float *d_shift);
void vain_cpu_cross_entropy(struct vain_queue *queue, int64_t M, int64_t V, float *logits,
                            const int32_t *targets, float scale, double *loss_sum);
void vain_cpu_count_correct(struct vain_queue *queue, int64_t M, int64_t V, const float *logits,
                            const int32_t *targets, int64_t *correct);
void vain_cpu_dropout_gradient(struct vain_queue *queue, int64_t N,
                               const struct vain_dropout *dropout, float *d_output);

/* optimiser.c */
void vain_cpu_adamw(struct vain_queue *queue, const struct vain_adamw *adamw,
                    const float *gradients, float *parameters, float *moment1, float *moment2);
void vain_cpu_sgd(struct vain_queue *queue, int64_t N, const struct vain_sgd *sgd,
                  const float *gradients, float *parameters, float *velocity);
void vain_cpu_sum_squares(struct vain_queue *queue, int64_t N, const float *x, double *out);
void vain_cpu_first_not_finite(struct vain_queue *queue, int64_t N, const float *x, int64_t *out);
void vain_cpu_add(struct vain_queue *queue, int64_t N, const float *source, float *target);
void vain_cpu_scale(struct vain_queue *queue, int64_t N, float factor, float *target);
void vain_cpu_move(struct vain_queue *queue, int64_t N, float rate, const float *source,
                   float *target);
void vain_cpu_outer_step(struct vain_queue *queue, int64_t N, float rate, float mu, bool nesterov,
                         const float *delta, float *momentum, float *parameters);

/* codec.c */
void vain_cpu_delta(struct vain_queue *queue, int64_t N, const float *common, const float *now,
                    const float *residual, float *delta);
void vain_cpu_encode(struct vain_queue *queue, int64_t N, const struct vain_encoding *encoding,
                     const float *delta, uint32_t *words, float *residual,
                     struct vain_encoded *out);
void vain_cpu_decode_mean(struct vain_queue *queue, int64_t N, const struct vain_fixed *fixed,
                          int members, const uint32_t *words, float *mean);
void vain_cpu_sum_squares_words(struct vain_queue *queue, int64_t N, const struct vain_fixed *fixed,
                                int members, const uint32_t *words, uint64_t out[2]);
/* words.c */
void vain_cpu_check_word(struct vain_queue *queue, int64_t words_count, const uint32_t *words,
                         struct vain_random random, uint32_t round, uint32_t attempt,
                         uint32_t *out);
void vain_cpu_add_words(struct vain_queue *queue, int64_t words_count, const uint32_t *source,
                        uint32_t *target);
void vain_cpu_add_masks(struct vain_queue *queue, const struct vain_masks *masks, uint64_t first,
                        int64_t words_count, uint32_t *words);
void vain_cpu_tag_words(struct vain_queue *queue, int64_t words_count, const uint32_t *words,
                        uint64_t key, uint64_t *out);

/* sequence.c */
void vain_cpu_mean_pool(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                        const int32_t *lengths, const float *input, float *output);
void vain_cpu_mean_pool_gradient(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                                 const int32_t *lengths, const float *d_output, float *d_input);

/* loss.c */
void vain_cpu_contrastive(struct vain_queue *queue, int64_t M, const int32_t *labels,
                          float temperature, float scale, float *products, double *mean_loss);
void vain_cpu_soft_cross_entropy(struct vain_queue *queue, int64_t M, int64_t V,
                                 const float *targets, float temperature, float scale,
                                 float *logits, double *loss_sum);
void vain_cpu_distillation(struct vain_queue *queue, int64_t M, int64_t V, const float *teacher,
                           float temperature, float scale, float *logits, double *loss_sum);
void vain_cpu_balance(struct vain_queue *queue, int64_t M, int64_t V, const float *scores,
                      float temperature, int iterations, float *targets);
/* convolution.c */
void vain_cpu_convolution(struct vain_queue *queue, const struct vain_convolution *convolution);
void vain_cpu_convolution_gradient(struct vain_queue *queue,
                                   const struct vain_convolution_gradient *gradient);
/* image.c */
void vain_cpu_batch_norm(struct vain_queue *queue, const struct vain_batch_norm *norm);
void vain_cpu_batch_norm_gradient(struct vain_queue *queue,
                                  const struct vain_batch_norm_gradient *gradient);
void vain_cpu_relu(struct vain_queue *queue, int64_t N, float *x);
void vain_cpu_relu_gradient(struct vain_queue *queue, int64_t N, const float *output,
                            float *d_output);
void vain_cpu_pool(struct vain_queue *queue, const struct vain_pool_layer *pool);
void vain_cpu_pool_gradient(struct vain_queue *queue,
                            const struct vain_pool_layer_gradient *gradient);

/* pairs.c */
void vain_cpu_normalise_rows(struct vain_queue *queue, int64_t M, int64_t C, const float *input,
                             float *output, float *reciprocal_norm);
void vain_cpu_normalise_rows_gradient(struct vain_queue *queue, int64_t M, int64_t C,
                                      const float *output, const float *reciprocal_norm,
                                      const float *d_output, float *d_input);
void vain_cpu_dot_products(struct vain_queue *queue, int64_t M, int64_t C, const float *rows,
                           float *products);
void vain_cpu_dot_products_gradient(struct vain_queue *queue, int64_t M, int64_t C,
                                    const float *rows, float *d_products, float *d_rows);
