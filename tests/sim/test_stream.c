/* Streams: order, windows, ends and breaks. */
#include "tests/sim/bed.h"

static struct bed bed;
static size_t sent[BED_NODES_MAX];

enum { MANY_BYTES = 5000 };

/* Nodes 0 and 1 write all they can on stream 0. */
static void write_more(struct bed *own, int node)
{
    if (node <= 1 && own->nodes[node].streams[0] != NULL)
        sent[node] += bed_write(own, node, 0, sent[node], MANY_BYTES - sent[node]);
}

static void open_with(uint64_t seed, const struct vain_sim_faults *faults)
{
    bed_open(&bed, seed, faults);
    sent[0] = sent[1] = 0;
    bed_connect(&bed, 0, 1, 0);
}

static void all_arrives_in_order_in_every_world(void)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct vain_sim_faults faults = vain_sim_faults_draw(seed);
        vain_sim_faults_gentle(&faults);
        open_with(seed, &faults);
        bed.in_step = write_more;
        vain_sim_run(bed.sim, 10 * VAIN_SIM_S);
        vain_sim_calm(bed.sim);
        vain_sim_run(bed.sim, 100000 * VAIN_SIM_S);
        for (int node = 0; node < 2; node++) {
            CU_ASSERT_EQUAL(sent[node], MANY_BYTES);
            CU_ASSERT_EQUAL(bed.nodes[node].came_bytes[0], MANY_BYTES);
            CU_ASSERT_TRUE(bed_came_right(&bed, node, 0, !node));
        }
        bed_close(&bed);
    }
}

static void a_window_is_full_until_it_is_read(void)
{
    struct vain_sim_faults faults = vain_sim_faults_none();
    faults.window_bytes = 100;
    faults.piece_bytes = 30;
    open_with(3, &faults);
    vain_sim_stall(bed.sim, 1, VAIN_SIM_S);
    vain_sim_run(bed.sim, VAIN_SIM_MS);
    CU_ASSERT_EQUAL(bed_write(&bed, 0, 0, 0, 200), 100);
    CU_ASSERT_FALSE(bed.nodes[0].streams[0]->ready);
    vain_sim_run(bed.sim, VAIN_SIM_S - 1);
    CU_ASSERT_FALSE(bed.nodes[0].streams[0]->ready);
    const int steps = bed.nodes[0].steps;
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL(bed.nodes[1].came_bytes[0], 100);
    CU_ASSERT_EQUAL(bed.nodes[0].steps, steps + 1);
    CU_ASSERT_EQUAL(bed_write(&bed, 0, 0, 100, 200), 100);
    bed_close(&bed);
}

static void latency_and_bandwidth_take_their_time(void)
{
    struct vain_sim_faults faults = vain_sim_faults_none();
    faults.bytes_a_ms = 10;
    open_with(3, &faults);
    CU_ASSERT_EQUAL(bed_write(&bed, 0, 0, 0, 1000), 1000);
    vain_sim_run(bed.sim, 100 * VAIN_SIM_MS - 1);
    CU_ASSERT_EQUAL(bed.nodes[1].came_bytes[0], 0);
    vain_sim_run(bed.sim, 101 * VAIN_SIM_MS);
    CU_ASSERT_EQUAL(bed.nodes[1].came_bytes[0], 1000);
    bed_close(&bed);
}

/* What streams of one pair carry does not keep step, in some worlds. */
static void streams_overtake_each_other(void)
{
    int first = 0, second = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct vain_sim_faults faults = vain_sim_faults_none();
        faults.latency_us = 10000;
        open_with(seed, &faults);
        bed_connect(&bed, 0, 1, 1);
        (void)bed_write(&bed, 0, 0, 0, 10);
        (void)bed_write(&bed, 0, 1, 0, 10);
        while (bed.nodes[1].came_bytes[0] + bed.nodes[1].came_bytes[1] == 0)
            CU_ASSERT_TRUE_FATAL(vain_sim_turn(bed.sim, UINT64_MAX));
        first += bed.nodes[1].came_bytes[1] == 0;
        second += bed.nodes[1].came_bytes[0] == 0;
        bed_close(&bed);
    }
    CU_ASSERT_TRUE(first > 5);
    CU_ASSERT_TRUE(second > 5);
}

static void close_end(int node)
{
    struct vain_stream *stream = bed.nodes[node].streams[0];
    bed.nodes[node].streams[0] = NULL;
    stream->ops->close(stream);
}

