/* The exchange of a round as a state machine: no sockets, no clock, no threads.
 *
 *     reduce: members compare the round's context, then the words are summed;
 *
 *     open: the check word is verified (own masks come off here, once there are masks);
 *
 *     gather: what members hold apart is given to all, a block of bytes a member: signatures now,
 *     a ring's parts later.
 *
 *     IDLE -reduce-> CONTEXT -> REDUCE -> REDUCED -open-> OPENED -gather-> GATHER -> OPENED
 *
 * step(state, event, out) consumes one event and writes the actions that follow; `loop`, `mpi` and
 * the simulator drive the same code. vain_exchange_drive() is the driver over a transport. A failed
 * exchange is over: the words are not usable, the caller starts another attempt or ends. */
#pragma once

#include "base/crypto.h"
#include "collectives/codec.h"
#include "collectives/transport.h"

/* What all members must agree on before a word travels. */
struct vain_context {
    uint8_t group_id[VAIN_HASH_BYTES];
    uint64_t epoch, round;
    uint32_t attempt;
    uint8_t set_hash[VAIN_HASH_BYTES];        /* over the sorted member ids */
    uint8_t parameters_hash[VAIN_HASH_BYTES]; /* Merkle root of the common parameters */
    uint8_t spec_hash[VAIN_HASH_BYTES];       /* agreed keys */
};
/* BLAKE2b-256 of the fields in the order of protocols section 1 (ctx), then the spec's hash. */
void vain_context_hash(const struct vain_context *context,
                       uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);

enum vain_exchange_phase {
    VAIN_EXCHANGE_IDLE,    /* a round is set */
    VAIN_EXCHANGE_CONTEXT, /* contexts travel */
    VAIN_EXCHANGE_REDUCE,  /* words travel */
    VAIN_EXCHANGE_REDUCED, /* words hold the sum, not verified */
    VAIN_EXCHANGE_OPENED,  /* words hold the verified sum */
    VAIN_EXCHANGE_GATHER,  /* blocks travel */
    VAIN_EXCHANGE_LEFT,    /* left in CONTEXT: messages may still be under way, so it stays so */
    VAIN_EXCHANGE_FAILED
};

enum vain_exchange_event_kind {
    VAIN_EXCHANGE_BEGIN_REDUCE, /* the caller's three calls */
    VAIN_EXCHANGE_BEGIN_OPEN,
    VAIN_EXCHANGE_BEGIN_GATHER,
    VAIN_EXCHANGE_DONE_ACTION, /* the action `action_id` finished */
    VAIN_EXCHANGE_LOST,        /* an action failed or the deadline passed: the exchange is over */
    VAIN_EXCHANGE_LEAVE /* somebody is outside: honoured in CONTEXT while a context is missing */
};
struct vain_exchange_event {
    enum vain_exchange_event_kind kind;
    int action_id; /* DONE_ACTION only */
};

enum vain_exchange_action_kind {
    VAIN_EXCHANGE_SEND,
    VAIN_EXCHANGE_RECEIVE,
    VAIN_EXCHANGE_ALL_REDUCE
};
struct vain_exchange_action {
    enum vain_exchange_action_kind kind;
    int id;   /* given back in DONE_ACTION; below 2 * members; not used twice at the same time */
    int peer; /* rank in the members' communicator */
    uint32_t tag;
    void *buffer; /* SEND reads it, RECEIVE writes it, ALL_REDUCE works in place */
    size_t bytes;
    int64_t count; /* words of ALL_REDUCE */
};
struct vain_exchange_out {
    int action_count;
    const struct vain_exchange_action *actions; /* borrowed until the next step */
    /* VAIN_AGAIN: go on; VAIN_OK: the call is complete; VAIN_STOPPED: left; < 0: failed. */
    enum vain_status status;
};

struct vain_exchange;
struct vain_exchange_config {
    int member_index, member_count;  /* = rank and size in the members' communicator */
    const char *const *member_names; /* (member_count) by that rank, borrowed, for messages */
    struct vain_codec *codec;        /* borrowed */
    struct vain_queue *queue;        /* borrowed */
    size_t gather_bytes_max;         /* largest block of a gather */
};
/* Gives the exchange. Local. */
enum vain_status vain_exchange_open(const struct vain_exchange_config *config,
                                    struct vain_exchange **out) VAIN_MUST_USE;
/* Accepts NULL. Before the members' communicator is closed. */
void vain_exchange_close(struct vain_exchange **exchange);

/* Prepare the calls (local); then feed BEGIN_* events. Borrowed until the call has ended.
 * set_round starts anew from any phase but LEFT and those in which something travels.
 * words (codec->word_count) is in and out. */
void vain_exchange_set_round(struct vain_exchange *exchange, const struct vain_context *context,
                             struct vain_random check, uint32_t *words);
/* mine (bytes <= gather_bytes_max, the same at all members), all (member_count, bytes). */
void vain_exchange_set_gather(struct vain_exchange *exchange, const void *mine, size_t bytes,
                              void *all);
void vain_exchange_step(struct vain_exchange *exchange, const struct vain_exchange_event *event,
                        struct vain_exchange_out *out);
enum vain_exchange_phase vain_exchange_phase(const struct vain_exchange *exchange);

/* The driver: one of the three calls over a transport, blocking with a deadline. `leave` is asked
 * while waiting in the first phase (NULL: never): true makes the call end with VAIN_STOPPED if a
 * context is still missing. Collective over the members. Any other end than VAIN_OK and
 * VAIN_STOPPED while something travels aborts the communicator. */
struct vain_exchange_driver {
    struct vain_comm *comm; /* the members */
    struct vain_world *world;
    int64_t deadline_ms; /* of one call; 0: none */
    bool (*leave)(void *context);
    void *leave_context;
};
enum vain_status vain_exchange_drive(struct vain_exchange *exchange,
                                     enum vain_exchange_event_kind call,
                                     const struct vain_exchange_driver *driver) VAIN_MUST_USE;
