/* Causal attention: a task is one head of one sequence; it goes through blocks of rows of the score matrix and
 * computes what lies left of the diagonal only.
 *
 * Rows of a block and the keys they see make a (rows, keys) matrix in the worker's scratch; nothing larger is kept. The
 * backward pass computes the probabilities again from log_sum (Dao et al., FlashAttention, 2022). It takes the blocks
 * from last to first, so that the first one it meets sees all keys and *writes* d_key and d_value, and the others add.
 *
 * Letters: T tokens, C channels, H heads, D = C / H channels of a head. */
#include "kernels/cpu/blas.h"
#include "kernels/cpu/cpu.h"

#include <math.h>

enum { ROWS_MOST = 64 };

/* Rows of a block such that `matrices` (rows, T) matrices fit the scratch, beside three numbers a row. */
static int64_t block_rows(int64_t T, int64_t matrices)
{
    const int64_t room = VAIN_SCRATCH_BYTES / (int64_t)sizeof(float) - 4 * ROWS_MOST;
    const int64_t fit = room / (matrices * T);
    VAIN_ASSERT(fit > 0);
    return vain_smaller(fit, ROWS_MOST);
}

/* The scores q k^T of a block, unscaled. */
static void multiply_scores(const struct vain_score_block *block, int64_t D, int64_t stride, const float *query,
                            const float *key, float *scores)
{
    vain_blas_nt(&(struct vain_product){
        .M = block->rows,
        .N = block->keys,
        .K = D,
        .alpha = 1,
        .A = query + block->first * stride,
        .A_stride = stride,
        .B = key,
        .B_stride = stride,
        .C = scores,
        .C_stride = block->keys,
    });
}

struct forward {
    const struct vain_attention *attention;
    const struct vain_device *device;
    int64_t rows;
};

static void forward_head(void *context, int64_t index, int worker)
{
    const struct forward *forward = context;
    const struct vain_attention *a = forward->attention;
    const struct vain_row_code *code = forward->device->code->row;
    const int64_t T = a->T, C = a->C, D = C / a->H, b = index / a->H, h = index % a->H;
    const float *query = a->query_key_value + b * T * 3 * C + h * D, *key = query + C, *value = key + C;
    float *output = a->output + b * T * C + h * D, *log_sum = a->log_sum + index * T;
    float *reciprocal_sums = vain_scratch_of(forward->device, worker), *scores = reciprocal_sums + 4 * ROWS_MOST;
    for (int64_t first = 0; first < T; first += forward->rows) {
        const int64_t rows = vain_smaller(forward->rows, T - first);
        const struct vain_score_block block = {rows, first + rows, first, 1.0f / sqrtf((float)D)};
        multiply_scores(&block, D, 3 * C, query, key, scores);
        code->softmax(&block, scores, reciprocal_sums, log_sum + first);
        vain_blas_nn(&(struct vain_product){
            .M = rows,
            .N = D,
            .K = block.keys,
            .alpha = 1,
            .A = scores,
            .A_stride = block.keys,
            .B = value,
            .B_stride = 3 * C,
            .C = output + first * C,
            .C_stride = C,
        });
        code->scale_rows((struct vain_tile){rows, D, C}, reciprocal_sums, output + first * C);
    }
}

void vain_cpu_attention(struct vain_queue *queue, const struct vain_attention *attention)
{
    VAIN_ASSERT(attention->C % attention->H == 0);
    if (attention->T == 0)
        return;
    struct forward forward = {attention, queue->device, block_rows(attention->T, 1)};
    vain_run(queue->device, attention->B * attention->H, forward_head, &forward);
}

/* ---- Backwards ---- */

struct backward {
    const struct vain_attention_gradient *gradient;
    const struct vain_device *device;
    int64_t rows;
};

/* The parts of one head. */
struct head {
    const float *query, *key, *value; /* rows 3 C apart */
    const float *output, *d_output;   /* rows C apart */
    const float *log_sum;
    float *d_query, *d_key, *d_value; /* rows 3 C apart */
};

