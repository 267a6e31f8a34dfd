/* Metrics against cases by hand and brute force. */
#include "models/metrics.h"

#include <CUnit/CUnit.h>
#include <math.h>

#include "base/memory.h"
#include "tests/unit/suite.h"

static void votes_by_hand(void)
{
    static const int32_t labels[] = {3, 1, 1, 3, 2};
    static const float similarities[] = {0.9f, 0.8f, 0.7f, 0.1f, 0.95f};
    struct vain_neighbour nearest[5];
    CU_ASSERT_EQUAL(vain_metric_vote(5, similarities, labels, 1, nearest), 2);
    /* 2, 3, 1 have a vote each: the nearest wins. */
    CU_ASSERT_EQUAL(vain_metric_vote(5, similarities, labels, 3, nearest), 2);
    CU_ASSERT_EQUAL(vain_metric_vote(5, similarities, labels, 4, nearest), 1);
    CU_ASSERT(nearest[0].row == 4 && nearest[1].row == 0 && nearest[2].row == 1 &&
              nearest[3].row == 2);
    /* 3 and 1 have two each: 3 has the nearer row. */
    CU_ASSERT_EQUAL(vain_metric_vote(5, similarities, labels, 5, nearest), 3);
}

static void equal_similarities_go_by_place(void)
{
    static const int32_t labels[] = {5, 6, 7, 7};
    static const float similarities[] = {0.5f, 0.5f, 0.5f, 0.5f};
    struct vain_neighbour nearest[2];
    CU_ASSERT_EQUAL(vain_metric_vote(4, similarities, labels, 2, nearest), 5);
    CU_ASSERT(nearest[0].row == 0 && nearest[1].row == 1);
}

static uint32_t number(uint32_t index)
{
    uint32_t words[4];
    vain_random_block(vain_random_stream(3, VAIN_PURPOSE_SAMPLE, "metrics"), 0, 0, index, words);
    return words[0];
}

/* Rank by rank: row i is among the k nearest if fewer than k come before it. */
static void neighbours_equal_brute_force(void)
{
    enum { N = 200, K = 17 };
    float similarities[N];
    int32_t labels[N];
    struct vain_neighbour nearest[K];
    for (uint32_t i = 0; i < N; i++) {
        similarities[i] = (float)(number(i) % 50); /* many are equal */
        labels[i] = (int32_t)(number(i + N) % 7);
    }
    int votes[7] = {0}, best = 0;
    const int32_t found = vain_metric_vote(N, similarities, labels, K, nearest);
    for (int i = 0; i < N; i++) {
        int before = 0;
        for (int j = 0; j < N; j++)
            before += similarities[j] > similarities[i] ||
                      (j < i && !(similarities[j] < similarities[i]));
        if (before < K) {
            CU_ASSERT_EQUAL(nearest[before].row, i);
            votes[labels[i]]++;
        }
    }
    for (int l = 0; l < 7; l++)
        best = votes[l] > best ? votes[l] : best;
    CU_ASSERT_EQUAL(votes[found], best);
}

/* Three clouds far apart are found whatever is drawn; the sizes are their own. */
static void clusters_far_apart_are_found(void)
{
    enum { M = 90, F = 11 };
    float rows[M * F];
    int32_t assignments[M], groups[M];
    for (uint32_t i = 0; i < M; i++) {
        groups[i] = (int32_t)(i % 3);
        for (uint32_t f = 0; f < F; f++)
            rows[i * F + f] =
                (float)(number(i * F + f) % 100) * 0.01f + (f == i % 3 ? 20.0f : 0.0f);
    }
    for (uint64_t seed = 1; seed < 20; seed++) {
        const struct vain_random random = vain_random_stream(seed, VAIN_PURPOSE_SAMPLE, "");
        double information = 0;
        CU_ASSERT_EQUAL_FATAL(vain_metric_cluster(M, F, rows, 3, random, assignments), VAIN_OK);
        CU_ASSERT_EQUAL_FATAL(
            vain_metric_mutual_information(M, assignments, 3, groups, 3, &information), VAIN_OK);
        CU_ASSERT_DOUBLE_EQUAL(information, 1, 1e-12);
    }
}

