/* A transport moves bytes between ranks.
 *
 * Calls are local and never block; completion is learnt from test(). Buffers are borrowed until
 * test() returns other than VAIN_AGAIN. There is no way to cancel one request: the only way out of
 * a failed exchange is abort() of the whole communicator, on every transport alike, because NCCL
 * knows no other. After abort() test() soon fails every request, and a request that has failed no
 * longer touches its buffer, with one exception: MPI can take back neither a send that is under way
 * nor a started all-reduce, so on `mpi` whoever aborts ends the process (vain_mpi_abort).
 *
 * `loop` joins members that are threads of one process (tests, and `vain run --members`); `mpi`
 * ranks of an MPI world; `stream` members with a stream between each two of them. */
#pragma once

#include "base/status.h"

struct vain_comm;
struct vain_stream;
struct vain_world;

/* A request in flight; caller-owned, holds what the transport needs and must stay where it is until
 * it is done, or until its communicator is closed. */
struct vain_request {
    struct vain_comm *comm; /* NULL: nothing in flight; set by a post, reset by test() */
    void *opaque[8];
};

struct vain_transport_ops {
    const char *name;
    bool device_buffers; /* accepts device pointers */
    /* Posts fail (and leave nothing in flight) on a communicator that was aborted.
     * One message; sends and receives of a pair with equal tags match in the order they were
     * posted. A message of another length than the receiver's `bytes` fails the receive with
     * VAIN_ERR_PEER; its sender does not learn of that. peer is another rank than the own one. */
    enum vain_status (*post_send)(struct vain_comm *comm, int peer, uint32_t tag,
                                  const void *buffer, size_t bytes, struct vain_request *request);
    enum vain_status (*post_receive)(struct vain_comm *comm, int peer, uint32_t tag, void *buffer,
                                     size_t bytes, struct vain_request *request);
    /* VAIN_OK when done, VAIN_AGAIN, or why it failed (VAIN_ERR_PEER after an abort by anybody).
     * Not called again after it returned other than VAIN_AGAIN. */
    enum vain_status (*test)(struct vain_request *request);
    /* Optional (NULL: none): sleep until a request of this rank may have moved, at most `most_ms`;
     * 0 looks and returns. Where there is one, whoever tests all open requests of a communicator
     * once after it has learnt of all that it moved. */
    void (*wait)(struct vain_comm *comm, int most_ms);
    /* Optional: sum of unsigned 32-bit words modulo 2^32 over all ranks, in place; `count` the same
     * everywhere. At most one in flight on a communicator. */
    enum vain_status (*post_all_reduce)(struct vain_comm *comm, uint32_t *words, int64_t count,
                                        struct vain_request *request);
    /* Collective, blocking: ranks with equal `colour` >= 0 form a communicator, ordered by their
     * rank here; others get size 0. Called at start only. */
    enum vain_status (*split)(struct vain_comm *comm, int colour, struct vain_comm *out);
    /* Fails every request of every rank of this communicator and of those split from it, now and
     * later. */
    void (*abort)(struct vain_comm *comm);
    /* Local; lets go of requests that are still open: their buffers are free afterwards (except as
     * said above). Nothing happens to a communicator of size 0. */
    void (*close)(struct vain_comm *comm);
};

struct vain_comm {
    const struct vain_transport_ops *ops;
    int rank, size;
    void *state; /* the transport's */
    void *kept;  /* memory of requests that outlived their owner, see vain_comm_keep */
};

/* Message tags: one registry, so that no two uses meet. */
enum vain_tag {
    VAIN_TAG_CONTEXT = 1,   /* exchange: contexts before a reduce */
    VAIN_TAG_GATHER = 2,    /* exchange: blocks of an all-gather */
    VAIN_TAG_SITE = 3,      /* gradients inside a site */
    VAIN_TAG_BROADCAST = 4, /* site leader to its ranks */
    VAIN_TAG_CONTROL = 5,   /* stop requests */
    VAIN_TAG_BARRIER = 6,
    VAIN_TAG_START = 7,        /* all-gathers outside an exchange: the start, measures, own masks */
    VAIN_TAG_SPLIT = 16,       /* colours of a split, where the transport needs messages for it */
    VAIN_TAG_RING = 8,         /* ring: partial sums; a parcel's tag travels on the number after */
    VAIN_TAG_RING_GATHER = 10, /* ring: sums */
    VAIN_TAG_TREE = 12,        /* tree: partial sums */
    VAIN_TAG_SPREAD = 14,      /* tree: the sum */
    VAIN_TAG_PROBE = 17,       /* what links cost */
    VAIN_TAG_HOP = 18,         /* ring with evidence: statements of hops */
    VAIN_TAG_EVIDENCE = 19,    /* ... and what is given to all */
    VAIN_TAG_END = 64          /* tags lie below; transports use those above for themselves */
};

