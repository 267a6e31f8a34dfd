/* Byte cursors: the only way that bytes of a file or message are read or written.
 *
 * A reader never passes its end: a read that would sets `failed`, gives zeros, and every later read
 * fails too, so a decoder reads straight through and asks once at the end. Integers are
 * little-endian. */
#pragma once

#include "base/status.h"

struct vain_reader {
    const uint8_t *data; /* borrowed */
    size_t bytes, position;
    bool failed;
};
void vain_reader_init(struct vain_reader *reader, const void *data, size_t bytes);
uint8_t vain_read_u8(struct vain_reader *reader);
uint16_t vain_read_u16(struct vain_reader *reader);
uint32_t vain_read_u32(struct vain_reader *reader);
uint64_t vain_read_u64(struct vain_reader *reader);
/* Copies `bytes` to `out`, zeros if they are not there. */
void vain_read_bytes(struct vain_reader *reader, void *out, size_t bytes);
/* Borrows `bytes` in place, NULL if they are not there. */
const uint8_t *vain_read_view(struct vain_reader *reader, size_t bytes);
/* A u16 length and that many bytes as a NUL-ended string of [0x20, 0x7e]; fails if it does not fit
 * `capacity`. */
void vain_read_text(struct vain_reader *reader, char *out, size_t capacity);
/* All bytes read and none failed. */
bool vain_reader_done(const struct vain_reader *reader);

struct vain_writer {
    uint8_t *data; /* borrowed */
    size_t capacity, position;
    bool failed; /* something did not fit; nothing was written past capacity */
};
void vain_writer_init(struct vain_writer *writer, void *data, size_t capacity);
void vain_write_u8(struct vain_writer *writer, uint8_t value);
void vain_write_u16(struct vain_writer *writer, uint16_t value);
void vain_write_u32(struct vain_writer *writer, uint32_t value);
void vain_write_u64(struct vain_writer *writer, uint64_t value);
void vain_write_bytes(struct vain_writer *writer, const void *data, size_t bytes);
void vain_write_text(struct vain_writer *writer, const char *text);
