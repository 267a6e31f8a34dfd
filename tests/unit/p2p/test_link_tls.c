/* What somebody on the wire sees of a link, and what harm he can do to it. */
#include "p2p/link.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <openssl/ssl.h>

#include "tests/unit/p2p/relay.h"
#include "tests/unit/suite.h"

enum {
    STEPS_MAX = 1000000,
    WAIT_MS = 20000,
    RECORD_HEAD_BYTES = 5,
    RECORD_BYTES_MAX = 16384 + 256,
    CHANGE_CIPHER = 20,
    HANDSHAKE = 22,
    APPLICATION = 23
};

struct tapped {
    struct pair pair;
    struct relay *relay;
};

static struct relay the_relay; /* a few MiB */

static bool tapped_open(struct tapped *tapped)
{
    pair_open(&tapped->pair);
    tapped->relay = &the_relay;
    relay_open(tapped->relay);
    struct pair *pair = &tapped->pair;
    CU_ASSERT_EQUAL_FATAL(vain_link_dial(pair->two.host, tapped->relay->address,
                                         pair->one.signer.member_id, 9, &pair->dialled),
                          VAIN_OK);
    CU_ASSERT_EQUAL(vain_link_step(pair->dialled), VAIN_AGAIN);
    relay_connect(tapped->relay, &pair->one);
    pair->accepted = accept_one(&pair->one);
    return true;
}

/* Steps both ends and what is between them until both are done. */
static void tapped_settle(struct tapped *tapped, enum vain_status *dialled,
                          enum vain_status *accepted)
{
    *dialled = *accepted = VAIN_AGAIN;
    for (int i = 0; i < STEPS_MAX && (*dialled == VAIN_AGAIN || *accepted == VAIN_AGAIN); i++) {
        relay_pump(tapped->relay);
        if (*dialled == VAIN_AGAIN)
            *dialled = vain_link_step(tapped->pair.dialled);
        if (*accepted == VAIN_AGAIN)
            *accepted = vain_link_step(tapped->pair.accepted);
    }
}

static void tapped_close(struct tapped *tapped)
{
    pair_close(&tapped->pair);
    relay_close(tapped->relay);
}

