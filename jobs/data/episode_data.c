/* A part of the classes is no part of the tests: all members are judged on the same ones. */
#include "jobs/data/episode_data.h"

static enum vain_status open_pools(const struct vain_data_options *options, uint64_t seed,
                                   int member, int member_count, struct vain_episode_data *out)
{
    const bool all = options->partition == VAIN_PARTITION_SHARED ||
                     options->partition == VAIN_PARTITION_NAMED || member_count == 1;
    const struct vain_class_share share = {
        .kind = VAIN_CLIENTS_IID,
        .member = member,
        .member_count = member_count,
        .random = vain_random_stream(seed, VAIN_PURPOSE_DATA, "classes")};
    VAIN_TRY(vain_class_pool_open(&out->episodes, VAIN_EPISODES_TRAIN, all ? NULL : &share,
                                  &out->pools[0]));
    return vain_class_pool_open(&out->episodes, VAIN_EPISODES_TEST, NULL, &out->pools[1]);
}

enum vain_status vain_episode_data_open(const struct vain_data_options *options, const char *path,
                                        uint64_t seed, int member, int member_count,
                                        struct vain_episode_data *out)
{
    const struct vain_episode_source source = {.path = path,
                                               .images = options->episode_images,
                                               .labels = options->episode_labels,
                                               .order = options->episode_order,
                                               .groups = "",
                                               .train_classes = options->train_classes,
                                               .test_classes = options->test_classes,
                                               .rotations = options->rotations,
                                               .pixels = {.full = options->full,
                                                          .invert = options->invert,
                                                          .mean = options->mean,
                                                          .deviation = options->deviation}};
    *out = (struct vain_episode_data){0};
    VAIN_TRY(vain_episodes_open(&source, &out->episodes));
    const enum vain_status status = open_pools(options, seed, member, member_count, out);
    if (status != VAIN_OK)
        vain_episode_data_close(out);
    return status;
}

void vain_episode_data_close(struct vain_episode_data *data)
{
    vain_class_pool_close(&data->pools[0]);
    vain_class_pool_close(&data->pools[1]);
    vain_episodes_close(&data->episodes);
}

int64_t vain_episode_data_bytes(const struct vain_episode_data *data)
{
    const struct vain_array *array = &data->episodes.images.array;
    return array->count * (int64_t)vain_array_element_bytes(array->type);
}
