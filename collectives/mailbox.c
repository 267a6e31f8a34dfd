/* Letters of each member, out through a queue and in through one buffer.
 *
 * Out: a letter is copied behind those that wait, into a ring that doubles when it must, so that a
 * caller never waits and the stream takes what it can when it can. In: head, then body, into the
 * member's buffer; when the letter is whole it is given at once, so nothing is ever kept that was
 * not asked for, and a peer is held back by its own stream. Memory is taken for a body only after
 * its head was checked.
 *
 * What is owed to the caller about a stream follows from two marks: `told`, the last news was that
 * there is one, and `ended`, that one (or one that was never told of) is no more. */
#include "collectives/mailbox.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

enum {
    LEAST_BYTES = 4096, /* that a buffer begins with */
    WHY_BYTES = 200
};

/* A ring of letters that wait. */
struct outgoing {
    uint8_t *bytes; /* (capacity) owned; NULL before the first letter */
    size_t capacity, first, waiting;
    bool full; /* the stream did not take all of the last write */
};

/* The letter that comes. */
struct incoming {
    uint8_t head[VAIN_LETTER_HEAD_BYTES];
    size_t head_read;
    struct vain_letter_head letter; /* once head_read says that it is whole */
    uint8_t *body;                  /* (capacity) owned; NULL before the first body */
    size_t capacity, body_read;
};

struct correspondent {
    struct vain_stream *stream; /* owned; NULL: none */
    struct outgoing out;
    struct incoming in;
    bool deaf; /* the stream takes nothing any more; what came before may still be read */
    bool told, ended;
    bool held;           /* nothing is read */
    char why[WHY_BYTES]; /* of deaf and ended */
};

struct mailbox_poll {
    struct pollfd *descriptors; /* (members + 1) owned */
    int *members;               /* (members + 1) owned: whose they are */
    int count;
};

struct vain_mailbox {
    struct correspondent *correspondents; /* (members) owned */
    int members, own, turn;               /* turn: who is asked next */
    struct mailbox_poll poll;
};

_Static_assert(VAIN_MAILBOX_QUEUE_BYTES % LEAST_BYTES == 0 &&
                   (VAIN_MAILBOX_QUEUE_BYTES & (VAIN_MAILBOX_QUEUE_BYTES - 1)) == 0,
               "a ring that doubles ends at the bound");
_Static_assert(VAIN_LETTER_HEAD_BYTES + VAIN_LETTER_BYTES_MAX <= VAIN_MAILBOX_QUEUE_BYTES,
               "an empty queue has room for every letter");

static struct correspondent *correspondent_of(const struct vain_mailbox *mailbox, int member)
{
    VAIN_ASSERT(member >= 0 && member < mailbox->members);
    return &mailbox->correspondents[member];
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- open, close, streams -------------------------------------------------------------------- */

enum vain_status vain_mailbox_open(int members, int own, struct vain_mailbox **out)
{
    struct vain_mailbox *mailbox = NULL;
    enum vain_status status;
    VAIN_ASSERT(members >= 1 && members <= VAIN_MEMBERS_MAX);
    VAIN_ASSERT(own >= 0 && own < members);
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *mailbox, "mailbox", (void **)&mailbox));
    mailbox->members = members;
    mailbox->own = own;
    VAIN_TRY_OUT(vain_take_array(members, sizeof *mailbox->correspondents, "mailbox",
                                 (void **)&mailbox->correspondents));
    VAIN_TRY_OUT(vain_take_array(members + 1, sizeof *mailbox->poll.descriptors, "mailbox",
                                 (void **)&mailbox->poll.descriptors));
    VAIN_TRY_OUT(vain_take_array(members + 1, sizeof *mailbox->poll.members, "mailbox",
                                 (void **)&mailbox->poll.members));
    *out = mailbox;
    return VAIN_OK;
out:
    vain_mailbox_close(&mailbox);
    return status;
}

static void release_buffers(struct correspondent *other)
{
    vain_release(other->out.bytes);
    vain_release(other->in.body);
    other->out = (struct outgoing){0};
    other->in = (struct incoming){0};
}

