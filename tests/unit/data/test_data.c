/* One kind of data behind one name: what members have of it, and what they must have in common. */
#include "jobs/data/data.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/data/maker.h"
#include "tests/unit/data/scratch.h"
#include "tests/unit/suite.h"

enum { TRAIN = 24, TEST = 6, PIXELS = 4, CLASSES = 6, DRAWINGS = 4, MEMBERS = 3 };

static const char *const names[MEMBERS] = {"cy", "ann", "bob"};
static uint8_t pixels[TRAIN * PIXELS];
static uint8_t labels[TRAIN];

static const char *make_file(const char *file)
{
    for (int i = 0; i < TRAIN; i++)
        labels[i] = (uint8_t)(i % 3);
    const struct maker_set sets[] = {
        {"train_images", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 3, {TRAIN, 2, 2}, 0, pixels},
        {"train_labels", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 1, {TRAIN}, 0, labels},
        {"test_images", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 3, {TEST, 2, 2}, 0, pixels},
        {"test_labels", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 1, {TEST}, 0, labels},
        {"wide_images", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 3, {TEST, 2, 4}, 0, pixels},
        {"drawings", H5T_NATIVE_UINT8, H5T_NATIVE_UINT8, 4, {CLASSES, DRAWINGS, 2, 2}, 0, pixels}};
    return maker_hdf5(file, sets, 6);
}

static struct vain_data_options options_of(const char *images, const char *episodes)
{
    struct vain_data_options options;
    const struct vain_option_section section = {vain_data_option_rows, vain_data_option_count,
                                                &options};
    memset(&options, 0, sizeof options);
    vain_option_defaults(&section, 1);
    (void)snprintf(options.images, sizeof options.images, "%s", images);
    (void)snprintf(options.episodes, sizeof options.episodes, "%s", episodes);
    (void)snprintf(options.episode_images, sizeof options.episode_images, "drawings");
    options.train_classes = 4;
    return options;
}

static enum vain_status open_at(const struct vain_data_options *options, const char *own_name,
                                struct vain_data *out)
{
    const struct vain_data_place place = {
        .names = names, .name_count = MEMBERS, .own_name = own_name, .context = 8, .seed = 5};
    return vain_data_open(options, &place, out);
}

