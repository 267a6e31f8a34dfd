/* Tagged messages of ring and tree.
 *
 * A parcel is two messages: the words, straight from and to where they lie, and 8 bytes beside
 * them. The tag is the content's (kernels/mix.h) plus a number for the place: round and context
 * through the round's key, the link, and the message's number on it. So a word that changed, a
 * message that came twice, late or on another link, and one of another round are all seen where
 * they arrive, and who sent it is known. The content's part is additive: what is passed on
 * unchanged needs no second pass over its words. */
#include <string.h>

#include "base/cursor.h"
#include "collectives/exchange_state.h"
#include "kernels/device.h"

/* A bijection of 64-bit words: splitmix64's finaliser (Steele, Lea, Flood 2014). */
static uint64_t mix64(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t place_tag(const struct vain_exchange *exchange, struct vain_message_place place)
{
    const uint64_t link =
        (uint64_t)place.from << 32 | (uint64_t)place.to << 8 | (uint64_t)place.tag;
    return mix64(mix64(exchange->tag_key ^ link) + place.number);
}

static enum vain_status content_tag(const struct vain_exchange *exchange,
                                    const struct vain_parcel *parcel, uint64_t *content)
{
    struct vain_queue *queue = exchange->config.queue;
    *content = 0;
    queue->device->ops->codec.tag_words(queue, parcel->count, parcel->words, exchange->tag_key,
                                        content);
    return vain_queue_wait(queue);
}

static void travel(struct vain_exchange *exchange, struct vain_exchange_out *out,
                   enum vain_exchange_action_kind kind, int id, int peer, enum vain_tag tag,
                   struct vain_parcel *parcel)
{
    parcel->open = 1;
    if (parcel->count > 0) {
        parcel->open = 2;
        vain_exchange_act(
            exchange, out,
            (struct vain_exchange_action){.kind = kind,
                                          .id = id,
                                          .peer = peer,
                                          .tag = tag,
                                          .buffer = parcel->words,
                                          .bytes = (size_t)parcel->count * sizeof *parcel->words});
    }
    vain_exchange_act(exchange, out,
                      (struct vain_exchange_action){.kind = kind,
                                                    .id = id + 1,
                                                    .peer = peer,
                                                    .tag = (uint32_t)tag + 1,
                                                    .buffer = parcel->tag,
                                                    .bytes = sizeof parcel->tag});
}

void vain_parcel_send(struct vain_exchange *exchange, struct vain_exchange_out *out, int id,
                      struct vain_message_place place, const uint64_t *content,
                      struct vain_parcel *parcel)
{
    uint64_t own = content != NULL ? *content : 0;
    if (content == NULL) {
        const enum vain_status status = content_tag(exchange, parcel, &own);
        if (status != VAIN_OK) {
            vain_exchange_fail(exchange, out, status);
            return;
        }
    }
    struct vain_writer writer;
    vain_writer_init(&writer, parcel->tag, sizeof parcel->tag);
    vain_write_u64(&writer, own + place_tag(exchange, place));
    travel(exchange, out, VAIN_EXCHANGE_SEND, id, place.to, place.tag, parcel);
}

void vain_parcel_receive(struct vain_exchange *exchange, struct vain_exchange_out *out, int id,
                         struct vain_message_place place, struct vain_parcel *parcel)
{
    travel(exchange, out, VAIN_EXCHANGE_RECEIVE, id, place.from, place.tag, parcel);
}

enum vain_status vain_parcel_check(struct vain_exchange *exchange, struct vain_message_place place,
                                   const struct vain_parcel *parcel, uint64_t *content)
{
    struct vain_reader reader;
    vain_reader_init(&reader, parcel->tag, sizeof parcel->tag);
    VAIN_TRY(content_tag(exchange, parcel, content));
    if (*content + place_tag(exchange, place) == vain_read_u64(&reader))
        return VAIN_OK;
    exchange->wrong_from = place.from;
    return vain_fail(
        VAIN_ERR_PEER,
        "round %llu, attempt %u, %s: message %llu from member '%s' to '%s' is not what "
        "was sent: words changed on their way, or it is not the one that was due. The "
        "sum is not used; resume, and check memory and network of the two if it "
        "happens again",
        (unsigned long long)exchange->context.round, exchange->context.attempt,
        place.tag == VAIN_TAG_TREE     ? "tree, reduce"
        : place.tag == VAIN_TAG_SPREAD ? "tree, broadcast"
        : place.tag == VAIN_TAG_RING   ? "ring, reduce-scatter"
                                       : "ring, all-gather",
        (unsigned long long)place.number, exchange->config.member_names[place.from],
        exchange->config.member_names[place.to]);
}
