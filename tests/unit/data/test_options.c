/* The rows of data.*: names, defaults, bounds, and which of them members must share. */
#include <math.h>
#include <string.h>

#include "jobs/data/corpus.h"
#include "tests/unit/suite.h"

static struct vain_data_options values;
static const struct vain_option_section section = {vain_data_option_rows, 6, &values};

static enum vain_status set(const char *key, const char *text)
{
    char message[256], hint[160];
    const struct vain_option *row = vain_option_find(&section, 1, key, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    return vain_option_parse(row, text, &values, message, sizeof message, hint, sizeof hint);
}

static void defaults_are_the_documented_ones(void)
{
    CU_ASSERT_EQUAL_FATAL(vain_data_option_count, section.count);
    memset(&values, 0xff, sizeof values);
    vain_option_defaults(&section, 1);
    CU_ASSERT_STRING_EQUAL(values.text, "");
    CU_ASSERT_STRING_EQUAL(values.tokens, "");
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

static void paths_are_local_and_the_rest_is_agreed(void)
{
    for (int i = 0; i < vain_data_option_count; i++) {
        const struct vain_option *row = &vain_data_option_rows[i];
        CU_ASSERT_EQUAL(row->scope, row->type == VAIN_OPTION_PATH ? VAIN_LOCAL : VAIN_AGREED);
        CU_ASSERT_PTR_NOT_NULL(row->fallback);
    }
}

static const struct vain_test tests[] = {
    {"defaults are the documented ones", defaults_are_the_documented_ones},
    {"choices map to their enums", choices_map_to_their_enums},
    {"validation lies between 0 and 0.9", validation_lies_between_0_and_0_9},
    {"paths are local, the rest is agreed", paths_are_local_and_the_rest_is_agreed},
    {NULL, NULL}};
const struct vain_suite vain_suite_options = {"data: options", tests};
