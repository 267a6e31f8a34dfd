/* jobs/spec/spec: files, the command line, precedence, what is missing. */
#include "jobs/spec/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static struct test_spec test;
static char folder[] = "/tmp/vain-spec-XXXXXX";

static enum vain_status load(const char *path)
{
    test_sections(&test.values, test.sections);
    const struct vain_spec_source source = {path, NULL, 0, test.sections, TEST_SECTIONS};
    return vain_spec_load(&source, &test.spec, &test.problems);
}

static void check_unreadable(const char *path, enum vain_status expected, const char *message)
{
    CU_ASSERT_EQUAL(load(path), expected);
    CU_ASSERT_EQUAL(test.problems.total, 1);
    CU_ASSERT_EQUAL(test.problems.items[0].line, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(test.problems.items[0].message, message));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), path));
    CU_ASSERT_PTR_NULL(test.spec.text);
}

static void test_files(void)
{
    char path[128], link[128];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/job.yaml", folder);
    check_unreadable(path, VAIN_ERR_NOT_FOUND, "No such file");
    check_unreadable(folder, VAIN_ERR_INPUT, "no regular file");
    snprintf(link, sizeof link, "%s/pipe", folder);
    CU_ASSERT_EQUAL(mkfifo(link, 0600), 0);
    check_unreadable(link, VAIN_ERR_INPUT, "no regular file"); /* and does not wait for a writer */
    unlink(link);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file, "%strain: {batch: 5}\n", test_head);
    fclose(file);
    CU_ASSERT_EQUAL(load(path), VAIN_OK);
    CU_ASSERT_EQUAL(test.values.batch, 5);
    CU_ASSERT_EQUAL(test.spec.text_bytes, strlen(test.spec.text));
    vain_spec_fini(&test.spec);
    snprintf(link, sizeof link, "%s/job.yaml/x", folder);
    check_unreadable(link, VAIN_ERR_NOT_FOUND, "Not a directory");
    unlink(path);
    rmdir(folder);
}

static void test_too_long(void)
{
    void *text;
    CU_ASSERT_EQUAL_FATAL(vain_take(VAIN_SPEC_BYTES_MAX + 2, "test text", &text), VAIN_OK);
    memset(text, '\n', VAIN_SPEC_BYTES_MAX + 1);
    memcpy(text, test_head, strlen(test_head));
    test_sections(&test.values, test.sections);
    const struct vain_spec_source source = {"job.yaml", NULL, 0, test.sections, TEST_SECTIONS};
    CU_ASSERT_EQUAL(vain_spec_parse(&source, text, VAIN_SPEC_BYTES_MAX, &test.spec, &test.problems),
                    VAIN_OK);
    vain_spec_fini(&test.spec);
    CU_ASSERT_EQUAL(
        vain_spec_parse(&source, text, VAIN_SPEC_BYTES_MAX + 1, &test.spec, &test.problems),
        VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(test.problems.items[0].message, "more than 1048576 bytes"));
    vain_release(text);
}

static void test_precedence(void)
{
    char text[256];
    const char *const sets[] = {"train.batch=3",   "train.rounds=9",     "train.batch=4",
                                "data.text=a=b c", "model.sizes=[1, 2]", NULL};
    snprintf(text, sizeof text, "%strain: {batch: 8, warmup: 2}\n", test_head);
    CU_ASSERT_EQUAL_FATAL(test_parse(&test, text, sets), VAIN_OK);
    CU_ASSERT(test.values.batch == 4 && test.values.rounds == 9 && test.values.warmup == 2);
    CU_ASSERT(test.values.sizes.count == 2 && test.values.accumulate == 1);
    CU_ASSERT_STRING_EQUAL(test.values.text, "a=b c");
    CU_ASSERT_EQUAL(vain_spec_place(&test.spec, "train.batch")->origin, VAIN_SPEC_COMMAND_LINE);
    CU_ASSERT_EQUAL(vain_spec_place(&test.spec, "train.batch")->mark.line, 3);
    CU_ASSERT_EQUAL(vain_spec_place(&test.spec, "train.warmup")->origin, VAIN_SPEC_FILE);
    CU_ASSERT_EQUAL(vain_spec_place(&test.spec, "train.warmup")->mark.column, 27);
    CU_ASSERT_EQUAL(vain_spec_place(&test.spec, "train.beta1")->origin, VAIN_SPEC_DEFAULT);
    CU_ASSERT_PTR_NULL(vain_spec_place(&test.spec, "train.nothing"));
    CU_ASSERT(vain_spec_is_set(&test.spec, "train.rounds") &&
              !vain_spec_is_set(&test.spec, "train.beta1"));
    CU_ASSERT_FALSE(vain_spec_is_set(&test.spec, "train.nothing"));
    vain_spec_fini(&test.spec);
}

static void test_sets_give_what_is_missing(void)
{
    const char *const sets[] = {"name=x", "data.text=y", NULL};
    CU_ASSERT_EQUAL(test_parse(&test, "version: 1\n", sets), VAIN_OK);
    vain_spec_fini(&test.spec);
}

