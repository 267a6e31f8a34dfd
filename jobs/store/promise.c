/* Promises in memory are the decoded lines of the file; a run adds one a round. */
#include "jobs/store/promise.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/memory.h"

#define PROMISE_MAGIC "VAINPROM"

enum {
    MAGIC_BYTES = 8,
    VERSION = 1,
    HASH_BYTES = 16,
    HASHED_BYTES = VAIN_PROMISE_BYTES - HASH_BYTES,
    FILE_MODE = 0600,
    LINES_MAX = 1 << 24 /* 2 GiB: more rounds than a run between two checkpoints has */
};
static_assert(MAGIC_BYTES + 4 + 4 + 3 * 8 + 2 * VAIN_HASH_BYTES + HASH_BYTES == VAIN_PROMISE_BYTES,
              "a line's parts");

struct vain_promises {
    char path[VAIN_PATH_BYTES];
    struct vain_world *world; /* borrowed */
    struct vain_promise *items;
    int64_t count, capacity;
    bool exists; /* the file */
};

/* ---- lines ----------------------------------------------------------------------------------- */

void vain_promise_encode(const struct vain_promise *promise,
                         uint8_t out[VAIN_MIN_LEN(VAIN_PROMISE_BYTES)])
{
    uint8_t hash[VAIN_HASH_BYTES];
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_PROMISE_BYTES);
    vain_write_bytes(&writer, PROMISE_MAGIC, MAGIC_BYTES);
    vain_write_u32(&writer, VERSION);
    vain_write_u32(&writer, promise->attempt);
    vain_write_u64(&writer, promise->round);
    vain_write_u64(&writer, promise->input);
    vain_write_u64(&writer, promise->batches);
    vain_write_bytes(&writer, promise->parameters_hash, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, promise->set_hash, VAIN_HASH_BYTES);
    VAIN_ASSERT(writer.position == HASHED_BYTES);
    vain_hash("vain/promise", out, HASHED_BYTES, hash);
    vain_write_bytes(&writer, hash, HASH_BYTES);
    VAIN_ASSERT(!writer.failed);
}

enum vain_status vain_promise_decode(const uint8_t data[VAIN_MIN_LEN(VAIN_PROMISE_BYTES)],
                                     struct vain_promise *out)
{
    uint8_t hash[VAIN_HASH_BYTES], magic[MAGIC_BYTES];
    struct vain_reader reader;
    memset(out, 0, sizeof *out);
    vain_reader_init(&reader, data, VAIN_PROMISE_BYTES);
    vain_read_bytes(&reader, magic, sizeof magic);
    const uint32_t version = vain_read_u32(&reader);
    vain_hash("vain/promise", data, HASHED_BYTES, hash);
    if (memcmp(magic, PROMISE_MAGIC, MAGIC_BYTES) != 0 ||
        memcmp(hash, data + HASHED_BYTES, HASH_BYTES) != 0)
        return vain_fail(VAIN_ERR_CORRUPT, "a promise's bytes are not what was written");
    if (version != VERSION)
        return vain_fail(VAIN_ERR_REFUSED, "a promise of version %u, this build reads %d", version,
                         VERSION);
    out->attempt = vain_read_u32(&reader);
    out->round = vain_read_u64(&reader);
    out->input = vain_read_u64(&reader);
    out->batches = vain_read_u64(&reader);
    vain_read_bytes(&reader, out->parameters_hash, VAIN_HASH_BYTES);
    vain_read_bytes(&reader, out->set_hash, VAIN_HASH_BYTES);
    return VAIN_OK;
}

/* ---- file ------------------------------------------------------------------------------------ */

static enum vain_status make_room(struct vain_promises *promises)
{
    if (promises->count < promises->capacity)
        return VAIN_OK;
    const int64_t capacity = promises->capacity > 0 ? 2 * promises->capacity : 1024;
    struct vain_promise *items = NULL;
    VAIN_TRY(vain_take_array(capacity, sizeof *items, "promises", (void **)&items));
    if (promises->count > 0)
        memcpy(items, promises->items, (size_t)promises->count * sizeof *items);
    vain_release(promises->items);
    promises->items = items;
    promises->capacity = capacity;
    return VAIN_OK;
}

