/* The codec group on both devices: bit for bit. */
#include "tests/gpu/twins.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { MASKS = 4, MANY_MASKS = 70, BILLION = 1000000000 };

static const int64_t sizes[] = {1,   2,   3,    7,    8,    15,   16,    17,    31,     511,
                                512, 513, 1023, 1025, 4095, 4097, 16384, 65537, 200003, 1048579};

struct shape {
    int64_t N, offset;
    int fields, masks;
};

static void *shifted(void *memory, struct shape shape)
{
    return (uint32_t *)memory + shape.offset;
}

static void make_masks(struct vain_mask *masks, int count)
{
    const struct vain_random random = {{77, 78}};
    for (int m = 0; m < count; m++) {
        uint32_t words[8];
        vain_random_block(random, 0, 0, (uint64_t)(2 * m), words);
        vain_random_block(random, 0, 0, (uint64_t)(2 * m + 1), words + 4);
        memcpy(masks[m].seed, words, sizeof words);
        masks[m].domain = m == 3 ? VAIN_MASK_OWN : VAIN_MASK_PAIR;
        masks[m].subtract = m % 2 == 1;
    }
}

static const struct vain_random check_random = {{5, 6}};

static struct vain_fixed fixed_of(int fields)
{
    return (struct vain_fixed){
        .scale_exponent = fields == 1 ? 24 : 10, .bits = fields == 1 ? 28 : 13, .fields = fields};
}

/* Deltas of which some do not fit, with two equal worst ones; -0 and the smallest numbers too. */
static struct vain_twin deltas_of(struct vain_twins *t, struct shape s)
{
    struct vain_twin delta = vain_twin_floats(t, s.N + 1, s.fields == 1 ? 2.5f : 1.3f, 21);
    float *x = shifted(delta.host, s);
    x[0] = -0.0f;
    if (s.N > 6) {
        x[1] = 1e-44f;
        x[2] = -1e-30f;
        x[s.N / 2] = -1000;
        x[s.N - 1] = 1000;
    }
    vain_twin_send(t, &delta);
    return delta;
}

static bool equal_encoded(const struct vain_encoded *a, const struct vain_encoded *b)
{
    return a->check == b->check && a->saturation.count == b->saturation.count &&
           a->saturation.worst_index == b->saturation.worst_index &&
           a->saturation.worst_value == b->saturation.worst_value;
}

/* Encode, check word, sum of squares, tag, decode: a shape's whole way. */
static int64_t way(struct vain_twins *t, struct shape s)
{
    struct vain_mask masks[MANY_MASKS];
    const struct vain_masks list = {s.masks, masks};
    const struct vain_encoding encoding = {.fixed = fixed_of(s.fields),
                                           .shrink = 0.93f,
                                           .check_key = vain_check_key_of(check_random, 3, 1),
                                           .masks = s.masks > 0 ? &list : NULL};
    const int64_t words_count = (s.N + s.fields - 1) / s.fields;
    struct vain_twin delta = deltas_of(t, s), rest = vain_twin_take(t, delta.bytes);
    struct vain_twin words = vain_twin_take(t, ((size_t)words_count + 1) * 4);
    struct vain_encoded on_cpu, on_gpu = {.check = 1};
    make_masks(masks, s.masks);
    t->cpu.ops->codec.encode(&t->on_cpu, s.N, &encoding, shifted(delta.host, s),
                             shifted(words.host, s), shifted(rest.host, s), &on_cpu);
    t->gpu.ops->codec.encode(&t->on_gpu, s.N, &encoding, shifted(delta.gpu, s),
                             shifted(words.gpu, s), shifted(rest.gpu, s), &on_gpu);
    int64_t differences = !vain_twins_wait(t) || !equal_encoded(&on_cpu, &on_gpu);
    differences += vain_twin_differences(t, &words) + vain_twin_differences(t, &rest);
    if (s.masks == 0) {
        uint64_t squares_cpu[2] = {1, 1}, squares_gpu[2] = {2, 2};
        t->cpu.ops->codec.sum_squares_words(&t->on_cpu, s.N, &encoding.fixed, 5,
                                            shifted(words.host, s), squares_cpu);
        t->gpu.ops->codec.sum_squares_words(&t->on_gpu, s.N, &encoding.fixed, 5,
                                            shifted(words.gpu, s), squares_gpu);
        t->cpu.ops->codec.decode_mean(&t->on_cpu, s.N, &encoding.fixed, 5, shifted(words.host, s),
                                      shifted(delta.host, s));
        t->gpu.ops->codec.decode_mean(&t->on_gpu, s.N, &encoding.fixed, 5, shifted(words.gpu, s),
                                      shifted(delta.gpu, s));
        differences += !vain_twins_wait(t) || memcmp(squares_cpu, squares_gpu, 16) != 0;
        differences += vain_twin_differences(t, &delta);
    }
    vain_twin_release(t, &delta);
    vain_twin_release(t, &rest);
    vain_twin_release(t, &words);
    return differences;
}

