/* jobs/spec/problem: how problems look, and where cross-checks put theirs. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static struct test_spec test;

static void check_print(bool colour, const char *expected)
{
    char out[8192] = "";
    FILE *file = fmemopen(out, sizeof out - 1, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    vain_spec_problems_print(&test.problems, file, colour);
    fclose(file);
    if (strcmp(out, expected) != 0)
        printf("\n%s", out);
    CU_ASSERT_STRING_EQUAL(out, expected);
}

static void test_print(void)
{
    CU_ASSERT_EQUAL(test_parse_rest(&test, "train:\n  learnig_rate: 3e-4\n  batch: 0\n"),
                    VAIN_ERR_INPUT);
    check_print(false, "job.yaml:6:3: error: unknown key 'learnig_rate' in 'train'; did you mean "
                       "'train.learning_rate'?\n"
                       "    6 |   learnig_rate: 3e-4\n"
                       "      |   ^~~~~~~~~~~~\n"
                       "job.yaml:7:10: error: 'train.batch' expects a whole number from 1 to 65536 "
                       "(sequences), found '0'\n"
                       "    7 |   batch: 0\n"
                       "      |          ^\n"
                       "2 errors; nothing was started.\n");
}

static void test_print_colour(void)
{
    CU_ASSERT_EQUAL(test_parse_rest(&test, "zebra: 1\n"), VAIN_ERR_INPUT);
    test.problems.items[0].hint[0] = '\0';
    check_print(true, "\033[1mjob.yaml:5:1:\033[0m \033[1;31merror:\033[0m unknown key 'zebra'\n"
                      "    5 | zebra: 1\n"
                      "      | \033[1;32m^~~~~\033[0m\n"
                      "1 error; nothing was started.\n");
}

static void test_print_nothing(void)
{
    test.problems = (struct vain_problems){0};
    check_print(false, "");
}

static void test_print_more(void)
{
    test.problems = (struct vain_problems){0};
    for (int i = 0; i < 22; i++)
        vain_problem_add(&test.problems, &(struct vain_problem){.file = "f", .message = "m"});
    char expected[1024] = "";
    size_t used = 0;
    for (int i = 0; i < 20; i++)
        used += (size_t)snprintf(expected + used, sizeof expected - used, "f: error: m\n");
    snprintf(expected + used, sizeof expected - used,
             "2 more are not shown.\n22 errors; nothing was started.\n");
    check_print(false, expected);
}

/* The caret stands under its character behind tabs, wide letters and in the middle of a long line.
 */
static void test_caret(void)
{
    CU_ASSERT_EQUAL(test_parse_rest(&test, "train: {\tbatch: \"ä\"}\n"), VAIN_ERR_INPUT);
    check_print(
        false,
        "job.yaml:5:17: error: 'train.batch' expects a whole number from 1 to 65536 (sequences), "
        "found 'ä'\n"
        "    5 | train: {\tbatch: \"ä\"}\n"
        "      |         \t       ^~~\n"
        "1 error; nothing was started.\n");
    char rest[400];
    snprintf(rest, sizeof rest, "train: {%100s batch: 0,%200s rounds: 3}\n", "", "");
    CU_ASSERT_EQUAL(test_parse_rest(&test, rest), VAIN_ERR_INPUT);
    const struct vain_problem *problem = &test.problems.items[0];
    CU_ASSERT_EQUAL(problem->column, 117);
    CU_ASSERT_EQUAL(problem->source[problem->source_column - 1], '0');
    CU_ASSERT_EQUAL(strncmp(problem->source, "...", 3), 0);
    CU_ASSERT_STRING_EQUAL(problem->source + strlen(problem->source) - 3, "...");
}

static void test_json(void)
{
    CU_ASSERT_EQUAL(test_parse_rest(&test, "train:\n  bacth: 3\n"), VAIN_ERR_INPUT);
    struct json_object *list = vain_spec_problems_json(&test.problems);
    CU_ASSERT_STRING_EQUAL(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN),
                           "[{\"file\":\"job.yaml\",\"line\":6,\"column\":3,\"key\":\"train."
                           "bacth\",\"message\":\"unknown key 'bacth' in "
                           "'train'\",\"hint\":\"did you mean 'train.batch'?\"}]");
    json_object_put(list);
    test.problems = (struct vain_problems){0};
    list = vain_spec_problems_json(&test.problems);
    CU_ASSERT_STRING_EQUAL(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN), "[]");
    json_object_put(list);
}

static void check_at(const char *key, const char *file, int line, int column, const char *source)
{
    struct vain_problems problems = {0};
    vain_spec_problem_at(&test.spec, &problems, key, "a hint", "%d is %s", 3, "odd");
    CU_ASSERT_EQUAL_FATAL(problems.count, 1);
    CU_ASSERT_STRING_EQUAL(problems.items[0].file, file);
    CU_ASSERT_EQUAL(problems.items[0].line, line);
    CU_ASSERT_EQUAL(problems.items[0].column, column);
    CU_ASSERT_STRING_EQUAL(problems.items[0].source, source);
    CU_ASSERT_STRING_EQUAL(problems.items[0].key, key);
    CU_ASSERT_STRING_EQUAL(problems.items[0].message, "3 is odd");
    CU_ASSERT_STRING_EQUAL(problems.items[0].hint, "a hint");
}

static void test_cross_checks(void)
{
    char text[256];
    const char *const sets[] = {"train.rounds=7", "train.batch=8", NULL};
    snprintf(text, sizeof text, "%smembers:\n  - name: a\ntrain:\n  warmup: 5\n", test_head);
    CU_ASSERT_EQUAL_FATAL(test_parse(&test, text, sets), VAIN_OK);
    check_at("train.warmup", "job.yaml", 8, 11, "  warmup: 5");
    check_at("train.batch", "--set", 2, 13, "train.batch=8");
    check_at("train.beta1", "job.yaml", 7, 1, "train:"); /* a default below a group that is there */
    check_at("outer.momentum", "job.yaml", 0, 0, "");
    check_at("seed", "job.yaml", 0, 0, "");
    check_at("members", "job.yaml", 5, 1, "members:");
    vain_spec_fini(&test.spec);
}

static const struct vain_test tests[] = {
    {"problems print as gcc's do", test_print},
    {"in colour, too", test_print_colour},
    {"nothing is printed for none", test_print_nothing},
    {"what is not kept is counted", test_print_more},
    {"the caret stands under its character", test_caret},
    {"the same as JSON", test_json},
    {"cross-checks point at the value, its group, or the file", test_cross_checks},
    {NULL, NULL},
};
const struct vain_suite vain_suite_problem = {"problem", tests};
