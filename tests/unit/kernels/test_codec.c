/* The codec: exact against integers of 64 bits and doubles, which hold every value that occurs
 * here. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

struct problem {
    int64_t N;
    struct vain_fixed fixed;
    float shrink;
    float *delta;
    const struct vain_masks *masks; /* NULL: none */
    bool in_place;                  /* the residual takes the place of the delta */
};

/* What encoding gives, in one block of memory for comparing bits. */
struct encoded {
    struct vain_encoded about;
    uint32_t *words;
    float *residual;
};

static const struct vain_check_key check_key = {
    {0x01234567u, 0x89abcdefu, 0xdeadbeefu, 0x00c0ffeeu}};

static struct problem problem_of(int64_t N, struct vain_fixed fixed, float shrink, float *delta)
{
    return (struct problem){.N = N, .fixed = fixed, .shrink = shrink, .delta = delta};
}

static int64_t words_of(const struct problem *p)
{
    return (p->N + p->fixed.fields - 1) / p->fixed.fields;
}

static size_t encoded_bytes(const struct problem *p)
{
    return sizeof(struct vain_encoded) + (size_t)(words_of(p) + p->N) * 4;
}

static struct encoded parts_of(const struct problem *p, unsigned char *out)
{
    struct encoded e = {.words = (uint32_t *)(void *)(out + sizeof(struct vain_encoded))};
    e.residual = (float *)(void *)(e.words + words_of(p));
    memcpy(&e.about, out, sizeof e.about);
    return e;
}

static void run_encode(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct problem *p = context;
    const struct encoded e = parts_of(p, out);
    const struct vain_encoding encoding = {p->fixed, p->shrink, check_key, p->masks};
    struct vain_encoded about;
    memset(&about, 0xff, sizeof about);
    memset(e.words, 0xff, (size_t)words_of(p) * 4);
    if (p->in_place)
        memcpy(e.residual, p->delta, (size_t)p->N * sizeof(float));
    queue->device->ops->codec.encode(queue, p->N, &encoding, p->in_place ? e.residual : p->delta,
                                     e.words, e.residual, &about);
    /* Field by field: bytes between them are nobody's. */
    struct vain_encoded clean;
    memset(&clean, 0, sizeof clean);
    clean.saturation.count = about.saturation.count;
    clean.saturation.worst_index = about.saturation.worst_index;
    clean.saturation.worst_value = about.saturation.worst_value;
    clean.check = about.check;
    memcpy(out, &clean, sizeof clean);
}

/* Nearest, ties to even, in double. */
static double nearest(double y)
{
    const double down = floor(y), rest = y - down;
    if (rest > 0.5 || (rest == 0.5 && fmod(down, 2) != 0))
        return down + 1;
    return down;
}

static int64_t integer_of(const struct problem *p, int64_t i, bool *saturated)
{
    const int64_t limit = (INT64_C(1) << (p->fixed.bits - 1)) - 1;
    volatile float shrunk = p->shrink * p->delta[i];
    const double r = nearest((double)shrunk * ldexp(1, p->fixed.scale_exponent));
    *saturated = r > (double)limit || r < -(double)limit;
    return r > (double)limit ? limit : (r < -(double)limit ? -limit : (int64_t)r);
}

static uint32_t field_of(const struct problem *p, const uint32_t *words, int64_t i)
{
    return p->fixed.fields == 1 ? words[i] : (words[i / 2] >> (i % 2 == 0 ? 0 : 16)) & 0xffffu;
}

static uint32_t expected_field(const struct problem *p, int64_t integer)
{
    return p->fixed.fields == 1 ? (uint32_t)integer
                                : (uint32_t)(integer + (INT64_C(1) << (p->fixed.bits - 1)));
}

