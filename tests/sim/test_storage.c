/* Storage: what was said to be durable stays, what was not may be lost, kept or torn. */
#include <string.h>

#include "tests/sim/bed.h"

enum { SEEDS = 200 };

static struct bed bed;
static enum vain_status told;
static void (*in_step)(struct vain_world *world);

static void step(struct bed *own, int node)
{
    if (node == 0)
        in_step(vain_sim_world(own->sim, node));
}

/* Node 0 does this, crashing in the middle of its `crash_at`-th call (0: not). */
static void run(uint64_t seed, const struct vain_sim_faults *faults, uint64_t crash_at,
                void (*what)(struct vain_world *world))
{
    bed_open(&bed, seed, faults);
    in_step = what;
    bed.in_step = step;
    vain_sim_crash_at_durable(bed.sim, 0, crash_at);
    vain_sim_wake(bed.sim, 0);
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL(bed.nodes[0].crashes, crash_at > 0 ? 1 : 0);
    if (crash_at > 0)
        vain_sim_restart(bed.sim, 0);
}

/* Whether the file holds exactly this; NULL: it is not there. */
static bool holds(const char *path, const char *text)
{
    const unsigned char *data = NULL;
    size_t bytes = 0;
    const enum vain_status status = vain_sim_read(bed.sim, 0, path, &data, &bytes);
    if (text == NULL)
        return status == VAIN_ERR_NOT_FOUND;
    return status == VAIN_OK && bytes == strlen(text) && memcmp(data, text, bytes) == 0;
}

/* What follows `before`: nothing, all of `more`, or part of it, with zeros or nothing behind. */
enum fate { LOST, KEPT, TORN, ZEROS, WRONG, FATES };
static enum fate fate_of(const char *path, const char *before, const char *more)
{
    const unsigned char *data = NULL;
    size_t bytes = 0, same = 0, zeros = 0;
    const size_t first = strlen(before);
    if (vain_sim_read(bed.sim, 0, path, &data, &bytes) != VAIN_OK)
        return first == 0 ? LOST : WRONG;
    if (bytes < first || bytes > first + strlen(more) ||
        (first > 0 && memcmp(data, before, first) != 0))
        return WRONG;
    while (first + same < bytes && data[first + same] == (unsigned char)more[same])
        same++;
    while (first + same + zeros < bytes && data[first + same + zeros] == 0)
        zeros++;
    return first + same + zeros < bytes ? WRONG
           : zeros > 0                  ? ZEROS
           : same == 0                  ? LOST
           : same == strlen(more)       ? KEPT
                                        : TORN;
}

static void append_twice(struct vain_world *world)
{
    told = world->ops->append(world, "log", "first ", 6);
    if (told == VAIN_OK)
        told = world->ops->append(world, "log", "second", 6);
}

static void what_is_durable_survives(void)
{
    run(1, NULL, 0, append_twice);
    CU_ASSERT_EQUAL(told, VAIN_OK);
    CU_ASSERT_EQUAL(vain_sim_durable_steps(bed.sim, 0), 2);
    vain_sim_crash(bed.sim, 0);
    CU_ASSERT_TRUE(holds("log", "first second"));
    bed_close(&bed);
}

static void an_append_is_lost_kept_or_torn(void)
{
    int fates[FATES] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        run(seed, NULL, 2, append_twice);
        CU_ASSERT_EQUAL(told, VAIN_ERR_STORAGE);
        fates[fate_of("log", "first ", "second")]++;
        bed_close(&bed);
    }
    for (int fate = LOST; fate <= ZEROS; fate++)
        CU_ASSERT_TRUE(fates[fate] > 5);
    CU_ASSERT_EQUAL(fates[WRONG], 0);
}

static void replace_twice(struct vain_world *world)
{
    told = world->ops->replace(world, "state", "old content", 11, 0600);
    if (told == VAIN_OK)
        told = world->ops->replace(world, "state", "new", 3, 0600);
}

static void a_replaced_file_is_old_or_new(void)
{
    int old = 0, new = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        run(seed, NULL, 2, replace_twice);
        old += holds("state", "old content");
        new += holds("state", "new");
        bed_close(&bed);
    }
    CU_ASSERT_EQUAL(old + new, SEEDS);
    CU_ASSERT_TRUE(old > SEEDS / 10);
    CU_ASSERT_TRUE(new > SEEDS / 10);
}

static void write_and_settle(struct vain_world *world)
{
    CU_ASSERT_EQUAL(vain_sim_write(bed.sim, 0, "part", "library", 7), VAIN_OK);
    told = world->ops->settle(world, "part", "whole");
}

