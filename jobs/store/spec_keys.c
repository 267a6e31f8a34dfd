/* The texts are what a resolved spec is written as: a key a line, those of a group indented by two
 * spaces below its name. What is indented further or begins with '-' is of the list of members. */
#include "jobs/store/spec_keys.h"

#include <stdio.h>
#include <string.h>

/* A key and where its value stands; `text` is what is left to read. */
struct reading {
    const char *text;
    char group[VAIN_SPEC_KEY_BYTES / 2], key[VAIN_SPEC_KEY_BYTES];
    const char *value;
    int length;
};

/* The next line that has a key; false at the end. */
static bool read_key(struct reading *reading)
{
    while (*reading->text != '\0') {
        const char *line = reading->text, *name = line + strspn(line, " ");
        const int length = (int)strcspn(line, "\n"), colon = (int)strcspn(name, ":\n");
        const int indent = (int)(name - line);
        reading->text = line + length + (line[length] == '\n');
        if (name[0] == '-' || indent > 2 || name[colon] != ':')
            continue;
        reading->value = name + colon + 1 + strspn(name + colon + 1, " ");
        reading->length = length - (int)(reading->value - line);
        if (indent == 0 && reading->length <= 0) {
            (void)snprintf(reading->group, sizeof reading->group, "%.*s", colon, name);
            continue;
        }
        (void)snprintf(reading->key, sizeof reading->key, "%s%s%.*s",
                       indent > 0 ? reading->group : "", indent > 0 ? "." : "", colon, name);
        return true;
    }
    return false;
}

/* The value of `key` in a text; "absent" if it has none. */
static void find_value(const char *text, const char *key, char out[VAIN_SPEC_VALUE_BYTES])
{
    struct reading reading = {.text = text};
    (void)snprintf(out, VAIN_SPEC_VALUE_BYTES, "absent");
    while (read_key(&reading))
        if (strcmp(reading.key, key) == 0) {
            (void)snprintf(out, VAIN_SPEC_VALUE_BYTES, "%.*s", reading.length, reading.value);
            return;
        }
}

/* The block of members: from its name to the next line at column 0. */
static const char *find_members(const char *text, size_t *length)
{
    static const char name[] = "\nmembers:";
    const char *start = strstr(text, name);
    *length = 0;
    if (start == NULL)
        return "";
    const char *end = start + strlen(name);
    while (end[0] == '\n' ? end[1] == ' ' : end[0] != '\0')
        end++;
    *length = (size_t)(end - start);
    return start;
}

void vain_spec_key_differences(const char *a, const char *b, vain_spec_key_visitor visit,
                               void *context)
{
    char left[VAIN_SPEC_VALUE_BYTES], right[VAIN_SPEC_VALUE_BYTES];
    size_t left_length, right_length;
    struct reading reading = {.text = a};
    while (read_key(&reading)) {
        find_value(a, reading.key, left);
        find_value(b, reading.key, right);
        if (strcmp(left, right) != 0)
            visit(context, reading.key, left, right);
    }
    reading = (struct reading){.text = b};
    while (read_key(&reading)) {
        find_value(a, reading.key, left);
        find_value(b, reading.key, right);
        if (strcmp(left, "absent") == 0 && strcmp(right, "absent") != 0)
            visit(context, reading.key, left, right);
    }
    const char *ours = find_members(a, &left_length), *theirs = find_members(b, &right_length);
    if (left_length != right_length || memcmp(ours, theirs, left_length) != 0)
        visit(context, "members", left_length > 0 ? "a list" : "absent",
              right_length == 0 ? "absent"
              : left_length > 0 ? "another"
                                : "a list");
}