static void expect(const struct vain_data_options *options, const char *words)
{
    struct vain_data data;
    CU_ASSERT_EQUAL(open_at(options, "ann", &data), VAIN_ERR_INPUT);
    if (strstr(vain_fail_message(), words) == NULL)
        printf("message: %s\n", vain_fail_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
    vain_fail_clear();
}

/* How often each training image is some member's, over all members and their clients. */
static void count_examples(const struct vain_data_options *options, int clients_each,
                           int seen[TRAIN])
{
    memset(seen, 0, TRAIN * sizeof *seen);
    for (int m = 0; m < MEMBERS; m++) {
        struct vain_data data;
        CU_ASSERT_EQUAL_FATAL(open_at(options, names[m], &data), VAIN_OK);
        CU_ASSERT_EQUAL(data.images.client_count, clients_each);
        for (int c = 0; c < data.images.client_count; c++) {
            int64_t count;
            const int64_t *examples = vain_image_data_client(&data.images, c, &count);
            for (int64_t i = 0; i < count; i++)
                seen[examples[i]]++;
        }
        vain_data_close(&data);
    }
}

static void images_are_cut_among_members(void)
{
    static const int disjoint[] = {VAIN_PARTITION_DISJOINT, VAIN_PARTITION_IID,
                                   VAIN_PARTITION_BY_LABEL, VAIN_PARTITION_DIRICHLET};
    struct vain_data_options options = options_of(make_file("data.h5"), "");
    int seen[TRAIN];
    for (size_t p = 0; p < VAIN_COUNT_OF(disjoint); p++) {
        options.partition = disjoint[p];
        for (int clients = 0; clients <= 6; clients += 3) {
            options.clients = clients;
            count_examples(&options, clients == 0 ? 1 : clients / MEMBERS, seen);
            for (int i = 0; i < TRAIN; i++)
                CU_ASSERT_EQUAL(seen[i], 1);
        }
    }
    options.clients = 0;
    options.partition = VAIN_PARTITION_SHARED;
    count_examples(&options, 1, seen);
    for (int i = 0; i < TRAIN; i++)
        CU_ASSERT_EQUAL(seen[i], MEMBERS);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void what_is_common_is_known(void)
{
    const struct vain_data_options options = options_of(make_file("data.h5"), "");
    struct vain_data data;
    CU_ASSERT_EQUAL_FATAL(open_at(&options, "bob", &data), VAIN_OK);
    CU_ASSERT_EQUAL(data.kind, VAIN_DATA_IMAGES);
    CU_ASSERT_EQUAL(data.symbol_count, 3);
    CU_ASSERT_STRING_EQUAL(data.symbol_kind, "classes");
    CU_ASSERT_PTR_NULL(data.vocabulary);
    CU_ASSERT_EQUAL(data.member, 1);
    CU_ASSERT_EQUAL(data.member_count, MEMBERS);
    CU_ASSERT(data.bytes >= (TRAIN + TEST) * PIXELS);
    vain_data_close(&data);
    vain_data_close(&data);
}

/* More classes, or images of another size, are another model. */
static void hashes_tell_models_apart(void)
{
    uint8_t plain[32], again[32], more[32];
    struct vain_data_options options = options_of(make_file("data.h5"), "");
    struct vain_data data;
    CU_ASSERT_EQUAL_FATAL(open_at(&options, "ann", &data), VAIN_OK);
    vain_data_hash(&data, plain);
    vain_data_close(&data);
    CU_ASSERT_EQUAL_FATAL(open_at(&options, "cy", &data), VAIN_OK);
    vain_data_hash(&data, again);
    vain_data_close(&data);
    options.classes = 7;
    CU_ASSERT_EQUAL_FATAL(open_at(&options, "ann", &data), VAIN_OK);
    vain_data_hash(&data, more);
    vain_data_close(&data);
    CU_ASSERT_EQUAL(memcmp(plain, again, sizeof plain), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(plain, more, sizeof plain), 0);
}

/* Symbols that were stored against those of the data: of one kind, of two, and of none. */
static void the_first_difference_is_found(void)
{
    static const uint32_t letters[] = {97, 98, 99, 100}, others[] = {97, 98, 120, 121};
    static const char words[3][VAIN_WORD_BYTES] = {"<padding>", "a", "b"},
                      twins[3][VAIN_WORD_BYTES] = {"<padding>", "a", "c"};
    const struct vain_data text = {.symbol_count = 3, .vocabulary = letters},
                           said = {.symbol_count = 3, .words = words[0]},
                           counted = {.symbol_count = 3};
    CU_ASSERT_EQUAL(vain_data_first_difference(&text, 3, letters, NULL), -1);
    CU_ASSERT_EQUAL(vain_data_first_difference(&text, 4, letters, NULL), 3);
    CU_ASSERT_EQUAL(vain_data_first_difference(&text, 2, letters, NULL), 2);
    CU_ASSERT_EQUAL(vain_data_first_difference(&text, 3, others, NULL), 2);
    CU_ASSERT_EQUAL(vain_data_first_difference(&text, 3, NULL, words[0]), 0);
    CU_ASSERT_EQUAL(vain_data_first_difference(&text, 3, NULL, NULL), 0);
    CU_ASSERT_EQUAL(vain_data_first_difference(&said, 3, NULL, words[0]), -1);
    CU_ASSERT_EQUAL(vain_data_first_difference(&said, 3, NULL, twins[0]), 2);
    CU_ASSERT_EQUAL(vain_data_first_difference(&said, 2, NULL, twins[0]), 2);
    CU_ASSERT_EQUAL(vain_data_first_difference(&said, 3, letters, NULL), 0);
    CU_ASSERT_EQUAL(vain_data_first_difference(&counted, 3, NULL, NULL), -1);
    CU_ASSERT_EQUAL(vain_data_first_difference(&counted, 5, NULL, NULL), 3);
    CU_ASSERT_EQUAL(vain_data_first_difference(&counted, 3, letters, NULL), 0);
}

static void classes_of_tasks_are_cut_among_members(void)
{
    struct vain_data_options options = options_of("", make_file("data.h5"));
    struct vain_data data;
    int seen[CLASSES] = {0};
    options.partition = VAIN_PARTITION_SHARED;
    CU_ASSERT_EQUAL_FATAL(open_at(&options, "ann", &data), VAIN_OK);
    CU_ASSERT_EQUAL(data.kind, VAIN_DATA_EPISODES);
    CU_ASSERT_EQUAL(data.symbol_count, 5);
    CU_ASSERT_EQUAL(data.episodes.train.class_count, 4);
    CU_ASSERT_EQUAL(data.episodes.test.class_count, 2);
    vain_data_close(&data);
    options.partition = VAIN_PARTITION_IID;
    for (int m = 0; m < MEMBERS; m++) {
        CU_ASSERT_EQUAL_FATAL(open_at(&options, names[m], &data), VAIN_OK);
        for (int64_t c = 0; c < data.episodes.train.class_count; c++)
            seen[data.episodes.train.classes[c]]++;
        vain_data_close(&data);
    }
    for (int c = 0; c < CLASSES; c++)
        CU_ASSERT_EQUAL(seen[c], c < 4 ? 1 : 0);
    CU_ASSERT_EQUAL(vain_memory_blocks(), 0);
}

static void sentences_are_cut_among_members(void)
{
    static const char lines[] = "train\t0\tthe ring is round\ntrain\t1\tthe tree is tall\n"
                                "train\t0\ta ring of rings\ntrain\t1\ta tree of trees\n"
                                "val\t0\tthe ring\ntest\t1\tthe tree\n";
    struct vain_data_options options = options_of("", "");
    struct vain_data data;
    int seen[4] = {0};
    (void)snprintf(options.pairs, sizeof options.pairs, "%s",
                   scratch_write("lines.tsv", lines, sizeof lines - 1));
    options.partition = VAIN_PARTITION_IID;
    for (int m = 0; m < MEMBERS; m++) {
        int64_t count;
        CU_ASSERT_EQUAL_FATAL(open_at(&options, names[m], &data), VAIN_OK);
        CU_ASSERT_EQUAL(data.kind, VAIN_DATA_SENTENCES);
        CU_ASSERT_EQUAL(data.sentences.set.class_count, 2);
        const int64_t *rows = vain_sentence_data_rows(&data.sentences, &count);
        for (int64_t i = 0; i < count; i++)
            seen[rows[i]]++;
        vain_data_close(&data);
    }
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(seen[i], 1);
    options.partition = VAIN_PARTITION_BY_GROUP;
    expect(&options, "sentences have no groups");
}

static void what_cannot_be_is_refused(void)
{
    struct vain_data_options options = options_of(make_file("data.h5"), "");
    options.clients = 4;
    expect(&options, "4 clients cannot be shared evenly by 3 members; give a multiple of 3, such "
                     "as 3");
    options.clients = 27;
    expect(&options, "24 images are too few for 27 parts");
    options.clients = 0;
    options.partition = VAIN_PARTITION_BY_GROUP;
    expect(&options, "images have no groups");
    options.partition = VAIN_PARTITION_DISJOINT;
    (void)snprintf(options.test_images, sizeof options.test_images, "wide_images");
    expect(&options, "name sets of one shape");
    options = options_of("", make_file("data.h5"));
    options.partition = VAIN_PARTITION_DIRICHLET;
    expect(&options, "have no labels to be parted by");
}

static const struct vain_test tests[] = {
    {"images are cut among members", images_are_cut_among_members},
    {"what is common is known", what_is_common_is_known},
    {"hashes tell models apart", hashes_tell_models_apart},
    {"the first difference of symbols is found", the_first_difference_is_found},
    {"classes of tasks are cut among members", classes_of_tasks_are_cut_among_members},
    {"sentences are cut among members", sentences_are_cut_among_members},
    {"what cannot be is refused", what_cannot_be_is_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_data = {"data: one name for all kinds", tests};
