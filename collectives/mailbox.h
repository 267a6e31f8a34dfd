/* Letters between members, beside the exchange: who is there, who takes part, signatures, state.
 *
 * One stream a pair. A letter is a kind, a body of bounded length, and whole: its receiver sees all
 * of it or nothing. Letters of one member come in the order in which they were sent; a member that
 * is lost is reported once, after everything that came from it before. When it comes back it has a
 * new stream, and nothing that was under way on the old one arrives.
 *
 * Sending never blocks: letters wait in a queue of bounded bytes for each member. A peer that sends
 * what is no letter is lost, with the reason. Local; belongs to one thread; asks the clock of
 * `world` for nothing but how long vain_mailbox_wait sleeps. */
#pragma once

#include "base/stream.h"
#include "base/world.h"

enum {
    VAIN_LETTER_HEAD_BYTES = 16,       /* docs/protocol.md, "Letters" */
    VAIN_LETTER_BYTES_MAX = 1 << 20,   /* of a body */
    VAIN_MAILBOX_QUEUE_BYTES = 4 << 20 /* heads and bodies that wait for one member */
};

struct vain_mailbox;

/* members: how many there are, `own` the index of this one; the same numbering as the callers'.
 * `world` is borrowed. Memory for queues is taken as letters need it, up to the bounds. */
enum vain_status vain_mailbox_open(int members, int own, struct vain_world *world,
                                   struct vain_mailbox **out) VAIN_MUST_USE;
/* Closes all streams; what waits in queues is dropped. Accepts NULL. */
void vain_mailbox_close(struct vain_mailbox **mailbox);

/* Takes a stream to `member`; one that is there already is closed, and what waited for it or was
 * half read goes with it: a VAIN_MAILBOX_LOST comes first, then a VAIN_MAILBOX_JOINED. */
void vain_mailbox_set_stream(struct vain_mailbox *mailbox, int member, struct vain_stream *stream);
/* Closes the stream to `member`, if there is one, with `why` as the reason; reported as LOST. */
void vain_mailbox_drop(struct vain_mailbox *mailbox, int member, const char *why);
bool vain_mailbox_has(const struct vain_mailbox *mailbox, int member);

/* Copies the letter into the queue of `member`, and begins to send it. VAIN_ERR_PEER when there is
 * no stream to it, VAIN_AGAIN when its queue has no room (nothing is queued then), VAIN_ERR_MEMORY.
 * bytes at most VAIN_LETTER_BYTES_MAX (asserted); kind > 0. */
enum vain_status vain_mailbox_send(struct vain_mailbox *mailbox, int member, uint16_t kind,
                                   const void *body, size_t bytes) VAIN_MUST_USE;
/* Bytes that wait in the queue of `member`. */
size_t vain_mailbox_queued(const struct vain_mailbox *mailbox, int member);

enum vain_mailbox_event_kind {
    VAIN_MAILBOX_NOTHING,
    VAIN_MAILBOX_LETTER,
    VAIN_MAILBOX_JOINED, /* a stream to `member` was set */
    VAIN_MAILBOX_LOST    /* it has ended; `why` says how */
};
struct vain_mailbox_event {
    enum vain_mailbox_event_kind kind;
    int member;
    uint16_t letter;     /* LETTER: its kind */
    const uint8_t *body; /* LETTER: (bytes), borrowed until the next call of poll, drop or close */
    size_t bytes;
    const char *why; /* LOST, borrowed likewise */
};
/* Moves what can be moved, then gives the next event, members in turn so that none starves the
 * others. Does not block. */
void vain_mailbox_poll(struct vain_mailbox *mailbox, struct vain_mailbox_event *out);
/* Sleeps until poll may have something new, `descriptor` is readable (-1: none), or `most_ms` have
 * passed. Streams without a descriptor end it at once when they are ready. */
void vain_mailbox_wait(struct vain_mailbox *mailbox, int descriptor, int most_ms);
