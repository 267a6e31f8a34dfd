/* Graphs of masks: their shape by brute force, their chances by arithmetic, and sums over them. */
#include "collectives/mask_graph.h"

#include <math.h>
#include <string.h>

#include "collectives/quorum.h"
#include "kernels/device.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/collectives/pairs.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

static struct vain_mask_graph *graph;

static void draw(int members, int neighbours, uint64_t round)
{
    const struct vain_context context = {.round = round};
    CU_ASSERT_EQUAL_FATAL(vain_mask_graph_open(members, &graph), VAIN_OK);
    vain_mask_graph_draw(graph, &context, neighbours);
}

static int degree_of(int member, int members)
{
    int degree = 0;
    for (int i = 0; i < members; i++) {
        CU_ASSERT_EQUAL(vain_mask_graph_joins(graph, member, i),
                        vain_mask_graph_joins(graph, i, member));
        degree += vain_mask_graph_joins(graph, member, i);
    }
    return degree;
}

static void graphs_are_regular_and_symmetric(void)
{
    static const int sizes[] = {3, 4, 5, 16, 65, 100, 257, 1024};
    for (size_t s = 0; s < VAIN_COUNT_OF(sizes); s++)
        for (int k = 2; k <= 12; k += 2) {
            const int n = sizes[s];
            draw(n, k, (uint64_t)k);
            for (int i = 0; i < n; i += n / 3) {
                CU_ASSERT_EQUAL(degree_of(i, n), k < n - 1 ? k : n - 1);
                CU_ASSERT_FALSE(vain_mask_graph_joins(graph, i, i));
            }
            vain_mask_graph_close(&graph);
            CU_ASSERT_PTR_NULL(graph);
        }
}

static void everybody_may_be_a_neighbour(void)
{
    for (int n = 1; n <= 6; n++) {
        draw(n, n - 1, 1);
        for (int i = 0; i < n; i++)
            CU_ASSERT_EQUAL(degree_of(i, n), n - 1);
        vain_mask_graph_close(&graph);
    }
}

/* ---- connection ------------------------------------------------------------------------------ */

/* Whether those that are not in `gone` are one piece. */
static bool is_connected(int n, unsigned gone)
{
    const unsigned all = (1u << n) - 1, left = all & ~gone;
    unsigned reached = left & (~left + 1), before = 0;
    while (reached != before) {
        before = reached;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                if ((reached >> i & 1) != 0 && (left >> j & 1) != 0 &&
                    vain_mask_graph_joins(graph, i, j))
                    reached |= 1u << j;
    }
    return reached == left;
}

static int ones(unsigned set)
{
    int count = 0;
    for (; set != 0; set &= set - 1)
        count++;
    return count;
}

/* No fewer than k colluders part the others, and some k do: every subset of small groups. */
static void fewer_than_k_colluders_part_nobody(void)
{
    static const struct {
        int members, neighbours;
    } graphs[] = {{5, 2}, {6, 2}, {8, 4}, {9, 4}, {10, 4}, {11, 6}};
    for (size_t g = 0; g < VAIN_COUNT_OF(graphs); g++) {
        const int n = graphs[g].members, k = graphs[g].neighbours;
        int parted = 0;
        draw(n, k, g);
        for (unsigned gone = 0; gone < (1u << n) - 1; gone++) {
            if (ones(gone) > k)
                continue;
            const bool connected = is_connected(n, gone);
            if (ones(gone) < k)
                CU_ASSERT_TRUE(connected);
            parted += !connected;
        }
        CU_ASSERT_TRUE(parted > 0);
        vain_mask_graph_close(&graph);
    }
}

/* ---- chances --------------------------------------------------------------------------------- */

