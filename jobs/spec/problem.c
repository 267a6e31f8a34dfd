/* Problems of a spec: where they are, how they are shown.
 *
 * A problem takes a copy of its source line when it is noticed, so that printing needs neither the
 * file nor the spec. Long lines are cut around the place. The form is gcc's, because every editor
 * can jump to it. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "jobs/spec/parts.h"

enum { CHARACTERS_BEFORE = 60 };

/* Start of the line that begins `number - 1` breaks into the text. CR, LF and CRLF are breaks. */
static const char *find_line(const char *text, size_t bytes, int number, size_t *length)
{
    const char *end = text + bytes;
    for (; number > 1 && text < end; text++) {
        if (*text == '\n' || (*text == '\r' && (text + 1 == end || text[1] != '\n')))
            number--;
    }
    const char *stop = text;
    while (stop < end && *stop != '\n' && *stop != '\r')
        stop++;
    *length = (size_t)(stop - text);
    return text;
}

static int character_bytes(const char *text, size_t bytes)
{
    uint32_t code;
    const int length = vain_text_character(text, bytes, &code);
    return length > 0 ? length : 1;
}

/* Copy the line around `mark`, whole characters only, and say where the place now is. */
static void take_source(struct vain_problem *problem, const char *line, size_t length,
                        struct vain_spec_mark mark)
{
    int column = mark.column;
    size_t used = 0;
    if (column > CHARACTERS_BEFORE) {
        for (; column > CHARACTERS_BEFORE / 2 && length > 0; column--) {
            const int bytes = character_bytes(line, length);
            line += bytes;
            length -= (size_t)bytes;
        }
        memcpy(problem->source, "...", 3);
        used = 3;
        column += 3;
    }
    while (length > 0) {
        const int bytes = character_bytes(line, length);
        if (used + (size_t)bytes + 4 > sizeof problem->source) {
            memcpy(problem->source + used, "...", 3);
            break;
        }
        /* Broken UTF-8 and control characters would upset a terminal. */
        uint32_t code;
        const bool fine = vain_text_character(line, length, &code) > 0 &&
                          (code == '\t' || vain_text_printable(code));
        memcpy(problem->source + used, fine ? line : "?", fine ? (size_t)bytes : 1);
        used += fine ? (size_t)bytes : 1;
        line += bytes;
        length -= (size_t)bytes;
    }
    problem->source_column = column;
    problem->source_span = mark.span;
}

static void fill_problem(struct vain_problem *problem, const char *file, struct vain_spec_mark mark,
                         const char *key, const char *hint)
{
    *problem = (struct vain_problem){.line = mark.line, .column = mark.column};
    vain_text_excerpt(file, sizeof problem->file, problem->file, sizeof problem->file);
    vain_text_excerpt(key, sizeof problem->key, problem->key, sizeof problem->key);
    if (hint != NULL)
        vain_text_excerpt(hint, sizeof problem->hint, problem->hint, sizeof problem->hint);
}

static void add_in_file(const struct vain_spec *spec, struct vain_problems *problems,
                        struct vain_spec_mark mark, const char *key, const char *hint,
                        const char *message)
{
    struct vain_problem problem;
    fill_problem(&problem, spec->source.path, mark, key, hint);
    vain_text_excerpt(message, sizeof problem.message, problem.message, sizeof problem.message);
    /* A line is looked for only if it will be kept: a hostile file has thousands of problems. */
    if (mark.line > 0 && spec->text != NULL && problems->count < VAIN_SPEC_ERRORS_MAX) {
        size_t length;
        const char *line = find_line(spec->text, spec->text_bytes, mark.line, &length);
        take_source(&problem, line, length, mark);
    }
    vain_problem_add(problems, &problem);
}

void vain_spec_problem_add(const struct vain_spec *spec, struct vain_problems *problems,
                           struct vain_spec_mark mark, const char *key, const char *hint,
                           const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    add_in_file(spec, problems, mark, key, hint, message);
}

void vain_spec_problem_add_set(const struct vain_spec *spec, struct vain_problems *problems,
                               int set, struct vain_spec_mark mark, const char *key,
                               const char *hint, const char *message)
{
    struct vain_problem problem;
    const char *text = spec->source.sets[set];
    mark.line = set + 1;
    fill_problem(&problem, "--set", mark, key, hint);
    vain_text_excerpt(message, sizeof problem.message, problem.message, sizeof problem.message);
    take_source(&problem, text, strlen(text), mark);
    vain_problem_add(problems, &problem);
}

