/* The arithmetic: one table of operations, one twin a device.
 *
 * The CPU twin is the truth. Every op takes a queue, works on device memory, allocates nothing, and
 * gives the same bits for any number of threads: work is cut by shape, reductions have a fixed
 * order. Integer ops agree between twins bit for bit; floating ones within the tolerance written
 * beside each.
 *
 * Letters: B sequences, T tokens of a sequence, C channels, H heads, V symbols, N elements; M, N, K
 * of a matmul. All matrices are row-major and dense. Outputs never overlap inputs unless said.
 * Gradient ops *add* to weight gradients (so that accumulation over micro-batches is free) and
 * *write* activation gradients. */
#pragma once

#include "base/mask_stream.h"
#include "base/philox.h"
#include "base/status.h"
#include "kernels/device.h"
#include "kernels/image.h"
#include "kernels/loss.h"
#include "kernels/mix.h"
#include "kernels/sequence.h"

/* What a linear layer does to its result while it is hot. */
enum vain_epilogue {
    VAIN_EPILOGUE_NONE,
    VAIN_EPILOGUE_GELU,    /* pre_activation = x W^T + bias is kept, output = gelu(pre_activation)
                              (tanh form) */
    VAIN_EPILOGUE_RESIDUAL /* output = residual + dropout(x W^T + bias) */
};

/* Which activations a dropout keeps: element e of the output is kept if word w = index_base + e of
 * the stream at (round, step) is at least probability * 2^32, and then scaled by 1 / (1 -
 * probability). Word w is word w mod 4 of block w div 4. 0 <= probability < 1. */
struct vain_dropout {
    float probability; /* 0: none */
    struct vain_random random;
    uint32_t round, step;
    uint64_t index_base; /* parts streams of layers and micro-batches */
};

struct vain_linear {
    int64_t M, N, K;     /* rows, output channels, input channels */
    const float *input;  /* (M, K) */
    const float *weight; /* (N, K) */
    const float *bias;   /* (N) or NULL */
    float *output;       /* (M, N) */
    enum vain_epilogue epilogue;
    float *pre_activation;       /* (M, N), GELU only */
    const float *residual;       /* (M, N), RESIDUAL only; may equal output */
    struct vain_dropout dropout; /* RESIDUAL only */
};

struct vain_linear_gradient {
    int64_t M, N, K;
    const float *input;    /* (M, K) */
    const float *weight;   /* (N, K) */
    const float *d_output; /* (M, N) */
    float *d_input;        /* (M, K) written, or NULL */
    float *d_weight;       /* (N, K) added to */
    float *d_bias;         /* (N) added to, or NULL */
    const float
        *pre_activation; /* (M, K) or NULL: the GELU that made `input`; then d_input is multiplied
                            by its derivative, so that d_input is the gradient of pre_activation */
};

struct vain_attention {
    int64_t B, T, C, H;
    const float *query_key_value; /* (B, T, 3 C): q, k, v of all heads side by side */
    float *output;                /* (B, T, C) */
    float *log_sum; /* (B, H, T): logarithm of the softmax denominators, for the backward pass */
    const int32_t *lengths; /* (B) tokens of each sequence, 1 to T, bidirectional only */
};
struct vain_attention_gradient {
    int64_t B, T, C, H;
    const float *query_key_value; /* (B, T, 3 C) */
    const float *output;          /* (B, T, C) */
    const float *log_sum;         /* (B, H, T) */
    const float *d_output;        /* (B, T, C) */
    float *d_query_key_value;     /* (B, T, 3 C) written */
    const int32_t *lengths;       /* (B) bidirectional only */
};

/* A run of parameters that share a weight decay. Segments are in order of offset and do not
 * overlap. */
struct vain_segment {
    int64_t offset, count;
    float weight_decay;
};
struct vain_adamw {
    float learning_rate, beta1, beta2, epsilon;
    float gradient_scale; /* multiplies every gradient: clipping and averaging in the same pass */
    float correction1, correction2; /* 1 - beta^step, computed by the caller */
    const struct vain_segment *segments;
    int segment_count;
};
/* Sutskever et al. 2013, as PyTorch writes it: velocity = momentum * velocity + gradient;
 * parameters -= rate * (nesterov ? gradient + momentum * velocity : velocity). */
