/* metrics.jsonl and the SVG of the curve. */
#include "jobs/store/metrics.h"

#include "tests/unit/store/bed.h"
#include "tests/unit/suite.h"

#include "base/memory.h"
#include "cmd/world.h"

#include <json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t fixed_ms(struct vain_world *world)
{
    (void)world;
    return INT64_C(1793275200123);
}
static const struct vain_world_ops fixed_ops = {.unix_ms = fixed_ms};

/* Emits one of every type through a log into `path`. */
static void emit_all(const char *path)
{
    struct vain_world world = {.ops = &fixed_ops};
    struct vain_metrics *metrics;
    BED_OK(vain_metrics_open(path, &metrics));
    struct vain_event_log log;
    vain_event_log_init(&log, &world);
    vain_event_subscribe(&log, vain_metrics_read, metrics);
    for (int type = 0; type < VAIN_EVENT_NOTICE; type++) {
        const double values[VAIN_EVENT_FIELDS_MAX] = {3, 60, 0.1, NAN, INFINITY, 1.0 / 3, 1e-30, 7};
        vain_event_emit(&log, (enum vain_event_type)type, values);
    }
    vain_event_notice(&log, "a \"line\" for %s\\", "people");
    BED_OK(vain_metrics_close(&metrics));
    CU_ASSERT_PTR_NULL(metrics);
    BED_OK(vain_metrics_close(&metrics));
}

static void test_every_event_is_a_line(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "metrics.jsonl", path);
    emit_all(path);
    size_t bytes;
    char *text = (char *)bed_read_file(path, &bytes);
    text[bytes] = '\0';
    char *line = text;
    for (int type = 0; type < VAIN_EVENT_TYPES; type++) {
        const struct vain_event_kind *kind = vain_event_kind((enum vain_event_type)type);
        char *end = strchr(line, '\n');
        CU_ASSERT_PTR_NOT_NULL_FATAL(end);
        *end = '\0';
        struct json_object *object = json_tokener_parse(line), *field;
        CU_ASSERT_PTR_NOT_NULL_FATAL(object);
        CU_ASSERT_TRUE(json_object_object_get_ex(object, "ts", &field));
        CU_ASSERT_STRING_EQUAL(json_object_get_string(field), "2026-10-29T12:00:00.123Z");
        CU_ASSERT_TRUE(json_object_object_get_ex(object, "event", &field));
        CU_ASSERT_STRING_EQUAL(json_object_get_string(field), kind->name);
        CU_ASSERT_TRUE(json_object_object_get_ex(object, "sequence", &field));
        CU_ASSERT_EQUAL(json_object_get_int64(field), type + 1);
        CU_ASSERT_EQUAL(json_object_object_length(object),
                        3 + kind->field_count + (type == VAIN_EVENT_NOTICE ? 1 : 0));
        for (int i = 0; i < kind->field_count; i++)
            CU_ASSERT_TRUE(json_object_object_get_ex(object, kind->fields[i].name, NULL));
        if (type == VAIN_EVENT_NOTICE) {
            CU_ASSERT_TRUE(json_object_object_get_ex(object, "text", &field));
            CU_ASSERT_STRING_EQUAL(json_object_get_string(field), "a \"line\" for people\\");
        }
        json_object_put(object);
        line = end + 1;
    }
    CU_ASSERT_EQUAL(*line, '\0');
    vain_release(text);
    bed_remove_folder(folder);
}

static void test_numbers_read_back(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "metrics.jsonl", path);
    emit_all(path);
    size_t bytes;
    char *text = (char *)bed_read_file(path, &bytes);
    text[bytes] = '\0';
    const char *step = strstr(text, "\"event\":\"step\"");
    CU_ASSERT_PTR_NOT_NULL_FATAL(step);
    /* As short as may be, whole numbers without a point, what is no number as null. */
    static const char expected[] = "\"event\":\"step\",\"sequence\":2,\"round\":3,\"step\":60,"
                                   "\"loss\":0.1,\"learning_rate\":null,\"gradient_norm\":null,"
                                   "\"tokens_per_second\":0.3333333333333333";
    CU_ASSERT_EQUAL(strncmp(step, expected, strlen(expected)), 0);
    vain_release(text);
    bed_remove_folder(folder);
}