/* ln of the number of ways to choose k of n. */
static double ln_ways(int n, int k)
{
    return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

/* That `least` or more of `drawn` are among `marked` of `all`. */
static double chance_of(int all, int marked, int drawn, int least)
{
    double sum = 0;
    for (int i = least; i <= drawn && i <= marked; i++)
        if (drawn - i <= all - marked)
            sum += exp(ln_ways(marked, i) + ln_ways(all - marked, drawn - i) - ln_ways(all, drawn));
    return sum;
}

/* What the header says of the table, for every size of group. */
static void the_table_keeps_its_promises(void)
{
    for (int n = VAIN_MASK_COMPLETE_MAX + 1; n <= VAIN_MEMBERS_MAX; n++) {
        const struct vain_mask_degree degree = vain_mask_degree(n);
        const int k = degree.neighbours, t = degree.threshold, corrupt = n / 3, lost = n / 20;
        CU_ASSERT_EQUAL(k % 2, 0);
        CU_ASSERT_TRUE(t <= k && k < n - 1);
        CU_ASSERT_TRUE(n * chance_of(n - 1, corrupt, k, t) <= pow(2, -40));
        CU_ASSERT_TRUE(n * chance_of(n - 1, lost, k, k - t + 1) <= pow(2, -30));
        /* k given places all with colluders, for at most n^2/2 pairs of rows */
        const double rows = corrupt < k ? 0 : exp(ln_ways(corrupt, k) - ln_ways(n, k)) * n * n / 2;
        CU_ASSERT_TRUE(rows <= pow(2, -40));
    }
}

static void small_groups_are_complete(void)
{
    for (int n = 1; n <= VAIN_MASK_COMPLETE_MAX; n++) {
        CU_ASSERT_EQUAL(vain_mask_degree(n).neighbours, n - 1);
        CU_ASSERT_EQUAL(vain_mask_degree(n).threshold, vain_quorum(n));
    }
}

/* ---- the draw -------------------------------------------------------------------------------- */

/* Golden: hashlib, sorted; who are the neighbours of member 0 among 9, k = 4, round 1. */
static void the_order_is_the_models(void)
{
    static const bool expected[9] = {false, false, false, true, true, false, true, true, false};
    draw(9, 4, 1);
    for (int i = 0; i < 9; i++)
        CU_ASSERT_EQUAL(vain_mask_graph_joins(graph, 0, i), expected[i]);
    vain_mask_graph_close(&graph);
}

/* In 4000 draws two given members of 21 with 4 neighbours are joined 800 +- 25 times. */
static void every_pair_is_as_likely(void)
{
    enum { MEMBERS = 21, DRAWS = 4000 };
    static int joined[MEMBERS][MEMBERS];
    memset(joined, 0, sizeof joined);
    CU_ASSERT_EQUAL_FATAL(vain_mask_graph_open(MEMBERS, &graph), VAIN_OK);
    for (uint32_t d = 0; d < DRAWS; d++) {
        const struct vain_context context = {.round = 8, .attempt = d};
        vain_mask_graph_draw(graph, &context, 4);
        for (int i = 0; i < MEMBERS; i++)
            for (int j = 0; j < i; j++)
                joined[i][j] += vain_mask_graph_joins(graph, i, j);
    }
    for (int i = 0; i < MEMBERS; i++)
        for (int j = 0; j < i; j++)
            CU_ASSERT_TRUE(joined[i][j] > 650 && joined[i][j] < 950); /* six deviations */
    vain_mask_graph_close(&graph);
}

static void the_graph_follows_the_context_only(void)
{
    enum { MEMBERS = 40 };
    struct vain_mask_graph *other = NULL;
    const struct vain_context context = {.round = 3, .set_hash = {4}};
    struct vain_context changed[] = {context, context, context, context, context};
    changed[1].round++;
    changed[2].set_hash[31] = 1;
    changed[3].attempt = 1;
    changed[4].parameters_hash[0] = 1;
    CU_ASSERT_EQUAL_FATAL(vain_mask_graph_open(MEMBERS, &graph), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_mask_graph_open(MEMBERS, &other), VAIN_OK);
    vain_mask_graph_draw(graph, &context, 6);
    for (size_t c = 0; c < VAIN_COUNT_OF(changed); c++) {
        int differ = 0;
        vain_mask_graph_draw(other, &changed[c], 6);
        for (int i = 0; i < MEMBERS; i++)
            for (int j = 0; j < i; j++)
                differ += vain_mask_graph_joins(graph, i, j) != vain_mask_graph_joins(other, i, j);
        CU_ASSERT_EQUAL(differ == 0, c == 0);
    }
    vain_mask_graph_close(&graph);
    vain_mask_graph_close(&other);
}

static void without_memory_there_is_no_graph(void)
{
    shortage_after(0);
    CU_ASSERT_EQUAL(vain_mask_graph_open(5, &graph), VAIN_ERR_MEMORY);
    shortage_end();
    CU_ASSERT_PTR_NULL(graph);
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* Masks with neighbours cancel in the sum over all, whatever the order of ids. */
static void masks_with_neighbours_cancel(void)
{
    enum { WORDS = 100, COUNT = 16 };
    static struct pairs pairs;
    struct vain_device device;
    struct vain_queue queue = {.device = &device};
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    pairs_start(&pairs, COUNT);
    for (int i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(vain_secagg_use_graph(pairs.secaggs[i], 6), VAIN_OK);
    for (uint64_t round = 0; round < 5; round++) {
        const struct vain_context context = {.round = round};
        uint32_t sum[WORDS] = {0};
        for (int i = 0; i < COUNT; i++) {
            const struct vain_masks *masks = vain_secagg_begin(pairs.secaggs[i], &context, round);
            CU_ASSERT_EQUAL(masks->count, 6);
            device.ops->codec.add_masks(&queue, masks, 0, WORDS, sum);
            vain_secagg_wipe_seeds(pairs.secaggs[i]);
            CU_ASSERT_EQUAL(vain_is_zero(sum, sizeof sum), i == COUNT - 1);
        }
    }
    pairs_close(&pairs);
    vain_device_close(&device);
}

/* ---- bugs ------------------------------------------------------------------------------------ */

static int bad_degree;

static void draw_badly(void)
{
    draw(9, bad_degree, 0);
}

static void odd_degrees_are_a_bug(void)
{
    static const int bad[] = {-2, 0, 1, 3, 5, 7};
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++) {
        bad_degree = bad[i];
        CU_ASSERT_EQUAL(test_exit_code(draw_badly, NULL, 0), 70);
    }
}

static const struct vain_test tests[] = {
    {"graphs are regular and symmetric", graphs_are_regular_and_symmetric},
    {"everybody may be a neighbour", everybody_may_be_a_neighbour},
    {"fewer than k colluders part nobody", fewer_than_k_colluders_part_nobody},
    {"the table keeps its promises", the_table_keeps_its_promises},
    {"small groups are complete", small_groups_are_complete},
    {"the order is the model's", the_order_is_the_models},
    {"every pair is as likely", every_pair_is_as_likely},
    {"the graph follows the context only", the_graph_follows_the_context_only},
    {"without memory there is no graph", without_memory_there_is_no_graph},
    {"masks with neighbours cancel", masks_with_neighbours_cancel},
    {"odd degrees are a bug", odd_degrees_are_a_bug},
    {NULL, NULL},
};
const struct vain_suite vain_suite_mask_graph = {"mask graph", tests};
