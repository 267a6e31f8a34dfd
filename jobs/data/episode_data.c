/* The members' classes are dealt by a stream that all share. */
#include "jobs/data/episode_data.h"

#include <string.h>

static enum vain_status open_pools(const struct vain_data_options *options, uint64_t seed,
                                   int member, int member_count, struct vain_episode_data *out)
{
    const int partition = options->partition;
    const bool all = partition == VAIN_PARTITION_SHARED || partition == VAIN_PARTITION_NAMED;
    const struct vain_class_share share = {
        .kind = partition == VAIN_PARTITION_BY_GROUP ? VAIN_CLIENTS_BY_GROUP : VAIN_CLIENTS_IID,
        .member = member,
        .member_count = member_count,
        .random = vain_random_stream(seed, VAIN_PURPOSE_DATA, "classes"),
    };
    if (partition == VAIN_PARTITION_BY_LABEL || partition == VAIN_PARTITION_DIRICHLET)
        return vain_fail(VAIN_ERR_INPUT,
                         "data.partition: classes of few-shot tasks have no labels to be parted "
                         "by; use shared, disjoint, iid or by-group");
    VAIN_TRY(
        vain_class_pool_open(&out->set, VAIN_EPISODES_TRAIN, all ? NULL : &share, &out->train));
    return vain_class_pool_open(&out->set, VAIN_EPISODES_TEST, NULL, &out->test);
}

enum vain_status vain_episode_data_open(const struct vain_data_options *options, const char *path,
                                        uint64_t seed, int member, int member_count,
                                        struct vain_episode_data *out)
{
    const struct vain_episode_source source = {.path = path,
                                               .images = options->episode_images,
                                               .labels = "",
                                               .order = options->episode_order,
                                               .groups = options->episode_groups,
                                               .train_classes = options->train_classes,
                                               .rotations = options->rotations,
                                               .pixels = {.full = options->pixel_maximum,
                                                          .invert = options->invert,
                                                          .mean = options->mean,
                                                          .deviation = options->deviation}};
    memset(out, 0, sizeof *out);
    VAIN_TRY(vain_episodes_open(&source, &out->set));
    const enum vain_status status = open_pools(options, seed, member, member_count, out);
    if (status != VAIN_OK)
        vain_episode_data_close(out);
    return status;
}

void vain_episode_data_close(struct vain_episode_data *data)
{
    vain_class_pool_close(&data->train);
    vain_class_pool_close(&data->test);
    vain_episodes_close(&data->set);
    memset(data, 0, sizeof *data);
}
