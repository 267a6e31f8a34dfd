/* A transport without threads: messages lie in a network until the test delivers them, in any order
 * it likes, except that those of one pair with one tag stay in order. Everything that happens is a
 * function of one seed. */
#pragma once

#include "collectives/transport.h"

enum { NETWORK_RANKS_MAX = 6, NETWORK_MESSAGES_MAX = 2048, NETWORK_MESSAGE_BYTES_MAX = 256 };

struct network_message {
    int from, to;
    uint32_t tag;
    int number; /* of its way: those of one pair with one tag */
    size_t bytes;
    bool delivered, taken;
    unsigned char data[NETWORK_MESSAGE_BYTES_MAX];
};
struct network {
    int size;
    uint64_t random;
    struct network_message messages[NETWORK_MESSAGES_MAX]; /* in the order they were sent */
    int message_count, first_untaken;
    /* Posted on each way, from, to, tag: the n-th receive gets the n-th message. */
    int sends[NETWORK_RANKS_MAX][NETWORK_RANKS_MAX][VAIN_TAG_END];
    int receives[NETWORK_RANKS_MAX][NETWORK_RANKS_MAX][VAIN_TAG_END];
    uint32_t *words[NETWORK_RANKS_MAX]; /* of the all-reduce that is being formed */
    int64_t word_count;
    int turn[NETWORK_RANKS_MAX]; /* all-reduces that a rank has posted */
    int turns_summed;
};
void network_init(struct network *network, int size, uint64_t seed);
/* A number below `bound`, the next of the seed's stream. */
uint32_t network_draw(struct network *network, uint32_t bound);
/* Deliver one message that may come next, chosen by the seed; false if there is none. */
bool network_deliver(struct network *network);
void network_comm(struct network *network, int rank, struct vain_comm *out);