/* Every row is nearest to the mean of its own cluster: where Lloyd's iteration ends. */
static void clusters_are_a_fixed_point(void)
{
    enum { M = 150, F = 5, V = 6 };
    float rows[M * F];
    double means[V * F] = {0};
    int counts[V] = {0};
    int32_t assignments[M];
    for (uint32_t i = 0; i < M * F; i++)
        rows[i] = (float)(number(i) % 1000) * 0.001f;
    const struct vain_random random = vain_random_stream(4, VAIN_PURPOSE_SAMPLE, "");
    CU_ASSERT_EQUAL_FATAL(vain_metric_cluster(M, F, rows, V, random, assignments), VAIN_OK);
    for (int i = 0; i < M; i++)
        counts[assignments[i]]++;
    for (int i = 0; i < M * F; i++)
        means[assignments[i / F] * F + i % F] += (double)rows[i] / counts[assignments[i / F]];
    for (int i = 0; i < M; i++) {
        double far[V] = {0};
        for (int v = 0; v < V; v++)
            for (int f = 0; f < F; f++)
                far[v] += pow((double)rows[i * F + f] - means[v * F + f], 2);
        for (int v = 0; v < V; v++)
            CU_ASSERT(counts[v] > 0 && far[assignments[i]] <= far[v] + 1e-6);
    }
}

static void one_row_a_cluster_and_equal_rows(void)
{
    static const float rows[] = {0, 1, 2, 3}, same[] = {1, 1, 1, 1};
    int32_t assignments[4];
    int seen = 0;
    const struct vain_random random = vain_random_stream(4, VAIN_PURPOSE_SAMPLE, "");
    CU_ASSERT_EQUAL_FATAL(vain_metric_cluster(4, 1, rows, 4, random, assignments), VAIN_OK);
    for (int i = 0; i < 4; i++)
        seen |= 1 << assignments[i];
    CU_ASSERT_EQUAL(seen, 15);
    CU_ASSERT_EQUAL_FATAL(vain_metric_cluster(4, 1, same, 3, random, assignments), VAIN_OK);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(assignments[i], 0);
}

static double information_of(int64_t M, const int32_t *a, const int32_t *b)
{
    double out = -1;
    CU_ASSERT_EQUAL_FATAL(vain_metric_mutual_information(M, a, 8, b, 8, &out), VAIN_OK);
    return out;
}

static void information_by_hand(void)
{
    static const int32_t halves[] = {0, 0, 1, 1}, swapped[] = {5, 5, 2, 2},
                         crossed[] = {0, 1, 0, 1}, all[] = {3, 3, 3, 3}, three[] = {0, 0, 1, 2};
    CU_ASSERT_DOUBLE_EQUAL(information_of(4, halves, halves), 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(information_of(4, halves, swapped), 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(information_of(4, halves, crossed), 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(information_of(4, halves, all), 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(information_of(4, all, all), 1, 0);
    /* H(halves) = log 2, H(three) = 1.5 log 2, and three says which half: I = log 2. */
    CU_ASSERT_DOUBLE_EQUAL(information_of(4, halves, three), 2 / 2.5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(information_of(4, three, halves), 2 / 2.5, 1e-12);
}

static const struct vain_test tests[] = {
    {"votes by hand", votes_by_hand},
    {"equal similarities go by place", equal_similarities_go_by_place},
    {"neighbours equal brute force", neighbours_equal_brute_force},
    {"clusters far apart are found", clusters_far_apart_are_found},
    {"clusters are a fixed point", clusters_are_a_fixed_point},
    {"one row a cluster, and equal rows", one_row_a_cluster_and_equal_rows},
    {"information by hand", information_by_hand},
    {NULL, NULL},
};
const struct vain_suite vain_suite_metrics = {"models/metrics", tests};
