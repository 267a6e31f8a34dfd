/* Files for tests, below $TMPDIR or /tmp, gone at the end. */
#include "tests/unit/data/scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"

static char folder[256];

bool scratch_open(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/vain-data-XXXXXX", parent != NULL ? parent : "/tmp");
    /* Another user must be able to reach the file that only root may read. */
    return mkdtemp(folder) != NULL && chmod(folder, 0755) == 0;
}

void scratch_close(void)
{
    DIR *listing = opendir(folder);
    VAIN_ASSERT(listing != NULL);
    for (const struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            (void)remove(path);
    }
    closedir(listing);
    (void)rmdir(folder);
}

const char *scratch_folder(void)
{
    return folder;
}

const char *scratch_path(const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *scratch_write(const char *name, const void *data, size_t bytes)
{
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");
    VAIN_ASSERT(file != NULL);
    VAIN_ASSERT(fwrite(data, 1, bytes, file) == bytes);
    VAIN_ASSERT(fclose(file) == 0);
    return path;
}
