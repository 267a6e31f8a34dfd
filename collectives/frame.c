/* A header is checked as a whole before anybody looks at a part of it. */
#include "collectives/frame.h"

#include "base/cursor.h"
#include "collectives/transport.h"

enum { VERSION = 1 };

void vain_frame_encode(const struct vain_frame *frame, uint8_t out[VAIN_MIN_LEN(VAIN_FRAME_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_FRAME_BYTES);
    vain_write_u16(&writer, VERSION);
    vain_write_u16(&writer, (uint16_t)frame->kind);
    vain_write_u32(&writer, frame->tag);
    vain_write_u64(&writer, frame->group);
    vain_write_u64(&writer, frame->index);
    vain_write_u64(&writer, frame->message_bytes);
    vain_write_u64(&writer, frame->offset);
    vain_write_u32(&writer, frame->bytes);
    vain_write_u32(&writer, 0);
    VAIN_ASSERT(!writer.failed && writer.position == VAIN_FRAME_BYTES);
}

/* What does not fit the rest of a header; NULL if all does. */
static const char *wrong_part(const struct vain_frame *frame)
{
    if (frame->kind == VAIN_FRAME_ABORT)
        return frame->tag != 0 || frame->message_bytes != 0 || frame->offset != 0 ||
                       frame->bytes != 0
                   ? "an abort with a tag or bytes"
                   : NULL;
    if (frame->kind != VAIN_FRAME_MESSAGE && frame->kind != VAIN_FRAME_READY)
        return "an unknown kind";
    if (frame->tag == 0 || frame->tag >= VAIN_TAG_END)
        return "an unknown tag";
    if (frame->kind == VAIN_FRAME_READY)
        return frame->offset != 0 || frame->bytes != 0 ? "bytes behind word of readiness" : NULL;
    if (frame->bytes > VAIN_FRAGMENT_BYTES)
        return "a fragment that is too long";
    if (frame->offset > frame->message_bytes || frame->bytes > frame->message_bytes - frame->offset)
        return "a fragment beyond the message's end";
    if (frame->bytes == 0 && frame->message_bytes != 0)
        return "an empty fragment";
    return NULL;
}

enum vain_status vain_frame_decode(const uint8_t data[VAIN_MIN_LEN(VAIN_FRAME_BYTES)],
                                   struct vain_frame *out)
{
    struct vain_reader reader;
    vain_reader_init(&reader, data, VAIN_FRAME_BYTES);
    const uint16_t version = vain_read_u16(&reader);
    out->kind = (enum vain_frame_kind)vain_read_u16(&reader);
    out->tag = vain_read_u32(&reader);
    out->group = vain_read_u64(&reader);
    out->index = vain_read_u64(&reader);
    out->message_bytes = vain_read_u64(&reader);
    out->offset = vain_read_u64(&reader);
    out->bytes = vain_read_u32(&reader);
    const uint32_t zero = vain_read_u32(&reader);
    const char *wrong = version != VERSION ? "another version"
                        : zero != 0        ? "bytes where zeros belong"
                                           : wrong_part(out);
    return wrong == NULL ? VAIN_OK : vain_fail(VAIN_ERR_CORRUPT, "frame header: %s", wrong);
}
