/* Streams of tasks: every class and every example has its place, the same for all members. */
#include "jobs/task_stream.h"

#include <string.h>

#include "tests/unit/jobs/image_bed.h"
#include "tests/unit/suite.h"

static const char *const by_two[] = {"memory.stream=classes", "memory.phase_classes=2",
                                     "memory.phase_rounds=3", "memory.agents=4", NULL};

static void open_stream(struct image_bed *bed, struct vain_task_stream *stream)
{
    const enum vain_status status =
        vain_task_stream_open(&bed->job, &bed->data.images, bed->config.member_name, stream);
    CU_ASSERT_EQUAL_FATAL(status, VAIN_OK);
}

static void classes_come_two_at_a_time(void)
{
    struct image_bed bed, other;
    struct vain_task_stream stream, beside;
    int classes[3] = {0};
    image_bed_open(&bed, by_two, 0, 2, 1);
    image_bed_open(&other, by_two, 1, 2, 1);
    open_stream(&bed, &stream);
    open_stream(&other, &beside);
    CU_ASSERT_EQUAL(stream.phase_count, 3);
    for (int c = 0; c < IMAGE_BED_CLASSES; c++) {
        CU_ASSERT_FATAL(stream.phase_of[c] >= 0 && stream.phase_of[c] < 3);
        CU_ASSERT_EQUAL(stream.phase_of[c], beside.phase_of[c]);
        classes[stream.phase_of[c]]++;
        const int64_t begin = 3 * stream.phase_of[c]; /* its first round */
        CU_ASSERT(vain_task_stream_has_come(&stream, c, begin + 1));
        CU_ASSERT_EQUAL(vain_task_stream_has_come(&stream, c, begin), begin == 0);
    }
    CU_ASSERT(classes[0] == 2 && classes[1] == 2 && classes[2] == 2);
    CU_ASSERT_EQUAL(vain_task_stream_phase(&stream, 2), 0);
    CU_ASSERT_EQUAL(vain_task_stream_phase(&stream, 3), 1);
    CU_ASSERT_EQUAL(vain_task_stream_phase(&stream, 100), 2);
    vain_task_stream_close(&stream);
    vain_task_stream_close(&beside);
    image_bed_close(&bed);
    image_bed_close(&other);
}

static void every_example_has_one_place(void)
{
    struct image_bed beds[2];
    int times[IMAGE_BED_TRAIN] = {0};
    for (int m = 0; m < 2; m++) {
        struct vain_task_stream stream;
        image_bed_open(&beds[m], by_two, m, 2, 1);
        open_stream(&beds[m], &stream);
        for (int64_t phase = 0; phase < 3; phase++) {
            int64_t least = IMAGE_BED_TRAIN, most = 0;
            for (int64_t agent = 0; agent < 4; agent++) {
                int64_t count;
                const int64_t *rows = vain_task_stream_examples(&stream, phase, agent, &count);
                for (int64_t i = 0; i < count; i++) {
                    times[rows[i]]++;
                    CU_ASSERT(i == 0 || rows[i] > rows[i - 1]);
                    CU_ASSERT_EQUAL(stream.phase_of[rows[i] % IMAGE_BED_CLASSES], phase);
                }
                least = count < least ? count : least;
                most = count > most ? count : most;
            }
            CU_ASSERT(most - least <= 2);
        }
        vain_task_stream_close(&stream);
        image_bed_close(&beds[m]);
    }
    for (int i = 0; i < IMAGE_BED_TRAIN; i++)
        CU_ASSERT_EQUAL(times[i], 1);
}

static void without_a_stream_all_come_at_once(void)
{
    static const char *const sets[] = {"memory.phase_classes=2", NULL};
    struct image_bed bed;
    struct vain_task_stream stream;
    int64_t count;
    image_bed_open(&bed, sets, 0, 1, 1);
    open_stream(&bed, &stream);
    (void)vain_task_stream_examples(&stream, vain_task_stream_phase(&stream, 1000), 0, &count);
    CU_ASSERT(stream.phase_count == 1 && count == IMAGE_BED_TRAIN);
    CU_ASSERT(vain_task_stream_has_come(&stream, 5, 0));
    vain_task_stream_close(&stream);
    image_bed_close(&bed);
}

static void seeds_order_the_classes(void)
{
    static const char *const seeds[] = {"seed=1", "seed=2", "seed=3", "seed=4"};
    int64_t first[IMAGE_BED_CLASSES];
    int others = 0;
    for (int i = 0; i < 4; i++) {
        const char *const sets[] = {seeds[i], by_two[0], by_two[1], NULL};
        struct image_bed bed;
        struct vain_task_stream stream;
        image_bed_open(&bed, sets, 0, 1, 1);
        open_stream(&bed, &stream);
        if (i == 0)
            memcpy(first, stream.phase_of, sizeof first);
        others += memcmp(first, stream.phase_of, sizeof first) != 0;
        vain_task_stream_close(&stream);
        image_bed_close(&bed);
    }
    CU_ASSERT(others >= 2);
}

static void an_agent_without_examples_is_refused(void)
{
    static const char *const sets[] = {"memory.stream=classes", "memory.phase_classes=1",
                                       "data.partition=by-label", NULL};
    struct image_bed bed;
    struct vain_task_stream stream;
    image_bed_open(&bed, sets, 1, 4, 1);
    CU_ASSERT_EQUAL(
        vain_task_stream_open(&bed.job, &bed.data.images, bed.config.member_name, &stream),
        VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "'member-1' has no example of phase"));
    CU_ASSERT_PTR_NULL(stream.begin);
    vain_fail_clear();
    image_bed_close(&bed);
}

static const struct vain_test tests[] = {
    {"classes come two at a time", classes_come_two_at_a_time},
    {"every example has one place", every_example_has_one_place},
    {"without a stream all come at once", without_a_stream_all_come_at_once},
    {"seeds order the classes", seeds_order_the_classes},
    {"an agent without examples is refused", an_agent_without_examples_is_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_task_stream = {"task_stream", tests};
