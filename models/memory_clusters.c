/* Starts are drawn in proportion to squared distance, so that they lie apart; where all points that
 * are left coincide with a start, the first of them is taken. */
#include "models/memory_clusters.h"

#include <math.h>
#include <string.h>

#include "models/memory_integer.h"

enum { DRAW_PURPOSE = 1 };

static double square_distance(const struct vain_memory_clustering *c, int64_t point,
                              int64_t cluster)
{
    const float *feature = c->features + point * c->width;
    const double *centroid = c->centroids + cluster * c->width;
    double sum = 0;
    for (int64_t i = 0; i < c->width; i++) {
        const double apart = (double)feature[i] - centroid[i];
        sum += apart * apart;
    }
    return sum;
}

static void start_at(const struct vain_memory_clustering *c, int64_t cluster, int64_t point)
{
    for (int64_t i = 0; i < c->width; i++)
        c->centroids[cluster * c->width + i] = (double)c->features[point * c->width + i];
    for (int64_t p = 0; p < c->points; p++) {
        const double distance = square_distance(c, p, cluster);
        c->distances[p] = cluster == 0 ? distance : fmin(c->distances[p], distance);
    }
}

static int64_t far_point(const struct vain_memory_clustering *c, struct vain_memory_draw *draw)
{
    double sum = 0;
    for (int64_t p = 0; p < c->points; p++)
        sum += c->distances[p];
    double left = vain_memory_draw_unit(draw) * sum;
    int64_t chosen = 0;
    for (int64_t p = 0; p < c->points; p++) {
        if (!(c->distances[p] > 0))
            continue;
        chosen = p;
        left -= c->distances[p];
        if (left < 0)
            break;
    }
    return chosen;
}

/* Whether an assignment changed. */
static bool assign(const struct vain_memory_clustering *c)
{
    bool changed = false;
    for (int64_t p = 0; p < c->points; p++) {
        int64_t nearest = 0;
        c->distances[p] = square_distance(c, p, 0);
        for (int64_t k = 1; k < c->clusters; k++) {
            const double distance = square_distance(c, p, k);
            if (distance < c->distances[p]) {
                c->distances[p] = distance;
                nearest = k;
            }
        }
        changed = changed || c->assignment[p] != nearest;
        c->assignment[p] = nearest;
    }
    return changed;
}

/* The mean of each cluster's points; one without points stays where it is. */
static void move(const struct vain_memory_clustering *c)
{
    for (int64_t k = 0; k < c->clusters; k++) {
        double *centroid = c->centroids + k * c->width;
        int64_t count = 0;
        for (int64_t p = 0; p < c->points; p++)
            count += c->assignment[p] == k;
        if (count == 0)
            continue;
        memset(centroid, 0, (size_t)c->width * sizeof *centroid);
        for (int64_t p = 0; p < c->points; p++)
            for (int64_t i = 0; c->assignment[p] == k && i < c->width; i++)
                centroid[i] += (double)c->features[p * c->width + i];
        for (int64_t i = 0; i < c->width; i++)
            centroid[i] /= (double)count;
    }
}

static int64_t find_medoids(const struct vain_memory_clustering *c)
{
    int64_t found = 0;
    for (int64_t k = 0; k < c->clusters; k++) {
        int64_t medoid = -1;
        for (int64_t p = 0; p < c->points; p++)
            if (c->assignment[p] == k && (medoid < 0 || c->distances[p] < c->distances[medoid]))
                medoid = p;
        if (medoid >= 0)
            c->medoids[found++] = medoid;
    }
    return found;
}

int64_t vain_memory_cluster(const struct vain_memory_clustering *clustering)
{
    const struct vain_memory_clustering *c = clustering;
    struct vain_memory_draw draw = {c->random, DRAW_PURPOSE, c->number, 0};
    VAIN_ASSERT(c->clusters >= 1 && c->clusters <= c->points);
    start_at(c, 0, vain_memory_draw_below(&draw, c->points));
    for (int64_t k = 1; k < c->clusters; k++)
        start_at(c, k, far_point(c, &draw));
    for (int64_t p = 0; p < c->points; p++)
        c->assignment[p] = -1;
    for (int pass = 0; pass < VAIN_CLUSTER_PASSES && assign(c); pass++)
        move(c);
    (void)assign(c);
    return find_medoids(c);
}
