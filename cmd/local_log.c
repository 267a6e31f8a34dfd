#include "cmd/local_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/timestamp.h"
#include "cmd/world.h"

void vain_local_log_path(const char *folder, const char *name, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s/%s.log", folder, name);
}

enum vain_status vain_local_log_open(const char *folder, const char *name, int *out)
{
    char path[VAIN_PATH_BYTES], when[VAIN_TIMESTAMP_BYTES];
    vain_local_log_path(folder, name, path, sizeof path);
    *out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (*out < 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be opened: %s; choose another --out folder",
                         path, strerror(errno));
    vain_timestamp_format(vain_world_real()->ops->unix_ms(vain_world_real()), when);
    (void)dprintf(*out, "vain: %s: %s starts\n", when, name);
    return VAIN_OK;
}

/* `text` becomes its last line that is not empty. */
static void keep_last_line(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
        text[--length] = '\0';
    const char *start = strrchr(text, '\n');
    if (start != NULL)
        memmove(text, start + 1, strlen(start));
}

void vain_local_log_last_line(const char *folder, const char *name,
                              char out[VAIN_MIN_LEN(VAIN_LOCAL_LINE_BYTES)])
{
    char path[VAIN_PATH_BYTES];
    struct stat about;
    vain_local_log_path(folder, name, path, sizeof path);
    out[0] = '\0';
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    if (fstat(descriptor, &about) == 0) {
        const off_t most = VAIN_LOCAL_LINE_BYTES - 1;
        const off_t start = about.st_size > most ? about.st_size - most : 0;
        const ssize_t got = pread(descriptor, out, (size_t)most, start);
        out[got > 0 ? got : 0] = '\0';
    }
    (void)close(descriptor);
    keep_last_line(out);
}

/* As far as it goes: there is nobody to tell that a log cannot be written. */
static void write_all(int descriptor, const char *bytes, size_t count)
{
    for (size_t sent = 0; sent < count;) {
        const ssize_t written = write(descriptor, bytes + sent, count - sent);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        sent += (size_t)written;
    }
}

/* Leaves what is for the file, in place. */
static size_t drop_rewritten(struct vain_local_tee *tee, char *bytes, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const bool ends = tee->rewriting && bytes[i] == '\n';
        tee->rewriting = (tee->rewriting && !ends) || bytes[i] == '\r';
        if (!tee->rewriting && !ends)
            bytes[kept++] = bytes[i];
    }
    return kept;
}

void vain_local_tee_pass(struct vain_local_tee *tee)
{
    char bytes[4096];
    while (tee->pipe >= 0) {
        const ssize_t got = read(tee->pipe, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (got <= 0) {
            vain_local_tee_close(tee);
            return;
        }
        write_all(STDERR_FILENO, bytes, (size_t)got);
        write_all(tee->file, bytes, drop_rewritten(tee, bytes, (size_t)got));
    }
}

void vain_local_tee_close(struct vain_local_tee *tee)
{
    if (tee->pipe >= 0)
        (void)close(tee->pipe);
    if (tee->file >= 0)
        (void)close(tee->file);
    *tee = (struct vain_local_tee){.pipe = -1, .file = -1};
}
