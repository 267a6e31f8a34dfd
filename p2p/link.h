/* Links: connections between members, TLS 1.3 over TCP.
 *
 * Both sides show a transport certificate (certificate.h), each checks the other's before a byte of
 * his counts, and the first bytes inside bind both ends to one session (hello.h). What comes out is
 * a `struct vain_stream` (base/stream.h) to a member whose id is known. No resumption, no tickets,
 * no early data: each would skip a check.
 *
 * Nothing here blocks but a name that has to be looked up (vain_link_dial says when), starts
 * threads or waits: the caller steps, and sleeps on descriptors. Memory is fixed: a link takes some
 * 140 KiB of ours and as much of OpenSSL's. A peer that goes away raises no SIGPIPE:
 * links write with MSG_NOSIGNAL.
 *
 * A host and its links that are not established belong to one thread at a time. An established link
 * may go to another one, and may live on when the host is closed. */
#pragma once

#include "base/identity.h"
#include "base/limits.h"
#include "base/stream.h"
#include "base/world.h"

enum {
    VAIN_LINK_ADDRESS_BYTES = VAIN_ADDRESS_BYTES,
    VAIN_LINK_HALF_OPEN_MAX = 64,            /* inbound links of a host that are not established */
    VAIN_LINK_DEADLINE_MS = 10000,           /* from dialling or accepting until established */
    VAIN_LINK_SEND_BYTES = 8 * (16384 + 512) /* waiting in a link: eight TLS records */
};

/* Why a link of either direction was refused by this side, or did not come about. */
enum vain_link_refusal {
    VAIN_LINK_FULL,        /* as many half-open links as there may be */
    VAIN_LINK_OFTEN,       /* its address begins more handshakes than p2p/pace.h lets it */
    VAIN_LINK_LATE,        /* not established by its deadline */
    VAIN_LINK_BROKEN,      /* the connection ended or could not be made */
    VAIN_LINK_PROTOCOL,    /* no TLS 1.3 with "vain/1", no certificate, key updates without end, or
                              the peer refused us */
    VAIN_LINK_CERTIFICATE, /* a transport certificate that is not right */
    VAIN_LINK_MEMBER,      /* a member that is not the one dialled, not allowed, or oneself */
    VAIN_LINK_HELLO,       /* a hello that does not fit */
    VAIN_LINK_REFUSALS
};
/* Static name such as "certificate", for logs and metrics. */
const char *vain_link_refusal_name(enum vain_link_refusal refusal);

struct vain_link_counts {
    uint64_t dialled, accepted, established;
    uint64_t refused[VAIN_LINK_REFUSALS];
    uint64_t renewed;         /* own transport certificates after the first */
    uint64_t renewals_failed; /* the one before still held */
};

struct vain_link_config {
    struct vain_signer *signer; /* borrowed: outlives the host */
    struct vain_world *world;   /* borrowed: outlives the host; its two clocks are asked */
    const uint8_t *allowed;     /* (allowed_count, VAIN_HASH_BYTES) ids that may dial us; copied */
    int allowed_count;          /* at most VAIN_MEMBERS_MAX */
    int half_open_max;          /* 0: VAIN_LINK_HALF_OPEN_MAX, the most */
    uint64_t deadline_ms;       /* 0: VAIN_LINK_DEADLINE_MS; at most an hour */
};

/* This member's side of all its links: TLS's settings, the own transport certificate, who is
 * allowed, a listener if there is one, and counts. */
struct vain_link_host;

/* Makes the first transport certificate. The statuses of vain_link_certificate_make,
 * VAIN_ERR_INPUT for a list that is too long, VAIN_ERR_MEMORY. */
enum vain_status vain_link_host_open(const struct vain_link_config *config,
                                     struct vain_link_host **out) VAIN_MUST_USE;
/* No link may be on its way to be established: that is a bug. Established ones live on, and need
 * neither signer nor world; what they share ends with the last of them. */
void vain_link_host_close(struct vain_link_host **host);
/* Replaces the list of ids that may dial us. Established links stay. VAIN_ERR_INPUT as above. */
enum vain_status vain_link_host_allow(struct vain_link_host *host, const uint8_t *allowed,
                                      int allowed_count) VAIN_MUST_USE;
