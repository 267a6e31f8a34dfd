/* Letters between members, beside the exchange: who is there, who takes part, signatures, state.
 *
 * One stream a pair. A letter is a kind, a body of bounded length, and whole: its receiver sees all
 * of it or nothing. Letters of one member come in the order in which they were sent; a member that
 * is lost is reported once, after everything that came from it before. When it comes back it has a
 * new stream, and nothing that was under way on the old one arrives.
 *
 * Sending never blocks: letters wait in a queue of bounded bytes for each member. A peer that sends
 * what is no letter is lost, with the reason. Local; belongs to one thread; asks no clock. */
#pragma once

#include "base/stream.h"
#include "collectives/letter.h"

enum { VAIN_MAILBOX_QUEUE_BYTES = 4 << 20 /* heads and bodies that wait for one member */ };

struct vain_mailbox;

/* members: how many there are, 1 to VAIN_MEMBERS_MAX; `own` the index of this one; the same
 * numbering as the callers'. Memory for letters is taken as they need it: of each member at most
 * its queue and one letter that comes. VAIN_ERR_MEMORY. */
enum vain_status vain_mailbox_open(int members, int own, struct vain_mailbox **out) VAIN_MUST_USE;
/* Closes all streams; what waits in queues is dropped. Accepts NULL. */
void vain_mailbox_close(struct vain_mailbox **mailbox);

/* Takes a stream to `member`; one that is there already is closed, and what waited for it or was
 * half read goes with it: a VAIN_MAILBOX_LOST comes first, then a VAIN_MAILBOX_JOINED (so who hears
 * of a loss asks vain_mailbox_has whether a newer stream is there already). A stream that is
 * replaced before poll has told of it is not mentioned. */
void vain_mailbox_set_stream(struct vain_mailbox *mailbox, int member, struct vain_stream *stream);
/* Closes the stream to `member`, if there is one, with `why` as the reason; reported as LOST. */
void vain_mailbox_drop(struct vain_mailbox *mailbox, int member, const char *why);
bool vain_mailbox_has(const struct vain_mailbox *mailbox, int member);
/* Whether what `member` sends is left in its stream, which holds it back, until it is let go. It is
 * written to as ever. Nothing at first. */
void vain_mailbox_hold(struct vain_mailbox *mailbox, int member, bool held);

/* Copies the letter into the queue of `member`, and begins to send it. VAIN_ERR_PEER when there is
 * no stream to it or the stream takes nothing any more, VAIN_AGAIN when its queue has no room
 * (nothing is queued then), VAIN_ERR_MEMORY. bytes at most VAIN_LETTER_BYTES_MAX (asserted);
 * kind > 0. */
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
    const uint8_t *body; /* LETTER: (bytes), never NULL, borrowed until the next poll or close */
    size_t bytes;
    const char *why; /* LOST; borrowed until the next poll, set_stream, drop or close */
};
/* Gives the next event, and moves what can be moved on the way to it: members in turn, one event
 * each, so that none starves the others. NOTHING: all has been moved. Does not block. */
void vain_mailbox_poll(struct vain_mailbox *mailbox, struct vain_mailbox_event *out);
/* Sleeps until poll may have something new, `descriptor` is readable (-1: none), or `most_ms` >= 0
 * have passed; a signal ends it too. Streams without a descriptor end it at once when they are
 * ready, and cannot end it later. */
void vain_mailbox_wait(struct vain_mailbox *mailbox, int descriptor, int most_ms);
