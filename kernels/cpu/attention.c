/* Attention: a task is one head of one sequence; it goes through blocks of rows of the score matrix
 * and, under the causal mask, computes what lies left of the diagonal only. Without the mask every
 * row sees all keys, and a sequence is as long as it says: its padding is not looked at.
 *
 * Rows of a block and the keys they see make a (rows, keys) matrix in the worker's scratch; nothing
 * larger is kept. The backward pass computes the probabilities again from log_sum (Dao et al.,
 * FlashAttention, 2022). It takes the blocks from last to first, so that the first one it meets
 * sees all keys and *writes* d_key and d_value, and the others add.
 *
 * Products are small here, so they are taken a group of 12 rows at a time, each as long as the
 * group's last row sees; what a product reads beyond the diagonal inside a group is 0. Keys and
 * values are packed once a head, or, where a head does not fit the scratch, once a block and in
 * pieces.
 *
 * Letters: T tokens (of the sequence, where it has padding), C channels, H heads, D = C / H
 * channels of a head. */
#include "kernels/cpu/cpu.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK_ROWS = 48,     /* four groups: long enough sums for d_key and d_value */
    PIECE_COLUMNS = 256, /* of a piece of B where a head does not fit */
    PIECE_FLOATS = PIECE_COLUMNS * VAIN_INNER_MOST,
    ROOM_FLOATS = VAIN_SCRATCH_BYTES / 4,
    SCORES_FLOATS = ROOM_FLOATS / 2 /* for both matrices of a block */
};

static int64_t rounded_up(int64_t count, int64_t unit)
{
    return vain_parts_of(count, unit) * unit;
}

/* ---- Products with B from a head ---- */

/* B (K, N), or its transpose, and the same packed if it fits. */
struct operand {
    const float *source;
    int64_t stride;
    bool transposed;
    const float *packed; /* or NULL */
    int64_t depth;       /* rows of the packed one */
};

/* C (M, N) = or += A B, A (M, K) with element (i, k) at A[i * A_row + k * A_step]. */
struct small_product {
    int64_t M, N, K;
    const float *A;
    int64_t A_row, A_step;
    const struct operand *B;
    int64_t B_first; /* row of B that the product begins with */
    float *C;
    int64_t C_stride;
    bool add;
};

static void pack(const struct vain_product_code *code, const struct operand *B, int64_t k,
                 int64_t K, int64_t column, int64_t columns, float *target)
{
    if (B->transposed)
        code->pack_transposed(K, columns, B->source + column * B->stride + k, B->stride, target);
    else
        code->pack_columns(K, columns, B->source + k * B->stride + column, B->stride, target);
}

static void multiply(const struct vain_product_code *code, float *piece,
                     const struct small_product *p)
{
    struct vain_product product = {
        .M = p->M,
        .N = p->N,
        .K = p->K,
        .A = p->A,
        .A_group = VAIN_GROUP_ROWS * p->A_row,
        .A_row = p->A_row,
        .A_step = p->A_step,
        .B = p->B->packed,
        .B_depth = p->B->depth,
        .B_first = p->B_first,
        .C = p->C,
        .C_stride = p->C_stride,
        .add = p->add,
    };
    if (p->B->packed != NULL) {
        code->multiply(&product);
        return;
    }
    product.B = piece;
    product.B_first = 0;
    for (int64_t column = 0; column < p->N; column += PIECE_COLUMNS) {
        product.N = vain_smaller(PIECE_COLUMNS, p->N - column);
        product.C = p->C + column;
        for (int64_t k = 0; k < p->K; k += VAIN_INNER_MOST) {
            product.K = product.B_depth = vain_smaller(VAIN_INNER_MOST, p->K - k);
            product.A = p->A + k * p->A_step;
            product.add = p->add || k > 0;
            pack(code, p->B, p->B_first + k, product.K, column, product.N, piece);
            code->multiply(&product);
        }
    }
}

/* ---- The room of a task ---- */

