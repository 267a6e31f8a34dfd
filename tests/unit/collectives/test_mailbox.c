/* Letters over streams in memory that move a few bytes at a time, and over pairs of sockets. */
#include "collectives/mailbox.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/unit/collectives/pipes.h"
#include "tests/unit/collectives/trickle.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

enum {
    MEMBERS = 3,
    KIND = 7,
    HEAD = VAIN_LETTER_HEAD_BYTES,
    TURNS_MAX = 200000,
    QUIET_TURNS = 60 /* in which a trickle moves something, whatever its seed */
};

static unsigned char bytes_out[VAIN_LETTER_BYTES_MAX];

/* ---- helpers --------------------------------------------------------------------------------- */

static struct vain_mailbox *open_mailbox(int own)
{
    struct vain_mailbox *mailbox = NULL;
    CU_ASSERT_EQUAL_FATAL(vain_mailbox_open(MEMBERS, own, &mailbox), VAIN_OK);
    return mailbox;
}

/* Member 0 with a stream to 1 whose other end is the test's. */
static struct vain_mailbox *open_to(struct trickle *trickle, uint64_t seed, size_t piece)
{
    struct vain_mailbox *mailbox = open_mailbox(0);
    trickle_open(trickle, seed, piece);
    vain_mailbox_set_stream(mailbox, 1, &trickle->ends[0]);
    return mailbox;
}

static struct vain_mailbox_event next_event(struct vain_mailbox *mailbox)
{
    struct vain_mailbox_event event = {.kind = VAIN_MAILBOX_NOTHING};
    for (int i = 0; i < QUIET_TURNS && event.kind == VAIN_MAILBOX_NOTHING; i++)
        vain_mailbox_poll(mailbox, &event);
    return event;
}

static void expect_news(struct vain_mailbox *mailbox, int member, enum vain_mailbox_event_kind kind)
{
    const struct vain_mailbox_event event = next_event(mailbox);
    CU_ASSERT_EQUAL(event.kind, kind);
    CU_ASSERT_EQUAL(event.member, kind == VAIN_MAILBOX_NOTHING ? -1 : member);
}

static void expect_lost(struct vain_mailbox *mailbox, int member, const char *why)
{
    const struct vain_mailbox_event event = next_event(mailbox);
    CU_ASSERT_EQUAL_FATAL(event.kind, VAIN_MAILBOX_LOST);
    CU_ASSERT_EQUAL(event.member, member);
    CU_ASSERT_STRING_EQUAL(event.why, why);
}

/* Letter `number` of a way, by a seed: every body is another one. */
static void fill(uint64_t seed, uint64_t number, size_t bytes)
{
    uint64_t state = seed ^ number << 32;
    for (size_t i = 0; i < bytes; i++)
        bytes_out[i] = (unsigned char)(i % 8 == 0 ? trickle_random(&state) : state >> 8 * (i % 8));
}

