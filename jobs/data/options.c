/* The rows of data.*, and the sources among them. */
#include "jobs/data/options.h"

#include <assert.h>
#include <string.h>

static const char *const symbol_choices[] = {"bytes", "characters", NULL};
static const char *const partition_choices[] = {"disjoint", "shared",    "named",    "iid",
                                                "by-label", "dirichlet", "by-group", NULL};

#define NAME_ROW(name, member, value, text)                                                        \
    {                                                                                              \
        .key = (name), .type = VAIN_OPTION_TEXT, .scope = VAIN_LOCAL,                              \
        .offset = offsetof(struct vain_data_options, member),                                      \
        .text_bytes = VAIN_DATASET_NAME_BYTES, .fallback = (value), .help = (text)                 \
    }

#define SPLIT_ROW(name, member, value, text)                                                       \
    {                                                                                              \
        .key = (name), .type = VAIN_OPTION_TEXT, .scope = VAIN_LOCAL,                              \
        .offset = offsetof(struct vain_data_options, member),                                      \
        .text_bytes = VAIN_DATASET_NAME_BYTES, .may_be_empty = true, .fallback = (value),          \
        .help = (text)                                                                             \
    }

const struct vain_option vain_data_option_rows[] = {
    {.key = "data.text",
     .type = VAIN_OPTION_PATH,
     .scope = VAIN_LOCAL,
     .offset = offsetof(struct vain_data_options, text),
     .text_bytes = VAIN_PATH_BYTES,
     .fallback = "",
     .help = "Text file to train on; a job has one source, this or another of data.*. With "
             "data.partition: named, {name} "
             "in it "
             "stands for the member's name."},
    {.key = "data.tokens",
     .type = VAIN_OPTION_PATH,
     .scope = VAIN_LOCAL,
     .offset = offsetof(struct vain_data_options, tokens),
     .text_bytes = VAIN_PATH_BYTES,
     .fallback = "",
     .help = "Token file to train on: little-endian uint16 without a header, as nanoGPT writes its "
             ".bin."},
    {.key = "data.images",
     .type = VAIN_OPTION_PATH,
     .scope = VAIN_LOCAL,
     .offset = offsetof(struct vain_data_options, images),
     .text_bytes = VAIN_PATH_BYTES,
     .fallback = "",
     .help = "Labelled images to train on: an HDF5 file, or a folder of idx files as MNIST is "
             "published in (plain or .gz)."},
    NAME_ROW("data.train_images", train_images, "train_images",
             "Data set (or idx file) of the images to train on: (count, height, width) or (count, "
             "height, width, channels)."),
    NAME_ROW("data.train_labels", train_labels, "train_labels",
             "Data set (or idx file) of their labels: (count) whole numbers from 0."),
    NAME_ROW("data.test_images", test_images, "test_images",
             "Data set (or idx file) of the images that nobody trains on."),
    NAME_ROW("data.test_labels", test_labels, "test_labels",
             "Data set (or idx file) of their labels."),
    {.key = "data.classes",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, classes),
     .minimum = 0,
     .maximum = 65536,
     .fallback = "0",
     .unit = "classes",
     .help = "How many classes there are; 0: up to the largest label. Members with files of their "
             "own need it to have one model."},
    {.key = "data.episodes",
     .type = VAIN_OPTION_PATH,
     .scope = VAIN_LOCAL,
     .offset = offsetof(struct vain_data_options, episodes),
     .text_bytes = VAIN_PATH_BYTES,
     .fallback = "",
     .help = "Classes with a few drawings each, to draw few-shot tasks from: an HDF5 file."},
    NAME_ROW("data.episode_images", episode_images, "images",
             "Data set of the drawings: (classes, examples, height, width)."),
    NAME_ROW("data.episode_order", episode_order, "",
             "Data set (classes) with an order of the classes: training classes come first. Empty: "
             "as they are."),
    NAME_ROW("data.episode_groups", episode_groups, "",
             "Data set (classes) with the group of each class, such as its alphabet, for "
             "data.partition: by-group."),
    {.key = "data.train_classes",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, train_classes),
     .minimum = 1,
     .maximum = 1e9,
     .fallback = "1200",
     .unit = "classes",
     .help = "Classes that tasks to train on are drawn from; the others are for evaluation."},
    {.key = "data.rotations",
     .type = VAIN_OPTION_FLAG,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, rotations),
     .fallback = "true",
     .help = "Each training class stands for four: turned by 0, 90, 180 and 270 degrees."},
    {.key = "data.way",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, way),
     .minimum = 2,
     .maximum = 1024,
     .fallback = "5",
     .unit = "classes",
     .help = "Classes of a few-shot task."},
    {.key = "data.shot",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, shot),
     .minimum = 1,
     .maximum = 1024,
     .fallback = "1",
     .unit = "examples",
     .help = "Examples of a class that a task is learned from when it is evaluated."},
    {.key = "data.query",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, query),
     .minimum = 1,
     .maximum = 1024,
     .fallback = "1",
     .unit = "examples",
     .help = "Examples of a class that an evaluated task is asked about."},
    {.key = "data.pairs",
     .type = VAIN_OPTION_PATH,
     .scope = VAIN_LOCAL,
     .offset = offsetof(struct vain_data_options, pairs),
     .text_bytes = VAIN_PATH_BYTES,
     .fallback = "",
     .help = "Labelled sentences: a file of lines 'split, label number, text' with tabs between."},
    NAME_ROW("data.train_split", train_split, "train", "Name of the split to train on."),
    SPLIT_ROW("data.validation_split", validation_split, "val",
              "Name of the split that is looked at while training; \"\": none."),
    SPLIT_ROW("data.test_split", test_split, "test",
              "Name of the split that the result is measured on; \"\": none."),
    {.key = "data.invert",
     .type = VAIN_OPTION_FLAG,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, invert),
     .fallback = "false",
     .help = "Take 1 - x of pixels in 0 to 1: paper and ink change places."},
    {.key = "data.pixel_maximum",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, pixel_maximum),
     .minimum = 0,
     .maximum = 1e9,
     .fallback = "0",
     .help =
         "The pixel value that means 1, such as 1 where ink is 1 and paper 0; 0: 255 for bytes, "
         "1 for floats."},
    {.key = "data.mean",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, mean),
     .minimum = -1e6,
     .maximum = 1e6,
     .fallback = "0",
     .help = "Taken from every pixel, such as 0.1307 for MNIST."},
    {.key = "data.deviation",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, deviation),
     .minimum = 0,
     .maximum = 1e6,
     .above_minimum = true,
     .fallback = "1",
     .help = "Every pixel is divided by it after that, such as 0.3081 for MNIST."},
    {.key = "data.clients",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, clients),
     .minimum = 0,
     .maximum = 1e6,
     .fallback = "0",
     .unit = "clients",
     .help = "Parts that labelled data are cut into, for method fedavg; members share the clients. "
             "0: one a member."},
    {.key = "data.dirichlet_alpha",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, dirichlet_alpha),
     .minimum = 0,
     .maximum = 1e6,
     .above_minimum = true,
     .fallback = "0.5",
     .help = "Concentration of partition dirichlet: small values give each part few labels (Hsu et "
             "al. 2019)."},
    {.key = "data.symbols",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, symbols),
     .choices = symbol_choices,
     .fallback = "characters",
     .help = "What a text is cut into: its bytes, or its characters (UTF-8)."},
    {.key = "data.vocabulary",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, vocabulary),
     .minimum = 0,
     .maximum = VAIN_SYMBOLS_MAX,
     .fallback = "0",
     .unit = "tokens",
     .help = "How many tokens there are for data.tokens, such as 50257 for GPT-2's; 0: up to the "
             "largest of the file. Members with files of their own need it to have one model."},
    {.key = "data.validation",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, validation),
     .minimum = 0.0,
     .maximum = 0.9,
     .fallback = "0.1",
     .help = "Share of the symbols, at the end of the file, that nobody trains on."},
    {.key = "data.partition",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct vain_data_options, partition),
     .choices = partition_choices,
     .fallback = "disjoint",
     .help =
         "Who trains on what: equal parts of one file in order of the sorted names, all on all "
         "of it, or a file for each member. Labelled data also by chance (iid), two shards of "
         "one label each (by-label; McMahan et al. 2017), or uneven in labels (dirichlet); classes "
         "of few-shot tasks also by whole groups."},
};
const int vain_data_option_count = (int)VAIN_COUNT_OF(vain_data_option_rows);

