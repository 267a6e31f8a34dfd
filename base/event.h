/* What happened, as numbers: one registry of metrics and one typed, numbered event log.
 *
 * The parts that do the work emit events; readers (progress line, metrics.jsonl, later /metrics and
 * the dashboard) subscribe. An event carries its fields in the order and units of its type's row in
 * event.c, and nothing else, so every reader knows every event. Not thread-safe: one log a member.
 */
#pragma once

#include "base/limits.h"
#include "base/status.h"
#include "base/world.h"

enum vain_event_type {
    VAIN_EVENT_RUN_START, /* members, parameters, round, step */
    VAIN_EVENT_STEP,      /* round, step, loss, learning_rate, gradient_norm, tokens_per_second */
    VAIN_EVENT_ROUND, /* round, step, loss, delta_norm, clipped, exchange_seconds, local_seconds */
    VAIN_EVENT_EVALUATION, /* round, step, validation_loss, accuracy, accuracy_interval,
                              accuracy_transductive, normalised_mutual_information */
    VAIN_EVENT_CHECKPOINT, /* round, step, seconds, bytes */
    VAIN_EVENT_STOP,       /* round, step, signal */
    VAIN_EVENT_RUN_END,    /* round, step, loss, validation_loss, seconds, tokens_per_second */
    VAIN_EVENT_NOTICE,     /* (text only) */
    VAIN_EVENT_TYPES
};

enum { VAIN_EVENT_FIELDS_MAX = 8, VAIN_EVENT_TEXT_BYTES = 1024, VAIN_EVENT_READERS_MAX = 8 };

/* One row of the registry. */
struct vain_metric {
    const char *name; /* snake_case, unit last: exchange_seconds */
    const char *unit; /* UDUNITS: "s", "byte", "1" */
    const char *help;
    bool counts; /* whole number */
};
struct vain_event_kind {
    const char *name; /* "step" */
    const char *help;
    int field_count;
    struct vain_metric fields[VAIN_EVENT_FIELDS_MAX];
};
/* The registry: one row per event type, borrowed for ever. */
const struct vain_event_kind *vain_event_kind(enum vain_event_type type);

struct vain_event {
    enum vain_event_type type;
    uint64_t sequence; /* from 1 in this log */
    int64_t unix_ms;
    double values[VAIN_EVENT_FIELDS_MAX]; /* as many as the kind has; NaN: not known */
    char text[VAIN_EVENT_TEXT_BYTES];     /* "" if none */
};

typedef void (*vain_event_reader)(void *context, const struct vain_event *event);

struct vain_event_log {
    struct vain_world *world; /* borrowed */
    uint64_t sequence;
    int reader_count;
    struct {
        vain_event_reader read;
        void *context;
    } readers[VAIN_EVENT_READERS_MAX];
};
void vain_event_log_init(struct vain_event_log *log, struct vain_world *world);
/* Readers are called in order of subscription, on the emitting thread; more than the maximum is a
 * bug. */
void vain_event_subscribe(struct vain_event_log *log, vain_event_reader read, void *context);
/* `values` has as many numbers as the type's row has fields. */
void vain_event_emit(struct vain_event_log *log, enum vain_event_type type, const double *values);
/* A line for people (warning, notice), printf-like; what cannot be printed comes out as '?'. */
void vain_event_notice(struct vain_event_log *log, const char *format, ...) VAIN_FORMAT(2, 3);