static void expect_letter(const struct vain_mailbox_event *event, uint64_t seed, uint64_t number,
                          size_t bytes)
{
    CU_ASSERT_EQUAL_FATAL(event->kind, VAIN_MAILBOX_LETTER);
    CU_ASSERT_EQUAL(event->letter, KIND + number % 5);
    CU_ASSERT_EQUAL_FATAL(event->bytes, bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(event->body);
    fill(seed, number, bytes);
    CU_ASSERT_EQUAL(memcmp(event->body, bytes_out, bytes), 0);
}

static enum vain_status send_letter(struct vain_mailbox *mailbox, int member, uint64_t seed,
                                    uint64_t number, size_t bytes)
{
    fill(seed, number, bytes);
    return vain_mailbox_send(mailbox, member, (uint16_t)(KIND + number % 5), bytes_out, bytes);
}

/* A letter as it lies on the wire. */
static size_t make_letter(uint64_t seed, uint64_t number, size_t bytes, uint8_t *out)
{
    const struct vain_letter_head head = {(uint16_t)(KIND + number % 5), (uint32_t)bytes};
    vain_letter_head_encode(&head, out);
    fill(seed, number, bytes);
    memcpy(out + HEAD, bytes_out, bytes);
    return HEAD + bytes;
}

static void write_all(struct vain_stream *stream, const void *data, size_t bytes)
{
    const uint8_t *next = data;
    for (int i = 0; i < TURNS_MAX && bytes > 0; i++) {
        size_t taken = 0;
        CU_ASSERT_EQUAL_FATAL(stream->ops->write(stream, next, bytes, &taken), VAIN_OK);
        next += taken;
        bytes -= taken;
    }
    CU_ASSERT_EQUAL_FATAL(bytes, 0);
}

/* Mailboxes of three members, each joined with each. */
struct world {
    struct vain_mailbox *mailboxes[MEMBERS];
    struct pipes pipes;
};

static void open_world(struct world *world, size_t piece)
{
    CU_ASSERT_TRUE_FATAL(pipes_open(&world->pipes, MEMBERS, 1, piece));
    for (int own = 0; own < MEMBERS; own++) {
        world->mailboxes[own] = open_mailbox(own);
        for (int other = 0; other < MEMBERS; other++) {
            if (other != own)
                vain_mailbox_set_stream(world->mailboxes[own], other,
                                        world->pipes.streams[own][other][0]);
        }
    }
    for (int own = 0; own < MEMBERS; own++)
        for (int i = 0; i < MEMBERS - 1; i++)
            CU_ASSERT_EQUAL(next_event(world->mailboxes[own]).kind, VAIN_MAILBOX_JOINED);
}

static void close_world(struct world *world)
{
    for (int own = 0; own < MEMBERS; own++)
        vain_mailbox_close(&world->mailboxes[own]);
}

/* ---- letters come whole and in order --------------------------------------------------------- */

static size_t size_of_letter(uint64_t way, uint64_t number, size_t most)
{
    static const size_t edges[] = {0, 1, HEAD - 1, HEAD, HEAD + 1, 4095, 4096, 4097};
    uint64_t state = way * 1000 + number;
    const uint64_t which = trickle_random(&state) % 12;
    const size_t bytes = which < VAIN_COUNT_OF(edges) ? edges[which]
                         : which == 11                ? most
                                                      : (size_t)(trickle_random(&state) % most);
    return bytes < most ? bytes : most;
}

struct traffic {
    uint64_t letters;                                        /* on each way */
    size_t most;                                             /* bytes of a letter */
    uint64_t sent[MEMBERS][MEMBERS], came[MEMBERS][MEMBERS]; /* from, to */
};

static void send_some(struct traffic *traffic, struct vain_mailbox *mailbox, int from, int to)
{
    uint64_t *sent = &traffic->sent[from][to];
    const uint64_t way = (uint64_t)(from * MEMBERS + to);
    for (int i = 0; i < 3 && *sent < traffic->letters; i++) {
        const size_t bytes = size_of_letter(way, *sent, traffic->most);
        const enum vain_status status = send_letter(mailbox, to, way, *sent, bytes);
        CU_ASSERT_TRUE_FATAL(status == VAIN_OK || status == VAIN_AGAIN);
        CU_ASSERT_TRUE(vain_mailbox_queued(mailbox, to) <= VAIN_MAILBOX_QUEUE_BYTES);
        *sent += status == VAIN_OK;
    }
}

static void take_one(struct traffic *traffic, struct vain_mailbox *mailbox, int to)
{
    struct vain_mailbox_event event;
    vain_mailbox_poll(mailbox, &event);
    if (event.kind == VAIN_MAILBOX_NOTHING)
        return;
    uint64_t *came = &traffic->came[event.member][to];
    const uint64_t way = (uint64_t)(event.member * MEMBERS + to);
    expect_letter(&event, way, *came, size_of_letter(way, *came, traffic->most));
    ++*came;
}

static void run_traffic(struct traffic *traffic, struct vain_mailbox *const *mailboxes, int members)
{
    uint64_t total = 0, expected = traffic->letters * (uint64_t)(members * (members - 1));
    for (int i = 0; i < TURNS_MAX && total < expected; i++) {
        total = 0;
        for (int own = 0; own < members; own++) {
            for (int other = 0; other < members; other++) {
                if (other != own)
                    send_some(traffic, mailboxes[own], own, other);
                total += traffic->came[other][own];
            }
            take_one(traffic, mailboxes[own], own);
        }
    }
    CU_ASSERT_EQUAL(total, expected);
    for (int own = 0; own < members; own++)
        expect_news(mailboxes[own], -1, VAIN_MAILBOX_NOTHING);
}

static void letters_come_whole_and_in_order_over_sockets(void)
{
    static const size_t pieces[] = {1 << 20, 4099, 777};
    for (size_t i = 0; i < VAIN_COUNT_OF(pieces); i++) {
        struct world world;
        struct traffic traffic = {.letters = 40, .most = VAIN_LETTER_BYTES_MAX >> 2 * i};
        open_world(&world, pieces[i]);
        run_traffic(&traffic, world.mailboxes, MEMBERS);
        close_world(&world);
    }
}

static void letters_come_whole_and_in_order_in_trickles(void)
{
    static const size_t pieces[] = {1, 5, 300, 6000};
    static struct trickle trickle;
    for (uint64_t seed = 0; seed < 16; seed++) {
        const size_t piece = pieces[seed % 4];
        struct traffic traffic = {.letters = 30, .most = piece < 300 ? 500 : 20000};
        struct vain_mailbox *mailboxes[2] = {open_to(&trickle, seed, piece), open_mailbox(1)};
        vain_mailbox_set_stream(mailboxes[1], 0, &trickle.ends[1]);
        expect_news(mailboxes[0], 1, VAIN_MAILBOX_JOINED);
        expect_news(mailboxes[1], 0, VAIN_MAILBOX_JOINED);
        run_traffic(&traffic, mailboxes, 2);
        vain_mailbox_close(&mailboxes[0]);
        vain_mailbox_close(&mailboxes[1]);
    }
}

/* ---- losses ---------------------------------------------------------------------------------- */

/* The stream ends after `cut` bytes of three letters: those that are whole come, then the loss. */
static void cut_at(uint64_t cut, bool broken, const uint8_t *letters, size_t bytes)
{
    static const size_t sizes[] = {9, 0, 40};
    static struct trickle trickle;
    struct vain_mailbox *mailbox = open_to(&trickle, cut, 7);
    size_t end = 0;
    write_all(&trickle.ends[1], letters, bytes);
    trickle.ways[1].cut = cut;
    trickle.ways[1].broken = broken;
    expect_news(mailbox, 1, VAIN_MAILBOX_JOINED);
    for (uint64_t i = 0; i < VAIN_COUNT_OF(sizes); i++) {
        end += HEAD + sizes[i];
        if (end > cut)
            break;
        const struct vain_mailbox_event event = next_event(mailbox);
        expect_letter(&event, 1, i, sizes[i]);
    }
    expect_lost(mailbox, 1, broken ? "trickle: cut" : "it ended the connection");
    CU_ASSERT_FALSE(vain_mailbox_has(mailbox, 1));
    CU_ASSERT_TRUE(trickle.closed[0]);
    expect_news(mailbox, 1, VAIN_MAILBOX_NOTHING);
    vain_mailbox_close(&mailbox);
}

static void a_letter_comes_whole_or_not_at_all(void)
{
    uint8_t letters[3 * HEAD + 49];
    size_t bytes = make_letter(1, 0, 9, letters);
    bytes += make_letter(1, 1, 0, letters + bytes);
    bytes += make_letter(1, 2, 40, letters + bytes);
    CU_ASSERT_EQUAL_FATAL(bytes, sizeof letters);
    for (uint64_t cut = 0; cut <= bytes; cut++) {
        cut_at(cut, false, letters, bytes);
        cut_at(cut, true, letters, bytes);
    }
}

/* What a peer sent before it went comes, though nothing can be sent to it any more. */
static void a_loss_comes_after_the_letters_before_it(void)
{
    struct world world;
    open_world(&world, 1 << 20);
    for (uint64_t i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(send_letter(world.mailboxes[1], 0, 3, i, 100), VAIN_OK);
    vain_mailbox_close(&world.mailboxes[1]);
    CU_ASSERT_EQUAL(send_letter(world.mailboxes[0], 1, 3, 0, 100), VAIN_OK); /* found out by this */
    CU_ASSERT_TRUE(vain_mailbox_has(world.mailboxes[0], 1));
    CU_ASSERT_EQUAL(send_letter(world.mailboxes[0], 1, 3, 0, 100), VAIN_ERR_PEER);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(),
                           "letters: connection to member 1: pipe: Broken pipe");
    for (uint64_t i = 0; i < 5; i++) {
        const struct vain_mailbox_event event = next_event(world.mailboxes[0]);
        expect_letter(&event, 3, i, 100);
    }
    CU_ASSERT_EQUAL(next_event(world.mailboxes[0]).kind, VAIN_MAILBOX_LOST);
    CU_ASSERT_EQUAL(send_letter(world.mailboxes[0], 1, 3, 0, 100), VAIN_ERR_PEER);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), "letters: no connection to member 1");
    expect_news(world.mailboxes[0], 1, VAIN_MAILBOX_NOTHING);
    expect_lost(world.mailboxes[2], 1, "it ended the connection");
    expect_news(world.mailboxes[2], 1, VAIN_MAILBOX_NOTHING);
    close_world(&world);
}