static void over_shapes(struct vain_twins *t, const char *op, int masks)
{
    struct vain_twins_row row = {.op = op, .shape = "80 shapes, 1 and 2 fields, off by one"};
    for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i += t->timed ? 1 : 4)
        for (int kind = 0; kind < 4; kind++)
            row.differences += way(t, (struct shape){sizes[i], kind % 2, kind / 2 + 1, masks});
    vain_twins_row(t, &row);
}

/* ---- Words and deltas as they come ---- */

static int64_t words_shape(struct vain_twins *t, struct shape s)
{
    const struct vain_codec_ops *c = &t->cpu.ops->codec, *g = &t->gpu.ops->codec;
    struct vain_twin a = vain_twin_words(t, s.N + 1, 31), b = vain_twin_words(t, s.N + 1, 32);
    uint32_t check_cpu = 1, check_gpu = 2;
    uint64_t tag_cpu = 1, tag_gpu = 2;
    c->add_words(&t->on_cpu, s.N, shifted(a.host, s), shifted(b.host, s));
    g->add_words(&t->on_gpu, s.N, shifted(a.gpu, s), shifted(b.gpu, s));
    c->check_word(&t->on_cpu, s.N, shifted(b.host, s), check_random, 9, 2, &check_cpu);
    g->check_word(&t->on_gpu, s.N, shifted(b.gpu, s), check_random, 9, 2, &check_gpu);
    c->tag_words(&t->on_cpu, s.N, shifted(b.host, s), 0x123456789abcdefu, &tag_cpu);
    g->tag_words(&t->on_gpu, s.N, shifted(b.gpu, s), 0x123456789abcdefu, &tag_gpu);
    const int64_t differences =
        (!vain_twins_wait(t) || check_cpu != check_gpu || tag_cpu != tag_gpu) +
        vain_twin_differences(t, &b);
    vain_twin_release(t, &a);
    vain_twin_release(t, &b);
    return differences;
}

static int64_t delta_shape(struct vain_twins *t, struct shape s)
{
    struct vain_twin a = vain_twin_floats(t, s.N + 1, 1, 41),
                     b = vain_twin_floats(t, s.N + 1, 1, 42),
                     c = vain_twin_floats(t, s.N + 1, 1, 43), out = vain_twin_take(t, a.bytes);
    t->cpu.ops->codec.delta(&t->on_cpu, s.N, shifted(a.host, s), shifted(b.host, s),
                            shifted(c.host, s), shifted(out.host, s));
    t->gpu.ops->codec.delta(&t->on_gpu, s.N, shifted(a.gpu, s), shifted(b.gpu, s),
                            shifted(c.gpu, s), shifted(out.gpu, s));
    const int64_t differences = vain_twin_differences(t, &out);
    vain_twin_release(t, &a);
    vain_twin_release(t, &b);
    vain_twin_release(t, &c);
    vain_twin_release(t, &out);
    return differences;
}

static void over_sizes(struct vain_twins *t, const char *op,
                       int64_t (*run)(struct vain_twins *, struct shape))
{
    struct vain_twins_row row = {.op = op, .shape = "40 shapes to 2^20, off by one"};
    for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i += t->timed ? 1 : 4)
        for (int offset = 0; offset < 2; offset++)
            row.differences += run(t, (struct shape){sizes[i], offset, 1, 0});
    vain_twins_row(t, &row);
}

/* ---- Masks at random places ---- */

/* A piece of a stream: anywhere below 2^38 words, or across the end of a segment. */
static uint64_t place_of(int i)
{
    uint32_t words[4];
    vain_random_block((struct vain_random){{51, 52}}, 0, 0, (uint64_t)i, words);
    const uint64_t anywhere = (((uint64_t)words[0] << 32) | words[1]) >> 26;
    const uint64_t segment = UINT64_C(1) << 30;
    return i % 4 == 0 ? (anywhere / segment + 1) * segment - words[2] % 256 : anywhere;
}

void vain_twins_masks(struct vain_twins *t)
{
    enum { PIECE = 256 };
    const int pieces = t->timed ? 4000 : 40;
    struct vain_twins_row row = {.op = "add_masks",
                                 .shape = t->timed ? "1024000 words, 4000 places" : "10240 words"};
    struct vain_twin words = vain_twin_words(t, (int64_t)pieces * PIECE, 53);
    struct vain_mask masks[MASKS];
    make_masks(masks, MASKS);
    for (int i = 0; i < pieces; i++) {
        const struct vain_masks list = {1 + i % MASKS, masks};
        const int64_t count = PIECE - i % 7;
        t->cpu.ops->codec.add_masks(&t->on_cpu, &list, place_of(i), count,
                                    (uint32_t *)words.host + (int64_t)i * PIECE);
        t->gpu.ops->codec.add_masks(&t->on_gpu, &list, place_of(i), count,
                                    (uint32_t *)words.gpu + (int64_t)i * PIECE);
    }
    row.differences = vain_twin_differences(t, &words);
    vain_twins_row(t, &row);
    vain_twin_release(t, &words);
}

/* ---- Times ---- */

