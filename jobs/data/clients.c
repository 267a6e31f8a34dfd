/* Each way of splitting writes the owner of every example; one counting sort turns that into lists.
 * So what makes a split a partition is in one place. Sequences of the stream: (0, 0) for the one
 * order of iid, by-label and by-group; (try, label) for Dirichlet, tries from 1. */
#include "jobs/data/clients.h"

#include "base/memory.h"
#include "jobs/data/draw.h"
#include "jobs/data/label_index.h"
#include "jobs/data/partition.h"

/* 0, 1, 2, ... in random order; gives memory to release. */
static enum vain_status take_order(int64_t count, struct vain_draw *draw, int64_t **out)
{
    void *order;
    *out = NULL;
    VAIN_TRY(vain_take_array(count, sizeof **out, "order of examples", &order));
    *out = order;
    for (int64_t i = 0; i < count; i++)
        (*out)[i] = i;
    vain_draw_shuffle(draw, *out, count);
    return VAIN_OK;
}

static enum vain_status split_iid(const struct vain_client_options *options,
                                  struct vain_random random, int32_t *owners)
{
    struct vain_draw draw = vain_draw_start(random, 0, 0);
    int64_t *order;
    VAIN_TRY(take_order(options->count, &draw, &order));
    for (int client = 0; client < options->client_count; client++) {
        int64_t begin, end;
        vain_partition_part(options->count, client, options->client_count, &begin, &end);
        for (int64_t i = begin; i < end; i++)
            owners[order[i]] = client;
    }
    vain_release(order);
    return VAIN_OK;
}

static enum vain_status split_by_label(const struct vain_client_options *options,
                                       struct vain_random random, int32_t *owners)
{
    const int shards = VAIN_SHARDS_OF_A_CLIENT * options->client_count;
    struct vain_draw draw = vain_draw_start(random, 0, 0);
    enum vain_status status = VAIN_OK;
    int64_t *order = NULL;
    struct vain_label_index index = {0};
    VAIN_TRY_OUT(vain_label_index_make(options->labels, options->count, options->class_count, NULL,
                                       0, &index));
    VAIN_TRY_OUT(take_order(shards, &draw, &order));
    for (int i = 0; i < shards; i++) {
        int64_t begin, end;
        vain_partition_part(options->count, (int)order[i], shards, &begin, &end);
        for (int64_t k = begin; k < end; k++)
            owners[index.rows[k]] = i / VAIN_SHARDS_OF_A_CLIENT;
    }
out:
    vain_release(order);
    vain_label_index_release(&index);
    return status;
}

/* Proportions of the clients from Dirichlet(alpha): gamma variates over their sum, by way of their
 * logarithms so that the largest never vanishes. `weights` (client_count). */
static void draw_proportions(struct vain_draw *draw, double alpha, int client_count,
                             double *weights)
{
    double largest = 0, sum = 0;
    for (int i = 0; i < client_count; i++) {
        weights[i] = vain_draw_log_gamma(draw, alpha);
        largest = i == 0 || weights[i] > largest ? weights[i] : largest;
    }
    for (int i = 0; i < client_count; i++) {
        weights[i] = vain_draw_exp(weights[i] - largest);
        sum += weights[i];
    }
    for (int i = 0; i < client_count; i++)
        weights[i] /= sum;
}

/* Deal the `count` examples of one label: client i ends where the proportions up to it do. */
static void deal_label(const struct vain_client_options *options, struct vain_draw *draw,
                       int64_t *rows, int64_t count, double *weights, int32_t *owners)
{
    vain_draw_shuffle(draw, rows, count);
    draw_proportions(draw, options->alpha, options->client_count, weights);
    double share = 0;
    int64_t at = 0;
    for (int client = 0; client < options->client_count; client++) {
        share += weights[client];
        const bool last = client + 1 == options->client_count;
        int64_t end = last ? count : (int64_t)(share * (double)count);
        end = end > count ? count : end;
        for (; at < end; at++)
            owners[rows[at]] = client;
    }
}

static int64_t count_without(const struct vain_client_options *options, const int32_t *owners,
                             int64_t *sizes)
{
    int64_t without = 0;
    for (int i = 0; i < options->client_count; i++)
        sizes[i] = 0;
    for (int64_t i = 0; i < options->count; i++)
        sizes[owners[i]]++;
    for (int i = 0; i < options->client_count; i++)
        without += sizes[i] == 0;
    return without;
}

static enum vain_status deal_labels(const struct vain_client_options *options,
                                    struct vain_random random, const struct vain_label_index *index,
                                    double *weights, int64_t *sizes, int32_t *owners)
{
    int64_t without = 0;
    for (uint32_t attempt = 1; attempt <= VAIN_DIRICHLET_TRIES; attempt++) {
        for (int64_t label = 0; label < index->class_count; label++) {
            struct vain_draw draw = vain_draw_start(random, attempt, (uint32_t)label);
            deal_label(options, &draw, index->rows + index->begin[label],
                       vain_label_index_count(index, label), weights, owners);
        }
        without = count_without(options, owners, sizes);
        if (without == 0)
            return VAIN_OK;
    }
    return vain_fail(VAIN_ERR_INPUT,
                     "%s: %lld examples of %lld labels in proportions of Dirichlet(%g) left %lld "
                     "of %d clients without any, after %d draws; take fewer clients or a larger "
                     "alpha",
                     options->what, (long long)options->count, (long long)options->class_count,
                     options->alpha, (long long)without, options->client_count,
                     VAIN_DIRICHLET_TRIES);
}

