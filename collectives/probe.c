/* The tournament, one pair's measurement from both ends, and what all have found as one matrix.
 *
 * Long messages travel when their receiver is ready (collectives/frame.h), so receives are posted
 * before anything is timed. */
#include "collectives/probe.h"

#include "base/memory.h"
#include "base/world.h"
#include "kernels/mix.h"

enum { MESSAGES = 6 /* of a pair, in the order in which they travel: see probe.h */ };
enum { THERE, ASK, ANSWER, LONG_OUT, TAKEN, LONG_BACK };

struct probe {
    struct vain_comm *comm;
    struct vain_world *world;
    int64_t deadline_ms;
    uint64_t start_ns;
    struct vain_request requests[MESSAGES];
    uint8_t small[MESSAGES];
    uint32_t sent[VAIN_PROBE_BYTES / 4], received[VAIN_PROBE_BYTES / 4];
};

/* What a member has measured with those above it. */
struct finding {
    uint32_t to_us, from_us;
};

/* ---- who meets whom -------------------------------------------------------------------------- */

/* An even number of places: with an odd number of ranks one of them is nobody's. */
static int place_count(int size)
{
    return size + size % 2;
}

int vain_probe_rounds(int size)
{
    return place_count(size) - 1;
}

int vain_probe_partner(int rank, int size, int round)
{
    /* Places but the last stand in a circle: those whose sum is `round` meet, and who would meet
     * itself meets the last. */
    const int last = place_count(size) - 1;
    int partner = 0;
    if (rank == last) {
        while (2 * partner % last != round)
            partner++;
    } else {
        partner = (round - rank + last) % last;
        if (partner == rank)
            partner = last;
    }
    return partner < size ? partner : -1;
}

/* ---- one pair -------------------------------------------------------------------------------- */

static size_t bytes_of(int message)
{
    return message == LONG_OUT || message == LONG_BACK ? VAIN_PROBE_BYTES : 1;
}

static enum vain_status send(struct probe *probe, int peer, int message)
{
    const bool is_long = bytes_of(message) > 1;
    const void *buffer = is_long ? (const void *)probe->sent : &probe->small[message];
    return probe->comm->ops->post_send(probe->comm, peer, VAIN_TAG_PROBE, buffer, bytes_of(message),
                                       &probe->requests[message]);
}

static enum vain_status receive(struct probe *probe, int peer, int message)
{
    const bool is_long = bytes_of(message) > 1;
    void *buffer = is_long ? (void *)probe->received : &probe->small[message];
    return probe->comm->ops->post_receive(probe->comm, peer, VAIN_TAG_PROBE, buffer,
                                          bytes_of(message), &probe->requests[message]);
}

/* What is left of the deadline, at least a millisecond. */
static int64_t left_ms(const struct probe *probe)
{
    if (probe->deadline_ms == 0)
        return 0;
    const uint64_t now_ns = probe->world->ops->now_ns(probe->world);
    const int64_t left = probe->deadline_ms - (int64_t)((now_ns - probe->start_ns) / 1000000);
    return left > 0 ? left : 1;
}

static enum vain_status wait_for(struct probe *probe, int message)
{
    return vain_request_wait(&probe->requests[message], probe->world, left_ms(probe),
                             "measuring links");
}

static uint32_t microseconds(uint64_t ns)
{
    return ns / 1000 < UINT32_MAX ? (uint32_t)(ns / 1000) : UINT32_MAX;
}

static enum vain_status measure(struct probe *probe, int peer, struct finding *out)
{
    struct vain_world *world = probe->world;
    VAIN_TRY(receive(probe, peer, THERE));
    VAIN_TRY(receive(probe, peer, ANSWER));
    VAIN_TRY(receive(probe, peer, TAKEN));
    VAIN_TRY(receive(probe, peer, LONG_BACK));
    VAIN_TRY(wait_for(probe, THERE));
    const uint64_t asked_ns = world->ops->now_ns(world);
    VAIN_TRY(send(probe, peer, ASK));
    VAIN_TRY(wait_for(probe, ANSWER));
    const uint64_t answered_ns = world->ops->now_ns(world);
    VAIN_TRY(send(probe, peer, LONG_OUT));
    VAIN_TRY(wait_for(probe, TAKEN));
    const uint64_t taken_ns = world->ops->now_ns(world);
    VAIN_TRY(wait_for(probe, LONG_BACK));
    const uint64_t came_ns = world->ops->now_ns(world);

