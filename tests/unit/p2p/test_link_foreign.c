/* Links to peers that are not ours: each thing that must be refused, in either direction; garbage,
 * silence, crowds. */
#include "p2p/link.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "tests/unit/p2p/foreign.h"
#include "tests/unit/suite.h"

enum { DEADLINE_MS = VAIN_LINK_DEADLINE_MS, WAIT_MS = 20000 };

struct outcome {
    enum vain_status ours, theirs;
    uint64_t refused[VAIN_LINK_REFUSALS];
};

/* The foreigner, who has member 1's certificate unless told otherwise, dials member `number`. */
static struct outcome foreigner_dials(const struct foreign_traits *traits, int number)
{
    struct side side;
    struct foreign foreign;
    struct outcome outcome;
    side_open(&side, number, "1", 0);
    foreign_open(&foreign, raw_connect(&side), false, traits, &side.signer);
    struct vain_link *link = accept_one(&side);
    struct end ends[] = {end_of_link(link), end_of_foreign(&foreign)};
    step_all(ends, 2);
    outcome.ours = ends[0].status;
    outcome.theirs = ends[1].status;
    memcpy(outcome.refused, vain_link_host_counts(side.host)->refused, sizeof outcome.refused);
    vain_link_close(&link);
    foreign_close(&foreign);
    vain_link_host_close(&side.host);
    return outcome;
}

/* Member `number` dials the foreigner, whom it takes for member 1. */
static struct outcome foreigner_is_dialled(const struct foreign_traits *traits, int number)
{
    struct side side;
    struct foreign foreign;
    struct outcome outcome;
    struct vain_link *link;
    struct vain_signer wanted;
    char address[VAIN_LINK_ADDRESS_BYTES];
    const int listener = raw_listen(address);
    side_open(&side, number, "", 0);
    bed_signer(1, &wanted);
    CU_ASSERT_EQUAL_FATAL(vain_link_dial(side.host, address, wanted.member_id, 0, &link), VAIN_OK);
    CU_ASSERT_EQUAL(vain_link_step(link), VAIN_AGAIN);
    foreign_open(&foreign, raw_accept(listener), true, traits, &side.signer);
    struct end ends[] = {end_of_link(link), end_of_foreign(&foreign)};
    step_all(ends, 2);
    outcome.ours = ends[0].status;
    outcome.theirs = ends[1].status;
    memcpy(outcome.refused, vain_link_host_counts(side.host)->refused, sizeof outcome.refused);
    vain_link_close(&link);
    foreign_close(&foreign);
    (void)close(listener);
    vain_link_host_close(&side.host);
    return outcome;
}

static void check_refused(const struct outcome *outcome, const char *says,
                          enum vain_link_refusal refusal, enum vain_status status)
{
    CU_ASSERT_EQUAL(outcome->ours, status);
    CU_ASSERT_TRUE(bed_message_has(says));
    for (int i = 0; i < VAIN_LINK_REFUSALS; i++)
        CU_ASSERT_EQUAL(outcome->refused[i], i == (int)refusal);
    CU_ASSERT_NOT_EQUAL(outcome->theirs, VAIN_OK);
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void a_foreigner_who_does_all_right_is_let_in(void)
{
    static const struct foreign_traits right[] = {
        {.hello = HELLO_RIGHT}, {.hello = HELLO_BYTE_BY_BYTE}, {.row = "another-extension"}};
    for (size_t i = 0; i < VAIN_COUNT_OF(right); i++) {
        struct outcome outcome = foreigner_dials(&right[i], 3);
        CU_ASSERT_EQUAL(outcome.ours, VAIN_OK);
        CU_ASSERT_EQUAL(outcome.theirs, VAIN_OK);
        outcome = foreigner_is_dialled(&right[i], 3);
        CU_ASSERT_EQUAL(outcome.ours, VAIN_OK);
        CU_ASSERT_EQUAL(outcome.theirs, VAIN_OK);
    }
}

struct refused_row {
    struct foreign_traits traits;
    const char *says_accepting, *says_dialling;
    enum vain_link_refusal refusal;
};

static void check_rows(const struct refused_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct outcome outcome = foreigner_dials(&rows[i].traits, 3);
        check_refused(&outcome, rows[i].says_accepting, rows[i].refusal, VAIN_ERR_AUTH);
        outcome = foreigner_is_dialled(&rows[i].traits, 3);
        check_refused(&outcome, rows[i].says_dialling, rows[i].refusal, VAIN_ERR_AUTH);
    }
}

