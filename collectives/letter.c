/* A head is checked as a whole before anybody looks at a part of it: what it says of the body's
 * length is all that a receiver knows when it takes memory. */
#include "collectives/letter.h"

#include "base/cursor.h"

static const uint32_t MAGIC = 0x52544c56; /* "VLTR" */

void vain_letter_head_encode(const struct vain_letter_head *head,
                             uint8_t out[VAIN_MIN_LEN(VAIN_LETTER_HEAD_BYTES)])
{
    struct vain_writer writer;
    VAIN_ASSERT(head->kind > 0);
    VAIN_ASSERT(head->bytes <= VAIN_LETTER_BYTES_MAX);
    vain_writer_init(&writer, out, VAIN_LETTER_HEAD_BYTES);
    vain_write_u32(&writer, MAGIC);
    vain_write_u16(&writer, head->kind);
    vain_write_u16(&writer, 0);
    vain_write_u32(&writer, head->bytes);
    vain_write_u32(&writer, 0);
    VAIN_ASSERT(!writer.failed && writer.position == VAIN_LETTER_HEAD_BYTES);
}

enum vain_status vain_letter_head_decode(const uint8_t data[VAIN_MIN_LEN(VAIN_LETTER_HEAD_BYTES)],
                                         struct vain_letter_head *out)
{
    struct vain_reader reader;
    vain_reader_init(&reader, data, VAIN_LETTER_HEAD_BYTES);
    const uint32_t magic = vain_read_u32(&reader);
    out->kind = vain_read_u16(&reader);
    const uint16_t zero = vain_read_u16(&reader);
    out->bytes = vain_read_u32(&reader);
    const uint32_t another_zero = vain_read_u32(&reader);
    const char *wrong = magic != MAGIC                       ? "something that is no letter"
                        : out->kind == 0                     ? "a letter without a kind"
                        : zero != 0 || another_zero != 0     ? "bytes where zeros belong"
                        : out->bytes > VAIN_LETTER_BYTES_MAX ? "a body that is too large"
                                                             : NULL;
    return wrong == NULL ? VAIN_OK : vain_fail(VAIN_ERR_CORRUPT, "head of a letter: %s", wrong);
}