static void check_encode(const struct problem *p)
{
    unsigned char *out = bed_bytes(encoded_bytes(p));
    run_encode(bed_queue(0), p, out);
    const struct encoded e = parts_of(p, out);
    int64_t count = 0, worst_index = 0;
    float worst = 0;
    bool words_right = true, residuals_right = true;
    for (int64_t i = 0; i < p->N; i++) {
        bool saturated;
        const int64_t integer = integer_of(p, i, &saturated);
        words_right = words_right && field_of(p, e.words, i) == expected_field(p, integer);
        volatile float said = (float)integer * ldexpf(1, -p->fixed.scale_exponent);
        residuals_right = residuals_right && e.residual[i] == p->delta[i] - said;
        count += saturated;
        if (saturated && fabsf(p->delta[i]) > fabsf(worst)) {
            worst = p->delta[i];
            worst_index = i;
        }
    }
    if (p->fixed.fields == 2 && p->N % 2 == 1)
        words_right = words_right && e.words[p->N / 2] >> 16 == 0;
    CU_ASSERT_TRUE(words_right);
    CU_ASSERT_TRUE(residuals_right);
    CU_ASSERT_EQUAL(e.about.saturation.count, count);
    CU_ASSERT_EQUAL(e.about.saturation.worst_index, worst_index);
    CU_ASSERT_EQUAL(e.about.saturation.worst_value, worst);
    uint32_t check = 0;
    for (int64_t w = 0; w < words_of(p); w++)
        check += e.words[w] * vain_check_coefficient(check_key, (uint64_t)w);
    CU_ASSERT_EQUAL(e.about.check, check);
    CU_ASSERT_TRUE(bed_same_bits(run_encode, p, encoded_bytes(p)));
}

static const struct vain_fixed forms[] = {{20, 28, 1},  {10, 12, 2},   {-3, 16, 2},
                                          {0, 32, 1},   {30, 22, 1},   {7, 2, 2},
                                          {100, 24, 1}, {-100, 24, 1}, {5, 8, 2}};
static const int64_t counts[] = {0, 1, 2, 3, 31, 33, 1001, 16384, 16385, 50001};

static void encoding_is_exact(void)
{
    for (size_t f = 0; f < VAIN_COUNT_OF(forms); f++)
        for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
            const float range = ldexpf(1, forms[f].bits - 1 - forms[f].scale_exponent);
            struct problem p =
                problem_of(counts[c], forms[f], 1, bed_random_floats(counts[c], 0.99f * range));
            check_encode(&p);
            p.shrink = 0.37f;
            check_encode(&p);
            bed_end();
            /* A tenth is out of range. */
            p = problem_of(counts[c], forms[f], 1, bed_random_floats(counts[c], 1.1f * range));
            check_encode(&p);
            bed_end();
        }
}

/* With masks nothing but the words differs, and they by what add_masks adds; the check word is that
 * of the words without. */
static void encoding_masks_in_the_same_pass(void)
{
    enum { MASKS = 3 };
    struct vain_mask list[MASKS];
    for (int i = 0; i < MASKS; i++) {
        list[i] = (struct vain_mask){.domain = i == 2 ? VAIN_MASK_OWN : VAIN_MASK_PAIR,
                                     .subtract = i == 1};
        memset(list[i].seed, 5 * i + 1, VAIN_MASK_SEED_BYTES);
    }
    for (size_t f = 0; f < VAIN_COUNT_OF(forms); f++)
        for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
            const float range = ldexpf(1, forms[f].bits - 1 - forms[f].scale_exponent);
            const struct vain_masks masks = {.count = (int)((c + f) % (MASKS + 1)), .masks = list};
            struct problem p =
                problem_of(counts[c], forms[f], 0.9f, bed_random_floats(counts[c], 1.2f * range));
            unsigned char *bare = bed_bytes(encoded_bytes(&p));
            unsigned char *masked = bed_bytes(encoded_bytes(&p));
            run_encode(bed_queue(0), &p, bare);
            p.masks = &masks;
            run_encode(bed_queue(0), &p, masked);
            CU_ASSERT_TRUE(bed_same_bits(run_encode, &p, encoded_bytes(&p)));
            bed_queue(0)->device->ops->codec.add_masks(bed_queue(0), &masks, 0, words_of(&p),
                                                       parts_of(&p, bare).words);
            CU_ASSERT_EQUAL(memcmp(bare, masked, encoded_bytes(&p)), 0);
            bed_end();
        }
}