/* Rows of a block, such that two score matrices fit; by T alone. */
static int64_t block_rows(int64_t T)
{
    const int64_t fit = SCORES_FLOATS / (2 * rounded_up(T, VAIN_PANEL_MOST));
    VAIN_ASSERT(fit > 0);
    return vain_smaller(fit, BLOCK_ROWS);
}

struct room {
    float *rows;              /* (BLOCK_ROWS): a number a row */
    float *scores, *d_scores; /* (rows of a block, stride) */
    int64_t stride;           /* T rounded up, so that whole vectors may be used */
    float *piece;             /* PIECE_FLOATS, for what is not packed once a head */
    float *rest;              /* to `end`: operands packed once a head */
    const float *end;
};

static struct room room_of(const struct vain_device *device, int worker, int64_t T)
{
    struct room room = {.rows = vain_scratch_of(device, worker),
                        .stride = rounded_up(T, VAIN_PANEL_MOST)};
    room.scores = room.rows + 64;
    room.d_scores = room.scores + block_rows(T) * room.stride;
    room.piece = room.d_scores + block_rows(T) * room.stride;
    room.rest = room.piece + PIECE_FLOATS;
    room.end = room.rows + ROOM_FLOATS;
    return room;
}

/* Pack B (K, N) into what is left of the room, if it fits there. */
static struct operand operand_of(const struct vain_product_code *code, struct room *room, int64_t K,
                                 int64_t N, const float *source, int64_t stride, bool transposed)
{
    struct operand B = {.source = source, .stride = stride, .transposed = transposed, .depth = K};
    const int64_t needed = K * rounded_up(N, VAIN_PANEL_MOST);
    if (needed <= room->end - room->rest) {
        pack(code, &B, 0, K, 0, N, room->rest);
        B.packed = room->rest;
        room->rest += needed;
    }
    return B;
}

/* Columns of scores to compute for `keys` keys: whole vectors where the packed keys go on, or are
 * filled up. */
static int64_t score_columns(const struct operand *B, int64_t keys, int64_t T)
{
    return B->packed != NULL ? rounded_up(keys, 16) : vain_smaller(rounded_up(keys, 16), T);
}

/* Rows `first` to `first + rows` of the scores of T tokens, and what they see. */
static struct vain_score_block score_block(bool causal, int64_t T, int64_t D, int64_t first,
                                           int64_t rows, int64_t stride)
{
    return (struct vain_score_block){
        .rows = rows,
        .keys = causal ? first + rows : T,
        .first = causal ? first : T - 1,
        .step = causal ? 1 : 0,
        .stride = stride,
        .scale = 1.0f / sqrtf((float)D),
    };
}

/* ---- Forwards ---- */

struct forward {
    const struct vain_attention *attention;
    const struct vain_device *device;
    bool causal;
};

/* Tokens of sequence b. */
static int64_t length_of(bool causal, int64_t T, const int32_t *lengths, int64_t b)
{
    if (causal)
        return T;
    VAIN_ASSERT(lengths[b] >= 1 && lengths[b] <= T);
    return lengths[b];
}

/* Rows `first` to T of a matrix with D columns become 0. */
static void zero_rows(int64_t first, int64_t T, int64_t D, int64_t stride, float *matrix)
{
    for (int64_t t = first; t < T; t++)
        memset(matrix + t * stride, 0, (size_t)D * sizeof(float));
}

