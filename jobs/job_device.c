/* Images, pairs and everything beside gradient steps on texts are the CPU's alone so far. */
#include "jobs/job_device.h"

#include <stdio.h>
#include <string.h>

bool vain_job_device_has_kernels(const struct vain_job *job)
{
    const bool text_model =
        job->model.kind == VAIN_MODEL_TRANSFORMER || job->model.kind == VAIN_MODEL_MLP;
    return text_model && job->train.method == VAIN_METHOD_SUPERVISED;
}

enum vain_status vain_job_device_open(const struct vain_job *job,
                                      const struct vain_device_wish *wish, struct vain_device *out,
                                      char why[VAIN_MIN_LEN(VAIN_DEVICE_WHY_BYTES)])
{
    const bool cpu = strcmp(wish->name, "cpu") == 0, any = strcmp(wish->name, "auto") == 0;
    if (cpu || vain_job_device_has_kernels(job))
        return vain_device_open(wish, out, why);
    why[0] = '\0';
    if (!any)
        return vain_fail(VAIN_ERR_UNAVAILABLE,
                         "device: %s: only the supervised method on a text has GPU kernels so far; "
                         "use device: cpu or auto",
                         wish->name);
    (void)snprintf(why, VAIN_DEVICE_WHY_BYTES, "what the job trains has no GPU kernels yet");
    return vain_device_open_cpu(wish->threads, NULL, out);
}
