/* When links are measured, and what is said of them. */
#include "jobs/group_ring.h"

#include <pthread.h>
#include <string.h>

#include "collectives/choose.h"
#include "tests/unit/suite.h"

static const char *const names[] = {"ann", "bob", "cid", "dan", "eve",
                                    "fay", "gus", "hal", "ida", "jim"};

static void a_ring_is_told_with_its_slowest_link(void)
{
    static const int order[] = {0, 2, 1, 3};
    char text[200];
    uint32_t cost[16];
    for (int i = 0; i < 16; i++)
        cost[i] = 900;
    cost[2 * 4 + 1] = cost[1 * 4 + 2] = 31400;
    cost[0 * 4 + 1] = cost[1 * 4 + 0] = 99000; /* not in the ring */
    vain_group_ring_text(names, order, 4, cost, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text,
                           "ring: ann, cid, bob, dan; slowest link cid - bob, 31 ms for 256 KiB");
    cost[3 * 4 + 0] = cost[0 * 4 + 3] = 40000; /* from the last back to the first */
    vain_group_ring_text(names, order, 4, cost, text, sizeof text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "slowest link dan - ann, 40 ms"));
}

static void quick_links_are_told_in_tenths(void)
{
    static const int order[] = {0, 1, 2, 3};
    char text[200];
    uint32_t cost[16];
    for (int i = 0; i < 16; i++)
        cost[i] = 540;
    vain_group_ring_text(names, order, 4, cost, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text,
                           "ring: ann, bob, cid, dan; slowest link ann - bob, 0.5 ms for 256 KiB");
}

static void many_are_cut_short(void)
{
    static const int order[] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
    char text[400];
    uint32_t cost[100];
    for (int i = 0; i < 100; i++)
        cost[i] = 20000;
    vain_group_ring_text(names, order, 10, cost, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "ring: jim, ida, hal, gus, fay, eve, dan, cid and 2 more; slowest "
                                 "link jim - ida, 20 ms for 256 KiB");
    vain_group_ring_text(names, order, 10, cost, text, 20);
    CU_ASSERT_EQUAL(strlen(text), 19);
}

/* Whoever would measure speaks over the communicator; this one has none, so it must not be asked.
 */
static void nothing_is_measured_where_it_is_not_worth_it(void)
{
    static const struct {
        bool on_own_host;
        enum vain_algorithm algorithm;
        int members;
        int64_t words;
    } rows[] = {
        {false, VAIN_ALGORITHM_RING, 8, 1 << 20},
        {true, VAIN_ALGORITHM_TREE, 8, 1 << 20},
        {true, VAIN_ALGORITHM_RING, VAIN_GROUP_RING_MIN - 1, 1 << 20},
        {true, VAIN_ALGORITHM_RING, VAIN_GROUP_RING_MAX + 1, 1 << 20},
        {true, VAIN_ALGORITHM_RING, 8, VAIN_CHOOSE_TREE_WORDS},
    };
    static const uint8_t zeros[VAIN_HASH_BYTES] = {0};
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        int order[VAIN_GROUP_RING_MAX + 1];
        const struct vain_run_config config = {.on_own_host = rows[i].on_own_host};
        const struct vain_roster roster = {.member_count = rows[i].members};
        struct vain_run run;
        memset(&run, 0, sizeof run);
        memset(order, 0xee, sizeof order);
        run.config = &config;
        run.algorithm = rows[i].algorithm;
        run.codec.word_count = rows[i].words;
        run.ring_order = order;
        memset(run.ring_hash, 7, sizeof run.ring_hash); /* of a group before */
        CU_ASSERT_EQUAL(vain_group_ring_open(&run, &roster), VAIN_OK);
        for (int place = 0; place < rows[i].members; place++)
            CU_ASSERT_EQUAL(order[place], place);
        CU_ASSERT_EQUAL(memcmp(run.ring_hash, zeros, sizeof zeros), 0);
    }
}

/* ---- measured -------------------------------------------------------------------------------- */

enum { MEMBERS = 4 };

