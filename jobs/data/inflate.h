/* Deflated bytes, inflated into room of a known size and never beyond it: however much a stream
 * promises, no more memory is written than the caller gave. On memory only. Inner header of
 * jobs/data. */
#pragma once

#include <stdint.h>

#include "base/status.h"

#define ZLIB_CONST /* zlib then takes its input as const */
#include <zlib.h>

enum vain_inflate_wrapping {
    VAIN_INFLATE_ZLIB, /* RFC 1950, as HDF5's filter makes it */
    VAIN_INFLATE_GZIP  /* RFC 1952, one member */
};

struct vain_inflate {
    const char *where;   /* begins messages; borrowed */
    const uint8_t *data; /* borrowed */
    size_t bytes, used;  /* of `data` */
    bool ended;          /* the stream's end was seen, and its checksum compared */
    z_stream zlib;
};

/* Begin to inflate `bytes` at `data`. VAIN_ERR_MEMORY, and then there is nothing to close. */
enum vain_status vain_inflate_open(const char *where, enum vain_inflate_wrapping wrapping,
                                   const void *data, size_t bytes,
                                   struct vain_inflate *out) VAIN_MUST_USE;
void vain_inflate_close(struct vain_inflate *from);
/* The next `bytes` (0 is fine) into `out`. VAIN_ERR_CORRUPT: there are fewer, or it does not
 * inflate. */
enum vain_status vain_inflate_get(struct vain_inflate *from, void *out, size_t bytes) VAIN_MUST_USE;
/* All was got: the stream ends here and nothing follows it. VAIN_ERR_CORRUPT: it does not, which
 * `more` says in the message, or its checksum is wrong. */
enum vain_status vain_inflate_finish(struct vain_inflate *from, const char *more) VAIN_MUST_USE;
