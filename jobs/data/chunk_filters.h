/* What stands in the file for one chunk of an HDF5 data set, turned back into the chunk. HDF5 does
 * this too, without a bound: it inflates whatever the stream holds, and takes a chunk that came out
 * short for a whole one, with foreign memory behind it. Here a chunk comes out with exactly its
 * bytes or not at all. On memory only. Inner header of jobs/data. */
#pragma once

#include <stdint.h>

#include "base/status.h"

enum {
    VAIN_CHUNK_FILTERS_MAX = 32,  /* of one data set: bits of a filter mask, and HDF5's own limit */
    VAIN_CHUNK_CHECKSUM_BYTES = 4 /* of fletcher32, behind what it is the sum of */
};

enum vain_chunk_filter { VAIN_CHUNK_DEFLATE, VAIN_CHUNK_SHUFFLE, VAIN_CHUNK_FLETCHER32 };

/* The filters of a data set in the order in which a writer applies them; at most one is deflate, so
 * that the size at every step is known beforehand. */
struct vain_chunk_filters {
    int count;
    struct {
        enum vain_chunk_filter kind;
        uint32_t element_bytes; /* of shuffle: what it took for an element */
    } at[VAIN_CHUNK_FILTERS_MAX];
};

/* Most bytes that a chunk of `chunk_bytes` has after its filters: deflate may make it a little
 * longer, checksums are added. */
size_t vain_chunk_stored_max(const struct vain_chunk_filters *filters, size_t chunk_bytes);

/* One chunk on its way back. Both rooms have vain_chunk_stored_max bytes and are borrowed. */
struct vain_chunk {
    const char *where; /* begins messages */
    uint32_t mask;     /* bit i: the writer left out filter i for this chunk */
    size_t bytes;      /* at `data`, at most vain_chunk_stored_max */
    uint8_t *data, *spare;
};
/* Undo the filters, last one first. `data` is then the chunk, with `bytes` = `chunk_bytes`; it may
 * have changed places with `spare`, and both were written over.
 * VAIN_ERR_CORRUPT: a wrong checksum, another size, or it does not inflate. VAIN_ERR_MEMORY. */
enum vain_status vain_chunk_undo(const struct vain_chunk_filters *filters, size_t chunk_bytes,
                                 struct vain_chunk *chunk) VAIN_MUST_USE;
