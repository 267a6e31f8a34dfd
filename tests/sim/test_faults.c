/* Crashes, partitions and faults by chance. */
#include <string.h>

#include "tests/sim/bed.h"

static struct bed bed;

static void open_pair(const struct vain_sim_faults *faults)
{
    bed_open(&bed, 7, faults);
    bed_connect(&bed, 0, 1, 0);
    vain_sim_run(bed.sim, VAIN_SIM_MS);
}

static bool came(int node, size_t bytes)
{
    return bed.nodes[node].came_bytes[0] == bytes;
}

static void a_cut_holds_one_direction(void)
{
    open_pair(NULL);
    vain_sim_cut(bed.sim, 0, 1);
    (void)bed_write(&bed, 0, 0, 0, 10);
    (void)bed_write(&bed, 1, 0, 0, 10);
    vain_sim_run(bed.sim, VAIN_SIM_S);
    CU_ASSERT_TRUE(came(0, 10));
    CU_ASSERT_TRUE(came(1, 0));
    vain_sim_heal(bed.sim);
    vain_sim_run(bed.sim, 2 * VAIN_SIM_S);
    CU_ASSERT_TRUE(came(1, 10));
    CU_ASSERT_TRUE(bed_came_right(&bed, 1, 0, 0));
    bed_close(&bed);
}

static void a_partition_holds_what_it_should(bool both_ways)
{
    static const bool side[BED_NODES_MAX] = {true, false, true, false};
    open_pair(NULL);
    bed_connect(&bed, 0, 2, 1);
    vain_sim_partition(bed.sim, side, both_ways);
    (void)bed_write(&bed, 0, 0, 0, 10);
    (void)bed_write(&bed, 1, 0, 0, 10);
    (void)bed_write(&bed, 2, 1, 0, 10);
    vain_sim_run(bed.sim, VAIN_SIM_S);
    CU_ASSERT_TRUE(came(1, 0));
    CU_ASSERT_TRUE(came(0, both_ways ? 0 : 10));
    CU_ASSERT_EQUAL(bed.nodes[0].came_bytes[1], 10); /* on the same side */
    struct vain_stream *a, *b;
    CU_ASSERT_EQUAL(vain_sim_connect(bed.sim, 0, 1, &a, &b), VAIN_ERR_PEER);
    vain_sim_heal(bed.sim);
    vain_sim_run(bed.sim, 2 * VAIN_SIM_S);
    CU_ASSERT_TRUE(came(0, 10));
    CU_ASSERT_TRUE(came(1, 10));
    bed_close(&bed);
}

static void partitions_hold_one_way_or_both(void)
{
    a_partition_holds_what_it_should(true);
    a_partition_holds_what_it_should(false);
}