    /* The long message's answer took half the way there and back too, and only it. */
    const uint64_t half_ns = (answered_ns - asked_ns) / 2, out_ns = taken_ns - answered_ns;
    out->to_us = microseconds(out_ns > half_ns ? out_ns - half_ns : 0);
    out->from_us = microseconds(came_ns - taken_ns + half_ns);
    return VAIN_OK;
}

static enum vain_status answer(struct probe *probe, int peer)
{
    VAIN_TRY(receive(probe, peer, ASK));
    VAIN_TRY(receive(probe, peer, LONG_OUT));
    VAIN_TRY(send(probe, peer, THERE));
    VAIN_TRY(wait_for(probe, ASK));
    VAIN_TRY(send(probe, peer, ANSWER));
    VAIN_TRY(wait_for(probe, LONG_OUT));
    VAIN_TRY(send(probe, peer, TAKEN));
    return send(probe, peer, LONG_BACK);
}

static enum vain_status meet(struct probe *probe, int peer, struct finding *out)
{
    const bool measures = probe->comm->rank < peer;
    const enum vain_status status = measures ? measure(probe, peer, out) : answer(probe, peer);
    if (status == VAIN_OK)
        return vain_request_wait_all(probe->comm, probe->requests, MESSAGES, probe->world,
                                     left_ms(probe), "measuring links");
    vain_request_abandon(probe->comm, probe->requests, MESSAGES);
    return status;
}

/* ---- all ------------------------------------------------------------------------------------- */

static enum vain_status meet_all(struct probe *probe, struct finding *mine)
{
    const int size = probe->comm->size;
    /* Not zeros: who compresses on the way would look fast. */
    for (uint32_t i = 0; i < VAIN_COUNT_OF(probe->sent); i++)
        probe->sent[i] = vain_mix(i + 1);
    if (probe->deadline_ms > 0)
        probe->start_ns = probe->world->ops->now_ns(probe->world);
    for (int round = 0; round < vain_probe_rounds(size); round++) {
        const int peer = vain_probe_partner(probe->comm->rank, size, round);
        if (peer >= 0)
            VAIN_TRY(meet(probe, peer, &mine[peer]));
    }
    return VAIN_OK;
}

/* all (size, size): row i is what rank i found. */
static void spread(const struct finding *all, int size, uint32_t *cost)
{
    for (int low = 0; low < size; low++) {
        cost[low * size + low] = 0;
        for (int high = low + 1; high < size; high++) {
            cost[low * size + high] = all[low * size + high].to_us;
            cost[high * size + low] = all[low * size + high].from_us;
        }
    }
}

enum vain_status vain_probe_links(struct vain_comm *comm, struct vain_world *world,
                                  int64_t deadline_ms, uint32_t *cost)
{
    struct probe *probe = NULL;
    struct finding *mine = NULL, *all = NULL;
    const int size = comm->size;
    enum vain_status status;
    VAIN_TRY_OUT(vain_take(sizeof *probe, "measuring links", (void **)&probe));
    VAIN_TRY_OUT(vain_take_array(size, sizeof *mine, "link costs", (void **)&mine));
    VAIN_TRY_OUT(vain_take_array((int64_t)size * size, sizeof *all, "link costs", (void **)&all));
    probe->comm = comm;
    probe->world = world;
    probe->deadline_ms = deadline_ms;
    VAIN_TRY_OUT(meet_all(probe, mine));
    VAIN_TRY_OUT(vain_comm_all_gather(comm, world, deadline_ms, VAIN_TAG_PROBE, mine,
                                      (size_t)size * sizeof *mine, all));
    spread(all, size, cost);
out:
    vain_release(all);
    vain_release(mine);
    vain_release(probe);
    return status;
}
