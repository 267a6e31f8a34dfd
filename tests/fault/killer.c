/* Fault injection under any program: LD_PRELOAD=libvain_killer.so.
 *
 * Counts the calls that change files below VAIN_FAULT_PATH (open that creates, write and its kin,
 * truncate, fallocate, sync, rename, unlink) and does harm at the one numbered VAIN_FAULT_AT (from
 * 1; 0: only count):
 *
 *   VAIN_FAULT_MODE=kill    SIGKILL before the call
 *                   after   SIGKILL after it
 *                   torn    SIGKILL after half of its bytes were written (other calls: before)
 *                   enospc  from this call on, those that need room fail with ENOSPC
 *                   eio     this one call fails with EIO; a sync, as a broken disk does
 *   VAIN_FAULT_LOG=FILE     at a normal end the number of calls is written there
 *
 * A kill loses nothing that the kernel has taken; that syncs happen where they must is seen from
 * the calls that fail. Whether a descriptor is below the path is asked of /proc/self/fd, so
 * programs need no change. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum mode { MODE_KILL, MODE_AFTER, MODE_TORN, MODE_ENOSPC, MODE_EIO };
enum need { NEEDS_ROOM, NEEDS_NONE };
enum { PATH_BYTES = 4096, PIECES_MAX = 64 };

static char below[PATH_BYTES]; /* "" : nothing is watched */
static long fault_at;
static enum mode fault_mode;
static atomic_long calls;

typedef int (*open_call)(const char *, int, ...);
typedef ssize_t (*write_call)(int, const void *, size_t);
typedef ssize_t (*pwrite_call)(int, const void *, size_t, off_t);
typedef ssize_t (*writev_call)(int, const struct iovec *, int);
typedef int (*descriptor_call)(int);
typedef int (*truncate_call)(int, off_t);
typedef int (*fallocate_call)(int, int, off_t, off_t);
typedef int (*posix_fallocate_call)(int, off_t, off_t);
typedef int (*rename_call)(const char *, const char *);
typedef int (*renameat_call)(int, const char *, int, const char *);
typedef int (*unlink_call)(const char *);

/* The next definition of `name`. A pointer to a function does not fit a pointer to an object in
 * C11, hence the copy. */
static void find_next(void *call, const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    if (symbol == NULL)
        abort();
    memcpy(call, &symbol, sizeof symbol);
}

__attribute__((constructor)) static void killer_start(void)
{
    const char *path = getenv("VAIN_FAULT_PATH");
    const char *at = getenv("VAIN_FAULT_AT");
    const char *mode = getenv("VAIN_FAULT_MODE");
    static const char *const names[] = {"kill", "after", "torn", "enospc", "eio"};
    if (path == NULL || realpath(path, below) == NULL)
        below[0] = '\0';
    fault_at = at == NULL ? 0 : strtol(at, NULL, 10);
    for (int i = 0; mode != NULL && i < (int)(sizeof names / sizeof names[0]); i++) {
        if (strcmp(mode, names[i]) == 0)
            fault_mode = (enum mode)i;
    }
}

__attribute__((destructor)) static void killer_end(void)
{
    const char *path = getenv("VAIN_FAULT_LOG");
    if (path == NULL)
        return;
    below[0] = '\0';
    FILE *file = fopen(path, "w");
    if (file != NULL) {
        fprintf(file, "%ld\n", atomic_load(&calls));
        fclose(file);
    }
}

