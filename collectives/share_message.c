/* Messages of shares: lengths are checked before anything is read by them, numbers before the
 * commitments, since only those cost time. */
#include "collectives/share_message.h"

#include <assert.h>
#include <string.h>

#include "base/cursor.h"

static_assert(sizeof(struct vain_point) == VAIN_POINT_BYTES, "points lie in a message as they are");
static_assert(_Alignof(struct vain_point) == 1, "at any place");
static_assert(sizeof(struct vain_sealed_share) == VAIN_SHARE_BOX_BYTES, "boxes too");
static_assert(_Alignof(struct vain_sealed_share) == 1, "at any place");

enum { VERSION = 1, CONTEXT_BYTES = VAIN_CONTEXT_BYTES + 2 * 4 /* ctx || dealer || holder */ };

const char *vain_share_fault_text(enum vain_share_fault fault)
{
    static const char *const texts[] = {
        [VAIN_SHARE_FINE] = "nothing is wrong with it",
        [VAIN_SHARE_LENGTH] = "it has another length than its numbers say",
        [VAIN_SHARE_VERSION] = "it is of another version of the format",
        [VAIN_SHARE_NUMBERS] = "its members, threshold or dealer are not those of the attempt",
        [VAIN_SHARE_ATTEMPT] = "it is of another attempt",
        [VAIN_SHARE_COMMITMENT] = "a commitment is not a point of the group",
        [VAIN_SHARE_OWN_BOX] = "there is something in the box that the dealer keeps for itself",
        [VAIN_SHARE_BOX] = "the box does not open: it was changed or sealed for somebody else",
        [VAIN_SHARE_VALUE] = "what was in the box is not a share",
    };
    VAIN_ASSERT((size_t)fault < VAIN_COUNT_OF(texts));
    return texts[fault];
}

/* ---- bytes ----------------------------------------------------------------------------------- */

size_t vain_share_message_bytes(int members, int threshold)
{
    VAIN_ASSERT(members >= 1 && members <= VAIN_MEMBERS_MAX);
    VAIN_ASSERT(threshold >= 1 && threshold <= members);
    return VAIN_SHARE_HEAD_BYTES + (size_t)threshold * VAIN_POINT_BYTES +
           (size_t)members * VAIN_SHARE_BOX_BYTES;
}

void vain_share_attempt(const struct vain_context *context,
                        uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    uint8_t bytes[VAIN_CONTEXT_BYTES];
    vain_context_encode(context, bytes);
    vain_hash("vain/secagg/try", bytes, sizeof bytes, out);
}

struct vain_share_places vain_share_message_start(const struct vain_share_message *message,
                                                  uint8_t *out)
{
    const size_t bytes = vain_share_message_bytes(message->members, message->threshold);
    struct vain_writer writer;
    VAIN_ASSERT(message->dealer >= 0 && message->dealer < message->members);
    memset(out, 0, bytes);
    vain_writer_init(&writer, out, VAIN_SHARE_HEAD_BYTES);
    vain_write_u16(&writer, VERSION);
    vain_write_u16(&writer, (uint16_t)message->members);
    vain_write_u16(&writer, (uint16_t)message->threshold);
    vain_write_u16(&writer, (uint16_t)message->dealer);
    vain_write_bytes(&writer, message->attempt, VAIN_HASH_BYTES);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == VAIN_SHARE_HEAD_BYTES);
    uint8_t *commitments = out + VAIN_SHARE_HEAD_BYTES;
    uint8_t *boxes = commitments + (size_t)message->threshold * VAIN_POINT_BYTES;
    return (struct vain_share_places){(struct vain_point *)(void *)commitments,
                                      (struct vain_sealed_share *)(void *)boxes};
}

/* Where the parts lie, and whether head and length fit each other. */
static enum vain_share_fault read_parts(const uint8_t *data, size_t bytes,
                                        struct vain_share_message *out)
{
    struct vain_reader reader;
    vain_reader_init(&reader, data, bytes);
    *out = (struct vain_share_message){.members = 0};
    const uint16_t version = vain_read_u16(&reader);
    out->members = vain_read_u16(&reader);
    out->threshold = vain_read_u16(&reader);
    out->dealer = vain_read_u16(&reader);
    vain_read_bytes(&reader, out->attempt, VAIN_HASH_BYTES);
    if (reader.failed)
        return VAIN_SHARE_LENGTH;
    if (version != VERSION)
        return VAIN_SHARE_VERSION;
    if (out->members < 1 || out->members > VAIN_MEMBERS_MAX || out->threshold < 1 ||
        out->threshold > out->members || out->dealer >= out->members)
        return VAIN_SHARE_NUMBERS;
    out->commitments = (const struct vain_point *)(const void *)vain_read_view(
        &reader, (size_t)out->threshold * sizeof *out->commitments);
    out->boxes = (const struct vain_sealed_share *)(const void *)vain_read_view(
        &reader, (size_t)out->members * sizeof *out->boxes);
    return vain_reader_done(&reader) ? VAIN_SHARE_FINE : VAIN_SHARE_LENGTH;
}

