/* Same seed, same run. */
#include "tests/sim/bed.h"

static struct bed bed;
static size_t sent[BED_NODES_MAX];

/* All talk with all neighbours, draw numbers and append them. */
static void talk(struct bed *own, int node)
{
    struct vain_world *world = vain_sim_world(own->sim, node);
    uint64_t number = 0;
    for (int i = 0; i < 2; i++) {
        if (own->nodes[node].streams[i] != NULL && own->nodes[node].ends[i] == VAIN_OK &&
            sent[node] < 3000)
            sent[node] += bed_write(own, node, i, sent[node], 100);
    }
    world->ops->random(world, &number, sizeof number);
    const enum vain_status status = world->ops->append(world, "log", &number, 5);
    vain_sim_note(own->sim, (uint64_t)(status == VAIN_OK));
    if (own->nodes[node].steps < 50)
        vain_sim_timer(own->sim, node, world->ops->now_ns(world) + number % VAIN_SIM_S);
}

static uint64_t trace_of(uint64_t seed, uint64_t until_ns)
{
    const struct vain_sim_faults faults = vain_sim_faults_draw(seed);
    bed_open(&bed, seed, &faults);
    for (int i = 0; i < BED_NODES_MAX; i++)
        sent[i] = 0;
    bed.in_step = talk;
    bed_connect(&bed, 0, 1, 0);
    bed_connect(&bed, 1, 2, 1);
    bed_connect(&bed, 2, 3, 0);
    vain_sim_run(bed.sim, until_ns);
    const uint64_t trace = vain_sim_trace(bed.sim);
    bed_close(&bed);
    return trace;
}

static void equal_seeds_give_equal_runs(void)
{
    for (uint64_t seed = 0; seed < 30; seed++)
        CU_ASSERT_EQUAL(trace_of(seed, 20 * VAIN_SIM_S), trace_of(seed, 20 * VAIN_SIM_S));
}

static void other_seeds_give_other_runs(void)
{
    uint64_t traces[30];
    for (uint64_t seed = 0; seed < 30; seed++) {
        traces[seed] = trace_of(seed, 20 * VAIN_SIM_S);
        for (uint64_t other = 0; other < seed; other++)
            CU_ASSERT_NOT_EQUAL(traces[other], traces[seed]);
    }
}

/* One more byte, one note more, and the rest of the run is another one. */
static void a_trace_holds_what_is_written_and_noted(void)
{
    uint64_t traces[4];
    for (int i = 0; i < 4; i++) {
        bed_open(&bed, 1, NULL);
        bed_connect(&bed, 0, 1, 0);
        (void)bed_write(&bed, 0, 0, i == 1 ? 1 : 0, 10); /* other bytes */
        (void)bed_write(&bed, 0, 0, 10, i == 2 ? 9 : 10);
        if (i == 3)
            vain_sim_note(bed.sim, 0);
        vain_sim_run(bed.sim, UINT64_MAX);
        traces[i] = vain_sim_trace(bed.sim);
        for (int other = 0; other < i; other++)
            CU_ASSERT_NOT_EQUAL(traces[other], traces[i]);
        bed_close(&bed);
    }
}

static const struct vain_test tests[] = {
    {"equal seeds give equal runs", equal_seeds_give_equal_runs},
    {"other seeds give other runs", other_seeds_give_other_runs},
    {"a trace holds what is written and noted", a_trace_holds_what_is_written_and_noted},
    {NULL, NULL},
};
const struct vain_suite vain_suite_sim_trace = {"sim: traces", tests};
