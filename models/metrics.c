/* Votes, clusters and their information. */
#include "models/metrics.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* ---- Nearest neighbours ---- */

/* Insert into the list of `held` neighbours, most similar first. */
static void insert(struct vain_neighbour *nearest, int64_t held, struct vain_neighbour found)
{
    int64_t at = held;
    while (at > 0 && nearest[at - 1].similarity < found.similarity) {
        nearest[at] = nearest[at - 1];
        at--;
    }
    nearest[at] = found;
}

/* Votes for the label of neighbour i. */
static int64_t count_votes(const int32_t *labels, int64_t k, const struct vain_neighbour *nearest,
                           int64_t i)
{
    int64_t votes = 0;
    for (int64_t j = 0; j < k; j++)
        votes += labels[nearest[j].row] == labels[nearest[i].row] ? 1 : 0;
    return votes;
}

int32_t vain_metric_vote(int64_t N, const float *similarities, const int32_t *labels, int64_t k,
                         struct vain_neighbour *nearest)
{
    VAIN_ASSERT(k >= 1 && k <= N);
    int64_t held = 0;
    for (int64_t row = 0; row < N; row++) {
        if (held == k && !(similarities[row] > nearest[k - 1].similarity))
            continue;
        held = held < k ? held + 1 : k;
        insert(nearest, held - 1, (struct vain_neighbour){similarities[row], row});
    }
    int64_t best = 0, most = 0; /* the first with the most votes has the nearest row */
    for (int64_t i = 0; i < k; i++) {
        const int64_t votes = count_votes(labels, k, nearest, i);
        if (votes > most) {
            most = votes;
            best = i;
        }
    }
    return labels[nearest[best].row];
}

/* ---- Clusters ---- */

enum { ITERATIONS_MOST = 100, LANES = 8 };

struct clusters {
    int64_t M, F, V;
    const float *rows;
    int32_t *assignments;
    float *centres;  /* (V, F) */
    double *sums;    /* (V, F) */
    int64_t *counts; /* (V) */
    double *nearest; /* (M) squared distance to the nearest centre so far */
};

