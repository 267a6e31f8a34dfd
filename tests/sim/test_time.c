/* Time, steps and timers. */
#include "tests/sim/bed.h"

static struct bed bed;
static int order[64], order_count;

static void write_down(struct bed *own, int node)
{
    (void)own;
    if (order_count < (int)VAIN_COUNT_OF(order))
        order[order_count++] = node;
}

static uint64_t clock_of(int node)
{
    struct vain_world *world = vain_sim_world(bed.sim, node);
    return world->ops->now_ns(world);
}

static void timers_come_in_order(void)
{
    static const int64_t after_ms[] = {30, 10, 40, 20};
    bed_open(&bed, 1, NULL);
    order_count = 0;
    bed.in_step = write_down;
    for (int node = 0; node < 4; node++)
        vain_sim_timer(bed.sim, node, clock_of(node) + (uint64_t)after_ms[node] * VAIN_SIM_MS);
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL_FATAL(order_count, 4);
    CU_ASSERT_EQUAL(order[0], 1);
    CU_ASSERT_EQUAL(order[1], 3);
    CU_ASSERT_EQUAL(order[2], 0);
    CU_ASSERT_EQUAL(order[3], 2);
    CU_ASSERT_EQUAL(bed.nodes[2].last_step_ns, 40u * VAIN_SIM_MS);
    bed_close(&bed);
}

static void equal_times_come_as_they_were_set(void)
{
    bed_open(&bed, 1, NULL);
    order_count = 0;
    bed.in_step = write_down;
    for (int i = 0; i < 40; i++)
        vain_sim_timer(bed.sim, i * 3 % 4, clock_of(i * 3 % 4) + 7 * VAIN_SIM_MS);
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL_FATAL(order_count, 40);
    for (int i = 0; i < 40; i++)
        CU_ASSERT_EQUAL(order[i], i * 3 % 4);
    bed_close(&bed);
}

static void many_timers_come_in_order(void)
{
    struct vain_sim_random random = {5};
    uint64_t last_ns = 0;
    bed_open(&bed, 1, NULL);
    for (int i = 0; i < 1000; i++)
        vain_sim_timer(bed.sim, i % 4, clock_of(i % 4) + vain_sim_up_to(&random, 1000000));
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_TRUE(vain_sim_turn(bed.sim, UINT64_MAX));
        CU_ASSERT_TRUE(vain_sim_now_ns(bed.sim) >= last_ns);
        last_ns = vain_sim_now_ns(bed.sim);
    }
    CU_ASSERT_FALSE(vain_sim_turn(bed.sim, UINT64_MAX));
    bed_close(&bed);
}

/* Nobody may take another one's clock for its own. */
static void clocks_differ_and_go_on(void)
{
    bed_open(&bed, 1, NULL);
    const uint64_t first = clock_of(0), other = clock_of(1);
    CU_ASSERT_NOT_EQUAL(first, other);
    CU_ASSERT_FALSE(vain_sim_turn(bed.sim, 5 * VAIN_SIM_S));
    CU_ASSERT_EQUAL(clock_of(0), first + 5 * VAIN_SIM_S);
    CU_ASSERT_EQUAL(clock_of(1), other + 5 * VAIN_SIM_S);
    bed_close(&bed);
}

static void a_run_stops_where_it_should(void)
{
    bed_open(&bed, 1, NULL);
    vain_sim_timer(bed.sim, 0, clock_of(0) + 2 * VAIN_SIM_S);
    vain_sim_run(bed.sim, 2 * VAIN_SIM_S - 1);
    CU_ASSERT_EQUAL(bed.nodes[0].steps, 0);
    vain_sim_run(bed.sim, 2 * VAIN_SIM_S);
    CU_ASSERT_EQUAL(bed.nodes[0].steps, 1);
    bed_close(&bed);
}

/* Many reasons, one step; and one that is asked for in a step is another one. */
static void a_woken_node_is_stepped_once(void)
{
    bed_open(&bed, 1, NULL);
    for (int i = 0; i < 5; i++)
        vain_sim_wake(bed.sim, 2);
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL(bed.nodes[2].steps, 1);
    vain_sim_wake(bed.sim, 2);
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL(bed.nodes[2].steps, 2);
    bed_close(&bed);
}

static void a_stalled_node_steps_afterwards(void)
{
    bed_open(&bed, 1, NULL);
    vain_sim_stall(bed.sim, 0, 3 * VAIN_SIM_S);
    vain_sim_wake(bed.sim, 0);
    vain_sim_timer(bed.sim, 0, clock_of(0) + VAIN_SIM_S);
    vain_sim_run(bed.sim, 3 * VAIN_SIM_S - 1);
    CU_ASSERT_EQUAL(bed.nodes[0].steps, 0);
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL(bed.nodes[0].steps, 2);
    CU_ASSERT_EQUAL(bed.nodes[0].last_step_ns, 3 * VAIN_SIM_S);
    bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"timers come in order", timers_come_in_order},
    {"equal times come as they were set", equal_times_come_as_they_were_set},
    {"many timers come in order", many_timers_come_in_order},
    {"clocks differ and go on", clocks_differ_and_go_on},
    {"a run stops where it should", a_run_stops_where_it_should},
    {"a woken node is stepped once", a_woken_node_is_stepped_once},
    {"a stalled node steps afterwards", a_stalled_node_steps_afterwards},
    {NULL, NULL},
};
const struct vain_suite vain_suite_sim_time = {"sim: time", tests};