static void test_a_torn_line_is_cut_off(void)
{
    static const struct {
        const char *before;
        size_t kept;
    } cases[] = {{"", 0}, {"{\"a\":1}\n", 8}, {"{\"a\":1}\n{\"b\"", 8}, {"{\"a\"", 0}, {"\n", 1}};
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "metrics.jsonl", path);
    struct vain_metrics *metrics;
    size_t bytes;
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        bed_write_file(path, cases[i].before, strlen(cases[i].before));
        BED_OK(vain_metrics_open(path, &metrics));
        BED_OK(vain_metrics_close(&metrics));
        vain_release(bed_read_file(path, &bytes));
        CU_ASSERT_EQUAL(bytes, cases[i].kept);
    }
    /* A torn line that is longer than a look. */
    char *text = malloc(30000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, 'x', 30000);
    text[9] = '\n';
    bed_write_file(path, text, 30000);
    free(text);
    BED_OK(vain_metrics_open(path, &metrics));
    BED_OK(vain_metrics_close(&metrics));
    vain_release(bed_read_file(path, &bytes));
    CU_ASSERT_EQUAL(bytes, 10);
    bed_remove_folder(folder);
}

static void test_failures_are_told_at_the_end(void)
{
    struct vain_metrics *metrics;
    BED_FAILS(vain_metrics_open("/nowhere/metrics.jsonl", &metrics), VAIN_ERR_STORAGE);
    CU_ASSERT_PTR_NULL(metrics);
    char longer[VAIN_PATH_BYTES + 10];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    BED_FAILS(vain_metrics_open(longer, &metrics), VAIN_ERR_INPUT);
    /* A device that is always full. */
    BED_OK(vain_metrics_open("/dev/full", &metrics));
    const struct vain_event event = {.type = VAIN_EVENT_NOTICE, .sequence = 1, .text = "x"};
    vain_metrics_read(metrics, &event);
    vain_metrics_read(metrics, &event);
    BED_FAILS(vain_metrics_close(&metrics), VAIN_ERR_STORAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "No space left"));
}

/* ---- SVG ------------------------------------------------------------------------------------ */

/* A text with its NUL; release with vain_release. */
static char *draw_picture(enum vain_picture picture, const struct vain_curve_point *points,
                          int64_t count, const char *title)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    bed_join(folder, "loss.svg", path);
    BED_OK(vain_curve_write_svg(picture, points, count, title, path, vain_world_real()));
    size_t bytes;
    char *text = (char *)bed_read_file(path, &bytes);
    text[bytes] = '\0';
    bed_remove_folder(folder);
    return text;
}

static char *draw(const struct vain_curve_point *points, int64_t count, const char *title)
{
    return draw_picture(VAIN_PICTURE_LOSS, points, count, title);
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

static void test_svg_of_accuracy(void)
{
    const struct vain_curve_point points[] = {
        {0, 0, NAN, 4.2, 0.125}, {1, 50, 3.0, NAN, NAN}, {2, 100, 2.0, 2.2, 0.5}};
    char *svg = draw_picture(VAIN_PICTURE_ACCURACY, points, 3, "x");
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, ">accuracy (%)<"));
    CU_ASSERT_EQUAL(count_of(svg, "<circle class=\"validation\""), 2);
    CU_ASSERT_EQUAL(count_of(svg, ">held out</text>"), 1);
    CU_ASSERT_PTR_NULL(strstr(svg, ">training</text>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, ">50</text>"));
    vain_release(svg);
    svg = draw_picture(VAIN_PICTURE_ACCURACY, points + 1, 1, "x");
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, "no accuracy was measured yet"));
    vain_release(svg);
}

