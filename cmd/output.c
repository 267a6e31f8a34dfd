/* How the program speaks: the JSON envelope, failures, colours, and numbers for people. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/json.h"
#include "cmd/report.h"
#include <math.h>

#include "cmd/verb.h"

int vain_print_data(struct json_object *data)
{
    struct json_object *envelope = json_object_new_object();
    json_object_object_add(envelope, "schema_version", json_object_new_string("1"));
    json_object_object_add(envelope, "status", json_object_new_string("ok"));
    json_object_object_add(envelope, "data", data);
    printf("%s\n", json_object_to_json_string_ext(envelope, JSON_C_TO_STRING_PLAIN |
                                                                JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(envelope);
    return vain_finish_output();
}

void vain_print_error(enum vain_status status, const char *message)
{
    struct json_object *error = json_object_new_object();
    json_object_object_add(error, "code", json_object_new_string(vain_status_name(status)));
    json_object_object_add(error, "message", vain_json_text(message));
    json_object_object_add(error, "exit_code", json_object_new_int(vain_exit_code(status)));
    struct json_object *envelope = json_object_new_object();
    json_object_object_add(envelope, "schema_version", json_object_new_string("1"));
    json_object_object_add(envelope, "status", json_object_new_string("error"));
    json_object_object_add(envelope, "error", error);
    printf("%s\n", json_object_to_json_string_ext(envelope, JSON_C_TO_STRING_PLAIN |
                                                                JSON_C_TO_STRING_NOSLASHESCAPE));
    fflush(stdout);
    json_object_put(envelope);
}

int vain_report_failure(enum vain_status status, bool json)
{
    const char *message = vain_fail_message();
    const bool colour = vain_wants_colour(stderr);
    fprintf(stderr, "vain: %serror:%s %s\n", colour ? "\033[1;31m" : "", colour ? "\033[0m" : "",
            message);
    if (json)
        vain_print_error(status, message);
    return vain_exit_code(status);
}

bool vain_wants_colour(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM"),
               *force = getenv("FORCE_COLOR");
    if (force != NULL && force[0] != '\0')
        return true;
    if (no_color != NULL && no_color[0] != '\0')
        return false;
    return isatty(fileno(stream)) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

void vain_print_wrapped(const char *label, const char *text)
{
    enum { INDENT = 12, COLUMNS = 100 };
    int column = printf("%-*s", INDENT, label);
    bool first = true; /* word of the line */
    while (*text != '\0') {
        const int length = (int)strcspn(text, " ");
        if (!first && column + 1 + length > COLUMNS) {
            column = printf("\n%*s", INDENT, "") - 1;
            first = true;
        }
        column += printf("%s%.*s", first ? "" : " ", length, text);
        first = false;
        text += length + (text[length] == ' ');
    }
    printf("\n");
}

static const char *scaled(double value, double step, const char *const *units, int count,
                          char out[32])
{
    int unit = 0;
    while (unit + 1 < count && value >= step) {
        value /= step;
        unit++;
    }
    const bool whole = unit == 0 && (value >= 10 || value == floor(value));
    snprintf(out, 32, whole ? "%.0f %s" : unit == 0 ? "%.2g %s" : "%.1f %s", value, units[unit]);
    const size_t length = strlen(out);
    if (length > 0 && out[length - 1] == ' ')
        out[length - 1] = '\0';
    return out;
}

const char *vain_format_bytes(double bytes, char out[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    return scaled(bytes, 1024, units, 5, out);
}

const char *vain_format_count(double count, char out[32])
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    return scaled(count, 1000, units, 5, out);
}

const char *vain_format_seconds(double seconds, char out[32])
{
    if (seconds < 0.001)
        snprintf(out, 32, "%.0f us", seconds * 1e6);
    else if (seconds < 1)
        snprintf(out, 32, "%.0f ms", seconds * 1e3);
    else if (seconds < 120)
        snprintf(out, 32, "%.1f s", seconds);
    else if (seconds < 7200)
        snprintf(out, 32, "%.0f min", seconds / 60);
    else
        snprintf(out, 32, "%.1f h", seconds / 3600);
    return out;
}