static void forward_head(void *context, int64_t index, int worker)
{
    const struct forward *forward = context;
    const struct vain_attention *a = forward->attention;
    const struct vain_vector_code *code = forward->device->code;
    const int64_t C = a->C, D = C / a->H, wide = 3 * C, b = index / a->H, h = index % a->H;
    const int64_t T = length_of(forward->causal, a->T, a->lengths, b);
    const float *query = a->query_key_value + b * a->T * wide + h * D;
    float *output = a->output + b * a->T * C + h * D, *log_sum = a->log_sum + index * a->T;
    struct room room = room_of(forward->device, worker, T);
    const struct operand key = operand_of(code->product, &room, D, T, query + C, wide, true);
    const struct operand value = operand_of(code->product, &room, T, D, query + 2 * C, wide, false);
    const int64_t group = vain_smaller(VAIN_GROUP_ROWS, block_rows(T));
    for (int64_t first = 0; first < T; first += group) {
        const int64_t rows = vain_smaller(group, T - first);
        const struct vain_score_block block =
            score_block(forward->causal, T, D, first, rows, room.stride);
        const int64_t keys = block.keys;
        multiply(code->product, room.piece,
                 &(struct small_product){rows, score_columns(&key, keys, T), D,
                                         query + first * wide, wide, 1, &key, 0, room.scores,
                                         room.stride, false});
        code->row->softmax(&block, room.scores, room.rows, log_sum + first);
        multiply(code->product, room.piece,
                 &(struct small_product){rows, D, keys, room.scores, room.stride, 1, &value, 0,
                                         output + first * C, C, false});
        code->row->scale_rows((struct vain_tile){rows, D, C}, room.rows, output + first * C);
    }
    zero_rows(T, a->T, D, C, output);
    zero_rows(T, a->T, 1, 1, log_sum);
}

static void run_forward(struct vain_queue *queue, const struct vain_attention *attention,
                        bool causal)
{
    VAIN_ASSERT(attention->C % attention->H == 0);
    if (attention->T == 0)
        return;
    struct forward forward = {attention, queue->device, causal};
    vain_cpu_run(queue->device, attention->B * attention->H, forward_head, &forward);
}

void vain_cpu_attention(struct vain_queue *queue, const struct vain_attention *attention)
{
    run_forward(queue, attention, true);
}

void vain_cpu_attention_both_ways(struct vain_queue *queue, const struct vain_attention *attention)
{
    run_forward(queue, attention, false);
}

/* ---- Backwards ---- */

/* One head on its way back. */
struct backward_head {
    const struct vain_vector_code *code;
    struct room room;
    bool causal;
    int64_t T, C, D;
    const float *query;               /* rows 3 C apart */
    const float *output, *d_output;   /* rows C apart */
    const float *log_sum;             /* (T) */
    float *d_query, *d_key, *d_value; /* rows 3 C apart */
    struct operand key_transposed, value_transposed, key;
};

/* Probabilities and gradients of the scores of a block, then d_query: group by group of rows. */
static void backward_scores(const struct backward_head *head, int64_t first, int64_t rows)
{
    const struct vain_product_code *product = head->code->product;
    const int64_t C = head->C, wide = 3 * C, D = head->D, stride = head->room.stride;
    for (int64_t done = 0; done < rows; done += VAIN_GROUP_ROWS) {
        const int64_t row = first + done, count = vain_smaller(VAIN_GROUP_ROWS, rows - done);
        struct vain_score_block block = score_block(head->causal, head->T, D, row, count, stride);
        const int64_t keys = block.keys;
        /* Zeros up to what the whole block sees, for the sums over all its rows that follow. */
        block.keys = head->causal ? first + rows : head->T;
        float *scores = head->room.scores + done * stride,
              *d_scores = head->room.d_scores + done * stride;
        const float *d_output = head->d_output + row * C;
        multiply(product, head->room.piece,
                 &(struct small_product){count, score_columns(&head->key_transposed, keys, head->T),
                                         D, head->query + row * wide, wide, 1,
                                         &head->key_transposed, 0, scores, stride, false});
        multiply(product, head->room.piece,
                 &(struct small_product){
                     count, score_columns(&head->value_transposed, keys, head->T), D, d_output, C,
                     1, &head->value_transposed, 0, d_scores, stride, false});
        head->code->row->dot_rows((struct vain_tile){count, D, C}, d_output, head->output + row * C,
                                  head->room.rows);
        head->code->row->softmax_gradient(&block, head->log_sum + row, head->room.rows, scores,
                                          d_scores);
        multiply(product, head->room.piece,
                 &(struct small_product){count, D, keys, d_scores, stride, 1, &head->key, 0,
                                         head->d_query + row * wide, wide, false});
    }
}

/* target (keys, D) = or += matrix^T source, where row i of the block, from `first` on, sees keys 0
 * .. first + i, or all of them. */
