/* The suites of jobs/spec/, one a source file, and the table of broken specs. */
#include "base/crypto.h"
#include "tests/unit/suite.h"

extern const struct vain_suite vain_suite_address;
extern const struct vain_suite vain_suite_broken;
extern const struct vain_suite vain_suite_check;
extern const struct vain_suite vain_suite_difference;
extern const struct vain_suite vain_suite_members;
extern const struct vain_suite vain_suite_problem;
extern const struct vain_suite vain_suite_reference;
extern const struct vain_suite vain_suite_resolved;
extern const struct vain_suite vain_suite_schema;
extern const struct vain_suite vain_suite_spec;
extern const struct vain_suite vain_suite_suggest;
extern const struct vain_suite vain_suite_tree;

int main(void)
{
    const struct vain_suite *suites[] = {
        &vain_suite_tree,      &vain_suite_check,  &vain_suite_members,    &vain_suite_suggest,
        &vain_suite_problem,   &vain_suite_spec,   &vain_suite_resolved,   &vain_suite_schema,
        &vain_suite_reference, &vain_suite_broken, &vain_suite_difference, &vain_suite_address,
    };
    if (vain_crypto_init() != VAIN_OK)
        return 1;
    return vain_suites_run(suites, VAIN_COUNT_OF(suites));
}