static void wrong_certificates_are_refused(void)
{
    static const char *const names[][2] = {
        {"expired", "expired"},
        {"not-yet-valid", "valid from"},
        {"long-life", "at most 24 hours"},
        {"signed-by-another-key", "expected self-signed"},
        {"signature-of-another-member", "signature of its key is wrong"},
        {"no-extension", "0 times"},
        {"extension-twice", "2 times"},
        {"trailing-byte", "227 bytes"},
        {"unknown-critical-extension", "a critical extension"},
        {"current-key-of-mixed-order", "current key is not a valid"},
        {"member-key-expired", "the member's key expired"},
        {"version-1", "X.509 version 1"},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(names); i++) {
        const struct refused_row row = {.traits = {.row = names[i][0]},
                                        .says_accepting = names[i][1],
                                        .says_dialling = names[i][1],
                                        .refusal = VAIN_LINK_CERTIFICATE};
        check_rows(&row, 1);
    }
    static const struct refused_row two = {.traits = {.show = FOREIGN_TWO_ROWS},
                                           .says_accepting = "2 certificates, expected one",
                                           .says_dialling = "2 certificates, expected one",
                                           .refusal = VAIN_LINK_CERTIFICATE};
    check_rows(&two, 1);
}

static void another_protocol_is_refused(void)
{
    static const struct refused_row rows[] = {
        {{.protocol = "http/1.1"}, "no application protocol", "bad extension", VAIN_LINK_PROTOCOL},
        {{.protocol = "vain/2"}, "no application protocol", "bad extension", VAIN_LINK_PROTOCOL},
        {{.protocol = ""}, "does not speak vain/1", "does not speak vain/1", VAIN_LINK_PROTOCOL},
        {{.version_max = TLS1_2_VERSION}, "not TLS 1.3", "the peer refuses", VAIN_LINK_PROTOCOL},
        {{.groups = "P-256"}, "no suitable key share", "the peer refuses", VAIN_LINK_PROTOCOL},
        {{.show = FOREIGN_P256},
         "did not return a certificate",
         "the peer refuses",
         VAIN_LINK_PROTOCOL},
        {{.show = FOREIGN_RSA},
         "did not return a certificate",
         "the peer refuses",
         VAIN_LINK_PROTOCOL},
    };
    check_rows(rows, VAIN_COUNT_OF(rows));
}

static void no_certificate_is_refused(void)
{
    static const struct foreign_traits none = {.show = FOREIGN_NONE};
    const struct outcome outcome = foreigner_dials(&none, 3);
    check_refused(&outcome, "did not return a certificate", VAIN_LINK_PROTOCOL, VAIN_ERR_AUTH);
}

static void other_members_are_refused(void)
{
    static const struct refused_row other = {.traits = {.row = "another-member"},
                                             .says_accepting = "is not allowed here",
                                             .says_dialling = "is there, expected",
                                             .refusal = VAIN_LINK_MEMBER};
    static const struct foreign_traits good = {.hello = HELLO_RIGHT};
    static const struct foreign_traits two = {.row = "another-member"};
    check_rows(&other, 1);
    /* Somebody has stolen or copied our own key. */
    struct outcome outcome = foreigner_dials(&good, 1);
    check_refused(&outcome, "this member's own id", VAIN_LINK_MEMBER, VAIN_ERR_AUTH);
    outcome = foreigner_is_dialled(&two, 2);
    check_refused(&outcome, "this member's own id", VAIN_LINK_MEMBER, VAIN_ERR_AUTH);
}

