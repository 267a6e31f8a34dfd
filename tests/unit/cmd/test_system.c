/* What the program asks of the system. */
#include "cmd/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

static unsigned long core_dump_filter(void)
{
    char text[32] = "ffff";
    FILE *file = fopen("/proc/self/coredump_filter", "r");
    if (file != NULL && fgets(text, sizeof text, file) == NULL)
        text[0] = '\0';
    if (file != NULL)
        fclose(file);
    return strtoul(text, NULL, 16);
}

/* Exits with a bit for each that is not as it should be. */
static void look(bool shared)
{
    struct rlimit limit;
    const int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    vain_system_hide_memory(shared);
    const int now = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    const bool limited = getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0;
    _Exit((limited ? 0 : 1) + (core_dump_filter() == 0 ? 0 : 2) +
          (now == (shared ? dumpable : 0) ? 0 : 4));
}

static void look_alone(void)
{
    look(false);
}

static void look_beside_others(void)
{
    look(true);
}

static void memory_gets_into_no_core_dump(void)
{
    CU_ASSERT_EQUAL(test_exit_code(look_alone, NULL, 0), 0);
    CU_ASSERT_EQUAL(test_exit_code(look_beside_others, NULL, 0), 0);
}

static const struct vain_test tests[] = {
    {"memory gets into no core dump", memory_gets_into_no_core_dump},
    {NULL, NULL},
};
const struct vain_suite vain_suite_system = {"cmd/system", tests};
