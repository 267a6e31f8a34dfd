/* The rows of data.*: names, defaults, bounds, and which of them members must share. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/data/corpus.h"
#include "tests/unit/suite.h"

static struct vain_data_options values;
static struct vain_option_section section = {vain_data_option_rows, 0, &values};

static enum vain_status set(const char *key, const char *text)
{
    char message[256], hint[160];
    section.count = vain_data_option_count;
    const struct vain_option *row = vain_option_find(&section, 1, key, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    return vain_option_parse(row, text, &values, message, sizeof message, hint, sizeof hint);
}

static void defaults_are_the_documented_ones(void)
{
    section.count = vain_data_option_count;
    memset(&values, 0xff, sizeof values);
    vain_option_defaults(&section, 1);
    CU_ASSERT_STRING_EQUAL(values.text, "");
    CU_ASSERT_STRING_EQUAL(values.tokens, "");
    CU_ASSERT_STRING_EQUAL(values.images, "");
    CU_ASSERT_STRING_EQUAL(values.train_images, "train_images");
    CU_ASSERT_EQUAL(values.deviation, 1);
    CU_ASSERT_EQUAL(values.symbols, VAIN_SYMBOLS_CHARACTERS);
    CU_ASSERT_EQUAL(values.partition, VAIN_PARTITION_DISJOINT);
    CU_ASSERT_EQUAL(values.vocabulary, 0);
    CU_ASSERT_EQUAL(values.validation, 0.1);
}

static void choices_map_to_their_enums(void)
{
    CU_ASSERT_EQUAL(set("data.symbols", "bytes"), VAIN_OK);
    CU_ASSERT_EQUAL(values.symbols, VAIN_SYMBOLS_BYTES);
    CU_ASSERT_EQUAL(set("data.symbols", "characters"), VAIN_OK);
    CU_ASSERT_EQUAL(values.symbols, VAIN_SYMBOLS_CHARACTERS);
    CU_ASSERT_EQUAL(set("data.partition", "named"), VAIN_OK);
    CU_ASSERT_EQUAL(values.partition, VAIN_PARTITION_NAMED);
    CU_ASSERT_EQUAL(set("data.partition", "shared"), VAIN_OK);
    CU_ASSERT_EQUAL(values.partition, VAIN_PARTITION_SHARED);
    CU_ASSERT_EQUAL(set("data.partition", "disjoint"), VAIN_OK);
    CU_ASSERT_EQUAL(values.partition, VAIN_PARTITION_DISJOINT);
    CU_ASSERT_EQUAL(set("data.partition", "joint"), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(set("data.symbols", "words"), VAIN_ERR_INPUT);
}

static void validation_lies_between_0_and_0_9(void)
{
    CU_ASSERT_EQUAL(set("data.validation", "0"), VAIN_OK);
    CU_ASSERT_EQUAL(values.validation, 0.0);
    CU_ASSERT_EQUAL(set("data.validation", "0.9"), VAIN_OK);
    CU_ASSERT_EQUAL(set("data.validation", "0.91"), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(set("data.validation", "-0.1"), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(set("data.validation", "nan"), VAIN_ERR_INPUT);
}

static void places_are_local_and_the_rest_is_agreed(void)
{
    for (int i = 0; i < vain_data_option_count; i++) {
        const struct vain_option *row = &vain_data_option_rows[i];
        const bool names_a_place = row->type == VAIN_OPTION_PATH || row->type == VAIN_OPTION_TEXT;
        CU_ASSERT_EQUAL(row->scope, names_a_place ? VAIN_LOCAL : VAIN_AGREED);
        CU_ASSERT_PTR_NOT_NULL(row->fallback);
    }
}

/* A job trains on one thing. */
static void one_source_is_given(void)
{
    struct vain_data_source source;
    vain_option_defaults(&section, 1);
    CU_ASSERT_EQUAL(vain_data_source(&values, &source), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "--set data.text=FILE"));
    (void)snprintf(values.images, sizeof values.images, "a.h5");
    CU_ASSERT_EQUAL(vain_data_source(&values, &source), VAIN_OK);
    CU_ASSERT_EQUAL(source.kind, VAIN_DATA_IMAGES);
    CU_ASSERT_STRING_EQUAL(source.path, "a.h5");
    (void)snprintf(values.tokens, sizeof values.tokens, "a.bin");
    CU_ASSERT_EQUAL(vain_data_source(&values, &source), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "data.tokens and data.images"));
    vain_fail_clear();
}

static const struct vain_test tests[] = {
    {"defaults are the documented ones", defaults_are_the_documented_ones},
    {"choices map to their enums", choices_map_to_their_enums},
    {"validation lies between 0 and 0.9", validation_lies_between_0_and_0_9},
    {"places are local, the rest is agreed", places_are_local_and_the_rest_is_agreed},
    {"one source is given", one_source_is_given},
    {NULL, NULL}};
const struct vain_suite vain_suite_options = {"data: options", tests};
