/* The exchange of a round as a state machine: no sockets, no clock, no threads.
 *
 *     agree: members compare the round's context; nothing of a delta travels, so that the round
 *     can still be left;
 *
 *     reduce: the words, which are masked already if they are to be, are summed;
 *
 *     verify: check word and counters of the sum are looked at. Under own masks the caller takes
 *     these off before (jobs/own_masks.h); the masked sum's check word it has verified already;
 *
 *     gather: what members hold apart is given to all, a block of bytes a member.
 *
 *     IDLE -agree-> CONTEXT -> AGREED -reduce-> REDUCE -> REDUCED -verify-> VERIFIED
 *     -gather-> GATHER -> VERIFIED
 *
 * If a check word did not hold, members want the round's next attempt with evidence: it is one for
 * all as soon as one says so in agree, and then words are summed by a ring whatever the way of
 * summing is otherwise, with signed statements of all that is passed on (collectives/evidence.h).
 *
 * Between agree and reduce a member makes durable what it is about to send (jobs/store/promise.h).
 * step(state, event, out) consumes one event and writes the actions that follow; `loop`, `mpi` and
 * the simulator drive the same code, by the driver over a transport at the end of this file. A
 * failed exchange is over: the words are not usable, the caller starts another attempt or ends. */
#pragma once

#include "collectives/context.h"
#include "collectives/evidence.h"
#include "collectives/transport.h"

/* How words are summed: a common choice, since all must do the same. */
enum vain_algorithm {
    VAIN_ALGORITHM_AUTO, /* for those who choose (collectives/choose.h); an exchange has one of: */
    VAIN_ALGORITHM_NATIVE, /* the transport's own all-reduce */
    VAIN_ALGORITHM_RING,   /* reduce-scatter, then all-gather, in chunks (collectives/ring.c) */
    VAIN_ALGORITHM_TREE,   /* up a binomial tree and down again (collectives/tree.c) */
    VAIN_ALGORITHMS
};
/* Static, such as "ring". */
const char *vain_algorithm_name(enum vain_algorithm algorithm);

enum vain_exchange_phase {
    VAIN_EXCHANGE_IDLE,     /* a round is set */
    VAIN_EXCHANGE_CONTEXT,  /* contexts travel */
    VAIN_EXCHANGE_AGREED,   /* they are equal; the set of the round is fixed */
    VAIN_EXCHANGE_REDUCE,   /* words travel */
    VAIN_EXCHANGE_REDUCED,  /* words hold the sum, not verified */
    VAIN_EXCHANGE_VERIFIED, /* words hold the verified sum */
    VAIN_EXCHANGE_GATHER,   /* blocks travel */
    VAIN_EXCHANGE_LEFT,     /* left in CONTEXT: messages may still be under way, so it stays so */
    VAIN_EXCHANGE_FAILED
};

enum vain_exchange_event_kind {
    VAIN_EXCHANGE_BEGIN_AGREE, /* the caller's four calls */
    VAIN_EXCHANGE_BEGIN_REDUCE,
    VAIN_EXCHANGE_BEGIN_VERIFY,
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
    int id;   /* given back in DONE_ACTION; below vain_exchange_action_ids; not used twice at the
                 same time */
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
    enum vain_algorithm algorithm;   /* not AUTO */
    int64_t chunk_words;             /* of a ring's message at most; 0: VAIN_RING_CHUNK_WORDS */
    int window; /* messages of a ring under way in each direction; 0: VAIN_RING_WINDOW */
    const int
        *ring_order; /* (member_count) rank at each place of a ring, borrowed; NULL: by rank */
    /* Attempts may be with evidence; the same at all members, of which there are at most
     * VAIN_EVIDENCE_MEMBERS_MAX. */
    bool gives_evidence;
};
/* 512 KiB: large enough that a message's own cost is nothing (2 us against 100), small enough that
 * tag and sum of a chunk find it in the second-level cache. Measured from 64 KiB to 1 MiB on
 * vectors of 64 MiB: from here on it changes little. */
enum { VAIN_RING_CHUNK_WORDS = 128 << 10 };
/* Messages under way: a few keep the caches warm where links are short; on long ones what is under
 * way must fill the link for a round trip: 16 x 512 KiB are 8 MiB, 500 Mbit/s for 130 ms. */
