/* The order of a ring against every order there is, planted ones, and none worth having. */
#include "collectives/ring_order.h"

#include <string.h>

#include "base/limits.h"
#include "kernels/mix.h"
#include "tests/unit/suite.h"

enum { N_MAX = 64 };

static uint32_t cost[N_MAX * N_MAX], kept[N_MAX * N_MAX];
static int order[N_MAX];

/* The same in any place of the seed's stream: index 0, 1, ... */
static uint32_t draw(uint32_t seed, uint32_t index)
{
    return vain_mix(vain_mix(seed * 7919 + 1) + index);
}

/* Costs below `bound`, other ones there than back. */
static void draw_costs(int members, uint32_t seed, uint32_t bound)
{
    for (int i = 0; i < members * members; i++)
        cost[i] = draw(seed, (uint32_t)i) % bound;
    memcpy(kept, cost, sizeof kept);
}

static uint32_t both(int i, int j, int members)
{
    const uint32_t there = kept[i * members + j], back = kept[j * members + i];
    return there > back ? there : back;
}

/* By hand, from the costs as they were given. */
static void length_of(const int *ring, int members, uint32_t *slowest, uint64_t *sum)
{
    *slowest = 0;
    *sum = 0;
    for (int place = 0; place < members; place++) {
        const uint32_t link = both(ring[place], ring[(place + 1) % members], members);
        *slowest = link > *slowest ? link : *slowest;
        *sum += link;
    }
}

static bool is_shorter(const int *one, const int *other, int members)
{
    uint32_t slowest[2];
    uint64_t sum[2];
    length_of(one, members, &slowest[0], &sum[0]);
    length_of(other, members, &slowest[1], &sum[1]);
    return slowest[0] < slowest[1] || (slowest[0] == slowest[1] && sum[0] < sum[1]);
}

/* The next permutation of all but the first; false after the last one. */
static bool next(int *ring, int members)
{
    int from = members - 2, to = members - 1;
    while (from > 0 && ring[from] > ring[from + 1])
        from--;
    if (from <= 0)
        return false;
    while (ring[to] < ring[from])
        to--;
    const int moved = ring[from];
    ring[from] = ring[to];
    ring[to] = moved;
    for (int a = from + 1, b = members - 1; a < b; a++, b--) {
        const int turned = ring[a];
        ring[a] = ring[b];
        ring[b] = turned;
    }
    return true;
}

static void by_rank(int *ring, int members)
{
    for (int i = 0; i < members; i++)
        ring[i] = i;
}

/* Rank 0 first, the lower neighbour second, everybody once. */
static void expect_canonical(int members)
{
    CU_ASSERT_TRUE(vain_ring_order_valid(order, members));
    CU_ASSERT_EQUAL(order[0], 0);
    if (members > 2)
        CU_ASSERT_TRUE(order[1] < order[members - 1]);
}

/* The first of the shortest in the order of their ranks, with few and with many different costs. */
static void few_members_get_the_best_ring(void)
{
    static const uint32_t bounds[] = {2, 4, 10, 1000, UINT32_MAX};
    for (int members = 1; members <= 8; members++) {
        int wrong = 0;
        for (uint32_t seed = 0; seed < (members == 8 ? 20u : 100u); seed++) {
            int ring[N_MAX], best[N_MAX];
            draw_costs(members, seed, bounds[seed % VAIN_COUNT_OF(bounds)]);
            by_rank(ring, members);
            by_rank(best, members);
            while (next(ring, members)) {
                if (is_shorter(ring, best, members))
                    memcpy(best, ring, sizeof best);
            }
            vain_ring_order_find(cost, members, order);
            expect_canonical(members);
            wrong += memcmp(order, best, (size_t)members * sizeof *best) != 0;
        }
        CU_ASSERT_EQUAL(wrong, 0);
    }
}

static void a_length_is_what_its_links_are(void)
{
    for (int members = 2; members <= N_MAX; members += 7) {
        uint32_t slowest;
        uint64_t sum;
        draw_costs(members, 5, 100000);
        vain_ring_order_find(cost, members, order);
        const struct vain_ring_length length = vain_ring_order_length(cost, members, order);
        length_of(order, members, &slowest, &sum);
        CU_ASSERT_EQUAL(length.slowest, slowest);
        CU_ASSERT_EQUAL(length.sum, sum);
        const int place = length.slowest_place;
        CU_ASSERT_EQUAL(both(order[place], order[(place + 1) % members], members), slowest);
        for (int i = 0; i < members; i++)
            for (int j = 0; j < i; j++)
                CU_ASSERT_EQUAL(cost[i * members + j], both(i, j, members));
    }
}

