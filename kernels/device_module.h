/* The CUDA module as the executable sees it. */
#pragma once

#include "kernels/cuda/module.h"

/* The module's table: opened by the first call, at `path` or, if that is NULL, in one of the
 * places where it belongs (docs/gpu.md); borrowed for ever. VAIN_ERR_UNAVAILABLE says why there is
 * none: no file, a library that it needs is missing, another build. Thread-safe, local. */
enum vain_status vain_device_module(const char *path,
                                    const struct vain_cuda_module **out) VAIN_MUST_USE;