struct vain_sgd {
    float learning_rate, momentum;
    float gradient_scale; /* multiplies every gradient */
    bool nesterov;
};

/* What vain_device_close, vain_queue_wait and their like in kernels/device.h do. */
struct vain_device_ops {
    void (*close)(struct vain_device *device);
    enum vain_status (*wait)(struct vain_queue *queue);
    enum vain_status (*can_mask)(const struct vain_device *device);
    const char *(*platform)(const struct vain_device *device);
};

struct vain_memory_ops {
    enum vain_status (*take)(struct vain_device *device, size_t bytes, const char *what,
                             void **out); /* zeroed */
    void (*release)(struct vain_device *device, void *memory);
    /* Host memory that copies go to and come from often: a GPU reaches it itself then, several
     * times as fast. A wish: what cannot be pinned works too. Unpin before it is released. */
    void (*pin)(struct vain_device *device, void *host_memory, size_t bytes);
    void (*unpin)(struct vain_device *device, void *host_memory);
    void (*copy_in)(struct vain_queue *queue, void *device_target, const void *host_source,
                    size_t bytes);
    void (*copy_out)(struct vain_queue *queue, void *host_target, const void *device_source,
                     size_t bytes);
    void (*copy)(struct vain_queue *queue, void *target, const void *source, size_t bytes);
    void (*zero)(struct vain_queue *queue, void *target, size_t bytes);
};

struct vain_matmul_ops {
    /* output = epilogue(input W^T + bias). Tolerance between twins: 1e-5 of the row's norm times
     * sqrt(K). Where a GPU rounds the factors (enum vain_precision), results as a whole are off by
     * 1.5e-3 (tf32) or 6e-3 (bf16) of their norm at most; so are gradients. */
    void (*linear)(struct vain_queue *queue, const struct vain_linear *linear);
    void (*linear_gradient)(struct vain_queue *queue, const struct vain_linear_gradient *gradient);
};

struct vain_attention_ops {
    /* Causal softmax attention; keeps at most a block of rows of one head's T x T matrix a worker
     * (Dao et al., FlashAttention, 2022: recompute from log_sum in the backward pass). Tolerance
     * between twins: 5e-6 of the result's norm, 1e-5 backwards; 6e-3 and 1e-2 in bf16. */
    void (*causal)(struct vain_queue *queue, const struct vain_attention *attention);
    void (*causal_gradient)(struct vain_queue *queue,
                            const struct vain_attention_gradient *gradient);
    /* Every token of a sequence sees all of its `lengths[b]` first tokens. What lies behind them is
     * padding: nothing of it is read, and its output, log_sum and gradients are 0. */
    void (*bidirectional)(struct vain_queue *queue, const struct vain_attention *attention);
    void (*bidirectional_gradient)(struct vain_queue *queue,
                                   const struct vain_attention_gradient *gradient);
};

