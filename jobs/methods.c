/* The kinds of method, by the choice of train.method. */
#include "jobs/method.h"

const struct vain_method_ops *vain_method_ops_of(const struct vain_job *job)
{
    static const struct vain_method_ops *const all[] = {
        [VAIN_METHOD_SUPERVISED] = &vain_method_supervised,
        [VAIN_METHOD_FEDAVG] = &vain_method_fedavg,
        [VAIN_METHOD_AGENTS] = &vain_method_agents,
    };
    return all[job->train.method];
}