static void test_svg_of_a_run(void)
{
    struct vain_curve_point points[] = {{0, 0, NAN, 4.2, NAN},
                                        {1, 50, 3.0, NAN, NAN},
                                        {2, 100, 2.0, 2.2, NAN},
                                        {3, 150, 1.5, 1.9, NAN}};
    char *svg = draw(points, 4, "a <run> & \"more\"\n");
    CU_ASSERT_EQUAL(strncmp(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\"", 38), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, "a &lt;run&gt; &amp; &quot;more&quot;</text>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, "prefers-color-scheme:dark"));
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, ">loss (nats per token or example)<"));
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, ">local steps of each member<"));
    CU_ASSERT_EQUAL(count_of(svg, "<circle class=\"training\""), 3);
    CU_ASSERT_EQUAL(count_of(svg, "<circle class=\"validation\""), 3);
    CU_ASSERT_EQUAL(count_of(svg, ">training</text>"), 1);
    CU_ASSERT_EQUAL(count_of(svg, ">validation</text>"), 1);
    /* Ticks: 0 to 150 by 50, 1.5 to 4.5 by 0.5. */
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, ">150</text>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, ">4.5</text>"));
    CU_ASSERT_EQUAL(count_of(svg, "class=\"grid\""), 4 + 7);
    /* The last training point: step 150 at the right end, 1.5 at the bottom. */
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, "736.0,384.0 \""));
    CU_ASSERT_PTR_NULL(strstr(svg, "nan"));
    CU_ASSERT_PTR_NULL(strstr(svg, "inf"));
    char *again = draw(points, 4, "a <run> & \"more\"\n");
    CU_ASSERT_STRING_EQUAL(svg, again);
    vain_release(again);
    vain_release(svg);
}

static void test_svg_of_little(void)
{
    char *svg = draw(NULL, 0, "empty");
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, "no loss was measured yet"));
    vain_release(svg);
    const struct vain_curve_point unmeasured = {1, 20, NAN, INFINITY, NAN};
    svg = draw(&unmeasured, 1, "nothing");
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, "no loss was measured yet"));
    vain_release(svg);
    static const double values[] = {0.0, -2.5, 3.5};
    for (size_t i = 0; i < VAIN_COUNT_OF(values); i++) {
        const struct vain_curve_point one = {0, 0, values[i], NAN, NAN};
        svg = draw(&one, 1, "one");
        CU_ASSERT_EQUAL(count_of(svg, "<circle"), 1);
        CU_ASSERT_PTR_NULL(strstr(svg, "nan"));
        CU_ASSERT_PTR_NULL(strstr(svg, ">-0<"));
        vain_release(svg);
    }
}

static void test_svg_of_much_is_thinned(void)
{
    enum { COUNT = 100000 };
    void *memory;
    BED_OK(vain_take_array(COUNT, sizeof(struct vain_curve_point), "points", &memory));
    struct vain_curve_point *points = memory;
    for (int i = 0; i < COUNT; i++)
        points[i] =
            (struct vain_curve_point){i, i, 5.0 - 4.0 * i / COUNT, i % 10000 == 1 ? 2.0 : NAN, NAN};
    points[COUNT - 1].loss = 0.0;
    char *svg = draw(points, COUNT, "long");
    CU_ASSERT(strlen(svg) < 60000);
    CU_ASSERT_PTR_NOT_NULL(strstr(svg, "736.0,384.0 \"")); /* the last point is in */
    CU_ASSERT_EQUAL(count_of(svg, "<circle class=\"training\""), 0);
    CU_ASSERT_EQUAL(count_of(svg, "<circle class=\"validation\""), 10);
    vain_release(svg);
    vain_release(memory);
}

static void test_svg_that_cannot_be_written(void)
{
    BED_FAILS(vain_curve_write_svg(VAIN_PICTURE_LOSS, NULL, 0, "x", "/nowhere/loss.svg",
                                   vain_world_real()),
              VAIN_ERR_STORAGE);
}

static const struct vain_test tests[] = {
    {"every event is a line of JSON", test_every_event_is_a_line},
    {"numbers are short and read back", test_numbers_read_back},
    {"a torn line is cut off", test_a_torn_line_is_cut_off},
    {"failures are told at the end", test_failures_are_told_at_the_end},
    {"the curve of a run", test_svg_of_a_run},
    {"accuracy has a picture of its own", test_svg_of_accuracy},
    {"the curve of nothing, and of one point", test_svg_of_little},
    {"the curve of a long run is thinned", test_svg_of_much_is_thinned},
    {"a curve that cannot be written", test_svg_that_cannot_be_written},
    {NULL, NULL},
};
const struct vain_suite vain_suite_metrics = {"store/metrics", tests};