struct vain_pointwise_ops {
    /* output (B*T, C) = dropout(token_table (V, C)[tokens] + position_table (T, C)); position_table
     * may be NULL. */
    void (*embed)(struct vain_queue *queue, int64_t B, int64_t T, int64_t C, const int32_t *tokens,
                  const float *token_table, const float *position_table,
                  const struct vain_dropout *dropout, float *output);
    /* Adds to both tables, in token order for each row: the same bits for any thread count. */
    void (*embed_gradient)(struct vain_queue *queue, int64_t B, int64_t T, int64_t C,
                           const int32_t *tokens, const float *d_output,
                           const struct vain_dropout *dropout, float *d_token_table,
                           float *d_position_table);
    /* Layer norm over C (epsilon 1e-5) of rows (M, C); keeps mean and reciprocal deviation (M)
     * each. Tolerance between twins, backwards too: 1e-4 of the result's root mean square. */
    void (*layer_norm)(struct vain_queue *queue, int64_t M, int64_t C, const float *input,
                       const float *gain, const float *shift, float *output, float *mean,
                       float *reciprocal_deviation);
    /* d_input (M, C) written as residual_gradient + norm's gradient (residual_gradient may be NULL,
     * and may equal d_input); gain and shift gradients added to. */
    void (*layer_norm_gradient)(struct vain_queue *queue, int64_t M, int64_t C, const float *input,
                                const float *gain, const float *mean,
                                const float *reciprocal_deviation, const float *d_output,
                                const float *residual_gradient, float *d_input, float *d_gain,
                                float *d_shift);
    /* Sum over rows of the cross entropy of logits (M, V) against targets (M), in nats, added in
     * row order in double; callers divide by M. Logits are overwritten by their gradient times
     * `scale` (scale = 0: left as they are, for evaluation). Tolerance between twins: 5e-5 of
     * `scale`; a GPU adds rows in 1024 lanes, and those in pairs. */
    void (*cross_entropy)(struct vain_queue *queue, int64_t M, int64_t V, float *logits,
                          const int32_t *targets, float scale, double *loss_sum);
    /* How many rows of logits (M, V) have their first largest at the target (M); none where one is
     * NaN. */
    void (*count_correct)(struct vain_queue *queue, int64_t M, int64_t V, const float *logits,
                          const int32_t *targets, int64_t *correct);
    /* d_output = dropout's gradient of d_output (N), in place: the same elements kept, the same
     * scale. */
    void (*dropout_gradient)(struct vain_queue *queue, int64_t N,
                             const struct vain_dropout *dropout, float *d_output);
};

struct vain_optimiser_ops {
    /* One pass of AdamW (Loshchilov & Hutter 2019) over the segments: parameters, both moments.
     * Adam (Kingma & Ba 2015) where nothing decays; moment1 may be NULL where beta1 is 0. */
    void (*adamw)(struct vain_queue *queue, const struct vain_adamw *adamw, const float *gradients,
                  float *parameters, float *moment1, float *moment2);
    /* velocity (N) may be NULL where momentum is 0. */
    void (*sgd)(struct vain_queue *queue, int64_t N, const struct vain_sgd *sgd,
                const float *gradients, float *parameters, float *velocity);
    /* Sum of squares in double over fixed blocks of 65536 elements, blocks added in order. Not
     * finite if any element is. */
    void (*sum_squares)(struct vain_queue *queue, int64_t N, const float *x, double *out);
    /* Index of the first element that is NaN or infinite, N if none. */
    void (*first_not_finite)(struct vain_queue *queue, int64_t N, const float *x, int64_t *out);
    /* target (N) += source (N), elementwise: gradient averaging inside a site. */
    void (*add)(struct vain_queue *queue, int64_t N, const float *source, float *target);
    /* target *= factor. */
    void (*scale)(struct vain_queue *queue, int64_t N, float factor, float *target);
    /* target += rate * (source - target): the outer move of Reptile (Nichol et al. 2018). */
    void (*move)(struct vain_queue *queue, int64_t N, float rate, const float *source,
                 float *target);
    /* Outer step (docs/architecture.md, promise 2: only correctly rounded operations, in this
     * order):
     *
     *   momentum   = mu * momentum + delta
     *   parameters = parameters - rate * (nesterov ? delta + mu * momentum : momentum)
     *
     * momentum may be NULL where mu is 0: parameters = parameters - rate * delta. */
    void (*outer_step)(struct vain_queue *queue, int64_t N, float rate, float mu, bool nesterov,
                       const float *delta, float *momentum, float *parameters);
};

/* Fixed-point form of a delta: value = integer / 2^scale_exponent. With fields = 1 a word holds one
 * integer in two's complement; with fields = 2 two integers of 16 bits, offset by 2^(bits-1) each,
 * so that carries never cross (docs/protocol.md, "Words"). */
