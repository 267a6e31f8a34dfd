#include <stdio.h>

#include "base/crypto.h"
#include "tests/unit/suite.h"

extern const struct vain_suite vain_suite_ranks;

int main(void)
{
    static const struct vain_suite *const suites[] = {&vain_suite_ranks};
    if (vain_crypto_init() != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        return 1;
    }
    return vain_suites_run(suites, (int)VAIN_COUNT_OF(suites));
}
