/* Reading and writing bytes one field at a time, little-endian, never past the end.
 *
 * Failure sticks: after the first read that did not fit, the reader gives zeros and stays where it
 * is, so a decoder may read straight through a layout and ask once. A writer refuses what a reader
 * would refuse (text outside printable ASCII), so that nothing can be written that cannot be read.
 */
#include "base/cursor.h"

#include <string.h>

enum { TEXT_BYTES_MAX = UINT16_MAX };

void vain_reader_init(struct vain_reader *reader, const void *data, size_t bytes)
{
    *reader = (struct vain_reader){.data = data, .bytes = bytes};
}

const uint8_t *vain_read_view(struct vain_reader *reader, size_t bytes)
{
    if (reader->failed || bytes > reader->bytes - reader->position) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *view = reader->data + reader->position;
    reader->position += bytes;
    return view;
}

static uint64_t read_little_endian(struct vain_reader *reader, size_t bytes)
{
    const uint8_t *view = vain_read_view(reader, bytes);
    uint64_t value = 0;
    for (size_t i = 0; view != NULL && i < bytes; i++)
        value |= (uint64_t)view[i] << (8 * i);
    return value;
}

uint8_t vain_read_u8(struct vain_reader *reader)
{
    return (uint8_t)read_little_endian(reader, 1);
}

uint16_t vain_read_u16(struct vain_reader *reader)
{
    return (uint16_t)read_little_endian(reader, 2);
}

uint32_t vain_read_u32(struct vain_reader *reader)
{
    return (uint32_t)read_little_endian(reader, 4);
}

uint64_t vain_read_u64(struct vain_reader *reader)
{
    return read_little_endian(reader, 8);
}

void vain_read_bytes(struct vain_reader *reader, void *out, size_t bytes)
{
    if (bytes == 0)
        return;
    const uint8_t *view = vain_read_view(reader, bytes);
    if (view != NULL)
        memcpy(out, view, bytes);
    else
        memset(out, 0, bytes);
}

static bool printable(const uint8_t *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    }
    return true;
}

void vain_read_text(struct vain_reader *reader, char *out, size_t capacity)
{
    VAIN_ASSERT(capacity > 0);
    out[0] = '\0';
    const size_t bytes = vain_read_u16(reader);
    const uint8_t *view = vain_read_view(reader, bytes);
    if (view == NULL)
        return;
    if (bytes >= capacity || !printable(view, bytes)) {
        reader->failed = true;
        return;
    }
    memcpy(out, view, bytes);
    out[bytes] = '\0';
}

bool vain_reader_done(const struct vain_reader *reader)
{
    return !reader->failed && reader->position == reader->bytes;
}

void vain_writer_init(struct vain_writer *writer, void *data, size_t capacity)
{
    *writer = (struct vain_writer){.data = data, .capacity = capacity};
}

void vain_write_bytes(struct vain_writer *writer, const void *data, size_t bytes)
{
    if (writer->failed || bytes > writer->capacity - writer->position) {
        writer->failed = true;
        return;
    }
    if (bytes == 0)
        return;
    memcpy(writer->data + writer->position, data, bytes);
    writer->position += bytes;
}

static void write_little_endian(struct vain_writer *writer, uint64_t value, size_t bytes)
{
    uint8_t octets[8];
    for (size_t i = 0; i < bytes; i++)
        octets[i] = (uint8_t)(value >> (8 * i));
    vain_write_bytes(writer, octets, bytes);
}

void vain_write_u8(struct vain_writer *writer, uint8_t value)
{
    write_little_endian(writer, value, 1);
}

void vain_write_u16(struct vain_writer *writer, uint16_t value)
{
    write_little_endian(writer, value, 2);
}

void vain_write_u32(struct vain_writer *writer, uint32_t value)
{
    write_little_endian(writer, value, 4);
}

void vain_write_u64(struct vain_writer *writer, uint64_t value)
{
    write_little_endian(writer, value, 8);
}

void vain_write_text(struct vain_writer *writer, const char *text)
{
    const size_t bytes = strlen(text);
    if (bytes > TEXT_BYTES_MAX || !printable((const uint8_t *)text, bytes)) {
        writer->failed = true;
        return;
    }
    vain_write_u16(writer, (uint16_t)bytes);
    vain_write_bytes(writer, text, bytes);
}
