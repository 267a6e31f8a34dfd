/* Fuzz target: the content of an idx file, plain or in gzip.
 *
 * Beyond not crashing: what was read has the shape that its header says, no more elements than the
 * bytes can hold, and written out again it is the same file. */
#include <string.h>

#include "base/memory.h"
#include "jobs/data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { HEAD_BYTES = 4, SIZE_BYTES = 4 };

static void check_plain(const struct vain_array *array, const uint8_t *data, size_t bytes)
{
    const size_t element_bytes = vain_array_element_bytes(array->type);
    const size_t header_bytes = HEAD_BYTES + SIZE_BYTES * (size_t)array->rank;
    VAIN_ASSERT(array->rank == data[3]);
    VAIN_ASSERT(header_bytes + (size_t)array->count * element_bytes == bytes);
    const uint8_t *elements = array->data;
    for (size_t i = 0; i < (size_t)array->count * element_bytes; i++) {
        const size_t place = i / element_bytes * element_bytes;
        VAIN_ASSERT(data[header_bytes + i] == elements[place + element_bytes - 1 - (i - place)]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct vain_array array;
    if (vain_idx_read("input", data, bytes, &array) == VAIN_OK) {
        int64_t count = 1;
        for (int i = 0; i < array.rank; i++)
            count *= array.shape[i];
        VAIN_ASSERT(count == array.count);
        if (data[0] == 0)
            check_plain(&array, data, bytes);
    }
    vain_array_release(&array);
    VAIN_ASSERT(vain_memory_blocks() == 0);
    return 0;
}
