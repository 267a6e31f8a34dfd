/* Deltas to integers and back, in blocks of an even number of elements; sums over blocks are exact,
 * so their order does not matter, and yet they are added in order. On the way to words a block gets
 * its share of the check word and its masks while it lies in the cache. */
#include "kernels/cpu/cpu.h"
#include "kernels/fixed.h"

#include <math.h>

_Static_assert(VAIN_BLOCK % 2 == 0, "a block holds whole packed words");

/* Words of a block, and the word that element `first` (even) stands in. */
static int64_t word_of(const struct vain_fixed *fixed, int64_t first)
{
    return first / fixed->fields;
}

/* ---- Delta ---- */

struct difference {
    const struct vain_integer_code *code;
    int64_t N;
    const float *common, *now, *residual;
    float *delta;
};

static void delta_block(void *context, int64_t index, int worker)
{
    const struct difference *d = context;
    const int64_t first = index * VAIN_BLOCK;
    (void)worker;
    d->code->delta(vain_smaller(VAIN_BLOCK, d->N - first), d->common + first, d->now + first,
                   d->residual + first, d->delta + first);
}

void vain_cpu_delta(struct vain_queue *queue, int64_t N, const float *common, const float *now,
                    const float *residual, float *delta)
{
    struct difference d = {queue->device->code->integer, N, common, now, residual, delta};
    vain_cpu_run(queue->device, vain_parts_of(N, VAIN_BLOCK), delta_block, &d);
}

/* ---- Encoding ---- */

struct encoding_pass {
    const struct vain_device *device;
    const struct vain_encoding *encoding;
    int64_t N, part; /* elements, elements of a part: one or more blocks */
    const float *delta;
    uint32_t *words;
    float *residual;
    struct vain_encoded *parts;
};

enum { ENCODE_PARTS = VAIN_SHARED_BYTES / sizeof(struct vain_encoded) };

/* Add what `next` found; of equals the first one stays. */
static void join(struct vain_encoded *sum, const struct vain_encoded *next)
{
    const struct vain_saturation *s = &next->saturation;
    sum->check += next->check;
    if (s->count > 0 && fabsf(s->worst_value) > fabsf(sum->saturation.worst_value)) {
        sum->saturation.worst_index = s->worst_index;
        sum->saturation.worst_value = s->worst_value;
    }
    sum->saturation.count += s->count;
}

/* A block's words are made, checked and masked while they lie in the cache. */
static void encode_block(const struct encoding_pass *e, int64_t first, int worker,
                         struct vain_encoded *out)
{
    const struct vain_encoding *encoding = e->encoding;
    const struct vain_fixed *fixed = &encoding->fixed;
    const struct vain_integer_code *code = e->device->code->integer;
    const int64_t count = vain_smaller(VAIN_BLOCK, e->N - first);
    const int64_t first_word = word_of(fixed, first);
    const int64_t words_count = vain_parts_of(count, fixed->fields);
    uint32_t *words = e->words + first_word;
    code->encode(count, fixed, encoding->shrink, e->delta + first, words, e->residual + first,
                 &out->saturation);
    out->saturation.worst_index += first;
    out->check = code->check_word(words_count, words, encoding->check_key.k, (uint64_t)first_word);
    if (encoding->masks != NULL)
        vain_cpu_mask_block(e->device, worker, encoding->masks, (uint64_t)first_word, words_count,
                            words);
}

static void encode_part(void *context, int64_t index, int worker)
{
    const struct encoding_pass *e = context;
    const int64_t start = index * e->part, end = vain_smaller(start + e->part, e->N);
    e->parts[index] = (struct vain_encoded){.check = 0};
    for (int64_t first = start; first < end; first += VAIN_BLOCK) {
        struct vain_encoded block;
        encode_block(e, first, worker, &block);
        join(&e->parts[index], &block);
    }
}

