/* Deltas to integers and back, in blocks of an even number of elements; sums over blocks are exact,
 * so their order does not matter, and yet they are added in order. */
#include "kernels/cpu/cpu.h"

_Static_assert(VAIN_BLOCK % 2 == 0, "a block holds whole packed words");

/* Words of a block, and the word that element `first` (even) stands in. */
static int64_t word_of(const struct vain_fixed *fixed, int64_t first)
{
    return first / fixed->fields;
}

static void check_fixed(const struct vain_fixed *fixed)
{
    VAIN_ASSERT(fixed->fields == 1 || fixed->fields == 2);
    VAIN_ASSERT(fixed->bits >= 2 && fixed->bits <= 32 / fixed->fields);
    VAIN_ASSERT(fixed->scale_exponent >= -100 && fixed->scale_exponent <= 100);
}

/* A field of 16 bits (or a word of 32) holds the sum of all members. */
static void check_members(const struct vain_fixed *fixed, int members)
{
    VAIN_ASSERT(members >= 1);
    VAIN_ASSERT((int64_t)members << (fixed->bits - 1) <= INT64_C(1) << (32 / fixed->fields - 1));
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
    vain_run(queue->device, vain_parts_of(N, VAIN_BLOCK), delta_block, &d);
}

/* ---- Encoding ---- */

struct encoding {
    const struct vain_integer_code *code;
    int64_t N, block; /* elements, elements of a block */
    const struct vain_fixed *fixed;
    float shrink;
    const float *delta;
    uint32_t *words;
    float *residual;
    struct vain_saturation *saturations; /* of blocks */
};

enum { ENCODE_BLOCKS = VAIN_SHARED_BYTES / sizeof(struct vain_saturation) };

static void encode_block(void *context, int64_t index, int worker)
{
    const struct encoding *e = context;
    const int64_t first = index * e->block;
    (void)worker;
    e->code->encode(vain_smaller(e->block, e->N - first), e->fixed, e->shrink, e->delta + first,
                    e->words + word_of(e->fixed, first), e->residual + first,
                    &e->saturations[index]);
}

void vain_cpu_encode(struct vain_queue *queue, int64_t N, const struct vain_fixed *fixed,
                     float shrink, const float *delta, uint32_t *words, float *residual,
                     struct vain_saturation *saturation)
{
    check_fixed(fixed);
    struct encoding e = {queue->device->code->integer,
                         N,
                         VAIN_BLOCK,
                         fixed,
                         shrink,
                         delta,
                         words,
                         residual,
                         (struct vain_saturation *)(void *)queue->device->shared};
    while (vain_parts_of(N, e.block) > (int64_t)ENCODE_BLOCKS)
        e.block *= 2;
    const int64_t blocks = vain_parts_of(N, e.block);
    vain_run(queue->device, blocks, encode_block, &e);
    *saturation = (struct vain_saturation){.count = 0};
    float worst = 0;
    for (int64_t b = 0; b < blocks; b++) {
        const struct vain_saturation *s = &e.saturations[b];
        const float size = s->worst_value < 0 ? -s->worst_value : s->worst_value;
        saturation->count += s->count;
        if (s->count > 0 && size > worst) {
            worst = size;
            saturation->worst_index = b * e.block + s->worst_index;
            saturation->worst_value = s->worst_value;
        }
    }
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
    check_fixed(fixed);
    check_members(fixed, members);
    struct decoding d = {queue->device->code->integer, N, fixed, members, words, mean, NULL};
    vain_run(queue->device, vain_parts_of(N, VAIN_BLOCK), decode_block, &d);
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
    check_fixed(fixed);
    check_members(fixed, members);
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
        vain_run(queue->device, blocks, squares_block, &d);
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
