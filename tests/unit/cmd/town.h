/* Members in one process, each with a mesh of its own, over loopback.
 *
 * Member 0 has the lowest id and so on: a member dials all after it. The clock runs, and can be put
 * forward. Waiting is for events; PATIENCE_MS only bounds a hang. */
#pragma once

#include <stdatomic.h>

#include "base/world.h"
#include "cmd/mesh.h"
#include "p2p/link.h"

enum { TOWN_MEMBERS_MAX = 4, TOWN_PATIENCE_MS = 30000, TOWN_NOTICE_BYTES = 1024 };

struct town_member {
    struct vain_signer signer;
    struct vain_connector *connector; /* NULL: not there */
    int notices;
    char notice[TOWN_NOTICE_BYTES]; /* the last one */
};

struct town {
    int count;
    struct vain_world world;
    _Atomic uint64_t ahead_ns;     /* of this machine's clock */
    vain_resolver_look_up look_up; /* of members that enter from now on */
    struct town_member members[TOWN_MEMBERS_MAX];
};

/* Keys of `count` members; nobody is there yet. */
void town_open(struct town *town, int count);
void town_close(struct town *town);
/* The member comes, listens at a port of the system's choice, and all that are there learn where.
 */
void town_enter(struct town *town, int member);
/* All of them. */
void town_enter_all(struct town *town);
/* Ends its mesh; the streams that it took are the test's. */
void town_leave(struct town *town, int member);
/* Puts the clock forward, and wakes all threads. */
void town_pass_ms(struct town *town, uint64_t ms);

/* The member's mailbox stream to `other`; waits for it. */
struct vain_stream *town_mailbox(struct town *town, int member, int other);
/* Begins a use whose key is `key` 32 times, of `count` members with itself. */
void town_begin(struct town *town, int member, uint8_t key, const int *others, int count,
                int connections);
/* All streams of that use; waits for them. streams: (count, connections), by place in `others`,
 * NULL for itself. */
void town_take_all(struct town *town, int member, const int *others, int count, int connections,
                   struct vain_stream **streams);
/* One of them: waits until it is there, or cannot be made. */
enum vain_status town_take(struct town *town, int member, int other, int connection,
                           struct vain_stream **out);
/* Whether there is something to take, now. */
bool town_has_news(const struct town *town, int member);

/* Whether `condition` comes true. */
bool town_wait(bool (*condition)(void *context), void *context);
/* Whether so many connections come to be refused there, or established, and no more. */
bool town_refuses(const struct town *town, int member, uint64_t count);
/* The same while time passes. */
bool town_refuses_in_time(struct town *town, int member, uint64_t count);
bool town_establishes(const struct town *town, int member, uint64_t count);

/* Writes it at one end, waits for it at the other. */
bool town_passes(struct vain_stream *from, struct vain_stream *to, uint8_t byte);
/* What the stream's end is, once it has ended: VAIN_END, or VAIN_ERR_PEER. */
enum vain_status town_end_of(struct vain_stream *stream);
void town_hang_up(struct vain_stream **stream);

/* A host of links, outside of any mesh, that has this signer. */
struct vain_link_host *town_stranger(struct town *town, struct vain_signer *signer);
/* Dials the member who is there; what vain_link_step came to. */
enum vain_status town_dial(struct town *town, struct vain_link_host *host, int member,
                           uint16_t connection, struct vain_link **out);
