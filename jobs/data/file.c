/* Opening and mapping a data file.
 *
 * A path in a job spec may name anything: a folder, a FIFO that nobody writes to, a device.
 * O_NONBLOCK keeps open() from waiting, fstat() on the open file says what it is, and only a
 * regular file goes on; checking the path first and opening it later could be talking about two
 * files.
 *
 * A mapped file that is cut short while it is read kills the process (SIGBUS). Copying it would
 * avoid that at the price of the memory; token files are as large as people's disks, so they stay
 * mapped and the documentation says that data files must not change during a run. */
#include "jobs/data/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum vain_status fail_open(const char *path, int reason)
{
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
        if (path[0] == '~' || strstr(path, "/~") != NULL)
            return vain_fail(
                VAIN_ERR_NOT_FOUND,
                "%s: no such file; \"~\" is not expanded in a job spec: write the whole path",
                path);
        if (strchr(path, '$') != NULL)
            return vain_fail(VAIN_ERR_NOT_FOUND,
                             "%s: no such file; variables such as $HOME are not expanded in a job "
                             "spec: write the whole path, or give it with --set, where the shell "
                             "expands them",
                             path);
        return vain_fail(VAIN_ERR_NOT_FOUND,
                         "%s: no such file; paths are relative to the job spec's folder", path);
    case EACCES:
    case EPERM:
        return vain_fail(VAIN_ERR_REFUSED, "%s: this user may not read it; see its mode with ls -l",
                         path);
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO: /* a socket */
    case ENODEV:
        return vain_fail(VAIN_ERR_INPUT, "%s: %s; a regular file is needed", path,
                         strerror(reason));
    default:
        return vain_fail(VAIN_ERR_STORAGE, "%s: %s", path, strerror(reason));
    }
}

static const char *kind_of(mode_t mode)
{
    if (S_ISDIR(mode))
        return "a folder";
    if (S_ISFIFO(mode))
        return "a FIFO";
    return "a device";
}

static enum vain_status check(const char *path, const struct stat *info)
{
    if (!S_ISREG(info->st_mode))
        return vain_fail(VAIN_ERR_INPUT, "%s: is %s; a regular file is needed", path,
                         kind_of(info->st_mode));
    if (info->st_size == 0)
        return vain_fail(VAIN_ERR_INPUT, "%s: is empty; there is nothing to train on", path);
    return VAIN_OK;
}

enum vain_status vain_file_map(const char *path, void **mapping, size_t *bytes)
{
    *mapping = NULL;
    *bytes = 0;
    const int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0)
        return fail_open(path, errno);
    enum vain_status status = VAIN_OK;
    struct stat info;
    if (fstat(file, &info) != 0) {
        status = vain_fail(VAIN_ERR_STORAGE, "%s: %s", path, strerror(errno));
        goto out;
    }
    VAIN_TRY_OUT(check(path, &info));
    void *pages = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (pages == MAP_FAILED) {
        status = vain_fail(VAIN_ERR_STORAGE, "%s: cannot be mapped (%lld bytes): %s", path,
                           (long long)info.st_size, strerror(errno));
        goto out;
    }
    *mapping = pages;
    *bytes = (size_t)info.st_size;
out:
    /* A file opened for reading has nothing to lose at close. */
    (void)close(file);
    return status;
}

void vain_file_unmap(void *mapping, size_t bytes)
{
    if (mapping != NULL)
        VAIN_ASSERT(munmap(mapping, bytes) == 0);
}
