/* Inside the transport `stream`: what its requests and groups (transport_stream.c) and the
 * connections that move their frames (stream_wire.c) share. Everything belongs to one thread. */
#pragma once

#include "base/stream.h"
#include "collectives/frame.h"
#include "collectives/transport.h"

enum {
    VAIN_WIRE_SMALL_BYTES = 1024, /* messages up to here travel with their header, and may come
                                     before their receive is posted */
    VAIN_WIRE_SLOTS = 8,          /* of each peer that hold such; one more waits in its stream */
    VAIN_WIRE_READY_MAX = 64 /* long messages that a peer is ready for before they are posted */
};

/* A communicator's ranks; kept after it is closed, so that late frames of it are known. */
struct vain_stream_group {
    struct vain_stream_group *next, *parent; /* parent: it was split from; NULL: the world */
    uint64_t id, splits;
    int rank, size;
    int *members;              /* (size) their ranks in the world */
    uint32_t *sent, *received; /* (size, VAIN_TAG_END) messages posted; NULL once closed */
    int aborted_by, told_by;   /* ranks here, of who did and of who said so; -1: nobody */
    bool *to_tell;             /* (size) who is to be told that it was ended */
    bool closed;
};

enum vain_stream_request_state {
    VAIN_STREAM_OPEN,
    VAIN_STREAM_DONE,
    VAIN_STREAM_WRONG_LENGTH, /* index: the length that came */
    VAIN_STREAM_ABORTED,
    VAIN_STREAM_BROKEN /* the peer's streams have ended */
};
/* What lies in vain_request.opaque. */
struct vain_stream_request {
    struct vain_stream_request *next; /* in a list of its peer */
    struct vain_stream_group *group;
    unsigned char *buffer; /* a send's is only read */
    size_t bytes;
    uint64_t index;
    int peer; /* rank in the world */
    uint32_t tag;
    enum vain_stream_request_state state;
    bool is_send;
    bool ready; /* of a long message. A send: the peer is ready; a receive: the peer was told */
};
_Static_assert(sizeof(struct vain_stream_request) <= sizeof((struct vain_request *)0)->opaque,
               "a request of stream fits into a vain_request");

/* A message that came before its receive. */
struct vain_wire_slot {
    bool used, whole;
    struct vain_frame frame; /* of its only fragment */
    unsigned char data[VAIN_WIRE_SMALL_BYTES];
};

struct vain_wire_out {
    /* A header; behind it a small message, or the last bytes of a long one. */
    uint8_t head[VAIN_FRAME_BYTES + VAIN_WIRE_SMALL_BYTES];
    size_t head_bytes, head_written;
    struct vain_stream_request *request; /* whose message is under way; NULL: none */
    struct vain_stream_request *leaving; /* a list: taken whole by the stream, which has them yet */
    uint64_t offset;                     /* bytes of it in frames so far */
    const unsigned char *payload;        /* of the fragment; NULL: zeros, its request is gone */
    size_t payload_left;
};
struct vain_wire_in {
    uint8_t head[VAIN_FRAME_BYTES];
    size_t head_read;
    struct vain_frame frame, last; /* that comes; of the last fragment of a message */
    bool placed;                   /* its bytes have a place to go to */
    size_t left;                   /* bytes of the fragment that are still to come */
    bool midway;                   /* more fragments of the last message follow */
    /* Where they go: a receive, a slot, or, with neither, nowhere. */
    struct vain_stream_request *request;
    struct vain_wire_slot *slot;
};
struct vain_wire {
    struct vain_stream *stream; /* owned; NULL once closed */
    struct vain_wire_out out;
    struct vain_wire_in in;
    bool full;  /* the last write took nothing, or not all */
    bool ended; /* by the peer, in order */
};

struct vain_wire_peer {
    struct vain_wire *wires; /* (connections) */
    struct vain_stream_request *sends, *last_send, *receives;
    struct vain_wire_slot slots[VAIN_WIRE_SLOTS];
    struct vain_frame ready[VAIN_WIRE_READY_MAX]; /* long messages that it is ready for */
    int ready_count;
    bool deaf;     /* takes nothing any more; what it sent before may still come */
    bool broken;   /* nothing comes any more either */
    char why[200]; /* it is deaf or broken */
};

struct vain_wires {
    int rank, size, connections;
    struct vain_world *world;     /* borrowed */
    struct vain_wire_peer *peers; /* (size); the own one is empty */
    struct vain_stream_group *groups;
    struct pollfd *polls; /* (size * connections) */
    int references;       /* communicators that are open */
    int tests;            /* that found a request open, since the last progress */
};

/* The state of a communicator. */
struct vain_stream_comm {
    struct vain_stream_group *group; /* the wires' */
    struct vain_wires *wires;        /* shared by all communicators of this rank */
    int open;                        /* requests posted whose end test() has not told */
};

/* Move what can be moved, on all connections; never blocks. */
void vain_wires_progress(struct vain_wires *wires);
/* The same after a sleep until something may move, at most `most_ms`. */
void vain_wires_wait(struct vain_wires *wires, int most_ms);
/* The group is known from now on: what has come for it finds its place. */
void vain_wires_begin(struct vain_wires *wires, struct vain_stream_group *group);
/* Its streams are looked at again: something may go on. */
void vain_wires_wake(const struct vain_wires *wires, struct vain_wire_peer *peer);
/* The group with that id; NULL: not known (yet). */
struct vain_stream_group *vain_wires_find_group(const struct vain_wires *wires, uint64_t id);
/* Rank in the group of a rank of the world; -1: it is not in it. */
int vain_stream_rank_in(const struct vain_stream_group *group, int world_rank);
/* Put a posted request in its peer's list, or end it: with what has come already, or as BROKEN. */
void vain_wires_add(struct vain_wires *wires, struct vain_stream_request *request);
/* Rank `rank` ended the group, as `told_by` says (itself, or who passes it on), and what was split
 * from it: their open requests are ABORTED, whether they wait or are half-way. Everybody in it is
 * told, whoever told us: so all learn of it before they see the first one leave. Nothing is done if
 * it was ended before. */
void vain_wires_abort(struct vain_wires *wires, struct vain_stream_group *group, int rank,
                      int told_by);
/* Let go of this group's open requests: none of them is touched afterwards. */
void vain_wires_forget(struct vain_wires *wires, const struct vain_stream_group *group);
/* The rank that ended this group or one it was split from; -1: nobody. */
int vain_stream_aborted_by(const struct vain_stream_group *group);