static enum vain_status split_dirichlet(const struct vain_client_options *options,
                                        struct vain_random random, int32_t *owners)
{
    if (!(options->alpha >= VAIN_DIRICHLET_ALPHA_MIN && options->alpha <= VAIN_DIRICHLET_ALPHA_MAX))
        return vain_fail(VAIN_ERR_INPUT, "%s: dirichlet: %g; expected %g to %g", options->what,
                         options->alpha, VAIN_DIRICHLET_ALPHA_MIN, VAIN_DIRICHLET_ALPHA_MAX);
    enum vain_status status = VAIN_OK;
    void *weights = NULL, *sizes = NULL;
    struct vain_label_index index = {0};
    VAIN_TRY_OUT(vain_label_index_make(options->labels, options->count, options->class_count, NULL,
                                       0, &index));
    VAIN_TRY_OUT(vain_take_array(options->client_count, sizeof(double), "proportions", &weights));
    VAIN_TRY_OUT(
        vain_take_array(options->client_count, sizeof(int64_t), "sizes of clients", &sizes));
    status = deal_labels(options, random, &index, weights, sizes, owners);
out:
    vain_release(sizes);
    vain_release(weights);
    vain_label_index_release(&index);
    return status;
}

/* ---- Groups ---- */

static enum vain_status check_groups(const struct vain_client_options *options)
{
    for (int64_t i = 0; i < options->count; i++) {
        if (options->groups[i] < 0 || options->groups[i] >= VAIN_GROUPS_MAX)
            return vain_fail(VAIN_ERR_INPUT, "%s: group of example %lld is %d; expected 0 to %d",
                             options->what, (long long)i, (int)options->groups[i],
                             VAIN_GROUPS_MAX - 1);
    }
    return VAIN_OK;
}

static int smallest(const int64_t *sizes, int count)
{
    int best = 0;
    for (int i = 1; i < count; i++) {
        if (sizes[i] < sizes[best])
            best = i;
    }
    return best;
}

static enum vain_status deal_groups(const struct vain_client_options *options,
                                    const struct vain_label_index *index, const int64_t *order,
                                    int64_t *sizes, int32_t *owners)
{
    int64_t groups = 0;
    for (int64_t i = 0; i < index->class_count; i++) {
        const int64_t group = order[i], size = vain_label_index_count(index, group);
        if (size == 0)
            continue;
        const int client = smallest(sizes, options->client_count);
        for (int64_t k = 0; k < size; k++)
            owners[index->rows[index->begin[group] + k]] = client;
        sizes[client] += size;
        groups++;
    }
    if (groups < options->client_count)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: has %lld groups, and each of %d clients takes at least one; take "
                         "fewer clients",
                         options->what, (long long)groups, options->client_count);
    return VAIN_OK;
}

static enum vain_status split_by_group(const struct vain_client_options *options,
                                       struct vain_random random, int32_t *owners)
{
    VAIN_TRY(check_groups(options));
    struct vain_draw draw = vain_draw_start(random, 0, 0);
    enum vain_status status = VAIN_OK;
    int64_t *order = NULL;
    void *sizes = NULL;
    struct vain_label_index index = {0};
    VAIN_TRY_OUT(
        vain_label_index_make(options->groups, options->count, VAIN_GROUPS_MAX, NULL, 0, &index));
    VAIN_TRY_OUT(take_order(VAIN_GROUPS_MAX, &draw, &order));
    VAIN_TRY_OUT(
        vain_take_array(options->client_count, sizeof(int64_t), "sizes of clients", &sizes));
    status = deal_groups(options, &index, order, sizes, owners);
out:
    vain_release(sizes);
    vain_release(order);
    vain_label_index_release(&index);
    return status;
}

/* ---- Lists ---- */

static enum vain_status find_owners(const struct vain_client_options *options,
                                    struct vain_random random, int32_t *owners)
{
    switch (options->kind) {
    case VAIN_CLIENTS_IID:
        return split_iid(options, random, owners);
    case VAIN_CLIENTS_BY_LABEL:
        return split_by_label(options, random, owners);
    case VAIN_CLIENTS_DIRICHLET:
        return split_dirichlet(options, random, owners);
    default:
        VAIN_ASSERT(options->kind == VAIN_CLIENTS_BY_GROUP);
        return split_by_group(options, random, owners);
    }
}

enum vain_status vain_clients_split(const struct vain_client_options *options,
                                    struct vain_random random, struct vain_clients *out)
{
    *out = (struct vain_clients){0};
    VAIN_ASSERT(options->client_count >= 1 && options->client_count <= VAIN_CLIENTS_MAX);
    const int least = options->kind == VAIN_CLIENTS_BY_LABEL ? VAIN_SHARDS_OF_A_CLIENT : 1;
    if (options->count / least < options->client_count)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: %lld examples are too few for %d clients of at least %d; take fewer "
                         "clients",
                         options->what, (long long)options->count, options->client_count, least);
    void *owners;
    VAIN_TRY(vain_take_array(options->count, sizeof(int32_t), "owners of examples", &owners));
    enum vain_status status = find_owners(options, random, owners);
    struct vain_label_index index = {0};
    if (status == VAIN_OK)
        status =
            vain_label_index_make(owners, options->count, options->client_count, NULL, 0, &index);
    vain_release(owners);
    if (status == VAIN_OK)
        *out = (struct vain_clients){options->client_count, index.begin, index.rows};
    return status;
}

void vain_clients_release(struct vain_clients *clients)
{
    vain_release(clients->begin);
    vain_release(clients->indices);
    *clients = (struct vain_clients){0};
}

const int64_t *vain_clients_examples(const struct vain_clients *clients, int client, int64_t *count)
{
    VAIN_ASSERT(client >= 0 && client < clients->client_count);
    *count = clients->begin[client + 1] - clients->begin[client];
    return clients->indices + clients->begin[client];
}