struct bench {
    struct vain_twins *twins;
    int64_t N;
    struct vain_encoding encoding;
    struct vain_masks list;
    struct vain_mask masks[MASKS];
    struct vain_twin delta, words, rest;
    struct vain_encoded encoded;
    uint64_t out[2];
    uint32_t check;
};

static void run_encode(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->codec.encode(&b->twins->on_gpu, b->N, &b->encoding, b->delta.gpu,
                                    b->words.gpu, b->rest.gpu, &b->encoded);
}

static void run_delta(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->codec.delta(&b->twins->on_gpu, b->N, b->delta.gpu, b->rest.gpu, b->rest.gpu,
                                   b->words.gpu);
}

static void run_decode(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->codec.decode_mean(&b->twins->on_gpu, b->N, &b->encoding.fixed, 4,
                                         b->words.gpu, b->rest.gpu);
}

static void run_squares(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->codec.sum_squares_words(&b->twins->on_gpu, b->N, &b->encoding.fixed, 4,
                                               b->words.gpu, b->out);
}

static void run_check(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->codec.check_word(&b->twins->on_gpu, b->N, b->words.gpu, check_random, 1, 1,
                                        &b->check);
}

static void run_add(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->codec.add_words(&b->twins->on_gpu, b->N, b->rest.gpu, b->words.gpu);
}

static void run_tag(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->codec.tag_words(&b->twins->on_gpu, b->N, b->words.gpu, 99, b->out);
}

static void run_masks(void *context)
{
    struct bench *b = context;
    b->twins->gpu.ops->codec.add_masks(&b->twins->on_gpu, &b->list, 0, b->N, b->words.gpu);
}

static void time_one(struct bench *b, const char *op, const char *shape, double bytes_each,
                     void (*run)(void *context))
{
    const struct vain_twins_row row = {.op = op,
                                       .shape = shape,
                                       .seconds = vain_twins_time(b->twins, run, b),
                                       .bytes = bytes_each * (double)b->N,
                                       .differences = -2};
    vain_twins_row(b->twins, &row);
}

/* Bytes of streams beside bytes of memory: the cipher is what these wait for. */
static void time_masks(struct bench *b)
{
    struct vain_twins *t = b->twins;
    for (b->list.count = 1; b->list.count <= MASKS; b->list.count++) {
        const double seconds = vain_twins_time(t, run_masks, b);
        char shape[48];
        snprintf(shape, sizeof shape, "%d masks: %.0f GB/s of streams", b->list.count,
                 4e-9 * (double)b->N * b->list.count / seconds);
        const struct vain_twins_row row = {.op = "add_masks",
                                           .shape = shape,
                                           .seconds = seconds,
                                           .bytes = 8 * (double)b->N,
                                           .differences = -2};
        vain_twins_row(t, &row);
    }
    b->list.count = MASKS;
}

static void time_all(struct vain_twins *t, int64_t N)
{
    struct bench b = {.twins = t, .N = N};
    make_masks(b.masks, MASKS);
    b.list = (struct vain_masks){MASKS, b.masks};
    b.encoding = (struct vain_encoding){
        .fixed = fixed_of(1), .shrink = 1, .check_key = vain_check_key_of(check_random, 1, 1)};
    b.delta = vain_twin_large(t, N, 1e-3f, 61);
    b.words = vain_twin_large(t, N, 1e-3f, 62);
    b.rest = vain_twin_large(t, N, 1e-3f, 63);
    time_one(&b, "delta", "N = 10^9", 16, run_delta);
    time_one(&b, "encode", "N = 10^9, no masks", 12, run_encode);
    b.encoding.masks = &b.list;
    time_one(&b, "encode, masked", "N = 10^9, 3 pair masks + own", 12, run_encode);
    b.encoding.fixed = fixed_of(2);
    time_one(&b, "encode, masked", "N = 10^9, 2 fields, 4 masks", 10, run_encode);
    b.encoding.masks = NULL;
    time_one(&b, "encode", "N = 10^9, 2 fields, no masks", 10, run_encode);
    time_one(&b, "decode_mean", "N = 10^9, 2 fields", 6, run_decode);
    b.encoding.fixed = fixed_of(1);
    time_one(&b, "decode_mean", "N = 10^9", 8, run_decode);
    time_one(&b, "sum_squares_words", "N = 10^9", 4, run_squares);
    time_one(&b, "check_word", "N = 10^9", 4, run_check);
    time_one(&b, "add_words", "N = 10^9", 12, run_add);
    time_one(&b, "tag_words", "N = 10^9", 4, run_tag);
    time_masks(&b);
    vain_twin_release(t, &b.delta);
    vain_twin_release(t, &b.words);
    vain_twin_release(t, &b.rest);
}

void vain_twins_codec(struct vain_twins *twins)
{
    over_sizes(twins, "delta", delta_shape);
    over_sizes(twins, "add, check, tag words", words_shape);
    over_shapes(twins, "encode, decode, squares", 0);
    over_shapes(twins, "encode, masked", MASKS);
    over_shapes(twins, "encode, 70 masks", MANY_MASKS);
    if (twins->timed)
        time_all(twins, BILLION);
}
