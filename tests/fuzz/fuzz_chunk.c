/* Fuzz target: what a file stores for a chunk of an HDF5 data set, and the filters it went through.
 *
 * Beyond not crashing: rooms of exactly the promised size are enough, and what comes back has
 * exactly the bytes of the chunk. */
#include <string.h>

#include "base/memory.h"
#include "jobs/data/chunk_filters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Filters, mask, bytes of the chunk (2); then one byte a filter. */
enum { HEAD_BYTES = 4, FILTERS_MAX = 6 };

static bool take_filters(const uint8_t *data, struct vain_chunk_filters *filters)
{
    int deflates = 0;
    for (int i = 0; i < filters->count; i++) {
        filters->at[i].kind = (enum vain_chunk_filter)(data[i] % 3);
        filters->at[i].element_bytes = 1 + data[i] / 3;
        deflates += filters->at[i].kind == VAIN_CHUNK_DEFLATE;
    }
    return deflates <= 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct vain_chunk_filters filters = {0};
    void *rooms[2] = {NULL, NULL};
    if (bytes < HEAD_BYTES + FILTERS_MAX)
        return 0;
    filters.count = data[0] % (FILTERS_MAX + 1);
    const size_t chunk_bytes = 1 + (size_t)(data[2] | data[3] << 8);
    const size_t most = vain_chunk_stored_max(&filters, chunk_bytes);
    const size_t stored = bytes - HEAD_BYTES - FILTERS_MAX;
    if (!take_filters(data + HEAD_BYTES, &filters) || stored > most)
        return 0;
    for (int i = 0; i < 2; i++)
        VAIN_ASSERT(vain_take(most, "fuzz", &rooms[i]) == VAIN_OK);
    struct vain_chunk chunk = {
        .where = "input", .mask = data[1], .bytes = stored, .data = rooms[0], .spare = rooms[1]};
    memcpy(chunk.data, data + HEAD_BYTES + FILTERS_MAX, stored);
    if (vain_chunk_undo(&filters, chunk_bytes, &chunk) == VAIN_OK)
        VAIN_ASSERT(chunk.bytes == chunk_bytes);
    VAIN_ASSERT(chunk.data == rooms[0] || chunk.data == rooms[1]);
    VAIN_ASSERT(chunk.data != chunk.spare);
    vain_release(rooms[0]);
    vain_release(rooms[1]);
    VAIN_ASSERT(vain_memory_blocks() == 0);
    return 0;
}
