/* A search over cycles, exact for few members and bounded for many.
 *
 * Both start from the order by rank and take another only if it is shorter, and both meet cycles in
 * ascending order of their ranks, so that ties are decided the same way everywhere. */
#include "collectives/ring_order.h"

#include <string.h>

#include "base/cursor.h"
#include "base/limits.h"

/* Looks at a link that the search above VAIN_RING_EXACT_MAX may take: about a quarter of a second.
 */
static const int64_t LOOKS_MAX = INT64_C(1) << 27;

/* ---- lengths --------------------------------------------------------------------------------- */

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static bool is_shorter(struct vain_ring_length a, struct vain_ring_length b)
{
    return a.slowest < b.slowest || (a.slowest == b.slowest && a.sum < b.sum);
}

static struct vain_ring_length with_link(struct vain_ring_length length, int place, uint32_t cost)
{
    if (cost > length.slowest) {
        length.slowest = cost;
        length.slowest_place = place;
    }
    length.sum += cost;
    return length;
}

struct vain_ring_length vain_ring_order_length(const uint32_t *cost, int members, const int *order)
{
    struct vain_ring_length length = {0};
    for (int place = 0; place < members; place++) {
        const int from = order[place], to = order[(place + 1) % members];
        if (from != to)
            length = with_link(length, place, cost[from * members + to]);
    }
    return length;
}

/* ---- exact ----------------------------------------------------------------------------------- */

/* Paths from rank 0 in ascending order; one that is no shorter than the best ring is not followed,
 * since links only add to it. */
static void try_all(const uint32_t *cost, int members, int *best)
{
    int path[VAIN_RING_EXACT_MAX] = {0};
    bool used[VAIN_RING_EXACT_MAX] = {true};
    struct vain_ring_length lengths[VAIN_RING_EXACT_MAX] = {{0}};
    struct vain_ring_length shortest = vain_ring_order_length(cost, members, best);
    for (int place = 1, next = 1; place > 0;) {
        while (next < members && used[next])
            next++;
        if (next == members) {
            if (--place > 0)
                used[path[place]] = false;
            next = path[place] + 1;
            continue;
        }
        path[place] = next;
        lengths[place] =
            with_link(lengths[place - 1], place - 1, cost[path[place - 1] * members + next]);
        if (!is_shorter(lengths[place], shortest)) {
            next++;
        } else if (place < members - 1) {
            used[next] = true;
            place++;
            next = 1;
        } else {
            const struct vain_ring_length whole =
                with_link(lengths[place], place, cost[next * members]);
            if (is_shorter(whole, shortest)) {
                shortest = whole;
                memcpy(best, path, (size_t)members * sizeof *path);
            }
            next++;
        }
    }
}

/* ---- nearest neighbours and 2-opt ------------------------------------------------------------ */

static void go_to_nearest(const uint32_t *cost, int members, int start, int *order)
{
    bool used[VAIN_MEMBERS_MAX] = {false};
    order[0] = start;
    used[start] = true;
    for (int place = 1; place < members; place++) {
        const uint32_t *links = cost + order[place - 1] * members;
        int nearest = -1;
        for (int rank = 0; rank < members; rank++) {
            if (!used[rank] && (nearest < 0 || links[rank] < links[nearest]))
                nearest = rank;
        }
        order[place] = nearest;
        used[nearest] = true;
    }
}

static void reverse(int *order, int first, int last)
{
    for (; first < last; first++, last--) {
        const int kept = order[first];
        order[first] = order[last];
        order[last] = kept;
    }
}

/* Two links go and two come: fewer that are as slow as the slowest, or less in all. Each such move
 * makes (slowest, how many are as slow, sum) less, so they come to an end. */
static bool is_better(uint32_t slowest, const uint32_t gone[2], const uint32_t come[2])
{
    const int slow_gone = (gone[0] == slowest) + (gone[1] == slowest);
    const int slow_come = (come[0] == slowest) + (come[1] == slowest);
    if (larger(come[0], come[1]) > slowest || slow_come > slow_gone)
        return false;
    return slow_come < slow_gone || (uint64_t)come[0] + come[1] < (uint64_t)gone[0] + gone[1];
}

