/* The machine's side of `vain doctor`: cores, memory, folders, clock. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/host.h"
#include "cmd/doctor.h"
#include "cmd/system.h"
#include "cmd/verb.h"
#include "cmd/world.h"
#include "base/timestamp.h"

#define GIB         (INT64_C(1) << 30)
#define JAN_2024_MS INT64_C(1704067200000)
#define JAN_2100_MS INT64_C(4102444800000)

/* ------------------------------------------------------------------ cores and memory */

static void check_cores(struct vain_checkup *checkup)
{
    const int cores = vain_cores();
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const double quota = vain_system_cpu_quota();
    struct vain_finding *finding =
        vain_checkup_add(checkup, "cores", VAIN_HEALTH_FINE,
                         "%d of the machine's %ld may be used by this process", cores, online);
    if (quota > 0 && quota < cores) {
        finding->health = VAIN_HEALTH_WARNING;
        snprintf(finding->found, sizeof finding->found,
                 "%d of the machine's %ld, but time for %.1f only (the control group's cpu.max)",
                 cores, online, quota);
        vain_finding_fix(finding, "--set train.threads=%d, or ask for more processors",
                         quota < 1 ? 1 : (int)quota);
    }
}

static void check_memory(struct vain_checkup *checkup)
{
    char total_text[32], free_text[32], limit_text[32];
    int64_t total = 0, available = 0;
    if (!vain_system_memory(&total, &available)) {
        vain_checkup_add(checkup, "memory", VAIN_HEALTH_WARNING, "/proc/meminfo cannot be read");
        return;
    }
    const int64_t limit = vain_system_memory_limit();
    vain_format_bytes((double)total, total_text);
    vain_format_bytes((double)available, free_text);
    struct vain_finding *finding = vain_checkup_add(checkup, "memory", VAIN_HEALTH_FINE,
                                                    "%s of %s free", free_text, total_text);
    if (limit > 0 && limit < total) {
        const size_t used = strlen(finding->found);
        snprintf(finding->found + used, sizeof finding->found - used,
                 "; this control group may use %s", vain_format_bytes((double)limit, limit_text));
    }
    if (available < GIB || (limit > 0 && limit < GIB)) {
        finding->health = VAIN_HEALTH_WARNING;
        vain_finding_fix(finding, "'vain explain SPEC' says what a job takes; ask for more memory "
                                  "(sbatch --mem) if that is less");
    }
}

/* ------------------------------------------------------------------ key folder */

