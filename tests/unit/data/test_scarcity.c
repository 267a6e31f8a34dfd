/* Memory that runs out at every place in turn: each opening says so and leaves nothing behind. */
#include <string.h>

#include "base/memory.h"
#include "jobs/data/clients.h"
#include "jobs/data/episodes.h"
#include "jobs/data/images.h"
#include "jobs/data/pairs.h"
#include "jobs/data/sentences.h"
#include "tests/unit/data/maker.h"
#include "tests/unit/data/scratch.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

enum { ROWS = 12 };
static const struct vain_random stream = {{1, 2}};
static const uint8_t bytes[ROWS * 4] = {0};
static const uint8_t labels[ROWS] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
static const int32_t wide_labels[ROWS] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};

static enum vain_status open_images(void)
{
    const struct vain_image_source source = {
        .path = scratch_path("scarce.h5"), .images = "images", .labels = "labels"};
    struct vain_images images;
    const enum vain_status status = vain_images_open(&source, &images);
    vain_images_close(&images);
    return status;
}

static enum vain_status open_pool(const struct vain_episodes *episodes)
{
    const struct vain_class_share share = {VAIN_CLIENTS_BY_GROUP, 0, 2, stream};
    struct vain_class_pool pool;
    const enum vain_status status =
        vain_class_pool_open(episodes, VAIN_EPISODES_TRAIN, &share, &pool);
    vain_class_pool_close(&pool);
    return status;
}

static enum vain_status open_episodes(void)
{
    const struct vain_episode_source source = {.path = scratch_path("scarce.h5"),
                                               .images = "square",
                                               .labels = "",
                                               .order = "order",
                                               .groups = "order",
                                               .train_classes = 2};
    struct vain_episodes episodes;
    enum vain_status status = vain_episodes_open(&source, &episodes);
    if (status == VAIN_OK)
        status = open_pool(&episodes);
    vain_episodes_close(&episodes);
    return status;
}

static enum vain_status open_sentences(void)
{
    static const char text[] = "train\t0\ta b c a\ntrain\t1\tq\ntest\t1\ta b";
    const struct vain_sentence_source source = {.path = "x", .splits = {"train", "", "test"}};
    struct vain_sentences sentences;
    const enum vain_status status = vain_sentences_read(&source, text, sizeof text - 1, &sentences);
    vain_sentences_close(&sentences);
    return status;
}

static enum vain_status open_pairs(void)
{
    struct vain_pairs pairs;
    const enum vain_status status =
        vain_pairs_open("x", wide_labels, ROWS, 3, NULL, 0, 2, 2, &pairs);
    vain_pairs_close(&pairs);
    return status;
}

static enum vain_status split(int kind)
{
    const struct vain_client_options options = {.kind = kind,
                                                .client_count = 2,
                                                .alpha = 1,
                                                .what = "x",
                                                .count = ROWS,
                                                .labels = wide_labels,
                                                .class_count = 3,
                                                .groups = wide_labels};
    struct vain_clients clients;
    const enum vain_status status = vain_clients_split(&options, stream, &clients);
    vain_clients_release(&clients);
    return status;
}

static enum vain_status split_each_way(void)
{
    for (int kind = VAIN_CLIENTS_IID; kind <= VAIN_CLIENTS_BY_GROUP; kind++)
        VAIN_TRY(split(kind));
    return VAIN_OK;
}

/* Fails at the first taking of memory, at the second, and so on, until there is enough. */
static void survive(enum vain_status (*run)(void))
{
    enum { TAKES_MAX = 64 };
    int takes = 0;
    enum vain_status status = VAIN_ERR_MEMORY;
    for (; takes < TAKES_MAX && status != VAIN_OK; takes++) {
        shortage_after(takes);
        status = run();
        shortage_end();
        CU_ASSERT(status == VAIN_OK || status == VAIN_ERR_MEMORY);
        CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
    }
    CU_ASSERT_EQUAL(status, VAIN_OK);
    CU_ASSERT(takes > 2);
}

static void every_opening_survives_a_shortage(void)
{
    const hid_t byte = H5T_NATIVE_UINT8;
    const struct maker_set sets[] = {{"images", byte, byte, 3, {ROWS, 2, 2}, 0, bytes},
                                     {"square", byte, byte, 4, {3, 4, 2, 2}, 0, bytes},
                                     {"labels", byte, byte, 1, {ROWS}, 0, labels},
                                     {"order", byte, byte, 1, {3}, 0, labels}};
    (void)maker_hdf5("scarce.h5", sets, 4);
    enum vain_status (*const runs[])(void) = {open_images, open_episodes, open_sentences,
                                              open_pairs, split_each_way};
    for (size_t i = 0; i < VAIN_COUNT_OF(runs); i++)
        survive(runs[i]);
}

static const struct vain_test tests[] = {
    {"every opening survives a shortage", every_opening_survives_a_shortage}, {NULL, NULL}};
const struct vain_suite vain_suite_scarcity = {"data: scarcity", tests};
