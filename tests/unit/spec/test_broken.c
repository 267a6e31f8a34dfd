/* Specs as people break them: tests/unit/spec/broken/ and what each must say.
 *
 * expected.txt has one line a problem; every file must be in it, and a file must have just these
 * problems. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static const char folder[] = VAIN_TEST_DATA "/unit/spec/broken";

struct expectation {
    char file[64], key[64], message[128], hint[128];
    int line, column;
};
enum { EXPECTATIONS_MAX = 300 };
static struct expectation expectations[EXPECTATIONS_MAX];
static int expectation_count;

/* The next " | " field of `line`, moved past. */
static void take_field(char **line, char *out, size_t bytes)
{
    char *end = strstr(*line, " | ");
    const size_t length = end != NULL ? (size_t)(end - *line) : strcspn(*line, "\n");
    VAIN_ASSERT(length < bytes);
    memcpy(out, *line, length);
    out[length] = '\0';
    *line += length + (end != NULL ? 3 : 0);
}

static void read_expectations(void)
{
    char path[512], line[512], place[32];
    snprintf(path, sizeof path, "%s/expected.txt", folder);
    FILE *file = fopen(path, "r");
    VAIN_ASSERT(file != NULL);
    for (expectation_count = 0; fgets(line, sizeof line, file) != NULL;) {
        if (line[0] == '#')
            continue;
        VAIN_ASSERT(expectation_count < EXPECTATIONS_MAX);
        struct expectation *expectation = &expectations[expectation_count++];
        char *at = line;
        take_field(&at, expectation->file, sizeof expectation->file);
        take_field(&at, place, sizeof place);
        take_field(&at, expectation->key, sizeof expectation->key);
        take_field(&at, expectation->message, sizeof expectation->message);
        take_field(&at, expectation->hint, sizeof expectation->hint);
        char *colon = NULL;
        expectation->line = (int)strtol(place, &colon, 10);
        expectation->column = (int)strtol(colon + 1, NULL, 10);
    }
    fclose(file);
}

static bool check_problem(const struct vain_problem *problem, const struct expectation *expectation)
{
    const char *key = strcmp(expectation->key, "-") == 0 ? "" : expectation->key;
    return problem->line == expectation->line && problem->column == expectation->column &&
           strcmp(problem->key, key) == 0 &&
           strstr(problem->message, expectation->message) != NULL &&
           (strcmp(expectation->hint, "-") == 0 ||
            strstr(problem->hint, expectation->hint) != NULL);
}

/* The file `name` (with .yaml) against its lines; says on stdout what differs. */
static bool check_file(const char *name)
{
    static struct test_spec test;
    char path[512];
    bool fine = true;
    int seen = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    test_sections(&test.values, test.sections);
    const struct vain_spec_source source = {path, NULL, 0, test.sections, TEST_SECTIONS};
    fine = vain_spec_load(&source, &test.spec, &test.problems) == VAIN_ERR_INPUT;
    for (int i = 0; i < expectation_count; i++) {
        const size_t length = strlen(expectations[i].file);
        if (strncmp(expectations[i].file, name, length) != 0 || strcmp(name + length, ".yaml") != 0)
            continue;
        if (seen >= test.problems.count ||
            !check_problem(&test.problems.items[seen], &expectations[i]))
            fine = false;
        seen++;
    }
    fine = fine && seen > 0 && seen == test.problems.total;
    vain_spec_fini(&test.spec);
    if (fine)
        return true;
    printf("\n%s does not say what expected.txt wants, but:\n", name);
    vain_spec_problems_print(&test.problems, stdout, false);
    return false;
}

static void test_all_files(void)
{
    read_expectations();
    int files = 0;
    DIR *open_folder = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(open_folder);
    for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
        if (strstr(entry->d_name, ".yaml") == NULL)
            continue;
        files++;
        CU_ASSERT(check_file(entry->d_name));
    }
    closedir(open_folder);
    CU_ASSERT(files >= 60);
}

static const struct vain_test tests[] = {
    {"every broken spec says where, what and which way out", test_all_files},
    {NULL, NULL},
};
const struct vain_suite vain_suite_broken = {"broken specs", tests};
