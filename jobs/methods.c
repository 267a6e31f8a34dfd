/* The kinds of method, by the choice of train.method. */
#include "jobs/method.h"

const struct vain_method_ops *vain_method_ops_of(const struct vain_job *job)
{
    static const struct vain_method_ops *const all[] = {
        [VAIN_METHOD_SUPERVISED] = &vain_method_supervised,
        [VAIN_METHOD_FEDAVG] = &vain_method_fedavg,
        [VAIN_METHOD_GENETIC] = &vain_method_genetic,
        [VAIN_METHOD_REPTILE] = &vain_method_reptile,
        [VAIN_METHOD_MAML] = &vain_method_maml,
        [VAIN_METHOD_AGENTS] = &vain_method_agents,
    };
    return all[job->train.method];
}

enum vain_status vain_method_layout(const struct vain_job *job,
                                    const struct vain_model_options *model, struct vain_layout *out)
{
    const struct vain_method_ops *method = vain_method_ops_of(job);
    return method->layout != NULL ? method->layout(job, out)
                                  : vain_model_ops_of(model)->layout(model, out);
}