static void tapped_establish(struct tapped *tapped)
{
    enum vain_status dialled, accepted;
    CU_ASSERT_TRUE_FATAL(tapped_open(tapped));
    tapped_settle(tapped, &dialled, &accepted);
    CU_ASSERT_EQUAL_FATAL(dialled, VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(accepted, VAIN_OK);
}

/* Sends `bytes` of `data` from end to end; the status of the reader when it is no longer VAIN_OK,
 * or VAIN_OK when all came. */
static enum vain_status pass(struct tapped *tapped, const uint8_t *data, size_t bytes,
                             uint8_t *back, size_t *received)
{
    struct vain_stream *from = vain_link_stream(tapped->pair.dialled);
    struct vain_stream *to = vain_link_stream(tapped->pair.accepted);
    size_t sent = 0;
    *received = 0;
    for (int i = 0; i < STEPS_MAX && *received < bytes; i++) {
        size_t part;
        if (sent < bytes) {
            VAIN_TRY(from->ops->write(from, data + sent, bytes - sent, &part));
            sent += part;
        }
        relay_pump(tapped->relay);
        VAIN_TRY(to->ops->read(to, back + *received, bytes - *received, &part));
        *received += part;
    }
    return *received == bytes ? VAIN_OK : VAIN_AGAIN;
}

/* ---- What is seen --------------------------------------------------------------------------- */

/* Record headers as TLS 1.3 has them: a hello in the clear, an optional byte for middleboxes, and
 * then nothing but application data. */
static void check_records(const struct relay_way *way, int clear_handshakes)
{
    int handshakes = 0, applications = 0, changes = 0;
    size_t at = 0;
    CU_ASSERT_EQUAL(way->kept_bytes, way->total_bytes);
    while (at + RECORD_HEAD_BYTES <= way->kept_bytes) {
        const uint8_t *head = way->kept + at;
        const size_t bytes = (size_t)head[3] << 8 | head[4];
        CU_ASSERT_EQUAL(head[1], 3);
        CU_ASSERT_TRUE(head[2] == 3 || (head[2] == 1 && at == 0));
        CU_ASSERT_TRUE(bytes <= RECORD_BYTES_MAX);
        if (head[0] == HANDSHAKE)
            CU_ASSERT_EQUAL(applications, 0);
        if (head[0] == CHANGE_CIPHER)
            CU_ASSERT_EQUAL(bytes, 1);
        handshakes += head[0] == HANDSHAKE;
        changes += head[0] == CHANGE_CIPHER;
        applications += head[0] == APPLICATION;
        CU_ASSERT_TRUE(head[0] == HANDSHAKE || head[0] == CHANGE_CIPHER || head[0] == APPLICATION);
        at += RECORD_HEAD_BYTES + bytes;
    }
    CU_ASSERT_EQUAL(at, way->kept_bytes);
    CU_ASSERT_EQUAL(handshakes, clear_handshakes);
    CU_ASSERT_TRUE(changes <= 1);
    CU_ASSERT_TRUE(applications >= 2);
}

static bool contains(const uint8_t *data, size_t bytes, const void *part, size_t part_bytes)
{
    for (size_t at = 0; at + part_bytes <= bytes; at++) {
        if (memcmp(data + at, part, part_bytes) == 0)
            return true;
    }
    return false;
}

static void the_wire_shows_tls_1_3_only(void)
{
    static uint8_t data[200000], back[sizeof data];
    struct tapped tapped;
    size_t received;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t) "a word that nobody else may read. "[i % 34];
    tapped_establish(&tapped);
    CU_ASSERT_EQUAL(pass(&tapped, data, sizeof data, back, &received), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(data, back, sizeof data), 0);
    CU_ASSERT_EQUAL(vain_link_finish(tapped.pair.dialled), VAIN_OK);
    for (int i = 0; i < 100; i++)
        relay_pump(tapped.relay);
    const struct pair *pair = &tapped.pair;
    for (int way = 0; way < 2; way++) {
        const struct relay_way *seen = &tapped.relay->ways[way];
        check_records(seen, 1);
        CU_ASSERT_FALSE(contains(seen->kept, seen->kept_bytes, data, 16));
        CU_ASSERT_FALSE(contains(seen->kept, seen->kept_bytes, "VAINLINK", 8));
        /* Nor who speaks to whom. */
        CU_ASSERT_FALSE(contains(seen->kept, seen->kept_bytes,
                                 pair->one.signer.certificate.root_key, VAIN_PUBLIC_KEY_BYTES));
        CU_ASSERT_FALSE(contains(seen->kept, seen->kept_bytes,
                                 pair->two.signer.certificate.root_key, VAIN_PUBLIC_KEY_BYTES));
    }
    CU_ASSERT_TRUE(tapped.relay->ways[0].total_bytes > sizeof data);
    tapped_close(&tapped);
}

/* A key update is a record of 22 bytes: a message of 5, its type, a tag of 16. */
static void keys_are_changed_on_the_wire(void)
{
    static uint8_t data[10 * 16384], back[sizeof data];
    enum { KEY_UPDATE_BYTES = 5 + 1 + 16 };
    struct tapped tapped;
    size_t received, at = 0;
    int updates = 0;
    tapped_establish(&tapped);
    tapped.pair.dialled->records_per_key = 3;
    CU_ASSERT_EQUAL(pass(&tapped, data, sizeof data, back, &received), VAIN_OK);
    const struct relay_way *seen = &tapped.relay->ways[0];
    while (at + RECORD_HEAD_BYTES <= seen->kept_bytes) {
        const size_t bytes = (size_t)seen->kept[at + 3] << 8 | seen->kept[at + 4];
        updates += bytes == KEY_UPDATE_BYTES;
        at += RECORD_HEAD_BYTES + bytes;
    }
    CU_ASSERT_EQUAL(updates, 3); /* before records 4, 7 and 10 of ten */
    tapped_close(&tapped);
}