static void an_end_comes_after_all_that_was_sent(void)
{
    struct vain_sim_faults faults = vain_sim_faults_none();
    faults.piece_bytes = 100;
    faults.jitter_us = 1000;
    open_with(3, &faults);
    const size_t written = bed_write(&bed, 0, 0, 0, MANY_BYTES);
    CU_ASSERT_EQUAL(written, MANY_BYTES);
    close_end(0);
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL(bed.nodes[1].came_bytes[0], written);
    CU_ASSERT_EQUAL(bed.nodes[1].ends[0], VAIN_END);
    CU_ASSERT_EQUAL(bed_write(&bed, 1, 0, 0, 10), 0);
    bed_close(&bed);
}

static void what_had_not_arrived_may_be_lost_at_an_end(void)
{
    struct vain_sim_faults faults = vain_sim_faults_none();
    faults.lose_end_ppm = 1000000;
    open_with(3, &faults);
    CU_ASSERT_EQUAL(bed_write(&bed, 0, 0, 0, 10), 10);
    close_end(0);
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL(bed.nodes[1].came_bytes[0], 0);
    CU_ASSERT_EQUAL(bed.nodes[1].ends[0], VAIN_END);
    CU_ASSERT_EQUAL(vain_sim_tally(bed.sim)->lost_ends, 1);
    bed_close(&bed);
}

static void a_doomed_stream_breaks_at_its_byte(void)
{
    bool shorter = false;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct vain_sim_faults faults = vain_sim_faults_none();
        faults.doom_ppm = 1000000;
        faults.doom_bytes = 3000;
        faults.piece_bytes = 50;
        faults.jitter_us = 100;
        open_with(seed, &faults);
        bed.in_step = write_more;
        vain_sim_run(bed.sim, UINT64_MAX);
        for (int node = 0; node < 2; node++) {
            CU_ASSERT_EQUAL(bed.nodes[node].ends[0], VAIN_ERR_PEER);
            CU_ASSERT_TRUE(bed.nodes[node].came_bytes[0] < MANY_BYTES);
            CU_ASSERT_TRUE(bed_came_right(&bed, node, 0, !node));
            shorter |= bed.nodes[node].came_bytes[0] < sent[!node];
        }
        CU_ASSERT_EQUAL(vain_sim_tally(bed.sim)->breaks, 1);
        bed_close(&bed);
    }
    CU_ASSERT_TRUE(shorter);
}

static void a_broken_stream_takes_and_gives_nothing(void)
{
    size_t taken = 1, got = 1;
    unsigned char byte = 0;
    open_with(3, NULL);
    vain_sim_break(bed.sim, 1, 0);
    struct vain_stream *stream = bed.nodes[0].streams[0];
    CU_ASSERT_EQUAL(stream->ops->write(stream, &byte, 1, &taken), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(stream->ops->read(stream, &byte, 1, &got), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(taken + got, 0);
    CU_ASSERT_FALSE(vain_sim_are_joined(bed.sim, 0, 1));
    bed_connect(&bed, 0, 1, 1); /* and another one can be had */
    CU_ASSERT_TRUE(vain_sim_are_joined(bed.sim, 0, 1));
    bed_close(&bed);
}

static void a_flip_changes_one_bit(void)
{
    struct vain_sim_faults faults = vain_sim_faults_none();
    faults.flip_ppm = 1000000;
    faults.flip_bytes = 999;
    open_with(3, &faults);
    CU_ASSERT_EQUAL(bed_write(&bed, 0, 0, 0, 1000), 1000);
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL_FATAL(bed.nodes[1].came_bytes[0], 1000);
    int bits = 0;
    for (size_t at = 0; at < 1000; at++)
        bits += __builtin_popcount((unsigned)(bed.nodes[1].came[0][at] ^ bed_byte(0, at)));
    CU_ASSERT_EQUAL(bits, 1);
    CU_ASSERT_EQUAL(vain_sim_tally(bed.sim)->flips, 1);
    bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"all arrives, in order, in every world", all_arrives_in_order_in_every_world},
    {"a window is full until it is read", a_window_is_full_until_it_is_read},
    {"latency and bandwidth take their time", latency_and_bandwidth_take_their_time},
    {"streams overtake each other", streams_overtake_each_other},
    {"an end comes after all that was sent", an_end_comes_after_all_that_was_sent},
    {"what had not arrived may be lost at an end", what_had_not_arrived_may_be_lost_at_an_end},
    {"a doomed stream breaks at its byte", a_doomed_stream_breaks_at_its_byte},
    {"a broken stream takes and gives nothing", a_broken_stream_takes_and_gives_nothing},
    {"a flip changes one bit", a_flip_changes_one_bit},
    {NULL, NULL},
};
const struct vain_suite vain_suite_sim_stream = {"sim: streams", tests};
