/* metrics.jsonl: a reader of the event log that appends one object an event (ts in ISO 8601 UTC
 * with milliseconds, event, sequence, then the fields by their registry names; NaN is null), and
 * the loss curve as SVG. */
#pragma once

#include "base/event.h"
#include "jobs/store/checkpoint.h"

struct vain_metrics;
/* Append to `path`. Gives the handle; subscribe vain_metrics_read with it. A line that a crash cut
 * short is taken off. */
enum vain_status vain_metrics_open(const char *path, struct vain_metrics **out) VAIN_MUST_USE;
/* One line an event, one write a line. A failure is kept for vain_metrics_close, and nothing is
 * written after it. */
void vain_metrics_read(void *metrics, const struct vain_event *event);
/* Flushes; a write that failed since is reported here. Accepts NULL, sets *metrics to NULL. */
enum vain_status vain_metrics_close(struct vain_metrics **metrics) VAIN_MUST_USE;

/* What a picture shows against the step: loss, training and validation, or accuracy in %. */
enum vain_picture { VAIN_PICTURE_LOSS, VAIN_PICTURE_ACCURACY };
/* A self-contained SVG (axes with units, readable in print and dark). The same points give the same
 * bytes. */
enum vain_status vain_curve_write_svg(enum vain_picture picture,
                                      const struct vain_curve_point *points, int64_t count,
                                      const char *title, const char *path,
                                      struct vain_world *world) VAIN_MUST_USE;