/* A stream that takes nothing but has not ended for its reader is as lost, with its own reason. */
static void who_takes_nothing_is_lost(void)
{
    static struct trickle trickle;
    struct vain_mailbox *mailbox = open_to(&trickle, 1, 100);
    expect_news(mailbox, 1, VAIN_MAILBOX_JOINED);
    expect_news(mailbox, 1, VAIN_MAILBOX_NOTHING);
    CU_ASSERT_FALSE(trickle.ends[0].ready);
    trickle.ways[0].cut = 0;
    CU_ASSERT_EQUAL(send_letter(mailbox, 1, 3, 0, 100), VAIN_OK);
    CU_ASSERT_EQUAL(vain_mailbox_queued(mailbox, 1), 0);
    expect_lost(mailbox, 1, "trickle: nobody reads");
    expect_news(mailbox, 1, VAIN_MAILBOX_NOTHING);
    vain_mailbox_close(&mailbox);
}

static void who_is_dropped_is_lost_with_the_reason(void)
{
    static struct trickle trickle;
    struct vain_mailbox *mailbox = open_to(&trickle, 1, 100);
    vain_mailbox_drop(mailbox, 2, "nobody is there");
    expect_news(mailbox, 1, VAIN_MAILBOX_JOINED);
    vain_mailbox_drop(mailbox, 1, "it lied");
    vain_mailbox_drop(mailbox, 1, "once more");
    CU_ASSERT_FALSE(vain_mailbox_has(mailbox, 1));
    CU_ASSERT_TRUE(trickle.closed[0]);
    expect_lost(mailbox, 1, "it lied");
    expect_news(mailbox, 1, VAIN_MAILBOX_NOTHING);
    vain_mailbox_close(&mailbox);
}