void vain_mailbox_close(struct vain_mailbox **mailbox)
{
    struct vain_mailbox *own = *mailbox;
    if (own == NULL)
        return;
    for (int member = 0; own->correspondents != NULL && member < own->members; member++) {
        struct correspondent *other = &own->correspondents[member];
        if (other->stream != NULL)
            other->stream->ops->close(other->stream);
        release_buffers(other);
    }
    vain_release(own->poll.members);
    vain_release(own->poll.descriptors);
    vain_release(own->correspondents);
    vain_release(own);
    *mailbox = NULL;
}

/* Closes the stream; `why` may be the reason that is there. The body's buffer is kept: the last
 * letter is still the caller's to read. */
static void end(struct correspondent *other, const char *why)
{
    if (why != other->why)
        snprintf(other->why, sizeof other->why, "%s", why);
    other->stream->ops->close(other->stream);
    other->stream = NULL;
    other->ended = true;
    other->deaf = false;
    other->out.first = other->out.waiting = 0;
    other->out.full = false;
    other->in.head_read = other->in.body_read = 0;
}

void vain_mailbox_set_stream(struct vain_mailbox *mailbox, int member, struct vain_stream *stream)
{
    struct correspondent *other = correspondent_of(mailbox, member);
    VAIN_ASSERT(member != mailbox->own);
    if (other->stream != NULL)
        end(other, "a newer connection took its place");
    if (!other->told)
        other->ended = false;
    other->stream = stream;
    stream->ready = true;
}

void vain_mailbox_drop(struct vain_mailbox *mailbox, int member, const char *why)
{
    struct correspondent *other = correspondent_of(mailbox, member);
    if (other->stream != NULL)
        end(other, why);
}

bool vain_mailbox_has(const struct vain_mailbox *mailbox, int member)
{
    return correspondent_of(mailbox, member)->stream != NULL;
}

void vain_mailbox_hold(struct vain_mailbox *mailbox, int member, bool held)
{
    struct correspondent *other = correspondent_of(mailbox, member);
    if (other->held && !held && other->stream != NULL)
        other->stream->ready = true; /* what has come meanwhile nobody has asked for */
    other->held = held;
}

/* ---- out ------------------------------------------------------------------------------------- */

/* Room for `bytes` more; what waits begins at 0 of the larger ring. */
static enum vain_status grow(struct outgoing *out, size_t bytes)
{
    size_t capacity = out->capacity == 0 ? LEAST_BYTES : out->capacity;
    while (capacity < out->waiting + bytes)
        capacity *= 2;
    if (capacity == out->capacity)
        return VAIN_OK;
    uint8_t *larger = NULL;
    VAIN_TRY(vain_take(capacity, "letters that wait", (void **)&larger));
    const size_t before_end = smaller(out->waiting, out->capacity - out->first);
    if (out->waiting > 0) {
        memcpy(larger, out->bytes + out->first, before_end);
        memcpy(larger + before_end, out->bytes, out->waiting - before_end);
    }
    vain_release(out->bytes);
    out->bytes = larger;
    out->capacity = capacity;
    out->first = 0;
    return VAIN_OK;
}

/* Behind what waits; there is room. */
static void append(struct outgoing *out, const void *data, size_t bytes)
{
    const size_t at = (out->first + out->waiting) % out->capacity;
    const size_t before_end = smaller(bytes, out->capacity - at);
    VAIN_ASSERT(bytes <= out->capacity - out->waiting);
    if (bytes == 0)
        return;
    memcpy(out->bytes + at, data, before_end);
    memcpy(out->bytes, (const uint8_t *)data + before_end, bytes - before_end);
    out->waiting += bytes;
}

/* A stream that takes nothing any more has ended; read_letter finds out what it still holds. */
static void stop_sending(struct correspondent *other)
{
    other->deaf = true;
    snprintf(other->why, sizeof other->why, "%s", vain_fail_message());
    vain_fail_clear();
    other->out.first = other->out.waiting = 0;
    other->out.full = false;
    other->stream->ready = true;
}

