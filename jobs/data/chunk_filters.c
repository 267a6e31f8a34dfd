#include "jobs/data/chunk_filters.h"

#include <string.h>

#include "jobs/data/inflate.h"

enum {
    DEFLATE_SHARE = 64,    /* zlib adds a thousandth at most; other writers' blocks may be short */
    DEFLATE_BYTES = 64,    /* and what it adds to a chunk however small */
    WORDS_A_FOLD = 1 << 16 /* of fletcher32: the sum of sums stays below 2^49 */
};

size_t vain_chunk_stored_max(const struct vain_chunk_filters *filters, size_t chunk_bytes)
{
    return chunk_bytes + chunk_bytes / DEFLATE_SHARE + DEFLATE_BYTES +
           (size_t)filters->count * VAIN_CHUNK_CHECKSUM_BYTES;
}

static bool is_applied(const struct vain_chunk *chunk, int filter)
{
    return (chunk->mask >> filter & 1) == 0;
}

static void exchange_rooms(struct vain_chunk *chunk)
{
    uint8_t *const data = chunk->data;
    chunk->data = chunk->spare;
    chunk->spare = data;
}

/* ---- Fletcher's checksum of 32 bits, over big-endian words of 16 ---- */

static uint64_t fold(uint64_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static uint32_t fletcher32(const uint8_t *data, size_t bytes)
{
    uint64_t sum = 0, sum_of_sums = 0;
    for (size_t at = 0; at < bytes; at += 2) {
        sum += (uint64_t)data[at] << 8 | (at + 1 < bytes ? data[at + 1] : 0);
        sum_of_sums += sum;
        if ((at / 2 + 1) % WORDS_A_FOLD == 0) {
            sum = fold(sum);
            sum_of_sums = fold(sum_of_sums);
        }
    }
    return (uint32_t)(fold(sum_of_sums) << 16 | fold(sum));
}

/* HDF5 before 1.6.3 wrote the bytes of each half the other way round on little-endian machines. */
static uint32_t turn_halves(uint32_t sum)
{
    return (sum & 0x00ff00ff) << 8 | (sum >> 8 & 0x00ff00ff);
}

static enum vain_status undo_fletcher32(struct vain_chunk *chunk)
{
    if (chunk->bytes < VAIN_CHUNK_CHECKSUM_BYTES)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: ends early: its checksum is missing; copy it again",
                         chunk->where);
    chunk->bytes -= VAIN_CHUNK_CHECKSUM_BYTES;
    uint32_t stored = 0;
    for (int i = 0; i < VAIN_CHUNK_CHECKSUM_BYTES; i++)
        stored |= (uint32_t)chunk->data[chunk->bytes + (size_t)i] << (8 * i);
    const uint32_t sum = fletcher32(chunk->data, chunk->bytes);
    if (stored != sum && stored != turn_halves(sum))
        return vain_fail(VAIN_ERR_CORRUPT,
                         "%s: its checksum (fletcher32) is %08x, expected %08x; copy it again",
                         chunk->where, sum, stored);
    return VAIN_OK;
}

/* ---- The others ---- */

static enum vain_status undo_deflate(struct vain_chunk *chunk, size_t bytes)
{
    struct vain_inflate stream;
    VAIN_TRY(
        vain_inflate_open(chunk->where, VAIN_INFLATE_ZLIB, chunk->data, chunk->bytes, &stream));
    enum vain_status status = vain_inflate_get(&stream, chunk->spare, bytes);
    if (status == VAIN_OK)
        status = vain_inflate_finish(&stream, "holds more than a chunk of its shape; h5repack "
                                              "rewrites a file that you trust");
    vain_inflate_close(&stream);
    exchange_rooms(chunk);
    chunk->bytes = bytes;
    return status;
}

/* First come the first bytes of all elements, then the second ones, and at the end, as it was, what
 * makes no whole element. */
static void undo_shuffle(struct vain_chunk *chunk, size_t element_bytes)
{
    const size_t count = chunk->bytes / element_bytes;
    const size_t whole = count * element_bytes;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < element_bytes; k++)
            chunk->spare[i * element_bytes + k] = chunk->data[k * count + i];
    }
    memcpy(chunk->spare + whole, chunk->data + whole, chunk->bytes - whole);
    exchange_rooms(chunk);
}

/* Bytes that went into filter `filter`: checksums were added before. */
static size_t bytes_before(const struct vain_chunk_filters *filters, const struct vain_chunk *chunk,
                           size_t chunk_bytes, int filter)
{
    size_t bytes = chunk_bytes;
    for (int i = 0; i < filter; i++) {
        if (filters->at[i].kind == VAIN_CHUNK_FLETCHER32 && is_applied(chunk, i))
            bytes += VAIN_CHUNK_CHECKSUM_BYTES;
    }
    return bytes;
}

enum vain_status vain_chunk_undo(const struct vain_chunk_filters *filters, size_t chunk_bytes,
                                 struct vain_chunk *chunk)
{
    const size_t most = vain_chunk_stored_max(filters, chunk_bytes);
    VAIN_ASSERT(filters->count <= VAIN_CHUNK_FILTERS_MAX);
    VAIN_ASSERT(chunk->bytes <= most);
    for (int i = filters->count - 1; i >= 0; i--) {
        if (!is_applied(chunk, i))
            continue;
        if (filters->at[i].kind == VAIN_CHUNK_FLETCHER32)
            VAIN_TRY(undo_fletcher32(chunk));
        else if (filters->at[i].kind == VAIN_CHUNK_SHUFFLE)
            undo_shuffle(chunk, filters->at[i].element_bytes);
        else
            VAIN_TRY(undo_deflate(chunk, bytes_before(filters, chunk, chunk_bytes, i)));
        VAIN_ASSERT(chunk->bytes <= most);
    }
    if (chunk->bytes != chunk_bytes)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: has %zu bytes, expected %zu; copy it again",
                         chunk->where, chunk->bytes, chunk_bytes);
    return VAIN_OK;
}