/* ---- replaced streams ------------------------------------------------------------------------ */

static void nothing_of_a_replaced_stream_comes(void)
{
    static struct trickle old, new;
    uint8_t letter[HEAD + 50];
    struct vain_mailbox *mailbox = open_to(&old, 1, 100);
    expect_news(mailbox, 1, VAIN_MAILBOX_JOINED);
    const size_t bytes = make_letter(4, 0, 50, letter);
    write_all(&old.ends[1], letter, bytes - 1);
    expect_news(mailbox, 1, VAIN_MAILBOX_NOTHING); /* half read now */
    old.ways[0].waiting = TRICKLE_ROOM;            /* nobody reads */
    CU_ASSERT_EQUAL(send_letter(mailbox, 1, 4, 1, 50), VAIN_OK);
    CU_ASSERT_EQUAL(vain_mailbox_queued(mailbox, 1), HEAD + 50);

    trickle_open(&new, 2, 100);
    vain_mailbox_set_stream(mailbox, 1, &new.ends[0]);
    CU_ASSERT_TRUE(old.closed[0]);
    CU_ASSERT_TRUE(vain_mailbox_has(mailbox, 1));
    CU_ASSERT_EQUAL(vain_mailbox_queued(mailbox, 1), 0);
    write_all(&new.ends[1], letter, make_letter(5, 0, 20, letter));
    expect_lost(mailbox, 1, "a newer connection took its place");
    expect_news(mailbox, 1, VAIN_MAILBOX_JOINED);
    const struct vain_mailbox_event event = next_event(mailbox);
    expect_letter(&event, 5, 0, 20);
    CU_ASSERT_EQUAL(new.ways[0].waiting, 0);
    expect_news(mailbox, 1, VAIN_MAILBOX_NOTHING);
    vain_mailbox_close(&mailbox);
}