static void never_worse_than_by_rank(void)
{
    int better = 0, worse = 0, ring[N_MAX];
    by_rank(ring, N_MAX);
    for (int members = 3; members <= 40; members++)
        for (uint32_t seed = 0; seed < 6; seed++) {
            draw_costs(members, seed, seed % 2 == 0 ? 6 : 5000);
            vain_ring_order_find(cost, members, order);
            expect_canonical(members);
            worse += is_shorter(ring, order, members);
            better += is_shorter(order, ring, members);
        }
    CU_ASSERT_EQUAL(worse, 0);
    CU_ASSERT_TRUE(better > 190); /* of 228 */
}

/* A ring by rank that is hard to improve on stays, whatever neighbours offer. */
static void a_good_ring_by_rank_stays(void)
{
    for (int members = 4; members <= N_MAX; members += 10) {
        int ring[N_MAX];
        by_rank(ring, members);
        draw_costs(members, 9, 1000);
        for (int i = 0; i < members * members; i++)
            cost[i] += 100;
        for (int i = 0; i < members; i++) {
            const int after = (i + 1) % members;
            cost[i * members + after] = cost[after * members + i] = 50 + (uint32_t)i;
        }
        vain_ring_order_find(cost, members, order);
        CU_ASSERT_EQUAL(memcmp(order, ring, (size_t)members * sizeof *ring), 0);
    }
}

/* A ring of good links among bad ones, hidden by a shuffle, is not missed. Where all are looked at
 * there are better links beside it, which lead astray. */
static void planted_rings_are_found(void)
{
    static const int sizes[] = {8, 9, 10, 20, 64};
    for (size_t s = 0; s < VAIN_COUNT_OF(sizes); s++)
        for (uint32_t seed = 0; seed < 10; seed++) {
            const int members = sizes[s];
            int planted[N_MAX];
            by_rank(planted, members);
            for (int i = members - 1; i > 0; i--) {
                const int at = (int)(draw(seed, 9000 + (uint32_t)i) % (uint32_t)(i + 1));
                const int other = planted[i];
                planted[i] = planted[at];
                planted[at] = other;
            }
            draw_costs(members, seed, 100000);
            for (int i = 0; i < members * members; i++)
                cost[i] += 1000;
            for (int i = 0; i < members; i++) {
                const int a = planted[i], b = planted[(i + 1) % members];
                const int astray = planted[(i + members / 2) % members];
                cost[a * members + b] = cost[b * members + a] = 100 + (uint32_t)i;
                if (i % 5 == 0 && members <= VAIN_RING_EXACT_MAX)
                    cost[a * members + astray] = cost[astray * members + a] = 90;
            }
            memcpy(kept, cost, sizeof kept);
            vain_ring_order_find(cost, members, order);
            expect_canonical(members);
            CU_ASSERT_FALSE(is_shorter(planted, order, members));
        }
}

static void equal_costs_change_nothing(void)
{
    static const uint32_t costs[] = {0, 1, 77, UINT32_MAX};
    for (size_t c = 0; c < VAIN_COUNT_OF(costs); c++)
        for (int members = 1; members <= N_MAX; members += members < 12 ? 1 : 13) {
            for (int i = 0; i < members * members; i++)
                cost[i] = costs[c];
            vain_ring_order_find(cost, members, order);
            for (int i = 0; i < members; i++)
                CU_ASSERT_EQUAL(order[i], i);
            const struct vain_ring_length length = vain_ring_order_length(cost, members, order);
            CU_ASSERT_EQUAL(length.sum, members > 1 ? (uint64_t)members * costs[c] : 0);
        }
}

/* Sums beyond 32 bits decide; the diagonal is not read. */
static void extreme_costs_are_numbers_like_others(void)
{
    for (int members = 5; members <= 11; members += 6) {
        for (int i = 0; i < members * members; i++)
            cost[i] = UINT32_MAX;
        for (int i = 0; i < members; i++)
            cost[i * members + i] = 0;
        cost[0 * members + 2] = cost[2 * members + 0] = 0;
        vain_ring_order_find(cost, members, order);
        expect_canonical(members);
        CU_ASSERT_TRUE(order[1] == 2 || order[members - 1] == 2);
        const struct vain_ring_length length = vain_ring_order_length(cost, members, order);
        CU_ASSERT_EQUAL(length.slowest, UINT32_MAX);
        CU_ASSERT_EQUAL(length.sum, (uint64_t)UINT32_MAX * (uint64_t)(members - 1));
    }
}