void vain_data_sources(const struct vain_data_options *options,
                       struct vain_data_source out[VAIN_DATA_SOURCES])
{
    const struct vain_data_source all[] = {
        {"data.text", options->text, "a text file", VAIN_DATA_TEXT},
        {"data.tokens", options->tokens, "a .bin file of uint16", VAIN_DATA_TEXT},
        {"data.images", options->images, "labelled images in HDF5 or idx", VAIN_DATA_IMAGES},
        {"data.episodes", options->episodes, "classes for few-shot tasks in HDF5",
         VAIN_DATA_EPISODES},
        {"data.pairs", options->pairs, "labelled sentences", VAIN_DATA_SENTENCES},
    };
    static_assert(VAIN_COUNT_OF(all) == VAIN_DATA_SOURCES, "every source is listed");
    memcpy(out, all, sizeof all);
}

enum vain_status vain_data_source(const struct vain_data_options *options,
                                  struct vain_data_source *out)
{
    struct vain_data_source all[VAIN_DATA_SOURCES];
    const struct vain_data_source *first = NULL;
    vain_data_sources(options, all);
    for (int i = 0; i < VAIN_DATA_SOURCES; i++) {
        if (all[i].path[0] == '\0')
            continue;
        if (first != NULL)
            return vain_fail(VAIN_ERR_INPUT, "%s and %s are both given; keep the one to train on",
                             first->key, all[i].key);
        first = &all[i];
    }
    if (first == NULL)
        return vain_fail(
            VAIN_ERR_INPUT,
            "data.text: is not given; add --set data.text=FILE, or data.tokens for a "
            ".bin file, data.images for labelled images, data.episodes for few-shot tasks, "
            "data.pairs for labelled sentences");
    *out = *first;
    return VAIN_OK;
}