static void write_letters(struct correspondent *other)
{
    struct outgoing *out = &other->out;
    out->full = false;
    while (out->waiting > 0 && !out->full) {
        const size_t bytes = smaller(out->waiting, out->capacity - out->first);
        size_t taken = 0;
        if (other->stream->ops->write(other->stream, out->bytes + out->first, bytes, &taken) !=
            VAIN_OK) {
            stop_sending(other);
            return;
        }
        VAIN_ASSERT(taken <= bytes);
        out->first = (out->first + taken) % out->capacity;
        out->waiting -= taken;
        out->full = taken < bytes;
    }
}

enum vain_status vain_mailbox_send(struct vain_mailbox *mailbox, int member, uint16_t kind,
                                   const void *body, size_t bytes)
{
    struct correspondent *other = correspondent_of(mailbox, member);
    struct outgoing *out = &other->out;
    uint8_t head[VAIN_LETTER_HEAD_BYTES];
    VAIN_ASSERT(bytes <= VAIN_LETTER_BYTES_MAX);
    if (other->stream == NULL)
        return vain_fail(VAIN_ERR_PEER, "letters: no connection to member %d", member);
    if (other->deaf)
        return vain_fail(VAIN_ERR_PEER, "letters: connection to member %d: %s", member, other->why);
    if (sizeof head + bytes > VAIN_MAILBOX_QUEUE_BYTES - out->waiting)
        return VAIN_AGAIN;
    VAIN_TRY(grow(out, sizeof head + bytes));
    vain_letter_head_encode(&(struct vain_letter_head){.kind = kind, .bytes = (uint32_t)bytes},
                            head);
    append(out, head, sizeof head);
    append(out, body, bytes);
    if (!out->full)
        write_letters(other);
    return VAIN_OK;
}

size_t vain_mailbox_queued(const struct vain_mailbox *mailbox, int member)
{
    return correspondent_of(mailbox, member)->out.waiting;
}

/* ---- in -------------------------------------------------------------------------------------- */

/* A head is whole: a place for its body. */
static enum vain_status begin_body(struct incoming *in)
{
    VAIN_TRY(vain_letter_head_decode(in->head, &in->letter));
    if (in->letter.bytes <= in->capacity)
        return VAIN_OK;
    size_t capacity = in->capacity == 0 ? LEAST_BYTES : in->capacity;
    while (capacity < in->letter.bytes)
        capacity *= 2;
    vain_release(in->body);
    in->body = NULL;
    in->capacity = 0;
    VAIN_TRY(vain_take(capacity, "a letter that comes", (void **)&in->body));
    in->capacity = capacity;
    return VAIN_OK;
}

static bool is_whole(const struct incoming *in)
{
    return in->head_read == VAIN_LETTER_HEAD_BYTES && in->body_read == in->letter.bytes;
}

/* What comes next of head or body. VAIN_AGAIN: nothing is here. */
static enum vain_status read_part(struct vain_stream *stream, struct incoming *in)
{
    size_t got = 0;
    if (in->head_read < VAIN_LETTER_HEAD_BYTES) {
        VAIN_TRY(stream->ops->read(stream, in->head + in->head_read,
                                   VAIN_LETTER_HEAD_BYTES - in->head_read, &got));
        in->head_read += got;
        if (in->head_read == VAIN_LETTER_HEAD_BYTES)
            VAIN_TRY(begin_body(in));
    } else {
        VAIN_TRY(stream->ops->read(stream, in->body + in->body_read,
                                   in->letter.bytes - in->body_read, &got));
        in->body_read += got;
    }
    return got == 0 ? VAIN_AGAIN : VAIN_OK;
}

