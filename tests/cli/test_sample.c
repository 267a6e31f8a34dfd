/* Drawing symbols: the frequencies are softmax's, greedy and top-k keep to their choice, and what
 * is not a number is refused. */
#include <math.h>

#include "base/philox.h"
#include "base/status.h"
#include "cmd/sample.h"
#include "tests/unit/suite.h"

enum { V = 5, DRAWS = 20000 };

/* softmax of the logits below at temperature 1 and 0.5, by Python's math.exp. */
static const float logits[V] = {0.0f, 1.0f, -1.0f, 2.0f, 1.0f};
static const double at_1[V] = {0.0704547896, 0.1915159744, 0.0259188686, 0.5205943930,
                               0.1915159744};
static const double at_half[V] = {0.0141820642, 0.1047920677, 0.0019193337, 0.7743144668,
                                  0.1047920677};

static void count_draws(double temperature, int64_t top, int64_t counts[V])
{
    struct vain_candidate candidates[V];
    const struct vain_random random = vain_random_stream(7, VAIN_PURPOSE_SAMPLE, "");
    for (int v = 0; v < V; v++)
        counts[v] = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        uint32_t words[4];
        vain_random_block(random, 0, 0, i, words);
        const int32_t symbol = vain_sample(logits, V, temperature, top,
                                           (double)vain_random_unit(words[0]), candidates);
        CU_ASSERT_FATAL(symbol >= 0 && symbol < V);
        counts[symbol]++;
    }
}

/* Five standard deviations of a binomial count: the seed is fixed, so this is no matter of luck. */
static void check_frequencies(const int64_t counts[V], const double wanted[V])
{
    for (int v = 0; v < V; v++) {
        const double spread = sqrt(DRAWS * wanted[v] * (1 - wanted[v]));
        CU_ASSERT(fabs((double)counts[v] - DRAWS * wanted[v]) < 5 * spread + 1e-9);
    }
}

static void test_frequencies(void)
{
    int64_t counts[V];
    count_draws(1, 0, counts);
    check_frequencies(counts, at_1);
    count_draws(0.5, 0, counts);
    check_frequencies(counts, at_half);
    count_draws(1, V, counts);
    check_frequencies(counts, at_1);
    count_draws(1, V + 10, counts);
    check_frequencies(counts, at_1);
}

static void test_top(void)
{
    /* 1 and 4 are equally likely: the smaller one is in. */
    const double two[V] = {0, 0.2689414214, 0, 0.7310585786, 0};
    int64_t counts[V];
    count_draws(1, 2, counts);
    check_frequencies(counts, two);
    count_draws(1, 1, counts);
    CU_ASSERT(counts[3] == DRAWS);
}

static void test_greedy(void)
{
    struct vain_candidate candidates[V];
    const float tied[V] = {1, 3, 3, 2, 3};
    CU_ASSERT(vain_sample(logits, V, 0, 0, 0.999, candidates) == 3);
    CU_ASSERT(vain_sample(tied, V, 0, 0, 0.5, candidates) == 1);
    /* Very small temperatures do not divide by what they must not. */
    CU_ASSERT(vain_sample(logits, V, 1e-300, 0, 0.5, candidates) == 3);
}

/* The ends of [0, 1), and logits as far apart as floats can be. */
static void test_borders(void)
{
    struct vain_candidate candidates[V];
    const float far[V] = {-3e38f, 3e38f, -3e38f, -3e38f, -3e38f};
    const float one[1] = {-5};
    CU_ASSERT(vain_sample(logits, V, 1, 0, 0, candidates) == 0);
    CU_ASSERT(vain_sample(logits, V, 1, 0, 1 - 1.0 / 16777216, candidates) == 4);
    CU_ASSERT(vain_sample(far, V, 1, 0, 0.5, candidates) == 1);
    CU_ASSERT(vain_sample(far, V, 1, 0, 0, candidates) == 1);
    CU_ASSERT(vain_sample(one, 1, 1, 0, 0.99, candidates) == 0);
    CU_ASSERT(vain_sample(one, 1, 1, 3, 0.99, candidates) == 0);
}

static void test_not_finite(void)
{
    struct vain_candidate candidates[V];
    const float with_nan[V] = {0, NAN, 1, 2, 3}, with_infinity[V] = {0, 1, 2, 3, INFINITY};
    CU_ASSERT(vain_sample(with_nan, V, 1, 0, 0.1, candidates) == -1);
    CU_ASSERT(vain_sample(with_infinity, V, 0, 0, 0.1, candidates) == -1);
    CU_ASSERT(vain_sample(with_infinity, V, 1, 1, 0.1, candidates) == -1);
}

static const struct vain_test tests[] = {
    {"frequencies are those of softmax", test_frequencies},
    {"top keeps the likeliest, ties by number", test_top},
    {"temperature 0 takes the likeliest", test_greedy},
    {"the ends of the range", test_borders},
    {"what is not finite is refused", test_not_finite},
    {NULL, NULL},
};
static const struct vain_suite suite = {"sample", tests};

int main(void)
{
    const struct vain_suite *suites[] = {&suite};
    return vain_suites_run(suites, VAIN_COUNT_OF(suites));
}