static enum vain_share_fault check_parts(const struct vain_share_message *message)
{
    if (!vain_is_zero(&message->boxes[message->dealer], sizeof *message->boxes))
        return VAIN_SHARE_OWN_BOX;
    for (int k = 0; k < message->threshold; k++) {
        if (!vain_point_valid(&message->commitments[k]))
            return VAIN_SHARE_COMMITMENT;
    }
    return VAIN_SHARE_FINE;
}

enum vain_share_fault vain_share_message_decode(const uint8_t *data, size_t bytes,
                                                struct vain_share_message *out)
{
    const enum vain_share_fault fault = read_parts(data, bytes, out);
    return fault == VAIN_SHARE_FINE ? check_parts(out) : fault;
}

enum vain_share_fault vain_share_message_read(const uint8_t *data, size_t bytes,
                                              const struct vain_share_expected *expected,
                                              struct vain_share_message *out)
{
    uint8_t attempt[VAIN_HASH_BYTES];
    const enum vain_share_fault fault = read_parts(data, bytes, out);
    if (fault != VAIN_SHARE_FINE)
        return fault;
    if (out->members != expected->members || out->threshold != expected->threshold ||
        out->dealer != expected->dealer)
        return VAIN_SHARE_NUMBERS;
    vain_share_attempt(expected->context, attempt);
    if (memcmp(attempt, out->attempt, sizeof attempt) != 0)
        return VAIN_SHARE_ATTEMPT;
    return check_parts(out);
}

void vain_share_message_hash(const uint8_t *data, size_t bytes,
                             uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    vain_hash("vain/secagg/deal", data, bytes, out);
}

/* ---- boxes ----------------------------------------------------------------------------------- */

static void box_key(const struct vain_share_box *box, uint8_t out[VAIN_BOX_KEY_BYTES])
{
    vain_hash_keyed(box->pair_key, "vain/secagg/box", NULL, 0, out);
}

/* ctx || LE32 dealer || LE32 holder: the set's hash in ctx says which members those are. */
static void box_context(const struct vain_share_box *box, uint8_t out[CONTEXT_BYTES])
{
    struct vain_writer writer;
    VAIN_ASSERT(box->dealer != box->holder);
    vain_context_encode(box->context, out);
    vain_writer_init(&writer, out + VAIN_CONTEXT_BYTES, CONTEXT_BYTES - VAIN_CONTEXT_BYTES);
    vain_write_u32(&writer, (uint32_t)box->dealer);
    vain_write_u32(&writer, (uint32_t)box->holder);
    VAIN_ASSERT(!writer.failed);
}

void vain_share_seal(const struct vain_share_box *box, const struct vain_scalar *share,
                     struct vain_sealed_share *out)
{
    uint8_t key[VAIN_BOX_KEY_BYTES], context[CONTEXT_BYTES];
    box_key(box, key);
    box_context(box, context);
    vain_box_seal(key, (struct vain_box_context){context, sizeof context}, share->bytes,
                  sizeof share->bytes, out->bytes);
    vain_wipe(key, sizeof key);
}

enum vain_share_fault vain_share_open(const struct vain_share_box *box,
                                      const struct vain_sealed_share *sealed,
                                      struct vain_scalar *share)
{
    uint8_t key[VAIN_BOX_KEY_BYTES], context[CONTEXT_BYTES];
    box_key(box, key);
    box_context(box, context);
    const bool opened = vain_box_open(key, (struct vain_box_context){context, sizeof context},
                                      sealed->bytes, share->bytes, sizeof share->bytes);
    vain_wipe(key, sizeof key);
    if (!opened)
        return VAIN_SHARE_BOX;
    if (vain_scalar_valid(share))
        return VAIN_SHARE_FINE;
    vain_wipe(share, sizeof *share);
    return VAIN_SHARE_VALUE;
}
