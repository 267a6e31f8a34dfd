/* Replay and few-shot tasks out of episodes. */
#include "models/memory_replay.h"

#include <string.h>

#include "models/memory_integer.h"
#include "tests/unit/models/memory_bed.h"
#include "tests/unit/suite.h"

enum { WIDTH = 4, PIXELS = 6, CLASSES = 5, MOST = 24 };

/* Put `count` episodes of a class into the store itself. */
static void add(struct memory_bed *bed, int32_t label, int count)
{
    for (int i = 0; i < count; i++) {
        float key[WIDTH], example[PIXELS];
        memory_bed_experience(100 * label + i, label, key, example);
        (void)vain_memory_episodes_add(&bed->memory.episodes, vain_memory_now(&bed->memory), label,
                                       key, example);
    }
}

static void an_empty_store_replays_nothing(void)
{
    struct memory_bed bed;
    float examples[PIXELS];
    int32_t labels[1];
    int64_t episodes[1];
    memory_bed_open(&bed, 20000, 1);
    CU_ASSERT_EQUAL(vain_memory_replay(&bed.memory, 0, 1, examples, labels, episodes), 0);
    memory_bed_close(&bed);
}

/* One class has 20 times the episodes of another, and both come equally often. */
static void classes_are_replayed_evenly(void)
{
    struct memory_bed bed;
    int counts[CLASSES] = {0};
    memory_bed_open(&bed, 20000, 1);
    add(&bed, 1, 40);
    add(&bed, 3, 2);
    add(&bed, 4, 9);
    for (uint64_t n = 0; n < 200; n++) {
        float examples[MOST * PIXELS];
        int32_t labels[MOST];
        int64_t episodes[MOST];
        CU_ASSERT_EQUAL_FATAL(vain_memory_replay(&bed.memory, n, MOST, examples, labels, episodes),
                              MOST);
        for (int m = 0; m < MOST; m++) {
            CU_ASSERT_EQUAL(examples[m * PIXELS + 1], (float)labels[m]);
            CU_ASSERT_EQUAL(vain_memory_episodes_label(&bed.memory.episodes, episodes[m]),
                            labels[m]);
            CU_ASSERT_EQUAL(memcmp(bed.memory.episodes.examples + episodes[m] * PIXELS,
                                   examples + m * PIXELS, PIXELS * sizeof(float)),
                            0);
            counts[labels[m]]++;
        }
        CU_ASSERT(vain_memory_get_integer(bed.memory.episodes.used + 2 * episodes[MOST - 1]) ==
                  vain_memory_get_integer(bed.memory.clock));
    }
    for (int c = 0; c < CLASSES; c++)
        CU_ASSERT(c == 0 || c == 2 ? counts[c] == 0 : counts[c] > 1450 && counts[c] < 1750);
    memory_bed_close(&bed);
}

static void tasks_are_whole_and_nothing_is_in_them_twice(void)
{
    const struct vain_memory_task_shape shape = {.way = 3, .shot = 2, .query = 4};
    struct memory_bed bed;
    float support[6 * PIXELS], query[12 * PIXELS];
    int32_t support_labels[6], query_labels[12];
    int64_t classes[3];
    const struct vain_memory_task task = {support, support_labels, query, query_labels, classes};
    int times[CLASSES] = {0};
    memory_bed_open(&bed, 20000, 1);
    add(&bed, 0, 6);
    add(&bed, 1, 10);
    add(&bed, 2, 5); /* too few */
    add(&bed, 3, 6);
    CU_ASSERT(vain_memory_task_draw(&bed.memory, &shape, 0, &task));
    add(&bed, 4, 20);
    for (uint64_t n = 0; n < 100; n++) {
        bool seen[500] = {false};
        CU_ASSERT_FATAL(vain_memory_task_draw(&bed.memory, &shape, n, &task));
        for (int w = 0; w < 3; w++) {
            CU_ASSERT(classes[w] != 2);
            times[classes[w]]++;
            for (int i = 0; i < 6; i++) {
                const bool asked = i >= 2;
                const int place = asked ? 4 * w + i - 2 : 2 * w + i;
                const float *example = (asked ? query : support) + place * PIXELS;
                CU_ASSERT_EQUAL((asked ? query_labels : support_labels)[place], w);
                CU_ASSERT_EQUAL(example[1], (float)classes[w]);
                CU_ASSERT(!seen[(int)example[0]]);
                seen[(int)example[0]] = true;
            }
        }
    }
    for (int c = 0; c < CLASSES; c++)
        CU_ASSERT(c == 2 ? times[c] == 0 : times[c] > 55 && times[c] < 95);
    memory_bed_close(&bed);
}

static void a_store_without_enough_gives_no_task(void)
{
    const struct vain_memory_task_shape shape = {.way = 2, .shot = 1, .query = 0};
    struct memory_bed bed;
    float support[2 * PIXELS];
    int32_t labels[2];
    int64_t classes[2];
    const struct vain_memory_task task = {support, labels, NULL, NULL, classes};
    memory_bed_open(&bed, 20000, 1);
    add(&bed, 0, 9);
    const int64_t before = vain_memory_get_integer(bed.memory.clock);
    CU_ASSERT(!vain_memory_task_draw(&bed.memory, &shape, 0, &task));
    CU_ASSERT_EQUAL(vain_memory_get_integer(bed.memory.clock), before);
    add(&bed, 1, 1);
    CU_ASSERT(vain_memory_task_draw(&bed.memory, &shape, 0, &task));
    CU_ASSERT(classes[0] != classes[1]);
    memory_bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"an empty store replays nothing", an_empty_store_replays_nothing},
    {"classes are replayed evenly", classes_are_replayed_evenly},
    {"tasks are whole and nothing is in them twice", tasks_are_whole_and_nothing_is_in_them_twice},
    {"a store without enough gives no task", a_store_without_enough_gives_no_task},
    {NULL, NULL},
};
const struct vain_suite vain_suite_memory_replay = {"memory_replay", tests};
