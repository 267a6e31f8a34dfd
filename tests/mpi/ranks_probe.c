/* What links cost, over every transport: everybody meets everybody, and all have the same numbers.
 * Time is a script, so that what they must be is known. */
#include "collectives/probe.h"

#include <string.h>

#include "tests/mpi/ranks.h"

enum { RANKS_MAX = 16, LOOKS = 4 /* at the clock, for one pair */ };

/* Every pair once, one partner a round, seen alike from both sides. */
static void everybody_meets_everybody(struct ranks *ranks)
{
    for (int size = 1; size <= 33; size++) {
        int met[33][33] = {{0}}, rests = 0, wrong = 0;
        for (int round = 0; round < vain_probe_rounds(size); round++)
            for (int rank = 0; rank < size; rank++) {
                const int peer = vain_probe_partner(rank, size, round);
                rests += peer < 0;
                wrong += peer >= size || peer == rank;
                if (peer < 0 || peer >= size)
                    continue;
                wrong += vain_probe_partner(peer, size, round) != rank;
                met[rank][peer]++;
            }
        for (int i = 0; i < size * size; i++)
            wrong += met[i / size][i % size] != (i / size != i % size);
        EXPECT(ranks, wrong == 0);
        EXPECT(ranks, rests == (size % 2 == 0 ? 0 : size));
    }
}

/* What rank `low` is told that a link of it takes: the way there and back, the long message there
 * with its answer, the long one back. */
static uint64_t scripted_ns(int low, int high, int part)
{
    static const uint64_t bases[LOOKS - 1] = {20000, 100000, 70000};
    return bases[part] + 1000 * (uint64_t)(10 * low + high);
}

/* A clock that is only looked at by who measures, four times a pair. */
struct script {
    int rank, size;
    int looks;
    uint64_t now_ns;
};

/* The rank above this one that it measures with as number `turn`. */
static int measured_with(const struct script *script, int turn)
{
    for (int round = 0; round < vain_probe_rounds(script->size); round++) {
        const int peer = vain_probe_partner(script->rank, script->size, round);
        if (peer > script->rank && turn-- == 0)
            return peer;
    }
    return -1;
}

static uint64_t scripted_now_ns(struct vain_world *world)
{
    struct script *script = world->state;
    const int part = script->looks % LOOKS - 1;
    const int peer = measured_with(script, script->looks++ / LOOKS);
    if (part >= 0)
        script->now_ns += scripted_ns(script->rank, peer, part);
    return script->now_ns;
}

static void costs_are_what_clocks_say(struct ranks *ranks)
{
    static const struct vain_world_ops ops = {.now_ns = scripted_now_ns};
    const int size = ranks->comm.size, own = ranks->comm.rank;
    uint32_t cost[RANKS_MAX * RANKS_MAX + 1];
    for (int turn = 0; turn < 2; turn++) {
        struct script script = {.rank = own, .size = size};
        struct vain_world world = {.ops = &ops, .state = &script};
        memset(cost, 0xee, sizeof cost);
        EXPECT_OK(ranks, vain_probe_links(&ranks->comm, &world, 0, cost));
        EXPECT(ranks, script.looks == LOOKS * (size - 1 - own));
        EXPECT(ranks, cost[size * size] == 0xeeeeeeee);
        for (int low = 0; low < size; low++) {
            EXPECT(ranks, cost[low * size + low] == 0);
            for (int high = low + 1; high < size; high++) {
                const uint64_t half = scripted_ns(low, high, 0) / 2;
                const uint64_t out = scripted_ns(low, high, 1) - half;
                const uint64_t back = scripted_ns(low, high, 2) + half;
                EXPECT(ranks, cost[low * size + high] == out / 1000);
                EXPECT(ranks, cost[high * size + low] == back / 1000);
            }
        }
    }
}

/* ---- who speaks with whom -------------------------------------------------------------------- */

/* Posts of this rank on their way to the transport. The gather's have their own length. */
struct watch {
    const struct vain_transport_ops *ops;
    size_t row_bytes;
    int sends, receives, rows;
    size_t sent_bytes, received_bytes;
    int partner, partners; /* whom the last message was for; how often it was another one */
};
static _Thread_local struct watch watch;

static void note(int peer, size_t bytes)
{
    watch.rows += bytes == watch.row_bytes;
    if (bytes == watch.row_bytes || peer == watch.partner)
        return;
    watch.partner = peer;
    watch.partners++;
}

