/* Causal attention: a task is one head of one sequence; it goes through blocks of rows of the score
 * matrix and computes what lies left of the diagonal only.
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
 * Letters: T tokens, C channels, H heads, D = C / H channels of a head. */
#include "kernels/cpu/cpu.h"

#include <math.h>

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

/* ---- Forwards ---- */

struct forward {
    const struct vain_attention *attention;
    const struct vain_device *device;
};

static void forward_head(void *context, int64_t index, int worker)
{
    const struct forward *forward = context;
    const struct vain_attention *a = forward->attention;
    const struct vain_vector_code *code = forward->device->code;
    const int64_t T = a->T, C = a->C, D = C / a->H, wide = 3 * C, b = index / a->H,
                  h = index % a->H;
    const float *query = a->query_key_value + b * T * wide + h * D;
    float *output = a->output + b * T * C + h * D, *log_sum = a->log_sum + index * T;
    struct room room = room_of(forward->device, worker, T);
    const struct operand key = operand_of(code->product, &room, D, T, query + C, wide, true);
    const struct operand value = operand_of(code->product, &room, T, D, query + 2 * C, wide, false);
    const int64_t group = vain_smaller(VAIN_GROUP_ROWS, block_rows(T));
    for (int64_t first = 0; first < T; first += group) {
        const int64_t rows = vain_smaller(group, T - first), keys = first + rows;
        const struct vain_score_block block = {rows, keys, first, room.stride,
                                               1.0f / sqrtf((float)D)};
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
}

void vain_cpu_attention(struct vain_queue *queue, const struct vain_attention *attention)
{
    VAIN_ASSERT(attention->C % attention->H == 0);
    if (attention->T == 0)
        return;
    struct forward forward = {attention, queue->device};
    vain_run(queue->device, attention->B * attention->H, forward_head, &forward);
}

/* ---- Backwards ---- */

/* One head on its way back. */
struct backward_head {
    const struct vain_vector_code *code;
    struct room room;
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
        const int64_t row = first + done, count = vain_smaller(VAIN_GROUP_ROWS, rows - done),
                      keys = row + count;
        /* Zeros up to what the whole block sees, for the sums over all its rows that follow. */
        const struct vain_score_block block = {count, first + rows, row, stride,
                                               1.0f / sqrtf((float)D)};
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
 * .. first + i. */
static void add_transposed(const struct backward_head *head, int64_t first, int64_t rows,
                           const float *matrix, const struct operand *source, float *target)
{
    const int64_t keys = first + rows, stride = head->room.stride, wide = 3 * head->C;
    for (int64_t key = 0; key < keys; key += VAIN_GROUP_ROWS) {
        const int64_t count = vain_smaller(VAIN_GROUP_ROWS, keys - key);
        const int64_t blind = key > first ? key - first : 0; /* rows that see none of these keys */
        multiply(head->code->product, head->room.piece,
                 &(struct small_product){count, head->D, rows - blind,
                                         matrix + blind * stride + key, 1, stride, source, blind,
                                         target + key * wide, wide, keys < head->T});
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
};

static void backward_task(void *context, int64_t index, int worker)
{
    const struct backward *backward = context;
    const struct vain_attention_gradient *g = backward->gradient;
    const struct vain_product_code *product = backward->device->code->product;
    const int64_t T = g->T, C = g->C, D = C / g->H, b = index / g->H, h = index % g->H;
    const int64_t wide = b * T * 3 * C + h * D, narrow = b * T * C + h * D, step = block_rows(T);
    const float *query = g->query_key_value + wide;
    struct backward_head head = {
        .code = backward->device->code,
        .room = room_of(backward->device, worker, T),
        .T = T,
        .C = C,
        .D = D,
        .query = query,
        .output = g->output + narrow,
        .d_output = g->d_output + narrow,
        .log_sum = g->log_sum + index * T,
        .d_query = g->d_query_key_value + wide,
        .d_key = g->d_query_key_value + wide + C,
        .d_value = g->d_query_key_value + wide + 2 * C,
    };
    head.key_transposed = operand_of(product, &head.room, D, T, query + C, 3 * C, true);
    head.value_transposed = operand_of(product, &head.room, D, T, query + 2 * C, 3 * C, true);
    head.key = operand_of(product, &head.room, T, D, query + C, 3 * C, false);
    for (int64_t block = vain_parts_of(T, step) - 1; block >= 0; block--)
        backward_block(&head, block * step, vain_smaller(step, T - block * step));
}

void vain_cpu_attention_gradient(struct vain_queue *queue,
                                 const struct vain_attention_gradient *gradient)
{
    VAIN_ASSERT(gradient->C % gradient->H == 0);
    if (gradient->T == 0)
        return;
    struct backward backward = {gradient, queue->device};
    vain_run(queue->device, gradient->B * gradient->H, backward_task, &backward);
}
