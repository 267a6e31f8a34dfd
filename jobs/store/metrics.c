/* The event log as lines of JSON, for jq, pandas and dashboards (docs/checkpoint-format.md,
 * "metrics.jsonl").
 *
 * One write(2) a line on a file opened for appending, so a crash cuts at most the last line short,
 * and several readers never see half of one but there. Not synced line by line: what a resume needs
 * is in the checkpoint, and a step must not wait for the disk. */
#include "jobs/store/metrics.h"

#include "base/memory.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MODE = 0644, TAIL_LOOK_BYTES = 8192 };

struct vain_metrics {
    int descriptor; /* owned */
    char path[VAIN_PATH_BYTES];
    int reason; /* errno of the first write that failed; 0: none */
};

/* Bytes up to and including the last newline: a line that a crash cut short is not part of the log.
 */
static off_t end_of_last_line(int descriptor, off_t bytes)
{
    char piece[TAIL_LOOK_BYTES];
    while (bytes > 0) {
        const off_t start = bytes > TAIL_LOOK_BYTES ? bytes - TAIL_LOOK_BYTES : 0;
        const ssize_t got = pread(descriptor, piece, (size_t)(bytes - start), start);
        if (got <= 0)
            return -1;
        for (ssize_t i = got; i > 0; i--) {
            if (piece[i - 1] == '\n')
                return start + i;
        }
        bytes = start;
    }
    return 0;
}

static bool cut_torn_line(int descriptor)
{
    const off_t bytes = lseek(descriptor, 0, SEEK_END);
    if (bytes < 0)
        return errno == ESPIPE; /* a pipe has no past */
    const off_t end = end_of_last_line(descriptor, bytes);
    return end == bytes || (end >= 0 && ftruncate(descriptor, end) == 0);
}

enum vain_status vain_metrics_open(const char *path, struct vain_metrics **out)
{
    *out = NULL;
    if (strlen(path) >= VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "a path is at most %d bytes long", VAIN_PATH_BYTES - 1);
    void *memory;
    VAIN_TRY(vain_take(sizeof(struct vain_metrics), "metrics", &memory));
    struct vain_metrics *metrics = memory;
    memcpy(metrics->path, path, strlen(path) + 1);
    metrics->descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (metrics->descriptor >= 0 && cut_torn_line(metrics->descriptor)) {
        *out = metrics;
        return VAIN_OK;
    }
    const int reason = errno;
    if (metrics->descriptor >= 0)
        (void)close(metrics->descriptor);
    vain_release(metrics);
    return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be opened to append: %s", path,
                     strerror(reason));
}

/* The shortest of 9, 15 or 17 digits that reads back as the same number. */
static struct json_object *number(double value, bool counts)
{
    if (!isfinite(value))
        return NULL; /* JSON's null */
    if (counts)
        return json_object_new_int64((int64_t)value);
    static const int digits[] = {9, 15, 17};
    char text[40];
    for (size_t i = 0; i < VAIN_COUNT_OF(digits); i++) {
        snprintf(text, sizeof text, "%.*g", digits[i], value);
        if (memcmp(&(double){strtod(text, NULL)}, &value, sizeof value) == 0)
            break;
    }
    return json_object_new_double_s(value, text);
}

static struct json_object *make_line(const struct vain_event *event)
{
    const struct vain_event_kind *kind = vain_event_kind(event->type);
    char ts[VAIN_TIMESTAMP_BYTES];
    vain_timestamp_format(event->unix_ms, ts);
    struct json_object *line = json_object_new_object();
    json_object_object_add(line, "ts", json_object_new_string(ts));
    json_object_object_add(line, "event", json_object_new_string(kind->name));
    json_object_object_add(line, "sequence", json_object_new_int64((int64_t)event->sequence));
    for (int i = 0; i < kind->field_count; i++)
        json_object_object_add(line, kind->fields[i].name,
                               number(event->values[i], kind->fields[i].counts));
    if (event->text[0] != '\0')
        json_object_object_add(line, "text", json_object_new_string(event->text));
    return line;
}

void vain_metrics_read(void *context, const struct vain_event *event)
{
    struct vain_metrics *metrics = context;
    if (metrics->reason != 0)
        return;
    struct json_object *line = make_line(event);
    struct vain_text text = {0};
    const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    const char *json = json_object_to_json_string_ext(line, flags);
    char *bytes = NULL;
    if (json != NULL)
        vain_text_add(&text, "%s\n", json);
    if (json == NULL || vain_text_give(&text, &bytes) != VAIN_OK) {
        metrics->reason = ENOMEM;
    } else {
        const size_t length = strlen(bytes);
        ssize_t wrote;
        do
            wrote = write(metrics->descriptor, bytes, length);
        while (wrote < 0 && errno == EINTR);
        if (wrote != (ssize_t)length)
            metrics->reason = wrote < 0 ? errno : ENOSPC;
    }
    vain_release(bytes);
    json_object_put(line);
}

enum vain_status vain_metrics_close(struct vain_metrics **metrics)
{
    if (*metrics == NULL)
        return VAIN_OK;
    struct vain_metrics *closing = *metrics;
    *metrics = NULL;
    int reason = closing->reason;
    if (reason == 0 && fsync(closing->descriptor) != 0 && errno != EINVAL && errno != EROFS)
        reason = errno;
    if (close(closing->descriptor) != 0 && reason == 0)
        reason = errno;
    const enum vain_status status =
        reason == 0 ? VAIN_OK
                    : vain_fail(VAIN_ERR_STORAGE, "%s: lines are missing at its end: %s",
                                closing->path, strerror(reason));
    vain_release(closing);
    return status;
}