static enum vain_status watch_send(struct vain_comm *comm, int peer, uint32_t tag,
                                   const void *buffer, size_t bytes, struct vain_request *request)
{
    watch.sends++;
    watch.sent_bytes += bytes;
    note(peer, bytes);
    return watch.ops->post_send(comm, peer, tag, buffer, bytes, request);
}

static enum vain_status watch_receive(struct vain_comm *comm, int peer, uint32_t tag, void *buffer,
                                      size_t bytes, struct vain_request *request)
{
    watch.receives++;
    watch.received_bytes += bytes;
    note(peer, bytes);
    return watch.ops->post_receive(comm, peer, tag, buffer, bytes, request);
}

/* Partners one after another, never again one that was there before: with those above two messages
 * out and four in, with those below the reverse, one long each way; then the gather. */
static void one_partner_at_a_time(struct ranks *ranks)
{
    const int size = ranks->comm.size, others = size - 1;
    const int above = others - ranks->comm.rank, below = ranks->comm.rank;
    uint32_t cost[RANKS_MAX * RANKS_MAX];
    watch = (struct watch){.ops = ranks->comm.ops, .row_bytes = 8 * (size_t)size, .partner = -1};
    struct vain_transport_ops ops = *watch.ops;
    ops.post_send = watch_send;
    ops.post_receive = watch_receive;
    ranks->comm.ops = &ops;
    EXPECT_OK(ranks, vain_probe_links(&ranks->comm, &ranks->world, 0, cost));
    ranks->comm.ops = watch.ops;
    const size_t each = (size_t)others * (VAIN_PROBE_BYTES + watch.row_bytes);
    EXPECT(ranks, watch.partners == others);
    EXPECT(ranks, watch.rows == 2 * others);
    EXPECT(ranks, watch.sends == 2 * above + 4 * below + others);
    EXPECT(ranks, watch.receives == 4 * above + 2 * below + others);
    EXPECT(ranks, watch.sent_bytes == each + (size_t)(above + 3 * below));
    EXPECT(ranks, watch.received_bytes == each + (size_t)(3 * above + below));
}

/* Times that go beyond what a number holds are the longest there is. */
static void very_slow_links_are_the_slowest(struct ranks *ranks)
{
    uint32_t cost[RANKS_MAX * RANKS_MAX];
    const int size = ranks->comm.size;
    ranks->clock.step_ns = UINT64_C(1) << 60;
    EXPECT_OK(ranks, vain_probe_links(&ranks->comm, &ranks->world, 0, cost));
    for (int i = 0; i < size * size; i++)
        EXPECT(ranks, cost[i] == (i / size == i % size ? 0 : UINT32_MAX));
}

/* Who does not come makes it fail at all others, in time. */
static void a_missing_member_ends_it(struct ranks *ranks)
{
    uint32_t cost[RANKS_MAX * RANKS_MAX];
    const int missing = ranks->comm.size - 1;
    ranks_clock_runs(ranks);
    if (ranks->comm.size > 1 && ranks->comm.rank != missing) {
        const enum vain_status status = vain_probe_links(&ranks->comm, &ranks->world, 2000, cost);
        EXPECT(ranks, status == VAIN_ERR_TIMEOUT || status == VAIN_ERR_PEER);
        if (status == VAIN_ERR_TIMEOUT)
            EXPECT_MESSAGE(ranks, "measuring links");
    } else if (ranks->comm.size > 1) {
        uint8_t byte = 0;
        EXPECT_STATUS(ranks, VAIN_ERR_PEER,
                      vain_comm_broadcast(&ranks->comm, &ranks->world, 0, 0, &byte, 1));
        EXPECT_STATUS(ranks, VAIN_ERR_PEER, vain_probe_links(&ranks->comm, &ranks->world, 0, cost));
    }
}

const struct ranks_case probe_cases[] = {
    {"probe: everybody meets everybody", everybody_meets_everybody},
    {"probe: costs are what clocks say", costs_are_what_clocks_say},
    {"probe: one partner at a time", one_partner_at_a_time},
    {"probe: very slow links are the slowest", very_slow_links_are_the_slowest},
    {"probe: a missing member ends it", a_missing_member_ends_it},
    {NULL, NULL},
};
