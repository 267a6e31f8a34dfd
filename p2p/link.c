/* A link's life: dialling, handshake, greeting, established, ended.
 *
 * The acceptor answers with its hello only after it has judged the dialler's certificate and hello,
 * and the dialler is established only by that answer: so both ends know that both ends agree. (TLS
 * alone ends a client's handshake before the server has seen the client's certificate.)
 *
 * Whatever goes wrong is put into words once, kept, and said again to whoever asks later. Errors
 * before a link is established count for the host; afterwards nothing of the host is touched, so
 * that links may live in other threads. */
#include "p2p/link_state.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static_assert((int)VAIN_LINK_SEND_BYTES >= 2 * (int)VAIN_LINK_RECORD_ROOM, "records gather");

enum { WHY_BYTES = 256, NS_PER_MS = 1000000 };

/* ---- The end -------------------------------------------------------------------------------- */

/* Hands what waits to the system, as far as it takes it. False if it will never take it. */
static bool flush(struct vain_link *link)
{
    while (link->start < link->end) {
        const ssize_t sent =
            send(link->socket, link->out + link->start, link->end - link->start, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return true;
        if (sent < 0) {
            link->socket_error = errno;
            return false;
        }
        link->start += (size_t)sent;
    }
    link->start = link->end = 0;
    return true;
}

static size_t room(const struct vain_link *link)
{
    return sizeof link->out - link->end;
}

static void release_connection(struct vain_link *link)
{
    SSL_free(link->ssl);
    link->ssl = NULL;
    if (link->socket >= 0)
        (void)close(link->socket);
    link->socket = -1;
    ERR_clear_error();
}

static void leave_beginning(struct vain_link *link)
{
    link->host->beginning--;
    if (link->inbound)
        link->host->half_open--;
}

/* Ends the link for good, with the reason. An alert that TLS has for the peer still leaves, if it
 * can. */
static enum vain_status end_link(struct vain_link *link, enum vain_link_refusal refusal,
                                 enum vain_status status, const char *why)
{
    char reason[WHY_BYTES];
    VAIN_ASSERT(link->state != VAIN_LINK_ENDED);
    snprintf(reason, sizeof reason, "%s", why); /* may lie in link->fault */
    if (link->socket >= 0 && link->state != VAIN_LINK_DIALLING)
        (void)flush(link);
    if (link->state != VAIN_LINK_ESTABLISHED) {
        link->host->counts.refused[refusal]++;
        leave_beginning(link);
    }
    release_connection(link);
    link->state = VAIN_LINK_ENDED;
    link->refusal = refusal;
    link->status = status;
    snprintf(link->fault, sizeof link->fault, "link %s %s: %s", link->inbound ? "from" : "to",
             link->where, reason);
    return vain_fail(status, "%s", link->fault);
}

static enum vain_status say_again(const struct vain_link *link)
{
    return vain_fail(link->status, "%s", link->fault);
}

static enum vain_status end_broken(struct vain_link *link)
{
    return end_link(link, VAIN_LINK_BROKEN, VAIN_ERR_PEER,
                    link->socket_error != 0 ? strerror(link->socket_error)
                                            : "the connection ended without notice");
}

/* After a call of OpenSSL that failed for good. The first error in its queue is the cause. */
static enum vain_status end_by_tls(struct vain_link *link, int ssl_error)
{
    const unsigned long code = ERR_peek_error();
    const int reason = ERR_GET_REASON(code);
    const char *words = ERR_reason_error_string(code);
    char why[WHY_BYTES];
    if (link->state != VAIN_LINK_ESTABLISHED && link->status != VAIN_OK)
        return end_link(link, link->refusal, link->status, link->fault); /* judged */
    if (link->chatter > VAIN_LINK_CHATTER_MAX)
        return end_link(
            link, VAIN_LINK_PROTOCOL,
            link->state == VAIN_LINK_ESTABLISHED ? VAIN_ERR_PEER : VAIN_ERR_AUTH,
            "the peer sends key updates, or other messages of TLS, and hardly any data");
    if (ssl_error != SSL_ERROR_SSL)
        return end_broken(link);
    const bool is_alert = reason > SSL_AD_REASON_OFFSET;
    if (reason == SSL_AD_REASON_OFFSET + SSL_AD_BAD_CERTIFICATE)
        snprintf(why, sizeof why,
                 "the peer refuses: it expects another key here, or its clock is days off");
    else
        snprintf(why, sizeof why, "%s: %s",
                 is_alert ? "the peer refuses" : "not TLS 1.3 as expected",
                 words != NULL ? words : "unknown");
    return end_link(link, VAIN_LINK_PROTOCOL,
                    link->state == VAIN_LINK_ESTABLISHED ? VAIN_ERR_PEER : VAIN_ERR_AUTH, why);
}

/* ---- Beginning ------------------------------------------------------------------------------ */

bool vain_link_prepare_socket(int socket)
{
    static const struct {
        int level, option, value;
    } settings[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, VAIN_LINK_KEEP_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, VAIN_LINK_KEEP_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, VAIN_LINK_KEEP_PROBES},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, VAIN_LINK_UNANSWERED_MS},
    };
    const int flags = fcntl(socket, F_GETFL);
    if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(socket, F_SETFD, FD_CLOEXEC) != 0)
        return false;
    for (size_t i = 0; i < VAIN_COUNT_OF(settings); i++) {
        if (setsockopt(socket, settings[i].level, settings[i].option, &settings[i].value,
                       sizeof settings[i].value) != 0)
            return false;
    }
    return true;
}

