/* What a host and a link hold: for the files of links (and their tests) only.
 *
 * link_host.c has the host, link_tls.c all that is set up of OpenSSL, link.c a link's life. */
#pragma once

#include "p2p/address.h"
#include "p2p/certificate.h"
#include "p2p/hello.h"
#include "p2p/link.h"
#include "p2p/pace.h"

#include <stdatomic.h>

enum {
    VAIN_LINK_RECORD_BYTES = 16384,                       /* what one TLS record carries at most */
    VAIN_LINK_RECORD_ROOM = VAIN_LINK_RECORD_BYTES + 512, /* with its frame, and a key update */
    VAIN_LINK_FAULT_BYTES = 512,
    VAIN_LINK_CHATTER_MAX = 2 * 32, /* 32 key updates, say; see `chatter` */
    /* RFC 8446 section 5.5 allows 2^24.5 full records under a key of AES-GCM. */
    VAIN_LINK_RECORDS_PER_KEY = 1 << 23,
    /* A host that is gone without a word (power, cable) is noticed in 5 s. A silent link asks after
     * IDLE, then PROBES times, INTERVAL apart: 2 s + 3 * 1 s. With something on its way nothing is
     * asked (tcp(7)); then what was not acknowledged for UNANSWERED ends the link. */
    VAIN_LINK_KEEP_IDLE_S = 2,
    VAIN_LINK_KEEP_INTERVAL_S = 1,
    VAIN_LINK_KEEP_PROBES = 3,
    VAIN_LINK_UNANSWERED_MS =
        1000 * (VAIN_LINK_KEEP_IDLE_S + VAIN_LINK_KEEP_PROBES * VAIN_LINK_KEEP_INTERVAL_S)
};
_Static_assert(VAIN_LINK_UNANSWERED_MS == 5000, "docs/protocol.md says 5 s");

struct vain_link_host {
    struct vain_signer *signer;   /* borrowed */
    struct vain_world *world;     /* borrowed */
    struct ssl_ctx_st *context;   /* owned; of both roles */
    struct bio_method_st *method; /* owned: how OpenSSL reaches a link's buffer and socket */
    struct vain_link_certificate certificate;
    uint64_t deadline_ns;
    int half_open_max, half_open; /* inbound */
    int beginning;                /* not established, of either direction */
    int listener;                 /* owned; -1: none */
    struct vain_pace pace;        /* of those who come */
    atomic_int references;        /* one of the owner, until it closes the host, and one a link */
    struct vain_link_counts counts;
    int allowed_count;
    uint8_t allowed[VAIN_MEMBERS_MAX][VAIN_HASH_BYTES];
};

enum vain_link_state {
    VAIN_LINK_DIALLING,  /* connect(2) is under way */
    VAIN_LINK_HANDSHAKE, /* TLS's */
    VAIN_LINK_GREETING,  /* hellos */
    VAIN_LINK_ESTABLISHED,
    VAIN_LINK_ENDED /* `status` and `fault` say why */
};

struct vain_link {
    struct vain_stream stream; /* what an established link is to others */
    struct vain_link_host *host;
    struct ssl_st *ssl; /* owned; NULL once ended */
    int socket;         /* owned; -1: none */
    enum vain_link_state state;
    bool inbound;
    uint64_t deadline_ns;
    struct vain_addresses addresses; /* outbound: to try, from next_address on */
    int next_address;
    char where[VAIN_LINK_ADDRESS_BYTES]; /* the other end, for messages */
    struct vain_pace_source source;      /* inbound */

    uint8_t wanted_id[VAIN_HASH_BYTES]; /* outbound: who was dialled */
    struct vain_link_peer peer;
    bool judged; /* the peer's certificate was seen and is right */
    uint16_t connection;
    uint8_t hello[VAIN_HELLO_BYTES]; /* the peer's, as far as it came */
    size_t hello_bytes;
    bool hello_sent;

    enum vain_link_refusal refusal; /* with status, once it is not VAIN_OK */
    enum vain_status status;
    char fault[VAIN_LINK_FAULT_BYTES];

    int socket_error; /* errno of a failed call; 0: none */
    bool peer_finished, finished, more_to_read, held;
    /* TLS's own messages that came after the handshake, and the records in which they did, less
     * what was read between them. A peer has reason for one in 2^23 records; OpenSSL reads them for
     * as long as there are more. */
    int chatter;
    uint32_t records, records_per_key; /* written under the present key */
    size_t start, end;                 /* of what waits in `out` to leave */
    uint8_t out[VAIN_LINK_SEND_BYTES];
};

/* link_tls.c: settings of the host, all set before the first link. VAIN_ERR_UNAVAILABLE. */
enum vain_status vain_link_tls_open(struct vain_link_host *host) VAIN_MUST_USE;
/* Shows the host's present certificate from now on. */
enum vain_status vain_link_tls_show(struct vain_link_host *host) VAIN_MUST_USE;
void vain_link_tls_close(struct vain_link_host *host);
/* A TLS session for `link` that reads its socket and writes its buffer. */
enum vain_status vain_link_tls_begin(struct vain_link *link) VAIN_MUST_USE;
/* Whether the finished handshake is what we want; NULL, or what is wrong. */
const char *vain_link_tls_fault(const struct vain_link *link);

/* link_host.c: makes the next transport certificate once half the life of this one is over. */
enum vain_status vain_link_host_refresh(struct vain_link_host *host) VAIN_MUST_USE;
/* Gives up one reference; the last one ends the host. From any thread. */
void vain_link_host_release(struct vain_link_host *host);

/* link.c: a link in HANDSHAKE over `socket`, or, with -1, in DIALLING. Takes the socket, also on
 * failure. */
enum vain_status vain_link_begin(struct vain_link_host *host, int socket, bool inbound,
                                 const char *where, struct vain_link **out) VAIN_MUST_USE;
/* Non-blocking, closed on exec, small writes sent at once, a host that is gone noticed. */
bool vain_link_prepare_socket(int socket);
