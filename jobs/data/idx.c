#include "jobs/data/idx.h"

#include <string.h>

#include "base/memory.h"
#include "jobs/data/inflate.h"

enum {
    HEAD_BYTES = 4,
    SIZE_BYTES = 4,
    HEADER_BYTES_MAX = HEAD_BYTES + SIZE_BYTES * VAIN_ARRAY_RANK_MAX,
    DEFLATE_RATIO_MAX = 1032 /* zlib's technical notes: 258 bytes from two bits, and overhead */
};
static const char holds_more[] = "holds more than the shape in its header says; one array a file";

bool vain_idx_is(const void *data, size_t bytes)
{
    const uint8_t *at = data;
    const bool plain = bytes >= HEAD_BYTES && at[0] == 0 && at[1] == 0 && at[2] >= 0x08 &&
                       at[2] <= 0x0e && at[3] >= 1;
    const bool packed = bytes >= 2 && at[0] == 0x1f && at[1] == 0x8b;
    return plain || packed;
}

/* Where elements come from: the bytes themselves, or what they inflate to. */
struct source {
    const char *path; /* for messages */
    const uint8_t *data;
    size_t bytes, used;          /* not of a packed one, which counts for itself */
    bool packed;                 /* in gzip */
    struct vain_inflate inflate; /* of a packed one */
};

static enum vain_status get(struct source *source, void *out, size_t bytes)
{
    if (bytes == 0) /* then `out` may be NULL */
        return VAIN_OK;
    if (source->packed)
        return vain_inflate_get(&source->inflate, out, bytes);
    if (bytes > source->bytes - source->used)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: ends early: %zu bytes are missing; copy it again",
                         source->path, bytes - (source->bytes - source->used));
    memcpy(out, source->data + source->used, bytes);
    source->used += bytes;
    return VAIN_OK;
}

/* Nothing follows the elements. */
static enum vain_status finish(struct source *source)
{
    if (source->packed)
        return vain_inflate_finish(&source->inflate, holds_more);
    if (source->used < source->bytes)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: %s", source->path, holds_more);
    return VAIN_OK;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum vain_status type_of(const char *path, uint8_t code, enum vain_array_type *type)
{
    *type = VAIN_ARRAY_UINT8;
    switch (code) {
    case 0x08:
        return VAIN_OK;
    case 0x0c:
        *type = VAIN_ARRAY_INT32;
        return VAIN_OK;
    case 0x0d:
        *type = VAIN_ARRAY_FLOAT32;
        return VAIN_OK;
    case 0x0e:
        *type = VAIN_ARRAY_FLOAT64;
        return VAIN_OK;
    default:
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: idx type 0x%02x is not read; expected 0x08 (uint8), 0x0c (int32), "
                         "0x0d (float32) or 0x0e (float64)",
                         path, code);
    }
}

static enum vain_status read_header(struct source *source, enum vain_array_type *type, int *rank,
                                    int64_t shape[VAIN_MIN_LEN(VAIN_ARRAY_RANK_MAX)])
{
    uint8_t head[HEAD_BYTES] = {0}, sizes[HEADER_BYTES_MAX - HEAD_BYTES] = {0};
    *rank = 0;
    VAIN_TRY(get(source, head, sizeof head));
    if (head[0] != 0 || head[1] != 0)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: is no idx file: it begins %02x %02x, expected two zero bytes",
                         source->path, head[0], head[1]);
    VAIN_TRY(type_of(source->path, head[2], type));
    if (head[3] == 0 || head[3] > VAIN_ARRAY_RANK_MAX)
        return vain_fail(VAIN_ERR_INPUT, "%s: has %d dimensions, expected 1 to %d", source->path,
                         head[3], VAIN_ARRAY_RANK_MAX);
    *rank = head[3];
    VAIN_TRY(get(source, sizes, (size_t)SIZE_BYTES * head[3]));
    for (int i = 0; i < *rank; i++)
        shape[i] = big_endian(sizes + SIZE_BYTES * i);
    return VAIN_OK;
}

/* Before memory is taken: the file is long enough to hold that many bytes at all. */
static enum vain_status check_room(const struct source *source, size_t element_bytes, int rank,
                                   const int64_t *shape)
{
    const double most = source->packed ? (double)DEFLATE_RATIO_MAX * (double)source->bytes
                                       : (double)(source->bytes - source->used);
    double bytes = (double)element_bytes;
    for (int i = 0; i < rank; i++)
        bytes *= (double)shape[i];
    if (bytes > most)
        return vain_fail(VAIN_ERR_CORRUPT,
                         "%s: ends early: its header promises %.0f bytes of elements, and a file "
                         "of %zu bytes cannot hold them; copy it again",
                         source->path, bytes, source->bytes);
    return VAIN_OK;
}

/* Big-endian elements to the machine's order, in place. */
static void turn_elements(struct vain_array *array)
{
    const size_t bytes = vain_array_element_bytes(array->type);
    uint8_t *at = array->data;
    for (int64_t i = 0; i < array->count && bytes > 1; i++, at += bytes) {
        uint64_t value = 0;
        for (size_t k = 0; k < bytes; k++)
            value = value << 8 | at[k];
        const uint32_t narrow = (uint32_t)value;
        memcpy(at, bytes == sizeof narrow ? (const void *)&narrow : &value, bytes);
    }
}

static enum vain_status read_array(struct source *source, struct vain_array *out)
{
    enum vain_array_type type = VAIN_ARRAY_UINT8;
    int rank;
    int64_t shape[VAIN_ARRAY_RANK_MAX];
    VAIN_TRY(read_header(source, &type, &rank, shape));
    const size_t element_bytes = vain_array_element_bytes(type);
    VAIN_TRY(check_room(source, element_bytes, rank, shape));
    VAIN_TRY(vain_array_take(source->path, type, rank, shape, out));
    VAIN_TRY(get(source, out->data, (size_t)out->count * element_bytes));
    VAIN_TRY(finish(source));
    turn_elements(out);
    return VAIN_OK;
}

enum vain_status vain_idx_read(const char *path, const void *data, size_t bytes,
                               struct vain_array *out)
{
    *out = (struct vain_array){0};
    const uint8_t *at = data;
    struct source source = {.path = path, .data = data, .bytes = bytes};
    source.packed = bytes >= 2 && at[0] == 0x1f && at[1] == 0x8b;
    if (source.packed)
        VAIN_TRY(vain_inflate_open(path, VAIN_INFLATE_GZIP, data, bytes, &source.inflate));
    const enum vain_status status = read_array(&source, out);
    if (source.packed)
        vain_inflate_close(&source.inflate);
    if (status != VAIN_OK)
        vain_array_release(out);
    return status;
}
