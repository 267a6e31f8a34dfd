/* What a person reads while a run goes on, on a terminal and in a log. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/progress.h"
#include "tests/unit/suite.h"

static const int64_t START_MS = INT64_C(1793275200123); /* 2026-10-29T12:00:00.123Z */

static struct {
    struct vain_job job;
    struct vain_progress progress;
    FILE *file;
    int standard_error;
} scene;

static void open_scene(bool terminal, int64_t rounds)
{
    memset(&scene, 0, sizeof scene);
    scene.job.train.rounds = rounds;
    scene.job.train.local_steps = 10;
    scene.job.train.batch = 4;
    scene.job.train.accumulate = 1;
    scene.job.model.context = 16;
    scene.file = tmpfile();
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.file);
    vain_progress_init(&scene.progress, &scene.job, 1, false);
    scene.progress.terminal = terminal;
    fflush(stderr);
    scene.standard_error = dup(STDERR_FILENO);
    CU_ASSERT_FATAL(dup2(fileno(scene.file), STDERR_FILENO) >= 0);
}

/* What was written to standard error, which is itself again. */
static const char *close_scene(void)
{
    static char text[4096];
    fflush(stderr);
    CU_ASSERT_FATAL(dup2(scene.standard_error, STDERR_FILENO) >= 0);
    close(scene.standard_error);
    rewind(scene.file);
    text[fread(text, 1, sizeof text - 1, scene.file)] = '\0';
    fclose(scene.file);
    return text;
}

static void tell(enum vain_event_type type, int64_t after_ms, double round, double step,
                 double third)
{
    struct vain_event event = {
        .type = type, .unix_ms = START_MS + after_ms, .values = {round, step, third}};
    if (type == VAIN_EVENT_NOTICE)
        snprintf(event.text, sizeof event.text, "a notice");
    vain_progress_read(&scene.progress, &event);
}

static void tell_all(void)
{
    tell(VAIN_EVENT_EVALUATION, 0, 0, 0, 4);
    tell(VAIN_EVENT_STEP, 0, 1, 1, 3.5);
    tell(VAIN_EVENT_NOTICE, 5000, 0, 0, 0);
    tell(VAIN_EVENT_STEP, 10000, 1, 2, 3);
    tell(VAIN_EVENT_STOP, 12000, 0, 3, 15);
}

static void lines_of_a_log_begin_with_the_time(void)
{
    open_scene(false, 100);
    tell_all();
    CU_ASSERT_STRING_EQUAL(
        close_scene(),
        "2026-10-29T12:00:00.123Z: round 0  step 0  validation loss 4.0000\n"
        "vain: a notice\n"
        "2026-10-29T12:00:10.123Z: round 1/100  step 2/1000  loss 3.0000  6.4 tokens/s  2.8 h "
        "left\n"
        "2026-10-29T12:00:12.123Z: stopping at step 3 of round 1 (signal 15): writing the "
        "checkpoint\n");
}

static void a_terminal_needs_no_time(void)
{
    open_scene(true, 100);
    tell_all();
    CU_ASSERT_STRING_EQUAL(close_scene(),
                           "round 0  step 0  validation loss 4.0000\n"
                           "vain: a notice\n"
                           "\rround 1/100  step 2/1000  loss 3.0000  6.4 tokens/s  2.8 h left   \n"
                           "stopping at step 3 of round 1 (signal 15): writing the checkpoint\n");
}

static const char *left_of(int64_t rounds)
{
    open_scene(false, rounds);
    tell(VAIN_EVENT_STEP, 0, 1, 1, 3);
    tell(VAIN_EVENT_STEP, 10000, 1, 11, 3); /* one step a second */
    const char *text = close_scene();
    const char *left = strstr(text, "/s  ");
    return left != NULL ? left + 4 : text;
}

static void the_time_left_is_said_in_its_unit(void)
{
    CU_ASSERT_STRING_EQUAL(left_of(13), "119 s left\n");
    CU_ASSERT_STRING_EQUAL(left_of(361), "60 min left\n");
    CU_ASSERT_STRING_EQUAL(left_of(25921), "72.0 h left\n");
}

static const struct vain_test tests[] = {
    {"lines of a log begin with the time", lines_of_a_log_begin_with_the_time},
    {"a terminal needs no time", a_terminal_needs_no_time},
    {"the time left is said in its unit", the_time_left_is_said_in_its_unit},
    {NULL, NULL},
};
const struct vain_suite vain_suite_progress = {"cmd/progress", tests};