static void who_is_allowed_may_change(void)
{
    struct pair pair;
    pair_open(&pair);
    CU_ASSERT_TRUE(pair_connect(&pair, NULL, 0));
    CU_ASSERT_EQUAL(vain_link_host_allow(pair.one.host, NULL, 0), VAIN_OK);
    CU_ASSERT_EQUAL(vain_link_step(pair.accepted), VAIN_OK); /* what is there stays */
    vain_link_close(&pair.dialled);
    vain_link_close(&pair.accepted);
    CU_ASSERT_FALSE(pair_connect(&pair, NULL, 0));
    CU_ASSERT_EQUAL(vain_link_step(pair.accepted), VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(bed_message_has("is not allowed here"));
    CU_ASSERT_EQUAL(vain_link_step(pair.dialled), VAIN_ERR_AUTH); /* not established for a moment */
    CU_ASSERT_TRUE(bed_message_has("the peer refuses: it expects another key here"));
    CU_ASSERT_EQUAL(vain_link_host_counts(pair.two.host)->established, 1);
    CU_ASSERT_EQUAL(vain_link_host_allow(pair.one.host, NULL, VAIN_MEMBERS_MAX + 1),
                    VAIN_ERR_INPUT);
    pair_close(&pair);
}

static void wrong_hellos_are_refused(void)
{
    static const struct {
        enum foreign_hello hello;
        const char *says;
    } hellos[] = {
        {HELLO_OTHER_EXPORTER, "bound to another session"},
        {HELLO_OTHER_ROLE, "bound to another session"},
        {HELLO_OTHER_SENDER, "bound to another session"},
        {HELLO_OTHER_VERSION, "hello: version 0"},
        {HELLO_GARBAGE, "does not begin like one"},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(hellos); i++) {
        const struct foreign_traits traits = {.hello = hellos[i].hello};
        struct outcome outcome = foreigner_dials(&traits, 3);
        check_refused(&outcome, hellos[i].says, VAIN_LINK_HELLO, VAIN_ERR_AUTH);
        outcome = foreigner_is_dialled(&traits, 3);
        CU_ASSERT_EQUAL(outcome.theirs, VAIN_OK); /* had our hello before */
        outcome.theirs = VAIN_ERR_PEER;
        check_refused(&outcome, hellos[i].says, VAIN_LINK_HELLO, VAIN_ERR_AUTH);
    }
    static const struct foreign_traits other = {.hello = HELLO_OTHER_CONNECTION};
    struct outcome outcome = foreigner_is_dialled(&other, 3);
    outcome.theirs = VAIN_ERR_PEER;
    check_refused(&outcome, "another connection", VAIN_LINK_HELLO, VAIN_ERR_AUTH);
    static const struct foreign_traits end = {.hello = HELLO_END};
    outcome = foreigner_dials(&end, 3);
    check_refused(&outcome, "without notice", VAIN_LINK_BROKEN, VAIN_ERR_PEER);
}

/* The client's data that came with a certificate that is refused leads to nothing: no answer. */
static void nothing_is_done_before_the_certificate_is_checked(void)
{
    static const struct foreign_traits expired = {.row = "expired", .hello = HELLO_RIGHT};
    struct side side;
    struct foreign foreign;
    side_open(&side, 3, "1", 0);
    foreign_open(&foreign, raw_connect(&side), false, &expired, &side.signer);
    struct vain_link *link = accept_one(&side);
    struct end ends[] = {end_of_link(link), end_of_foreign(&foreign)};
    step_all(ends, 2);
    CU_ASSERT_TRUE(foreign.said); /* its handshake was over before ours */
    CU_ASSERT_EQUAL(link->hello_bytes, 0);
    CU_ASSERT_FALSE(link->hello_sent);
    CU_ASSERT_EQUAL(foreign.heard_bytes, 0);
    CU_ASSERT_EQUAL(vain_link_host_counts(side.host)->established, 0);
    vain_link_close(&link);
    foreign_close(&foreign);
    side_close(&side);
}

/* ---- Garbage and silence -------------------------------------------------------------------- */

static void garbage_is_refused(void)
{
    static const char *const garbage[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\xff\xff aaaaaaaaaaaaaaaaaaaa",
        "\x16\x03\x01\x01\x40\x01\xff\xff\xff aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "\x17\x03\x03\x01\x01 application data before anything else", "SSH-2.0-OpenSSH_9.2\r\n"};
    struct side side;
    side_open(&side, 3, "1", 0);
    for (size_t i = 0; i < VAIN_COUNT_OF(garbage); i++) {
        const int raw = raw_connect(&side);
        struct vain_link *link = accept_one(&side);
        CU_ASSERT_EQUAL(vain_link_step(link), VAIN_AGAIN);
        CU_ASSERT_TRUE(send(raw, garbage[i], strlen(garbage[i]), MSG_NOSIGNAL) > 0);
        CU_ASSERT_EQUAL(shutdown(raw, SHUT_WR), 0);
        struct end end = end_of_link(link);
        step_all(&end, 1);
        CU_ASSERT_TRUE(end.status == VAIN_ERR_AUTH || end.status == VAIN_ERR_PEER);
        CU_ASSERT_TRUE(bed_message_has("link from 127.0.0.1:"));
        vain_link_close(&link);
        (void)close(raw);
    }
    /* The third and fourth announce more than they bring: the rest never comes. */
    CU_ASSERT_EQUAL(side_refused(&side, VAIN_LINK_PROTOCOL), 3);
    CU_ASSERT_EQUAL(side_refused(&side, VAIN_LINK_BROKEN), 2);
    CU_ASSERT_EQUAL(side.host->half_open, 0);
    side_close(&side);
}

static void a_server_that_answers_garbage_is_refused(void)
{
    struct side side;
    struct vain_link *link;
    const uint8_t id[VAIN_HASH_BYTES] = {1};
    char address[VAIN_LINK_ADDRESS_BYTES];
    const int listener = raw_listen(address);
    side_open(&side, 3, "", 0);
    CU_ASSERT_EQUAL_FATAL(vain_link_dial(side.host, address, id, 0, &link), VAIN_OK);
    CU_ASSERT_EQUAL(vain_link_step(link), VAIN_AGAIN);
    const int raw = raw_accept(listener);
    CU_ASSERT_EQUAL(send(raw, "220 mail.example.org ESMTP\r\n", 28, MSG_NOSIGNAL), 28);
    struct end end = end_of_link(link);
    step_all(&end, 1);
    CU_ASSERT_EQUAL(end.status, VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(bed_message_has("not TLS 1.3 as expected"));
    vain_link_close(&link);
    (void)close(raw);
    (void)close(listener);
    side_close(&side);
}

static void check_late(struct side *side, struct vain_link *link, const char *says)
{
    CU_ASSERT_EQUAL(vain_link_step(link), VAIN_AGAIN);
    side_pass_ms(side, DEADLINE_MS - 1);
    CU_ASSERT_EQUAL(vain_link_step(link), VAIN_AGAIN);
    side_pass_ms(side, 1);
    CU_ASSERT_EQUAL(vain_link_step(link), VAIN_ERR_TIMEOUT);
    CU_ASSERT_TRUE(bed_message_has(says));
    CU_ASSERT_EQUAL(vain_link_step(link), VAIN_ERR_TIMEOUT);
}

/* One byte and no more; a listener that never answers; TLS done and no hello. */
static void silence_ends_at_the_deadline(void)
{
    struct side side;
    struct vain_link *link;
    const uint8_t id[VAIN_HASH_BYTES] = {1};
    char address[VAIN_LINK_ADDRESS_BYTES];
    side_open(&side, 3, "1", 0);
    const int raw = raw_connect(&side);
    CU_ASSERT_EQUAL(send(raw, "\x16", 1, 0), 1);
    link = accept_one(&side);
    check_late(&side, link, "not through the handshake within 10000 ms");
    vain_link_close(&link);
    (void)close(raw);

    const int listener = raw_listen(address);
    CU_ASSERT_EQUAL_FATAL(vain_link_dial(side.host, address, id, 0, &link), VAIN_OK);
    check_late(&side, link, "not through the handshake");
    vain_link_close(&link);
    (void)close(listener);

    static const struct foreign_traits silent = {.hello = HELLO_NONE};
    struct foreign foreign;
    foreign_open(&foreign, raw_connect(&side), false, &silent, &side.signer);
    link = accept_one(&side);
    struct end ends[] = {end_of_link(link), end_of_foreign(&foreign)};
    for (int i = 0; i < 1000000 && link->state != VAIN_LINK_GREETING; i++) {
        (void)!ends[1].step(&foreign);
        CU_ASSERT_EQUAL_FATAL(ends[0].step(link), VAIN_AGAIN);
    }
    check_late(&side, link, "not greeted within");
    vain_link_close(&link);
    foreign_close(&foreign);
    CU_ASSERT_EQUAL(side_refused(&side, VAIN_LINK_LATE), 3);
    CU_ASSERT_EQUAL(side.host->half_open, 0);
    side_close(&side);
}

/* Established by TLS and no further, it sends key updates in place of a hello. */
static void key_updates_are_no_hello(void)
{
    static const struct foreign_traits silent = {.hello = HELLO_NONE};
    struct side side;
    struct foreign foreign;
    side_open(&side, 3, "1", 0);
    foreign_open(&foreign, raw_connect(&side), false, &silent, &side.signer);
    struct vain_link *link = accept_one(&side);
    struct end ends[] = {end_of_link(link), end_of_foreign(&foreign)};
    for (int i = 0; i < 1000000 && link->state != VAIN_LINK_GREETING; i++) {
        (void)!ends[1].step(&foreign);
        CU_ASSERT_EQUAL_FATAL(ends[0].step(link), VAIN_AGAIN);
    }
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(SSL_key_update(foreign.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        CU_ASSERT_EQUAL(SSL_do_handshake(foreign.ssl), 1);
    }
    enum vain_status status = VAIN_AGAIN;
    struct pollfd wait = {.fd = link->socket, .events = POLLIN};
    while (status == VAIN_AGAIN && poll(&wait, 1, 200) == 1)
        status = ends[0].step(link);
    CU_ASSERT_EQUAL(status, VAIN_ERR_AUTH);
    CU_ASSERT_EQUAL(side_refused(&side, VAIN_LINK_PROTOCOL), 1);
    vain_link_close(&link);
    foreign_close(&foreign);
    side_close(&side);
}

/* Nobody answers: a listener whose queue is full lets the next one wait. */
static void dialling_ends_at_the_deadline(void)
{
    enum { SOCKETS = 8 };
    struct side side;
    struct vain_link *links[SOCKETS] = {NULL};
    const uint8_t id[VAIN_HASH_BYTES] = {1};
    char address[VAIN_LINK_ADDRESS_BYTES];
    const int listener = raw_listen(address);
    int waits = -1;
    CU_ASSERT_EQUAL(listen(listener, 0), 0);
    side_open(&side, 3, "1", 0);
    for (int i = 0; i < SOCKETS && waits < 0; i++) {
        CU_ASSERT_EQUAL_FATAL(vain_link_dial(side.host, address, id, 0, &links[i]), VAIN_OK);
        CU_ASSERT_EQUAL(vain_link_step(links[i]), VAIN_AGAIN);
        waits = links[i]->state == VAIN_LINK_DIALLING ? i : -1;
    }
    CU_ASSERT_FATAL(waits >= 0);
    short events;
    CU_ASSERT_TRUE(vain_link_descriptor(links[waits], &events) >= 0);
    CU_ASSERT_EQUAL(events, POLLOUT);
    check_late(&side, links[waits], "not connected within 10000 ms");
    for (int i = 0; i < SOCKETS; i++)
        vain_link_close(&links[i]);
    (void)close(listener);
    side_close(&side);
}

static void a_crowd_is_turned_away(void)
{
    enum { MOST = 3 };
    struct side side;
    int raw[MOST + 2];
    struct vain_link *links[MOST] = {NULL}, *link;
    char byte;
    side_open(&side, 3, "1", MOST);
    for (int i = 0; i < MOST; i++) {
        raw[i] = raw_connect(&side);
        links[i] = accept_one(&side);
    }
    for (int i = MOST; i < MOST + 2; i++)
        raw[i] = raw_connect(&side);
    struct pollfd wait = {.fd = vain_link_listener(side.host), .events = POLLIN};
    while (side_refused(&side, VAIN_LINK_FULL) < 2 && poll(&wait, 1, WAIT_MS) == 1)
        CU_ASSERT_EQUAL(vain_link_accept(side.host, &link), VAIN_AGAIN);
    CU_ASSERT_EQUAL(side_refused(&side, VAIN_LINK_FULL), 2);
    CU_ASSERT_EQUAL(recv(raw[MOST], &byte, 1, 0), 0); /* told at once */
    side_pass_ms(&side, DEADLINE_MS);
    CU_ASSERT_EQUAL(vain_link_step(links[0]), VAIN_ERR_TIMEOUT); /* its place is free */
    const int next = raw_connect(&side);
    link = accept_one(&side);
    vain_link_close(&link); /* and this one's too */
    CU_ASSERT_EQUAL(side.host->half_open, MOST - 1);
    for (int i = 0; i < MOST; i++)
        vain_link_close(&links[i]);
    CU_ASSERT_EQUAL(side.host->half_open, 0);
    for (int i = 0; i < MOST + 2; i++)
        (void)close(raw[i]);
    (void)close(next);
    side_close(&side);
}

static void established_links_take_no_place(void)
{
    struct pair pair;
    pair_open(&pair);
    pair.one.host->half_open_max = 1;
    for (int i = 0; i < 3; i++) {
        struct vain_link *dialled = pair.dialled, *accepted = pair.accepted;
        CU_ASSERT_TRUE(pair_connect(&pair, NULL, (uint16_t)i));
        CU_ASSERT_EQUAL(pair.one.host->half_open, 0);
        vain_link_close(&dialled);
        vain_link_close(&accepted);
        CU_ASSERT_EQUAL(pair.one.host->half_open, 0);
    }
    pair_close(&pair);
}

static const struct vain_test tests[] = {
    {"a foreigner who does all right is let in", a_foreigner_who_does_all_right_is_let_in},
    {"wrong certificates are refused on both sides", wrong_certificates_are_refused},
    {"another protocol, version, group or kind of key is refused", another_protocol_is_refused},
    {"no certificate is refused", no_certificate_is_refused},
    {"members that are not allowed, not dialled or oneself are refused", other_members_are_refused},
    {"who is allowed may change", who_is_allowed_may_change},
    {"wrong hellos are refused on both sides", wrong_hellos_are_refused},
    {"nothing is done before the certificate is checked",
     nothing_is_done_before_the_certificate_is_checked},
    {"garbage is refused", garbage_is_refused},
    {"a server that answers garbage is refused", a_server_that_answers_garbage_is_refused},
    {"silence ends at the deadline", silence_ends_at_the_deadline},
    {"key updates are no hello", key_updates_are_no_hello},
    {"dialling ends at the deadline", dialling_ends_at_the_deadline},
    {"a crowd is turned away", a_crowd_is_turned_away},
    {"established links take no place", established_links_take_no_place},
    {NULL, NULL},
};
const struct vain_suite vain_suite_link_foreign = {"p2p/link and foreigners", tests};
