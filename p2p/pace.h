/* How often somebody may begin a handshake, by the address that he calls from. A handshake is half
 * a millisecond of ours that anybody may ask for, some thousand times a second; who asks more often
 * than this is turned away for the price of accept(2). Each address begins with VAIN_PACE_BURST and
 * gets VAIN_PACE_A_SECOND more; a link that is established gives its one back, so that members
 * never run out. Of IPv6 the first 64 bits are the address, since whoever has one of those has all.
 *
 * A token bucket an address; when the table is full the fullest makes room, which is one that has
 * not called for long. Whoever calls from more addresses than the table holds is not slowed. */
#pragma once

#include <sys/socket.h>

#include "base/status.h"

enum {
    VAIN_PACE_BURST = 256, /* 16 members behind one address with 16 connections each */
    VAIN_PACE_A_SECOND = 64,
    VAIN_PACE_SOURCES = 64
};

struct vain_pace_source {
    uint8_t bytes[16];
};

struct vain_pace {
    int count;
    struct {
        struct vain_pace_source source;
        uint64_t counted_ns; /* until when tokens are counted */
        uint64_t tokens;     /* in 2^-30 */
    } sources[VAIN_PACE_SOURCES];
};

struct vain_pace_source vain_pace_source_of(const struct sockaddr_storage *name);
/* Whether `source` may begin a handshake now; takes a token if so. */
bool vain_pace_take(struct vain_pace *pace, const struct vain_pace_source *source, uint64_t now_ns);
void vain_pace_give_back(struct vain_pace *pace, const struct vain_pace_source *source);