static const struct vain_stream_ops link_stream_ops;

enum vain_status vain_link_begin(struct vain_link_host *host, int socket, bool inbound,
                                 const char *where, struct vain_link **out)
{
    struct vain_link *link = NULL;
    *out = NULL;
    enum vain_status status;
    if (socket >= 0 && !vain_link_prepare_socket(socket))
        status =
            vain_fail(VAIN_ERR_UNAVAILABLE, "links: cannot prepare a socket: %s", strerror(errno));
    else
        status = vain_take(sizeof *link, "link", (void **)&link);
    if (status != VAIN_OK) {
        if (socket >= 0)
            (void)close(socket);
        return status;
    }
    link->host = host;
    link->socket = socket;
    link->inbound = inbound;
    link->state = socket >= 0 ? VAIN_LINK_HANDSHAKE : VAIN_LINK_DIALLING;
    link->stream = (struct vain_stream){.ops = &link_stream_ops, .state = link};
    link->deadline_ns = host->world->ops->now_ns(host->world) + host->deadline_ns;
    link->records_per_key = VAIN_LINK_RECORDS_PER_KEY;
    snprintf(link->where, sizeof link->where, "%s", where);
    atomic_fetch_add(&host->references, 1);
    host->beginning++;
    host->half_open += inbound;
    status = vain_link_tls_begin(link);
    if (status != VAIN_OK)
        vain_link_close(&link);
    *out = link;
    return status;
}

