/* Draws: uniform, repeatable, and real functions that agree with libm's without using it. */
#include "jobs/data/draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite.h"

static const struct vain_random stream = {{0x1234, 0xabcd}};

static void sequences_repeat_and_differ(void)
{
    struct vain_draw a = vain_draw_start(stream, 1, 2), b = vain_draw_start(stream, 1, 2);
    struct vain_draw other = vain_draw_start(stream, 2, 1);
    int equal = 0;
    for (int i = 0; i < 100; i++) {
        const uint32_t word = vain_draw_word(&a);
        CU_ASSERT_EQUAL(word, vain_draw_word(&b));
        equal += word == vain_draw_word(&other);
    }
    CU_ASSERT_EQUAL(equal, 0);
    struct vain_draw numbered = vain_draw_start_at(stream, (INT64_C(1) << 32) + 2);
    a = vain_draw_start(stream, 1, 2);
    CU_ASSERT_EQUAL(vain_draw_word(&a), vain_draw_word(&numbered));
}

/* The words of a sequence are the words of Philox's blocks, in order. */
static void words_are_philoxs_blocks(void)
{
    struct vain_draw draw = vain_draw_start(stream, 7, 9);
    for (uint64_t block = 0; block < 3; block++) {
        uint32_t words[4];
        vain_random_block(stream, 7, 9, block, words);
        for (int i = 0; i < 4; i++)
            CU_ASSERT_EQUAL(vain_draw_word(&draw), words[i]);
    }
}

/* Counts of 60 000 draws lie within five standard deviations of what uniform ones would be. */
static void bounded_draws_are_uniform(void)
{
    static const int64_t bounds[] = {1, 2, 3, 6, 10, 100};
    for (size_t b = 0; b < VAIN_COUNT_OF(bounds); b++) {
        enum { DRAWS = 60000 };
        int counts[100] = {0};
        struct vain_draw draw = vain_draw_start(stream, 0, (uint32_t)b);
        for (int i = 0; i < DRAWS; i++) {
            const int64_t value = vain_draw_below(&draw, bounds[b]);
            CU_ASSERT_FATAL(value >= 0 && value < bounds[b]);
            counts[value]++;
        }
        const double mean = (double)DRAWS / (double)bounds[b];
        for (int64_t v = 0; v < bounds[b]; v++)
            CU_ASSERT(fabs(counts[v] - mean) <= 5 * sqrt(mean));
    }
    struct vain_draw draw = vain_draw_start(stream, 0, 0);
    bool large = false;
    for (int i = 0; i < 100; i++) {
        const int64_t value = vain_draw_below(&draw, INT64_MAX);
        CU_ASSERT(value >= 0);
        large = large || value > INT64_MAX / 2;
    }
    CU_ASSERT(large);
}

static void units_lie_inside(void)
{
    struct vain_draw draw = vain_draw_start(stream, 0, 0);
    double sum = 0, least = 1, most = 0;
    for (int i = 0; i < 100000; i++) {
        const double x = vain_draw_unit(&draw);
        sum += x;
        least = x < least ? x : least;
        most = x > most ? x : most;
    }
    CU_ASSERT(least > 0 && least < 1e-3 && most < 1 && most > 1 - 1e-3);
    CU_ASSERT(fabs(sum / 100000 - 0.5) < 5 * sqrt(1.0 / 12 / 100000));
}

/* All six orders of three items, and all twenty ordered pairs of five, equally often. */
static void orders_and_choices_are_equally_likely(void)
{
    enum { DRAWS = 60000 };
    int orders[27] = {0}, choices[25] = {0};
    struct vain_draw draw = vain_draw_start(stream, 3, 3);
    for (int i = 0; i < DRAWS; i++) {
        int64_t items[3] = {0, 1, 2}, pair[2];
        vain_draw_shuffle(&draw, items, 3);
        orders[9 * items[0] + 3 * items[1] + items[2]]++;
        vain_draw_subset(&draw, 5, 2, pair);
        choices[5 * pair[0] + pair[1]]++;
    }
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < 3; b++) {
            if (a != b)
                CU_ASSERT(fabs(orders[9 * a + 3 * b + (3 - a - b)] - DRAWS / 6.0) < 5 * 100);
        }
    }
    for (int i = 0; i < 25; i++) {
        const double expected = i / 5 == i % 5 ? 0 : DRAWS / 20.0;
        CU_ASSERT(fabs(choices[i] - expected) <= (expected > 0 ? 5 * 55 : 0));
    }
}

