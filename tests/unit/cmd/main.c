/* The suites of cmd/: what is not a verb. */
#include "base/crypto.h"
#include "tests/unit/suite.h"

extern const struct vain_suite vain_suite_mesh, vain_suite_mesh_use, vain_suite_mesh_door,
    vain_suite_progress, vain_suite_system;

int main(void)
{
    static const struct vain_suite *const suites[] = {&vain_suite_mesh, &vain_suite_mesh_use,
                                                      &vain_suite_mesh_door, &vain_suite_progress,
                                                      &vain_suite_system};
    if (vain_crypto_init() != VAIN_OK)
        return 1;
    return vain_suites_run(suites, (int)VAIN_COUNT_OF(suites));
}
