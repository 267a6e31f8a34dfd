#include "p2p/hello.h"

#include "base/cursor.h"

#include <string.h>

#define HELLO_MAGIC    "VAINLINK"
#define HELLO_PERSONAL "vain/link/hello"

enum { MAGIC_BYTES = 8, HELLO_VERSION = 1 };

/* BLAKE2b(personal; exporter; head, role, sender, receiver). */
static void bind(const struct vain_hello_facts *facts,
                 const uint8_t head[VAIN_MIN_LEN(VAIN_HELLO_HEAD_BYTES)],
                 uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    uint8_t data[VAIN_HELLO_HEAD_BYTES + 1 + 2 * VAIN_HASH_BYTES];
    struct vain_writer writer;
    vain_writer_init(&writer, data, sizeof data);
    vain_write_bytes(&writer, head, VAIN_HELLO_HEAD_BYTES);
    vain_write_u8(&writer, (uint8_t)facts->role);
    vain_write_bytes(&writer, facts->sender_id, VAIN_HASH_BYTES);
    vain_write_bytes(&writer, facts->receiver_id, VAIN_HASH_BYTES);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == sizeof data);
    vain_hash_keyed(facts->exporter, HELLO_PERSONAL, data, sizeof data, out);
}

void vain_hello_encode(const struct vain_hello_facts *facts, uint16_t connection,
                       uint8_t out[VAIN_MIN_LEN(VAIN_HELLO_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_HELLO_BYTES);
    vain_write_bytes(&writer, HELLO_MAGIC, MAGIC_BYTES);
    vain_write_u16(&writer, HELLO_VERSION);
    vain_write_u16(&writer, connection);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == VAIN_HELLO_HEAD_BYTES);
    bind(facts, out, out + VAIN_HELLO_HEAD_BYTES);
}

enum vain_status vain_hello_check(const uint8_t data[VAIN_MIN_LEN(VAIN_HELLO_BYTES)],
                                  const struct vain_hello_facts *facts, uint16_t *connection)
{
    uint8_t bound[VAIN_HASH_BYTES];
    struct vain_reader reader;
    *connection = 0;
    vain_reader_init(&reader, data, VAIN_HELLO_BYTES);
    if (memcmp(vain_read_view(&reader, MAGIC_BYTES), HELLO_MAGIC, MAGIC_BYTES) != 0)
        return vain_fail(VAIN_ERR_AUTH, "hello: does not begin like one");
    const unsigned version = vain_read_u16(&reader);
    if (version != HELLO_VERSION)
        return vain_fail(VAIN_ERR_AUTH, "hello: version %u, this build speaks %d", version,
                         HELLO_VERSION);
    const uint16_t number = vain_read_u16(&reader);
    bind(facts, data, bound);
    if (!vain_equal(bound, vain_read_view(&reader, VAIN_HASH_BYTES), sizeof bound))
        return vain_fail(VAIN_ERR_AUTH, "hello: bound to another session, member or role");
    VAIN_ASSERT(vain_reader_done(&reader));
    *connection = number;
    return VAIN_OK;
}
