/* The rows of data.*: what a job spec may say about its text. */
#include "jobs/data/corpus.h"

static const char *const symbol_choices[] = {"bytes", "characters", NULL};
static const char *const partition_choices[] = {"disjoint", "shared", "named", NULL};

const struct vain_option vain_data_option_rows[] = {
    {.key = "data.text",
     .type = VAIN_OPTION_PATH,
     .scope = VAIN_LOCAL,
     .offset = offsetof(struct vain_data_options, text),
     .text_bytes = VAIN_PATH_BYTES,
     .fallback = "",
     .help = "Text file to train on; give this or data.tokens. With data.partition: named, {name} "
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
     .help = "Who trains on what: equal parts of one file in order of the sorted names, all on all "
             "of it, "
             "or a file for each member."},
};
const int vain_data_option_count = (int)VAIN_COUNT_OF(vain_data_option_rows);