/* How waiting goes everywhere: a few turns of spinning, then between tests the transport's wait, or
 * where it has none the core is yielded, until `deadline_ms` have passed since the start (0: for
 * ever). */
struct vain_patience {
    struct vain_comm *comm;   /* borrowed */
    struct vain_world *world; /* borrowed */
    uint64_t start_ns, limit_ns;
    int spins;
};
struct vain_patience vain_patience_start(struct vain_comm *comm, struct vain_world *world,
                                         int64_t deadline_ms);
/* One turn; false when the time is over. */
bool vain_patience_wait(struct vain_patience *patience);

/* Waits until the request is done or `deadline_ms` have passed. VAIN_ERR_TIMEOUT names `what`; the
 * request is still open then, and the caller aborts the communicator. Blocking, local. */
enum vain_status vain_request_wait(struct vain_request *request, struct vain_world *world,
                                   int64_t deadline_ms, const char *what) VAIN_MUST_USE;
/* The same for those of `count` requests of `comm` that are in flight, under one deadline. A
 * failure ends them all (vain_request_abandon), so that the caller may release everything. */
enum vain_status vain_request_wait_all(struct vain_comm *comm, struct vain_request *requests,
                                       int count, struct vain_world *world, int64_t deadline_ms,
                                       const char *what) VAIN_MUST_USE;
/* Ends `count` requests of `comm` after a failure: aborts it and tests those in flight until none
 * is. */
void vain_request_abandon(struct vain_comm *comm, struct vain_request *requests, int count);

/* The collectives below are blocking and end with abort() of the communicator if they fail, since
 * their requests cannot be taken back one by one. */

/* Collective, small: every rank's `bytes` bytes to all, in rank order: `all` is (size, bytes). */
enum vain_status vain_comm_all_gather(struct vain_comm *comm, struct vain_world *world,
                                      int64_t deadline_ms, uint32_t tag, const void *mine,
                                      size_t bytes, void *all) VAIN_MUST_USE;
/* Collective: rank `root`'s bytes to all, along a binomial tree. */
enum vain_status vain_comm_broadcast(struct vain_comm *comm, struct vain_world *world,
                                     int64_t deadline_ms, int root, void *buffer,
                                     size_t bytes) VAIN_MUST_USE;
/* Collective: nobody leaves before all have come (Hensgen, Finkel, Manber 1988: dissemination). */
enum vain_status vain_comm_barrier(struct vain_comm *comm, struct vain_world *world,
                                   int64_t deadline_ms) VAIN_MUST_USE;

/* Takes a block of vain_take that holds requests still open, and what they point to: it is released
 * when the communicator is closed. `block` starts with a pointer that this call may overwrite. */
void vain_comm_keep(struct vain_comm *comm, void *block);
/* For the end of a transport's close: releases what was kept and empties the communicator. */
void vain_comm_empty(struct vain_comm *comm);

/* loop: `size` ranks in one process. The hub outlives its communicators. Thread-safe. */
struct vain_loop_hub;
enum vain_status vain_loop_hub_open(int size, struct vain_loop_hub **out) VAIN_MUST_USE;
void vain_loop_hub_close(struct vain_loop_hub **hub);
enum vain_status vain_loop_comm_open(struct vain_loop_hub *hub, int rank,
                                     struct vain_comm *out) VAIN_MUST_USE;

/* mpi: the world of this process; only in builds with MPI (collectives/transport_mpi.c).
 * vain_mpi_init is called once per process before, from the thread that makes all later calls,
 * vain_mpi_finalize once after; vain_mpi_abort ends all ranks with `exit_code` and does not return.
 */
enum vain_status vain_mpi_init(void) VAIN_MUST_USE;
enum vain_status vain_mpi_comm_open(struct vain_comm *out) VAIN_MUST_USE;
void vain_mpi_finalize(void);
void vain_mpi_abort(int exit_code);

/* stream: this rank's streams to all others (collectives/transport_stream.c). Two things are not as
 * on the others: a message of more than 1024 bytes is sent when its receiver is ready, so one for a
 * shorter receive never leaves, and the deadline tells; and a pair has at most 64 long receives
 * open that the other end has not posted sends for. */
enum { VAIN_CONNECTIONS_MAX = 16 };
struct vain_stream_links {
    int rank, size, connections;  /* connections: streams of each pair, the same everywhere */
    struct vain_stream **streams; /* (size, connections); those of this rank are not looked at */
    struct vain_world *world;     /* borrowed */
};
/* Takes the streams: closing the last communicator closes them. On failure they stay the caller's.
 * The array is only read now. Local. */
enum vain_status vain_stream_comm_open(const struct vain_stream_links *links,
                                       struct vain_comm *out) VAIN_MUST_USE;