enum { VAIN_RING_WINDOW = 4, VAIN_RING_WINDOW_MAX = 16 };
/* Gives the exchange; takes all memory that it will need. Local. */
enum vain_status vain_exchange_open(const struct vain_exchange_config *config,
                                    struct vain_exchange **out) VAIN_MUST_USE;
/* Accepts NULL. Before the members' communicator is closed. */
void vain_exchange_close(struct vain_exchange **exchange);

/* Prepare the calls (local); then feed BEGIN_* events. Borrowed until the calls have ended.
 * set_round starts anew from any phase but LEFT and those in which something travels; context is
 * completed with the exchange's algorithm and the hash of its ring's order. set_words comes before
 * the reduce, in AGREED: words (codec->word_count) is in and out; `masked` says whether they are
 * under masks, which must be what the context says (asserted). */
void vain_exchange_set_round(struct vain_exchange *exchange, const struct vain_context *context,
                             struct vain_random check);
void vain_exchange_set_words(struct vain_exchange *exchange, uint32_t *words, bool masked);
/* AGREED or later: whether this attempt is one with evidence. Then set_evidence is called after
 * set_words: evidence (of the same members, in the ring's order) is begun, borrowed until the
 * round has ended, and holds this member's signed statement of its own words afterwards, for the
 * caller to give to all. Takes memory for a ring, once. Local. */
bool vain_exchange_has_evidence(const struct vain_exchange *exchange);
enum vain_status vain_exchange_set_evidence(struct vain_exchange *exchange,
                                            struct vain_evidence *evidence) VAIN_MUST_USE;
/* After a call that failed: the rank from which a message came that its tag or its signed statement
 * does not fit; -1: none. On links that nobody else can write to it is that member's doing. */
int vain_exchange_wrong_from(const struct vain_exchange *exchange);
/* What member `rank` said in the last agree: inputs it has dropped for this round. */
uint32_t vain_exchange_dropped(const struct vain_exchange *exchange, int rank);
/* Number of action ids, for drivers. */
int vain_exchange_action_ids(const struct vain_exchange *exchange);
/* Memory of an exchange of `members` besides the words, for the plan; window as in the config. */
int64_t vain_exchange_memory_bytes(int members, int64_t word_count, enum vain_algorithm algorithm,
                                   int window);
/* mine (bytes <= gather_bytes_max, the same at all members), all (member_count, bytes). */
void vain_exchange_set_gather(struct vain_exchange *exchange, const void *mine, size_t bytes,
                              void *all);
void vain_exchange_step(struct vain_exchange *exchange, const struct vain_exchange_event *event,
                        struct vain_exchange_out *out);
enum vain_exchange_phase vain_exchange_phase(const struct vain_exchange *exchange);

/* The driver: the four calls over a transport. `leave` is asked while waiting in the first phase
 * (NULL: never): true makes the call end with VAIN_STOPPED if a context is still missing.
 * Collective over the members. Any other end than VAIN_OK and VAIN_STOPPED while something travels
 * aborts the communicator. */
struct vain_exchange_driver {
    struct vain_comm *comm;   /* the members; borrowed until the call has ended */
    struct vain_world *world; /* borrowed likewise */
    int64_t deadline_ms;      /* of one call; 0: none */
    bool (*leave)(void *context);
    void *leave_context;
};
/* Begin a call, without waiting; *driver is copied. VAIN_AGAIN: it is under way, go on with poll at
 * once; anything else: how it has ended. */
enum vain_status vain_exchange_start(struct vain_exchange *exchange,
                                     enum vain_exchange_event_kind call,
                                     const struct vain_exchange_driver *driver) VAIN_MUST_USE;
/* Move what can be moved of the call under way, without waiting. VAIN_AGAIN: nothing is left to do
 * before the transport has something new (a stream is ready) or the deadline is there; anything
 * else: how it has ended, told once. */
enum vain_status vain_exchange_poll(struct vain_exchange *exchange) VAIN_MUST_USE;
/* When poll ends the call that is under way as too late, by the driver's world; UINT64_MAX: never,
 * or none is. */
uint64_t vain_exchange_deadline_ns(const struct vain_exchange *exchange);
/* The same call from start to end, blocking. */
enum vain_status vain_exchange_drive(struct vain_exchange *exchange,
                                     enum vain_exchange_event_kind call,
                                     const struct vain_exchange_driver *driver) VAIN_MUST_USE;