static void add_transposed(const struct backward_head *head, int64_t first, int64_t rows,
                           const float *matrix, const struct operand *source, float *target)
{
    const int64_t keys = head->causal ? first + rows : head->T, stride = head->room.stride,
                  wide = 3 * head->C;
    const bool last = first + rows == head->T; /* the first that is done: it writes */
    for (int64_t key = 0; key < keys; key += VAIN_GROUP_ROWS) {
        const int64_t count = vain_smaller(VAIN_GROUP_ROWS, keys - key);
        /* Rows that see none of these keys. */
        const int64_t blind = head->causal && key > first ? key - first : 0;
        multiply(head->code->product, head->room.piece,
                 &(struct small_product){count, head->D, rows - blind,
                                         matrix + blind * stride + key, 1, stride, source, blind,
                                         target + key * wide, wide, !last});
    }
}

static void backward_block(const struct backward_head *head, int64_t first, int64_t rows)
{
    const int64_t wide = 3 * head->C;
    const struct vain_product_code *product = head->code->product;
    struct room room = head->room;
    backward_scores(head, first, rows);
    const struct operand d_output =
        operand_of(product, &room, rows, head->D, head->d_output + first * head->C, head->C, false);
    add_transposed(head, first, rows, room.scores, &d_output, head->d_value);
    const struct operand query =
        operand_of(product, &room, rows, head->D, head->query + first * wide, wide, false);
    add_transposed(head, first, rows, room.d_scores, &query, head->d_key);
}

struct backward {
    const struct vain_attention_gradient *gradient;
    const struct vain_device *device;
    bool causal;
};

static void backward_task(void *context, int64_t index, int worker)
{
    const struct backward *backward = context;
    const struct vain_attention_gradient *g = backward->gradient;
    const struct vain_product_code *product = backward->device->code->product;
    const int64_t C = g->C, D = C / g->H, b = index / g->H, h = index % g->H;
    const int64_t wide = b * g->T * 3 * C + h * D, narrow = b * g->T * C + h * D;
    const int64_t T = length_of(backward->causal, g->T, g->lengths, b), step = block_rows(T);
    const float *query = g->query_key_value + wide;
    struct backward_head head = {
        .code = backward->device->code,
        .room = room_of(backward->device, worker, T),
        .causal = backward->causal,
        .T = T,
        .C = C,
        .D = D,
        .query = query,
        .output = g->output + narrow,
        .d_output = g->d_output + narrow,
        .log_sum = g->log_sum + index * g->T,
        .d_query = g->d_query_key_value + wide,
        .d_key = g->d_query_key_value + wide + C,
        .d_value = g->d_query_key_value + wide + 2 * C,
    };
    head.key_transposed = operand_of(product, &head.room, D, T, query + C, 3 * C, true);
    head.value_transposed = operand_of(product, &head.room, D, T, query + 2 * C, 3 * C, true);
    head.key = operand_of(product, &head.room, T, D, query + C, 3 * C, false);
    for (int64_t block = vain_parts_of(T, step) - 1; block >= 0; block--)
        backward_block(&head, block * step, vain_smaller(step, T - block * step));
    for (int part = 0; part < 3; part++)
        zero_rows(T, g->T, D, 3 * C, head.d_query + part * C);
}

static void run_backward(struct vain_queue *queue, const struct vain_attention_gradient *gradient,
                         bool causal)
{
    VAIN_ASSERT(gradient->C % gradient->H == 0);
    if (gradient->T == 0)
        return;
    struct backward backward = {gradient, queue->device, causal};
    vain_cpu_run(queue->device, gradient->B * gradient->H, backward_task, &backward);
}

void vain_cpu_attention_gradient(struct vain_queue *queue,
                                 const struct vain_attention_gradient *gradient)
{
    run_backward(queue, gradient, true);
}

void vain_cpu_attention_both_ways_gradient(struct vain_queue *queue,
                                           const struct vain_attention_gradient *gradient)
{
    run_backward(queue, gradient, false);
}