static enum vain_status read_open(int descriptor, const char *path, uint8_t **data, int64_t *bytes)
{
    struct stat about;
    if (fstat(descriptor, &about) != 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be read: %s", path, strerror(errno));
    if (about.st_size > (int64_t)LINES_MAX * VAIN_PROMISE_BYTES)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: %lld bytes are more than promises take", path,
                         (long long)about.st_size);
    VAIN_TRY(vain_take((size_t)about.st_size, "promises", (void **)data));
    for (*bytes = 0; *bytes < about.st_size;) {
        const ssize_t got = read(descriptor, *data + *bytes, (size_t)(about.st_size - *bytes));
        if (got <= 0)
            return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be read: %s", path,
                             got < 0 ? strerror(errno) : "it became shorter");
        *bytes += got;
    }
    return VAIN_OK;
}

/* The whole file; *bytes -1 and NULL if there is none. Gives the data, also when it fails. */
static enum vain_status read_file(const char *path, uint8_t **data, int64_t *bytes)
{
    *data = NULL;
    *bytes = -1;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return errno == ENOENT
                   ? VAIN_OK
                   : vain_fail(VAIN_ERR_REFUSED, "%s: cannot be read: %s", path, strerror(errno));
    const enum vain_status status = read_open(descriptor, path, data, bytes);
    (void)close(descriptor);
    return status;
}

/* Line `index` of `lines`, which does not hold: what that means. */
static enum vain_status refuse_line(const struct vain_promises *promises, enum vain_status status,
                                    size_t index, size_t lines)
{
    if (status == VAIN_ERR_REFUSED)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s: promise %zu of %zu was written by another version of vain, so it is "
                         "not known what was sent; use that version, or start anew with another "
                         "--out folder and another seed",
                         promises->path, index + 1, lines);
    return vain_fail(VAIN_ERR_CORRUPT,
                     "%s: promise %zu of %zu is damaged, so it is not known what was sent; restore "
                     "the file, or start anew with another --out folder and another seed",
                     promises->path, index + 1, lines);
}

/* A last line of zeros is torn: the file grew, its content never came to the disk. */
static enum vain_status decode_all(struct vain_promises *promises, const uint8_t *data,
                                   size_t bytes)
{
    const size_t lines = bytes / VAIN_PROMISE_BYTES;
    for (size_t i = 0; i < lines; i++) {
        const uint8_t *line = data + i * VAIN_PROMISE_BYTES;
        struct vain_promise promise;
        if (i + 1 == lines && vain_is_zero(line, bytes - i * VAIN_PROMISE_BYTES))
            break;
        const enum vain_status status = vain_promise_decode(line, &promise);
        if (status != VAIN_OK)
            return refuse_line(promises, status, i, lines);
        VAIN_TRY(make_room(promises));
        promises->items[promises->count++] = promise;
    }
    return VAIN_OK;
}

/* The file holds exactly what is in memory. */
static enum vain_status write_all(struct vain_promises *promises)
{
    uint8_t *data = NULL;
    const size_t bytes = (size_t)promises->count * VAIN_PROMISE_BYTES;
    VAIN_TRY(vain_take(bytes, "promises", (void **)&data));
    for (int64_t i = 0; i < promises->count; i++)
        vain_promise_encode(&promises->items[i], data + (size_t)i * VAIN_PROMISE_BYTES);
    const enum vain_status status =
        promises->world->ops->replace(promises->world, promises->path, data, bytes, FILE_MODE);
    vain_release(data);
    promises->exists |= status == VAIN_OK;
    return status;
}

