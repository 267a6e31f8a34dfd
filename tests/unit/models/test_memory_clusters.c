/* Clusters that anybody would find, and what holds for any clustering. */
#include "models/memory_clusters.h"

#include <math.h>
#include <string.h>

#include "tests/unit/models/memory_bed.h"
#include "tests/unit/suite.h"

enum { POINTS = 60, WIDTH = 4, CLUSTERS = 6 };

struct bench {
    float features[POINTS * WIDTH];
    double centroids[CLUSTERS * WIDTH], distances[POINTS];
    int64_t assignment[POINTS], medoids[CLUSTERS];
    struct vain_memory_clustering clustering;
};

static void open_bench(struct bench *bench, int64_t points, int64_t clusters, uint64_t number)
{
    memset(bench, 0, sizeof *bench);
    bench->clustering = (struct vain_memory_clustering){
        .points = points,
        .width = WIDTH,
        .clusters = clusters,
        .features = bench->features,
        .random = vain_random_stream(1, VAIN_PURPOSE_MEMORY, "clusters"),
        .number = number,
        .centroids = bench->centroids,
        .distances = bench->distances,
        .assignment = bench->assignment,
        .medoids = bench->medoids,
    };
}

/* Point i lies near corner i % 4 of a large square. */
static void fill_corners(struct bench *bench)
{
    for (int i = 0; i < POINTS; i++)
        for (int w = 0; w < WIDTH; w++)
            bench->features[i * WIDTH + w] =
                (float)(memory_bed_normal(40, i * WIDTH + w) + (w == 0 && i % 4 < 2 ? 50 : 0) +
                        (w == 1 && i % 2 == 0 ? 50 : 0));
}

static void clusters_that_lie_apart_are_found(void)
{
    for (uint64_t number = 0; number < 20; number++) {
        struct bench bench;
        bool seen[4] = {false};
        open_bench(&bench, POINTS, 4, number);
        fill_corners(&bench);
        CU_ASSERT_EQUAL_FATAL(vain_memory_cluster(&bench.clustering), 4);
        for (int i = 4; i < POINTS; i++)
            CU_ASSERT_EQUAL(bench.assignment[i], bench.assignment[i % 4]);
        for (int k = 0; k < 4; k++)
            seen[bench.medoids[k] % 4] = true;
        CU_ASSERT(seen[0] && seen[1] && seen[2] && seen[3]);
    }
}

static double square_distance(const struct bench *bench, int64_t point, const double *to)
{
    double sum = 0;
    for (int w = 0; w < WIDTH; w++)
        sum += pow((double)bench->features[point * WIDTH + w] - to[w], 2);
    return sum;
}

/* A medoid is of its cluster, and nobody of the cluster is nearer to the centroid; who is assigned
 * to a cluster is nearer to no other centroid. */
static void medoids_lie_in_the_middle(void)
{
    struct bench bench;
    open_bench(&bench, POINTS, CLUSTERS, 3);
    for (int i = 0; i < POINTS * WIDTH; i++)
        bench.features[i] = (float)memory_bed_normal(41, i);
    const int64_t found = vain_memory_cluster(&bench.clustering);
    CU_ASSERT(found >= 2 && found <= CLUSTERS);
    for (int64_t m = 0; m < found; m++) {
        const int64_t medoid = bench.medoids[m], own = bench.assignment[medoid];
        const double nearest = square_distance(&bench, medoid, bench.centroids + own * WIDTH);
        CU_ASSERT(m == 0 || own > bench.assignment[bench.medoids[m - 1]]);
        for (int i = 0; i < POINTS; i++)
            if (bench.assignment[i] == own)
                CU_ASSERT(square_distance(&bench, i, bench.centroids + own * WIDTH) >= nearest);
    }
    for (int k = 0; k < CLUSTERS * WIDTH; k++) { /* centroids are means of their points */
        double sum = 0, count = 0;
        for (int i = 0; i < POINTS; i++) {
            if (bench.assignment[i] != k / WIDTH)
                continue;
            sum += (double)bench.features[i * WIDTH + k % WIDTH];
            count++;
        }
        CU_ASSERT_DOUBLE_EQUAL(bench.centroids[k] * count, sum, 1e-9);
    }
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < CLUSTERS; k++)
            CU_ASSERT(square_distance(&bench, i, bench.centroids + k * WIDTH) >=
                      bench.distances[i]);
}

static void equal_arguments_give_equal_clusters(void)
{
    struct bench a, b, c;
    open_bench(&a, POINTS, CLUSTERS, 5);
    open_bench(&b, POINTS, CLUSTERS, 5);
    open_bench(&c, POINTS, CLUSTERS, 6);
    for (int i = 0; i < POINTS * WIDTH; i++)
        a.features[i] = b.features[i] = c.features[i] = (float)memory_bed_normal(42, i);
    CU_ASSERT_EQUAL(vain_memory_cluster(&a.clustering), vain_memory_cluster(&b.clustering));
    CU_ASSERT_EQUAL(memcmp(a.assignment, b.assignment, sizeof a.assignment), 0);
    CU_ASSERT_EQUAL(memcmp(a.centroids, b.centroids, sizeof a.centroids), 0);
    (void)vain_memory_cluster(&c.clustering);
    CU_ASSERT_NOT_EQUAL(memcmp(a.centroids, c.centroids, sizeof a.centroids), 0);
}

static void points_that_coincide_are_one_cluster(void)
{
    struct bench bench;
    open_bench(&bench, POINTS, CLUSTERS, 0);
    CU_ASSERT_EQUAL(vain_memory_cluster(&bench.clustering), 1);
    CU_ASSERT_EQUAL(bench.medoids[0], 0);
    open_bench(&bench, 5, 5, 0);
    for (int i = 0; i < 5; i++)
        bench.features[i * WIDTH] = (float)i;
    CU_ASSERT_EQUAL(vain_memory_cluster(&bench.clustering), 5);
}

static const struct vain_test tests[] = {
    {"clusters that lie apart are found", clusters_that_lie_apart_are_found},
    {"medoids lie in the middle", medoids_lie_in_the_middle},
    {"equal arguments give equal clusters", equal_arguments_give_equal_clusters},
    {"points that coincide are one cluster", points_that_coincide_are_one_cluster},
    {NULL, NULL},
};
const struct vain_suite vain_suite_memory_clusters = {"memory_clusters", tests};