struct vain_fixed {
    int scale_exponent; /* -100 .. 100 */
    int bits;   /* signed bits of one member's value; its integers lie in [-(2^(bits-1) - 1),
                   2^(bits-1) - 1] */
    int fields; /* values in a word: 1 or 2 */
};
/* How many values met the end of the range, and the worst of them, by its distance from the range.
 */
struct vain_saturation {
    int64_t count, worst_index;
    float worst_value;
};

/* The streams that hide a vector of words (base/mask_stream.h). */
struct vain_mask {
    uint8_t seed[VAIN_MASK_SEED_BYTES]; /* wiped by the owner after use */
    enum vain_mask_domain domain;
    bool subtract; /* the other end of a pair adds */
};
struct vain_masks {
    int count;
    const struct vain_mask *masks; /* (count) borrowed, on the host */
};

/* What a delta goes through on its way into words, and what is learned on the way. */
struct vain_encoding {
    struct vain_fixed fixed;
    float shrink; /* in (0, 1] */
    struct vain_check_key check_key;
    const struct vain_masks *masks; /* borrowed, on the host; NULL: none */
};
struct vain_encoded {
    struct vain_saturation saturation;
    uint32_t check; /* check word of the words without their masks */
};

struct vain_codec_ops {
    /* delta (N) = common - now + residual. */
    void (*delta)(struct vain_queue *queue, int64_t N, const float *common, const float *now,
                  const float *residual, float *delta);
    /* words (ceil(N / fields)) = round(shrink * delta * 2^scale_exponent), nearest, saturated, plus
     * and minus the masks' streams of elements 0, 1, ...; residual = delta - what the integers say,
     * so nothing is lost; it may be delta itself. An odd last field is 0 before its mask. One pass
     * over memory: a block is rounded, checked and masked before the next one, so with masks bare
     * words never lie there as a whole. */
    void (*encode)(struct vain_queue *queue, int64_t N, const struct vain_encoding *encoding,
                   const float *delta, uint32_t *words, float *residual, struct vain_encoded *out);
    /* mean (N) = (sum of `members` members' integers) / members / 2^scale_exponent; each operation
     * correctly rounded. */
    void (*decode_mean)(struct vain_queue *queue, int64_t N, const struct vain_fixed *fixed,
                        int members, const uint32_t *words, float *mean);
    /* Exact sum of squares of the N summed integers, 128 bits (high, low): the bound of the next
     * round comes from it. */
    void (*sum_squares_words)(struct vain_queue *queue, int64_t N, const struct vain_fixed *fixed,
                              int members, const uint32_t *words, uint64_t out[2]);
    /* Check word (docs/protocol.md, "Words"): sum of r_j * words_j mod 2^32, r_j odd from (random,
     * round, attempt, j). */
    void (*check_word)(struct vain_queue *queue, int64_t words_count, const uint32_t *words,
                       struct vain_random random, uint32_t round, uint32_t attempt, uint32_t *out);
    /* target += source mod 2^32. */
    void (*add_words)(struct vain_queue *queue, int64_t words_count, const uint32_t *source,
                      uint32_t *target);
    /* words (words_count), which are elements first, first + 1, ... of a vector, plus and minus the
     * masks' streams there, mod 2^32. All streams of a block of words while it is in the cache. */
    void (*add_masks)(struct vain_queue *queue, const struct vain_masks *masks, uint64_t first,
                      int64_t words_count, uint32_t *words);
    /* Tag of a message's words (kernels/mix.h). */
    void (*tag_words)(struct vain_queue *queue, int64_t words_count, const uint32_t *words,
                      uint64_t key, uint64_t *out);
};

struct vain_ops {
    const char *name; /* "cpu", "cuda" */
    struct vain_device_ops device;
    struct vain_memory_ops memory;
    struct vain_matmul_ops matmul;
    struct vain_attention_ops attention;
    struct vain_pointwise_ops pointwise;
    struct vain_optimiser_ops optimiser;
    struct vain_codec_ops codec;
    struct vain_sequence_ops sequence;
    struct vain_loss_ops loss;
    struct vain_image_ops image;
    struct vain_pair_ops pair;
};
