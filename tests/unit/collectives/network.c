#include "tests/unit/collectives/network.h"

#include <string.h>

/* What lies in vain_request.opaque. */
struct network_request {
    enum { NETWORK_SEND, NETWORK_RECEIVE, NETWORK_REDUCE } kind;
    int message; /* SEND: which one */
    int peer;
    uint32_t tag;
    int number; /* RECEIVE: of its way */
    void *buffer;
    size_t bytes;
    int turn; /* REDUCE */
};

void network_init(struct network *network, int size, uint64_t seed)
{
    memset(network, 0, sizeof *network);
    network->size = size;
    network->random = seed * 0x9e3779b97f4a7c15u + 1;
}

uint32_t network_draw(struct network *network, uint32_t bound)
{
    /* xorshift64* (Vigna 2016). */
    network->random ^= network->random >> 12;
    network->random ^= network->random << 25;
    network->random ^= network->random >> 27;
    return (uint32_t)((network->random * 0x2545f4914f6cdd1du >> 33) % bound);
}

static bool same_way(const struct network_message *a, const struct network_message *b)
{
    return a->from == b->from && a->to == b->to && a->tag == b->tag;
}

/* Nothing undelivered lies before it on its way. */
static bool may_come(const struct network *network, int index)
{
    const struct network_message *message = &network->messages[index];
    if (message->delivered)
        return false;
    for (int before = network->first_untaken; before < index; before++) {
        if (same_way(&network->messages[before], message) && !network->messages[before].delivered)
            return false;
    }
    return true;
}

bool network_deliver(struct network *network)
{
    int candidates[NETWORK_MESSAGES_MAX], count = 0;
    for (int i = network->first_untaken; i < network->message_count; i++) {
        if (may_come(network, i))
            candidates[count++] = i;
    }
    if (count == 0)
        return false;
    network->messages[candidates[network_draw(network, (uint32_t)count)]].delivered = true;
    return true;
}

static struct network_request *own(struct vain_request *request)
{
    return (struct network_request *)(void *)request->opaque;
}

static enum vain_status network_post_send(struct vain_comm *comm, int peer, uint32_t tag,
                                          const void *buffer, size_t bytes,
                                          struct vain_request *request)
{
    struct network *network = comm->state;
    VAIN_ASSERT(bytes <= NETWORK_MESSAGE_BYTES_MAX);
    VAIN_ASSERT(network->message_count < NETWORK_MESSAGES_MAX);
    struct network_message *message = &network->messages[network->message_count];
    *message = (struct network_message){.from = comm->rank,
                                        .to = peer,
                                        .tag = tag,
                                        .number = network->sends[comm->rank][peer][tag]++,
                                        .bytes = bytes};
    memcpy(message->data, buffer, bytes);
    *own(request) =
        (struct network_request){.kind = NETWORK_SEND, .message = network->message_count++};
    request->comm = comm;
    return VAIN_OK;
}

static enum vain_status network_post_receive(struct vain_comm *comm, int peer, uint32_t tag,
                                             void *buffer, size_t bytes,
                                             struct vain_request *request)
{
    struct network *network = comm->state;
    *own(request) = (struct network_request){.kind = NETWORK_RECEIVE,
                                             .peer = peer,
                                             .tag = tag,
                                             .number = network->receives[peer][comm->rank][tag]++,
                                             .buffer = buffer,
                                             .bytes = bytes};
    request->comm = comm;
    return VAIN_OK;
}

static enum vain_status network_post_all_reduce(struct vain_comm *comm, uint32_t *words,
                                                int64_t count, struct vain_request *request)
{
    struct network *network = comm->state;
    network->words[comm->rank] = words;
    network->word_count = count;
    *own(request) =
        (struct network_request){.kind = NETWORK_REDUCE, .turn = ++network->turn[comm->rank]};
    request->comm = comm;
    for (int rank = 0; rank < network->size; rank++) {
        if (network->turn[rank] <= network->turns_summed)
            return VAIN_OK;
    }
    for (int64_t i = 0; i < count; i++) {
        uint32_t sum = 0;
        for (int rank = 0; rank < network->size; rank++)
            sum += network->words[rank][i];
        for (int rank = 0; rank < network->size; rank++)
            network->words[rank][i] = sum;
    }
    network->turns_summed++;
    return VAIN_OK;
}

static bool take_message(struct network *network, int to, const struct network_request *receive)
{
    for (int i = network->first_untaken; i < network->message_count; i++) {
        struct network_message *message = &network->messages[i];
        if (message->taken || message->from != receive->peer || message->to != to ||
            message->tag != receive->tag || message->number != receive->number)
            continue;
        if (!message->delivered)
            return false;
        VAIN_ASSERT(message->bytes == receive->bytes);
        memcpy(receive->buffer, message->data, message->bytes);
        message->taken = true;
        while (network->first_untaken < network->message_count &&
               network->messages[network->first_untaken].taken)
            network->first_untaken++;
        return true;
    }
    return false;
}

static enum vain_status network_test(struct vain_request *request)
{
    struct network *network = request->comm->state;
    const struct network_request *mine = own(request);
    bool done = false;
    switch (mine->kind) {
    case NETWORK_SEND:
        done = network->messages[mine->message].delivered;
        break;
    case NETWORK_RECEIVE:
        done = take_message(network, request->comm->rank, mine);
        break;
    case NETWORK_REDUCE:
        done = network->turns_summed >= mine->turn;
        break;
    }
    if (!done)
        return VAIN_AGAIN;
    request->comm = NULL;
    return VAIN_OK;
}

static void network_close(struct vain_comm *comm)
{
    vain_comm_empty(comm);
}

void network_comm(struct network *network, int rank, struct vain_comm *out)
{
    static const struct vain_transport_ops ops = {
        .name = "network",
        .post_send = network_post_send,
        .post_receive = network_post_receive,
        .test = network_test,
        .post_all_reduce = network_post_all_reduce,
        .close = network_close,
    };
    *out = (struct vain_comm){.ops = &ops, .rank = rank, .size = network->size, .state = network};
}