/* The delta's own memory may take the residual: all else stays the same. */
static void the_residual_may_take_the_place_of_the_delta(void)
{
    for (size_t f = 0; f < VAIN_COUNT_OF(forms); f++) {
        const float range = ldexpf(1, forms[f].bits - 1 - forms[f].scale_exponent);
        struct problem p = problem_of(50001, forms[f], 1, bed_random_floats(50001, 1.2f * range));
        unsigned char *apart = bed_bytes(encoded_bytes(&p));
        unsigned char *in_place = bed_bytes(encoded_bytes(&p));
        run_encode(bed_queue(0), &p, apart);
        CU_ASSERT_TRUE(parts_of(&p, apart).about.saturation.count > 0);
        p.in_place = true;
        run_encode(bed_queue(0), &p, in_place);
        CU_ASSERT_EQUAL(memcmp(apart, in_place, encoded_bytes(&p)), 0);
        CU_ASSERT_TRUE(bed_same_bits(run_encode, &p, encoded_bytes(&p)));
        bed_end();
    }
}

static void ties_go_to_even(void)
{
    static const float values[] = {0.5f,  1.5f, 2.5f,  -0.5f,       -1.5f,
                                   -2.5f, 3.5f, -3.5f, 0.49999997f, -0.0f};
    static const int32_t expected[] = {0, 2, 2, 0, -2, -2, 4, -4, 0, 0};
    for (int fields = 1; fields <= 2; fields++) {
        struct problem p = problem_of(VAIN_COUNT_OF(values), (struct vain_fixed){0, 12, fields}, 1,
                                      bed_floats(VAIN_COUNT_OF(values)));
        memcpy(p.delta, values, sizeof values);
        unsigned char *out = bed_bytes(encoded_bytes(&p));
        run_encode(bed_queue(0), &p, out);
        for (int64_t i = 0; i < p.N; i++)
            CU_ASSERT_EQUAL(field_of(&p, parts_of(&p, out).words, i),
                            expected_field(&p, expected[i]));
        check_encode(&p);
        bed_end();
    }
}

static void the_ends_of_the_range_are_found(void)
{
    /* In integers: the limit, half above it (rounds to even 2^(bits-1), out), one above, and far
     * away. */
    static const float values[] = {2047,     2047.25f, 2047.5f, 2048,   -2047,
                                   -2047.5f, -2048,    1e30f,   -2e30f, INFINITY};
    static const int64_t saturated[] = {0, 0, 1, 2, 2, 3, 4, 5, 6, 7};
    for (int fields = 1; fields <= 2; fields++)
        for (int64_t n = 0; n < (int64_t)VAIN_COUNT_OF(values); n++) {
            struct problem p =
                problem_of(n + 1, (struct vain_fixed){0, 12, fields}, 1, bed_floats(n + 1));
            memcpy(p.delta, values, (size_t)(n + 1) * sizeof(float));
            unsigned char *out = bed_bytes(encoded_bytes(&p));
            run_encode(bed_queue(0), &p, out);
            CU_ASSERT_EQUAL(parts_of(&p, out).about.saturation.count, saturated[n]);
            bed_end();
        }
}