/* Borrowed, valid until the next call on the host or a link of it. */
const struct vain_link_counts *vain_link_host_counts(const struct vain_link_host *host);

/* Listens on "address:port", a numeric address ("0.0.0.0:4000", "[::]:4000"); port 0 lets the
 * system choose. `bound` says where, in the same form. One listener a host. VAIN_ERR_INPUT for an
 * address that is none, VAIN_ERR_UNAVAILABLE with the system's reason. */
enum vain_status vain_link_listen(struct vain_link_host *host, const char *address,
                                  char bound[VAIN_MIN_LEN(VAIN_LINK_ADDRESS_BYTES)]) VAIN_MUST_USE;
/* To poll(2) for POLLIN before vain_link_accept; -1 without a listener. */
int vain_link_listener(const struct vain_link_host *host);

struct vain_link;

/* Gives the next link that somebody has dialled, to be stepped until it is established. VAIN_AGAIN
 * when nobody waits; while half_open_max links are half open, who comes is turned away and counted,
 * as is who comes too often. VAIN_ERR_UNAVAILABLE when the system has no descriptors left,
 * VAIN_ERR_MEMORY, or as vain_link_certificate_make when the own certificate ended and cannot be
 * renewed. */
enum vain_status vain_link_accept(struct vain_link_host *host,
                                  struct vain_link **out) VAIN_MUST_USE;
/* Gives a link to the member `peer_id` at "host:port" ("10.0.0.1:4000", "[::1]:4000",
 * "node1.example.org:4000"), to be stepped. A name is looked up by the system's resolver, which may
 * block for seconds; numeric addresses never do. `connection` tells several links of a pair apart.
 * VAIN_ERR_INPUT for what is no address, VAIN_ERR_REFUSED for the own id, VAIN_ERR_NOT_FOUND for a
 * name that is not known, or as above. That nobody listens there is said by vain_link_step. */
enum vain_status vain_link_dial(struct vain_link_host *host, const char *address,
                                const uint8_t peer_id[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                                uint16_t connection, struct vain_link **out) VAIN_MUST_USE;
/* The same at addresses that are known (p2p/address.h, copied); `where` is for messages. Never
 * blocks. */
struct vain_addresses;
enum vain_status vain_link_dial_at(struct vain_link_host *host, const char *where,
                                   const struct vain_addresses *found,
                                   const uint8_t peer_id[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                                   uint16_t connection, struct vain_link **out) VAIN_MUST_USE;

/* Goes as far as it can without waiting. VAIN_AGAIN: not yet; VAIN_OK: established, the peer is
 * known and hellos fit. VAIN_ERR_AUTH, VAIN_ERR_PEER or VAIN_ERR_TIMEOUT say why it came to
 * nothing; the connection is ended then, the link is still to be closed. */
enum vain_status vain_link_step(struct vain_link *link) VAIN_MUST_USE;
/* To poll(2) on while stepping, as vain_stream_ops.descriptor. */
int vain_link_descriptor(const struct vain_link *link, short *events);

/* The other end's "host:port", numeric where it dialled; for messages and bounds. Borrowed until
 * the link is closed. */
const char *vain_link_where(const struct vain_link *link);
/* Whether two that came are from one address as p2p/pace.h counts them: of IPv6 one /64. */
bool vain_link_same_source(const struct vain_link *one, const struct vain_link *other);
/* Of an established link, borrowed until it is closed; asking any other is a bug. */
const uint8_t *vain_link_peer(const struct vain_link *link); /* [VAIN_HASH_BYTES] */
uint16_t vain_link_connection(const struct vain_link *link);
/* Its `close` closes the link: either that or vain_link_close is called, once. */
struct vain_stream *vain_link_stream(struct vain_link *link);

/* Ends the own direction in order: VAIN_AGAIN until all that was taken, and the end, have left;
 * then VAIN_OK. The peer reads VAIN_END behind the last byte. Reading goes on; nothing is to be
 * written any more. VAIN_ERR_PEER when the link has broken. */
enum vain_status vain_link_finish(struct vain_link *link) VAIN_MUST_USE;
/* Ends the link, established or not, and releases it; what was taken but has not left is lost, and
 * so may be what the peer has not read: vain_link_finish first where that matters. NULL is fine. */
void vain_link_close(struct vain_link **link);
