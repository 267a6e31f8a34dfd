/* Inside the mesh: what its files share.
 *
 * mesh.c has its life and the calls of whoever uses it, mesh_thread.c the thread, mesh_dial.c the
 * links that this member makes, mesh_door.c those that come. What is under the lock belongs to both
 * threads, all else to the one that is named. The lock is never held over a call that can wait. */
#pragma once

#include <poll.h>
#include <pthread.h>

#include "cmd/mesh.h"
#include "collectives/transport.h"
#include "p2p/link.h"

enum {
    VAIN_MESH_TEXT_BYTES = 512,
    VAIN_MESH_CALLERS_MAX = VAIN_LINK_HALF_OPEN_MAX, /* one of them goes when it is reached */
    VAIN_MESH_NS_PER_MS = 1000000
};

/* A link that this member makes. */
struct vain_mesh_dial {
    bool wanted;
    bool asks;                  /* what its address stands for, until until_ns */
    unsigned turn;              /* the address that is tried */
    struct vain_link *link;     /* owned, not established; NULL: not before next_ns */
    uint64_t next_ns, until_ns; /* the next attempt; the link's own deadline */
    uint64_t since_ns;          /* when one was established last */
    int failures;               /* since one held for a while */
    unsigned moves;             /* of its peer, that it has seen */
};

/* A link of a use that came: its key is being read, or no such use is begun here (yet). */
struct vain_mesh_guest {
    struct vain_link *link; /* owned; NULL: free */
    int connection;         /* its number: an ended link does not know it any more */
    uint64_t until_ns;
    size_t key_bytes; /* that were read */
    uint8_t key[VAIN_CONNECTOR_KEY_BYTES];
};

/* One that came and is not established yet. */
struct vain_mesh_caller {
    struct vain_link *link; /* owned */
    uint64_t until_ns;
};

struct vain_mesh_peer {
    char name[VAIN_NAME_BYTES];
    uint8_t id[VAIN_HASH_BYTES];
    bool dialled; /* by us; else it dials us */

    /* under the lock */
    int address_count;
    unsigned next_address;
    char addresses[VAIN_MESH_ADDRESSES_MAX][VAIN_LINK_ADDRESS_BYTES];
    unsigned moves;              /* how often the addresses were set */
    struct vain_stream *mailbox; /* owned until it is taken */
    bool mailbox_wanted;         /* the user has none, and none waits for it */
    bool in_use;                 /* a member of the use */
    struct vain_stream *arrived[VAIN_CONNECTIONS_MAX]; /* owned: of the use, not taken */
    bool taken[VAIN_CONNECTIONS_MAX];
    char trouble[VAIN_MESH_TEXT_BYTES];

    /* the thread's */
    struct vain_mesh_dial dials[1 + VAIN_CONNECTIONS_MAX]; /* the mailbox's first */
    struct vain_mesh_guest guests[VAIN_CONNECTIONS_MAX];
};

struct vain_mesh {
    struct vain_connector connector; /* first: what users hold */
    struct vain_world *world;        /* borrowed */
    struct vain_link_host *host;     /* owned; the thread's */
    struct vain_resolver *resolver;  /* owned; asked by the thread */
    int member_count, own;
    struct vain_mesh_peer *peers; /* (member_count) */
    char address[VAIN_LINK_ADDRESS_BYTES];
    int news, wake; /* event descriptors: for the user, for the thread */
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* protects what says so in peers, and: */
    bool stop;
    uint64_t use_number; /* how many uses were begun */
    uint8_t use_key[VAIN_CONNECTOR_KEY_BYTES];
    int use_connections;
    uint64_t use_until_ns;
    int use_missing;           /* streams that have not arrived */
    bool use_late, use_failed; /* some were not there in time; and that was said */
    int mailboxes, arrivals;   /* that wait to be taken */
    bool told;                 /* `news` is readable */
    uint64_t refused, established;
    char refusal[VAIN_MESH_TEXT_BYTES]; /* the last one */

    /* the user's */
    void (*notice)(void *context, const char *text);
    void *notice_context;
    uint64_t refused_said, next_notice_ns;
    char trouble[VAIN_MESH_TEXT_BYTES];

    /* the thread's */
    uint64_t use_seen;      /* use_number that its dials are for */
    uint64_t seen_until_ns; /* UINT64_MAX: nothing is missing */
    uint8_t seen_key[VAIN_CONNECTOR_KEY_BYTES];
    struct vain_mesh_caller callers[VAIN_MESH_CALLERS_MAX]; /* the oldest first */
    int caller_count;
    uint64_t turned_away;    /* of those who call too often, as counted last */
    uint64_t next_accept_ns; /* later than now: the system has nothing left to accept with */
    struct pollfd *polls;    /* room for all of them */
    int poll_count;
    uint64_t sleep_until_ns;
};

/* ---- mesh.c: both threads -------------------------------------------------------------------- */

uint64_t vain_mesh_now(const struct vain_mesh *mesh);
/* Under the lock: `news` is readable while there is something to take. */
void vain_mesh_tell(struct vain_mesh *mesh);
/* Without it: `count` connections were refused, for this reason. */
void vain_mesh_refuse(struct vain_mesh *mesh, uint64_t count, const char *why);
/* Without it: `stream` to `member` for its mailbox, in place of one that was not taken. Takes it.
 */
void vain_mesh_give_mailbox(struct vain_mesh *mesh, int member, struct vain_stream *stream);
/* Without it: for the use with that key. False: there is none (now), or it has that stream. Takes
 * the stream if true. */
bool vain_mesh_give_stream(struct vain_mesh *mesh, int member, int connection,
                           const uint8_t key[VAIN_MIN_LEN(VAIN_CONNECTOR_KEY_BYTES)],
                           struct vain_stream *stream);

/* ---- the thread's ---------------------------------------------------------------------------- */

/* mesh_thread.c: of pthread_create. */
void *vain_mesh_run(void *mesh);
/* Wake for this descriptor, at that time. */
void vain_mesh_watch(struct vain_mesh *mesh, int descriptor, short events);
void vain_mesh_watch_link(struct vain_mesh *mesh, const struct vain_link *link);
void vain_mesh_watch_clock(struct vain_mesh *mesh, uint64_t when_ns);

/* mesh_dial.c. Want one, again elsewhere, no longer; go on with all. */
void vain_mesh_dial_want(struct vain_mesh *mesh, struct vain_mesh_dial *dial);
void vain_mesh_dial_move(struct vain_mesh *mesh, struct vain_mesh_dial *dial);
void vain_mesh_dial_end(struct vain_mesh_dial *dial);
void vain_mesh_dials_step(struct vain_mesh *mesh);
void vain_mesh_dials_watch(struct vain_mesh *mesh);

/* mesh_door.c. */
void vain_mesh_door_step(struct vain_mesh *mesh);
void vain_mesh_door_watch(struct vain_mesh *mesh);
void vain_mesh_door_close(struct vain_mesh *mesh);
