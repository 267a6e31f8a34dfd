/* The spec as it was understood: every key that counts with its value, as YAML that reads back as
 * the same values.
 *
 * Text is always put in double quotes; words are left plain only if no YAML reader of any version
 * could take them for a number, a truth value or nothing. Order is the table's, so equal specs give
 * equal bytes. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/identity.h"
#include "jobs/spec/parts.h"

/* Letters first, and no word that YAML 1.1 takes for something else. */
static bool is_plain_word(const char *text)
{
    static const char *const taken[] = {"y",   "n",    "yes",   "no",  "on",
                                        "off", "true", "false", "null"};
    if (!((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z')) ||
        !vain_name_valid(text))
        return false;
    for (size_t i = 0; i < VAIN_COUNT_OF(taken); i++) {
        if (strcasecmp(taken[i], text) == 0)
            return false;
    }
    return true;
}

static void add_quoted(struct vain_text *yaml, const char *text)
{
    vain_text_add(yaml, "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            vain_text_add(yaml, "\\");
        vain_text_add_bytes(yaml, text, 1);
    }
    vain_text_add(yaml, "\"");
}

static void add_texts(struct vain_text *yaml, const struct vain_spec_place *place)
{
    struct vain_option_texts texts;
    memcpy(&texts, (const char *)place->section->values + place->option->offset, sizeof texts);
    vain_text_add(yaml, "[");
    for (int i = 0; i < texts.count; i++) {
        vain_text_add(yaml, i > 0 ? ", " : "");
        add_quoted(yaml, texts.items[i]);
    }
    vain_text_add(yaml, "]");
}

static void add_value(struct vain_text *yaml, const struct vain_spec_place *place)
{
    char value[VAIN_PATH_BYTES];
    vain_option_format(place->option, place->section->values, value, sizeof value);
    switch (place->option->type) {
    case VAIN_OPTION_TEXT:
    case VAIN_OPTION_PATH:
        add_quoted(yaml, value);
        break;
    case VAIN_OPTION_TEXTS:
        add_texts(yaml, place);
        break;
    case VAIN_OPTION_NAME:
    case VAIN_OPTION_CHOICE:
        if (is_plain_word(value))
            vain_text_add(yaml, "%s", value);
        else
            add_quoted(yaml, value);
        break;
    default:
        vain_text_add(yaml, "%s", value);
        break;
    }
    vain_text_add(yaml, "\n");
}

/* The rows of a group (NULL: top level) below its name, which is left out with the last of them. */
static void add_rows(struct vain_text *yaml, const struct vain_spec *spec,
                     const struct vain_spec_group *group)
{
    bool named = group == NULL;
    for (int i = 0; i < spec->place_count; i++) {
        const struct vain_option *option = spec->places[i].option;
        if (spec->places[i].idle || !vain_spec_in_group(option, group))
            continue;
        if (!named)
            vain_text_add(yaml, "%.*s:\n", group->name_length, group->name);
        named = true;
        vain_text_add(yaml, "%s%s: ", group != NULL ? "  " : "", vain_spec_leaf(option->key));
        add_value(yaml, &spec->places[i]);
    }
}

/* In one line, which vain_spec_differences knows and passes over. */
static void add_addresses(struct vain_text *yaml, const struct vain_option_member *member)
{
    for (int i = 0; i < member->address_count; i++) {
        vain_text_add(yaml, i == 0 ? "    addresses: [" : ", ");
        add_quoted(yaml, member->addresses[i]);
    }
    vain_text_add(yaml, member->address_count > 0 ? "]\n" : "");
}

static void add_members(struct vain_text *yaml, const struct vain_spec *spec)
{
    if (spec->member_count == 0)
        return;
    vain_text_add(yaml, "members:\n");
    for (int i = 0; i < spec->member_count; i++) {
        vain_text_add(yaml, "  - name: ");
        if (is_plain_word(spec->members[i].name))
            vain_text_add(yaml, "%s", spec->members[i].name);
        else
            add_quoted(yaml, spec->members[i].name);
        vain_text_add(yaml, "\n");
        if (spec->members[i].key[0] != '\0')
            vain_text_add(yaml, "    key: \"%s\"\n", spec->members[i].key);
        add_addresses(yaml, &spec->members[i]);
    }
}

enum vain_status vain_spec_resolved_yaml(const struct vain_spec *spec, char **out)
{
    struct vain_text yaml = {0};
    add_rows(&yaml, spec, NULL);
    add_members(&yaml, spec);
    for (int i = 0; i < spec->group_count; i++)
        add_rows(&yaml, spec, &spec->groups[i]);
    return vain_text_give(&yaml, out);
}
