#include "tests/unit/p2p/relay.h"

#include <CUnit/CUnit.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/p2p/foreign.h"

void relay_open(struct relay *relay)
{
    memset(relay, 0, sizeof *relay);
    relay->listener = raw_listen(relay->address);
    for (int i = 0; i < 2; i++) {
        relay->ways[i].from = relay->ways[i].to = -1;
        relay->ways[i].spoil_at = SIZE_MAX;
    }
}

void relay_connect(struct relay *relay, const struct side *side)
{
    const int dialler = raw_accept(relay->listener);
    const int acceptor = raw_connect(side);
    CU_ASSERT_TRUE(vain_link_prepare_socket(dialler));
    CU_ASSERT_TRUE(vain_link_prepare_socket(acceptor));
    relay->ways[0].from = relay->ways[1].to = dialler;
    relay->ways[0].to = relay->ways[1].from = acceptor;
}

static void look_at(struct relay_way *way, uint8_t *data, size_t bytes)
{
    const size_t room = sizeof way->kept - way->kept_bytes;
    const size_t kept = bytes < room ? bytes : room;
    memcpy(way->kept + way->kept_bytes, data, kept);
    way->kept_bytes += kept;
    if (way->spoil_at >= way->total_bytes && way->spoil_at - way->total_bytes < bytes)
        data[way->spoil_at - way->total_bytes] ^= 4;
    way->total_bytes += bytes;
}

static void pump_way(struct relay_way *way)
{
    if (way->start == way->end && !way->from_ended) {
        const ssize_t got = recv(way->from, way->buffer, sizeof way->buffer, 0);
        way->start = 0;
        way->end = got > 0 ? (size_t)got : 0;
        way->from_ended = got == 0;
        look_at(way, way->buffer, way->end);
        if (got == 0)
            (void)shutdown(way->to, SHUT_WR);
    }
    if (way->start < way->end) {
        const ssize_t sent =
            send(way->to, way->buffer + way->start, way->end - way->start, MSG_NOSIGNAL);
        way->start += sent > 0 ? (size_t)sent : 0;
    }
}

void relay_pump(struct relay *relay)
{
    pump_way(&relay->ways[0]);
    pump_way(&relay->ways[1]);
}

void relay_cut(struct relay *relay)
{
    for (int i = 0; i < 2; i++) {
        if (relay->ways[i].from >= 0)
            (void)close(relay->ways[i].from);
        relay->ways[i].from = -1;
    }
}

void relay_close(struct relay *relay)
{
    relay_cut(relay);
    (void)close(relay->listener);
}
