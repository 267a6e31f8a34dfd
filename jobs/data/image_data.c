/* Clients are dealt to members like cards: client c is played by member c mod members. */
#include "jobs/data/image_data.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/data/partition.h"

static struct vain_image_source source_of(const struct vain_data_options *options, const char *path,
                                          const char *images, const char *labels)
{
    return (struct vain_image_source){.path = path,
                                      .images = images,
                                      .labels = labels,
                                      .class_count = options->classes,
                                      .pixels = {.full = options->pixel_maximum,
                                                 .invert = options->invert,
                                                 .mean = options->mean,
                                                 .deviation = options->deviation}};
}

/* The test set has the classes of the training set, whatever its own largest label is. */
static enum vain_status open_sets(const struct vain_data_options *options, const char *path,
                                  struct vain_image_data *out)
{
    const struct vain_image_source train =
        source_of(options, path, options->train_images, options->train_labels);
    VAIN_TRY(vain_images_open(&train, &out->train));
    struct vain_image_source test =
        source_of(options, path, options->test_images, options->test_labels);
    test.class_count = out->train.class_count;
    VAIN_TRY(vain_images_open(&test, &out->test));
    if (out->train.height != out->test.height || out->train.width != out->test.width ||
        out->train.channels != out->test.channels)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: images of '%s' are %lld x %lld x %lld, those of '%s' %lld x %lld x "
                         "%lld; name sets of one shape with data.train_images and data.test_images",
                         path, options->train_images, (long long)out->train.height,
                         (long long)out->train.width, (long long)out->train.channels,
                         options->test_images, (long long)out->test.height,
                         (long long)out->test.width, (long long)out->test.channels);
    return VAIN_OK;
}

/* Parts in the order of the file. */
static enum vain_status cut_in_order(int64_t count, int clients, struct vain_clients *out)
{
    if (count < clients)
        return vain_fail(VAIN_ERR_INPUT,
                         "data.partition: %lld images are too few for %d parts; use fewer members "
                         "or clients",
                         (long long)count, clients);
    *out = (struct vain_clients){.client_count = clients};
    VAIN_TRY(vain_take_array(clients + 1, sizeof *out->begin, "clients", (void **)&out->begin));
    VAIN_TRY(vain_take_array(count, sizeof *out->indices, "clients", (void **)&out->indices));
    for (int64_t i = 0; i < count; i++)
        out->indices[i] = i;
    for (int c = 0; c < clients; c++)
        vain_partition_part(count, c, clients, &out->begin[c], &out->begin[c + 1]);
    return VAIN_OK;
}

static enum vain_status cut(const struct vain_data_options *options, uint64_t seed, int clients,
                            struct vain_image_data *out)
{
    static const int kinds[] = {[VAIN_PARTITION_NAMED] = VAIN_CLIENTS_IID,
                                [VAIN_PARTITION_IID] = VAIN_CLIENTS_IID,
                                [VAIN_PARTITION_BY_LABEL] = VAIN_CLIENTS_BY_LABEL,
                                [VAIN_PARTITION_DIRICHLET] = VAIN_CLIENTS_DIRICHLET};
    if (options->partition == VAIN_PARTITION_BY_GROUP)
        return vain_fail(VAIN_ERR_INPUT,
                         "data.partition: images have no groups; use shared, disjoint, iid, "
                         "by-label or dirichlet");
    if (options->partition == VAIN_PARTITION_DISJOINT ||
        options->partition == VAIN_PARTITION_SHARED)
        return cut_in_order(out->train.count, clients, &out->clients);
    char what[VAIN_PATH_BYTES + VAIN_ARRAY_NAME_BYTES + 8];
    (void)snprintf(what, sizeof what, "%s: '%s'", out->train.path, out->train.name);
    const struct vain_client_options split = {.kind = kinds[options->partition],
                                              .client_count = clients,
                                              .alpha = options->dirichlet_alpha,
                                              .what = what,
                                              .count = out->train.count,
                                              .labels = out->train.labels,
                                              .class_count = out->train.class_count};
    return vain_clients_split(&split, vain_random_stream(seed, VAIN_PURPOSE_DATA, "clients"),
                              &out->clients);
}

/* How many clients there are to cut for, and which of them are this member's. */
static enum vain_status deal(const struct vain_data_options *options, int member, int member_count,
                             int *clients, struct vain_image_data *out)
{
    const int64_t asked = options->clients > 0 ? options->clients : member_count;
    const int64_t own = asked / member_count;
    const bool alone =
        options->partition == VAIN_PARTITION_SHARED || options->partition == VAIN_PARTITION_NAMED;
    if (asked % member_count != 0)
        return vain_fail(VAIN_ERR_INPUT,
                         "data.clients: %lld clients cannot be shared evenly by %d members; give a "
                         "multiple of %d, such as %lld",
                         (long long)asked, member_count, member_count,
                         (long long)(own > 0 ? own : 1) * member_count);
    *clients = (int)(alone ? own : asked);
    out->first_client = alone ? 0 : member;
    out->client_step = alone ? 1 : member_count;
    out->client_count = (int)own;
    return VAIN_OK;
}

enum vain_status vain_image_data_open(const struct vain_data_options *options, const char *path,
                                      uint64_t seed, int member, int member_count,
                                      struct vain_image_data *out)
{
    int clients = 1;
    memset(out, 0, sizeof *out);
    enum vain_status status = deal(options, member, member_count, &clients, out);
    if (status == VAIN_OK)
        status = open_sets(options, path, out);
    if (status == VAIN_OK)
        status = cut(options, seed, clients, out);
    if (status != VAIN_OK)
        vain_image_data_close(out);
    return status;
}

void vain_image_data_close(struct vain_image_data *data)
{
    vain_images_close(&data->train);
    vain_images_close(&data->test);
    vain_clients_release(&data->clients);
    memset(data, 0, sizeof *data);
}

const int64_t *vain_image_data_client(const struct vain_image_data *data, int index, int64_t *count)
{
    VAIN_ASSERT(index >= 0 && index < data->client_count);
    return vain_clients_examples(&data->clients, data->first_client + index * data->client_step,
                                 count);
}

static int64_t set_bytes(const struct vain_images *set)
{
    return set->array.count * (int64_t)vain_array_element_bytes(set->array.type) +
           set->count * (int64_t)sizeof *set->labels;
}

int64_t vain_image_data_bytes(const struct vain_image_data *data)
{
    return set_bytes(&data->train) + set_bytes(&data->test) +
           data->train.count * (int64_t)sizeof *data->clients.indices;
}