static void check_set(const char *set, int column, const char *message, const char *hint)
{
    const char *const sets[] = {"seed=4", set, NULL};
    CU_ASSERT_EQUAL(test_parse(&test, test_head, sets), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(test.problems.total, 1);
    const struct vain_problem *problem = &test.problems.items[0];
    CU_ASSERT_STRING_EQUAL(problem->file, "--set");
    CU_ASSERT_EQUAL(problem->line, 2);
    CU_ASSERT_EQUAL(problem->column, column);
    if (strstr(problem->message, message) == NULL || strstr(problem->hint, hint) == NULL)
        printf("\n%s: %s; %s\n", set, problem->message, problem->hint);
    CU_ASSERT_PTR_NOT_NULL(strstr(problem->message, message));
    CU_ASSERT_PTR_NOT_NULL(strstr(problem->hint, hint));
}

static void test_broken_sets(void)
{
    check_set("train.batch", 1, "expected key.path=value", "--set train.batch=8");
    check_set("=8", 1, "expected key.path=value", "");
    check_set("", 1, "expected key.path=value", "");
    check_set("train.bacth=8", 1, "unknown key 'train.bacth'", "did you mean 'train.batch'?");
    check_set("batch=8", 1, "unknown key 'batch'", "'batch' belongs under 'train'");
    check_set("train.lr=8", 1, "unknown key 'train.lr'", "did you mean 'train.learning_rate'?");
    check_set("tran.zebra=8", 1, "unknown key 'tran.zebra'", "");
    check_set("train=8", 1, "'train' is a group of keys", "keys of 'train' are batch");
    check_set("members=x", 1, "members cannot be set", "list them in the spec");
    check_set("members.0.name=x", 1, "members cannot be set", "list them in the spec");
    check_set("train.batch=zero", 13, "found 'zero'", "");
    check_set("train.batch=", 13, "found ''", "");
    check_set("data.note=\xff\xfe", 11,
              "found '?"
              "?'",
              "broken UTF-8");
    check_set("data.note=two\nlines", 11, "found 'two?lines'", "line break");
    check_set("model.sizes=[1,,2]", 13, "expects a list", "");
}

static void test_long_sets(void)
{
    char set[400];
    memset(set, 'k', sizeof set - 1);
    set[sizeof set - 1] = '\0';
    memcpy(set + 200, "=1", 2);
    check_set(set, 1, "expected key.path=value", "");
    memcpy(set + 100, "=", 1);
    check_set(set, 1, "unknown key 'kkk", "");
}

/* Problems of file and command line stand in the order of their places, those of the file first. */
static void test_order(void)
{
    const char *const sets[] = {"seed=x", "site=y", NULL};
    CU_ASSERT_EQUAL(test_parse(&test, "train: {zebra: 1}\nversion: 3\n", sets), VAIN_ERR_INPUT);
    static const int places[][2] = {{1, 1}, {1, 1}, {1, 9}, {2, 10}, {1, 6}, {2, 6}};
    CU_ASSERT_EQUAL_FATAL(test.problems.total, 6);
    for (int i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL(test.problems.items[i].line, places[i][0]);
        CU_ASSERT_EQUAL(test.problems.items[i].column, places[i][1]);
    }
}

/* A table that bounds the version in another way still gets this format's check. */
static void test_other_versions(void)
{
    int64_t version;
    const struct vain_option row = {.key = "version", .type = VAIN_OPTION_COUNT, .fallback = "1"};
    const struct vain_option_section section = {&row, 1, &version};
    const struct vain_spec_source source = {"job.yaml", NULL, 0, &section, 1};
    CU_ASSERT_EQUAL(vain_spec_parse(&source, "version: 1", 10, &test.spec, &test.problems),
                    VAIN_OK);
    vain_spec_fini(&test.spec);
    CU_ASSERT_EQUAL(vain_spec_parse(&source, "version: 2", 10, &test.spec, &test.problems),
                    VAIN_ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(test.problems.items[0].message,
                           "version 2 of job specs is unknown to this program");
    CU_ASSERT(test.problems.items[0].line == 1 && test.problems.items[0].column == 10);
}

static void check_path(const char *spec_path, const char *path, const char *expected)
{
    const struct vain_spec spec = {.source = {.path = spec_path}};
    char out[VAIN_PATH_BYTES];
    CU_ASSERT_EQUAL(vain_spec_path(&spec, path, out), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(out, expected);
}

static void test_paths(void)
{
    check_path("job.yaml", "a/b.txt", "a/b.txt");
    check_path("jobs/job.yaml", "a/b.txt", "jobs/a/b.txt");
    check_path("jobs/job.yaml", "/a/b.txt", "/a/b.txt");
    check_path("jobs/job.yaml", "", "");
    check_path("/job.yaml", "b.txt", "/b.txt");
    char longest[VAIN_PATH_BYTES], out[VAIN_PATH_BYTES];
    const struct vain_spec spec = {.source = {.path = "x/job.yaml"}};
    memset(longest, 'a', sizeof longest);
    longest[VAIN_PATH_BYTES - 3] = '\0';
    CU_ASSERT_EQUAL(vain_spec_path(&spec, longest, out), VAIN_OK);
    longest[VAIN_PATH_BYTES - 3] = 'a';
    longest[VAIN_PATH_BYTES - 2] = '\0';
    CU_ASSERT_EQUAL(vain_spec_path(&spec, longest, out), VAIN_ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(out, "");
}

static const struct vain_test tests[] = {
    {"only regular files are read, and never waited for", test_files},
    {"a spec has at most a mebibyte", test_too_long},
    {"the command line wins over the file, the file over defaults", test_precedence},
    {"the command line may give what the file lacks", test_sets_give_what_is_missing},
    {"broken --sets say which and why", test_broken_sets},
    {"long --sets are cut in messages only", test_long_sets},
    {"problems stand in the order of their places", test_order},
    {"other versions are refused", test_other_versions},
    {"paths start at the spec's folder", test_paths},
    {NULL, NULL},
};
const struct vain_suite vain_suite_spec = {"spec", tests};