/* One member's side: what it holds, and what it has said. */
struct side {
    pthread_t thread;
    struct vain_loop_hub *hub;
    int rank;
    uint64_t now_ns;
    const char *names[MEMBERS];
    int order[MEMBERS], said;
    struct vain_run run;
    char text[VAIN_EVENT_TEXT_BYTES];
    enum vain_status status;
};

/* Rank 1's clock runs: what it measures, with ranks 2 and 3, takes long. */
static uint64_t now_ns(struct vain_world *world)
{
    struct side *side = world->state;
    side->now_ns += side->rank == 1 ? 20000000 : 0;
    return side->now_ns;
}
static int64_t unix_ms(struct vain_world *world)
{
    (void)world;
    return 0;
}

static void hear(void *context, const struct vain_event *event)
{
    struct side *side = context;
    side->said++;
    snprintf(side->text, sizeof side->text, "%s", event->text);
}

/* Three groups: the first, the same once more, and one in which somebody else has rank 3. */
static void *open_groups(void *context)
{
    static const struct vain_world_ops ops = {.now_ns = now_ns, .unix_ms = unix_ms};
    struct side *side = context;
    struct vain_world world = {.ops = &ops, .state = side};
    struct vain_event_log log;
    struct vain_comm comm;
    const struct vain_run_config config = {.on_own_host = true, .world = &world, .events = &log};
    const struct vain_roster roster = {.member_count = MEMBERS, .comm = &comm};
    vain_event_log_init(&log, &world);
    vain_event_subscribe(&log, hear, side);
    memcpy(side->names, names, sizeof side->names);
    side->run.config = &config;
    side->run.algorithm = VAIN_ALGORITHM_RING;
    side->run.codec.word_count = VAIN_CHOOSE_TREE_WORDS + 1;
    side->run.names_by_rank = side->names;
    side->run.ring_order = side->order;
    side->status = vain_loop_comm_open(side->hub, side->rank, &comm);
    for (int group = 0; group < 3 && side->status == VAIN_OK; group++) {
        side->names[3] = group == 2 ? "eve" : "dan";
        side->status = vain_group_ring_open(&side->run, &roster);
        if (side->said != (group == 2 ? 2 : 1))
            side->status = VAIN_ERR_REFUSED;
    }
    if (comm.ops != NULL)
        comm.ops->close(&comm);
    return NULL;
}

/* The slow links of rank 1 are two of three, so one of them is in every ring. */
static void all_measure_one_order_and_say_it_when_it_is_new(void)
{
    static struct side sides[MEMBERS];
    static const int expected[] = {0, 1, 2, 3};
    struct vain_loop_hub *hub = NULL;
    CU_ASSERT_EQUAL_FATAL(vain_loop_hub_open(MEMBERS, &hub), VAIN_OK);
    memset(sides, 0, sizeof sides);
    for (int rank = 0; rank < MEMBERS; rank++) {
        sides[rank].hub = hub;
        sides[rank].rank = rank;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&sides[rank].thread, NULL, open_groups, &sides[rank]),
                              0);
    }
    for (int rank = 0; rank < MEMBERS; rank++) {
        pthread_join(sides[rank].thread, NULL);
        CU_ASSERT_EQUAL(sides[rank].status, VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(sides[rank].order, expected, sizeof expected), 0);
        CU_ASSERT_STRING_EQUAL(
            sides[rank].text,
            "ring: ann, bob, cid, eve; slowest link bob - cid, 30 ms for 256 KiB");
    }
    vain_loop_hub_close(&hub);
}

static const struct vain_test tests[] = {
    {"a ring is told with its slowest link", a_ring_is_told_with_its_slowest_link},
    {"quick links are told in tenths", quick_links_are_told_in_tenths},
    {"many are cut short", many_are_cut_short},
    {"nothing is measured where it is not worth it", nothing_is_measured_where_it_is_not_worth_it},
    {"all measure one order and say it when it is new",
     all_measure_one_order_and_say_it_when_it_is_new},
    {NULL, NULL},
};
const struct vain_suite vain_suite_group_ring = {"jobs/group_ring", tests};
