/* jobs/spec/check: a tree against the table. What is refused is in the broken specs; here is what
 * is taken, and how much of what is refused is kept. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static struct test_spec test;

static void test_every_type(void)
{
    const char rest[] =
        "  note: 'it''s: \"x\" # no remark'\n  validation: 0\nseed: "
        "18446744073709551615\nsite: world\n"
        "model: {kind: mlp, sizes: [8, 16k, \"4\"], dropout: .5, network: [conv 8 3x3, 'a: b']}\n"
        "train:\n  shuffle: false\n  warmup: 2B\n"
        "exchange:\n  bits: 16\n  clip: 2\n  buffer: 1 GB\n  deadline: 1.5h\n"
        "checkpoint: {directory: ../runs}\nouter:\n# all of it is left out\n";
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&test, rest), VAIN_OK);
    const struct test_values *values = &test.values;
    CU_ASSERT_EQUAL(values->version, 1);
    CU_ASSERT_STRING_EQUAL(values->name, "demo");
    CU_ASSERT_STRING_EQUAL(values->note, "it's: \"x\" # no remark");
    CU_ASSERT(values->validation <= 0 && values->seed == UINT64_MAX && values->site == 2 &&
              values->model_kind == 1);
    CU_ASSERT(values->sizes.count == 3 && values->sizes.values[0] == 8 &&
              values->sizes.values[1] == 16000 && values->sizes.values[2] == 4);
    CU_ASSERT_EQUAL(values->network.count, 2);
    CU_ASSERT_STRING_EQUAL(values->network.items[0], "conv 8 3x3");
    CU_ASSERT_STRING_EQUAL(values->network.items[1], "a: b");
    CU_ASSERT_DOUBLE_EQUAL(values->dropout, 0.5, 0);
    CU_ASSERT(!values->shuffle && values->warmup == INT64_C(2000000000));
    CU_ASSERT(values->bits == 0 && values->buffer == 1000000000 && values->deadline_ms == 5400000);
    CU_ASSERT_DOUBLE_EQUAL(values->clip, 2, 0);
    CU_ASSERT_STRING_EQUAL(values->directory, "../runs");
    CU_ASSERT(values->batch == 12 && values->layers == 4 && values->optimizer == 0); /* defaults */
    vain_spec_fini(&test.spec);
}

/* Words that YAML readers of some version take for something else stay what they are, quoted or
 * not. */
static void test_plain_is_quoted(void)
{
    static const char *const words[] = {
        "no",   "on",   "yes", "true", "1e-4",       "08", "010", "1_000",
        "4:00", "0x1f", "1.0", ".inf", "2024-01-01", "-",  "0o7", "12345678901234567890123",
        "=",    "N"};
    for (size_t i = 0; i < VAIN_COUNT_OF(words); i++) {
        static const char *const forms[] = {"  note: %s\n", "  note: '%s'\n", "  note: \"%s\"\n",
                                            "  note: >-\n    %s\n"};
        for (size_t form = strcmp(words[i], "-") == 0 ? 1 : 0; form < VAIN_COUNT_OF(forms);
             form++) {
            struct vain_text text = {0};
            char *rest;
            const char *at = strchr(forms[form], '%');
            vain_text_add_bytes(&text, forms[form], (size_t)(at - forms[form]));
            vain_text_add(&text, "%s%s", words[i], at + 2);
            CU_ASSERT_EQUAL_FATAL(vain_text_give(&text, &rest), VAIN_OK);
            CU_ASSERT_EQUAL(test_parse_rest(&test, rest), VAIN_OK);
            CU_ASSERT_STRING_EQUAL(test.values.note, words[i]);
            vain_spec_fini(&test.spec);
            vain_release(rest);
        }
    }
    CU_ASSERT_EQUAL(
        test_parse_rest(&test, "train: {batch: \"8\", learning_rate: '1e-4', shuffle: 'false'}\n"),
        VAIN_OK);
    CU_ASSERT(test.values.batch == 8 && !test.values.shuffle);
    CU_ASSERT_DOUBLE_EQUAL(test.values.learning_rate, 1e-4, 0);
    vain_spec_fini(&test.spec);
}

static void test_json_is_yaml(void)
{
    CU_ASSERT_EQUAL(test_parse(&test,
                               "{\"version\": 1, \"name\": \"demo\", \"data\": {\"text\": \"a\"},\n"
                               " \"train\": {\"batch\": 3}, \"members\": [{\"name\": \"x\"}]}",
                               NULL),
                    VAIN_OK);
    CU_ASSERT(test.values.batch == 3 && test.spec.member_count == 1);
    vain_spec_fini(&test.spec);
}