/* Name of a file in the folder that others may read or write; false if there is none. */
static bool find_open_key(const char *folder, char *name, size_t bytes)
{
    DIR *directory = opendir(folder);
    bool found = false;
    if (directory == NULL)
        return false;
    for (struct dirent *entry = readdir(directory); entry != NULL && !found;
         entry = readdir(directory)) {
        const size_t length = strlen(entry->d_name);
        struct stat about;
        if (length <= 4 || strcmp(entry->d_name + length - 4, ".key") != 0)
            continue;
        if (fstatat(dirfd(directory), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        found = !S_ISREG(about.st_mode) || (about.st_mode & 077) != 0;
        if (found)
            snprintf(name, bytes, "%.128s", entry->d_name);
    }
    closedir(directory);
    return found;
}

static void check_key_folder(struct vain_checkup *checkup)
{
    char folder[VAIN_PATH_BYTES], name[160];
    struct stat about;
    if (vain_key_folder(folder, sizeof folder) != VAIN_OK) {
        struct vain_finding *finding =
            vain_checkup_add(checkup, "key folder", VAIN_HEALTH_WARNING, "%s", vain_fail_message());
        vain_finding_fix(finding, "export VAIN_HOME=...");
        vain_fail_clear();
        return;
    }
    if (stat(folder, &about) != 0) {
        vain_checkup_add(checkup, "key folder", VAIN_HEALTH_FINE,
                         "%.200s: none yet; 'vain key new NAME' makes it", folder);
        return;
    }
    if (!S_ISDIR(about.st_mode)) {
        struct vain_finding *finding = vain_checkup_add(checkup, "key folder", VAIN_HEALTH_BROKEN,
                                                        "%.200s is no folder", folder);
        vain_finding_fix(finding, "remove it");
    } else if (about.st_uid != geteuid()) {
        struct vain_finding *finding =
            vain_checkup_add(checkup, "key folder", VAIN_HEALTH_BROKEN, "%.200s belongs to user %u",
                             folder, (unsigned)about.st_uid);
        vain_finding_fix(finding, "chown it to yourself, or set VAIN_HOME to a folder of yours");
    } else if ((about.st_mode & 022) != 0) {
        struct vain_finding *finding = vain_checkup_add(
            checkup, "key folder", VAIN_HEALTH_BROKEN, "%.200s: others may write to it (mode %04o)",
            folder, (unsigned)about.st_mode & 07777);
        vain_finding_fix(finding, "chmod 700 '%.200s'", folder);
    } else if (find_open_key(folder, name, sizeof name)) {
        struct vain_finding *finding =
            vain_checkup_add(checkup, "key folder", VAIN_HEALTH_BROKEN,
                             "%.120s/%s is open to others, or no plain file", folder, name);
        vain_finding_fix(finding, "chmod 600 '%.120s/%s'; if others could read it, make a new key",
                         folder, name);
    } else {
        vain_checkup_add(checkup, "key folder", VAIN_HEALTH_FINE, "%.200s (mode %04o)", folder,
                         (unsigned)about.st_mode & 07777);
    }
}

/* ------------------------------------------------------------------ current folder */

static void check_space(struct vain_checkup *checkup)
{
    struct statvfs about;
    char free_text[32];
    if (statvfs(".", &about) != 0) {
        vain_checkup_add(checkup, "free space", VAIN_HEALTH_WARNING, "not known: %s",
                         strerror(errno));
        return;
    }
    const double free_bytes = (double)about.f_bavail * (double)about.f_frsize;
    struct vain_finding *finding =
        vain_checkup_add(checkup, "free space", VAIN_HEALTH_FINE, "%s in the current folder",
                         vain_format_bytes(free_bytes, free_text));
    if (free_bytes < (double)GIB) {
        finding->health = VAIN_HEALTH_WARNING;
        vain_finding_fix(finding, "'vain explain SPEC' says what checkpoints take; --out DIR "
                                  "writes them elsewhere");
    }
}

static bool locking_forced(void)
{
    const char *value = getenv("HDF5_USE_FILE_LOCKING");
    return value != NULL && (strcmp(value, "TRUE") == 0 || strcmp(value, "1") == 0);
}

/* HDF5 takes a lock on every file that it opens; some network file systems have none. */
static void check_locks(struct vain_checkup *checkup, int descriptor)
{
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
        vain_checkup_add(checkup, "file locks", VAIN_HEALTH_FINE, "work in the current folder");
        return;
    }
    struct vain_finding *finding = vain_checkup_add(
        checkup, "file locks", locking_forced() ? VAIN_HEALTH_BROKEN : VAIN_HEALTH_WARNING,
        "do not work in the current folder: %s", strerror(errno));
    vain_finding_fix(finding, "export HDF5_USE_FILE_LOCKING=FALSE");
}

/* The only way to know whether a folder can be written is to write to it. */
static void check_current_folder(struct vain_checkup *checkup)
{
    char name[] = ".vain-doctor-XXXXXX", folder[VAIN_PATH_BYTES];
    const int descriptor = mkstemp(name);
    if (getcwd(folder, sizeof folder) == NULL)
        snprintf(folder, sizeof folder, "?");
    if (descriptor < 0) {
        struct vain_finding *finding =
            vain_checkup_add(checkup, "current folder", VAIN_HEALTH_BROKEN,
                             "%.200s cannot be written: %s", folder, strerror(errno));
        vain_finding_fix(finding, "start runs elsewhere, or give --out DIR");
        return;
    }
    const bool written = write(descriptor, "vain", 4) == 4 && fsync(descriptor) == 0;
    const int reason = errno;
    struct vain_finding *finding = vain_checkup_add(checkup, "current folder", VAIN_HEALTH_FINE,
                                                    "%.200s can be written", folder);
    if (!written) {
        finding->health = VAIN_HEALTH_BROKEN;
        snprintf(finding->found, sizeof finding->found, "%.200s: a test file cannot be written: %s",
                 folder, strerror(reason));
        vain_finding_fix(finding, "free some space, or give --out DIR");
    }
    check_locks(checkup, descriptor);
    close(descriptor);
    unlink(name);
}

/* ------------------------------------------------------------------ clock */

static void check_clock(struct vain_checkup *checkup)
{
    struct vain_world *world = vain_world_real();
    const int64_t now_ms = world->ops->unix_ms(world);
    char text[VAIN_TIMESTAMP_BYTES];
    struct timex state;
    vain_timestamp_format(now_ms, text);
    memset(&state, 0, sizeof state);
    const bool sane = now_ms > JAN_2024_MS && now_ms < JAN_2100_MS;
    const bool synchronised = adjtimex(&state) != TIME_ERROR;
    struct vain_finding *finding = vain_checkup_add(
        checkup, "clock", VAIN_HEALTH_FINE, "%s%s", text,
        synchronised ? "" : "; the kernel does not know of a time server that sets it");
    if (!sane) {
        finding->health = VAIN_HEALTH_BROKEN;
        vain_finding_fix(finding, "set it: certificates of members would seem expired or not yet "
                                  "valid");
    } else if (!synchronised) {
        finding->health = VAIN_HEALTH_WARNING;
        vain_finding_fix(finding, "compare with another clock: certificates of members are valid "
                                  "for days, so minutes do not matter");
    }
}

void vain_checkup_machine(struct vain_checkup *checkup)
{
    check_cores(checkup);
    check_memory(checkup);
    check_key_folder(checkup);
    check_current_folder(checkup);
    check_space(checkup);
    check_clock(checkup);
}
