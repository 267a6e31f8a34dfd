/* How good features are: what their nearest neighbours say, and how well clusters of them match
 * known groups.
 *
 * Rows are (M, F) in host memory. All local; the same bits on every machine with the same C
 * library, and for any number of threads, since there is one. */
#pragma once

#include "base/philox.h"
#include "base/status.h"

struct vain_neighbour {
    float similarity;
    int64_t row;
};
/* The label that most of the k most similar of N rows have, 1 <= k <= N; among labels with equally
 * many votes the one with the most similar row. Of equally similar rows the first counts.
 * `nearest` (k) is scratch, and holds the neighbours afterwards, nearest first. */
int32_t vain_metric_vote(int64_t N, const float *similarities, const int32_t *labels, int64_t k,
                         struct vain_neighbour *nearest);

/* Clusters `rows` (M, F), 1 <= clusters <= M: k-means by Lloyd's iteration from centres that
 * k-means++ draws (Arthur & Vassilvitskii 2007), until no row changes its cluster, 100 times at
 * most. A centre that no row is nearest to stays where it is; of equally near centres the first
 * counts. `assignments` (M) in [0, clusters). VAIN_ERR_MEMORY. */
enum vain_status vain_metric_cluster(int64_t M, int64_t F, const float *rows, int64_t clusters,
                                     struct vain_random random, int32_t *assignments) VAIN_MUST_USE;

/* 2 I(a, b) / (H(a) + H(b)) of two groupings of the same M > 0 rows, a in [0, a_count), b in [0,
 * b_count): 0 for independent ones, 1 for equal ones (Strehl & Ghosh 2002; arithmetic mean as in
 * scikit-learn). Two groupings that each have one group only are equal. VAIN_ERR_MEMORY. */
enum vain_status vain_metric_mutual_information(int64_t M, const int32_t *a, int64_t a_count,
                                                const int32_t *b, int64_t b_count,
                                                double *out) VAIN_MUST_USE;
