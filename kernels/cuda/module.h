/* What the executable and libvain_cuda.so give each other.
 *
 * The module is opened at run time (kernels/device_module.c), so the executable starts where there
 * is no driver and no CUDA library. What is archived in the executable does not resolve for a
 * module: what the module needs of it comes in the host's table, and the one exported function
 * gives the module's table. Plain C, for gcc and nvcc. */
#pragma once

#include "base/status.h"
#include "kernels/device.h"

/* Grows with every change of these tables, struct vain_device or struct vain_ops: a module of
 * another build is refused. */
enum { VAIN_CUDA_MODULE_VERSION = 3 };
#define VAIN_CUDA_MODULE_FILE   "libvain_cuda.so"
#define VAIN_CUDA_MODULE_SYMBOL "vain_cuda_module_of"

struct vain_cuda_host {
    /* vain_fail with "%s", vain_bug, vain_take, vain_release and vain_wipe. */
    enum vain_status (*fail)(enum vain_status status, const char *message);
    void (*bug)(const char *file, int line, const char *condition);
    enum vain_status (*take)(size_t bytes, const char *what, void **out);
    void (*release)(void *memory);
    void (*wipe)(void *memory, size_t bytes);
};

/* One GPU, for people and for choosing. */
struct vain_cuda_description {
    char name[64];     /* "NVIDIA H100 80GB HBM3" */
    char identity[48]; /* the card's UUID in hex: equal for two ranks on one GPU */
    int major, minor;  /* compute capability */
    size_t memory_bytes, free_bytes;
};

struct vain_cuda_options {
    int index; /* of the GPU among those that this process may see */
    enum vain_precision precision;
};

struct vain_cuda_module {
    int version; /* VAIN_CUDA_MODULE_VERSION */
    /* How many GPUs this process may see, at least 1; VAIN_ERR_UNAVAILABLE says why none. */
    enum vain_status (*count)(int *out);
    enum vain_status (*describe)(int index, struct vain_cuda_description *out);
    /* Gives the device; its ops close it. */
    enum vain_status (*open)(const struct vain_cuda_options *options, struct vain_device *out);
};

/* The exported function; NULL if `version` is not the module's own. The host's table is copied. */
typedef const struct vain_cuda_module *(*vain_cuda_module_function)(
    int version, const struct vain_cuda_host *host);