/* What was agreed, and what was left out. */
static void the_session_is_as_it_should_be(void)
{
    struct pair pair;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    SSL *const ends[] = {pair.dialled->ssl, pair.accepted->ssl};
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(SSL_version(ends[i]), TLS1_3_VERSION);
        CU_ASSERT_EQUAL(SSL_get_negotiated_group(ends[i]), NID_X25519);
        CU_ASSERT_STRING_EQUAL(SSL_get_cipher(ends[i]), "TLS_AES_128_GCM_SHA256");
        CU_ASSERT_EQUAL(SSL_session_reused(ends[i]), 0);
        CU_ASSERT_EQUAL(SSL_SESSION_is_resumable(SSL_get_session(ends[i])), 0);
        CU_ASSERT_EQUAL(SSL_get_num_tickets(ends[i]), 0);
        CU_ASSERT_EQUAL(SSL_get_max_early_data(ends[i]), 0);
        CU_ASSERT_PTR_NULL(SSL_get_servername(ends[i], TLSEXT_NAMETYPE_host_name));
        CU_ASSERT_TRUE((SSL_get_options(ends[i]) & SSL_OP_NO_TICKET) != 0);
    }
    pair_close(&pair);
}

/* ---- What harm can be done ------------------------------------------------------------------ */

static void a_changed_bit_ends_a_link(void)
{
    static uint8_t data[100000], back[sizeof data];
    struct tapped tapped;
    size_t received;
    memset(data, 5, sizeof data);
    tapped_establish(&tapped);
    tapped.relay->ways[0].spoil_at = tapped.relay->ways[0].total_bytes + 50000;
    CU_ASSERT_EQUAL(pass(&tapped, data, sizeof data, back, &received), VAIN_ERR_PEER);
    CU_ASSERT_TRUE(bed_message_has("bad record mac"));
    CU_ASSERT_TRUE(received < 50000);
    CU_ASSERT_EQUAL(memcmp(data, back, received), 0);
    tapped_close(&tapped);
}

/* Whichever byte of the handshake is changed: never are both ends established. */
static void no_byte_of_a_handshake_may_change(void)
{
    for (int way = 0; way < 2; way++) {
        for (size_t at = 11; at < 1200; at += 23) {
            struct tapped tapped;
            enum vain_status dialled, accepted;
            CU_ASSERT_TRUE_FATAL(tapped_open(&tapped));
            tapped.relay->ways[way].spoil_at = at;
            tapped_settle(&tapped, &dialled, &accepted);
            if (tapped.relay->ways[way].total_bytes > at)
                CU_ASSERT_FALSE(dialled == VAIN_OK && accepted == VAIN_OK);
            tapped_close(&tapped);
        }
    }
}

static void a_cut_in_the_middle_is_no_end_in_order(void)
{
    static uint8_t data[100000], back[sizeof data];
    struct tapped tapped;
    size_t received, part;
    tapped_establish(&tapped);
    CU_ASSERT_EQUAL(pass(&tapped, data, sizeof data, back, &received), VAIN_OK);
    relay_cut(tapped.relay);
    struct vain_stream *to = vain_link_stream(tapped.pair.accepted);
    enum vain_status status = VAIN_OK;
    for (int i = 0; i < STEPS_MAX && status == VAIN_OK; i++)
        status = to->ops->read(to, back, sizeof back, &part);
    CU_ASSERT_EQUAL(status, VAIN_ERR_PEER);
    CU_ASSERT_TRUE(bed_message_has("link from"));
    tapped_close(&tapped);
}

