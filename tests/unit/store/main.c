#include "tests/unit/suite.h"

#include "base/crypto.h"

extern const struct vain_suite vain_suite_checkpoint;

int main(void)
{
    static const struct vain_suite *const suites[] = {
        &vain_suite_checkpoint,
    };
    if (vain_crypto_init() != VAIN_OK)
        return 1;
    return vain_suites_run(suites, (int)(sizeof suites / sizeof suites[0]));
}
