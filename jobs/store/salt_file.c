#include "jobs/store/salt_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/limits.h"

enum { VERSION = 1, HASH_BYTES = 16, HASHED_BYTES = VAIN_SALT_LINE_BYTES - HASH_BYTES };

static void encode(const struct vain_salt_line *line, uint8_t out[VAIN_SALT_LINE_BYTES])
{
    static const uint8_t zeros[8];
    uint8_t hash[VAIN_HASH_BYTES];
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_SALT_LINE_BYTES);
    vain_write_bytes(&writer, "VAINSALT", 8);
    vain_write_u32(&writer, VERSION);
    vain_write_u32(&writer, line->attempt);
    vain_write_u64(&writer, line->epoch);
    vain_write_u64(&writer, line->round);
    vain_write_bytes(&writer, line->salt, sizeof line->salt);
    vain_write_bytes(&writer, line->root, sizeof line->root);
    vain_write_bytes(&writer, zeros, sizeof zeros);
    VAIN_ASSERT(!writer.failed && writer.position == HASHED_BYTES);
    vain_hash("vain/saltfile", out, HASHED_BYTES, hash);
    memcpy(out + HASHED_BYTES, hash, HASH_BYTES);
}

enum vain_status vain_salt_file_append(const char *folder, const char *name,
                                       struct vain_world *world, const struct vain_salt_line *line)
{
    char path[VAIN_PATH_BYTES];
    uint8_t bytes[VAIN_SALT_LINE_BYTES];
    struct stat about;
    const int length = snprintf(path, sizeof path, "%s/salts-%s.bin", folder, name);
    if (length < 0 || length >= VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "the path of the output folder is too long: %s", folder);
    encode(line, bytes);
    if (stat(path, &about) != 0) {
        if (errno == ENOENT)
            return world->ops->replace(world, path, bytes, sizeof bytes, 0600);
        return vain_fail(VAIN_ERR_STORAGE,
                         "%s: cannot be looked at: %s; the salts in it would be lost if it were "
                         "written anew, so nothing was sent",
                         path, strerror(errno));
    }
    const off_t torn = about.st_size % VAIN_SALT_LINE_BYTES;
    if (torn != 0 && truncate(path, about.st_size - torn) != 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: a line that was cut short cannot be cut off: %s",
                         path, strerror(errno));
    return world->ops->append(world, path, bytes, sizeof bytes);
}
