/* Where two resolved specs differ, for people: a hash says only that they do.
 *
 * Both texts are what vain_spec_resolved_yaml writes, the other one perhaps by another version or
 * changed by hand, so it is searched line by line and nothing is assumed of its order. */
#include <stdio.h>
#include <string.h>

#include "jobs/spec/parts.h"

enum { NAMED_MAX = 3 };

static bool same_piece(struct vain_spec_piece a, struct vain_spec_piece b)
{
    return (a.bytes == NULL) == (b.bytes == NULL) && a.length == b.length &&
           (a.bytes == NULL || memcmp(a.bytes, b.bytes, a.length) == 0);
}

/* What follows the line `name:` of length `length` at column 0: its value, or the indented lines
 * below it where it has none. */
static struct vain_spec_piece find_block(const char *text, const char *name, size_t length)
{
    for (const char *line = text; *line != '\0';) {
        const char *end = line + strcspn(line, "\n");
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            const char *start = line + length + 1;
            while (end[0] == '\n' && end[1] == ' ')
                end += 1 + strcspn(end + 1, "\n");
            return (struct vain_spec_piece){start, (size_t)(end - start)};
        }
        line = *end == '\n' ? end + 1 : end;
    }
    return (struct vain_spec_piece){0};
}

/* The value of `leaf` among the lines of a group. */
static struct vain_spec_piece find_leaf(struct vain_spec_piece block, const char *leaf)
{
    const size_t length = strlen(leaf);
    const char *line = block.bytes, *stop = block.bytes + block.length;
    while (line != NULL && line < stop) {
        const char *newline = memchr(line, '\n', (size_t)(stop - line));
        const char *end = newline != NULL ? newline : stop;
        if ((size_t)(end - line) > length + 2 && memcmp(line, "  ", 2) == 0 &&
            memcmp(line + 2, leaf, length) == 0 && line[length + 2] == ':')
            return (struct vain_spec_piece){line + length + 3, (size_t)(end - line) - length - 3};
        line = newline != NULL ? newline + 1 : stop;
    }
    return (struct vain_spec_piece){0};
}

static struct vain_spec_piece find_value(const char *text, const char *key)
{
    const char *leaf = vain_spec_leaf(key);
    if (leaf == key)
        return find_block(text, key, strlen(key));
    return find_leaf(find_block(text, key, (size_t)(leaf - key - 1)), leaf);
}

static struct vain_spec_piece without_spaces(struct vain_spec_piece value)
{
    while (value.length > 0 && value.bytes[0] == ' ') {
        value.bytes++;
        value.length--;
    }
    return value;
}

static void add_side(struct vain_spec_piece value, const char *where, char *out, size_t bytes)
{
    enum { SHOWN = 60 };
    const size_t used = strlen(out);
    value = without_spaces(value);
    if (value.bytes == NULL)
        snprintf(out + used, bytes - used, "absent %s", where);
    else
        snprintf(out + used, bytes - used, "%.*s%s %s",
                 (int)(value.length < SHOWN ? value.length : SHOWN), value.bytes,
                 value.length > SHOWN ? "..." : "", where);
}

/* One more key; after NAMED_MAX only counted. */
static void add_key(const char *key, struct vain_spec_piece there, struct vain_spec_piece here,
                    int count, char *out, size_t bytes)
{
    const size_t used = strlen(out);
    if (count >= NAMED_MAX)
        return;
    snprintf(out + used, bytes - used, "%s%s: ", count > 0 ? "; " : "", key);
    add_side(there, "there, ", out, bytes);
    add_side(here, "here", out, bytes);
}

/* The next line at `at`, moved past; addresses, which are a member's own business, are left out.
 * Without bytes: no more. */
static struct vain_spec_piece next_of_members(struct vain_spec_piece *rest)
{
    static const char local[] = "    addresses:";
    while (rest->length > 0) {
        const char *newline = memchr(rest->bytes, '\n', rest->length);
        const size_t length = newline != NULL ? (size_t)(newline - rest->bytes) : rest->length;
        const struct vain_spec_piece line = {rest->bytes, length};
        const size_t moved = length + (newline != NULL);
        *rest = (struct vain_spec_piece){rest->bytes + moved, rest->length - moved};
        if (length < strlen(local) || memcmp(line.bytes, local, strlen(local)) != 0)
            return line;
    }
    return (struct vain_spec_piece){0};
}

static bool same_members(struct vain_spec_piece a, struct vain_spec_piece b)
{
    struct vain_spec_piece left = {0}, right = {0};
    do {
        left = next_of_members(&a);
        right = next_of_members(&b);
    } while (left.bytes != NULL && same_piece(left, right));
    return same_piece(left, right);
}

void vain_spec_differences(const struct vain_spec *spec, const char *there, const char *here,
                           char *out, size_t bytes)
{
    static const char members[] = "members";
    int count = 0;
    out[0] = '\0';
    /* What one of them has not follows from a choice that differs, which is to be named. */
    for (int absent = 0; absent <= 1; absent++) {
        for (int i = 0; i < spec->place_count; i++) {
            const struct vain_option *option = spec->places[i].option;
            const struct vain_spec_piece a = find_value(there, option->key),
                                         b = find_value(here, option->key);
            if (option->scope == VAIN_AGREED && !same_piece(a, b) &&
                (a.bytes == NULL || b.bytes == NULL) == (absent == 1))
                add_key(option->key, a, b, count++, out, bytes);
        }
    }
    if (!same_members(find_value(there, members), find_value(here, members))) {
        const size_t used = strlen(out);
        if (count++ < NAMED_MAX)
            snprintf(out + used, bytes - used, "%smembers: others there than here",
                     used > 0 ? "; " : "");
    }
    const size_t used = strlen(out);
    if (count > NAMED_MAX)
        snprintf(out + used, bytes - used, "; and %d more", count - NAMED_MAX);
}

enum vain_status vain_spec_each_difference(const struct vain_option_section *sections, int count,
                                           const char *a, const char *b,
                                           vain_spec_difference_visitor visit, void *context)
{
    static const char members[] = "members";
    struct vain_spec spec = {.source = {.sections = sections, .section_count = count}};
    const enum vain_status status = vain_spec_open_table(&spec);
    for (int i = 0; status == VAIN_OK && i < spec.place_count; i++) {
        const char *key = spec.places[i].option->key;
        const struct vain_spec_piece left = find_value(a, key), right = find_value(b, key);
        if (!same_piece(left, right))
            visit(context, key, without_spaces(left), without_spaces(right));
    }
    const struct vain_spec_piece left = find_value(a, members), right = find_value(b, members);
    if (status == VAIN_OK && !same_piece(left, right))
        visit(context, members, without_spaces(left), without_spaces(right));
    vain_spec_fini(&spec);
    return status;
}
