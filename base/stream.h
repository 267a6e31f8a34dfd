/* An ordered, authenticated connection between two members.
 *
 * What one end writes the other reads, in order and once, or the stream ends: whoever makes a
 * stream (TLS 1.3 over TCP, the simulator) has made sure of the peer, and nobody else can read,
 * change, repeat or drop a byte unnoticed. Calls are local and never block. A stream belongs to one
 * thread at a time. */
#pragma once

#include "base/crypto.h"

struct vain_stream;

struct vain_stream_ops {
    const char *name; /* "tls" */
    /* Takes up to `bytes` > 0 of `data` on their way; *taken says how many, 0 while the stream is
     * full. What was taken is no longer the caller's to keep; after a call that took less than all,
     * the next one begins with the first byte that was not taken. VAIN_ERR_PEER says why the stream
     * has ended. */
    enum vain_status (*write)(struct vain_stream *stream, const void *data, size_t bytes,
                              size_t *taken);
    /* Up to `bytes` > 0 of what has come into `data`; *got says how many, 0 when nothing has.
     * VAIN_END when the peer has ended it in order and all was read, VAIN_ERR_PEER when it broke.
     */
    enum vain_status (*read)(struct vain_stream *stream, void *data, size_t bytes, size_t *got);
    /* Optional: the file descriptor to poll(2) on, and in *events what for (POLLIN, POLLOUT), so
     * that a caller with nothing to do can sleep; *events 0: the next call moves something, so
     * do not sleep. With POLLOUT while something that was taken has not left: calls help it out. */
    int (*descriptor)(const struct vain_stream *stream, short *events);
    /* Optional: while it is held, what was taken may stay until there is more of it, so that many
     * small writes leave as one; held ends with false, and all leaves that can. */
    void (*hold)(struct vain_stream *stream, bool held);
    /* Ends the stream and releases it. What was taken but has not left may be lost. */
    void (*close)(struct vain_stream *stream);
};

struct vain_stream {
    const struct vain_stream_ops *ops;
    void *state;                      /* the implementation's */
    uint8_t peer_id[VAIN_HASH_BYTES]; /* the member at the other end */
    bool ready; /* without a descriptor: set when a call may move something again; the caller clears
                   it before it tries */
};