static double distance(int64_t F, const float *a, const float *b)
{
    float lanes[LANES] = {0};
    int64_t f = 0;
    double sum = 0;
    for (; f + LANES <= F; f += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += (a[f + l] - b[f + l]) * (a[f + l] - b[f + l]);
    for (int l = 0; f < F; f++, l++)
        lanes[l] += (a[f] - b[f]) * (a[f] - b[f]);
    for (int l = 0; l < LANES; l++)
        sum += (double)lanes[l];
    return sum;
}

/* A row by its squared distance from the centres so far; where all are 0, by number. */
static int64_t draw_row(const struct clusters *c, struct vain_random random, int64_t v)
{
    uint32_t words[4];
    double total = 0, passed = 0;
    vain_random_block(random, 0, 0, (uint64_t)v, words);
    const double u = ((double)words[0] + 0.5) / 4294967296.0;
    for (int64_t i = 0; i < c->M; i++)
        total += c->nearest[i];
    if (!(total > 0))
        return (int64_t)(u * (double)c->M);
    for (int64_t i = 0; i < c->M; i++) {
        passed += c->nearest[i];
        if (passed > u * total)
            return i;
    }
    return c->M - 1;
}

static void seed_centres(const struct clusters *c, struct vain_random random)
{
    for (int64_t i = 0; i < c->M; i++)
        c->nearest[i] = 0; /* the first is drawn by number */
    for (int64_t v = 0; v < c->V; v++) {
        const int64_t drawn = draw_row(c, random, v);
        float *centre = c->centres + v * c->F;
        memcpy(centre, c->rows + drawn * c->F, (size_t)c->F * sizeof(float));
        for (int64_t i = 0; i < c->M; i++) {
            const double far = distance(c->F, c->rows + i * c->F, centre);
            c->nearest[i] = v == 0 || far < c->nearest[i] ? far : c->nearest[i];
        }
    }
}

/* Whether a row changed its cluster. */
static bool assign(const struct clusters *c)
{
    bool changed = false;
    for (int64_t i = 0; i < c->M; i++) {
        const float *row = c->rows + i * c->F;
        double least = INFINITY;
        int32_t best = 0;
        for (int64_t v = 0; v < c->V; v++) {
            const double far = distance(c->F, row, c->centres + v * c->F);
            if (far < least) {
                least = far;
                best = (int32_t)v;
            }
        }
        changed = changed || c->assignments[i] != best;
        c->assignments[i] = best;
    }
    return changed;
}

static void move_centres(const struct clusters *c)
{
    memset(c->sums, 0, (size_t)(c->V * c->F) * sizeof *c->sums);
    memset(c->counts, 0, (size_t)c->V * sizeof *c->counts);
    for (int64_t i = 0; i < c->M; i++) {
        double *sum = c->sums + c->assignments[i] * c->F;
        c->counts[c->assignments[i]]++;
        for (int64_t f = 0; f < c->F; f++)
            sum[f] += (double)c->rows[i * c->F + f];
    }
    for (int64_t v = 0; v < c->V; v++)
        for (int64_t f = 0; f < c->F && c->counts[v] > 0; f++)
            c->centres[v * c->F + f] = (float)(c->sums[v * c->F + f] / (double)c->counts[v]);
}

static enum vain_status take_room(struct clusters *c)
{
    VAIN_TRY(vain_take_array(c->V * c->F, sizeof *c->centres, "centres of clusters",
                             (void **)&c->centres));
    VAIN_TRY(
        vain_take_array(c->V * c->F, sizeof *c->sums, "centres of clusters", (void **)&c->sums));
    VAIN_TRY(vain_take_array(c->V, sizeof *c->counts, "sizes of clusters", (void **)&c->counts));
    return vain_take_array(c->M, sizeof *c->nearest, "distances of clusters", (void **)&c->nearest);
}

enum vain_status vain_metric_cluster(int64_t M, int64_t F, const float *rows, int64_t clusters,
                                     struct vain_random random, int32_t *assignments)
{
    struct clusters c = {.M = M, .F = F, .V = clusters, .rows = rows, .assignments = assignments};
    VAIN_ASSERT(clusters >= 1 && clusters <= M);
    for (int64_t i = 0; i < M; i++)
        assignments[i] = -1;
    const enum vain_status status = take_room(&c);
    if (status == VAIN_OK) {
        seed_centres(&c, random);
        for (int n = 0; n < ITERATIONS_MOST && assign(&c); n++)
            move_centres(&c);
    }
    vain_release(c.centres);
    vain_release(c.sums);
    vain_release(c.counts);
    vain_release(c.nearest);
    return status;
}

/* ---- Information ---- */

/* Entropy in nats of a grouping whose groups have these sizes. */
static double entropy(int64_t count, const int64_t *sizes, int64_t M)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        if (sizes[i] > 0)
            sum -= (double)sizes[i] / (double)M * log((double)sizes[i] / (double)M);
    return sum;
}

enum vain_status vain_metric_mutual_information(int64_t M, const int32_t *a, int64_t a_count,
                                                const int32_t *b, int64_t b_count, double *out)
{
    int64_t *sizes = NULL;
    *out = (double)NAN;
    VAIN_ASSERT(M > 0);
    VAIN_TRY(vain_take_array(a_count + b_count + a_count * b_count, sizeof *sizes,
                             "a table of groups", (void **)&sizes));
    int64_t *of_b = sizes + a_count, *of_both = of_b + b_count;
    for (int64_t i = 0; i < M; i++) {
        VAIN_ASSERT(a[i] >= 0 && a[i] < a_count);
        VAIN_ASSERT(b[i] >= 0 && b[i] < b_count);
        sizes[a[i]]++;
        of_b[b[i]]++;
        of_both[a[i] * b_count + b[i]]++;
    }
    const double own = entropy(a_count, sizes, M), other = entropy(b_count, of_b, M),
                 both = entropy(a_count * b_count, of_both, M);
    *out = own + other > 0 ? 2 * (own + other - both) / (own + other) : 1;
    vain_release(sizes);
    return VAIN_OK;
}