static void a_settled_file_is_whole_or_not_there(void)
{
    int whole = 0, missing = 0, torn = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        run(seed, NULL, 1, write_and_settle);
        whole += holds("whole", "library");
        missing += holds("whole", NULL);
        torn += holds("whole", NULL) && fate_of("part", "", "library") == TORN;
        CU_ASSERT_NOT_EQUAL(fate_of("part", "", "library"), WRONG);
        bed_close(&bed);
    }
    CU_ASSERT_EQUAL(whole + missing, SEEDS);
    CU_ASSERT_TRUE(whole > SEEDS / 10);
    CU_ASSERT_TRUE(torn > 5);
    run(1, NULL, 0, write_and_settle);
    CU_ASSERT_EQUAL(told, VAIN_OK);
    CU_ASSERT_TRUE(holds("part", NULL));
    vain_sim_crash(bed.sim, 0);
    CU_ASSERT_TRUE(holds("whole", "library"));
    bed_close(&bed);
}

static void only_write(struct vain_world *world)
{
    (void)world;
    CU_ASSERT_EQUAL(vain_sim_write(bed.sim, 0, "part", "library", 7), VAIN_OK);
}

static void what_is_only_written_is_lost_kept_or_torn(void)
{
    int fates[FATES] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        run(seed, NULL, 0, only_write);
        CU_ASSERT_TRUE(holds("part", "library"));
        vain_sim_crash(bed.sim, 0);
        fates[fate_of("part", "", "library")]++;
        bed_close(&bed);
    }
    for (int fate = LOST; fate <= ZEROS; fate++)
        CU_ASSERT_TRUE(fates[fate] > 5);
    CU_ASSERT_EQUAL(fates[WRONG], 0);
}

static void a_failed_call_leaves_what_was_there(void)
{
    int cut_back = 0, left = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct vain_sim_faults faults = vain_sim_faults_none();
        faults.storage_error_ppm = 1000000;
        run(seed, &faults, 0, append_twice);
        CU_ASSERT_EQUAL(told, VAIN_ERR_STORAGE);
        const enum fate fate = fate_of("log", "", "first ");
        CU_ASSERT_NOT_EQUAL(fate, WRONG);
        cut_back += fate == LOST;
        left += fate == TORN;
        bed_close(&bed);
        run(seed, &faults, 0, replace_twice);
        CU_ASSERT_TRUE(holds("state", NULL));
        bed_close(&bed);
    }
    CU_ASSERT_TRUE(cut_back > SEEDS / 2);
    CU_ASSERT_TRUE(left > 5);
}

static void write_after_a_crash(struct vain_world *world)
{
    size_t taken = 1;
    struct vain_stream *stream = bed.nodes[0].streams[0];
    append_twice(world);
    CU_ASSERT_EQUAL(stream->ops->write(stream, "word", 4, &taken), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(world->ops->append(world, "log", "third", 5), VAIN_ERR_STORAGE);
    CU_ASSERT_EQUAL(world->ops->replace(world, "log", "third", 5, 0600), VAIN_ERR_STORAGE);
    CU_ASSERT_EQUAL(world->ops->settle(world, "log", "third"), VAIN_ERR_STORAGE);
    CU_ASSERT_EQUAL(vain_sim_write(bed.sim, 0, "log", "third", 5), VAIN_ERR_STORAGE);
}

/* The rest of the step in which it crashed does nothing to anybody. */
static void nothing_leaves_a_node_after_its_crash(void)
{
    bed_open(&bed, 3, NULL);
    bed_connect(&bed, 0, 1, 0);
    in_step = write_after_a_crash;
    bed.in_step = step;
    vain_sim_crash_at_durable(bed.sim, 0, 2);
    vain_sim_run(bed.sim, UINT64_MAX);
    CU_ASSERT_EQUAL(bed.nodes[0].crashes, 1);
    CU_ASSERT_EQUAL(bed.nodes[1].came_bytes[0], 0);
    CU_ASSERT_EQUAL(bed.nodes[1].ends[0], VAIN_ERR_PEER);
    CU_ASSERT_NOT_EQUAL(fate_of("log", "first ", "second"), WRONG);
    CU_ASSERT_EQUAL(vain_sim_durable_steps(bed.sim, 0), 2);
    bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"what is durable survives", what_is_durable_survives},
    {"an append is lost, kept or torn", an_append_is_lost_kept_or_torn},
    {"a replaced file is old or new", a_replaced_file_is_old_or_new},
    {"a settled file is whole or not there", a_settled_file_is_whole_or_not_there},
    {"what is only written is lost, kept or torn", what_is_only_written_is_lost_kept_or_torn},
    {"a failed call leaves what was there", a_failed_call_leaves_what_was_there},
    {"nothing leaves a node after its crash", nothing_leaves_a_node_after_its_crash},
    {NULL, NULL},
};
const struct vain_suite vain_suite_sim_storage = {"sim: storage", tests};
