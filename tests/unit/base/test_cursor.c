/* Cursors: the bytes on the wire, and nothing past the end. */
#include "base/cursor.h"

#include <string.h>

#include "tests/unit/suite.h"

static const uint8_t known[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e, 0x0d, 0x0c,
                                0x0b, 0x0a, 0x09, 0x08, 0x02, 0x00, 'h',  'i',  0xff, 0xfe};

static void write_known(struct vain_writer *writer)
{
    vain_write_u8(writer, 0x01);
    vain_write_u16(writer, 0x0203);
    vain_write_u32(writer, 0x04050607);
    vain_write_u64(writer, 0x08090a0b0c0d0e0f);
    vain_write_text(writer, "hi");
    vain_write_bytes(writer, "\xff\xfe", 2);
}

static void bytes_are_little_endian(void)
{
    uint8_t data[sizeof known];
    struct vain_writer writer;
    vain_writer_init(&writer, data, sizeof data);
    write_known(&writer);
    CU_ASSERT_FALSE(writer.failed);
    CU_ASSERT_EQUAL(writer.position, sizeof known);
    CU_ASSERT_EQUAL(memcmp(data, known, sizeof known), 0);

    struct vain_reader reader;
    vain_reader_init(&reader, known, sizeof known);
    char text[3];
    CU_ASSERT_EQUAL(vain_read_u8(&reader), 0x01);
    CU_ASSERT_EQUAL(vain_read_u16(&reader), 0x0203);
    CU_ASSERT_EQUAL(vain_read_u32(&reader), 0x04050607);
    CU_ASSERT_EQUAL(vain_read_u64(&reader), 0x08090a0b0c0d0e0f);
    vain_read_text(&reader, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "hi");
    CU_ASSERT_FALSE(vain_reader_done(&reader));
    CU_ASSERT_PTR_EQUAL(vain_read_view(&reader, 2), known + 19);
    CU_ASSERT_TRUE(vain_reader_done(&reader));
}

static void a_reader_never_passes_its_end(void)
{
    for (size_t bytes = 0; bytes < sizeof known; bytes++) {
        struct vain_reader reader;
        vain_reader_init(&reader, known, bytes);
        char text[8];
        uint8_t tail[2] = {9, 9};
        (void)vain_read_u8(&reader);
        (void)vain_read_u16(&reader);
        (void)vain_read_u32(&reader);
        (void)vain_read_u64(&reader);
        vain_read_text(&reader, text, sizeof text);
        vain_read_bytes(&reader, tail, 2);
        CU_ASSERT_TRUE(reader.failed);
        CU_ASSERT_TRUE(reader.position <= bytes);
        CU_ASSERT_FALSE(vain_reader_done(&reader));
        CU_ASSERT_EQUAL(tail[0] | tail[1], 0);
    }
}

static void failure_sticks(void)
{
    struct vain_reader reader;
    vain_reader_init(&reader, known, 3);
    CU_ASSERT_EQUAL(vain_read_u32(&reader), 0);
    CU_ASSERT_TRUE(reader.failed);
    CU_ASSERT_EQUAL(vain_read_u8(&reader), 0); /* there is a byte, but the layout is lost */
    CU_ASSERT_EQUAL(reader.position, 0);
    CU_ASSERT_PTR_NULL(vain_read_view(&reader, 0));
    vain_reader_init(&reader, known, sizeof known);
    (void)vain_read_u8(&reader);
    CU_ASSERT_PTR_NULL(vain_read_view(&reader, SIZE_MAX)); /* position + bytes would wrap */
    CU_ASSERT_TRUE(reader.failed);
    vain_reader_init(&reader, NULL, 0);
    vain_read_bytes(&reader, NULL, 0);
    CU_ASSERT_TRUE(vain_reader_done(&reader));
}

static bool reads_text(const void *data, size_t bytes, size_t capacity)
{
    struct vain_reader reader;
    char text[16] = "untouched";
    vain_reader_init(&reader, data, bytes);
    vain_read_text(&reader, text, capacity);
    CU_ASSERT_TRUE(!reader.failed || text[0] == '\0');
    return vain_reader_done(&reader);
}

static void text_is_printable_and_fits(void)
{
    CU_ASSERT_TRUE(reads_text("\3\0abc", 5, 4));
    CU_ASSERT_FALSE(reads_text("\3\0abc", 5, 3)); /* no room for the NUL */
    CU_ASSERT_TRUE(reads_text("\0\0", 2, 1));
    CU_ASSERT_TRUE(reads_text("\2\0 ~", 4, 16));
    CU_ASSERT_FALSE(reads_text("\3\0a\0c", 5, 16));
    CU_ASSERT_FALSE(reads_text("\1\0\x1f", 3, 16));
    CU_ASSERT_FALSE(reads_text("\1\0\x7f", 3, 16));
    CU_ASSERT_FALSE(reads_text("\2\0\xc3\xa9", 4, 16));
    CU_ASSERT_FALSE(reads_text("\4\0abc", 5, 16)); /* says more than there is */
    CU_ASSERT_FALSE(reads_text("\xff\xff", 2, 16));
    CU_ASSERT_FALSE(reads_text("\1", 1, 16));
}

static void a_writer_never_passes_its_end(void)
{
    for (size_t capacity = 0; capacity <= sizeof known; capacity++) {
        uint8_t data[sizeof known + 1];
        memset(data, 0xaa, sizeof data);
        struct vain_writer writer;
        vain_writer_init(&writer, data, capacity);
        write_known(&writer);
        CU_ASSERT_EQUAL(writer.failed, capacity < sizeof known);
        CU_ASSERT_EQUAL(memcmp(data, known, writer.position), 0);
        for (size_t i = capacity; i < sizeof data; i++)
            CU_ASSERT_EQUAL(data[i], 0xaa);
    }
}

static void a_writer_refuses_what_cannot_be_read(void)
{
    uint8_t data[16];
    struct vain_writer writer;
    vain_writer_init(&writer, data, sizeof data);
    vain_write_text(&writer, "a\nb");
    CU_ASSERT_TRUE(writer.failed);
    CU_ASSERT_EQUAL(writer.position, 0);
    vain_write_u8(&writer, 1); /* sticks */
    CU_ASSERT_EQUAL(writer.position, 0);

    static char text[65537];
    static uint8_t large[70000];
    memset(text, 'a', 65536);
    vain_writer_init(&writer, large, sizeof large);
    vain_write_text(&writer, text); /* one more than a u16 can say */
    CU_ASSERT_TRUE(writer.failed);
    vain_writer_init(&writer, large, sizeof large);
    vain_write_text(&writer, text + 1);
    CU_ASSERT_FALSE(writer.failed);
    CU_ASSERT_EQUAL(writer.position, 65537);
    vain_writer_init(&writer, NULL, 0);
    vain_write_bytes(&writer, NULL, 0);
    CU_ASSERT_FALSE(writer.failed);
    vain_write_bytes(&writer, text, SIZE_MAX);
    CU_ASSERT_TRUE(writer.failed);
}

static const struct vain_test tests[] = {
    {"integers are little-endian both ways", bytes_are_little_endian},
    {"a reader never passes its end, wherever that is", a_reader_never_passes_its_end},
    {"a failed reader stays failed and still", failure_sticks},
    {"text is printable and fits", text_is_printable_and_fits},
    {"a writer never passes its end, wherever that is", a_writer_never_passes_its_end},
    {"a writer refuses what could not be read again", a_writer_refuses_what_cannot_be_read},
    {NULL, NULL},
};
const struct vain_suite vain_suite_cursor = {"base/cursor", tests};