/* The worst of several blocks, and the first of equals. */
static void the_worst_value_is_named(void)
{
    struct problem p =
        problem_of(100000, (struct vain_fixed){0, 12, 2}, 1, bed_random_floats(100000, 1000));
    p.delta[20000] = 5000;
    p.delta[70001] = -9000;
    p.delta[90000] = 9000;
    unsigned char *out = bed_bytes(encoded_bytes(&p));
    run_encode(bed_queue(0), &p, out);
    const struct vain_saturation found = parts_of(&p, out).about.saturation;
    CU_ASSERT_EQUAL(found.count, 3);
    CU_ASSERT_EQUAL(found.worst_index, 70001);
    CU_ASSERT_EQUAL(found.worst_value, -9000);
    bed_end();
}

/* ---- Sums of members ---- */

struct group {
    int64_t N;
    int members;
    struct vain_fixed fixed;
    uint32_t *words;
};

/* Writes the mean, then the sum of squares (high, low). */
static void run_decode(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct group *g = context;
    uint64_t squares[2];
    queue->device->ops->codec.sum_squares_words(queue, g->N, &g->fixed, g->members, g->words,
                                                squares);
    memcpy(out, squares, sizeof squares);
    queue->device->ops->codec.decode_mean(queue, g->N, &g->fixed, g->members, g->words,
                                          (float *)(void *)(out + sizeof squares));
}

/* Checks the mean and the squares of a group whose summed integers are `sums`. */
static void check_group(const struct group *g, const int64_t *sums)
{
    const size_t bytes = 16 + (size_t)g->N * sizeof(float);
    unsigned char *out = bed_bytes(bytes);
    uint64_t high = 0, low = 0, found[2];
    bool right = true;
    run_decode(bed_queue(0), g, out);
    const float *mean = (const float *)(const void *)(out + 16);
    for (int64_t i = 0; i < g->N; i++) {
        volatile float sum = (float)sums[i], divided = sum / (float)g->members;
        right = right && mean[i] == (float)ldexp((double)divided, -g->fixed.scale_exponent);
        const uint64_t square = (uint64_t)(sums[i] * sums[i]);
        low += square;
        high += low < square;
    }
    memcpy(found, out, sizeof found);
    CU_ASSERT_TRUE(right);
    CU_ASSERT_EQUAL(found[0], high);
    CU_ASSERT_EQUAL(found[1], low);
    CU_ASSERT_TRUE(bed_same_bits(run_decode, g, bytes));
}

static void add_integer(const struct vain_fixed *fixed, uint32_t *words, int64_t i, int64_t integer)
{
    if (fixed->fields == 1)
        words[i] += (uint32_t)integer;
    else
        words[i / 2] += (uint32_t)(integer + (INT64_C(1) << (fixed->bits - 1)))
                        << (i % 2 == 0 ? 0 : 16);
}

/* Every member at an end of its range, in both directions, for as many members as a word can hold:
 * no carry crosses. */
static void extreme_sums_are_exact(void)
{
    for (int fields = 1; fields <= 2; fields++)
        for (int log_members = 0; log_members <= 10; log_members++) {
            const int width = 32 / fields, bits = width - log_members, members = 1 << log_members;
            const int64_t N = 1001, limit = (INT64_C(1) << (bits - 1)) - 1;
            struct group g = {N, members, {13, bits, fields}, bed_bytes((size_t)N * 4)};
            int64_t *sums = bed_bytes((size_t)N * 8);
            for (int member = 0; member < members; member++)
                for (int64_t i = 0; i < N; i++) {
                    /* Neighbours in a word lie at opposite ends, or both at one. */
                    const int64_t value =
                        i % 3 == 0 ? limit
                                   : (i % 3 == 1 ? -limit : (member % 2 == 0 ? limit : -limit));
                    add_integer(&g.fixed, g.words, i, value);
                    sums[i] += value;
                }
            check_group(&g, sums);
            bed_end();
        }
}

