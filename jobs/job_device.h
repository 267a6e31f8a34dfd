/* The device that a job computes on. */
#pragma once

#include "jobs/options.h"
#include "kernels/device.h"

/* Whether a GPU has all kernels that the job needs. Local. */
bool vain_job_device_has_kernels(const struct vain_job *job);
/* Open the device that `wish` names, as vain_device_open does, if a GPU has all kernels that the
 * job needs. If not, auto is the CPU, `why` says so, and naming a GPU is VAIN_ERR_UNAVAILABLE.
 * Local. */
enum vain_status vain_job_device_open(const struct vain_job *job,
                                      const struct vain_device_wish *wish, struct vain_device *out,
                                      char why[VAIN_MIN_LEN(VAIN_DEVICE_WHY_BYTES)]) VAIN_MUST_USE;
