/* The mesh: a connector (jobs/connector.h) whose streams are TLS links (p2p/link.h).
 *
 * One thread of its own owns the links until they are established: it listens, accepts, dials,
 * steps, and hands over what is ready. So a member that trains for minutes is still there for those
 * that dial it. Of a pair the member with the lower id dials; connection 0 is the mailbox's, 1 and
 * on are those of a use, and on these the dialler's first 32 bytes are the key of the use.
 *
 * Who is not a member, comes in the wrong direction, or with what nobody here wants, is refused and
 * counted; at most once a minute that is said. What strangers can make it hold is bounded: 64 links
 * that are not established (of the address that has most of them the oldest goes first) and 16
 * links a member that are for no use of ours, for 10 s each. docs/protocol.md, "Links".
 *
 * An address that is a name is looked up on a thread of its own (p2p/resolver.h): however long that
 * takes, the other members are dialled and accepted meanwhile. */
#pragma once

#include "base/identity.h"
#include "base/limits.h"
#include "base/world.h"
#include "jobs/connector.h"
#include "p2p/resolver.h"

enum {
    VAIN_MESH_ADDRESSES_MAX = VAIN_MEMBER_ADDRESSES_MAX,
    VAIN_MESH_USE_MS = 10000,   /* from begin_use until a stream that is not there has failed */
    VAIN_MESH_GUEST_MS = 10000, /* a use's link waits so long for its use to be begun here */
    VAIN_MESH_NOTICE_MS = 60000 /* from one notice to the next */
};

struct vain_mesh_member {
    const char *name;
    const uint8_t *id;            /* [VAIN_HASH_BYTES] */
    const char *const *addresses; /* (address_count) "host:port", tried in turn */
    int address_count;            /* at most VAIN_MESH_ADDRESSES_MAX; 0: not known, or it dials */
};

struct vain_mesh_config {
    struct vain_signer *signer;             /* borrowed; asked to sign from the mesh's thread too */
    struct vain_world *world;               /* borrowed; asked from the mesh's thread too */
    const struct vain_mesh_member *members; /* (member_count), copied */
    int member_count, own;                  /* own: the index of this member */
    /* "host:port", port 0 for any. A host that is a name listens on all addresses of this machine.
     * NULL: nobody can dial this member. */
    const char *listen;
    /* Optional: something for people to read, from within a call of the connector. */
    void (*notice)(void *context, const char *text);
    void *notice_context;
    vain_resolver_look_up look_up; /* NULL: the system's; for tests */
};

/* Listens, and starts to dial. VAIN_ERR_INPUT for equal ids, a signer of another member or an
 * address that is none, VAIN_ERR_UNAVAILABLE when it cannot listen or start a thread, the statuses
 * of vain_link_host_open. Gives the connector; its `close` ends the thread. Streams that were taken
 * live on, without signer and world. */
enum vain_status vain_mesh_open(const struct vain_mesh_config *config,
                                struct vain_connector **out) VAIN_MUST_USE;
/* The calls below are for a connector of vain_mesh_open, and its one thread. */

/* Where it listens, "127.0.0.1:40123"; "" if it does not. Borrowed until it is closed. */
const char *vain_mesh_address(const struct vain_connector *connector);
/* Other addresses of a member (copied); it is dialled there at once if it is to be dialled.
 * VAIN_ERR_INPUT for too many or too long ones. */
enum vain_status vain_mesh_set_addresses(struct vain_connector *connector, int member,
                                         const char *const *addresses, int count) VAIN_MUST_USE;
/* Connections that were refused so far, and those established. */
uint64_t vain_mesh_refused(const struct vain_connector *connector);
uint64_t vain_mesh_established(const struct vain_connector *connector);
