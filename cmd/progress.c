/* How often the progress line is written, and what stands in it. Steps may come a thousand times a
 * second; a terminal gets five lines of them a second and a log file one in ten seconds, measured
 * with the times that the events carry, so that a reader needs no clock. */
#include "cmd/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "cmd/verb.h"
#include "jobs/method.h"

enum { TERMINAL_INTERVAL_MS = 200, LOG_INTERVAL_MS = 10000 };

void vain_progress_init(struct vain_progress *progress, const struct vain_job *job, int ranks,
                        bool quiet)
{
    memset(progress, 0, sizeof *progress);
    progress->job = job;
    progress->ranks = ranks;
    progress->quiet = quiet;
    progress->terminal = isatty(STDERR_FILENO) == 1;
    progress->first_step = -1;
}

void vain_progress_end(struct vain_progress *progress)
{
    if (progress->line_open)
        fputc('\n', stderr);
    progress->line_open = false;
}

/* A line of its own; in a log with its time, so that it can be laid beside those of the nodes. */
static void begin_line(struct vain_progress *progress, const struct vain_event *event)
{
    char date[VAIN_TIMESTAMP_BYTES];
    vain_progress_end(progress);
    if (progress->terminal)
        return;
    vain_timestamp_format(event->unix_ms, date);
    fprintf(stderr, "%s: ", date);
}

/* "43 s", "90 min", "57.3 h" */
static void format_left(double seconds, char out[32])
{
    if (seconds < 120)
        snprintf(out, 32, "%.0f s", seconds);
    else
        vain_format_seconds(seconds, out);
}

static void print_line(struct vain_progress *progress, const struct vain_event *event, double step)
{
    const struct vain_train_options *train = &progress->job->train;
    const double steps = (double)(train->rounds * train->local_steps);
    const double seconds = (double)(event->unix_ms - progress->first_unix_ms) * 1e-3;
    const double step_rate = seconds > 0 ? (step - (double)progress->first_step) / seconds : 0;
    const struct vain_method_ops *method = vain_method_ops_of(progress->job);
    const double step_units = (double)(method->step_size(progress->job) * progress->ranks);
    char rate[32], left[32] = "?";
    if (step_rate > 0)
        format_left((steps - step) / step_rate, left);
    if (progress->terminal)
        fputc('\r', stderr);
    else
        begin_line(progress, event);
    fprintf(stderr, "round %.0f/%lld  step %.0f/%.0f  loss %.4f  %s %s/s  %s left%s",
            event->values[0], (long long)train->rounds, step, steps, event->values[2],
            vain_format_count(step_rate * step_units, rate), method->unit(progress->job), left,
            progress->terminal ? "   " : "\n");
    fflush(stderr);
    progress->line_open = progress->terminal;
    progress->last_unix_ms = event->unix_ms;
}

static void read_step(struct vain_progress *progress, const struct vain_event *event)
{
    const double step = event->values[1];
    if (progress->first_step < 0) {
        progress->first_step = (int64_t)step;
        progress->first_unix_ms = progress->last_unix_ms = event->unix_ms;
        return;
    }
    const int64_t interval = progress->terminal ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS;
    if (event->unix_ms - progress->last_unix_ms >= interval)
        print_line(progress, event, step);
}

void vain_progress_read_notices(void *context, const struct vain_event *event)
{
    struct vain_progress *progress = context;
    char date[VAIN_TIMESTAMP_BYTES] = "";
    if (event->type != VAIN_EVENT_NOTICE)
        return;
    if (progress->dated && !progress->terminal)
        vain_timestamp_format(event->unix_ms, date);
    vain_progress_end(progress);
    fprintf(stderr, "vain: %s%s%s\n", date, date[0] != '\0' ? ": " : "", event->text);
}

void vain_progress_read(void *context, const struct vain_event *event)
{
    struct vain_progress *progress = context;
    vain_progress_read_notices(progress, event);
    if (progress->quiet)
        return;
    if (event->type == VAIN_EVENT_STEP)
        read_step(progress, event);
    if (event->type == VAIN_EVENT_EVALUATION && !isnan(event->values[2])) {
        begin_line(progress, event);
        fprintf(stderr, "round %.0f  step %.0f  validation loss %.4f\n", event->values[0],
                event->values[1], event->values[2]);
    }
    if (event->type == VAIN_EVENT_RUN_START && event->values[2] > 0) {
        begin_line(progress, event);
        fprintf(stderr, "going on after round %.0f, step %.0f\n", event->values[2],
                event->values[3]);
    }
    if (event->type == VAIN_EVENT_STOP) {
        begin_line(progress, event);
        char signal[32] = "";
        if (event->values[2] > 0)
            snprintf(signal, sizeof signal, " (signal %.0f)", event->values[2]);
        const double steps = event->values[0] * (double)progress->job->train.local_steps;
        if (event->values[1] > steps)
            fprintf(stderr, "stopping at step %.0f of round %.0f%s: writing the checkpoint\n",
                    event->values[1], event->values[0] + 1, signal);
        else
            fprintf(stderr, "stopping after round %.0f%s: writing the checkpoint\n",
                    event->values[0], signal);
    }
}