/* Reads until a letter is whole (true) or nothing is left, which is the end of a deaf stream. */
static bool read_letter(struct correspondent *other)
{
    struct incoming *in = &other->in;
    enum vain_status status = VAIN_OK;
    while (status == VAIN_OK && !is_whole(in))
        status = read_part(other->stream, in);
    if (status == VAIN_OK)
        return true;
    if (status == VAIN_AGAIN && !other->deaf)
        return false;
    if (status == VAIN_END)
        end(other, "it ended the connection");
    else /* of a deaf stream the first reason is the better one */
        end(other, other->deaf ? other->why : vain_fail_message());
    vain_fail_clear();
    return false;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* News of the stream itself that the caller has not been told. */
static bool owes_news(const struct correspondent *other)
{
    return other->told ? other->ended : other->ended || other->stream != NULL;
}

static bool give_news(struct correspondent *other, struct vain_mailbox_event *out)
{
    if (!owes_news(other))
        return false;
    if (!other->told) {
        other->told = true;
        out->kind = VAIN_MAILBOX_JOINED;
        return true;
    }
    other->told = other->ended = false;
    out->kind = VAIN_MAILBOX_LOST;
    out->why = other->why;
    if (other->stream == NULL)
        release_buffers(other);
    return true;
}

static void give_letter(struct correspondent *other, struct vain_mailbox_event *out)
{
    static const uint8_t nothing[1];
    struct incoming *in = &other->in;
    out->kind = VAIN_MAILBOX_LETTER;
    out->letter = in->letter.kind;
    out->bytes = in->letter.bytes;
    out->body = out->bytes == 0 ? nothing : in->body;
    in->head_read = in->body_read = 0;
    other->stream->ready = true; /* there may be more */
}

/* The turn of one member: at most one event. */
static bool take_turn(struct correspondent *other, struct vain_mailbox_event *out)
{
    if (give_news(other, out))
        return true;
    if (other->stream == NULL || !other->stream->ready)
        return false;
    other->stream->ready = false;
    if (!other->deaf)
        write_letters(other);
    if (other->held)
        return false;
    if (read_letter(other)) {
        give_letter(other, out);
        return true;
    }
    return give_news(other, out);
}

/* One member's stream in the list for poll(2); false: there is something to do without it. */
static bool list_stream(struct mailbox_poll *list, int member, struct correspondent *other)
{
    struct vain_stream *stream = other->stream;
    if (stream == NULL || (other->held && !other->out.full))
        return true;
    if (stream->ops->descriptor != NULL && !stream->ready) {
        short events = 0;
        const int descriptor = stream->ops->descriptor(stream, &events);
        if (other->held)
            events = POLLOUT;
        stream->ready = events == 0;
        if (other->out.full)
            events |= POLLOUT;
        list->descriptors[list->count] = (struct pollfd){.fd = descriptor, .events = events};
        list->members[list->count++] = member;
    }
    return !stream->ready;
}

/* Learns which streams are ready, and waits for one, or for `descriptor`, unless something is to be
 * done already. The list has open descriptors only: poll(2) refuses more entries than a process may
 * have open. */
static void ask(struct vain_mailbox *mailbox, int descriptor, int most_ms)
{
    struct mailbox_poll *list = &mailbox->poll;
    list->count = 0;
    for (int member = 0; member < mailbox->members; member++) {
        struct correspondent *other = &mailbox->correspondents[member];
        if (!list_stream(list, member, other) || owes_news(other))
            most_ms = 0;
    }
    const int streams = list->count;
    if (descriptor >= 0)
        list->descriptors[list->count++] = (struct pollfd){.fd = descriptor, .events = POLLIN};
    if ((list->count == 0 && most_ms == 0) ||
        poll(list->descriptors, (nfds_t)list->count, most_ms) <= 0)
        return;
    for (int i = 0; i < streams; i++) {
        if (list->descriptors[i].revents != 0)
            mailbox->correspondents[list->members[i]].stream->ready = true;
    }
}

/* The streams are asked when a circle of turns begins. Two circles hold a whole one behind that. */
void vain_mailbox_poll(struct vain_mailbox *mailbox, struct vain_mailbox_event *out)
{
    for (int i = 0; i < 2 * mailbox->members; i++) {
        const int member = mailbox->turn;
        if (member == 0)
            ask(mailbox, -1, 0);
        mailbox->turn = (member + 1) % mailbox->members;
        *out = (struct vain_mailbox_event){.member = member};
        if (take_turn(&mailbox->correspondents[member], out))
            return;
    }
    *out = (struct vain_mailbox_event){.kind = VAIN_MAILBOX_NOTHING, .member = -1};
}

void vain_mailbox_wait(struct vain_mailbox *mailbox, int descriptor, int most_ms)
{
    VAIN_ASSERT(most_ms >= 0);
    ask(mailbox, descriptor, most_ms);
}