static bool is_below(const char *path)
{
    const size_t length = strlen(below);
    return strncmp(path, below, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool path_watched(const char *path)
{
    char folder[PATH_BYTES], real[PATH_BYTES];
    if (below[0] == '\0' || strlen(path) >= sizeof folder)
        return false;
    /* The file itself may not be there: its folder is. */
    memcpy(folder, path, strlen(path) + 1);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        memcpy(folder, ".", 2);
    else
        slash[slash == folder ? 1 : 0] = '\0';
    return realpath(folder, real) != NULL && is_below(real);
}

static bool descriptor_watched(int descriptor)
{
    char link[64], path[PATH_BYTES];
    if (below[0] == '\0')
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return false;
    path[length] = '\0';
    return is_below(path);
}

static void die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* What happens to a watched call. */
struct verdict {
    bool torn, after; /* then die */
    int reason;       /* errno of a failure; 0: none */
};

static struct verdict judge(enum need need)
{
    struct verdict verdict = {false, false, 0};
    const long call = atomic_fetch_add(&calls, 1) + 1;
    if (fault_at == 0)
        return verdict;
    if (fault_mode == MODE_ENOSPC) {
        verdict.reason = call >= fault_at && need == NEEDS_ROOM ? ENOSPC : 0;
        return verdict;
    }
    if (call != fault_at)
        return verdict;
    if (fault_mode == MODE_KILL)
        die();
    verdict.torn = fault_mode == MODE_TORN;
    verdict.after = fault_mode == MODE_AFTER;
    verdict.reason = fault_mode == MODE_EIO ? EIO : 0;
    return verdict;
}

/* A call without bytes: 0 to go on, -1 with errno set. */
static int before(const struct verdict *verdict)
{
    if (verdict->torn)
        die();
    if (verdict->reason != 0)
        errno = verdict->reason;
    return verdict->reason == 0 ? 0 : -1;
}

static int done(const struct verdict *verdict, int result)
{
    if (verdict->after)
        die();
    return result;
}

/* ---- Bytes ---------------------------------------------------------------------------------- */

ssize_t write(int descriptor, const void *data, size_t bytes)
{
    write_call next;
    find_next(&next, "write");
    if (!descriptor_watched(descriptor))
        return next(descriptor, data, bytes);
    const struct verdict verdict = judge(NEEDS_ROOM);
    if (verdict.reason != 0) {
        errno = verdict.reason;
        return -1;
    }
    const ssize_t wrote = next(descriptor, data, verdict.torn ? bytes / 2 : bytes);
    if (verdict.torn || verdict.after)
        die();
    return wrote;
}

static ssize_t pwrite_any(const char *name, int descriptor, const void *data, size_t bytes,
                          off_t offset)
{
    pwrite_call next;
    find_next(&next, name);
    if (!descriptor_watched(descriptor))
        return next(descriptor, data, bytes, offset);
    const struct verdict verdict = judge(NEEDS_ROOM);
    if (verdict.reason != 0) {
        errno = verdict.reason;
        return -1;
    }
    const ssize_t wrote = next(descriptor, data, verdict.torn ? bytes / 2 : bytes, offset);
    if (verdict.torn || verdict.after)
        die();
    return wrote;
}

ssize_t pwrite(int descriptor, const void *data, size_t bytes, off_t offset)
{
    return pwrite_any("pwrite", descriptor, data, bytes, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t bytes, off_t offset)
{
    return pwrite_any("pwrite64", descriptor, data, bytes, offset);
}

ssize_t writev(int descriptor, const struct iovec *pieces, int count)
{
    writev_call next;
    find_next(&next, "writev");
    if (!descriptor_watched(descriptor))
        return next(descriptor, pieces, count);
    const struct verdict verdict = judge(NEEDS_ROOM);
    if (verdict.reason != 0) {
        errno = verdict.reason;
        return -1;
    }
    const ssize_t wrote = next(descriptor, pieces, verdict.torn ? (count + 1) / 2 : count);
    if (verdict.torn || verdict.after)
        die();
    return wrote;
}

/* ---- Files ---------------------------------------------------------------------------------- */

static int open_any(const char *name, const char *path, int flags, mode_t mode)
{
    open_call next;
    find_next(&next, name);
    if ((flags & O_CREAT) == 0 || !path_watched(path))
        return next(path, flags, mode);
    const struct verdict verdict = judge(NEEDS_ROOM);
    return before(&verdict) != 0 ? -1 : done(&verdict, next(path, flags, mode));
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_any("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_any("open64", path, flags, mode);
}

static int descriptor_any(const char *name, int descriptor)
{
    descriptor_call next;
    find_next(&next, name);
    if (!descriptor_watched(descriptor))
        return next(descriptor);
    const struct verdict verdict = judge(NEEDS_ROOM);
    return before(&verdict) != 0 ? -1 : done(&verdict, next(descriptor));
}

int fsync(int descriptor)
{
    return descriptor_any("fsync", descriptor);
}

int fdatasync(int descriptor)
{
    return descriptor_any("fdatasync", descriptor);
}

static int truncate_any(const char *name, int descriptor, off_t bytes)
{
    truncate_call next;
    find_next(&next, name);
    if (!descriptor_watched(descriptor))
        return next(descriptor, bytes);
    const struct verdict verdict = judge(NEEDS_NONE);
    return before(&verdict) != 0 ? -1 : done(&verdict, next(descriptor, bytes));
}

int ftruncate(int descriptor, off_t bytes)
{
    return truncate_any("ftruncate", descriptor, bytes);
}

int ftruncate64(int descriptor, off_t bytes)
{
    return truncate_any("ftruncate64", descriptor, bytes);
}

int fallocate(int descriptor, int mode, off_t offset, off_t bytes)
{
    fallocate_call next;
    find_next(&next, "fallocate");
    if (!descriptor_watched(descriptor))
        return next(descriptor, mode, offset, bytes);
    const struct verdict verdict = judge(NEEDS_ROOM);
    return before(&verdict) != 0 ? -1 : done(&verdict, next(descriptor, mode, offset, bytes));
}

int posix_fallocate(int descriptor, off_t offset, off_t bytes)
{
    posix_fallocate_call next;
    find_next(&next, "posix_fallocate");
    if (!descriptor_watched(descriptor))
        return next(descriptor, offset, bytes);
    const struct verdict verdict = judge(NEEDS_ROOM);
    return before(&verdict) != 0 ? errno : done(&verdict, next(descriptor, offset, bytes));
}

int rename(const char *from, const char *to)
{
    rename_call next;
    find_next(&next, "rename");
    if (!path_watched(to) && !path_watched(from))
        return next(from, to);
    const struct verdict verdict = judge(NEEDS_ROOM);
    return before(&verdict) != 0 ? -1 : done(&verdict, next(from, to));
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    renameat_call next;
    find_next(&next, "renameat");
    if (!path_watched(to) && !descriptor_watched(to_folder))
        return next(from_folder, from, to_folder, to);
    const struct verdict verdict = judge(NEEDS_ROOM);
    return before(&verdict) != 0 ? -1 : done(&verdict, next(from_folder, from, to_folder, to));
}

int unlink(const char *path)
{
    unlink_call next;
    find_next(&next, "unlink");
    if (!path_watched(path))
        return next(path);
    const struct verdict verdict = judge(NEEDS_NONE);
    return before(&verdict) != 0 ? -1 : done(&verdict, next(path));
}
