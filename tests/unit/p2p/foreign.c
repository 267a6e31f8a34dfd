#include "tests/unit/p2p/foreign.h"

#include <CUnit/CUnit.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

enum { TRANSPORT_SEED = 7, ROOT_NUMBER = 1, WAIT_MS = 20000 };

/* ---- Certificates --------------------------------------------------------------------------- */

static X509 *golden(const char *name)
{
    static struct bed_row row;
    bed_find_row(name, &row);
    const unsigned char *place = row.der;
    X509 *x509 = d2i_X509(NULL, &place, (long)row.bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x509);
    return x509;
}

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *x509 = X509_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(x509);
    CU_ASSERT_EQUAL(X509_set_version(x509, 2), 1);
    CU_ASSERT_PTR_NOT_NULL(ASN1_TIME_set(X509_getm_notBefore(x509), BED_NOW_MS / 1000));
    CU_ASSERT_PTR_NOT_NULL(ASN1_TIME_set(X509_getm_notAfter(x509), BED_NOW_MS / 1000 + 3600));
    CU_ASSERT_EQUAL(X509_set_pubkey(x509, key), 1);
    CU_ASSERT_TRUE(X509_sign(x509, key, EVP_sha256()) > 0);
    return x509;
}

static void show_certificate(const struct foreign_traits *traits, SSL_CTX *context)
{
    uint8_t seed[VAIN_SEED_BYTES];
    EVP_PKEY *key;
    X509 *x509;
    if (traits->show == FOREIGN_NONE)
        return;
    memset(seed, TRANSPORT_SEED, sizeof seed);
    if (traits->show == FOREIGN_P256)
        key = EVP_EC_gen("P-256");
    else if (traits->show == FOREIGN_RSA)
        key = EVP_RSA_gen(2048);
    else
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    const bool is_golden = traits->show == FOREIGN_ROW || traits->show == FOREIGN_TWO_ROWS;
    x509 = is_golden ? golden(traits->row == NULL ? "good" : traits->row) : self_signed(key);
    CU_ASSERT_EQUAL(SSL_CTX_use_certificate(context, x509), 1);
    CU_ASSERT_EQUAL(SSL_CTX_use_PrivateKey(context, key), 1);
    if (traits->show == FOREIGN_TWO_ROWS)
        CU_ASSERT_EQUAL(SSL_CTX_add1_chain_cert(context, x509), 1);
    X509_free(x509);
    EVP_PKEY_free(key);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static int accept_anybody(X509_STORE_CTX *store, void *unused)
{
    (void)store;
    (void)unused;
    return 1;
}

static int select_own(SSL *ssl, const unsigned char **chosen, unsigned char *bytes,
                      const unsigned char *offered, unsigned offered_bytes, void *protocol)
{
    (void)ssl;
    (void)offered;
    (void)offered_bytes;
    *chosen = protocol; /* whatever was offered */
    *bytes = (unsigned char)strlen(protocol);
    return *bytes == 0 ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK;
}

static void set_protocol(SSL_CTX *context, bool server, const char *protocol)
{
    static char name[32];
    unsigned char list[33];
    snprintf(name, sizeof name, "%s", protocol);
    list[0] = (unsigned char)strlen(name);
    memcpy(list + 1, name, list[0]);
    if (server)
        SSL_CTX_set_alpn_select_cb(context, select_own, name);
    else if (list[0] > 0)
        CU_ASSERT_EQUAL(SSL_CTX_set_alpn_protos(context, list, 1u + list[0]), 0);
}

void foreign_open(struct foreign *foreign, int socket, bool server,
                  const struct foreign_traits *traits, const struct vain_signer *host)
{
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL's own sockets raise it */
    CU_ASSERT_TRUE_FATAL(vain_link_prepare_socket(socket));
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    CU_ASSERT_PTR_NOT_NULL_FATAL(context);
    *foreign = (struct foreign){
        .traits = *traits, .host = host, .context = context, .socket = socket, .server = server};
    show_certificate(traits, context);
    set_protocol(context, server, traits->protocol == NULL ? "vain/1" : traits->protocol);
    if (traits->version_max != 0)
        CU_ASSERT_EQUAL(SSL_CTX_set_max_proto_version(context, traits->version_max), 1);
    if (traits->groups != NULL) {
        char groups[32]; /* OpenSSL's macro does not know const */
        snprintf(groups, sizeof groups, "%s", traits->groups);
        CU_ASSERT_EQUAL(SSL_CTX_set1_groups_list(context, groups), 1);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, accept_anybody, NULL);
    foreign->ssl = SSL_new(context);
    CU_ASSERT_PTR_NOT_NULL_FATAL(foreign->ssl);
    CU_ASSERT_EQUAL(SSL_set_fd(foreign->ssl, socket), 1);
    if (server)
        SSL_set_accept_state(foreign->ssl);
    else
        SSL_set_connect_state(foreign->ssl);
}

void foreign_close(struct foreign *foreign)
{
    SSL_free(foreign->ssl);
    SSL_CTX_free(foreign->context);
    (void)close(foreign->socket);
    ERR_clear_error();
    (void)signal(SIGPIPE, SIG_DFL);
}

/* ---- Hello ---------------------------------------------------------------------------------- */

static void make_hello(const struct foreign *foreign, uint8_t out[VAIN_HELLO_BYTES])
{
    uint8_t exporter[VAIN_HELLO_EXPORTER_BYTES];
    struct vain_signer own;
    const enum foreign_hello kind = foreign->traits.hello;
    bed_signer(ROOT_NUMBER, &own);
    CU_ASSERT_EQUAL(SSL_export_keying_material(foreign->ssl, exporter, sizeof exporter,
                                               "EXPORTER-vain", 13, NULL, 0, 0),
                    1);
    exporter[5] ^= kind == HELLO_OTHER_EXPORTER;
    own.member_id[5] ^= kind == HELLO_OTHER_SENDER;
    const bool dialler = foreign->server == (kind == HELLO_OTHER_ROLE);
    const struct vain_hello_facts facts = {.role =
                                               dialler ? VAIN_HELLO_DIALLER : VAIN_HELLO_ACCEPTOR,
                                           .exporter = exporter,
                                           .sender_id = own.member_id,
                                           .receiver_id = foreign->host->member_id};
    vain_hello_encode(&facts, kind == HELLO_OTHER_CONNECTION ? 77 : 0, out);
    out[8] ^= kind == HELLO_OTHER_VERSION;
    if (kind == HELLO_GARBAGE)
        memset(out, 'x', VAIN_HELLO_BYTES);
}

static void say(struct foreign *foreign)
{
    uint8_t hello[VAIN_HELLO_BYTES];
    const enum foreign_hello kind = foreign->traits.hello;
    foreign->said = true;
    if (kind == HELLO_NONE)
        return;
    if (kind == HELLO_END) {
        (void)SSL_shutdown(foreign->ssl);
        return;
    }
    make_hello(foreign, hello);
    const int piece = kind == HELLO_BYTE_BY_BYTE ? 1 : VAIN_HELLO_BYTES;
    for (int at = 0; at < VAIN_HELLO_BYTES; at += piece)
        (void)SSL_write(foreign->ssl, hello + at, piece);
}

static enum vain_status outcome(const struct foreign *foreign, int result)
{
    const int error = SSL_get_error(foreign->ssl, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? VAIN_AGAIN
                                                                         : VAIN_ERR_PEER;
}

static enum vain_status step_foreign(void *context)
{
    struct foreign *foreign = context;
    ERR_clear_error();
    const int result = SSL_do_handshake(foreign->ssl);
    if (result != 1)
        return outcome(foreign, result);
    if (!foreign->said)
        say(foreign);
    while (foreign->heard_bytes < sizeof foreign->heard) {
        const int got = SSL_read(foreign->ssl, foreign->heard + foreign->heard_bytes,
                                 (int)(sizeof foreign->heard - foreign->heard_bytes));
        if (got <= 0)
            return outcome(foreign, got);
        foreign->heard_bytes += (size_t)got;
    }
    return VAIN_OK;
}

static int foreign_descriptor(void *context, short *events)
{
    *events = POLLIN;
    return ((const struct foreign *)context)->socket;
}

struct end end_of_foreign(struct foreign *foreign)
{
    return (struct end){.step = step_foreign,
                        .descriptor = foreign_descriptor,
                        .context = foreign,
                        .status = VAIN_AGAIN};
}

/* ---- Sockets -------------------------------------------------------------------------------- */

int raw_connect(const struct side *side)
{
    struct vain_addresses found;
    CU_ASSERT_EQUAL_FATAL(vain_address_resolve(side->address, false, &found), VAIN_OK);
    const int end = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(end >= 0);
    CU_ASSERT_EQUAL_FATAL(
        connect(end, (const struct sockaddr *)&found.at[0].name, found.at[0].bytes), 0);
    return end;
}

int raw_listen(char address[VAIN_MIN_LEN(VAIN_LINK_ADDRESS_BYTES)])
{
    struct sockaddr_storage name = {0};
    struct sockaddr_in *place = (struct sockaddr_in *)(void *)&name;
    socklen_t bytes = sizeof *place;
    place->sin_family = AF_INET;
    place->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(listener >= 0);
    CU_ASSERT_EQUAL_FATAL(bind(listener, (const struct sockaddr *)&name, bytes), 0);
    CU_ASSERT_EQUAL_FATAL(listen(listener, 8), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(listener, (struct sockaddr *)&name, &bytes), 0);
    vain_address_print(&name, bytes, address);
    return listener;
}

int raw_accept(int listener)
{
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    CU_ASSERT_EQUAL_FATAL(poll(&wait, 1, WAIT_MS), 1);
    const int end = accept(listener, NULL, NULL);
    CU_ASSERT_FATAL(end >= 0);
    return end;
}
