/* Links between two of our own members, over loopback, in one thread. */
#include "p2p/link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/p2p/pair.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

enum { MANY_BYTES = 24 << 20, PIECE_MAX = 100003, WAIT_MS = 20000 };

/* ---- Beginning ------------------------------------------------------------------------------ */

static void two_members_meet(void)
{
    struct pair pair;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 513));
    CU_ASSERT_EQUAL(
        memcmp(vain_link_peer(pair.dialled), pair.one.signer.member_id, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(
        memcmp(vain_link_peer(pair.accepted), pair.two.signer.member_id, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(vain_link_connection(pair.dialled), 513);
    CU_ASSERT_EQUAL(vain_link_connection(pair.accepted), 513);
    CU_ASSERT_STRING_EQUAL(vain_link_where(pair.dialled), pair.one.address);
    CU_ASSERT_EQUAL(strncmp(vain_link_where(pair.accepted), "127.0.0.1:", 10), 0);
    const struct vain_stream *stream = vain_link_stream(pair.accepted);
    CU_ASSERT_STRING_EQUAL(stream->ops->name, "tls");
    CU_ASSERT_EQUAL(memcmp(stream->peer_id, pair.two.signer.member_id, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(vain_link_step(pair.dialled), VAIN_OK);
    const struct vain_link_counts *counts = vain_link_host_counts(pair.one.host);
    CU_ASSERT_EQUAL(counts->accepted, 1);
    CU_ASSERT_EQUAL(counts->dialled, 0);
    CU_ASSERT_EQUAL(counts->established, 1);
    CU_ASSERT_TRUE(vain_is_zero(counts->refused, sizeof counts->refused));
    CU_ASSERT_EQUAL(vain_link_host_counts(pair.two.host)->dialled, 1);
    struct vain_link *nobody;
    CU_ASSERT_EQUAL(vain_link_accept(pair.one.host, &nobody), VAIN_AGAIN);
    CU_ASSERT_PTR_NULL(nobody);
    pair_close(&pair);
}

static void addresses(void)
{
    static const char *const wrong[] = {
        "",         ":4000",    "host",      "host:",        "host:65536", "host:04000", "host:-1",
        "host:+1",  "::1:4000", "[::1]",     "[::1]4000",    "[]:4000",    "[a]:4000",   "a b:4000",
        "a/b:4000", "host:1 ",  "[::1:4000", "127.0.0.1]:1", "x@y:4000",   "host:123456"};
    struct pair pair;
    struct vain_link *link;
    char bound[VAIN_LINK_ADDRESS_BYTES], longest[200];
    pair_open(&pair);
    const uint8_t *id = pair.one.signer.member_id;
    for (size_t i = 0; i < VAIN_COUNT_OF(wrong); i++) {
        CU_ASSERT_EQUAL(vain_link_dial(pair.two.host, wrong[i], id, 0, &link), VAIN_ERR_INPUT);
        CU_ASSERT_TRUE(bed_message_has("expected host:port"));
        CU_ASSERT_PTR_NULL(link);
    }
    memset(longest, '1', sizeof longest);
    memcpy(longest + sizeof longest - 6, ":4000", 6);
    CU_ASSERT_EQUAL(vain_link_dial(pair.two.host, longest, id, 0, &link), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_link_dial(pair.two.host, "1.2.3.4:1", pair.two.signer.member_id, 0, &link),
                    VAIN_ERR_REFUSED);
    CU_ASSERT_TRUE(bed_message_has("own id"));
    struct side third;
    side_open(&third, 3, "", 0);
    vain_link_host_close(&third.host); /* its port is free now */
    CU_ASSERT_EQUAL_FATAL(vain_link_dial(pair.two.host, third.address, id, 0, &link), VAIN_OK);
    struct end end = end_of_link(link);
    step_all(&end, 1);
    CU_ASSERT_EQUAL(end.status, VAIN_ERR_PEER);
    CU_ASSERT_TRUE(bed_message_has(third.address));
    CU_ASSERT_EQUAL(vain_link_step(link), VAIN_ERR_PEER); /* and again, in the same words */
    CU_ASSERT_TRUE(bed_message_has("refused"));
    CU_ASSERT_EQUAL(side_refused(&pair.two, VAIN_LINK_BROKEN), 1);
    vain_link_close(&link);
    const struct vain_link_config config = {.signer = &third.signer, .world = &third.world};
    CU_ASSERT_EQUAL_FATAL(vain_link_host_open(&config, &third.host), VAIN_OK);
    CU_ASSERT_EQUAL(vain_link_listener(third.host), -1);
    CU_ASSERT_EQUAL(vain_link_listen(third.host, "localhost:0", bound), VAIN_ERR_INPUT);
    CU_ASSERT_TRUE(bed_message_has("numeric"));
    CU_ASSERT_EQUAL(vain_link_listen(third.host, pair.one.address, bound), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_TRUE(bed_message_has(pair.one.address));
    CU_ASSERT_EQUAL(vain_link_listen(third.host, "192.0.2.1:0", bound), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(bound, "");
    side_close(&third);
    pair_close(&pair);
}

/* A machine without IPv6 has nothing to show here. */
static void addresses_of_ipv6(void)
{
    struct pair pair;
    pair_open(&pair);
    vain_link_host_close(&pair.one.host);
    const struct vain_link_config config = {.signer = &pair.one.signer,
                                            .world = &pair.one.world,
                                            .allowed = pair.two.signer.member_id,
                                            .allowed_count = 1};
    CU_ASSERT_EQUAL_FATAL(vain_link_host_open(&config, &pair.one.host), VAIN_OK);
    if (vain_link_listen(pair.one.host, "[::1]:0", pair.one.address) == VAIN_OK) {
        CU_ASSERT_EQUAL(strncmp(pair.one.address, "[::1]:", 6), 0);
        CU_ASSERT_TRUE(pair_connect(&pair, NULL, 0));
    }
    pair_close(&pair);
}

/* A name that may stand for several places: all are tried. Where no file names it, there is nothing
 * to show. */
static void names_are_looked_up(void)
{
    struct pair pair;
    struct vain_addresses found;
    char name[VAIN_LINK_ADDRESS_BYTES];
    pair_open(&pair);
    snprintf(name, sizeof name, "localhost%s", strrchr(pair.one.address, ':'));
    if (vain_address_resolve(name, true, &found) == VAIN_OK)
        CU_ASSERT_TRUE(pair_connect(&pair, name, 0));
    pair_close(&pair);
    /* The first place refuses, the second is right. */
    pair_open(&pair);
    struct side closed;
    side_open(&closed, 3, "", 0);
    CU_ASSERT_EQUAL_FATAL(vain_address_resolve(closed.address, false, &found), VAIN_OK);
    side_close(&closed);
    CU_ASSERT_EQUAL_FATAL(vain_link_dial(pair.two.host, pair.one.address, pair.one.signer.member_id,
                                         0, &pair.dialled),
                          VAIN_OK);
    pair.dialled->addresses.at[1] = pair.dialled->addresses.at[0];
    pair.dialled->addresses.at[0] = found.at[0];
    pair.dialled->addresses.count = 2;
    CU_ASSERT_EQUAL(vain_link_step(pair.dialled), VAIN_AGAIN);
    pair.accepted = accept_one(&pair.one);
    struct end ends[] = {end_of_link(pair.dialled), end_of_link(pair.accepted)};
    step_all(ends, 2);
    CU_ASSERT_EQUAL(ends[0].status, VAIN_OK);
    CU_ASSERT_EQUAL(ends[1].status, VAIN_OK);
    pair_close(&pair);
}

static void impossible_hosts_are_refused(void)
{
    struct side side;
    struct vain_link_host *host;
    side_open(&side, 1, "", 0);
    struct vain_link_config config = {.signer = &side.signer, .world = &side.world};
    config.half_open_max = 65;
    CU_ASSERT_EQUAL(vain_link_host_open(&config, &host), VAIN_ERR_INPUT);
    CU_ASSERT_TRUE(bed_message_has("65 may be half open"));
    config.half_open_max = -1;
    CU_ASSERT_EQUAL(vain_link_host_open(&config, &host), VAIN_ERR_INPUT);
    config.half_open_max = 0;
    config.deadline_ms = UINT64_MAX;
    CU_ASSERT_EQUAL(vain_link_host_open(&config, &host), VAIN_ERR_INPUT);
    config.deadline_ms = 0;
    config.allowed_count = VAIN_MEMBERS_MAX + 1;
    CU_ASSERT_EQUAL(vain_link_host_open(&config, &host), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(host);
    config.allowed_count = 0;
    side.clock.unix_ms = -1;
    CU_ASSERT_EQUAL(vain_link_host_open(&config, &host), VAIN_ERR_INPUT);
    CU_ASSERT_TRUE(bed_message_has("set the clock"));
    side.clock.unix_ms = BED_NOW_MS;
    shortage_after(0);
    CU_ASSERT_EQUAL(vain_link_host_open(&config, &host), VAIN_ERR_MEMORY);
    struct vain_link *link;
    const uint8_t id[VAIN_HASH_BYTES] = {1};
    CU_ASSERT_EQUAL(vain_link_dial(side.host, side.address, id, 0, &link), VAIN_ERR_MEMORY);
    shortage_end();
    CU_ASSERT_PTR_NULL(link);
    CU_ASSERT_EQUAL(vain_link_host_counts(side.host)->dialled, 0);
    side_close(&side);
}

/* ---- Bytes ---------------------------------------------------------------------------------- */

static uint8_t byte_at(size_t position, uint8_t salt)
{
    const uint64_t mixed = (position + salt) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint8_t)(mixed >> 56);
}

/* One direction: how far the writer and the reader have come, in pieces that follow no pattern. */
struct flow {
    struct vain_stream *from, *to;
    size_t bytes, sent, received;
    uint8_t salt;
    uint32_t state;
    int full, empty; /* how often nothing was taken, nothing had come */
};

static size_t next_piece(struct flow *flow, size_t most)
{
    flow->state = flow->state * 1664525u + 1013904223u;
    const size_t piece = 1 + (flow->state >> 8) % PIECE_MAX;
    const size_t small = flow->state >> 28 == 0 ? 1 + piece % 7 : piece;
    return small < most ? small : most;
}

static uint8_t piece_bytes[PIECE_MAX];

static void flow_write(struct flow *flow)
{
    const size_t piece = next_piece(flow, flow->bytes - flow->sent);
    size_t taken;
    if (piece == 0)
        return;
    for (size_t i = 0; i < piece; i++)
        piece_bytes[i] = byte_at(flow->sent + i, flow->salt);
    CU_ASSERT_EQUAL_FATAL(flow->from->ops->write(flow->from, piece_bytes, piece, &taken), VAIN_OK);
    CU_ASSERT_FATAL(taken <= piece);
    memset(piece_bytes, 0, sizeof piece_bytes); /* what was taken is not looked at again */
    flow->sent += taken;
    flow->full += taken == 0;
}

static void flow_read(struct flow *flow)
{
    size_t got, wrong = 0;
    const size_t most = next_piece(flow, PIECE_MAX);
    CU_ASSERT_EQUAL_FATAL(flow->to->ops->read(flow->to, piece_bytes, most, &got), VAIN_OK);
    CU_ASSERT_FATAL(got <= most);
    for (size_t i = 0; i < got; i++)
        wrong += piece_bytes[i] != byte_at(flow->received + i, flow->salt);
    CU_ASSERT_EQUAL(wrong, 0);
    flow->received += got;
    flow->empty += got == 0;
}

static void flow_all(struct flow *flow, int count)
{
    for (int step = 0, done = 0; done < count; step++) {
        CU_ASSERT_FATAL(step < 10000000);
        done = 0;
        for (int i = 0; i < count; i++) {
            flow_write(&flow[i]);
            flow_read(&flow[i]);
            done += flow[i].received == flow[i].bytes;
        }
    }
}

static void flows_init(struct pair *pair, struct flow flows[2], size_t bytes)
{
    struct vain_stream *a = vain_link_stream(pair->dialled), *b = vain_link_stream(pair->accepted);
    flows[0] = (struct flow){.from = a, .to = b, .bytes = bytes, .salt = 1, .state = 1};
    flows[1] = (struct flow){.from = b, .to = a, .bytes = bytes, .salt = 99, .state = 2};
}

static void bytes_go_both_ways(void)
{
    struct pair pair;
    struct flow flows[2];
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    flows_init(&pair, flows, MANY_BYTES);
    flow_all(flows, 2);
    CU_ASSERT_EQUAL(flows[0].received, MANY_BYTES);
    CU_ASSERT_EQUAL(flows[1].received, MANY_BYTES);
    pair_close(&pair);
}

/* A reader that does not read: the writer is held off, loses nothing, and says what it waits for.
 */
static void a_full_link_takes_nothing(void)
{
    struct pair pair;
    struct flow flows[2];
    short events;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    flows_init(&pair, flows, (size_t)1 << 40);
    while (flows[0].full < 3)
        flow_write(&flows[0]);
    CU_ASSERT_TRUE(flows[0].from->ops->descriptor(flows[0].from, &events) >= 0);
    CU_ASSERT_TRUE((events & POLLOUT) != 0 || events == 0);
    flows[0].bytes = flows[0].sent + 1000000;
    flows[1].bytes = 300000; /* and the other direction is free meanwhile */
    flow_all(flows + 1, 1);
    flow_all(flows, 1);
    CU_ASSERT_EQUAL(flows[0].received, flows[0].bytes);
    pair_close(&pair);
}

/* Shorter than what was offered before, from another place: what was not taken is free. */
static void a_later_write_may_be_shorter(void)
{
    struct pair pair;
    struct flow flows[2];
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    flows_init(&pair, flows, (size_t)1 << 40);
    while (flows[0].full < 1)
        flow_write(&flows[0]);
    size_t taken = 0, tries = 0;
    const uint8_t one = byte_at(flows[0].sent, 1);
    for (; taken == 0 && tries < 1000000; tries++) {
        flow_read(&flows[0]);
        CU_ASSERT_EQUAL_FATAL(flows[0].from->ops->write(flows[0].from, &one, 1, &taken), VAIN_OK);
    }
    flows[0].bytes = flows[0].sent += 1;
    flow_all(flows, 1);
    CU_ASSERT_EQUAL(flows[0].received, flows[0].sent);
    pair_close(&pair);
}

static void keys_are_changed_in_time(void)
{
    struct pair pair;
    struct flow flows[2];
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    pair.dialled->records_per_key = 3;
    pair.accepted->records_per_key = 5;
    flows_init(&pair, flows, 3000000);
    flow_all(flows, 2);
    CU_ASSERT_TRUE(pair.dialled->records <= 3);
    CU_ASSERT_TRUE(pair.accepted->records <= 5);
    pair_close(&pair);
}

/* Held, small writes gather; all that does not fit leaves, and the rest at the end. */
static void held_bytes_leave_together(void)
{
    struct pair pair;
    struct flow flows[2];
    uint8_t byte = 7;
    size_t count;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    struct vain_stream *from = vain_link_stream(pair.dialled);
    struct vain_stream *to = vain_link_stream(pair.accepted);
    CU_ASSERT_EQUAL(to->ops->read(to, &byte, 1, &count), VAIN_OK); /* what the hello left open */
    from->ops->hold(from, true);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(from->ops->write(from, &byte, 1, &count), VAIN_OK);
        CU_ASSERT_EQUAL(count, 1);
    }
    struct pollfd wait = {.fd = pair.accepted->socket, .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&wait, 1, 0), 0);
    CU_ASSERT_TRUE(pair.dialled->end > pair.dialled->start);
    from->ops->hold(from, false);
    CU_ASSERT_EQUAL(pair.dialled->end, pair.dialled->start);
    CU_ASSERT_EQUAL(poll(&wait, 1, WAIT_MS), 1);
    uint8_t back[4];
    CU_ASSERT_EQUAL(to->ops->read(to, back, sizeof back, &count), VAIN_OK);
    CU_ASSERT_EQUAL(count, 3);
    from->ops->hold(from, true); /* a whole run of writes, held */
    flows_init(&pair, flows, 3000000);
    flow_all(flows + 1, 1);
    while (flows[0].sent < flows[0].bytes) {
        flow_write(&flows[0]);
        flow_read(&flows[0]);
    }
    from->ops->hold(from, false);
    flow_all(flows, 1);
    CU_ASSERT_EQUAL(flows[0].received, flows[0].bytes);
    CU_ASSERT_EQUAL(shutdown(pair.accepted->socket, SHUT_RDWR), 0);
    while (from->ops->write(from, &byte, 1, &count) == VAIN_OK)
        continue;
    from->ops->hold(from, false); /* of an ended link: nothing */
    pair_close(&pair);
}

static void nothing_waits_where_nothing_is(void)
{
    struct pair pair;
    short events;
    uint8_t byte = 7, back = 0;
    size_t count;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    struct vain_stream *from = vain_link_stream(pair.dialled);
    struct vain_stream *to = vain_link_stream(pair.accepted);
    /* Something may have come with the hello: do not sleep yet. */
    struct pollfd wait = {.fd = to->ops->descriptor(to, &events)};
    CU_ASSERT_EQUAL(events, 0);
    CU_ASSERT_EQUAL(to->ops->read(to, &back, 1, &count), VAIN_OK);
    CU_ASSERT_EQUAL(count, 0);
    (void)to->ops->descriptor(to, &wait.events);
    CU_ASSERT_EQUAL(wait.events, POLLIN);
    CU_ASSERT_EQUAL(poll(&wait, 1, 0), 0);
    CU_ASSERT_EQUAL(from->ops->write(from, &byte, 1, &count), VAIN_OK);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(poll(&wait, 1, WAIT_MS), 1);
    CU_ASSERT_EQUAL(to->ops->read(to, &back, 1, &count), VAIN_OK);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(back, 7);
    (void)to->ops->descriptor(to, &events);
    CU_ASSERT_EQUAL(events, 0); /* the buffer was filled: there may be more */
    pair_close(&pair);
}

/* ---- Ends ----------------------------------------------------------------------------------- */

/* Reads until something else than bytes comes. */
static enum vain_status read_to_the_end(struct vain_stream *stream, size_t *bytes)
{
    *bytes = 0;
    for (;;) {
        size_t got;
        const enum vain_status status =
            stream->ops->read(stream, piece_bytes, sizeof piece_bytes, &got);
        if (status != VAIN_OK)
            return status;
        *bytes += got;
        struct pollfd wait = {0};
        wait.fd = stream->ops->descriptor(stream, &wait.events);
        if (wait.events != 0 && poll(&wait, 1, WAIT_MS) != 1)
            return VAIN_AGAIN;
    }
}

static void an_end_in_order(void)
{
    struct pair pair;
    size_t bytes, taken;
    static const uint8_t data[100000];
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    struct vain_stream *from = vain_link_stream(pair.dialled);
    struct vain_stream *to = vain_link_stream(pair.accepted);
    CU_ASSERT_EQUAL(from->ops->write(from, data, sizeof data, &taken), VAIN_OK);
    CU_ASSERT_EQUAL(taken, sizeof data);
    CU_ASSERT_EQUAL(vain_link_finish(pair.dialled), VAIN_OK);
    CU_ASSERT_EQUAL(vain_link_finish(pair.dialled), VAIN_OK);
    CU_ASSERT_EQUAL(read_to_the_end(to, &bytes), VAIN_END);
    CU_ASSERT_EQUAL(bytes, sizeof data);
    CU_ASSERT_EQUAL(read_to_the_end(to, &bytes), VAIN_END);
    short events;
    (void)to->ops->descriptor(to, &events);
    CU_ASSERT_EQUAL(events, 0); /* nothing to wait for any more */
    /* The other direction goes on. */
    CU_ASSERT_EQUAL(to->ops->write(to, data, 1000, &taken), VAIN_OK);
    to->ops->close(to);
    pair.accepted = NULL;
    CU_ASSERT_EQUAL(read_to_the_end(from, &bytes), VAIN_END);
    CU_ASSERT_EQUAL(bytes, 1000);
    pair_close(&pair);
}

/* While the peer does not read, the end has not left, and finish says so. */
static void an_end_waits_behind_the_bytes(void)
{
    struct pair pair;
    struct flow flows[2];
    size_t bytes;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    flows_init(&pair, flows, (size_t)1 << 40);
    while (flows[0].full < 1)
        flow_write(&flows[0]);
    CU_ASSERT_EQUAL(vain_link_finish(pair.dialled), VAIN_AGAIN);
    enum vain_status finished = VAIN_AGAIN;
    for (int i = 0; i < 1000000 && finished == VAIN_AGAIN; i++) {
        flow_read(&flows[0]);
        finished = vain_link_finish(pair.dialled);
    }
    CU_ASSERT_EQUAL(finished, VAIN_OK);
    CU_ASSERT_EQUAL(read_to_the_end(flows[0].to, &bytes), VAIN_END);
    CU_ASSERT_EQUAL(flows[0].received + bytes, flows[0].sent);
    pair_close(&pair);
}

/* The end itself is what does not fit: small writes until one of them waits. */
static void an_end_waits_for_room(void)
{
    struct pair pair;
    size_t taken, sent = 0, bytes, tries = 0;
    static const uint8_t data[100];
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    struct vain_stream *from = vain_link_stream(pair.dialled);
    struct vain_stream *to = vain_link_stream(pair.accepted);
    for (; pair.dialled->start == pair.dialled->end && tries < 10000000; tries++) {
        CU_ASSERT_EQUAL_FATAL(from->ops->write(from, data, sizeof data, &taken), VAIN_OK);
        sent += taken;
    }
    CU_ASSERT_EQUAL(vain_link_finish(pair.dialled), VAIN_AGAIN);
    CU_ASSERT_TRUE(pair.dialled->finished);
    enum vain_status finished = VAIN_AGAIN, status = VAIN_OK;
    size_t received = 0;
    for (int i = 0; i < 1000000 && finished == VAIN_AGAIN && status == VAIN_OK; i++) {
        status = to->ops->read(to, piece_bytes, sizeof piece_bytes, &bytes);
        received += bytes;
        finished = vain_link_finish(pair.dialled);
    }
    CU_ASSERT_EQUAL(finished, VAIN_OK);
    CU_ASSERT_EQUAL(read_to_the_end(to, &bytes), VAIN_END);
    CU_ASSERT_EQUAL(received + bytes, sent);
    pair_close(&pair);
}

/* What a host and its links share is there until the last of them is closed. */
static void links_outlive_their_host(void)
{
    struct pair pair;
    struct flow flows[2];
    size_t bytes;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    vain_link_host_close(&pair.one.host);
    vain_link_host_close(&pair.two.host);
    CU_ASSERT_PTR_NULL(pair.one.host);
    pair.dialled->records_per_key = 3;
    flows_init(&pair, flows, 300000);
    flow_all(flows, 2);
    CU_ASSERT_EQUAL(vain_link_step(pair.dialled), VAIN_OK);
    vain_link_close(&pair.dialled);
    CU_ASSERT_EQUAL(read_to_the_end(flows[0].to, &bytes), VAIN_END);
    vain_link_close(&pair.accepted);
    pair_close(&pair);
}

static int setting_of(const struct vain_link *link, int level, int option)
{
    int value = -1;
    socklen_t bytes = sizeof value;
    CU_ASSERT_EQUAL(getsockopt(link->socket, level, option, &value, &bytes), 0);
    return value;
}

/* What makes the system notice a host that is gone, at both ends; that it does so takes 5 s and a
 * network that is cut. */
static void silence_is_noticed(void)
{
    struct pair pair;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    const struct vain_link *ends[] = {pair.dialled, pair.accepted};
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(setting_of(ends[i], SOL_SOCKET, SO_KEEPALIVE), 1);
        CU_ASSERT_EQUAL(setting_of(ends[i], IPPROTO_TCP, TCP_KEEPIDLE), 2);
        CU_ASSERT_EQUAL(setting_of(ends[i], IPPROTO_TCP, TCP_KEEPINTVL), 1);
        CU_ASSERT_EQUAL(setting_of(ends[i], IPPROTO_TCP, TCP_KEEPCNT), 3);
        CU_ASSERT_EQUAL(setting_of(ends[i], IPPROTO_TCP, TCP_USER_TIMEOUT), 5000);
    }
    pair_close(&pair);
}

/* The process is gone: no close_notify. SIGPIPE is as it was, so it would end this program. */
static void an_end_without_notice(void)
{
    void (*handler)(int) = signal(SIGPIPE, SIG_DFL);
    struct pair pair;
    size_t bytes, taken;
    uint8_t byte = 1;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    struct vain_stream *from = vain_link_stream(pair.dialled);
    struct vain_stream *to = vain_link_stream(pair.accepted);
    CU_ASSERT_EQUAL(from->ops->write(from, &byte, 1, &taken), VAIN_OK);
    CU_ASSERT_EQUAL(shutdown(pair.dialled->socket, SHUT_RDWR), 0);
    CU_ASSERT_EQUAL(read_to_the_end(to, &bytes), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(bytes, 1);
    CU_ASSERT_TRUE(bed_message_has("without notice"));
    CU_ASSERT_EQUAL(to->ops->read(to, &byte, 1, &bytes), VAIN_ERR_PEER);
    CU_ASSERT_TRUE(bed_message_has("without notice"));
    CU_ASSERT_EQUAL(to->ops->write(to, &byte, 1, &taken), VAIN_ERR_PEER);
    short events;
    CU_ASSERT_EQUAL(to->ops->descriptor(to, &events), -1);
    CU_ASSERT_EQUAL(vain_link_finish(pair.accepted), VAIN_ERR_PEER);
    enum vain_status status = VAIN_OK;
    for (int i = 0; i < 1000 && status == VAIN_OK; i++)
        status = from->ops->write(from, &byte, 1, &taken);
    CU_ASSERT_EQUAL(status, VAIN_ERR_PEER);
    CU_ASSERT_TRUE(bed_message_has("link to"));
    pair_close(&pair);
    signal(SIGPIPE, handler);
}

/* ---- Time ----------------------------------------------------------------------------------- */

static void own_certificates_are_renewed(void)
{
    struct pair pair;
    const int64_t hour_ms = 3600000;
    pair_open(&pair);
    CU_ASSERT_TRUE(pair_connect(&pair, NULL, 0));
    CU_ASSERT_EQUAL(vain_link_host_counts(pair.one.host)->renewed, 0);
    for (uint64_t i = 1; i <= 3; i++) {
        vain_link_close(&pair.dialled);
        vain_link_close(&pair.accepted);
        side_pass_ms(&pair.one, 13 * hour_ms);
        side_pass_ms(&pair.two, 13 * hour_ms);
        CU_ASSERT_TRUE(pair_connect(&pair, NULL, 0));
        CU_ASSERT_EQUAL(vain_link_host_counts(pair.one.host)->renewed, i);
        CU_ASSERT_EQUAL(vain_link_host_counts(pair.two.host)->renewed, i);
    }
    vain_link_close(&pair.dialled);
    vain_link_close(&pair.accepted);
    side_pass_ms(&pair.one, -20 * hour_ms); /* a clock set right, backwards */
    side_pass_ms(&pair.two, -20 * hour_ms);
    CU_ASSERT_TRUE(pair_connect(&pair, NULL, 0));
    CU_ASSERT_EQUAL(vain_link_host_counts(pair.one.host)->renewed, 4);
    pair_close(&pair);
}

static enum vain_status sign_nothing(struct vain_signer *signer, const void *message, size_t bytes,
                                     uint8_t out[VAIN_SIGNATURE_BYTES])
{
    (void)signer;
    (void)message;
    (void)bytes;
    (void)out;
    return vain_fail(VAIN_ERR_AUTH, "the token is not there");
}

static void a_renewal_that_fails_is_tried_again(void)
{
    static const struct vain_signer_ops broken = {.name = "broken", .sign = sign_nothing};
    struct pair pair;
    struct vain_link *link;
    pair_open(&pair);
    const struct vain_signer_ops *whole = pair.two.signer.ops;
    pair.two.signer.ops = &broken;
    side_pass_ms(&pair.two, 13 * 3600000);
    side_pass_ms(&pair.one, 13 * 3600000);
    CU_ASSERT_TRUE(pair_connect(&pair, NULL, 0)); /* the old one is good for some hours */
    CU_ASSERT_EQUAL(vain_link_host_counts(pair.two.host)->renewals_failed, 1);
    side_pass_ms(&pair.two, 13 * 3600000);
    CU_ASSERT_EQUAL(
        vain_link_dial(pair.two.host, pair.one.address, pair.one.signer.member_id, 0, &link),
        VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(bed_message_has("the token is not there"));
    pair.two.signer.ops = whole;
    CU_ASSERT_EQUAL(
        vain_link_dial(pair.two.host, pair.one.address, pair.one.signer.member_id, 0, &link),
        VAIN_OK);
    vain_link_close(&link);
    pair_close(&pair);
}

/* Clocks that are further apart than a certificate's margin: each side names the other's. */
static void clocks_far_apart_do_not_meet(void)
{
    struct pair pair;
    pair_open(&pair);
    side_pass_ms(&pair.two, -VAIN_LINK_SKEW_MS - 2000);
    CU_ASSERT_FALSE(pair_connect(&pair, NULL, 0));
    CU_ASSERT_EQUAL(vain_link_step(pair.dialled), VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(bed_message_has("compare the two machines' clocks"));
    CU_ASSERT_EQUAL(side_refused(&pair.two, VAIN_LINK_CERTIFICATE), 1);
    pair_close(&pair);
}

/* ---- Bugs ----------------------------------------------------------------------------------- */

static struct pair *bug_pair;

static void close_the_host_first(void)
{
    struct vain_link *link;
    if (vain_link_dial(bug_pair->two.host, bug_pair->one.address, bug_pair->one.signer.member_id, 0,
                       &link) == VAIN_OK)
        vain_link_host_close(&bug_pair->two.host);
}

static void take_a_stream_too_early(void)
{
    struct vain_link *link;
    if (vain_link_dial(bug_pair->two.host, bug_pair->one.address, bug_pair->one.signer.member_id, 0,
                       &link) == VAIN_OK)
        (void)vain_link_stream(link);
}

static void write_behind_the_end(void)
{
    size_t taken;
    struct vain_stream *stream = vain_link_stream(bug_pair->dialled);
    if (vain_link_finish(bug_pair->dialled) == VAIN_OK)
        (void)!stream->ops->write(stream, "x", 1, &taken);
}

static void misuse_is_a_bug(void)
{
    struct pair pair;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    bug_pair = &pair;
    CU_ASSERT_EQUAL(test_exit_code(close_the_host_first, NULL, 0), 70);
    CU_ASSERT_EQUAL(test_exit_code(take_a_stream_too_early, NULL, 0), 70);
    CU_ASSERT_EQUAL(test_exit_code(write_behind_the_end, NULL, 0), 70);
    pair_close(&pair);
}

static void refusals_have_names(void)
{
    for (int i = 0; i < VAIN_LINK_REFUSALS; i++)
        CU_ASSERT_PTR_NOT_NULL(vain_link_refusal_name((enum vain_link_refusal)i));
    CU_ASSERT_STRING_EQUAL(vain_link_refusal_name(VAIN_LINK_HELLO), "hello");
}

static const struct vain_test tests[] = {
    {"two members meet and know each other", two_members_meet},
    {"addresses are host:port, and a closed port is told", addresses},
    {"links over IPv6", addresses_of_ipv6},
    {"names are looked up, and all their places tried", names_are_looked_up},
    {"impossible hosts are refused, and no memory is told", impossible_hosts_are_refused},
    {"many bytes go both ways in odd pieces", bytes_go_both_ways},
    {"a full link takes nothing and loses nothing", a_full_link_takes_nothing},
    {"a later write may be shorter", a_later_write_may_be_shorter},
    {"keys are changed in time", keys_are_changed_in_time},
    {"held bytes leave together", held_bytes_leave_together},
    {"a descriptor says when to sleep", nothing_waits_where_nothing_is},
    {"an end in order comes behind the last byte", an_end_in_order},
    {"an end waits behind the bytes", an_end_waits_behind_the_bytes},
    {"an end waits for room", an_end_waits_for_room},
    {"an end without notice is no end in order, and no SIGPIPE", an_end_without_notice},
    {"established links outlive their host", links_outlive_their_host},
    {"silence is noticed", silence_is_noticed},
    {"own certificates are renewed at half their life", own_certificates_are_renewed},
    {"a renewal that fails is tried again", a_renewal_that_fails_is_tried_again},
    {"clocks far apart do not meet", clocks_far_apart_do_not_meet},
    {"closing the host first, early streams, late writes are bugs", misuse_is_a_bug},
    {"refusals have names", refusals_have_names},
    {NULL, NULL},
};
const struct vain_suite vain_suite_link = {"p2p/link", tests};
