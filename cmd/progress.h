/* What people see while a run goes on: a reader of the event log.
 *
 * On a terminal one line that rewrites itself: round, step, loss, tokens/s, time left. Elsewhere (a
 * batch log) one plain line every ten seconds, which begins with the time, as those of measurements
 * and stops do. Notices always get a line of their own, with the time where members are on hosts of
 * their own. Everything goes to stderr. */
#pragma once

#include "base/event.h"
#include "jobs/options.h"

struct vain_progress {
    const struct vain_job *job;
    int ranks;
    bool terminal, quiet;                /* quiet: notices only */
    bool dated;                          /* notices say when, but on a terminal */
    int64_t first_unix_ms, last_unix_ms; /* of the first step, of the last line */
    int64_t first_step;
    bool line_open; /* a line without its newline is on the terminal */
};
void vain_progress_init(struct vain_progress *progress, const struct vain_job *job, int ranks,
                        bool quiet);
/* The reader: subscribe it with a struct vain_progress. */
void vain_progress_read(void *progress, const struct vain_event *event);
/* A reader of notices alone. */
void vain_progress_read_notices(void *progress, const struct vain_event *event);
/* End the line that is open. */
void vain_progress_end(struct vain_progress *progress);
