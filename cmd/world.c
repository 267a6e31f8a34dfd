/* Clocks, randomness and durable files of Linux and POSIX.
 *
 * Durable means: written, synced, renamed, and the folder synced too, since a rename is an entry of
 * the folder. An fsync that fails is final: the kernel may have dropped the pages and would say
 * "done" to a second try (Rebello et al., "Can applications recover from fsync failures?", ATC
 * 2020), so the temporary is removed and the caller told; what was there before is still what it
 * was. An append that fails is cut back to where it began. */
#include "cmd/world.h"

#include "base/crypto.h"
#include "base/limits.h"
#include "jobs/store/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { APPENDED_MODE = 0644 };

static uint64_t now_ns(struct vain_world *world)
{
    (void)world;
    struct timespec now;
    VAIN_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int64_t unix_ms(struct vain_world *world)
{
    (void)world;
    struct timespec now;
    VAIN_ASSERT(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void random_bytes(struct vain_world *world, void *out, size_t bytes)
{
    (void)world;
    vain_random_bytes(out, bytes);
}

/* ---- Files ---------------------------------------------------------------------------------- */

static enum vain_status storage_error(const char *path, const char *what, size_t bytes, int reason)
{
    if (reason == ENOSPC || reason == EDQUOT)
        return vain_fail(VAIN_ERR_STORAGE,
                         "%s: %s %zu bytes: %s; free some space and resume, what was there before "
                         "is untouched",
                         path, what, bytes, strerror(reason));
    return vain_fail(VAIN_ERR_STORAGE, "%s: %s: %s; what was there before is untouched", path, what,
                     strerror(reason));
}

/* 0, or errno. */
static int write_all(int descriptor, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    while (bytes > 0) {
        const ssize_t wrote = write(descriptor, at, bytes);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? errno : EIO;
        at += wrote;
        bytes -= (size_t)wrote;
    }
    return 0;
}

/* 0, or errno. */
static int sync_folder_of(const char *path)
{
    char folder[VAIN_PART_PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        snprintf(folder, sizeof folder, ".");
    else
        slash[slash == folder ? 1 : 0] = '\0';
    const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return errno;
    int reason = fsync(descriptor) == 0 ? 0 : errno;
    /* Some network file systems cannot sync a folder and say so; their renames are durable by
     * themselves. */
    if (reason == EINVAL || reason == ENOTSUP)
        reason = 0;
    (void)close(descriptor);
    return reason;
}

/* Opened for appending; `created` if it was not there. Negative: errno says why. */
static int open_to_append(const char *path, bool *created)
{
    *created = false;
    int descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (descriptor >= 0 || errno != ENOENT)
        return descriptor;
    descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, APPENDED_MODE);
    *created = descriptor >= 0;
    return descriptor;
}

static enum vain_status append(struct vain_world *world, const char *path, const void *data,
                               size_t bytes)
{
    (void)world;
    bool created;
    const int descriptor = open_to_append(path, &created);
    struct stat before = {0};
    if (descriptor < 0 || fstat(descriptor, &before) != 0) {
        const int reason = errno;
        if (descriptor >= 0)
            (void)close(descriptor);
        return storage_error(path, "cannot open it to append", bytes, reason);
    }
    int reason = write_all(descriptor, data, bytes);
    if (reason == 0 && fdatasync(descriptor) != 0)
        reason = errno;
    if (reason == 0 && created)
        reason = sync_folder_of(path);
    /* Half a record would only be in the way of the next one. If this fails too, its reader cuts it
     * off. */
    if (reason != 0 && ftruncate(descriptor, before.st_size) != 0)
        (void)fdatasync(descriptor);
    if (close(descriptor) != 0 && reason == 0)
        reason = errno;
    return reason == 0 ? VAIN_OK : storage_error(path, "cannot append", bytes, reason);
}

/* Sync, rename, sync the folder; removes `temporary` on failure. `descriptor` is closed. */
static enum vain_status settle_open(int descriptor, const char *temporary, const char *path,
                                    int reason)
{
    struct stat about = {0};
    (void)fstat(descriptor, &about);
    if (reason == 0 && fsync(descriptor) != 0)
        reason = errno;
    if (close(descriptor) != 0 && reason == 0)
        reason = errno;
    if (reason == 0 && rename(temporary, path) != 0)
        reason = errno;
    if (reason != 0) {
        (void)unlink(temporary);
        return storage_error(path, "cannot write and sync", (size_t)about.st_size, reason);
    }
    reason = sync_folder_of(path);
    if (reason != 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: written, but its folder cannot be synced: %s", path,
                         strerror(reason));
    return VAIN_OK;
}

static enum vain_status replace(struct vain_world *world, const char *path, const void *data,
                                size_t bytes, int mode)
{
    (void)world;
    char temporary[VAIN_PART_PATH_BYTES];
    vain_part_path(path, temporary);
    int descriptor;
    VAIN_TRY(vain_part_create(temporary, path, mode, (int64_t)bytes, &descriptor));
    return settle_open(descriptor, temporary, path, write_all(descriptor, data, bytes));
}

static enum vain_status settle(struct vain_world *world, const char *temporary, const char *path)
{
    (void)world;
    const int descriptor = open(temporary, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor >= 0)
        return settle_open(descriptor, temporary, path, 0);
    const int reason = errno;
    (void)unlink(temporary);
    return storage_error(path, "cannot open its temporary file to sync", 0, reason);
}

static const struct vain_world_ops real_ops = {
    .now_ns = now_ns,
    .unix_ms = unix_ms,
    .random = random_bytes,
    .append = append,
    .replace = replace,
    .settle = settle,
};

struct vain_world *vain_world_real(void)
{
    static struct vain_world real = {.ops = &real_ops, .state = NULL};
    return &real;
}
