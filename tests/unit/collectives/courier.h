/* Carries the messages of exchanges from hand to hand, without transport, threads or copies of its
 * own: words go from the sender's memory straight to the receiver's, in an order that a seed
 * chooses (messages of one pair with one tag stay in order), and a send may be done long after its
 * message came. A hook sees every message and may change what arrives. */
#pragma once

#include "collectives/exchange.h"

enum { COURIER_MEMBERS_MAX = 8, COURIER_IDS_MAX = 32 };

struct courier_message {
    int index; /* in the order of all */
    int from, to;
    uint32_t tag;
    int number; /* of its way: those of one pair with one tag */
    const void *sent;
    unsigned char *received;
    size_t bytes;
};

struct courier {
    int size;
    struct vain_exchange *exchanges[COURIER_MEMBERS_MAX];
    void (*hook)(void *context, const struct courier_message *message); /* NULL: none */
    void *context;
    /* What became of the last call. */
    enum vain_status status[COURIER_MEMBERS_MAX];
    char failure[COURIER_MEMBERS_MAX][600];
    int message_count;
    int overlaps; /* since init: a receive into memory that a send still borrows, or the reverse */
    /* Inside. */
    uint64_t random, posts;
    struct courier_pending {
        enum { COURIER_FREE, COURIER_POSTED, COURIER_CARRIED } state;
        struct vain_exchange_action action;
        uint64_t order;
    } pending[COURIER_MEMBERS_MAX][COURIER_IDS_MAX];
    int numbers[COURIER_MEMBERS_MAX][COURIER_MEMBERS_MAX][VAIN_TAG_END];
};

void courier_init(struct courier *courier, int size, uint64_t seed);
/* One call at all members, until nothing moves any more: all are done, or wait for one that has
 * failed. True if all ended with VAIN_OK. */
bool courier_run(struct courier *courier, enum vain_exchange_event_kind call);
/* Begin another stream of numbers, so that the next call goes as one of this seed. */
void courier_seed(struct courier *courier, uint64_t seed);
/* Whoever still waits is told that the call is lost: the next one may begin. */
void courier_lose(struct courier *courier);
/* A number below `bound`, the next of the seed's stream. */
uint32_t courier_draw(struct courier *courier, uint32_t bound);
