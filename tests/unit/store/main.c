/* The suites of jobs/store. */
#include "base/crypto.h"
#include "tests/unit/suite.h"

extern const struct vain_suite vain_suite_folder, vain_suite_checkpoint, vain_suite_damage,
    vain_suite_member, vain_suite_record_file, vain_suite_metrics, vain_suite_safetensors,
    vain_suite_inspect, vain_suite_world, vain_suite_promise, vain_suite_record_read,
    vain_suite_salt_file;

int main(void)
{
    static const struct vain_suite *const suites[] = {
        &vain_suite_folder,      &vain_suite_checkpoint,  &vain_suite_damage,
        &vain_suite_member,      &vain_suite_record_file, &vain_suite_metrics,
        &vain_suite_safetensors, &vain_suite_inspect,     &vain_suite_world,
        &vain_suite_promise,     &vain_suite_record_read, &vain_suite_salt_file,
    };
    if (vain_crypto_init() != VAIN_OK)
        return 1;
    return vain_suites_run(suites, (int)VAIN_COUNT_OF(suites));
}
