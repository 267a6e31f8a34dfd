/* Fuzz target: a job spec and one --set.
 *
 * What follows the first record separator (0x1e) is the --set; without one there is none. Beyond
 * not crashing: what is refused has problems that can be shown on a terminal and lie inside the
 * text, and leaves nothing behind; what is taken prints as a resolved spec that reads back as the
 * same values and prints the same again. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/spec/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { SET_BYTES = 4096, SEPARATOR = 0x1e };
static struct test_spec first, second;

/* Aborts, so that the fuzzer keeps the input. */
static void check(bool holds, const char *condition)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", condition);
    abort();
}
#define CHECK(condition) check(condition, #condition)

static int count_lines(const char *text, size_t bytes)
{
    int lines = 1;
    for (size_t i = 0; i < bytes; i++)
        lines += text[i] == '\n' || (text[i] == '\r' && (i + 1 == bytes || text[i + 1] != '\n'));
    return lines;
}

static void check_problems(const char *text, size_t bytes)
{
    static FILE *nowhere;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    const int lines = count_lines(text, bytes);
    CHECK(first.problems.total > 0 && first.problems.count <= first.problems.total);
    for (int i = 0; i < first.problems.count; i++) {
        const struct vain_problem *problem = &first.problems.items[i];
        CHECK(problem->message[0] != '\0' && problem->line >= 0 && problem->line <= lines);
        CHECK((problem->line == 0) == (problem->column == 0));
        CHECK(vain_text_is_line(problem->file) && vain_text_is_line(problem->key));
        CHECK(vain_text_is_line(problem->message) && vain_text_is_line(problem->hint));
        CHECK(i == 0 || strcmp(problem->file, "--set") == 0 || problem->line >= problem[-1].line);
    }
    vain_spec_problems_print(&first.problems, nowhere, true);
    json_object_put(vain_spec_problems_json(&first.problems));
}

static void check_reads_back(void)
{
    char *text, *again;
    CHECK(vain_spec_resolved_yaml(&first.spec, &text) == VAIN_OK);
    CHECK(test_parse(&second, text, NULL) == VAIN_OK);
    CHECK(memcmp(&first.values, &second.values, sizeof first.values) == 0);
    CHECK(first.spec.member_count == second.spec.member_count);
    if (first.spec.member_count > 0)
        CHECK(memcmp(first.spec.members, second.spec.members,
                     (size_t)first.spec.member_count * sizeof *first.spec.members) == 0);
    CHECK(vain_spec_resolved_yaml(&second.spec, &again) == VAIN_OK);
    CHECK(strcmp(text, again) == 0);
    vain_release(text);
    vain_release(again);
    vain_spec_fini(&second.spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char set[SET_BYTES] = "";
    const char *const sets[] = {set};
    const char *text = (const char *)data;
    const char *separator = bytes > 0 ? memchr(text, SEPARATOR, bytes) : NULL;
    const size_t text_bytes = separator != NULL ? (size_t)(separator - text) : bytes;
    if (separator != NULL) {
        const size_t rest = bytes - text_bytes - 1;
        memcpy(set, separator + 1, rest < sizeof set ? rest : sizeof set - 1);
    }
    test_sections(&first.values, first.sections);
    const struct vain_spec_source source = {"job.yaml", sets, separator != NULL ? 1 : 0,
                                            first.sections, TEST_SECTIONS};
    const enum vain_status status =
        vain_spec_parse(&source, text, text_bytes, &first.spec, &first.problems);
    if (status == VAIN_OK) {
        CHECK(first.problems.total == 0);
        check_reads_back();
    } else {
        CHECK(status == VAIN_ERR_INPUT && first.spec.text == NULL);
        check_problems(text, text_bytes);
    }
    vain_spec_fini(&first.spec);
    CHECK(vain_memory_blocks() == 0);
    return 0;
}
