/* The libraries' side of `vain doctor`: vector code, BLAS, MPI, HDF5, libsodium, GPU. */
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>
#include <sodium/version.h>

#include "base/crypto.h"
#include "cmd/doctor.h"
#include "cmd/mpi.h"
#include "cmd/system.h"
#include "kernels/device.h"
#include "slurm/environment.h"

/* ------------------------------------------------------------------ arithmetic */

/* BLAS codes by name that do not use AVX-512 although the processor may have it. */
static bool is_narrow_blas(const char *platform)
{
    static const char *const wide[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
    for (size_t i = 0; i < VAIN_COUNT_OF(wide); i++) {
        if (strstr(platform, wide[i]) != NULL)
            return false;
    }
    return true;
}

/* The device opens the BLAS with the code that fits the processor, unless the user's environment
 * says otherwise, which then stands: often it is the set-up of a machine that says so. */
struct blas_variables {
    const char *core, *cache;
};

static void check_blas(struct vain_checkup *checkup, const struct blas_variables *user,
                       const char *platform)
{
    const bool narrow = vain_system_cpu_has("avx512f") && is_narrow_blas(platform);
    struct vain_finding *finding =
        vain_checkup_add(checkup, "arithmetic", VAIN_HEALTH_FINE, "%s", platform);
    const size_t used = strlen(finding->found);
    if (user->core == NULL && user->cache == NULL)
        return;
    snprintf(finding->found + used, sizeof finding->found - used, "%s%.40s%s%.40s%s",
             user->core != NULL ? "; OPENBLAS_CORETYPE=" : "", user->core != NULL ? user->core : "",
             user->cache != NULL ? "; OPENBLAS_L2_SIZE=" : "",
             user->cache != NULL ? user->cache : "",
             narrow ? "; the processor has AVX-512 and the BLAS does not use it, so matrix "
                      "products may take twice the time"
                    : "");
    if (!narrow && user->cache == NULL)
        return;
    finding->health = VAIN_HEALTH_WARNING;
    vain_finding_fix(finding, "unset%s%s", user->core != NULL ? " OPENBLAS_CORETYPE" : "",
                     user->cache != NULL ? " OPENBLAS_L2_SIZE" : "");
}

static void check_device(struct vain_checkup *checkup)
{
    struct vain_device device;
    /* Read first: opening the device sets what is not set. */
    const struct blas_variables user = {getenv("OPENBLAS_CORETYPE"), getenv("OPENBLAS_L2_SIZE")};
    if (vain_device_open_cpu(1, NULL, &device) != VAIN_OK) {
        struct vain_finding *finding =
            vain_checkup_add(checkup, "arithmetic", VAIN_HEALTH_BROKEN, "%s", vain_fail_message());
        vain_finding_fix(finding, "install OpenBLAS (libopenblas0)");
        vain_fail_clear();
        return;
    }
    check_blas(checkup, &user, vain_device_platform(&device));
    vain_device_close(&device);
    vain_checkup_add(checkup, "device", VAIN_HEALTH_FINE,
                     "device: cpu (this build has no CUDA module)");
}

/* ------------------------------------------------------------------ the others */

static void check_mpi(struct vain_checkup *checkup)
{
    struct vain_environment environment;
    const char *library = vain_mpi_library();
    enum vain_status status = vain_environment_read(vain_environment_getenv, NULL, &environment);
    if (status == VAIN_OK)
        status = vain_environment_check_launch(&environment);
    if (status != VAIN_OK) {
        struct vain_finding *finding =
            vain_checkup_add(checkup, "MPI", VAIN_HEALTH_BROKEN, "%.120s", library);
        vain_finding_fix(finding, "%s", vain_fail_message());
        vain_fail_clear();
        return;
    }
    if (strcmp(library, "none") == 0) {
        vain_checkup_add(checkup, "MPI", VAIN_HEALTH_FINE,
                         "not in this build; 'vain run --members N' runs members in one process");
        return;
    }
    const char *launch = vain_launch_name(environment.launch);
    if (strcmp(launch, "none") == 0)
        vain_checkup_add(checkup, "MPI", VAIN_HEALTH_FINE,
                         "%.120s; no launcher started this process", library);
    else
        vain_checkup_add(checkup, "MPI", VAIN_HEALTH_FINE, "%.120s; started by %s as rank %d of %d",
                         library, launch, environment.rank, environment.size);
}

static void check_hdf5(struct vain_checkup *checkup)
{
    unsigned major = 0, minor = 0, release = 0;
    const char *locking = getenv("HDF5_USE_FILE_LOCKING");
    if (H5get_libversion(&major, &minor, &release) < 0) {
        vain_checkup_add(checkup, "HDF5", VAIN_HEALTH_BROKEN, "does not say its version");
        return;
    }
    struct vain_finding *finding = vain_checkup_add(
        checkup, "HDF5", VAIN_HEALTH_FINE, "%u.%u.%u%s%.40s", major, minor, release,
        locking != NULL ? "; HDF5_USE_FILE_LOCKING=" : "", locking != NULL ? locking : "");
    if (major != H5_VERS_MAJOR || minor != H5_VERS_MINOR) {
        finding->health = VAIN_HEALTH_BROKEN;
        vain_finding_fix(finding, "this program was built for %d.%d: load that one, or build anew",
                         H5_VERS_MAJOR, H5_VERS_MINOR);
    }
}

static void check_sodium(struct vain_checkup *checkup)
{
    if (vain_crypto_init() == VAIN_OK) {
        vain_checkup_add(checkup, "libsodium", VAIN_HEALTH_FINE,
                         "%s; it passes the self-test of signatures", sodium_version_string());
        return;
    }
    struct vain_finding *finding =
        vain_checkup_add(checkup, "libsodium", VAIN_HEALTH_BROKEN, "%s", vain_fail_message());
    vain_finding_fix(finding, "install a newer libsodium");
    vain_fail_clear();
}

void vain_checkup_libraries(struct vain_checkup *checkup)
{
    vain_checkup_add(checkup, "vain", VAIN_HEALTH_FINE, "%s", VAIN_VERSION);
    check_device(checkup);
    check_mpi(checkup);
    check_hdf5(checkup);
    check_sodium(checkup);
}