static struct head head_of(const struct vain_attention_gradient *g, int64_t index)
{
    const int64_t T = g->T, C = g->C, D = C / g->H, b = index / g->H, h = index % g->H;
    const int64_t wide = b * T * 3 * C + h * D, narrow = b * T * C + h * D;
    return (struct head){
        .query = g->query_key_value + wide,
        .key = g->query_key_value + wide + C,
        .value = g->query_key_value + wide + 2 * C,
        .output = g->output + narrow,
        .d_output = g->d_output + narrow,
        .log_sum = g->log_sum + index * T,
        .d_query = g->d_query_key_value + wide,
        .d_key = g->d_query_key_value + wide + C,
        .d_value = g->d_query_key_value + wide + 2 * C,
    };
}

/* target (keys, D) = or += matrix^T (keys, rows) source (rows, D). */
static void add_transposed(const struct vain_score_block *block, int64_t D, const float *matrix, const float *source,
                           int64_t source_stride, bool adds, float *target, int64_t target_stride)
{
    vain_blas_tn(&(struct vain_product){
        .M = block->keys,
        .N = D,
        .K = block->rows,
        .alpha = 1,
        .A = matrix,
        .A_stride = block->keys,
        .B = source,
        .B_stride = source_stride,
        .beta = adds ? 1.0f : 0.0f,
        .C = target,
        .C_stride = target_stride,
    });
}

static void backward_block(const struct backward *backward, const struct head *head,
                           const struct vain_score_block *block, int worker)
{
    const struct vain_row_code *code = backward->device->code->row;
    const int64_t T = backward->gradient->T, C = backward->gradient->C, D = C / backward->gradient->H;
    const int64_t first = block->first;
    const bool adds = block->keys < T;
    float *dots = vain_scratch_of(backward->device, worker), *scores = dots + 4 * ROWS_MOST;
    float *d_scores = scores + backward->rows * T;
    const float *d_output = head->d_output + first * C;

    multiply_scores(block, D, 3 * C, head->query, head->key, scores);
    vain_blas_nt(&(struct vain_product){
        .M = block->rows,
        .N = block->keys,
        .K = D,
        .alpha = 1,
        .A = d_output,
        .A_stride = C,
        .B = head->value,
        .B_stride = 3 * C,
        .C = d_scores,
        .C_stride = block->keys,
    });
    code->dot_rows((struct vain_tile){block->rows, D, C}, d_output, head->output + first * C, dots);
    code->softmax_gradient(block, head->log_sum + first, dots, scores, d_scores);
    add_transposed(block, D, scores, d_output, C, adds, head->d_value, 3 * C);
    add_transposed(block, D, d_scores, head->query + first * 3 * C, 3 * C, adds, head->d_key, 3 * C);
    vain_blas_nn(&(struct vain_product){
        .M = block->rows,
        .N = D,
        .K = block->keys,
        .alpha = 1,
        .A = d_scores,
        .A_stride = block->keys,
        .B = head->key,
        .B_stride = 3 * C,
        .C = head->d_query + first * 3 * C,
        .C_stride = 3 * C,
    });
}

static void backward_head(void *context, int64_t index, int worker)
{
    const struct backward *backward = context;
    const struct vain_attention_gradient *g = backward->gradient;
    const struct head head = head_of(g, index);
    const float scale = 1.0f / sqrtf((float)(g->C / g->H));
    for (int64_t block = vain_parts_of(g->T, backward->rows) - 1; block >= 0; block--) {
        const int64_t first = block * backward->rows, rows = vain_smaller(backward->rows, g->T - first);
        backward_block(backward, &head, &(struct vain_score_block){rows, first + rows, first, scale}, worker);
    }
}

void vain_cpu_attention_gradient(struct vain_queue *queue, const struct vain_attention_gradient *gradient)
{
    VAIN_ASSERT(gradient->C % gradient->H == 0);
    if (gradient->T == 0)
        return;
    struct backward backward = {gradient, queue->device, block_rows(gradient->T, 2)};
    vain_run(queue->device, gradient->B * gradient->H, backward_head, &backward);
}