static void peers_of_a_crashed_node_notice(void)
{
    struct vain_sim_faults faults = vain_sim_faults_none();
    faults.notice_ms = 1000;
    open_pair(&faults);
    bed_connect(&bed, 0, 2, 1);
    vain_sim_crash(bed.sim, 0);
    CU_ASSERT_FALSE(vain_sim_is_up(bed.sim, 0));
    CU_ASSERT_EQUAL(bed.nodes[0].crashes, 1);
    CU_ASSERT_EQUAL(bed.nodes[1].ends[0], VAIN_OK);
    vain_sim_run(bed.sim, 2 * VAIN_SIM_S);
    CU_ASSERT_EQUAL(bed.nodes[1].ends[0], VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(bed.nodes[2].ends[1], VAIN_ERR_PEER);
    CU_ASSERT_NOT_EQUAL(bed.nodes[1].last_step_ns, bed.nodes[2].last_step_ns);
    bed_close(&bed);
}

static void peers_of_a_silent_one_do_not(void)
{
    struct vain_sim_faults faults = vain_sim_faults_none();
    faults.silent_ppm = 1000000;
    open_pair(&faults);
    (void)bed_write(&bed, 0, 0, 0, 10);
    vain_sim_crash(bed.sim, 0);
    vain_sim_run(bed.sim, 100 * VAIN_SIM_S);
    CU_ASSERT_TRUE(came(1, 10)); /* it had left */
    CU_ASSERT_EQUAL(bed.nodes[1].ends[0], VAIN_OK);
    CU_ASSERT_EQUAL(bed_write(&bed, 1, 0, 0, 10), 10);
    bed_close(&bed);
}

static void crash_in_step(struct bed *own, int node)
{
    if (node == 3 && own->nodes[3].steps == 2)
        vain_sim_crash(own->sim, 3);
}

static void a_crashed_node_starts_anew(void)
{
    struct vain_sim_faults faults = vain_sim_faults_none();
    faults.down_ms = 100;
    bed_open(&bed, 7, &faults);
    bed.in_step = crash_in_step;
    struct vain_world *world = vain_sim_world(bed.sim, 3);
    const uint64_t clock_ns = world->ops->now_ns(world);
    for (uint64_t i = 1; i <= 5; i++)
        vain_sim_timer(bed.sim, 3, clock_ns + i * VAIN_SIM_S);
    vain_sim_run(bed.sim, 2 * VAIN_SIM_S);
    CU_ASSERT_EQUAL(bed.nodes[3].crashes, 1);
    CU_ASSERT_EQUAL(bed.nodes[3].starts, 0);
    vain_sim_run(bed.sim, 10 * VAIN_SIM_S);
    CU_ASSERT_EQUAL(bed.nodes[3].starts, 1);
    CU_ASSERT_EQUAL(bed.nodes[3].steps, 2); /* its timers are gone */
    CU_ASSERT_TRUE(vain_sim_is_up(bed.sim, 3));
    CU_ASSERT_NOT_EQUAL(world->ops->now_ns(world), clock_ns + 10 * VAIN_SIM_S);
    bed_close(&bed);
}

/* Every kind comes in some seed; none after it is calm. */
static void faults_by_chance_come_and_end(void)
{
    struct vain_sim_tally all = {0};
    for (uint64_t seed = 0; seed < 50; seed++) {
        const struct vain_sim_faults faults = vain_sim_faults_draw(seed);
        bed_open(&bed, seed, &faults);
        bed_connect(&bed, 0, 1, 0);
        vain_sim_run(bed.sim, 10 * VAIN_SIM_S);
        vain_sim_calm(bed.sim);
        const struct vain_sim_tally then = *vain_sim_tally(bed.sim);
        vain_sim_run(bed.sim, 60 * VAIN_SIM_S);
        const struct vain_sim_tally *now = vain_sim_tally(bed.sim);
        CU_ASSERT_EQUAL(now->crashes, then.crashes);
        CU_ASSERT_EQUAL(now->stalls, then.stalls);
        CU_ASSERT_EQUAL(now->partitions, then.partitions);
        CU_ASSERT_EQUAL(now->crashes, now->restarts);
        all.crashes += now->crashes;
        all.stalls += now->stalls;
        all.partitions += now->partitions;
        all.breaks += now->breaks;
        bed_close(&bed);
    }
    CU_ASSERT_TRUE(all.crashes > 0);
    CU_ASSERT_TRUE(all.stalls > 0);
    CU_ASSERT_TRUE(all.partitions > 0);
    CU_ASSERT_TRUE(all.breaks > 0);
}

static const struct vain_test tests[] = {
    {"a cut holds one direction", a_cut_holds_one_direction},
    {"partitions hold one way or both", partitions_hold_one_way_or_both},
    {"peers of a crashed node notice", peers_of_a_crashed_node_notice},
    {"peers of a silent one do not", peers_of_a_silent_one_do_not},
    {"a crashed node starts anew", a_crashed_node_starts_anew},
    {"faults by chance come and end", faults_by_chance_come_and_end},
    {NULL, NULL},
};
const struct vain_suite vain_suite_sim_faults = {"sim: faults", tests};
