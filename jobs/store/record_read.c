/* A frame's length and round stand at fixed places, so that frames are skipped without being
 * decoded. */
#include "jobs/store/record_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"

enum {
    HEAD_BYTES = 8 + 4,                                    /* magic, bytes of the body */
    ROUND_OFFSET = 2 + VAIN_HASH_BYTES + VAIN_RUN_ID_BYTES /* in the body */
                   + VAIN_HASH_BYTES + 8,
    SIGNATURE_BYTES = 2 + VAIN_SIGNATURE_BYTES
};

static enum vain_status unreadable(const char *path)
{
    return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be read: %s", path, strerror(errno));
}

/* `bytes` at `offset`; *got says how many there are. */
static enum vain_status read_at(int file, const char *path, int64_t offset, void *out, size_t bytes,
                                size_t *got)
{
    for (*got = 0; *got < bytes;) {
        const ssize_t count =
            pread(file, (uint8_t *)out + *got, bytes - *got, (off_t)offset + (off_t)*got);
        if (count < 0)
            return unreadable(path);
        if (count == 0)
            break;
        *got += (size_t)count;
    }
    return VAIN_OK;
}

/* Length and round of the frame at `offset`; VAIN_END when no whole one is there. */
static enum vain_status measure(int file, const char *path, int64_t offset, size_t *length,
                                uint64_t *round)
{
    uint8_t head[HEAD_BYTES + ROUND_OFFSET + 8], count_bytes[2];
    size_t got;
    *length = 0;
    *round = 0;
    VAIN_TRY(read_at(file, path, offset, head, sizeof head, &got));
    if (got < sizeof head)
        return VAIN_END;
    struct vain_reader reader;
    vain_reader_init(&reader, head, sizeof head);
    const bool magic = memcmp(vain_read_view(&reader, 8), "VAINREC1", 8) == 0;
    const uint32_t body = vain_read_u32(&reader);
    (void)vain_read_view(&reader, ROUND_OFFSET);
    *round = vain_read_u64(&reader);
    if (!magic || body > VAIN_RECORD_BYTES_MAX || body < ROUND_OFFSET + 8)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: at byte %lld there is no record", path,
                         (long long)offset);
    VAIN_TRY(read_at(file, path, offset + HEAD_BYTES + body, count_bytes, 2, &got));
    const size_t signatures = (size_t)count_bytes[0] | (size_t)count_bytes[1] << 8;
    *length = HEAD_BYTES + body + 2 + signatures * SIGNATURE_BYTES;
    if (got < 2)
        return VAIN_END;
    if (*length > VAIN_RECORD_BYTES_MAX)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: the record at byte %lld is too long", path,
                         (long long)offset);
    return VAIN_OK;
}

/* At the end of the file the hint stays before the last frame: that one says how far the file goes,
 * so who asks from there on does not make all of it be walked again. */
static enum vain_status read_frames(int file, const char *path, uint64_t after, uint8_t *out,
                                    size_t capacity, size_t *out_bytes, int64_t *offset)
{
    for (int64_t last = *offset;;) {
        size_t length, got;
        uint64_t round;
        const enum vain_status status = measure(file, path, *offset, &length, &round);
        if (status == VAIN_END)
            *offset = last;
        if (status == VAIN_END)
            return VAIN_OK;
        VAIN_TRY(status);
        if (round > after) {
            if (*out_bytes + length > capacity)
                return VAIN_OK;
            VAIN_TRY(read_at(file, path, *offset, out + *out_bytes, length, &got));
            if (got < length)
                return VAIN_OK;
            *out_bytes += length;
        }
        last = *offset;
        *offset += (int64_t)length;
    }
}

enum vain_status vain_record_read_after(const char *path, uint64_t round, uint8_t *out,
                                        size_t capacity, size_t *out_bytes, int64_t *offset)
{
    *out_bytes = 0;
    VAIN_ASSERT(capacity >= VAIN_RECORD_BYTES_MAX);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return vain_fail(VAIN_ERR_NOT_FOUND, "%s: there is no such file", path);
    if (file < 0)
        return unreadable(path);
    size_t length;
    uint64_t there;
    /* The hint is right if a record of a round that is not too late begins there. */
    if (*offset != 0 && (measure(file, path, *offset, &length, &there) != VAIN_OK ||
                         (there > round && there - round > 1))) {
        vain_fail_clear();
        *offset = 0;
    }
    const enum vain_status status =
        read_frames(file, path, round, out, capacity, out_bytes, offset);
    (void)close(file);
    return status;
}
