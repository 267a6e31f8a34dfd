/* Inside the exchange: what the state machine (exchange.c) and its driver (drive.c) share. */
#pragma once

#include "collectives/exchange.h"

/* What a member says before a reduce: the context, then what the codec will do with the words. */
enum {
    VAIN_CONTEXT_BYTES = 4 * VAIN_HASH_BYTES + 8 + 8 + 4,
    VAIN_CONTEXT_MESSAGE_BYTES = VAIN_CONTEXT_BYTES + 8 + 4 + 4
};

/* Memory that messages under way may still use when the exchange was left: one block, so that
 * vain_comm_keep can take it. The driver's requests lie at `requests`, by action id. */
struct vain_exchange_wire {
    void *kept_next;                               /* first: vain_comm_keep's */
    struct vain_request *requests;                 /* (2 * members) in the block */
    uint8_t (*theirs)[VAIN_CONTEXT_MESSAGE_BYTES]; /* (members) in the block */
    uint8_t mine[VAIN_CONTEXT_MESSAGE_BYTES];
};

struct vain_exchange {
    struct vain_exchange_config config;
    enum vain_exchange_phase phase;
    struct vain_context context;
    struct vain_random check;
    uint32_t *words;
    const void *block; /* own one of the gather */
    size_t block_bytes;
    void *blocks;
    struct vain_exchange_action *actions; /* (2 * members) owned */
    bool *pending;                        /* (2 * members) by action id, owned */
    int pending_count;
    int missing; /* receives among them */
    enum vain_status failure;
    struct vain_exchange_wire *wire; /* owned */
    struct vain_comm *left_on;       /* the driver's, once LEFT: the wire goes to it */
};

/* Action ids, two for each member: its own pair is free for the all-reduce. */
static inline int vain_exchange_receive_id(int peer)
{
    return 2 * peer;
}
static inline int vain_exchange_send_id(int peer)
{
    return 2 * peer + 1;
}
