/* Export of a checkpoint's parameters as safetensors: u64 header length, JSON header, raw
 * little-endian float32. */
#pragma once

#include "jobs/store/checkpoint.h"

/* Writes `path` with the ritual of base/world.h. VAIN_ERR_REFUSED if it exists and `replace` is
 * false. */
enum vain_status vain_safetensors_export(const struct vain_checkpoint *content,
                                         const float *parameters, const char *path, bool replace,
                                         struct vain_world *world) VAIN_MUST_USE;