static void news_come_in_turns_whatever_happens_between_polls(void)
{
    static struct trickle trickles[4];
    struct vain_mailbox *mailbox = open_mailbox(0);
    for (int i = 0; i < 4; i++)
        trickle_open(&trickles[i], 1, 10);
    vain_mailbox_set_stream(mailbox, 1, &trickles[0].ends[0]);
    vain_mailbox_drop(mailbox, 1, "first");
    expect_news(mailbox, 1, VAIN_MAILBOX_JOINED);
    expect_lost(mailbox, 1, "first");
    vain_mailbox_set_stream(mailbox, 1, &trickles[1].ends[0]);
    vain_mailbox_set_stream(mailbox, 1, &trickles[2].ends[0]);
    expect_news(mailbox, 1, VAIN_MAILBOX_JOINED);
    expect_news(mailbox, 1, VAIN_MAILBOX_NOTHING);
    vain_mailbox_drop(mailbox, 1, "second");
    vain_mailbox_set_stream(mailbox, 1, &trickles[3].ends[0]);
    vain_mailbox_drop(mailbox, 1, "third");
    expect_lost(mailbox, 1, "third");
    expect_news(mailbox, 1, VAIN_MAILBOX_NOTHING);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_TRUE(trickles[i].closed[0]);
    vain_mailbox_close(&mailbox);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void a_full_queue_says_again(void)
{
    enum { LETTER = (1 << 16) - HEAD, FIT = VAIN_MAILBOX_QUEUE_BYTES / (1 << 16) };
    static struct trickle trickle;
    struct vain_mailbox *mailboxes[2] = {open_to(&trickle, 1, TRICKLE_ROOM), open_mailbox(1)};
    trickle.ways[0].waiting = TRICKLE_ROOM; /* nobody reads */
    for (uint64_t i = 0; i < FIT; i++)
        CU_ASSERT_EQUAL(send_letter(mailboxes[0], 1, 6, i, LETTER), VAIN_OK);
    CU_ASSERT_EQUAL(vain_mailbox_queued(mailboxes[0], 1), VAIN_MAILBOX_QUEUE_BYTES);
    CU_ASSERT_EQUAL(send_letter(mailboxes[0], 1, 6, FIT, 0), VAIN_AGAIN);
    CU_ASSERT_EQUAL(vain_mailbox_queued(mailboxes[0], 1), VAIN_MAILBOX_QUEUE_BYTES);

    trickle.ways[0].waiting = 0;
    vain_mailbox_set_stream(mailboxes[1], 0, &trickle.ends[1]);
    expect_news(mailboxes[0], 1, VAIN_MAILBOX_JOINED);
    expect_news(mailboxes[1], 0, VAIN_MAILBOX_JOINED);
    struct vain_mailbox_event event;
    uint64_t came = 0;
    for (int i = 0; i < TURNS_MAX && came < FIT; i++) {
        vain_mailbox_poll(mailboxes[0], &event);
        CU_ASSERT_EQUAL(event.kind, VAIN_MAILBOX_NOTHING);
        vain_mailbox_poll(mailboxes[1], &event);
        if (event.kind != VAIN_MAILBOX_NOTHING)
            expect_letter(&event, 6, came++, LETTER);
    }
    CU_ASSERT_EQUAL(came, FIT);
    CU_ASSERT_EQUAL(send_letter(mailboxes[0], 1, 6, FIT, 0), VAIN_OK);
    vain_mailbox_close(&mailboxes[0]);
    vain_mailbox_close(&mailboxes[1]);
}

/* As long as less than all fits, a ring that is not empty wraps, and grows while it is wrapped. */
static void a_queue_wraps_and_grows(void)
{
    static struct trickle trickle;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct vain_mailbox *mailboxes[2] = {open_to(&trickle, seed, 2000), open_mailbox(1)};
        struct traffic traffic = {.letters = 200, .most = 100 + 300 * (size_t)seed};
        vain_mailbox_set_stream(mailboxes[1], 0, &trickle.ends[1]);
        expect_news(mailboxes[0], 1, VAIN_MAILBOX_JOINED);
        expect_news(mailboxes[1], 0, VAIN_MAILBOX_JOINED);
        run_traffic(&traffic, mailboxes, 2);
        vain_mailbox_close(&mailboxes[0]);
        vain_mailbox_close(&mailboxes[1]);
    }
}

