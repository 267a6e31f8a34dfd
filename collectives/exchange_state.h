/* Inside the exchange: what the state machine (exchange.c), its ways of summing (native.c, ring.c,
 * tree.c) and its driver (drive.c) share. */
#pragma once

#include "collectives/exchange.h"

/* Memory that messages under way may still use when the exchange was left: one block, so that
 * vain_comm_keep can take it. The driver's requests lie at `requests`, by action id. */
struct vain_exchange_wire {
    void *kept_next;                               /* first: vain_comm_keep's */
    struct vain_request *requests;                 /* (action_ids) in the block */
    uint8_t (*theirs)[VAIN_CONTEXT_MESSAGE_BYTES]; /* (members) in the block */
    uint8_t mine[VAIN_CONTEXT_MESSAGE_BYTES];
};

/* A way of summing. begin posts the first actions; done is told of each that ended and posts what
 * follows, or calls vain_exchange_fail. The reduce is over when no action is pending. */
struct vain_reduce_ops {
    const char *name;
    /* Action ids, and words of buffers, that it needs. */
    int (*action_ids)(int members, int window);
    int64_t (*buffer_words)(int members, int64_t word_count, int64_t chunk_words, int window);
    void (*begin)(struct vain_exchange *exchange, struct vain_exchange_out *out);
    void (*done)(struct vain_exchange *exchange, int id, struct vain_exchange_out *out);
};
extern const struct vain_reduce_ops vain_reduce_native, vain_reduce_ring, vain_reduce_tree;

/* One tagged message: its words, and beside them 8 bytes that name their content and place. */
struct vain_parcel {
    uint32_t *words; /* borrowed */
    int64_t count;
    uint8_t tag[8];
    int open; /* actions of it that are pending */
};

/* Where a ring stands: messages are numbered in the order in which they travel on each link, step
 * by step and within a step stripe by stripe (ring.c). */
struct vain_ring {
    int place, before,
        after;              /* of this member in the order; ranks that it receives from, sends to */
    int64_t stripes, total; /* messages of a step; of the whole reduce */
    int64_t sent, left;     /* posted; known to have left, all before it too */
    int64_t asked, handled; /* receives posted; received, checked and added */
    struct vain_parcel out[VAIN_RING_WINDOW_MAX],
        in[VAIN_RING_WINDOW_MAX]; /* by number mod window */
    int64_t window;
};

/* Where the statements of a ring with evidence stand, in steps (hops.c). */
struct vain_hops {
    int left, said;     /* all words have left and are signed; statements posted */
    int asked, came;    /* statements to come: receives posted, received */
    int heard, checked; /* all words have come; their statement holds */
};

/* Where a tree stands. */
struct vain_tree_reduce {
    int child_bit; /* next child is rank + child_bit */
    struct vain_parcel in, up, downs[32];
};

struct vain_exchange {
    struct vain_exchange_config config;
    const struct vain_reduce_ops *reduce;
    enum vain_exchange_phase phase;
    struct vain_context context;
    struct vain_random check;
    uint32_t *words;
    bool has_evidence;              /* the attempt, once contexts are equal */
    struct vain_evidence *evidence; /* borrowed; NULL: statements are not asked for */
    struct vain_hops hops;
    uint64_t tag_key;  /* of the round's messages, from the agreed context */
    const void *block; /* own one of the gather */
    size_t block_bytes;
    void *blocks;
    int action_ids;
    struct vain_exchange_action *actions; /* (action_ids) what the last step asked for, owned */
    struct vain_exchange_action *pending; /* (action_ids) by id, owned */
    bool *is_pending;                     /* (action_ids) owned */
    int pending_count;
    int missing; /* receives among them */
    enum vain_status failure;
    int wrong_from; /* rank that sent what its tag or statement does not fit; -1: none */
    union {
        struct vain_ring ring;
        struct vain_tree_reduce tree;
    };
    uint32_t *buffer;                   /* (buffer_words) of the way of summing, owned */
    uint32_t *evidence_buffer;          /* the same of the ring where that is another, owned */
    struct vain_exchange_wire *wire;    /* owned */
    struct vain_comm *left_on;          /* the driver's, once LEFT: the wire goes to it */
    struct vain_exchange_driver driver; /* of the call that is under way */
    uint64_t deadline_ns;               /* of it; UINT64_MAX: none */
    bool driven;                        /* one is */
};

/* Ask for an action; its id must be free. */
void vain_exchange_act(struct vain_exchange *exchange, struct vain_exchange_out *out,
                       struct vain_exchange_action action);
/* The call is over, failed. */
void vain_exchange_fail(struct vain_exchange *exchange, struct vain_exchange_out *out,
                        enum vain_status status);

/* ---- parcels (parcel.c) ---------------------------------------------------------------------- */

/* Where a message belongs: the way of summing, its number on the link, sender and receiver. */
struct vain_message_place {
    enum vain_tag tag; /* of the words; tags of tags are the next */
    uint64_t number;
    int from, to;
};
/* Send words with their tag. content: their content tag if it is known, else NULL. Uses the ids
 * `id`, `id + 1`. */
void vain_parcel_send(struct vain_exchange *exchange, struct vain_exchange_out *out, int id,
                      struct vain_message_place place, const uint64_t *content,
                      struct vain_parcel *parcel);
void vain_parcel_receive(struct vain_exchange *exchange, struct vain_exchange_out *out, int id,
                         struct vain_message_place place, struct vain_parcel *parcel);
/* The words are there: does their tag say so? Their content tag goes to *content. VAIN_ERR_PEER
 * names round, way, number and sender. */
enum vain_status vain_parcel_check(struct vain_exchange *exchange, struct vain_message_place place,
                                   const struct vain_parcel *parcel,
                                   uint64_t *content) VAIN_MUST_USE;

/* ---- the ring, for attempts with evidence (ring.c) ------------------------------------------- */

/* Cuts the vector: the ring's numbers are those of its beginning. */
void vain_ring_cut(struct vain_exchange *exchange);
/* The forms of the own words, shard by shard, into exchange->evidence. The ring is cut. */
void vain_ring_state_own(struct vain_exchange *exchange);
/* Action ids of it without statements. */
int vain_ring_action_ids(int window);

/* ---- statements of hops (hops.c); without evidence nothing happens --------------------------- */

enum { VAIN_HOPS_ACTION_IDS = 2 }; /* above those of the ring */
/* The words of message `number` are about to leave; they have come, and nothing is added yet. */
enum vain_status vain_hops_leave(struct vain_exchange *exchange, int64_t number, int64_t first,
                                 int64_t count, const uint32_t *words) VAIN_MUST_USE;
void vain_hops_come(struct vain_exchange *exchange, int64_t number, int64_t first, int64_t count,
                    const uint32_t *words);
/* Whether an action is about a statement, and that it has ended. */
bool vain_hops_owns(const struct vain_exchange *exchange, int id);
void vain_hops_done(struct vain_exchange *exchange, int id);
/* Post what may be posted, check what is there. */
void vain_hops_advance(struct vain_exchange *exchange, struct vain_exchange_out *out);
/* With evidence: all are stated, and those that came hold. */
bool vain_hops_have_ended(const struct vain_exchange *exchange);

/* Action ids of CONTEXT and GATHER, two for each member. */
static inline int vain_exchange_receive_id(int peer)
{
    return 2 * peer;
}
static inline int vain_exchange_send_id(int peer)
{
    return 2 * peer + 1;
}
