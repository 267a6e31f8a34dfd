/* jobs/spec/reference: a table for the top level and one a group. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static void test_tables(void)
{
    static struct test_values values;
    struct vain_option_section sections[TEST_SECTIONS];
    char *text;
    test_sections(&values, sections);
    CU_ASSERT_EQUAL_FATAL(vain_spec_reference_markdown(sections, TEST_SECTIONS, &text), VAIN_OK);
    static const char *const parts[] = {
        "## Top level\n\n| key | expects | default | scope | meaning |\n|---|---|---|---|---|\n| "
        "`version` |",
        "| `name` | a name of 1 to 63 characters",
        "| required | agreed | Name of the job. |\n",
        "| `members` | a list of at most 1024 members",
        "\n## `train`\n\n| key |",
        "| `train.batch` | a whole number from 1 to 65536 (sequences) | `12` | agreed | Sequences "
        "a step. |\n",
        "| `data.text` | a path of at most 4095 bytes | required | local | Text \\| file. |\n",
        "| `data.tokens` | a path of at most 4095 bytes | none | local | Token file. |\n",
        "| `exchange.clip` | auto or a number above 0 and at most 1e+30 | `auto` | agreed | Clip "
        "of a delta. |\n",
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(parts); i++)
        CU_ASSERT_PTR_NOT_NULL(strstr(text, parts[i]));
    /* Each key has one row, each group one table. */
    for (int i = 0; i < TEST_SECTIONS; i++) {
        for (int j = 0; j < sections[i].count; j++) {
            char row[96];
            snprintf(row, sizeof row, "\n| `%s` | ", sections[i].options[j].key);
            const char *first = strstr(text, row);
            CU_ASSERT_PTR_NOT_NULL_FATAL(first);
            CU_ASSERT_PTR_NULL(strstr(first + 1, row));
        }
    }
    const char *train = strstr(text, "## `train`");
    CU_ASSERT_PTR_NULL(strstr(train + 1, "## `train`"));
    vain_release(text);
}

static const struct vain_test tests[] = {
    {"every key has one row in the table of its group", test_tables},
    {NULL, NULL},
};
const struct vain_suite vain_suite_reference = {"reference", tests};
