/* The libraries' side of `vain doctor`: vector code, GPU, MPI, HDF5, libsodium. */
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>
#include <sodium/version.h>

#include "base/crypto.h"
#include "cmd/doctor.h"
#include "cmd/mpi.h"
#include "kernels/device.h"
#include "slurm/environment.h"

/* ------------------------------------------------------------------ arithmetic */

/* What `device: auto` takes here, and why. */
static void check_choice(struct vain_checkup *checkup)
{
    const struct vain_device_wish wish = {.name = "auto", .threads = 1};
    struct vain_device device;
    char why[VAIN_DEVICE_WHY_BYTES];
    if (vain_device_open(&wish, &device, why) != VAIN_OK) {
        vain_checkup_add(checkup, "device", VAIN_HEALTH_BROKEN, "%s", vain_fail_message());
        vain_fail_clear();
        return;
    }
    vain_checkup_add(checkup, "device", VAIN_HEALTH_FINE, "%s (%s)", device.name, why);
    vain_device_close(&device);
}

static void check_device(struct vain_checkup *checkup)
{
    struct vain_device device;
    if (vain_device_open_cpu(1, NULL, &device) != VAIN_OK) {
        vain_checkup_add(checkup, "arithmetic", VAIN_HEALTH_BROKEN, "%s", vain_fail_message());
        vain_fail_clear();
        return;
    }
    const char *platform = vain_device_platform(&device);
    struct vain_finding *finding =
        vain_checkup_add(checkup, "arithmetic", VAIN_HEALTH_FINE, "%s, %s", device.name, platform);
    if (strstr(platform, "product=fused") == NULL) {
        finding->health = VAIN_HEALTH_WARNING;
        vain_finding_fix(finding, "runs are much slower, and give other bits than on machines "
                                  "with AVX2; a virtual machine may hide what its processor has");
    }
    vain_device_close(&device);
    check_choice(checkup);
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
    const bool linked = strcmp(library, "none") != 0;
    const char *launch = vain_launch_name(environment.launch);
    if (environment.idle_task_count > 0)
        vain_finding_fix(vain_checkup_add(checkup, "MPI", VAIN_HEALTH_WARNING,
                                          "%.120s; this Slurm job has %d tasks, but srun did not "
                                          "start this process",
                                          linked ? library : "not in this build",
                                          environment.idle_task_count),
                         "a run that is started so trains alone: 'srun --mpi=pmix vain run SPEC'%s",
                         linked ? "" : ", with a build that has MPI");
    else if (!linked)
        vain_checkup_add(checkup, "MPI", VAIN_HEALTH_FINE,
                         "not in this build; 'vain run --members N' runs members in one process");
    else if (strcmp(launch, "none") == 0)
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