static void a_whole_set_can_be_chosen(void)
{
    int64_t out[20];
    bool seen[20] = {false};
    struct vain_draw draw = vain_draw_start(stream, 4, 4);
    vain_draw_subset(&draw, 20, 20, out);
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_FALSE(seen[out[i]]);
        seen[out[i]] = true;
    }
}

static void log_and_exp_agree_with_libm(void)
{
    struct vain_draw draw = vain_draw_start(stream, 5, 5);
    for (int i = 0; i < 100000; i++) {
        const double x = ldexp(vain_draw_unit(&draw), (int)vain_draw_below(&draw, 200) - 100);
        CU_ASSERT(fabs(vain_draw_log(x) - log(x)) <= 4e-15 * fmax(1e-1, fabs(log(x))));
        const double y = 1400 * (vain_draw_unit(&draw) - 0.5);
        CU_ASSERT(fabs(vain_draw_exp(y) / exp(y) - 1) <= 1e-13);
    }
    CU_ASSERT_EQUAL(vain_draw_log(1), 0);
    CU_ASSERT_EQUAL(vain_draw_exp(0), 1);
    CU_ASSERT_EQUAL(vain_draw_exp(-1e300), 0);
}

/* Bits that every machine must find: made with the same formulas in Python, whose floats are IEEE
 * 754 doubles. */
static void real_draws_have_known_bits(void)
{
    struct vain_draw draw = vain_draw_start(stream, 6, 6);
    const double values[3] = {vain_draw_normal(&draw), vain_draw_log_gamma(&draw, 0.1),
                              vain_draw_log_gamma(&draw, 3)};
    static const uint64_t known[3] = {UINT64_C(0x3ff59f7b3177c969), UINT64_C(0xc027c553d3ec02c7),
                                      UINT64_C(0x3feb7eb1299602ea)};
    for (int i = 0; i < 3; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        if (bits != known[i])
            printf("value %d: 0x%016llx\n", i, (unsigned long long)bits);
        CU_ASSERT_EQUAL(bits, known[i]);
    }
}

/* Mean and variance of Gamma(shape, 1) are both `shape`; the mean of its logarithm for shape 0.05
 * is digamma(0.05) = -20.4978. */
static void gamma_variates_have_their_moments(void)
{
    static const double shapes[] = {0.3, 1, 4.5, 100};
    enum { DRAWS = 100000 };
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        const double shape = shapes[s];
        struct vain_draw draw = vain_draw_start(stream, 8, (uint32_t)s);
        double sum = 0, squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            const double x = exp(vain_draw_log_gamma(&draw, shape));
            sum += x;
            squares += (x - shape) * (x - shape);
        }
        const double fourth = 3 * shape * shape + 6 * shape; /* central moment */
        CU_ASSERT(fabs(sum / DRAWS - shape) < 5 * sqrt(shape / DRAWS));
        CU_ASSERT(fabs(squares / DRAWS - shape) < 5 * sqrt((fourth - shape * shape) / DRAWS));
    }
    struct vain_draw draw = vain_draw_start(stream, 9, 9);
    double sum = 0, normal = 0, square = 0;
    for (int i = 0; i < DRAWS; i++) {
        sum += vain_draw_log_gamma(&draw, 0.05);
        const double x = vain_draw_normal(&draw);
        normal += x;
        square += x * x;
    }
    CU_ASSERT(fabs(sum / DRAWS + 20.4978) < 5 * 20 / sqrt(DRAWS));
    CU_ASSERT(fabs(normal / DRAWS) < 5 / sqrt(DRAWS));
    CU_ASSERT(fabs(square / DRAWS - 1) < 5 * sqrt(2.0 / DRAWS));
}

static const struct vain_test tests[] = {
    {"sequences repeat and differ", sequences_repeat_and_differ},
    {"words are Philox's blocks", words_are_philoxs_blocks},
    {"bounded draws are uniform", bounded_draws_are_uniform},
    {"units lie inside", units_lie_inside},
    {"orders and choices are equally likely", orders_and_choices_are_equally_likely},
    {"a whole set can be chosen", a_whole_set_can_be_chosen},
    {"log and exp agree with libm", log_and_exp_agree_with_libm},
    {"real draws have known bits", real_draws_have_known_bits},
    {"gamma variates have their moments", gamma_variates_have_their_moments},
    {NULL, NULL}};
const struct vain_suite vain_suite_draw = {"data: draw", tests};
