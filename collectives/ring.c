/* Ring all-reduce: reduce-scatter, then all-gather (Patarasuk, Yuan 2009), in chunks.
 *
 * The vector is cut into stripes, a stripe into one segment a member. In step s = 0 .. 2n - 3 the
 * member at place i of the order (by rank, or as collectives/ring_order.h has found it) sends
 * segment i - s (mod n) of every stripe to the one at place i + 1 and receives segment i - s - 1
 * from the one at place i - 1. In the first n - 1 steps it adds its own words to what comes
 * (reduce-scatter), after them it owns the sum of segment i + 1; in the others it keeps what comes
 * (all-gather). So what is received in one step is what is sent in the next.
 *
 * Messages of a link are numbered q = s * stripes + stripe and travel in that order, and the whole
 * algorithm is three rules:
 *
 *     message q may be sent when q < stripes (the first step), or once q - stripes is handled;
 *
 *     message q may be received when a window's place is free, and, in the all-gather, once the
 *     words where it goes to have left for good (message q - (n - 1) * stripes);
 *
 *     messages are handled in order.
 *
 * With evidence each step ends with a statement of the words that it passed on (hops.c).
 *
 * So sums and messages of different chunks overlap. A member sends 2 (n - 1) / n of the vector, the
 * least there is. */
#include "collectives/exchange_state.h"
#include "kernels/device.h"

#include <string.h>

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- geometry -------------------------------------------------------------------------------- */

static int64_t stripe_count(int members, int64_t word_count, int64_t chunk_words)
{
    const int64_t stripe_words = chunk_words * members;
    return (word_count + stripe_words - 1) / stripe_words;
}

/* Words of segment `segment` of stripe `stripe`: stripes of nearly equal length, cut into nearly
 * equal segments; some may be empty. */
static void place_of(const struct vain_exchange *exchange, int segment, int64_t stripe,
                     int64_t *first, int64_t *count)
{
    const int64_t words = exchange->config.codec->word_count, stripes = exchange->ring.stripes;
    const int64_t members = exchange->config.member_count;
    const int64_t length = words / stripes, longer = words % stripes;
    const int64_t start = stripe * length + smaller(stripe, longer);
    const int64_t own_length = length + (stripe < longer);
    const int64_t part = own_length / members, greater = own_length % members;
    *first = start + segment * part + smaller(segment, greater);
    *count = part + (segment < greater);
}

static int wrap(const struct vain_exchange *exchange, int64_t place)
{
    const int64_t members = exchange->config.member_count;
    return (int)(((place % members) + members) % members);
}

/* Where this member stands, and between whom. */
static void find_neighbours(struct vain_exchange *exchange)
{
    const int *order = exchange->config.ring_order, own = exchange->config.member_index;
    struct vain_ring *ring = &exchange->ring;
    ring->place = own;
    while (order != NULL && order[ring->place] != own)
        ring->place = wrap(exchange, ring->place + 1);
    ring->before = wrap(exchange, ring->place - 1);
    ring->after = wrap(exchange, ring->place + 1);
    if (order != NULL) {
        ring->before = order[ring->before];
        ring->after = order[ring->after];
    }
}

/* The words that message `number` carries on the link that this member sends on (outward) or
 * receives on. */
static void words_of(const struct vain_exchange *exchange, int64_t number, bool outward,
                     int64_t *first, int64_t *count)
{
    const int64_t step = number / exchange->ring.stripes, stripe = number % exchange->ring.stripes;
    const int64_t place = exchange->ring.place;
    place_of(exchange, wrap(exchange, place - step - (outward ? 0 : 1)), stripe, first, count);
}

/* Messages before this number carry partial sums, those from it on sums. */
static int64_t gather_starts(const struct vain_exchange *exchange)
{
    return (exchange->config.member_count - 1) * exchange->ring.stripes;
}

static struct vain_message_place link_place(const struct vain_exchange *exchange, int64_t number,
                                            bool outward)
{
    const int own = exchange->config.member_index;
    return (struct vain_message_place){
        .tag = number < gather_starts(exchange) ? VAIN_TAG_RING : VAIN_TAG_RING_GATHER,
        .number = (uint64_t)number,
        .from = outward ? own : exchange->ring.before,
        .to = outward ? exchange->ring.after : own,
    };
}

