#include "jobs/data/inflate.h"

enum {
    ZLIB_WINDOW = 15,         /* zlib's largest */
    GZIP_WINDOW = 15 + 16,    /* the same, and the gzip wrapping */
    PIECE_BYTES_MAX = 1 << 30 /* what one call of zlib is given */
};

static uInt piece(size_t bytes)
{
    return (uInt)(bytes < PIECE_BYTES_MAX ? bytes : PIECE_BYTES_MAX);
}

enum vain_status vain_inflate_open(const char *where, enum vain_inflate_wrapping wrapping,
                                   const void *data, size_t bytes, struct vain_inflate *out)
{
    *out = (struct vain_inflate){.where = where, .data = data, .bytes = bytes};
    if (inflateInit2(&out->zlib, wrapping == VAIN_INFLATE_GZIP ? GZIP_WINDOW : ZLIB_WINDOW) != Z_OK)
        return vain_fail(VAIN_ERR_MEMORY, "%s: no memory to inflate it", where);
    return VAIN_OK;
}

void vain_inflate_close(struct vain_inflate *from)
{
    (void)inflateEnd(&from->zlib);
}

static enum vain_status fail_zlib(const struct vain_inflate *from, int code, size_t missing)
{
    if (code == Z_MEM_ERROR)
        return vain_fail(VAIN_ERR_MEMORY, "%s: no memory to inflate it", from->where);
    if (code == Z_OK || code == Z_BUF_ERROR || code == Z_STREAM_END)
        return missing > 0
                   ? vain_fail(VAIN_ERR_CORRUPT,
                               "%s: ends early: inflated, %zu bytes are missing; copy it again",
                               from->where, missing)
                   : vain_fail(VAIN_ERR_CORRUPT,
                               "%s: ends early: its checksum is missing; copy it again",
                               from->where);
    return vain_fail(VAIN_ERR_CORRUPT, "%s: is not what deflate made: %s; copy it again",
                     from->where, from->zlib.msg != NULL ? from->zlib.msg : "wrong bytes");
}

/* One call of zlib: at most `room` bytes to `out`, how many in `made`. */
static int step(struct vain_inflate *from, uint8_t *out, size_t room, size_t *made)
{
    z_stream *stream = &from->zlib;
    const uInt input = piece(from->bytes - from->used), output = piece(room);
    stream->next_in = from->data + from->used;
    stream->avail_in = input;
    stream->next_out = out;
    stream->avail_out = output;
    const int code = inflate(stream, Z_NO_FLUSH);
    from->used += input - stream->avail_in;
    *made = output - stream->avail_out;
    from->ended = code == Z_STREAM_END;
    const bool stuck = input == stream->avail_in && *made == 0;
    return code == Z_OK && stuck ? Z_BUF_ERROR : code;
}

enum vain_status vain_inflate_get(struct vain_inflate *from, void *out, size_t bytes)
{
    size_t done = 0, made;
    while (done < bytes && !from->ended) {
        const int code = step(from, (uint8_t *)out + done, bytes - done, &made);
        done += made;
        if (code != Z_OK && code != Z_STREAM_END)
            return fail_zlib(from, code, bytes - done);
    }
    return done == bytes ? VAIN_OK : fail_zlib(from, Z_STREAM_END, bytes - done);
}

enum vain_status vain_inflate_finish(struct vain_inflate *from, const char *more)
{
    uint8_t byte;
    size_t made = 0;
    while (!from->ended && made == 0) {
        const int code = step(from, &byte, 1, &made);
        if (code != Z_OK && code != Z_STREAM_END)
            return fail_zlib(from, code, 0);
    }
    if (made > 0 || from->used < from->bytes)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: %s", from->where, more);
    return VAIN_OK;
}