/* One direction that is slow makes a slow link. */
static void the_slower_direction_counts(void)
{
    for (int i = 0; i < 16; i++)
        cost[i] = 10;
    cost[1 * 4 + 0] = 500;
    vain_ring_order_find(cost, 4, order);
    static const int expected[] = {0, 2, 1, 3};
    CU_ASSERT_EQUAL(memcmp(order, expected, sizeof expected), 0);
}

/* The most members there may be: an end, and one place each. */
static void a_thousand_members_come_to_an_end(void)
{
    static uint32_t many[VAIN_MEMBERS_MAX * VAIN_MEMBERS_MAX];
    static int ring[VAIN_MEMBERS_MAX];
    for (uint32_t i = 0; i < VAIN_COUNT_OF(many); i++)
        many[i] = draw(3, i) % 100000;
    vain_ring_order_find(many, VAIN_MEMBERS_MAX, ring);
    CU_ASSERT_TRUE(vain_ring_order_valid(ring, VAIN_MEMBERS_MAX));
    /* By rank the slowest of a thousand links is nearly as slow as there are. */
    CU_ASSERT_TRUE(vain_ring_order_length(many, VAIN_MEMBERS_MAX, ring).slowest < 50000);
}

static void an_order_has_a_hash(void)
{
    static const int plain[] = {0, 1, 2, 3}, odd[] = {0, 2, 1, 3}, turned[] = {2, 1, 3, 0};
    static const uint8_t zeros[VAIN_HASH_BYTES] = {0};
    uint8_t hash[VAIN_HASH_BYTES], other[VAIN_HASH_BYTES];
    char text[2 * VAIN_HASH_BYTES + 1];
    vain_ring_order_hash(NULL, 4, hash);
    CU_ASSERT_EQUAL(memcmp(hash, zeros, sizeof hash), 0);
    vain_ring_order_hash(plain, 4, hash);
    CU_ASSERT_EQUAL(memcmp(hash, zeros, sizeof hash), 0);
    vain_ring_order_hash(odd, 4, hash);
    /* Python: blake2b(struct.pack("<4I", 0, 2, 1, 3), digest_size=32, person=b"vain/ring/order") */
    vain_to_hex(hash, sizeof hash, text);
    CU_ASSERT_STRING_EQUAL(text,
                           "a408818d218bf04862d872f427ded5d0b04bd94928764b4c649eca89ad9225cb");
    vain_ring_order_hash(turned, 4, other); /* the same ring, but other shards */
    CU_ASSERT_NOT_EQUAL(memcmp(hash, other, sizeof hash), 0);
}

static void what_is_no_order_is_seen(void)
{
    static const struct {
        int ranks[4];
        bool valid;
    } rows[] = {{{0, 1, 2, 3}, true},  {{3, 1, 0, 2}, true},   {{0, 1, 2, 2}, false},
                {{0, 1, 2, 4}, false}, {{-1, 1, 2, 3}, false}, {{0, 0, 0, 0}, false}};
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++)
        CU_ASSERT_EQUAL(vain_ring_order_valid(rows[i].ranks, 4), rows[i].valid);
}

static const struct vain_test tests[] = {
    {"few members get the best ring there is", few_members_get_the_best_ring},
    {"a length is what its links are", a_length_is_what_its_links_are},
    {"never worse than by rank", never_worse_than_by_rank},
    {"a good ring by rank stays", a_good_ring_by_rank_stays},
    {"planted rings are found", planted_rings_are_found},
    {"equal costs change nothing", equal_costs_change_nothing},
    {"extreme costs are numbers like others", extreme_costs_are_numbers_like_others},
    {"the slower direction counts", the_slower_direction_counts},
    {"a thousand members come to an end", a_thousand_members_come_to_an_end},
    {"an order has a hash", an_order_has_a_hash},
    {"what is no order is seen", what_is_no_order_is_seen},
    {NULL, NULL},
};
const struct vain_suite vain_suite_ring_order = {"ring order", tests};