/* Ids of message `number`: two for its parcel. */
static int id_of(const struct vain_ring *ring, int64_t number, bool outward)
{
    return 4 * (int)(number % ring->window) + (outward ? 2 : 0);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void send(struct vain_exchange *exchange, struct vain_exchange_out *out,
                 const uint64_t *content)
{
    struct vain_ring *ring = &exchange->ring;
    const int64_t number = ring->sent++;
    struct vain_parcel *parcel = &ring->out[number % ring->window];
    int64_t first = 0;
    words_of(exchange, number, true, &first, &parcel->count);
    parcel->words = exchange->words + first;
    const enum vain_status status =
        vain_hops_leave(exchange, number, first, parcel->count, parcel->words);
    if (status != VAIN_OK) {
        vain_exchange_fail(exchange, out, status);
        return;
    }
    vain_parcel_send(exchange, out, id_of(ring, number, true), link_place(exchange, number, true),
                     content, parcel);
}

static bool may_send(const struct vain_ring *ring)
{
    return ring->sent < ring->total && ring->sent - ring->left < ring->window &&
           (ring->sent < ring->stripes || ring->sent - ring->stripes < ring->handled);
}

static bool may_receive(const struct vain_exchange *exchange)
{
    const struct vain_ring *ring = &exchange->ring;
    const int64_t gather = gather_starts(exchange);
    return ring->asked < ring->total && ring->asked - ring->handled < ring->window &&
           (ring->asked < gather || ring->asked - gather < ring->left);
}

/* Where they come. */
static uint32_t *partial_sums(const struct vain_exchange *exchange)
{
    return exchange->evidence_buffer != NULL && exchange->has_evidence ? exchange->evidence_buffer
                                                                       : exchange->buffer;
}

static void receive(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    struct vain_ring *ring = &exchange->ring;
    const int64_t number = ring->asked++;
    struct vain_parcel *parcel = &ring->in[number % ring->window];
    int64_t first = 0;
    words_of(exchange, number, false, &first, &parcel->count);
    parcel->words =
        number < gather_starts(exchange)
            ? partial_sums(exchange) + number % ring->window * exchange->config.chunk_words
            : exchange->words + first;
    vain_parcel_receive(exchange, out, id_of(ring, number, false),
                        link_place(exchange, number, false), parcel);
}

/* The next message is whole: check it and, on the way to the sum, add it. */
static enum vain_status handle(struct vain_exchange *exchange, uint64_t *content)
{
    struct vain_ring *ring = &exchange->ring;
    struct vain_queue *queue = exchange->config.queue;
    const int64_t number = ring->handled;
    const struct vain_parcel *parcel = &ring->in[number % ring->window];
    VAIN_TRY(vain_parcel_check(exchange, link_place(exchange, number, false), parcel, content));
    ring->handled++;
    int64_t first = 0, count = 0;
    words_of(exchange, number, false, &first, &count);
    vain_hops_come(exchange, number, first, count, parcel->words);
    if (number >= gather_starts(exchange))
        return VAIN_OK;
    queue->device->ops->codec.add_words(queue, count, parcel->words, exchange->words + first);
    return vain_queue_wait(queue);
}

static bool next_is_whole(const struct vain_ring *ring)
{
    return ring->handled < ring->asked && ring->in[ring->handled % ring->window].open == 0;
}

/* Do whatever a rule allows, until none does. */
static void advance(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    struct vain_ring *ring = &exchange->ring;
    for (bool moved = true; moved && out->status == VAIN_AGAIN;) {
        moved = false;
        for (; may_receive(exchange); moved = true)
            receive(exchange, out);
        if (may_send(ring)) {
            send(exchange, out, NULL);
            moved = true;
        }
        if (out->status != VAIN_AGAIN || !next_is_whole(ring))
            continue;
        uint64_t content = 0;
        const int64_t number = ring->handled;
        const enum vain_status status = handle(exchange, &content);
        if (status != VAIN_OK)
            vain_exchange_fail(exchange, out, status);
        /* What is passed on as it came keeps its content's tag. */
        else if (number >= gather_starts(exchange) && may_send(ring) &&
                 ring->sent - ring->stripes == number)
            send(exchange, out, &content);
        moved = true;
    }
    vain_hops_advance(exchange, out);
}

/* ---- for evidence ---------------------------------------------------------------------------- */

void vain_ring_cut(struct vain_exchange *exchange)
{
    const int members = exchange->config.member_count;
    memset(&exchange->ring, 0, sizeof exchange->ring);
    memset(&exchange->hops, 0, sizeof exchange->hops);
    exchange->ring.window = exchange->config.window;
    find_neighbours(exchange);
    exchange->ring.stripes =
        stripe_count(members, exchange->config.codec->word_count, exchange->config.chunk_words);
    exchange->ring.total = 2 * gather_starts(exchange);
}

void vain_ring_state_own(struct vain_exchange *exchange)
{
    for (int shard = 0; shard < exchange->config.member_count; shard++) {
        for (int64_t stripe = 0; stripe < exchange->ring.stripes; stripe++) {
            int64_t first = 0, count = 0;
            place_of(exchange, shard, stripe, &first, &count);
            vain_evidence_leave(exchange->evidence, first, count, exchange->words + first);
        }
        vain_evidence_end_shard(exchange->evidence, shard);
    }
}

int vain_ring_action_ids(int window)
{
    return 4 * window;
}

/* ---- table ----------------------------------------------------------------------------------- */

static int ring_action_ids(int members, int window)
{
    (void)members;
    return vain_ring_action_ids(window);
}

static int64_t ring_buffer_words(int members, int64_t word_count, int64_t chunk_words, int window)
{
    (void)members;
    (void)word_count;
    return window * chunk_words;
}

static void ring_begin(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    vain_ring_cut(exchange);
    advance(exchange, out);
}

static void ring_done(struct vain_exchange *exchange, int id, struct vain_exchange_out *out)
{
    struct vain_ring *ring = &exchange->ring;
    if (vain_hops_owns(exchange, id)) {
        vain_hops_done(exchange, id);
        advance(exchange, out);
        return;
    }
    const int slot = id / 4;
    const bool outward = id % 4 >= 2;
    struct vain_parcel *parcel = outward ? &ring->out[slot] : &ring->in[slot];
    parcel->open--;
    while (ring->left < ring->sent && ring->out[ring->left % ring->window].open == 0)
        ring->left++;
    advance(exchange, out);
}

const struct vain_reduce_ops vain_reduce_ring = {
    .name = "ring",
    .action_ids = ring_action_ids,
    .buffer_words = ring_buffer_words,
    .begin = ring_begin,
    .done = ring_done,
};
