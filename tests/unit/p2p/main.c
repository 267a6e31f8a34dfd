/* The suites of p2p/, one a source file. */
#include "tests/unit/suite.h"

#include "base/status.h"

extern const struct vain_suite vain_suite_certificate;
extern const struct vain_suite vain_suite_hello;
extern const struct vain_suite vain_suite_pace;
extern const struct vain_suite vain_suite_resolver;
extern const struct vain_suite vain_suite_link;
extern const struct vain_suite vain_suite_link_tls;
extern const struct vain_suite vain_suite_link_foreign;

int main(void)
{
    const struct vain_suite *suites[] = {
        &vain_suite_certificate,  &vain_suite_hello, &vain_suite_pace,
        &vain_suite_resolver,     &vain_suite_link,  &vain_suite_link_tls,
        &vain_suite_link_foreign,
    };
    return vain_suites_run(suites, VAIN_COUNT_OF(suites));
}
