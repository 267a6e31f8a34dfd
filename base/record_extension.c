/* Extensions are read where they are shown, not where records are decoded: a record whose extension
 * has another length than this build expects is still a record. */
#include "base/record_extension.h"

#include "base/cursor.h"

static void add(struct vain_record *record, enum vain_record_extension_type type,
                const uint8_t *bytes, size_t count)
{
    VAIN_ASSERT(record->extension_count < VAIN_RECORD_EXTENSIONS_MAX);
    record->extensions[record->extension_count++] = (struct vain_record_extension){
        .type = (uint16_t)type, .bytes = (uint32_t)count, .data = bytes};
}

void vain_record_add_privacy(struct vain_record *record, bool masked, bool keys_pinned,
                             uint8_t *bytes)
{
    bytes[0] = masked ? 1 : 0;
    bytes[1] = keys_pinned ? 1 : 0;
    add(record, VAIN_EXTENSION_PRIVACY, bytes, VAIN_EXTENSION_PRIVACY_BYTES);
}

void vain_record_add_dropped(struct vain_record *record, const uint32_t *inputs, uint8_t *bytes)
{
    struct vain_writer writer;
    vain_writer_init(&writer, bytes, (size_t)record->member_count * VAIN_EXTENSION_DROPPED_BYTES);
    for (int i = 0; i < record->member_count; i++) {
        if (inputs[i] == 0)
            continue;
        vain_write_u16(&writer, (uint16_t)i);
        vain_write_u32(&writer, inputs[i]);
    }
    VAIN_ASSERT(!writer.failed);
    if (writer.position > 0)
        add(record, VAIN_EXTENSION_DROPPED, bytes, writer.position);
}

void vain_record_add_commitments(struct vain_record *record, const uint8_t *roots)
{
    add(record, VAIN_EXTENSION_COMMITMENTS, roots, (size_t)record->member_count * VAIN_HASH_BYTES);
}

void vain_record_add_next(struct vain_record *record, const struct vain_record_next *next,
                          uint8_t *bytes)
{
    struct vain_writer writer;
    vain_writer_init(&writer, bytes, VAIN_EXTENSION_NEXT_BYTES);
    vain_write_u32(&writer, (uint32_t)next->range_exponent);
    vain_write_u32(&writer, (uint32_t)next->bound_exponent);
    vain_write_bytes(&writer, next->momentum_hash, VAIN_HASH_BYTES);
    VAIN_ASSERT(!writer.failed && writer.position == VAIN_EXTENSION_NEXT_BYTES);
    add(record, VAIN_EXTENSION_NEXT, bytes, VAIN_EXTENSION_NEXT_BYTES);
}

static const struct vain_record_extension *find(const struct vain_record *record,
                                                enum vain_record_extension_type type)
{
    for (int i = 0; i < record->extension_count; i++) {
        if (record->extensions[i].type == type)
            return &record->extensions[i];
    }
    return NULL;
}

struct vain_record_privacy vain_record_privacy_of(const struct vain_record *record)
{
    const struct vain_record_extension *found = find(record, VAIN_EXTENSION_PRIVACY);
    if (found == NULL || found->bytes != VAIN_EXTENSION_PRIVACY_BYTES)
        return (struct vain_record_privacy){.known = false};
    return (struct vain_record_privacy){
        .known = true, .masked = found->data[0] == 1, .keys_pinned = found->data[1] == 1};
}

struct vain_record_next vain_record_next_of(const struct vain_record *record)
{
    const struct vain_record_extension *found = find(record, VAIN_EXTENSION_NEXT);
    struct vain_record_next next = {.known = false};
    struct vain_reader reader;
    if (found == NULL || found->bytes != VAIN_EXTENSION_NEXT_BYTES)
        return next;
    vain_reader_init(&reader, found->data, found->bytes);
    next.known = true;
    next.range_exponent = (int32_t)vain_read_u32(&reader);
    next.bound_exponent = (int32_t)vain_read_u32(&reader);
    vain_read_bytes(&reader, next.momentum_hash, VAIN_HASH_BYTES);
    return next;
}

uint32_t vain_record_dropped_of(const struct vain_record *record, int index)
{
    const struct vain_record_extension *found = find(record, VAIN_EXTENSION_DROPPED);
    struct vain_reader reader;
    if (found == NULL || found->bytes % VAIN_EXTENSION_DROPPED_BYTES != 0)
        return 0;
    vain_reader_init(&reader, found->data, found->bytes);
    for (uint32_t i = 0; i < found->bytes / VAIN_EXTENSION_DROPPED_BYTES; i++) {
        const int member = vain_read_u16(&reader);
        const uint32_t inputs = vain_read_u32(&reader);
        if (member == index)
            return inputs;
    }
    return 0;
}

const uint8_t *vain_record_commitment_of(const struct vain_record *record, int index)
{
    const struct vain_record_extension *found = find(record, VAIN_EXTENSION_COMMITMENTS);
    VAIN_ASSERT(index >= 0 && index < record->member_count);
    if (found == NULL || found->bytes != (size_t)record->member_count * VAIN_HASH_BYTES)
        return NULL;
    return found->data + (size_t)index * VAIN_HASH_BYTES;
}
