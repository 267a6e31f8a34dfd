#include "tests/unit/suite.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool is_listed(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = list == NULL ? NULL : strstr(list, name); at != NULL;
         at = strstr(at + 1, name)) {
        const bool begins = at == list || at[-1] == ',';
        if (begins && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* VAIN_SUITES="a,b": these alone, for who works at them. VAIN_SUITES_SKIPPED="a,b": all but these,
 * which have nothing to say in a build, such as those of one thread under the thread sanitizer. */
static bool is_wanted(const char *name)
{
    const char *only = getenv("VAIN_SUITES");
    return (only == NULL || is_listed(only, name)) &&
           !is_listed(getenv("VAIN_SUITES_SKIPPED"), name);
}

int vain_suites_run(const struct vain_suite *const *suites, int count)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 1;
    for (int i = 0; i < count; i++) {
        if (!is_wanted(suites[i]->name))
            continue;
        CU_pSuite suite = CU_add_suite(suites[i]->name, NULL, NULL);
        if (suite == NULL)
            return 1;
        for (const struct vain_test *test = suites[i]->tests; test->name != NULL; test++) {
            if (CU_add_test(suite, test->name, test->run) == NULL)
                return 1;
        }
    }
    const int64_t blocks_before = vain_memory_blocks();
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    const unsigned failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
    const unsigned ran = CU_get_number_of_tests_run();
    CU_cleanup_registry();
    if (vain_memory_blocks() != blocks_before) {
        printf("memory: %lld blocks left over\n",
               (long long)(vain_memory_blocks() - blocks_before));
        return 1;
    }
    return failures == 0 && ran > 0 ? 0 : 1;
}
