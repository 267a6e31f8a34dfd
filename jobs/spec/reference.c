/* The key reference for people, as Markdown: one table for the top level and one a group, in the
 * table's order. */
#include <stdio.h>
#include <string.h>

#include "jobs/spec/parts.h"

/* A bar would end the cell. */
static void add_cell(struct vain_text *text, const char *cell)
{
    for (; *cell != '\0'; cell++) {
        if (*cell == '|')
            vain_text_add(text, "\\");
        vain_text_add_bytes(text, cell, 1);
    }
}

static void add_row(struct vain_text *text, const struct vain_option *option)
{
    char expected[256];
    vain_option_expected(option, expected, sizeof expected);
    vain_text_add(text, "| `%s` | ", option->key);
    add_cell(text, expected);
    if (option->fallback == NULL)
        vain_text_add(text, " | required");
    else if (*option->fallback == '\0')
        vain_text_add(text, " | none");
    else
        vain_text_add(text, " | `%s`", option->fallback);
    vain_text_add(text, " | %s | ", option->scope == VAIN_AGREED ? "agreed" : "local");
    add_cell(text, option->help);
    vain_text_add(text, " |\n");
}

static void add_table(struct vain_text *text, const struct vain_spec *spec,
                      const struct vain_spec_group *group)
{
    if (group == NULL)
        vain_text_add(text, "## Top level\n\n");
    else
        vain_text_add(text, "\n## `%.*s`\n\n", group->name_length, group->name);
    vain_text_add(text, "| key | expects | default | scope | meaning |\n|---|---|---|---|---|\n");
    for (int i = 0; i < spec->place_count; i++) {
        if (vain_spec_in_group(spec->places[i].option, group))
            add_row(text, spec->places[i].option);
    }
    if (group == NULL)
        vain_text_add(
            text,
            "| `members` | a list of at most %d members `{name, key, addresses}`: a name each; "
            "where "
            "it is pinned, the member id in 64 hexadecimal digits; for tls, at most %d `host:port` "
            "where others dial it | none | agreed, but for the addresses | Who takes part. |\n",
            VAIN_MEMBERS_MAX, VAIN_MEMBER_ADDRESSES_MAX);
}

enum vain_status vain_spec_reference_markdown(const struct vain_option_section *sections, int count,
                                              char **out)
{
    struct vain_spec spec = {.source = {.sections = sections, .section_count = count}};
    struct vain_text text = {0};
    *out = NULL;
    const enum vain_status status = vain_spec_open_table(&spec);
    if (status == VAIN_OK) {
        add_table(&text, &spec, NULL);
        for (int i = 0; i < spec.group_count; i++)
            add_table(&text, &spec, &spec.groups[i]);
    }
    vain_spec_fini(&spec);
    VAIN_TRY(status);
    return vain_text_give(&text, out);
}