static void test_aliases_of_values(void)
{
    CU_ASSERT_EQUAL(
        test_parse_rest(&test, "train: {batch: &n 8, rounds: *n}\nmodel: {sizes: [*n, *n]}\n"),
        VAIN_OK);
    CU_ASSERT(test.values.rounds == 8 && test.values.sizes.count == 2 &&
              test.values.sizes.values[1] == 8);
    vain_spec_fini(&test.spec);
    /* A wrong value is reported where it is used. */
    CU_ASSERT_EQUAL(test_parse_rest(&test, "  note: &n many\ntrain:\n  rounds: *n\n"),
                    VAIN_ERR_INPUT);
    CU_ASSERT(test.problems.total == 1 && test.problems.items[0].line == 7 &&
              test.problems.items[0].column == 11);
}

/* Each wrong text of a list has its own place. */
static void test_wrong_texts(void)
{
    char many[600] = "model: {network: [a";
    CU_ASSERT_EQUAL(test_parse_rest(&test, "model:\n  network:\n  - relu\n  - 'a, b'\n  - [c]\n"),
                    VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(test.problems.total, 2);
    CU_ASSERT_EQUAL(test.problems.items[0].line, 8);
    CU_ASSERT_EQUAL(test.problems.items[1].line, 9);
    CU_ASSERT_STRING_EQUAL(test.problems.items[0].message,
                           "'model.network' is a list of texts of 1 to 63 bytes, found 'a, b'");
    CU_ASSERT_STRING_EQUAL(test.problems.items[0].hint,
                           "leave out commas, brackets, quotes and '#'");
    CU_ASSERT_EQUAL(test_parse_rest(&test, "model: {network: relu}\n"), VAIN_ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(test.problems.items[0].hint, "put the texts in brackets");
    for (int i = 1; i <= VAIN_OPTION_TEXTS_MAX; i++)
        memcpy(many + strlen(many), ",a", 3);
    memcpy(many + strlen(many), "]}\n", 4);
    CU_ASSERT_EQUAL(test_parse_rest(&test, many), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(test.problems.total, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(test.problems.items[0].message, "at most 32 texts"));
}

/* What a broken group would have held is not missed on top of that. */
static void test_one_problem_for_a_broken_group(void)
{
    CU_ASSERT_EQUAL(test_parse(&test, "version: 1\nname: demo\ndata: corpus.txt\n", NULL),
                    VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(test.problems.total, 1);
    CU_ASSERT_STRING_EQUAL(test.problems.items[0].key, "data");
}

static void test_kept_and_counted(void)
{
    struct vain_text text = {0};
    char *rest;
    vain_text_add(&text, "train:\n");
    for (int i = 0; i < 100; i++)
        vain_text_add(&text, "  bach%d: 8\n", i);
    CU_ASSERT_EQUAL_FATAL(vain_text_give(&text, &rest), VAIN_OK);
    CU_ASSERT_EQUAL(test_parse_rest(&test, rest), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(test.problems.count, VAIN_SPEC_ERRORS_MAX);
    CU_ASSERT_EQUAL(test.problems.total, 100);
    CU_ASSERT_STRING_EQUAL(test.problems.items[0].hint, "did you mean 'train.batch'?");
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), "job.yaml: 100 errors in the job spec");
    vain_release(rest);
}

static void test_long_key(void)
{
    char rest[400] = "";
    memset(rest, 'k', 300);
    memcpy(rest + 300, ": 1\n", 5);
    CU_ASSERT_EQUAL(test_parse_rest(&test, rest), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(test.problems.total, 1);
    CU_ASSERT(test.problems.items[0].line == 5 && test.problems.items[0].column == 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(test.problems.items[0].message, "kkk...'"));
}

static const struct vain_test tests[] = {
    {"texts of a list that cannot be", test_wrong_texts},
    {"every type is read into its field, the rest is default", test_every_type},
    {"quoted and plain are the same, and nothing is guessed", test_plain_is_quoted},
    {"JSON is taken, too", test_json_is_yaml},
    {"aliases stand for values", test_aliases_of_values},
    {"a broken group is one problem", test_one_problem_for_a_broken_group},
    {"twenty problems are kept, all are counted", test_kept_and_counted},
    {"a key of any length is refused by its name", test_long_key},
    {NULL, NULL},
};
const struct vain_suite vain_suite_check = {"check", tests};
