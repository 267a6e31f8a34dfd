/* Tree all-reduce for small vectors: up a binomial tree to member 0, and down again.
 *
 * Member r adds what its children r + 1, r + 2, r + 4, ... send, in that order, as long as the bit
 * is below r's lowest one and the member exists, and sends the result to r without its lowest bit.
 * The sum comes back the same way, to the farthest child first. 2 log2(n) messages follow each
 * other, whatever the vector's length; a ring needs 2 (n - 1). */
#include "collectives/exchange_state.h"
#include "kernels/device.h"

#include <string.h>

/* Ids: two of the message that comes, then two of each that leaves. */
enum { ID_IN = 0, ID_UP = 2, ID_DOWN = 4 };

/* The lowest bit of this member's rank; for member 0 the first power of two that nobody has. */
static int own_bit(const struct vain_exchange *exchange)
{
    const int own = exchange->config.member_index;
    int bit = 1;
    while (bit < exchange->config.member_count && (own & bit) == 0)
        bit *= 2;
    return bit;
}

static int bit_index(int bit)
{
    int index = 0;
    while (bit > 1) {
        bit /= 2;
        index++;
    }
    return index;
}

static struct vain_message_place place_of(bool down, int from, int to)
{
    return (struct vain_message_place){
        .tag = down ? VAIN_TAG_SPREAD : VAIN_TAG_TREE, .from = from, .to = to};
}

static struct vain_parcel whole(const struct vain_exchange *exchange, uint32_t *words)
{
    return (struct vain_parcel){.words = words, .count = exchange->config.codec->word_count};
}

/* To the children, farthest first, since more hangs on it. content: the tag of the sum, if known.
 */
static void spread(struct vain_exchange *exchange, struct vain_exchange_out *out,
                   const uint64_t *content)
{
    const int own = exchange->config.member_index;
    for (int bit = own_bit(exchange) / 2; bit > 0 && out->status == VAIN_AGAIN; bit /= 2) {
        if (own + bit >= exchange->config.member_count)
            continue;
        struct vain_parcel *parcel = &exchange->tree.downs[bit_index(bit)];
        *parcel = whole(exchange, exchange->words);
        vain_parcel_send(exchange, out, ID_DOWN + 2 * bit_index(bit),
                         place_of(true, own, own + bit), content, parcel);
    }
}

static void receive(struct vain_exchange *exchange, struct vain_exchange_out *out, bool down,
                    int from, uint32_t *words)
{
    exchange->tree.in = whole(exchange, words);
    vain_parcel_receive(exchange, out, ID_IN, place_of(down, from, exchange->config.member_index),
                        &exchange->tree.in);
}

/* The next child's words, or, after the last one, the own sum goes up and the whole one is awaited.
 */
static void climb(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    struct vain_tree_reduce *tree = &exchange->tree;
    const int own = exchange->config.member_index, bit = own_bit(exchange);
    if (tree->child_bit < bit && own + tree->child_bit < exchange->config.member_count) {
        receive(exchange, out, false, own + tree->child_bit, exchange->buffer);
        return;
    }
    if (own == 0) {
        spread(exchange, out, NULL);
        return;
    }
    tree->up = whole(exchange, exchange->words);
    vain_parcel_send(exchange, out, ID_UP, place_of(false, own, own - bit), NULL, &tree->up);
}

static void child_came(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    struct vain_tree_reduce *tree = &exchange->tree;
    struct vain_queue *queue = exchange->config.queue;
    const int own = exchange->config.member_index;
    uint64_t content = 0;
    enum vain_status status = vain_parcel_check(
        exchange, place_of(false, own + tree->child_bit, own), &tree->in, &content);
    if (status == VAIN_OK) {
        queue->device->ops->codec.add_words(queue, tree->in.count, tree->in.words, exchange->words);
        status = vain_queue_wait(queue);
    }
    if (status != VAIN_OK) {
        vain_exchange_fail(exchange, out, status);
        return;
    }
    tree->child_bit *= 2;
    climb(exchange, out);
}

static void sum_came(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    const int own = exchange->config.member_index;
    uint64_t content = 0;
    const enum vain_status status = vain_parcel_check(
        exchange, place_of(true, own - own_bit(exchange), own), &exchange->tree.in, &content);
    if (status != VAIN_OK)
        vain_exchange_fail(exchange, out, status);
    else
        spread(exchange, out, &content);
}

static int tree_action_ids(int members, int window)
{
    (void)window;
    int levels = 1;
    while (1 << levels < members)
        levels++;
    return ID_DOWN + 2 * levels;
}

static int64_t tree_buffer_words(int members, int64_t word_count, int64_t chunk_words, int window)
{
    (void)members;
    (void)chunk_words;
    (void)window;
    return word_count;
}

static void tree_begin(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    memset(&exchange->tree, 0, sizeof exchange->tree);
    exchange->tree.child_bit = 1;
    climb(exchange, out);
}

static void tree_done(struct vain_exchange *exchange, int id, struct vain_exchange_out *out)
{
    struct vain_tree_reduce *tree = &exchange->tree;
    struct vain_parcel *parcel = id < ID_UP     ? &tree->in
                                 : id < ID_DOWN ? &tree->up
                                                : &tree->downs[(id - ID_DOWN) / 2];
    const int own = exchange->config.member_index;
    if (--parcel->open > 0)
        return;
    if (parcel == &tree->up) /* the words have left: the sum may come where they lay */
        receive(exchange, out, true, own - own_bit(exchange), exchange->words);
    else if (parcel == &tree->in && own + tree->child_bit < exchange->config.member_count &&
             tree->child_bit < own_bit(exchange))
        child_came(exchange, out);
    else if (parcel == &tree->in)
        sum_came(exchange, out);
}

const struct vain_reduce_ops vain_reduce_tree = {
    .name = "tree",
    .action_ids = tree_action_ids,
    .buffer_words = tree_buffer_words,
    .begin = tree_begin,
    .done = tree_done,
};
