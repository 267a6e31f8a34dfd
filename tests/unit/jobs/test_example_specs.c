/* What `vain explain` prints of an example is a spec that passes the same checks, for the same job.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/memory.h"
#include "jobs/plan.h"
#include "tests/unit/suite.h"

struct checked {
    struct vain_job job;
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    struct vain_spec spec;
    struct vain_problems problems;
    uint8_t hash[VAIN_HASH_BYTES];
    char *resolved; /* owned */
};

static struct checked first, second;

/* A file's spec, or that of a text that stands for it. */
static void check(struct checked *checked, const char *path, const char *text)
{
    memset(checked, 0, sizeof *checked);
    vain_job_sections(&checked->job, checked->sections);
    const struct vain_spec_source source = {path, NULL, 0, checked->sections, VAIN_JOB_SECTIONS};
    const enum vain_status status =
        text == NULL
            ? vain_spec_load(&source, &checked->spec, &checked->problems)
            : vain_spec_parse(&source, text, strlen(text), &checked->spec, &checked->problems);
    if (status == VAIN_OK)
        vain_plan_check(&checked->job, &checked->spec, &checked->problems);
    vain_spec_problems_print(&checked->problems, stdout, false);
    CU_ASSERT_EQUAL_FATAL(status, VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(checked->problems.total, 0);
    vain_option_agreed_hash(checked->sections, VAIN_JOB_SECTIONS, checked->spec.members,
                            checked->spec.member_count, checked->hash);
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&checked->spec, &checked->resolved), VAIN_OK);
}

static void forget(struct checked *checked)
{
    vain_spec_fini(&checked->spec);
    vain_release(checked->resolved);
}

static void test_resolved_examples(void)
{
    glob_t found;
    CU_ASSERT_EQUAL_FATAL(glob(VAIN_TEST_DATA "/../examples/*.yaml", 0, NULL, &found), 0);
    CU_ASSERT(found.gl_pathc >= 10);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        check(&first, found.gl_pathv[i], NULL);
        check(&second, found.gl_pathv[i], first.resolved);
        CU_ASSERT_STRING_EQUAL(first.resolved, second.resolved);
        CU_ASSERT_EQUAL(memcmp(first.hash, second.hash, sizeof first.hash), 0);
        forget(&second);
        forget(&first);
    }
    globfree(&found);
}

/* Keys of what the job does not do are not among what it says. */
static void test_what_counts(void)
{
    static const struct {
        const char *example, *idle, *counts;
    } cases[] = {
        {"omniglot-reptile-5way1shot", "\nmemory:", "\nmeta:"},
        {"omniglot-reptile-5way1shot", "  learning_rate:", "  inner_learning_rate:"},
        {"agents-memory", "\nmeta:", "\nmemory:"},
        {"evolve-weights", "  learning_rate:", "\ngenetic:"},
        {"mnist-mlp", "\ngenetic:", "\nouter:"},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        char path[VAIN_PATH_BYTES];
        snprintf(path, sizeof path, VAIN_TEST_DATA "/../examples/%s.yaml", cases[i].example);
        check(&first, path, NULL);
        CU_ASSERT_PTR_NULL(strstr(first.resolved, cases[i].idle));
        CU_ASSERT_PTR_NOT_NULL(strstr(first.resolved, cases[i].counts));
        forget(&first);
    }
}

static const struct vain_test tests[] = {
    {"an example's resolved spec passes its checks", test_resolved_examples},
    {"only what counts is said", test_what_counts},
    {NULL, NULL},
};
const struct vain_suite vain_suite_example_specs = {"jobs/example_specs", tests};
