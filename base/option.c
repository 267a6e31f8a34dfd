/* The option table as a whole: defaults, finding keys, what members agree on.
 *
 * Single values are read and printed by option_value.c. The agreed hash is taken over the printed
 * forms, so two members agree when their values do, however they wrote them. */
#include "base/option.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

enum { MESSAGE_BYTES = 256 };

void vain_problem_add(struct vain_problems *problems, const struct vain_problem *problem)
{
    problems->total++;
    if (problems->count < VAIN_SPEC_ERRORS_MAX)
        problems->items[problems->count++] = *problem;
}

void vain_option_defaults(const struct vain_option_section *sections, int count)
{
    char message[MESSAGE_BYTES], hint[MESSAGE_BYTES];
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < sections[i].count; j++) {
            const struct vain_option *option = &sections[i].options[j];
            memset((char *)sections[i].values + option->offset, 0, vain_option_value_bytes(option));
            if (option->fallback == NULL)
                continue;
            const enum vain_status status =
                vain_option_parse(option, option->fallback, sections[i].values, message,
                                  sizeof message, hint, sizeof hint);
            VAIN_ASSERT(status == VAIN_OK); /* a table whose default breaks its own range */
        }
    }
}

const struct vain_option *vain_option_find(const struct vain_option_section *sections, int count,
                                           const char *key,
                                           const struct vain_option_section **section)
{
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < sections[i].count; j++) {
            if (strcmp(sections[i].options[j].key, key) != 0)
                continue;
            if (section != NULL)
                *section = &sections[i];
            return &sections[i].options[j];
        }
    }
    if (section != NULL)
        *section = NULL;
    return NULL;
}

const char *vain_option_nearest(const struct vain_option_section *sections, int count,
                                const char *key)
{
    const char *nearest = NULL;
    int best = 4;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < sections[i].count; j++) {
            const int distance = vain_edit_distance(key, sections[i].options[j].key);
            if (distance < best && 2 * distance < (int)strlen(key)) {
                best = distance;
                nearest = sections[i].options[j].key;
            }
        }
    }
    return nearest;
}

/* The agreed row whose key comes first after `last` in byte order (NULL: first of all). With some
 * sixty rows a walk per row is cheaper than memory for a sorted copy. */
static const struct vain_option *next_agreed(const struct vain_option_section *sections, int count,
                                             const char *last,
                                             const struct vain_option_section **section)
{
    const struct vain_option *next = NULL;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < sections[i].count; j++) {
            const struct vain_option *option = &sections[i].options[j];
            if (option->scope != VAIN_AGREED || (last != NULL && strcmp(option->key, last) <= 0))
                continue;
            if (next == NULL || strcmp(option->key, next->key) < 0) {
                next = option;
                *section = &sections[i];
            }
        }
    }
    return next;
}

static const struct vain_option_member *next_member(const struct vain_option_member *members,
                                                    int count, const char *last)
{
    const struct vain_option_member *next = NULL;
    for (int i = 0; i < count; i++) {
        if (last != NULL && strcmp(members[i].name, last) <= 0)
            continue;
        if (next == NULL || strcmp(members[i].name, next->name) < 0)
            next = &members[i];
    }
    return next;
}

void vain_option_agreed_hash(const struct vain_option_section *sections, int count,
                             const struct vain_option_member *members, int member_count,
                             uint8_t out[VAIN_MIN_LEN(32)])
{
    char value[VAIN_PATH_BYTES];
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/spec/v1");
    const struct vain_option_section *section = NULL;
    const struct vain_option *option = NULL;
    while ((option = next_agreed(sections, count, option != NULL ? option->key : NULL, &section)) !=
           NULL) {
        vain_option_format(option, section->values, value, sizeof value);
        vain_hash_update(&state, option->key, strlen(option->key));
        vain_hash_update(&state, "=", 1);
        vain_hash_update(&state, value, strlen(value));
        vain_hash_update(&state, "\n", 1);
    }
    const struct vain_option_member *member = NULL;
    while ((member = next_member(members, member_count, member != NULL ? member->name : NULL)) !=
           NULL) {
        char line[sizeof member->name + sizeof member->key + 16];
        const int length =
            snprintf(line, sizeof line, "members.%s=%s\n", member->name, member->key);
        vain_hash_update(&state, line, (size_t)length);
    }
    vain_hash_final(&state, out);
}