static void bad_heads_end_a_connection_and_take_no_memory(void)
{
    static const struct {
        uint8_t head[HEAD];
        const char *why;
    } rows[] = {
        {"VLTS\1", "head of a letter: something that is no letter"},
        {"VLTR", "head of a letter: a letter without a kind"},
        {"VLTR\1\0\1", "head of a letter: bytes where zeros belong"},
        {"VLTR\1\0\0\0\0\0\0\0\0\0\0\1", "head of a letter: bytes where zeros belong"},
        {"VLTR\1\0\0\0\1\0\x10", "head of a letter: a body that is too large"},
        {"VLTR\1\0\0\0\xff\xff\xff\xff", "head of a letter: a body that is too large"},
    };
    static struct trickle trickle;
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        struct vain_mailbox *mailbox = open_to(&trickle, i, 5);
        uint8_t letter[HEAD];
        write_all(&trickle.ends[1], letter, make_letter(1, 0, 0, letter));
        write_all(&trickle.ends[1], rows[i].head, HEAD);
        expect_news(mailbox, 1, VAIN_MAILBOX_JOINED);
        shortage_after(0); /* who wanted memory would have another reason */
        const struct vain_mailbox_event event = next_event(mailbox);
        expect_letter(&event, 1, 0, 0);
        expect_lost(mailbox, 1, rows[i].why);
        shortage_end();
        CU_ASSERT_TRUE(trickle.closed[0]);
        expect_news(mailbox, 1, VAIN_MAILBOX_NOTHING);
        vain_mailbox_close(&mailbox);
    }
}

static void letters_take_no_memory_once_buffers_have_grown(void)
{
    enum { LETTER = 100000 };
    struct world world;
    open_world(&world, 1 << 20);
    const int64_t before = vain_memory_bytes();
    for (uint64_t i = 0; i < 20; i++) {
        if (i == 2)
            shortage_after(0);
        CU_ASSERT_EQUAL(send_letter(world.mailboxes[0], 1, 1, i, LETTER), VAIN_OK);
        struct vain_mailbox_event event = {.kind = VAIN_MAILBOX_NOTHING};
        for (int k = 0; k < TURNS_MAX && event.kind == VAIN_MAILBOX_NOTHING; k++) {
            vain_mailbox_poll(world.mailboxes[0], &event);
            vain_mailbox_poll(world.mailboxes[1], &event);
        }
        expect_letter(&event, 1, i, LETTER);
    }
    shortage_end();
    CU_ASSERT_TRUE(vain_memory_bytes() >= before + 2 * LETTER);
    vain_mailbox_drop(world.mailboxes[0], 1, "enough");
    CU_ASSERT_EQUAL(next_event(world.mailboxes[0]).kind, VAIN_MAILBOX_LOST);
    CU_ASSERT_EQUAL(next_event(world.mailboxes[1]).kind, VAIN_MAILBOX_LOST);
    CU_ASSERT_TRUE(vain_memory_bytes() < before); /* the pipe's ends are gone too */
    close_world(&world);
}

static void a_shortage_of_memory_is_told(void)
{
    static struct trickle trickle;
    struct vain_mailbox *mailbox = NULL;
    for (int takes = 0; takes < 4; takes++) {
        shortage_after(takes);
        CU_ASSERT_EQUAL(vain_mailbox_open(MEMBERS, 0, &mailbox), VAIN_ERR_MEMORY);
        shortage_end();
        CU_ASSERT_PTR_NULL(mailbox);
    }
    mailbox = open_to(&trickle, 1, 100);
    uint8_t letter[HEAD + 9];
    expect_news(mailbox, 1, VAIN_MAILBOX_JOINED);
    write_all(&trickle.ends[1], letter, make_letter(1, 0, 9, letter));
    shortage_after(0);
    CU_ASSERT_EQUAL(send_letter(mailbox, 1, 1, 0, 9), VAIN_ERR_MEMORY);
    CU_ASSERT_EQUAL(vain_mailbox_queued(mailbox, 1), 0);
    expect_lost(mailbox, 1, "a letter that comes: a shortage on purpose");
    shortage_end();
    vain_mailbox_close(&mailbox);
}