enum vain_status vain_link_dial(struct vain_link_host *host, const char *address,
                                const uint8_t peer_id[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                                uint16_t connection, struct vain_link **out)
{
    struct vain_addresses found;
    *out = NULL;
    if (memcmp(peer_id, host->signer->member_id, VAIN_HASH_BYTES) != 0)
        VAIN_TRY(vain_address_resolve(address, true, &found));
    return vain_link_dial_at(host, address, &found, peer_id, connection, out);
}

enum vain_status vain_link_dial_at(struct vain_link_host *host, const char *where,
                                   const struct vain_addresses *found,
                                   const uint8_t peer_id[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                                   uint16_t connection, struct vain_link **out)
{
    *out = NULL;
    if (memcmp(peer_id, host->signer->member_id, VAIN_HASH_BYTES) == 0)
        return vain_fail(VAIN_ERR_REFUSED, "link to %.95s: this member's own id", where);
    VAIN_TRY(vain_link_host_refresh(host));
    VAIN_TRY(vain_link_begin(host, -1, false, where, out));
    (*out)->addresses = *found;
    (*out)->connection = connection;
    memcpy((*out)->wanted_id, peer_id, VAIN_HASH_BYTES);
    host->counts.dialled++;
    return VAIN_OK;
}

/* ---- Dialling ------------------------------------------------------------------------------- */

/* Begins to connect to the next address; false if that failed at once. */
static bool begin_to_connect(struct vain_link *link)
{
    const int index = link->next_address++;
    const struct sockaddr_storage *name = &link->addresses.at[index].name;
    link->socket = socket(name->ss_family, SOCK_STREAM, 0);
    if (link->socket >= 0 && vain_link_prepare_socket(link->socket) &&
        (connect(link->socket, (const struct sockaddr *)name, link->addresses.at[index].bytes) ==
             0 ||
         errno == EINPROGRESS || errno == EINTR))
        return true;
    link->socket_error = errno;
    return false;
}

/* VAIN_OK once the present attempt has connected, VAIN_AGAIN while it is open; failed otherwise. */
static enum vain_status attempt(struct vain_link *link)
{
    struct pollfd wait = {.fd = link->socket, .events = POLLOUT};
    int reason = 0;
    socklen_t bytes = sizeof reason;
    if (poll(&wait, 1, 0) <= 0)
        return VAIN_AGAIN;
    if (getsockopt(link->socket, SOL_SOCKET, SO_ERROR, &reason, &bytes) != 0)
        reason = errno;
    link->socket_error = reason;
    return reason == 0 ? VAIN_OK : VAIN_ERR_PEER;
}

static enum vain_status step_dialling(struct vain_link *link)
{
    for (;;) {
        if (link->socket >= 0) {
            const enum vain_status status = attempt(link);
            if (status == VAIN_OK)
                link->state = VAIN_LINK_HANDSHAKE;
            if (status != VAIN_ERR_PEER)
                return status;
            (void)close(link->socket);
            link->socket = -1;
        }
        if (link->next_address == link->addresses.count)
            return end_broken(link);
        if (!begin_to_connect(link) && link->socket >= 0) {
            (void)close(link->socket);
            link->socket = -1;
        }
    }
}

/* ---- Handshake and greeting ----------------------------------------------------------------- */

static bool tls_waits(int ssl_error)
{
    return ssl_error == SSL_ERROR_WANT_READ || ssl_error == SSL_ERROR_WANT_WRITE;
}

static enum vain_status step_handshake(struct vain_link *link)
{
    ERR_clear_error();
    const int result = SSL_do_handshake(link->ssl);
    if (result != 1) {
        const int ssl_error = SSL_get_error(link->ssl, result);
        if (!tls_waits(ssl_error))
            return end_by_tls(link, ssl_error);
        return flush(link) ? VAIN_AGAIN : end_broken(link);
    }
    const char *fault = vain_link_tls_fault(link);
    if (fault != NULL)
        return end_link(link, VAIN_LINK_PROTOCOL, VAIN_ERR_AUTH, fault);
    memcpy(link->stream.peer_id, link->peer.member_id, VAIN_HASH_BYTES);
    link->state = VAIN_LINK_GREETING;
    return VAIN_OK;
}

/* What this side's hello is bound to, or the peer's. The caller wipes the exporter. */
static struct vain_hello_facts facts_of(const struct vain_link *link, bool own,
                                        uint8_t exporter[VAIN_MIN_LEN(VAIN_HELLO_EXPORTER_BYTES)])
{
    const bool dialler = own != link->inbound;
    const uint8_t *self = link->host->signer->member_id, *peer = link->peer.member_id;
    VAIN_ASSERT(SSL_export_keying_material(link->ssl, exporter, VAIN_HELLO_EXPORTER_BYTES,
                                           VAIN_HELLO_EXPORTER, strlen(VAIN_HELLO_EXPORTER), NULL,
                                           0, 0) == 1);
    return (struct vain_hello_facts){.role = dialler ? VAIN_HELLO_DIALLER : VAIN_HELLO_ACCEPTOR,
                                     .exporter = exporter,
                                     .sender_id = own ? self : peer,
                                     .receiver_id = own ? peer : self};
}

static enum vain_status send_hello(struct vain_link *link)
{
    uint8_t exporter[VAIN_HELLO_EXPORTER_BYTES], hello[VAIN_HELLO_BYTES];
    const struct vain_hello_facts facts = facts_of(link, true, exporter);
    size_t wrote = 0;
    vain_hello_encode(&facts, link->connection, hello);
    vain_wipe(exporter, sizeof exporter);
    ERR_clear_error();
    const int result = SSL_write_ex(link->ssl, hello, sizeof hello, &wrote);
    if (result != 1)
        return end_by_tls(link, SSL_get_error(link->ssl, result));
    VAIN_ASSERT(wrote == sizeof hello); /* handshakes leave room in the buffer */
    link->hello_sent = true;
    return VAIN_OK;
}

/* SSL_read_ex, which ends for who sends messages of TLS and no data: either the socket gives it
 * nothing more (link_tls.c), or what came is not taken. */
static int read_data(struct vain_link *link, uint8_t *data, size_t bytes, size_t *got)
{
    ERR_clear_error();
    const int result = SSL_read_ex(link->ssl, data, bytes, got);
    if (link->chatter > VAIN_LINK_CHATTER_MAX) {
        *got = 0;
        return 0;
    }
    link->chatter -= result == 1 && link->chatter > 0;
    return result;
}

static enum vain_status receive_hello(struct vain_link *link)
{
    while (link->hello_bytes < sizeof link->hello) {
        size_t got = 0;
        const int result = read_data(link, link->hello + link->hello_bytes,
                                     sizeof link->hello - link->hello_bytes, &got);
        if (result != 1) {
            const int ssl_error = SSL_get_error(link->ssl, result);
            return tls_waits(ssl_error) ? VAIN_AGAIN : end_by_tls(link, ssl_error);
        }
        link->hello_bytes += got;
    }
    return VAIN_OK;
}

static enum vain_status check_hello(struct vain_link *link)
{
    uint8_t exporter[VAIN_HELLO_EXPORTER_BYTES];
    uint16_t connection;
    const struct vain_hello_facts facts = facts_of(link, false, exporter);
    const enum vain_status status = vain_hello_check(link->hello, &facts, &connection);
    vain_wipe(exporter, sizeof exporter);
    if (status != VAIN_OK)
        return end_link(link, VAIN_LINK_HELLO, status, vain_fail_message());
    if (!link->inbound && connection != link->connection)
        return end_link(link, VAIN_LINK_HELLO, VAIN_ERR_AUTH,
                        "hello: answers for another connection of this pair");
    link->connection = connection;
    return VAIN_OK;
}

/* The dialler says hello and waits; the acceptor waits, checks, and only then answers. */
static enum vain_status step_greeting(struct vain_link *link)
{
    if (!link->inbound && !link->hello_sent)
        VAIN_TRY(send_hello(link));
    if (!flush(link))
        return end_broken(link);
    if (link->hello_bytes < sizeof link->hello) {
        VAIN_TRY(receive_hello(link));
        VAIN_TRY(check_hello(link));
    }
    if (!link->hello_sent)
        VAIN_TRY(send_hello(link));
    if (!flush(link))
        return end_broken(link);
    if (link->start < link->end)
        return VAIN_AGAIN;
    link->state = VAIN_LINK_ESTABLISHED;
    link->more_to_read = true; /* may have come with the hello */
    link->host->counts.established++;
    if (link->inbound)
        vain_pace_give_back(&link->host->pace, &link->source);
    leave_beginning(link);
    return VAIN_OK;
}

enum vain_status vain_link_step(struct vain_link *link)
{
    struct vain_world *world = link->host->world;
    if (link->state == VAIN_LINK_ENDED)
        return say_again(link);
    if (link->state == VAIN_LINK_ESTABLISHED)
        return VAIN_OK;
    if (world->ops->now_ns(world) >= link->deadline_ns) {
        static const char *const names[] = {"connected", "through the handshake", "greeted"};
        char why[WHY_BYTES];
        snprintf(why, sizeof why, "not %s within %llu ms", names[link->state],
                 (unsigned long long)(link->host->deadline_ns / NS_PER_MS));
        return end_link(link, VAIN_LINK_LATE, VAIN_ERR_TIMEOUT, why);
    }
    if (link->state == VAIN_LINK_DIALLING)
        VAIN_TRY(step_dialling(link));
    if (link->state == VAIN_LINK_HANDSHAKE)
        VAIN_TRY(step_handshake(link));
    return step_greeting(link);
}

/* ---- Asking --------------------------------------------------------------------------------- */

int vain_link_descriptor(const struct vain_link *link, short *events)
{
    *events = 0;
    if (link->state == VAIN_LINK_DIALLING && link->socket >= 0)
        *events = POLLOUT;
    if (link->state == VAIN_LINK_DIALLING || link->state == VAIN_LINK_ENDED || link->more_to_read)
        return link->socket;
    if (!link->peer_finished)
        *events |= POLLIN;
    if (link->start < link->end)
        *events |= POLLOUT;
    return link->socket;
}

const char *vain_link_where(const struct vain_link *link)
{
    return link->where;
}

bool vain_link_same_source(const struct vain_link *one, const struct vain_link *other)
{
    return memcmp(&one->source, &other->source, sizeof one->source) == 0;
}

const uint8_t *vain_link_peer(const struct vain_link *link)
{
    VAIN_ASSERT(link->state == VAIN_LINK_ESTABLISHED);
    return link->stream.peer_id;
}

uint16_t vain_link_connection(const struct vain_link *link)
{
    VAIN_ASSERT(link->state == VAIN_LINK_ESTABLISHED);
    return link->connection;
}

struct vain_stream *vain_link_stream(struct vain_link *link)
{
    VAIN_ASSERT(link->state == VAIN_LINK_ESTABLISHED);
    return &link->stream;
}

/* ---- Stream --------------------------------------------------------------------------------- */

/* One record of at most `bytes`; a key that has done its work is changed before it. */
static enum vain_status write_record(struct vain_link *link, const uint8_t *data, size_t bytes,
                                     size_t *wrote)
{
    *wrote = 0;
    ERR_clear_error();
    /* It fails in the middle of a message of the peer's; then the next record tries again. */
    if (link->records >= link->records_per_key &&
        SSL_key_update(link->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
        link->records = 0;
    ERR_clear_error();
    if (bytes > VAIN_LINK_RECORD_BYTES)
        bytes = VAIN_LINK_RECORD_BYTES;
    const int result = SSL_write_ex(link->ssl, data, bytes, wrote);
    if (result != 1)
        return end_by_tls(link, SSL_get_error(link->ssl, result));
    VAIN_ASSERT(*wrote == bytes); /* there was room */
    link->records++;
    return VAIN_OK;
}

static enum vain_status link_write(struct vain_stream *stream, const void *data, size_t bytes,
                                   size_t *taken)
{
    struct vain_link *link = stream->state;
    *taken = 0;
    if (link->state == VAIN_LINK_ENDED)
        return say_again(link);
    VAIN_ASSERT(bytes > 0);
    VAIN_ASSERT(!link->finished);
    if ((!link->held || room(link) < VAIN_LINK_RECORD_ROOM) && !flush(link))
        return end_broken(link);
    while (*taken < bytes && room(link) >= VAIN_LINK_RECORD_ROOM) {
        size_t wrote;
        VAIN_TRY(write_record(link, (const uint8_t *)data + *taken, bytes - *taken, &wrote));
        *taken += wrote;
        const bool leaves = *taken == bytes && !link->held;
        if ((leaves || room(link) < VAIN_LINK_RECORD_ROOM) && !flush(link))
            return end_broken(link);
    }
    return VAIN_OK;
}

static enum vain_status link_read(struct vain_stream *stream, void *data, size_t bytes, size_t *got)
{
    struct vain_link *link = stream->state;
    *got = 0;
    if (link->state == VAIN_LINK_ENDED)
        return say_again(link);
    VAIN_ASSERT(bytes > 0);
    /* A peer that takes nothing any more may have sent something before. */
    const bool sends = flush(link);
    link->more_to_read = true;
    while (*got < bytes && !link->peer_finished) {
        size_t part = 0;
        const int result = read_data(link, (uint8_t *)data + *got, bytes - *got, &part);
        *got += part;
        if (result == 1)
            continue;
        const int ssl_error = SSL_get_error(link->ssl, result);
        link->peer_finished = ssl_error == SSL_ERROR_ZERO_RETURN;
        link->more_to_read = false;
        if (tls_waits(ssl_error))
            break;
        if (link->peer_finished)
            continue;
        const enum vain_status status = end_by_tls(link, ssl_error);
        return *got > 0 ? VAIN_OK : status;
    }
    if (*got > 0)
        return VAIN_OK;
    if (link->peer_finished) {
        link->more_to_read = false;
        return VAIN_END;
    }
    return sends ? VAIN_OK : end_broken(link);
}

/* What cannot leave now fails in the next call. */
static void link_hold(struct vain_stream *stream, bool held)
{
    struct vain_link *link = stream->state;
    link->held = held;
    if (!held && link->state != VAIN_LINK_ENDED)
        (void)flush(link);
}

static int link_descriptor(const struct vain_stream *stream, short *events)
{
    return vain_link_descriptor(stream->state, events);
}

static void link_close(struct vain_stream *stream)
{
    struct vain_link *link = stream->state;
    vain_link_close(&link);
}

static const struct vain_stream_ops link_stream_ops = {
    .name = "tls",
    .write = link_write,
    .read = link_read,
    .descriptor = link_descriptor,
    .hold = link_hold,
    .close = link_close,
};

enum vain_status vain_link_finish(struct vain_link *link)
{
    if (link->state == VAIN_LINK_ENDED)
        return say_again(link);
    VAIN_ASSERT(link->state == VAIN_LINK_ESTABLISHED);
    if (!flush(link))
        return end_broken(link);
    if (!link->finished) {
        if (room(link) < VAIN_LINK_RECORD_ROOM)
            return VAIN_AGAIN;
        ERR_clear_error();
        const int result = SSL_shutdown(link->ssl);
        if (result < 0)
            return end_by_tls(link, SSL_get_error(link->ssl, result));
        link->finished = true;
    }
    if (!flush(link))
        return end_broken(link);
    return link->start < link->end ? VAIN_AGAIN : VAIN_OK;
}

void vain_link_close(struct vain_link **link)
{
    if (*link == NULL)
        return;
    struct vain_link_host *host = (*link)->host;
    if ((*link)->state == VAIN_LINK_ESTABLISHED)
        (void)!vain_link_finish(*link);
    if ((*link)->state < VAIN_LINK_ESTABLISHED)
        leave_beginning(*link);
    release_connection(*link);
    vain_release(*link);
    *link = NULL;
    vain_link_host_release(host);
}
