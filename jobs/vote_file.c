#include "jobs/vote_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"

#define VOTE_MAGIC "VAINVOTE"

enum {
    MAGIC_BYTES = 8,
    VERSION = 2,
    HASH_BYTES = 16,
    HASHED_BYTES = MAGIC_BYTES + 2 + VAIN_VOTE_BYTES,
    FILE_BYTES = HASHED_BYTES + HASH_BYTES,
    FILE_MODE = 0600
};

static enum vain_status path_of(const char *folder, const char *name, char *out)
{
    const int length = snprintf(out, VAIN_PATH_BYTES, "%s/votes-%s.bin", folder, name);
    if (length < 0 || length >= VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "the path of the output folder is too long: %s", folder);
    return VAIN_OK;
}

enum vain_status vain_vote_file_write(const char *folder, const char *name,
                                      struct vain_world *world, const struct vain_vote *vote)
{
    char path[VAIN_PATH_BYTES];
    uint8_t bytes[FILE_BYTES], encoded[VAIN_VOTE_BYTES], hash[VAIN_HASH_BYTES];
    struct vain_writer writer;
    VAIN_TRY(path_of(folder, name, path));
    vain_vote_encode(vote, encoded);
    vain_writer_init(&writer, bytes, sizeof bytes);
    vain_write_bytes(&writer, VOTE_MAGIC, MAGIC_BYTES);
    vain_write_u16(&writer, VERSION);
    vain_write_bytes(&writer, encoded, sizeof encoded);
    vain_hash("vain/votefile", bytes, HASHED_BYTES, hash);
    vain_write_bytes(&writer, hash, HASH_BYTES);
    VAIN_ASSERT(!writer.failed && writer.position == FILE_BYTES);
    return world->ops->replace(world, path, bytes, sizeof bytes, FILE_MODE);
}

/* What is in the file, at most one byte more than a vote has. */
static enum vain_status read_all(const char *path, uint8_t *out, size_t *got)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    *got = 0;
    if (descriptor < 0 && errno == ENOENT)
        return VAIN_END;
    if (descriptor < 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be read: %s", path, strerror(errno));
    ssize_t count = 1;
    while (count > 0 && *got < FILE_BYTES + 1) {
        count = read(descriptor, out + *got, FILE_BYTES + 1 - *got);
        *got += count > 0 ? (size_t)count : 0;
    }
    const int reason = errno;
    (void)close(descriptor);
    if (count < 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be read: %s", path, strerror(reason));
    return VAIN_OK;
}

static enum vain_status check_whole(const char *path, const uint8_t *bytes, size_t got)
{
    uint8_t hash[VAIN_HASH_BYTES];
    if (got > MAGIC_BYTES + 2 && memcmp(bytes, VOTE_MAGIC, MAGIC_BYTES) == 0 &&
        bytes[MAGIC_BYTES] < VERSION && bytes[MAGIC_BYTES + 1] == 0)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s: an earlier version of this program has written it (format %d, and "
                         "this one reads %d); start with another --out folder, from what the other "
                         "members hold",
                         path, bytes[MAGIC_BYTES], VERSION);
    if (got == FILE_BYTES)
        vain_hash("vain/votefile", bytes, HASHED_BYTES, hash);
    if (got != FILE_BYTES || memcmp(bytes, VOTE_MAGIC, MAGIC_BYTES) != 0 ||
        bytes[MAGIC_BYTES] != VERSION || bytes[MAGIC_BYTES + 1] != 0 ||
        memcmp(hash, bytes + HASHED_BYTES, HASH_BYTES) != 0)
        return vain_fail(VAIN_ERR_CORRUPT,
                         "%s: it is not what was written, so it is not known what this member has "
                         "voted for; put the file back as it was, or start with another --out "
                         "folder, from what the other members hold",
                         path);
    return VAIN_OK;
}

enum vain_status vain_vote_file_read(const char *folder, const char *name, int members,
                                     struct vain_vote *out)
{
    char path[VAIN_PATH_BYTES];
    uint8_t bytes[FILE_BYTES + 1];
    size_t got;
    memset(out, 0, sizeof *out);
    VAIN_TRY(path_of(folder, name, path));
    const enum vain_status status = read_all(path, bytes, &got);
    if (status == VAIN_END)
        return VAIN_OK;
    VAIN_TRY(status);
    VAIN_TRY(check_whole(path, bytes, got));
    if (!vain_vote_decode(bytes + MAGIC_BYTES + 2, VAIN_VOTE_BYTES, members, out)) {
        memset(out, 0, sizeof *out);
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s: what this member has voted for is of another list than the %d "
                         "members here; start with the members that the run had, or with another "
                         "--out folder",
                         path, members);
    }
    return VAIN_OK;
}

enum vain_status vain_vote_file_adopt(const char *from_folder, const char *to_folder,
                                      const char *name, struct vain_world *world)
{
    struct vain_vote vote;
    VAIN_TRY(vain_vote_file_read(to_folder, name, VAIN_MEMBERS_MAX, &vote));
    if (vote.epoch != 0)
        return VAIN_OK;
    VAIN_TRY(vain_vote_file_read(from_folder, name, VAIN_MEMBERS_MAX, &vote));
    if (vote.epoch == 0)
        return VAIN_OK;
    world->ops->random(world, vote.ballot, VAIN_BALLOT_BYTES);
    return vain_vote_file_write(to_folder, name, world, &vote);
}