/* ---- nobody starves -------------------------------------------------------------------------- */

static void who_never_reads_stops_nobody(void)
{
    struct world world;
    open_world(&world, 1 << 20);
    uint64_t number = 0;
    while (send_letter(world.mailboxes[0], 1, 1, number, 60000) == VAIN_OK)
        number++;
    for (uint64_t i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(send_letter(world.mailboxes[0], 1, 1, number, 60000), VAIN_AGAIN);
        CU_ASSERT_EQUAL(send_letter(world.mailboxes[0], 2, 2, i, 5000), VAIN_OK);
        struct vain_mailbox_event event = next_event(world.mailboxes[2]);
        expect_letter(&event, 2, i, 5000);
        CU_ASSERT_EQUAL(send_letter(world.mailboxes[2], 0, 3, i, 5000), VAIN_OK);
        event = next_event(world.mailboxes[0]);
        expect_letter(&event, 3, i, 5000);
    }
    close_world(&world);
}

static void members_take_turns(void)
{
    struct world world;
    int came[MEMBERS] = {0};
    open_world(&world, 1 << 20);
    for (uint64_t i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(send_letter(world.mailboxes[1], 0, 1, i, 10), VAIN_OK);
    for (uint64_t i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(send_letter(world.mailboxes[2], 0, 1, i, 10), VAIN_OK);
    for (int i = 0; i < 20; i++)
        came[next_event(world.mailboxes[0]).member]++;
    CU_ASSERT_EQUAL(came[1], 10);
    CU_ASSERT_EQUAL(came[2], 10);
    close_world(&world);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Each wait here would never end if it missed what is there. */
static void a_wait_ends_when_there_is_something(void)
{
    static struct trickle trickle;
    struct world world;
    int ends[2];
    open_world(&world, 1 << 20);
    struct vain_mailbox *mailbox = world.mailboxes[0];
    vain_mailbox_wait(mailbox, -1, 0);
    expect_news(mailbox, -1, VAIN_MAILBOX_NOTHING);

    CU_ASSERT_EQUAL(send_letter(world.mailboxes[2], 0, 1, 0, 10), VAIN_OK);
    vain_mailbox_wait(mailbox, -1, INT_MAX);
    struct vain_mailbox_event event = next_event(mailbox);
    expect_letter(&event, 1, 0, 10);
    expect_news(mailbox, -1, VAIN_MAILBOX_NOTHING);

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    CU_ASSERT_EQUAL(write(ends[1], "x", 1), 1);
    vain_mailbox_wait(mailbox, ends[0], INT_MAX);
    expect_news(mailbox, -1, VAIN_MAILBOX_NOTHING);
    CU_ASSERT_EQUAL(close(ends[0]) + close(ends[1]), 0);

    vain_mailbox_drop(mailbox, 2, "enough");
    vain_mailbox_wait(mailbox, -1, INT_MAX);
    expect_lost(mailbox, 2, "enough");
    trickle_open(&trickle, 1, 10);
    vain_mailbox_set_stream(mailbox, 2, &trickle.ends[0]);
    expect_news(mailbox, 2, VAIN_MAILBOX_JOINED);
    trickle.ends[0].ready = true;
    vain_mailbox_wait(mailbox, -1, INT_MAX);
    close_world(&world);
}

/* A stream that takes no more is worth waking for when it does again, and not before. */
static void a_wait_ends_when_a_full_stream_has_room(void)
{
    struct world world;
    struct vain_mailbox_event event;
    uint64_t sent = 0, came = 0;
    open_world(&world, 1 << 20);
    struct vain_stream *stream = world.pipes.streams[0][1][0];
    while (send_letter(world.mailboxes[0], 1, 1, sent, 60000) == VAIN_OK)
        sent++;
    expect_news(world.mailboxes[0], -1, VAIN_MAILBOX_NOTHING);
    vain_mailbox_wait(world.mailboxes[0], -1, 0);
    CU_ASSERT_FALSE(stream->ready);
    for (int i = 0; i < TURNS_MAX && came < sent; i++) {
        vain_mailbox_poll(world.mailboxes[1], &event);
        if (event.kind == VAIN_MAILBOX_LETTER) {
            expect_letter(&event, 1, came++, 60000);
            continue;
        }
        vain_mailbox_wait(world.mailboxes[0], -1, INT_MAX);
        CU_ASSERT_TRUE(stream->ready);
        expect_news(world.mailboxes[0], -1, VAIN_MAILBOX_NOTHING);
    }
    CU_ASSERT_EQUAL(came, sent);
    vain_mailbox_wait(world.mailboxes[0], -1, 0);
    CU_ASSERT_FALSE(stream->ready);
    close_world(&world);
}

/* Held back, a member's letters wait in its stream, and nobody waits for it; it is written to. */
static void who_is_held_is_not_read(void)
{
    struct world world;
    open_world(&world, 1 << 20);
    struct vain_stream *stream = world.pipes.streams[0][1][0];
    for (uint64_t number = 0; number < 3; number++)
        CU_ASSERT_EQUAL(send_letter(world.mailboxes[1], 0, 1, number, 100), VAIN_OK);
    struct vain_mailbox_event event = next_event(world.mailboxes[0]);
    expect_letter(&event, 1, 0, 100);
    vain_mailbox_hold(world.mailboxes[0], 1, true);
    expect_news(world.mailboxes[0], -1, VAIN_MAILBOX_NOTHING);
    vain_mailbox_wait(world.mailboxes[0], -1, 0);
    CU_ASSERT_FALSE(stream->ready);
    CU_ASSERT_EQUAL(send_letter(world.mailboxes[0], 1, 2, 0, 3000), VAIN_OK);
    event = next_event(world.mailboxes[1]);
    expect_letter(&event, 2, 0, 3000);
    CU_ASSERT_EQUAL(send_letter(world.mailboxes[2], 0, 3, 0, 9), VAIN_OK);
    event = next_event(world.mailboxes[0]);
    CU_ASSERT_EQUAL(event.member, 2);
    vain_mailbox_hold(world.mailboxes[0], 1, false);
    for (uint64_t number = 1; number < 3; number++) {
        event = next_event(world.mailboxes[0]);
        expect_letter(&event, 1, number, 100);
    }
    close_world(&world);
}

static void one_member_alone_has_no_letters(void)
{
    struct vain_mailbox *mailbox = NULL;
    CU_ASSERT_EQUAL_FATAL(vain_mailbox_open(1, 0, &mailbox), VAIN_OK);
    expect_news(mailbox, -1, VAIN_MAILBOX_NOTHING);
    vain_mailbox_close(&mailbox);
    CU_ASSERT_PTR_NULL(mailbox);
    vain_mailbox_close(&mailbox);
}

static const struct vain_test tests[] = {
    {"letters come whole and in order over sockets", letters_come_whole_and_in_order_over_sockets},
    {"letters come whole and in order in trickles", letters_come_whole_and_in_order_in_trickles},
    {"a letter comes whole or not at all", a_letter_comes_whole_or_not_at_all},
    {"a loss comes after the letters before it", a_loss_comes_after_the_letters_before_it},
    {"who takes nothing is lost", who_takes_nothing_is_lost},
    {"who is dropped is lost with the reason", who_is_dropped_is_lost_with_the_reason},
    {"nothing of a replaced stream comes", nothing_of_a_replaced_stream_comes},
    {"news come in turns whatever happens between polls",
     news_come_in_turns_whatever_happens_between_polls},
    {"a full queue says again", a_full_queue_says_again},
    {"a queue wraps and grows", a_queue_wraps_and_grows},
    {"bad heads end a connection and take no memory",
     bad_heads_end_a_connection_and_take_no_memory},
    {"letters take no memory once buffers have grown",
     letters_take_no_memory_once_buffers_have_grown},
    {"a shortage of memory is told", a_shortage_of_memory_is_told},
    {"who never reads stops nobody", who_never_reads_stops_nobody},
    {"members take turns", members_take_turns},
    {"a wait ends when there is something", a_wait_ends_when_there_is_something},
    {"a wait ends when a full stream has room", a_wait_ends_when_a_full_stream_has_room},
    {"who is held is not read", who_is_held_is_not_read},
    {"one member alone has no letters", one_member_alone_has_no_letters},
    {NULL, NULL},
};
const struct vain_suite vain_suite_mailbox = {"mailbox", tests};