void vain_cpu_encode(struct vain_queue *queue, int64_t N, const struct vain_encoding *encoding,
                     const float *delta, uint32_t *words, float *residual, struct vain_encoded *out)
{
    vain_fixed_check(&encoding->fixed);
    struct encoding_pass e = {.device = queue->device,
                              .encoding = encoding,
                              .N = N,
                              .part = VAIN_BLOCK,
                              .delta = delta,
                              .words = words,
                              .residual = residual,
                              .parts = (struct vain_encoded *)(void *)queue->device->shared};
    while (vain_parts_of(N, e.part) > (int64_t)ENCODE_PARTS)
        e.part *= 2;
    const int64_t parts = vain_parts_of(N, e.part);
    vain_cpu_run(queue->device, parts, encode_part, &e);
    if (encoding->masks != NULL)
        vain_cpu_forget_masks(queue->device);
    *out = (struct vain_encoded){.check = 0};
    for (int64_t i = 0; i < parts; i++)
        join(out, &e.parts[i]);
}

/* ---- Decoding ---- */

struct decoding {
    const struct vain_integer_code *code;
    int64_t N;
    const struct vain_fixed *fixed;
    int members;
    const uint32_t *words;
    float *mean;
    uint64_t (*squares)[2]; /* of waves of blocks: low, high */
};

static void decode_block(void *context, int64_t index, int worker)
{
    const struct decoding *d = context;
    const int64_t first = index * VAIN_BLOCK;
    (void)worker;
    d->code->decode_mean(vain_smaller(VAIN_BLOCK, d->N - first), d->fixed, d->members,
                         d->words + word_of(d->fixed, first), d->mean + first);
}

void vain_cpu_decode_mean(struct vain_queue *queue, int64_t N, const struct vain_fixed *fixed,
                          int members, const uint32_t *words, float *mean)
{
    vain_fixed_check(fixed);
    vain_fixed_check_members(fixed, members);
    struct decoding d = {queue->device->code->integer, N, fixed, members, words, mean, NULL};
    vain_cpu_run(queue->device, vain_parts_of(N, VAIN_BLOCK), decode_block, &d);
}

enum { WAVE_BLOCKS = VAIN_SHARED_BYTES / (2 * sizeof(uint64_t)) };

static void squares_block(void *context, int64_t index, int worker)
{
    const struct decoding *d = context;
    const int64_t first = index * VAIN_BLOCK;
    (void)worker;
    d->code->sum_squares(vain_smaller(VAIN_BLOCK, d->N - first), d->fixed, d->members,
                         d->words + word_of(d->fixed, first), &d->squares[index][0],
                         &d->squares[index][1]);
}

void vain_cpu_sum_squares_words(struct vain_queue *queue, int64_t N, const struct vain_fixed *fixed,
                                int members, const uint32_t *words, uint64_t out[2])
{
    vain_fixed_check(fixed);
    vain_fixed_check_members(fixed, members);
    uint64_t high = 0, low = 0;
    const int64_t most = (int64_t)WAVE_BLOCKS * VAIN_BLOCK;
    for (int64_t done = 0; done < N; done += most) {
        struct decoding d = {queue->device->code->integer,
                             vain_smaller(most, N - done),
                             fixed,
                             members,
                             words + word_of(fixed, done),
                             NULL,
                             (uint64_t(*)[2])(void *)queue->device->shared};
        const int64_t blocks = vain_parts_of(d.N, VAIN_BLOCK);
        vain_cpu_run(queue->device, blocks, squares_block, &d);
        for (int64_t b = 0; b < blocks; b++) {
            /* low + 2^32 high, added with carries. */
            const uint64_t shifted = d.squares[b][1] << 32;
            const uint64_t sum = low + d.squares[b][0];
            high += (d.squares[b][1] >> 32) + (sum < low);
            low = sum + shifted;
            high += low < sum;
        }
    }
    out[0] = high;
    out[1] = low;
}