void vain_spec_problem_at(const struct vain_spec *spec, struct vain_problems *problems,
                          const char *key, const char *hint, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (strcmp(key, "members") == 0) {
        add_in_file(spec, problems, spec->members_mark, key, hint, message);
        return;
    }
    const struct vain_spec_place *place = vain_spec_place(spec, key);
    VAIN_ASSERT(place != NULL);
    if (place->origin == VAIN_SPEC_COMMAND_LINE) {
        vain_spec_problem_add_set(spec, problems, place->mark.line - 1, place->mark, key, hint,
                                  message);
        return;
    }
    struct vain_spec_mark mark = place->mark;
    const struct vain_spec_group *group = vain_spec_group_of(spec, place->option);
    if (place->origin == VAIN_SPEC_DEFAULT && group != NULL)
        mark = group->mark;
    add_in_file(spec, problems, mark, key, hint, message);
}

/* Whether `a` belongs after `b`: the command line after the file, then by line and column. */
static bool stands_after(const struct vain_problem *a, const struct vain_problem *b)
{
    const bool a_set = strcmp(a->file, "--set") == 0;
    const bool b_set = strcmp(b->file, "--set") == 0;
    if (a_set != b_set)
        return a_set;
    return a->line != b->line ? a->line > b->line : a->column > b->column;
}

void vain_spec_problems_sort(struct vain_problems *problems)
{
    for (int i = 1; i < problems->count; i++) {
        const struct vain_problem moved = problems->items[i];
        int j = i;
        for (; j > 0 && stands_after(&problems->items[j - 1], &moved); j--)
            problems->items[j] = problems->items[j - 1];
        problems->items[j] = moved;
    }
}

/* ---- showing -------------------------------------------------------------------------------- */

static void print_caret(const struct vain_problem *problem, FILE *out, bool colour)
{
    const char *at = problem->source;
    size_t left = strlen(at);
    int column = 1;
    fprintf(out, "      | ");
    for (; column < problem->source_column; column++) {
        /* A tab stays a tab, so that the caret stands below its character whatever the tab width
         * is. */
        fputc(left > 0 && *at == '\t' ? '\t' : ' ', out);
        const size_t bytes = left > 0 ? (size_t)character_bytes(at, left) : 0;
        at += bytes;
        left -= bytes;
    }
    fprintf(out, "%s^", colour ? "\033[1;32m" : "");
    for (int i = 1; i < problem->source_span && left > 1; i++) {
        const size_t bytes = (size_t)character_bytes(at, left);
        at += bytes;
        left -= bytes;
        if (left > 0)
            fputc('~', out);
    }
    fprintf(out, "%s\n", colour ? "\033[0m" : "");
}

static void print_problem(const struct vain_problem *problem, FILE *out, bool colour)
{
    fprintf(out, "%s%s:", colour ? "\033[1m" : "", problem->file);
    if (problem->line > 0)
        fprintf(out, "%d:%d:", problem->line, problem->column);
    fprintf(out, "%s %serror:%s %s", colour ? "\033[0m" : "", colour ? "\033[1;31m" : "",
            colour ? "\033[0m" : "", problem->message);
    fprintf(out, problem->hint[0] != '\0' ? "; %s\n" : "\n", problem->hint);
    if (problem->source[0] == '\0' || problem->line == 0)
        return;
    fprintf(out, "%5d | %s\n", problem->line, problem->source);
    print_caret(problem, out, colour);
}

void vain_spec_problems_print(const struct vain_problems *problems, FILE *out, bool colour)
{
    if (problems->total == 0)
        return;
    for (int i = 0; i < problems->count; i++)
        print_problem(&problems->items[i], out, colour);
    if (problems->total > problems->count)
        fprintf(out, "%d more are not shown.\n", problems->total - problems->count);
    fprintf(out, "%d error%s; nothing was started.\n", problems->total,
            problems->total == 1 ? "" : "s");
}

struct json_object *vain_spec_problems_json(const struct vain_problems *problems)
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < problems->count; i++) {
        const struct vain_problem *problem = &problems->items[i];
        struct json_object *item = json_object_new_object();
        json_object_object_add(item, "file", json_object_new_string(problem->file));
        json_object_object_add(item, "line", json_object_new_int(problem->line));
        json_object_object_add(item, "column", json_object_new_int(problem->column));
        json_object_object_add(item, "key", json_object_new_string(problem->key));
        json_object_object_add(item, "message", json_object_new_string(problem->message));
        json_object_object_add(item, "hint", json_object_new_string(problem->hint));
        json_object_array_add(list, item);
    }
    return list;
}