/* Turn around whatever makes the ring better, until nothing does or there are no looks left. */
static void mend(const uint32_t *cost, int members, int *order, int64_t *looks)
{
    uint32_t slowest = vain_ring_order_length(cost, members, order).slowest;
    for (bool moved = true; moved && *looks > 0;) {
        moved = false;
        for (int first = 0; first < members - 2 && *looks > 0; first++) {
            *looks -= 2 * (members - first);
            for (int last = first + 2; last < members - (first == 0); last++) {
                const int a = order[first], b = order[first + 1];
                const int c = order[last], d = order[(last + 1) % members];
                const uint32_t gone[2] = {cost[a * members + b], cost[c * members + d]};
                const uint32_t come[2] = {cost[a * members + c], cost[b * members + d]};
                if (!is_better(slowest, gone, come))
                    continue;
                reverse(order, first + 1, last);
                slowest = vain_ring_order_length(cost, members, order).slowest;
                *looks -= 2 * members;
                moved = true;
            }
        }
    }
}

/* Rank 0 comes first, and the lower of its neighbours second. */
static void turn(int *order, int members)
{
    int turned[VAIN_MEMBERS_MAX], at = 0;
    VAIN_ASSERT(members > 1);
    while (order[at] != 0)
        at++;
    for (int place = 0; place < members; place++)
        turned[place] = order[(at + place) % members];
    if (turned[1] > turned[members - 1])
        reverse(turned, 1, members - 1);
    memcpy(order, turned, (size_t)members * sizeof *turned);
}

static void keep_shorter(const uint32_t *cost, int members, const int *order, int *best)
{
    if (is_shorter(vain_ring_order_length(cost, members, order),
                   vain_ring_order_length(cost, members, best)))
        memcpy(best, order, (size_t)members * sizeof *order);
}

static void try_some(const uint32_t *cost, int members, int *best)
{
    int order[VAIN_MEMBERS_MAX];
    int64_t looks = LOOKS_MAX;
    memcpy(order, best, (size_t)members * sizeof *order);
    mend(cost, members, order, &looks);
    keep_shorter(cost, members, order, best);
    for (int start = 0; start < members && looks > 0; start++) {
        go_to_nearest(cost, members, start, order);
        looks -= (int64_t)members * members;
        keep_shorter(cost, members, order, best);
        mend(cost, members, order, &looks);
        keep_shorter(cost, members, order, best);
    }
    turn(best, members);
}

/* ---- outside --------------------------------------------------------------------------------- */

void vain_ring_order_find(uint32_t *cost, int members, int *order)
{
    VAIN_ASSERT(members >= 1);
    VAIN_ASSERT(members <= VAIN_MEMBERS_MAX);
    for (int i = 0; i < members; i++) {
        order[i] = i;
        for (int j = 0; j < i; j++) {
            const uint32_t both = larger(cost[i * members + j], cost[j * members + i]);
            cost[i * members + j] = cost[j * members + i] = both;
        }
    }
    if (members <= VAIN_RING_EXACT_MAX)
        try_all(cost, members, order);
    else
        try_some(cost, members, order);
    VAIN_ASSERT(vain_ring_order_valid(order, members));
}

bool vain_ring_order_valid(const int *order, int members)
{
    bool used[VAIN_MEMBERS_MAX] = {false};
    VAIN_ASSERT(members <= VAIN_MEMBERS_MAX);
    for (int place = 0; place < members; place++) {
        const int rank = order[place];
        if (rank < 0 || rank >= members || used[rank])
            return false;
        used[rank] = true;
    }
    return true;
}

void vain_ring_order_hash(const int *order, int members, uint8_t out[VAIN_HASH_BYTES])
{
    uint8_t bytes[4 * VAIN_MEMBERS_MAX];
    struct vain_writer writer;
    bool by_rank = true;
    VAIN_ASSERT(members <= VAIN_MEMBERS_MAX);
    vain_writer_init(&writer, bytes, sizeof bytes);
    for (int place = 0; order != NULL && place < members; place++) {
        by_rank = by_rank && order[place] == place;
        vain_write_u32(&writer, (uint32_t)order[place]);
    }
    memset(out, 0, VAIN_HASH_BYTES);
    if (!by_rank)
        vain_hash("vain/ring/order", bytes, writer.position, out);
}
