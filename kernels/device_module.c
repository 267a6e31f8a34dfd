/* Opening libvain_cuda.so, once a process: beside the executable, where an installation puts it, or
 * at a path that is given. */
#include "kernels/device_module.h"

#include "base/crypto.h"
#include "base/memory.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* From the executable's folder: a build, and an installation. */
static const char *const places[] = {"", "/../lib/vain", "/../lib64/vain",
                                     "/../lib/x86_64-linux-gnu/vain",
                                     "/../lib/aarch64-linux-gnu/vain"};

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static const struct vain_cuda_module *opened; /* for ever: kernels may still be in use at exit */

static enum vain_status host_fail(enum vain_status status, const char *message)
{
    return vain_fail(status, "%s", message);
}

static const struct vain_cuda_host host = {.fail = host_fail,
                                           .bug = vain_bug,
                                           .take = vain_take,
                                           .release = vain_release,
                                           .wipe = vain_wipe};

static enum vain_status executable_folder(char folder[PATH_BYTES])
{
    const ssize_t bytes = readlink("/proc/self/exe", folder, PATH_BYTES - 1);
    folder[bytes > 0 ? bytes : 0] = '\0';
    char *end = strrchr(folder, '/');
    if (end == NULL)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "no GPU: /proc/self/exe does not say where the "
                                               "program lies, beside which its module is");
    *end = '\0';
    return VAIN_OK;
}

/* The first place that holds the module. */
static enum vain_status find(char path[PATH_BYTES])
{
    char folder[PATH_BYTES];
    VAIN_TRY(executable_folder(folder));
    for (size_t i = 0; i < VAIN_COUNT_OF(places); i++) {
        const int bytes =
            snprintf(path, PATH_BYTES, "%s%s/" VAIN_CUDA_MODULE_FILE, folder, places[i]);
        if (bytes < PATH_BYTES && access(path, R_OK) == 0)
            return VAIN_OK;
    }
    return vain_fail(VAIN_ERR_UNAVAILABLE,
                     "no GPU: " VAIN_CUDA_MODULE_FILE " is not in %s or %s/../lib/vain; a build "
                     "where nvcc 13 is found makes it (docs/gpu.md)",
                     folder, folder);
}

/* Looked for first: the module's libraries are large, and useless without it. Stays open. */
static enum vain_status find_driver(void)
{
    if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) != NULL)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_UNAVAILABLE,
                     "no GPU: there is no NVIDIA driver (libcuda.so.1) on this machine");
}

static enum vain_status load(const char *path, const struct vain_cuda_module **out)
{
    VAIN_TRY(find_driver());
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "no GPU: %s", dlerror());
    vain_cuda_module_function of = NULL;
    /* POSIX's way from an object pointer to a function pointer. */
    *(void **)(void *)&of = dlsym(library, VAIN_CUDA_MODULE_SYMBOL);
    *out = of == NULL ? NULL : of(VAIN_CUDA_MODULE_VERSION, &host);
    if (*out != NULL)
        return VAIN_OK;
    (void)dlclose(library);
    return vain_fail(VAIN_ERR_UNAVAILABLE,
                     "no GPU: %s belongs to another build of vain; install both together", path);
}

enum vain_status vain_device_module(const char *path, const struct vain_cuda_module **out)
{
    char found[PATH_BYTES];
    enum vain_status status = VAIN_OK;
    (void)pthread_mutex_lock(&opening);
    if (opened == NULL && path == NULL)
        status = find(found);
    if (opened == NULL && status == VAIN_OK)
        status = load(path != NULL ? path : found, &opened);
    *out = opened;
    (void)pthread_mutex_unlock(&opening);
    return status;
}
