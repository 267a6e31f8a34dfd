/* OpenSSL as links use it: one version, one group, one kind of key, and our own judgement of the
 * peer's certificate in place of chains of trust.
 *
 * A session reads the socket itself, but writes to the link's buffer. So a record is either taken
 * whole or not begun, nothing has to be offered twice, and several records leave in one call. */
#include "p2p/link_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

/* AES with 128 bits first: X25519 and Ed25519 give no more, and it takes an eighth less time. */
#define CIPHERS "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

enum {
    READ_AHEAD_BYTES = 4 * (VAIN_LINK_RECORD_BYTES + 256), /* records read in one call */
    CERTIFICATE_MESSAGE_MAX = 4096 /* of a peer: room for two, to see that there are two */
};

static const unsigned char protocol[] = {6, 'v', 'a', 'i', 'n', '/', '1'}; /* ALPN's form */

/* ---- Socket and buffer ---------------------------------------------------------------------- */

static int bio_write(BIO *bio, const char *data, int bytes)
{
    struct vain_link *link = BIO_get_data(bio);
    const size_t room = sizeof link->out - link->end;
    const size_t taken = (size_t)bytes < room ? (size_t)bytes : room;
    BIO_clear_retry_flags(bio);
    if (taken == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(link->out + link->end, data, taken);
    link->end += taken;
    return (int)taken;
}

static int bio_read(BIO *bio, char *data, int bytes)
{
    struct vain_link *link = BIO_get_data(bio);
    ssize_t got;
    BIO_clear_retry_flags(bio);
    if (link->chatter > VAIN_LINK_CHATTER_MAX)
        return -1;
    do
        got = recv(link->socket, data, (size_t)bytes, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        BIO_set_retry_read(bio);
    else if (got < 0)
        link->socket_error = errno;
    return (int)got;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; /* link.c sends what lies in the buffer */
}

/* ---- The peer's certificate ----------------------------------------------------------------- */

static enum vain_status check_member(const struct vain_link *link)
{
    const struct vain_link_host *host = link->host;
    const uint8_t *id = link->peer.member_id;
    char hex[2 * VAIN_HASH_BYTES + 1];
    vain_to_hex(id, VAIN_HASH_BYTES, hex);
    if (memcmp(id, host->signer->member_id, VAIN_HASH_BYTES) == 0)
        return vain_fail(VAIN_ERR_AUTH, "the other end has this member's own id, %s", hex);
    if (!link->inbound) {
        if (memcmp(id, link->wanted_id, VAIN_HASH_BYTES) == 0)
            return VAIN_OK;
        char wanted[2 * VAIN_HASH_BYTES + 1];
        vain_to_hex(link->wanted_id, VAIN_HASH_BYTES, wanted);
        return vain_fail(VAIN_ERR_AUTH, "member %s is there, expected %s", hex, wanted);
    }
    for (int i = 0; i < host->allowed_count; i++) {
        if (memcmp(id, host->allowed[i], VAIN_HASH_BYTES) == 0)
            return VAIN_OK;
    }
    return vain_fail(
        VAIN_ERR_AUTH,
        "member %s is not allowed here: the spec lists no such key, or it is not for that "
        "member to dial this one",
        hex);
}

static enum vain_status judge(struct vain_link *link, X509_STORE_CTX *store)
{
    uint8_t der[VAIN_LINK_CERTIFICATE_BYTES_MAX];
    unsigned char *place = der;
    X509 *x509 = X509_STORE_CTX_get0_cert(store);
    const int certificates = sk_X509_num(X509_STORE_CTX_get0_untrusted(store));
    link->refusal = VAIN_LINK_CERTIFICATE;
    if (certificates != 1)
        return vain_fail(VAIN_ERR_AUTH, "the peer shows %d certificates, expected one",
                         certificates);
    const int bytes = i2d_X509(x509, NULL);
    if (bytes <= 0 || bytes > VAIN_LINK_CERTIFICATE_BYTES_MAX || i2d_X509(x509, &place) != bytes)
        return vain_fail(VAIN_ERR_AUTH, "transport certificate: %d bytes, expected at most %d",
                         bytes, VAIN_LINK_CERTIFICATE_BYTES_MAX);
    VAIN_TRY(vain_link_certificate_check(
        der, (size_t)bytes, link->host->world->ops->unix_ms(link->host->world), &link->peer));
    link->refusal = VAIN_LINK_MEMBER;
    return check_member(link);
}

/* OpenSSL's place for a verdict. Ours is kept in the link, with its words. */
static int verify(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct vain_link *link = SSL_get_app_data(ssl);
    link->status = judge(link, store);
    link->judged = link->status == VAIN_OK;
    if (!link->judged)
        snprintf(link->fault, sizeof link->fault, "%s", vain_fail_message());
    X509_STORE_CTX_set_error(store, link->judged ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
    return link->judged;
}

/* ---- Messages of TLS ------------------------------------------------------------------------ */

/* Called for each record too: of TLS 1.3 with the byte that says what is in it. */
static void count_message(int written, int version, int type, const void *data, size_t bytes,
                          SSL *ssl, void *unused)
{
    struct vain_link *link = SSL_get_app_data(ssl);
    (void)version;
    (void)unused;
    const bool in_record = type == SSL3_RT_INNER_CONTENT_TYPE && bytes == 1 &&
                           *(const uint8_t *)data == SSL3_RT_HANDSHAKE;
    if (written == 0 && link->state >= VAIN_LINK_GREETING &&
        (type == SSL3_RT_HANDSHAKE || in_record))
        link->chatter++;
}

/* ---- Settings ------------------------------------------------------------------------------- */

static int select_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *bytes,
                           const unsigned char *offered, unsigned offered_bytes, void *unused)
{
    (void)ssl;
    (void)unused;
    for (unsigned at = 0; at < offered_bytes; at += 1u + offered[at]) {
        if (offered_bytes - at >= sizeof protocol &&
            memcmp(offered + at, protocol, sizeof protocol) == 0) {
            *chosen = protocol + 1;
            *bytes = protocol[0];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool set_up_context(SSL_CTX *context)
{
    char group[] = "X25519", key_kind[] = "ed25519"; /* OpenSSL's macros do not know const */
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify, NULL);
    SSL_CTX_set_msg_callback(context, count_message);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
    /* A resumed session would skip the certificate, and with it every check of today. */
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(context,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD_BYTES);
    SSL_CTX_set_max_cert_list(context, CERTIFICATE_MESSAGE_MAX);
    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(context, CIPHERS) == 1 &&
           SSL_CTX_set1_groups_list(context, group) == 1 &&
           SSL_CTX_set1_sigalgs_list(context, key_kind) == 1 &&
           SSL_CTX_set_num_tickets(context, 0) == 1 &&
           SSL_CTX_set_max_early_data(context, 0) == 1 &&
           SSL_CTX_set_recv_max_early_data(context, 0) == 1 &&
           SSL_CTX_set_alpn_protos(context, protocol, sizeof protocol) == 0;
}

static bool set_up_method(BIO_METHOD *method)
{
    return BIO_meth_set_write(method, bio_write) == 1 && BIO_meth_set_read(method, bio_read) == 1 &&
           BIO_meth_set_ctrl(method, bio_control) == 1;
}

static enum vain_status unavailable(const char *what)
{
    ERR_clear_error();
    return vain_fail(VAIN_ERR_UNAVAILABLE,
                     "OpenSSL cannot %s, which links need: TLS 1.3 with X25519 and Ed25519; a "
                     "FIPS-only configuration leaves them out",
                     what);
}

enum vain_status vain_link_tls_open(struct vain_link_host *host)
{
    host->context = SSL_CTX_new(TLS_method());
    host->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "vain link");
    if (host->context == NULL || host->method == NULL || !set_up_context(host->context) ||
        !set_up_method(host->method))
        return unavailable("be set up");
    return VAIN_OK;
}

enum vain_status vain_link_tls_show(struct vain_link_host *host)
{
    if (SSL_CTX_use_certificate(host->context, host->certificate.x509) != 1 ||
        SSL_CTX_use_PrivateKey(host->context, host->certificate.key) != 1)
        return unavailable("use the transport certificate");
    return VAIN_OK;
}

void vain_link_tls_close(struct vain_link_host *host)
{
    SSL_CTX_free(host->context);
    BIO_meth_free(host->method);
    host->context = NULL;
    host->method = NULL;
}

enum vain_status vain_link_tls_begin(struct vain_link *link)
{
    BIO *bio = BIO_new(link->host->method);
    link->ssl = SSL_new(link->host->context);
    if (bio == NULL || link->ssl == NULL) {
        BIO_free(bio);
        return unavailable("begin a session");
    }
    BIO_set_data(bio, link);
    BIO_set_init(bio, 1);
    SSL_set_bio(link->ssl, bio, bio); /* takes it */
    SSL_set_app_data(link->ssl, link);
    if (link->inbound)
        SSL_set_accept_state(link->ssl);
    else
        SSL_set_connect_state(link->ssl);
    return VAIN_OK;
}

const char *vain_link_tls_fault(const struct vain_link *link)
{
    const unsigned char *chosen;
    unsigned bytes;
    SSL_get0_alpn_selected(link->ssl, &chosen, &bytes);
    if (bytes != protocol[0] || memcmp(chosen, protocol + 1, bytes) != 0)
        return "the peer does not speak vain/1 (ALPN)";
    VAIN_ASSERT(SSL_version(link->ssl) == TLS1_3_VERSION);
    VAIN_ASSERT(!SSL_session_reused(link->ssl));
    VAIN_ASSERT(link->judged);
    return NULL;
}
