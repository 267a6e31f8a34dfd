/* How streams to other members come about, for whoever needs them and does not want to know.
 *
 * Two kinds. A member's mailbox (collectives/mailbox.h) uses one stream a pair, which is there as
 * long as both live: the connector makes it, and makes it again when it was lost. The words of an
 * exchange use several streams a pair, made for one set of members and one use, closed when that
 * set has lost somebody: a key says which use, so that nothing of a use that failed can be taken
 * for a part of the next. cmd/mesh.c makes them of TLS links; tests make them of pairs of sockets.
 *
 * Members are counted as the spec lists them: 0 to members - 1, this one included. Calls are local,
 * do not block, and belong to one thread. */
#pragma once

#include "base/stream.h"

struct vain_connector;

enum { VAIN_CONNECTOR_KEY_BYTES = 32 };

/* Streams of a use. */
struct vain_connector_use {
    uint8_t key[VAIN_CONNECTOR_KEY_BYTES]; /* the same at all its members, of no other use */
    const int *members;                    /* (count) with this one, borrowed for the call */
    int count;
    int connections; /* a pair */
};

struct vain_connector_ops {
    const char *name; /* "tls" */
    /* Gives the newest mailbox stream to `member` that has not been given yet, or VAIN_AGAIN. While
     * it is not said to be lost no other is dialled; one that the member made anew (it has
     * restarted, or lost the old one) is given all the same, and the old one is of no use then. */
    enum vain_status (*take_mailbox)(struct vain_connector *connector, int member,
                                     struct vain_stream **out);
    /* The mailbox stream to `member` was closed by its user: make another. */
    void (*lost_mailbox)(struct vain_connector *connector, int member);
    /* Begin to make the streams of a use; those of the last one that were not taken are closed. A
     * use of this member alone ends the last one and makes none. */
    enum vain_status (*begin_use)(struct vain_connector *connector,
                                  const struct vain_connector_use *use);
    /* Gives stream `connection` (from 0) to `member` of the use that was begun last, once, or
     * VAIN_AGAIN, or VAIN_ERR_PEER when it cannot be made: the last reason. */
    enum vain_status (*take)(struct vain_connector *connector, int member, int connection,
                             struct vain_stream **out);
    /* Optional: to poll(2) on for POLLIN, and for nothing else: readable as long as there is a
     * stream to take, of any kind, or one of the use that cannot be made and was not asked for
     * since. -1: none. */
    int (*descriptor)(const struct vain_connector *connector);
    /* Why the last attempt to reach `member` failed, or that it is the one who dials and has not
     * come; "" if neither. Static until the next call. For messages. */
    const char *(*trouble)(const struct vain_connector *connector, int member);
    /* Streams that were taken live on. */
    void (*close)(struct vain_connector *connector);
};
struct vain_connector {
    const struct vain_connector_ops *ops;
};
