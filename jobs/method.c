#include "jobs/method.h"

const struct vain_method_ops *vain_method_ops_of(const struct vain_job *job)
{
    static const struct vain_method_ops *const kinds[] = {
        [VAIN_METHOD_SUPERVISED] = &vain_method_supervised,
        [VAIN_METHOD_GENETIC] = &vain_method_genetic,
    };
    VAIN_ASSERT(job->train.method >= 0);
    VAIN_ASSERT(job->train.method < (int)VAIN_COUNT_OF(kinds));
    return kinds[job->train.method];
}

enum vain_status vain_method_layout(const struct vain_job *job,
                                    const struct vain_model_options *model, struct vain_layout *out)
{
    const struct vain_method_ops *method = vain_method_ops_of(job);
    return method->layout != NULL ? method->layout(job, out)
                                  : vain_model_ops_of(model)->layout(model, out);
}