static void sums_of_random_members_are_exact(void)
{
    static const struct {
        int members;
        struct vain_fixed fixed;
    } groups[] = {{1, {20, 32, 1}},  {3, {18, 30, 1}},  {5, {9, 13, 2}},
                  {16, {-4, 12, 2}}, {7, {100, 29, 1}}, {1, {0, 16, 2}}};
    for (size_t k = 0; k < VAIN_COUNT_OF(groups); k++)
        for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
            struct group g = {counts[c], groups[k].members, groups[k].fixed,
                              bed_bytes((size_t)counts[c] * 4)};
            int64_t *sums = bed_bytes((size_t)g.N * 8);
            for (int member = 0; member < g.members; member++)
                for (int64_t i = 0; i < g.N; i++) {
                    const int64_t value = (int64_t)(bed_number() * ldexp(1, g.fixed.bits - 1));
                    add_integer(&g.fixed, g.words, i, value);
                    sums[i] += value;
                }
            check_group(&g, sums);
            bed_end();
        }
}

/* 20 000 squares of 2^62 need 77 bits. */
static void squares_carry_into_the_high_word(void)
{
    const int64_t N = 20000;
    struct group g = {N, 1, {0, 32, 1}, bed_bytes((size_t)N * 4)};
    int64_t *sums = bed_bytes((size_t)N * 8);
    for (int64_t i = 0; i < N; i++) {
        sums[i] = i % 2 == 0 ? -2147483647 : 2147483647;
        g.words[i] = (uint32_t)sums[i];
    }
    uint64_t found[2];
    struct vain_queue *queue = bed_queue(0);
    queue->device->ops->codec.sum_squares_words(queue, N, &g.fixed, 1, g.words, found);
    /* 20000 (2^31 - 1)^2 = 4999 * 2^64 + 18446658174363651616. */
    CU_ASSERT_EQUAL(found[0], 4999);
    CU_ASSERT_EQUAL(found[1], UINT64_C(18446658174363651616));
    check_group(&g, sums);
    bed_end();
}

static void nothing_is_lost_in_a_round(void)
{
    struct problem p =
        problem_of(5001, (struct vain_fixed){14, 12, 2}, 1, bed_random_floats(5001, 0.1f));
    unsigned char *out = bed_bytes(encoded_bytes(&p));
    float *mean = bed_floats(p.N);
    struct vain_queue *queue = bed_queue(0);
    run_encode(queue, &p, out);
    const struct encoded e = parts_of(&p, out);
    queue->device->ops->codec.decode_mean(queue, p.N, &p.fixed, 1, e.words, mean);
    bool whole = true;
    for (int64_t i = 0; i < p.N; i++)
        whole = whole && fabs((double)mean[i] + (double)e.residual[i] - (double)p.delta[i]) < 1e-8;
    CU_ASSERT_TRUE(whole);
    bed_end();
}

/* ---- Delta, check word, sums of words ---- */

struct vectors {
    int64_t N;
    float *common, *now, *residual;
    uint32_t *words, *more;
};

/* Writes delta, words + more, and the check word of the words. */
static void run_vectors(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct vectors *v = context;
    float *delta = (float *)(void *)out;
    uint32_t *sum = (uint32_t *)(void *)(delta + v->N);
    memcpy(sum, v->words, (size_t)v->N * 4);
    queue->device->ops->codec.delta(queue, v->N, v->common, v->now, v->residual, delta);
    queue->device->ops->codec.add_words(queue, v->N, v->more, sum);
    queue->device->ops->codec.check_word(
        queue, v->N, v->words, (struct vain_random){{0x01234567u, 0x89abcdefu}}, 3, 1, sum + v->N);
}

static struct vectors vectors_of(int64_t N)
{
    struct vectors v = {N,
                        bed_random_floats(N, 1),
                        bed_random_floats(N, 1),
                        bed_random_floats(N, 0.01f),
                        bed_bytes((size_t)N * 4),
                        bed_bytes((size_t)N * 4)};
    for (int64_t i = 0; i < N; i++) {
        v.words[i] = (uint32_t)i * 2654435761u + 12345u;
        v.more[i] = (uint32_t)i * 97u + 0xfffffff0u;
    }
    return v;
}

