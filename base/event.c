/* The registry of everything that is reported, and the log that hands events to its readers.
 *
 * The table is the contract: an event is numbers in the order of its row, so the progress line,
 * metrics.jsonl and every later reader agree on names and units without knowing each other. A new
 * figure is a new field at the end of a row, never a changed meaning. */
#include "base/event.h"

#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define ROUND                                                                                      \
    {                                                                                              \
        "round", "1", "exchanges finished so far", true                                            \
    }
#define STEP                                                                                       \
    {                                                                                              \
        "step", "1", "local steps of this member so far", true                                     \
    }
#define LOSS                                                                                       \
    {                                                                                              \
        "loss", "1", "mean training loss in nats a token", false                                   \
    }
#define VALIDATION_LOSS                                                                            \
    {                                                                                              \
        "validation_loss", "1", "mean loss on the validation split, nats", false                   \
    }
#define TOKENS_PER_SECOND                                                                          \
    {                                                                                              \
        "tokens_per_second", "1/s", "training tokens (or images, tasks) a second, all members",    \
            false                                                                                  \
    }

static const struct vain_event_kind kinds[] = {
    [VAIN_EVENT_RUN_START] = {"run_start",
                              "a run begins or resumes",
                              4,
                              {{"members", "1", "members of the group", true},
                               {"parameters", "1", "trained values of the model", true},
                               ROUND,
                               STEP}},
    [VAIN_EVENT_STEP] = {"step",
                         "one optimiser step of this member",
                         6,
                         {ROUND,
                          STEP,
                          LOSS,
                          {"learning_rate", "1", "learning rate of the step", false},
                          {"gradient_norm", "1", "L2 norm of the gradient before clipping", false},
                          TOKENS_PER_SECOND}},
    [VAIN_EVENT_ROUND] = {"round",
                          "one exchange of deltas, done by all members",
                          7,
                          {ROUND,
                           STEP,
                           {"loss", "1", "mean over members of the round's training loss", false},
                           {"delta_norm", "1", "L2 norm of this member's delta", false},
                           {"clipped", "1", "members whose delta met the L2 bound", true},
                           {"exchange_seconds", "s", "time of the exchange", false},
                           {"local_seconds", "s", "time of the local steps before it", false}}},
    [VAIN_EVENT_EVALUATION] =
        {"evaluation",
         "the model was measured on the validation split",
         7,
         {ROUND,
          STEP,
          VALIDATION_LOSS,
          {"accuracy", "1", "share of held-out samples that is right", false},
          {"accuracy_interval", "1", "half width of its 95 % interval", false},
          {"accuracy_transductive", "1", "the same where a task's queries are seen together",
           false},
          {"normalised_mutual_information", "1", "of clusters and labels, 0 to 1", false}}},
    [VAIN_EVENT_CHECKPOINT] = {"checkpoint",
                               "a checkpoint is safe on disk",
                               4,
                               {ROUND,
                                STEP,
                                {"seconds", "s", "time to write, hash and sync it", false},
                                {"bytes", "byte", "size of the files written", true}}},
    [VAIN_EVENT_STOP] = {"stop",
                         "a signal asked for an early end; state is saved",
                         3,
                         {ROUND, STEP, {"signal", "1", "number of the signal", true}}},
    [VAIN_EVENT_RUN_END] = {"run_end",
                            "a run is done",
                            6,
                            {ROUND,
                             STEP,
                             LOSS,
                             VALIDATION_LOSS,
                             {"seconds", "s", "wall-clock time of the run", false},
                             TOKENS_PER_SECOND}},
    [VAIN_EVENT_NOTICE] = {"notice", "a line for people", 0, {{0}}},
};
static_assert(sizeof kinds / sizeof kinds[0] == VAIN_EVENT_TYPES, "one row an event type");

const struct vain_event_kind *vain_event_kind(enum vain_event_type type)
{
    VAIN_ASSERT((unsigned)type < VAIN_EVENT_TYPES);
    return &kinds[type];
}

void vain_event_log_init(struct vain_event_log *log, struct vain_world *world)
{
    *log = (struct vain_event_log){.world = world};
}

void vain_event_subscribe(struct vain_event_log *log, vain_event_reader read, void *context)
{
    VAIN_ASSERT(log->reader_count < VAIN_EVENT_READERS_MAX);
    log->readers[log->reader_count].read = read;
    log->readers[log->reader_count].context = context;
    log->reader_count++;
}

static void publish(struct vain_event_log *log, struct vain_event *event)
{
    event->sequence = ++log->sequence;
    event->unix_ms = log->world->ops->unix_ms(log->world);
    for (int i = 0; i < log->reader_count; i++)
        log->readers[i].read(log->readers[i].context, event);
}

void vain_event_emit(struct vain_event_log *log, enum vain_event_type type, const double *values)
{
    struct vain_event event = {.type = type};
    const int field_count = vain_event_kind(type)->field_count;
    for (int i = 0; i < field_count; i++)
        event.values[i] = values[i];
    publish(log, &event);
}

void vain_event_notice(struct vain_event_log *log, const char *format, ...)
{
    struct vain_event event = {.type = VAIN_EVENT_NOTICE};
    va_list arguments;
    va_start(arguments, format);
    char text[VAIN_EVENT_TEXT_BYTES];
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    VAIN_ASSERT(length >= 0);
    vain_text_excerpt(text, VAIN_EVENT_TEXT_BYTES, event.text, sizeof event.text);
    publish(log, &event);
}
