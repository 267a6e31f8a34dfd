/* The suites of slurm. */
#include "base/status.h"
#include "tests/unit/suite.h"

extern const struct vain_suite vain_suite_environment;

int main(void)
{
    static const struct vain_suite *const suites[] = {&vain_suite_environment};
    return vain_suites_run(suites, (int)VAIN_COUNT_OF(suites));
}