static void deltas_and_word_sums_are_exact(void)
{
    for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
        const struct vectors v = vectors_of(counts[c]);
        unsigned char *out = bed_bytes((size_t)(2 * v.N + 1) * 4);
        run_vectors(bed_queue(0), &v, out);
        const float *delta = (const float *)(const void *)out;
        const uint32_t *sum = (const uint32_t *)(const void *)(delta + v.N);
        bool right = true;
        for (int64_t i = 0; i < v.N; i++) {
            volatile float difference = v.common[i] - v.now[i];
            right =
                right && delta[i] == difference + v.residual[i] && sum[i] == v.words[i] + v.more[i];
        }
        CU_ASSERT_TRUE(right);
        CU_ASSERT_TRUE(bed_same_bits(run_vectors, &v, (size_t)(2 * v.N + 1) * 4));
        bed_end();
    }
}

static uint32_t check_of(int64_t count, const uint32_t *words, uint32_t round, uint32_t attempt)
{
    struct vain_queue *queue = bed_queue(0);
    uint32_t check = 1;
    queue->device->ops->codec.check_word(queue, count, words,
                                         (struct vain_random){{0x01234567u, 0x89abcdefu}}, round,
                                         attempt, &check);
    return check;
}

/* The value comes from an independent program: kernels/mix.h in Python. */
static void the_check_word_has_a_known_value(void)
{
    const struct vectors v = vectors_of(100003);
    CU_ASSERT_EQUAL(check_of(v.N, v.words, 3, 1), 0x27805bdcu);
    CU_ASSERT_NOT_EQUAL(check_of(v.N, v.words, 3, 2), 0x27805bdcu);
    CU_ASSERT_NOT_EQUAL(check_of(v.N, v.words, 4, 1), 0x27805bdcu);
    CU_ASSERT_EQUAL(check_of(0, v.words, 3, 1), 0);
    bed_end();
}

static void the_check_word_is_linear_and_sees_every_bit(void)
{
    const struct vectors v = vectors_of(1001);
    uint32_t *sum = bed_bytes((size_t)v.N * 4);
    for (int64_t i = 0; i < v.N; i++)
        sum[i] = v.words[i] + v.more[i];
    const uint32_t check = check_of(v.N, v.words, 3, 1);
    CU_ASSERT_EQUAL(check_of(v.N, sum, 3, 1), check + check_of(v.N, v.more, 3, 1));
    bool seen = true;
    for (int64_t i = 0; i < v.N; i += 40)
        for (int bit = 0; bit < 32; bit++) {
            v.words[i] ^= 1u << bit;
            seen = seen && check_of(v.N, v.words, 3, 1) != check;
            v.words[i] ^= 1u << bit;
        }
    CU_ASSERT_TRUE(seen);
    bed_end();
}

static const struct vain_test tests[] = {
    {"encoding is exact for every form", encoding_is_exact},
    {"encoding masks in the same pass", encoding_masks_in_the_same_pass},
    {"the residual may take the place of the delta", the_residual_may_take_the_place_of_the_delta},
    {"ties go to even", ties_go_to_even},
    {"the ends of the range are found", the_ends_of_the_range_are_found},
    {"the worst value is named", the_worst_value_is_named},
    {"extreme sums of members are exact", extreme_sums_are_exact},
    {"sums of random members are exact", sums_of_random_members_are_exact},
    {"squares carry into the high word", squares_carry_into_the_high_word},
    {"nothing is lost in a round", nothing_is_lost_in_a_round},
    {"deltas and sums of words are exact", deltas_and_word_sums_are_exact},
    {"the check word has a known value", the_check_word_has_a_known_value},
    {"the check word is linear and sees every bit", the_check_word_is_linear_and_sees_every_bit},
    {NULL, NULL},
};

const struct vain_suite vain_suite_codec = {"codec", tests};
