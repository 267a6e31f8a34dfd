/* Names and creation of temporary files. The mode is given at open(2), before the first byte, so
 * that a private file is never readable by others for a moment. */
#include "jobs/store/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { HOST_BYTES = 65 };
#define PART_MARK ".part-"

static void host_name(char out[HOST_BYTES])
{
    if (gethostname(out, HOST_BYTES) != 0)
        snprintf(out, HOST_BYTES, "host");
    out[HOST_BYTES - 1] = '\0';
    for (char *at = out; *at != '\0'; at++) {
        if (*at == '/')
            *at = '_';
    }
}

void vain_part_path(const char *path, char out[VAIN_MIN_LEN(VAIN_PART_PATH_BYTES)])
{
    char host[HOST_BYTES];
    host_name(host);
    snprintf(out, VAIN_PART_PATH_BYTES, "%s" PART_MARK "%s-%ld", path, host, (long)getpid());
}

bool vain_part_is_stale(const char *name)
{
    const char *mark = strstr(name, PART_MARK);
    if (mark == NULL)
        return false;
    char host[HOST_BYTES];
    host_name(host);
    const char *owner = mark + strlen(PART_MARK);
    const size_t host_length = strlen(host);
    if (strncmp(owner, host, host_length) != 0 || owner[host_length] != '-')
        return false;
    const char *digits = owner + host_length + 1;
    const size_t digit_count = strspn(digits, "0123456789");
    if (digit_count == 0 || digit_count > 9 || digits[digit_count] != '\0')
        return false;
    const long pid = strtol(digits, NULL, 10);
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Room for an ordinary user in the file system of `descriptor`; negative if it does not tell. */
static int64_t free_bytes(int descriptor)
{
    struct statvfs volume;
    if (fstatvfs(descriptor, &volume) != 0 || volume.f_blocks == 0 || volume.f_frsize == 0)
        return -1;
    const uint64_t blocks_max = (uint64_t)INT64_MAX / volume.f_frsize;
    return volume.f_bavail > blocks_max ? INT64_MAX : (int64_t)(volume.f_bavail * volume.f_frsize);
}

enum vain_status vain_part_create(const char *part, const char *path, int mode,
                                  int64_t expected_bytes, int *descriptor)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    *descriptor = open(part, flags, (mode_t)mode);
    if (*descriptor < 0 && errno == EEXIST && unlink(part) == 0)
        *descriptor = open(part, flags, (mode_t)mode);
    if (*descriptor < 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot make a file beside it: %s", path,
                         strerror(errno));
    const int64_t room = free_bytes(*descriptor);
    if (room < 0 || expected_bytes <= room)
        return VAIN_OK;
    (void)close(*descriptor);
    (void)unlink(part);
    *descriptor = -1;
    return vain_fail(VAIN_ERR_STORAGE,
                     "%s: %lld bytes are needed and the file system has %lld; free some space and "
                     "resume, nothing was replaced",
                     path, (long long)expected_bytes, (long long)room);
}