/* What a file says, without changing it; *bytes is its length, -1 if there is none. */
static enum vain_status load(const char *folder, const char *name, struct vain_world *world,
                             struct vain_promises **out, int64_t *bytes)
{
    struct vain_promises *promises = NULL;
    uint8_t *data = NULL;
    enum vain_status status;
    *out = NULL;
    VAIN_TRY_OUT(vain_take(sizeof *promises, "promises", (void **)&promises));
    promises->world = world;
    const int length =
        snprintf(promises->path, sizeof promises->path, "%s/promises-%s.bin", folder, name);
    if (length < 0 || (size_t)length >= sizeof promises->path)
        VAIN_TRY_OUT(vain_fail(VAIN_ERR_INPUT, "the run's folder has too long a path: %s", folder));
    VAIN_TRY_OUT(read_file(promises->path, &data, bytes));
    VAIN_TRY_OUT(decode_all(promises, data, *bytes > 0 ? (size_t)*bytes : 0));
    VAIN_TRY_OUT(make_room(promises));
    *out = promises;
    promises = NULL;
out:
    vain_release(data);
    vain_promises_close(&promises);
    return status;
}

enum vain_status vain_promises_open(const char *folder, const char *name, struct vain_world *world,
                                    struct vain_promises **out)
{
    int64_t bytes = 0;
    VAIN_TRY(load(folder, name, world, out, &bytes));
    (*out)->exists = bytes >= 0;
    if (bytes < 0 || bytes == (*out)->count * VAIN_PROMISE_BYTES)
        return VAIN_OK;
    const enum vain_status status = write_all(*out);
    if (status != VAIN_OK)
        vain_promises_close(out);
    return status;
}

static bool are_equal(const struct vain_promise *a, const struct vain_promise *b)
{
    uint8_t one[VAIN_PROMISE_BYTES], other[VAIN_PROMISE_BYTES];
    vain_promise_encode(a, one);
    vain_promise_encode(b, other);
    return memcmp(one, other, sizeof one) == 0;
}

enum vain_status vain_promises_adopt(struct vain_promises *promises, const char *folder,
                                     const char *name)
{
    struct vain_promises *others = NULL;
    int64_t bytes = 0;
    enum vain_status status;
    VAIN_TRY_OUT(load(folder, name, promises->world, &others, &bytes));
    const int64_t before = promises->count;
    for (int64_t i = 0; i < others->count; i++) {
        bool held = false;
        for (int64_t k = 0; k < before && !held; k++)
            held = are_equal(&promises->items[k], &others->items[i]);
        if (held)
            continue;
        VAIN_TRY_OUT(make_room(promises));
        promises->items[promises->count++] = others->items[i];
    }
    if (promises->count > before)
        VAIN_TRY_OUT(write_all(promises));
out:
    vain_promises_close(&others);
    return status;
}

void vain_promises_close(struct vain_promises **promises)
{
    if (*promises == NULL)
        return;
    vain_release((*promises)->items);
    vain_release(*promises);
    *promises = NULL;
}

/* ---- promises -------------------------------------------------------------------------------- */

static bool overlap(const struct vain_promise *a, const struct vain_promise *b)
{
    return a->input < b->input + b->batches && b->input < a->input + a->batches;
}

static bool same_set(const struct vain_promise *a, const struct vain_promise *b)
{
    return memcmp(a->set_hash, b->set_hash, VAIN_HASH_BYTES) == 0;
}

bool vain_promises_forbid(const struct vain_promises *promises, const struct vain_promise *promise)
{
    for (int64_t i = promises->count - 1; i >= 0; i--) {
        if (overlap(&promises->items[i], promise) && !same_set(&promises->items[i], promise))
            return true;
    }
    return false;
}

enum vain_status vain_promises_make_anew(struct vain_promises *promises,
                                         const struct vain_promise *promise)
{
    uint8_t line[VAIN_PROMISE_BYTES];
    VAIN_TRY(make_room(promises));
    promises->items[promises->count++] = *promise;
    vain_promise_encode(promise, line);
    const enum vain_status status =
        promises->exists
            ? promises->world->ops->append(promises->world, promises->path, line, sizeof line)
            : write_all(promises);
    promises->count -= status != VAIN_OK;
    return status;
}

enum vain_status vain_promises_make(struct vain_promises *promises,
                                    const struct vain_promise *promise)
{
    VAIN_ASSERT(!vain_promises_forbid(promises, promise));
    return vain_promises_make_anew(promises, promise);
}

int64_t vain_promises_count(const struct vain_promises *promises)
{
    return promises->count;
}