/* In the handshake too. */
static void a_cut_before_the_beginning(void)
{
    struct tapped tapped;
    enum vain_status dialled, accepted;
    CU_ASSERT_TRUE_FATAL(tapped_open(&tapped));
    relay_pump(tapped.relay);
    relay_cut(tapped.relay);
    for (int i = 0; i < 2; i++)
        tapped.relay->ways[i].from_ended = true;
    tapped_settle(&tapped, &dialled, &accepted);
    CU_ASSERT_EQUAL(dialled, VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(accepted, VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(side_refused(&tapped.pair.one, VAIN_LINK_BROKEN), 1);
    CU_ASSERT_EQUAL(side_refused(&tapped.pair.two, VAIN_LINK_BROKEN), 1);
    tapped_close(&tapped);
}

/* ---- Key updates ------------------------------------------------------------------------------
 */

/* As many key updates as it likes, each with `data` bytes before it; what of it leaves now, does.
 */
static void update_keys(struct vain_link *link, int count, int data, int kind)
{
    struct vain_stream *stream = vain_link_stream(link);
    size_t taken;
    for (int i = 0; i < count; i++) {
        for (int byte = 0; byte < data; byte++)
            CU_ASSERT_EQUAL(stream->ops->write(stream, "x", 1, &taken), VAIN_OK);
        CU_ASSERT_EQUAL(SSL_key_update(link->ssl, kind), 1);
        CU_ASSERT_EQUAL(SSL_do_handshake(link->ssl), 1);
        stream->ops->hold(stream, false); /* flushes */
    }
}

/* Nothing but updates ends the link; between data they are part of it. */
static void key_updates_without_end_end_a_link(void)
{
    struct pair pair;
    uint8_t bytes[4096];
    size_t got = 0, all = 0;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    struct vain_stream *to = vain_link_stream(pair.accepted);
    struct pollfd wait = {.fd = pair.accepted->socket, .events = POLLIN};
    update_keys(pair.dialled, 30, 0, SSL_KEY_UPDATE_NOT_REQUESTED);
    CU_ASSERT_EQUAL(poll(&wait, 1, WAIT_MS), 1);
    CU_ASSERT_EQUAL(to->ops->read(to, bytes, sizeof bytes, &got), VAIN_OK);
    update_keys(pair.dialled, 500, 2, SSL_KEY_UPDATE_NOT_REQUESTED);
    while (all < 1000 && poll(&wait, 1, WAIT_MS) == 1) {
        CU_ASSERT_EQUAL_FATAL(to->ops->read(to, bytes, sizeof bytes, &got), VAIN_OK);
        all += got;
    }
    update_keys(pair.dialled, 1000, 0, SSL_KEY_UPDATE_NOT_REQUESTED);
    enum vain_status status = VAIN_OK;
    for (int i = 0; i < 100 && status == VAIN_OK && poll(&wait, 1, 100) == 1; i++)
        status = to->ops->read(to, bytes, sizeof bytes, &got);
    CU_ASSERT_EQUAL(status, VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "key updates"));
    pair_close(&pair);
}

/* While TLS is in the middle of a message of its own, one of the peer's that came in part say, it
 * takes no update. */
static void an_update_that_cannot_be_is_put_off(void)
{
    struct pair pair;
    size_t taken = 0;
    pair_open(&pair);
    CU_ASSERT_TRUE_FATAL(pair_connect(&pair, NULL, 0));
    struct vain_link *link = pair.accepted;
    struct vain_stream *to = vain_link_stream(link);
    link->records = link->records_per_key = 1;
    CU_ASSERT_EQUAL(SSL_key_update(link->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    CU_ASSERT_FALSE(SSL_is_init_finished(link->ssl));
    CU_ASSERT_EQUAL(to->ops->write(to, "yy", 2, &taken), VAIN_OK);
    CU_ASSERT_EQUAL(taken, 2);
    CU_ASSERT_EQUAL(link->records, 2);
    CU_ASSERT_EQUAL(to->ops->write(to, "yy", 2, &taken), VAIN_OK);
    CU_ASSERT_EQUAL(link->records, 1);
    pair_close(&pair);
}

static const struct vain_test tests[] = {
    {"the wire shows TLS 1.3 and nothing else", the_wire_shows_tls_1_3_only},
    {"keys are changed on the wire", keys_are_changed_on_the_wire},
    {"the session is as it should be", the_session_is_as_it_should_be},
    {"a changed bit ends a link", a_changed_bit_ends_a_link},
    {"no byte of a handshake may change", no_byte_of_a_handshake_may_change},
    {"a cut in the middle is no end in order", a_cut_in_the_middle_is_no_end_in_order},
    {"a cut before the beginning", a_cut_before_the_beginning},
    {"key updates without end end a link", key_updates_without_end_end_a_link},
    {"an update that cannot be is put off", an_update_that_cannot_be_is_put_off},
    {NULL, NULL},
};
const struct vain_suite vain_suite_link_tls = {"p2p/link on the wire", tests};
