/* Events: the registry is complete, the log numbers, stamps and hands out in order. */
#include "base/event.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

static bool is_snake_case(const char *name)
{
    return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name);
}

static void registry_is_complete(void)
{
    for (int type = 0; type < VAIN_EVENT_TYPES; type++) {
        const struct vain_event_kind *kind = vain_event_kind((enum vain_event_type)type);
        CU_ASSERT_TRUE(is_snake_case(kind->name));
        CU_ASSERT_TRUE(strlen(kind->help) > 0);
        CU_ASSERT_TRUE(kind->field_count >= 0 && kind->field_count <= VAIN_EVENT_FIELDS_MAX);
        for (int i = 0; i < VAIN_EVENT_FIELDS_MAX; i++) {
            const struct vain_metric *field = &kind->fields[i];
            if (i >= kind->field_count) {
                CU_ASSERT_PTR_NULL(field->name); /* the count says all that is in the row */
                continue;
            }
            CU_ASSERT_TRUE(is_snake_case(field->name));
            CU_ASSERT_TRUE(strlen(field->unit) > 0 && strlen(field->help) > 0);
            if (strstr(field->name, "seconds") != NULL)
                CU_ASSERT_STRING_EQUAL(field->unit, "s");
            for (int j = 0; j < i; j++)
                CU_ASSERT_STRING_NOT_EQUAL(field->name, kind->fields[j].name);
        }
        for (int other = 0; other < type; other++)
            CU_ASSERT_STRING_NOT_EQUAL(kind->name,
                                       vain_event_kind((enum vain_event_type)other)->name);
    }
}

/* The order that emitters rely on, written out. */
static void fields_stand_in_their_order(void)
{
    static const char *const expected[VAIN_EVENT_TYPES] = {
        [VAIN_EVENT_RUN_START] = "members parameters round step",
        [VAIN_EVENT_STEP] = "round step loss learning_rate gradient_norm tokens_per_second",
        [VAIN_EVENT_ROUND] = "round step loss delta_norm clipped exchange_seconds local_seconds",
        [VAIN_EVENT_EVALUATION] = ("round step validation_loss accuracy accuracy_interval "
                                   "accuracy_transductive normalised_mutual_information"),
        [VAIN_EVENT_CHECKPOINT] = "round step seconds bytes",
        [VAIN_EVENT_STOP] = "round step signal",
        [VAIN_EVENT_RUN_END] = "round step loss validation_loss seconds tokens_per_second",
        [VAIN_EVENT_NOTICE] = "",
    };
    for (int type = 0; type < VAIN_EVENT_TYPES; type++) {
        const struct vain_event_kind *kind = vain_event_kind((enum vain_event_type)type);
        char names[256] = "";
        size_t used = 0;
        for (int i = 0; i < kind->field_count; i++)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? " " : "",
                                     kind->fields[i].name);
        CU_ASSERT_STRING_EQUAL(names, expected[type]);
    }
}

struct still_world {
    struct vain_world world;
    int64_t unix_ms;
};

static int64_t still_unix_ms(struct vain_world *world)
{
    return ((struct still_world *)world->state)->unix_ms++;
}

static const struct vain_world_ops still_ops = {.unix_ms = still_unix_ms};

static void still_world_init(struct still_world *still)
{
    *still = (struct still_world){.world = {.ops = &still_ops, .state = still}, .unix_ms = 1000};
}

struct seen {
    int count, *order, place;
    struct vain_event last;
};

static void see(void *context, const struct vain_event *event)
{
    struct seen *seen = context;
    seen->count++;
    seen->place = (*seen->order)++;
    seen->last = *event;
}

static void events_reach_all_readers_in_order(void)
{
    struct still_world still;
    still_world_init(&still);
    struct vain_event_log log;
    vain_event_log_init(&log, &still.world);
    const double values[] = {1, 2, 3.5, NAN, 5, 6};
    vain_event_emit(&log, VAIN_EVENT_STEP, values); /* nobody listens: still numbered */
    int order = 0;
    struct seen seen[VAIN_EVENT_READERS_MAX];
    for (int i = 0; i < VAIN_EVENT_READERS_MAX; i++) {
        seen[i] = (struct seen){.order = &order};
        vain_event_subscribe(&log, see, &seen[i]);
    }
    vain_event_emit(&log, VAIN_EVENT_STEP, values);
    for (int i = 0; i < VAIN_EVENT_READERS_MAX; i++) {
        CU_ASSERT_EQUAL(seen[i].count, 1);
        CU_ASSERT_EQUAL(seen[i].place, i);
        CU_ASSERT_EQUAL(seen[i].last.sequence, 2);
        CU_ASSERT_EQUAL(seen[i].last.unix_ms, 1001);
        CU_ASSERT_EQUAL(seen[i].last.type, VAIN_EVENT_STEP);
        CU_ASSERT_EQUAL(memcmp(seen[i].last.values, values, sizeof values), 0);
        CU_ASSERT_EQUAL(seen[i].last.values[6], 0.0);
        CU_ASSERT_STRING_EQUAL(seen[i].last.text, "");
    }
}

static void notices_are_text(void)
{
    struct still_world still;
    still_world_init(&still);
    struct vain_event_log log;
    vain_event_log_init(&log, &still.world);
    int order = 0;
    struct seen seen = {.order = &order};
    vain_event_subscribe(&log, see, &seen);
    vain_event_notice(&log, "member %s starts its residual empty", "bob");
    CU_ASSERT_EQUAL(seen.last.type, VAIN_EVENT_NOTICE);
    CU_ASSERT_EQUAL(seen.last.sequence, 1);
    CU_ASSERT_STRING_EQUAL(seen.last.text, "member bob starts its residual empty");
    vain_event_notice(&log, "member '%s' says \x1b]0;%s", "Zo\xc3\xab", "\a\b");
    CU_ASSERT_STRING_EQUAL(seen.last.text, "member 'Zo\xc3\xab' says ?]0;??");
    char text[2 * VAIN_EVENT_TEXT_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    vain_event_notice(&log, "%s", text);
    CU_ASSERT_EQUAL(strlen(seen.last.text), VAIN_EVENT_TEXT_BYTES - 1);
    vain_event_emit(&log, VAIN_EVENT_NOTICE, NULL); /* has no fields */
    CU_ASSERT_EQUAL(seen.last.sequence, 4);
}

static void subscribe_too_often(void)
{
    struct vain_event_log log;
    vain_event_log_init(&log, NULL);
    for (int i = 0; i <= VAIN_EVENT_READERS_MAX; i++)
        vain_event_subscribe(&log, see, NULL);
}

static void ask_for_no_kind(void)
{
    (void)vain_event_kind(VAIN_EVENT_TYPES);
}

static void misuse_is_a_bug(void)
{
    CU_ASSERT_EQUAL(test_exit_code(subscribe_too_often, NULL, 0), 70);
    CU_ASSERT_EQUAL(test_exit_code(ask_for_no_kind, NULL, 0), 70);
}

static const struct vain_test tests[] = {
    {"every type has a row with names, units and help", registry_is_complete},
    {"fields stand in the order that emitters rely on", fields_stand_in_their_order},
    {"events reach all readers in order, numbered and stamped", events_reach_all_readers_in_order},
    {"notices are text", notices_are_text},
    {"too many readers, or no such type, is a bug", misuse_is_a_bug},
    {NULL, NULL},
};
const struct vain_suite vain_suite_event = {"base/event", tests};
