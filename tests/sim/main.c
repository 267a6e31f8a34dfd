#include "tests/unit/suite.h"

#include "base/status.h"

extern const struct vain_suite vain_suite_sim_time, vain_suite_sim_stream, vain_suite_sim_storage,
    vain_suite_sim_faults, vain_suite_sim_trace;

int main(void)
{
    static const struct vain_suite *const suites[] = {
        &vain_suite_sim_time,   &vain_suite_sim_stream, &vain_suite_sim_storage,
        &vain_suite_sim_faults, &vain_suite_sim_trace,
    };
    return vain_suites_run(suites, (int)VAIN_COUNT_OF(suites));
}
