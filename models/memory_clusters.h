/* Clusters of features: which of many experiences stand for all of them.
 *
 * k-means with seeded starts (Lloyd 1982; Arthur & Vassilvitskii 2007, k-means++), in double and in
 * a fixed order: a pure function of its arguments. All local; nothing takes memory. */
#pragma once

#include "base/philox.h"
#include "base/status.h"

enum { VAIN_CLUSTER_PASSES = 25 }; /* of Lloyd's, at most */

struct vain_memory_clustering {
    int64_t points, width, clusters; /* 1 <= clusters <= points */
    const float *features;           /* (points, width) */
    struct vain_random random;
    uint64_t number;     /* which clustering of the stream */
    double *centroids;   /* (clusters, width) scratch; the centroids at the end */
    double *distances;   /* (points) scratch; to the own centroid, squared */
    int64_t *assignment; /* (points) out: cluster of each */
    int64_t *medoids;    /* (clusters) out */
};
/* Gives how many clusters have a point; `medoids` are so many points, each the one nearest to the
 * centroid of its cluster (of equally near ones the first), in the order of the clusters. */
int64_t vain_memory_cluster(const struct vain_memory_clustering *clustering);
