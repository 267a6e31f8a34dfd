/* Fetching a state from several members at once, whoever of them lies.
 *
 * Who joins knows the Merkle root and the length of the state from those who agreed on it. It asks
 * one member for the hashes of all leaves, which must give the root, and then members at once for
 * leaves, part by part, a few parts under way from each, so that who is faster gives more. A leaf
 * comes from one member alone: when it does not have its hash there is one culprit, who is reported
 * with it and not asked again, and the leaf is asked of somebody else. So nothing wrong is ever
 * kept, and one honest member who stays is enough.
 *
 * A state machine without sockets, clock or threads: it is told what came, who joined, who was lost
 * and who is late, and says what to send. Bodies of its letters are in collectives/fetch_answer.h.
 * Local; nothing blocks; a whole leaf is hashed in the call that brings its last part (some 5 ms
 * for 4 MiB). Memory beside the state: 32 bytes and one small struct a leaf. */
#pragma once

#include "collectives/fetch_answer.h"

enum {
    VAIN_FETCH_WINDOW = 6 /* parts under way from a member: 3 MiB, less than its queue holds */
};

struct vain_fetch;

struct vain_fetch_config {
    const uint8_t *root; /* (VAIN_HASH_BYTES) copied */
    uint8_t *state;      /* (bytes) borrowed until close, written leaf by leaf */
    size_t bytes;        /* > 0 */
    uint32_t number;     /* another for each fetch of this member, see fetch_answer.h */
    int members, own;    /* as in a mailbox */
    size_t leaf_bytes;   /* 0: VAIN_MERKLE_LEAF_BYTES, else as for the root: tests */
    size_t part_bytes;   /* 0: VAIN_FETCH_PART_BYTES, which is the most: tests */
};

/* VAIN_ERR_MEMORY. */
enum vain_status vain_fetch_open(const struct vain_fetch_config *config,
                                 struct vain_fetch **out) VAIN_MUST_USE;
/* Accepts NULL. Leaves that were verified stay in `state`. */
void vain_fetch_close(struct vain_fetch **fetch);
/* Before the first step: `state` holds something already, such as what an earlier fetch left.
 * Leaves of it that have their hash are not asked for. */
void vain_fetch_have(struct vain_fetch *fetch);

/* `member` can be asked: its letters arrive. What it has, it may have got since it was here last.
 */
void vain_fetch_joined(struct vain_fetch *fetch, int member);
/* It cannot be asked any more, and answers nothing: what it was giving is asked of others. */
void vain_fetch_lost(struct vain_fetch *fetch, int member);
/* The caller's clock says that it takes too long for what it was asked. Another member is asked for
 * that, if there is one, and this one for nothing until it has answered something. False: it is
 * waited for, and nobody else can be asked. */
bool vain_fetch_late(struct vain_fetch *fetch, int member);
/* How many answers of `member` are still to come: when not 0, it can be late. */
int vain_fetch_awaited(const struct vain_fetch *fetch, int member);
/* A letter of one of the two kinds of answers has come; borrowed for the call. One that answers
 * another fetch, by its root or number, is ignored: it may be late. */
void vain_fetch_take(struct vain_fetch *fetch, int member, uint16_t kind, const void *body,
                     size_t bytes);

/* How letters leave: vain_mailbox_send, with its statuses. */
struct vain_fetch_sender {
    enum vain_status (*send)(void *context, int member, uint16_t kind, const void *body,
                             size_t bytes);
    void *context;
};
/* Sends all that is to be asked now. VAIN_OK: nothing to do until something comes; VAIN_AGAIN: call
 * again soon, a queue was full, or there is more of `state` to verify. Others: what the sender
 * gave, but VAIN_ERR_PEER, since word of that loss will come. */
enum vain_status vain_fetch_step(struct vain_fetch *fetch,
                                 const struct vain_fetch_sender *sender) VAIN_MUST_USE;

/* VAIN_OK: the state is whole and verified. VAIN_AGAIN: it is under way. VAIN_ERR_PEER: nobody who
 * is here can give it; the message says why of each. That is not final: it goes on when somebody
 * joins. */
enum vain_status vain_fetch_outcome(const struct vain_fetch *fetch) VAIN_MUST_USE;
/* Bytes of the state that are verified. */
size_t vain_fetch_verified_bytes(const struct vain_fetch *fetch);
/* Whether leaf `index` is. */
bool vain_fetch_has(const struct vain_fetch *fetch, size_t index);

enum vain_fetch_fault {
    VAIN_FETCH_WRONG_HASHES, /* hashes of leaves that do not give the root */
    VAIN_FETCH_WRONG_LEAF,   /* a leaf that does not have its hash */
    VAIN_FETCH_WRONG_ANSWER  /* a letter that does not answer what it was asked first */
};
struct vain_fetch_verdict {
    int member;
    enum vain_fetch_fault fault;
    size_t leaf; /* WRONG_LEAF */
};
/* The next member that was found out since the last call; false: no other. Each is told once. */
bool vain_fetch_next_verdict(struct vain_fetch *fetch, struct vain_fetch_verdict *out);
/* Static text such as "gave a wrong leaf". */
const char *vain_fetch_fault_text(enum vain_fetch_fault fault);
