/* JSON Schema draft-07 (the newest that yaml-language-server reads) out of the option table.
 *
 * Editors see values after YAML has guessed a type: 12 may arrive as number or as text, 16 of a
 * choice as a number, true as a truth value. vAIn takes both spellings, so the schema does. Ranges
 * stand where the number is one; a size with a unit is checked by pattern only. */
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/spec/parts.h"

#define NAME_PATTERN     "^[a-z0-9][a-z0-9._-]{0,62}$"
#define COUNT_PATTERN    "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?( ?[kMB])?$"
#define NUMBER_PATTERN   "^-?((0|[1-9][0-9]*)(\\.[0-9]*)?|\\.[0-9]+)([eE][-+]?[0-9]+)?$"
#define BYTES_PATTERN    "^(0|[1-9][0-9]*)(\\.[0-9]+)? ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$"
#define DURATION_PATTERN "^(0|[1-9][0-9]*)(\\.[0-9]+)? ?(ms|s|m|h|d)$"
#define NAMED_HOST       "[A-Za-z0-9._-]+"
#define IPV6_HOST        "\\[[0-9a-fA-F:.]+(%[A-Za-z0-9_-]+)?\\]"
#define ADDRESS_PATTERN  "^(" NAMED_HOST "|" IPV6_HOST "):[1-9][0-9]{0,4}$"
#define LINE_PATTERN     "^[^\\u0000-\\u001f\\u007f]*$"
#define ITEM_PATTERN     "^[^\\u0000-\\u001f\\u007f,#\"'\\\\{}\\[\\]]+$"

static void put_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

static struct json_object *of_type(const char *type)
{
    struct json_object *object = json_object_new_object();
    put_text(object, "type", type);
    return object;
}

static struct json_object *with_pattern(const char *pattern)
{
    struct json_object *object = of_type("string");
    put_text(object, "pattern", pattern);
    return object;
}

static struct json_object *either(struct json_object *first, struct json_object *second)
{
    struct json_object *object = json_object_new_object();
    struct json_object *list = json_object_new_array();
    json_object_array_add(list, first);
    json_object_array_add(list, second);
    json_object_object_add(object, "anyOf", list);
    return object;
}

/* A bound as an integer where it is one, since 1.0 reads oddly in an editor. */
static struct json_object *json_number(double value)
{
    if (fabs(value) < 1e15 && fabs(value - nearbyint(value)) <= 0)
        return json_object_new_int64((int64_t)value);
    char text[64];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (fabs(strtod(text, NULL) - value) <= 0)
            break;
    }
    return json_object_new_double_s(value, text);
}

static struct json_object *ranged(const char *type, const struct vain_option *option)
{
    struct json_object *object = of_type(type);
    if (vain_option_has_minimum(option))
        json_object_object_add(object, option->above_minimum ? "exclusiveMinimum" : "minimum",
                               json_number(option->minimum));
    if (vain_option_has_maximum(option))
        json_object_object_add(object, "maximum", json_number(option->maximum));
    return object;
}

/* Each choice as it is written and, where YAML makes a number of it, as that number. */
static struct json_object *choices_of(const struct vain_option *option)
{
    struct json_object *object = json_object_new_object();
    struct json_object *list = json_object_new_array();
    for (int i = 0; option->choices[i] != NULL; i++) {
        const char *choice = option->choices[i];
        json_object_array_add(list, json_object_new_string(choice));
        if (strspn(choice, "0123456789") == strlen(choice))
            json_object_array_add(list, json_object_new_int64(strtoll(choice, NULL, 10)));
    }
    json_object_object_add(object, "enum", list);
    return object;
}

static struct json_object *flag_values(void)
{
    struct json_object *object = json_object_new_object();
    struct json_object *list = json_object_new_array();
    json_object_array_add(list, json_object_new_boolean(1));
    json_object_array_add(list, json_object_new_boolean(0));
    json_object_array_add(list, json_object_new_string("true"));
    json_object_array_add(list, json_object_new_string("false"));
    json_object_object_add(object, "enum", list);
    return object;
}

/* Text may look like a number or a truth value to other readers; the pattern holds for strings
 * only. */
static struct json_object *text_with_pattern(const char *pattern)
{
    struct json_object *object = json_object_new_object();
    struct json_object *types = json_object_new_array();
    json_object_array_add(types, json_object_new_string("string"));
    json_object_array_add(types, json_object_new_string("number"));
    json_object_array_add(types, json_object_new_string("boolean"));
    json_object_object_add(object, "type", types);
    put_text(object, "pattern", pattern);
    return object;
}

static struct json_object *line_of_text(size_t bytes, bool may_be_empty)
{
    struct json_object *object = text_with_pattern(LINE_PATTERN);
    if (!may_be_empty)
        json_object_object_add(object, "minLength", json_object_new_int(1));
    json_object_object_add(object, "maxLength", json_object_new_int64((int64_t)bytes - 1));
    return object;
}

static struct json_object *seed_values(void)
{
    struct json_object *number = of_type("integer");
    json_object_object_add(number, "minimum", json_object_new_int(0));
    json_object_object_add(number, "maximum", json_object_new_uint64(UINT64_MAX));
    return either(number, with_pattern("^(0|[1-9][0-9]{0,19})$"));
}

static struct json_object *list_of_counts(const struct vain_option *option, bool may_be_empty)
{
    struct json_object *object = of_type("array");
    json_object_object_add(object, "items",
                           either(ranged("integer", option), with_pattern(COUNT_PATTERN)));
    json_object_object_add(object, "maxItems", json_object_new_int(VAIN_OPTION_COUNTS_MAX));
    if (!may_be_empty)
        json_object_object_add(object, "minItems", json_object_new_int(1));
    return object;
}

static struct json_object *list_of_texts(bool may_be_empty)
{
    struct json_object *object = of_type("array");
    struct json_object *item = text_with_pattern(ITEM_PATTERN);
    json_object_object_add(item, "maxLength",
                           json_object_new_int(VAIN_OPTION_TEXTS_ITEM_BYTES - 1));
    json_object_object_add(object, "items", item);
    json_object_object_add(object, "maxItems", json_object_new_int(VAIN_OPTION_TEXTS_MAX));
    if (!may_be_empty)
        json_object_object_add(object, "minItems", json_object_new_int(1));
    return object;
}

static struct json_object *value_schema(const struct vain_option *option)
{
    const char *fallback = option->fallback != NULL ? option->fallback : "none";
    const bool may_be_empty =
        option->may_be_empty || *fallback == '\0' || strcmp(fallback, "[]") == 0;
    switch (option->type) {
    case VAIN_OPTION_COUNT:
        return either(ranged("integer", option), with_pattern(COUNT_PATTERN));
    case VAIN_OPTION_NUMBER:
        return either(ranged("number", option), with_pattern(NUMBER_PATTERN));
    case VAIN_OPTION_NUMBER_OR_AUTO:
        return either(ranged("number", option), with_pattern("^auto$|" NUMBER_PATTERN));
    case VAIN_OPTION_FLAG:
        return flag_values();
    case VAIN_OPTION_CHOICE:
        return choices_of(option);
    case VAIN_OPTION_BYTES:
        return with_pattern(BYTES_PATTERN);
    case VAIN_OPTION_DURATION:
        return with_pattern(DURATION_PATTERN);
    case VAIN_OPTION_SEED:
        return seed_values();
    case VAIN_OPTION_COUNTS:
        return list_of_counts(option, may_be_empty);
    case VAIN_OPTION_TEXTS:
        return list_of_texts(may_be_empty);
    case VAIN_OPTION_NAME:
        return text_with_pattern(NAME_PATTERN);
    default:
        return line_of_text(vain_option_value_bytes(option), may_be_empty);
    }
}

static struct json_object *described(const struct vain_option *option)
{
    char expected[256];
    struct vain_text text = {0};
    char *description;
    struct json_object *object = value_schema(option);
    vain_option_expected(option, expected, sizeof expected);
    vain_text_add(&text, "%s\nExpects %s. ", option->help, expected);
    if (option->fallback == NULL)
        vain_text_add(&text, "Required. ");
    else
        vain_text_add(&text, "Default: %s. ",
                      *option->fallback != '\0' ? option->fallback : "none");
    vain_text_add(&text, option->scope == VAIN_AGREED ? "All members must agree on it."
                                                      : "Each member may have its own.");
    if (vain_text_give(&text, &description) == VAIN_OK)
        put_text(object, "description", description);
    vain_release(description);
    return object;
}

/* An object that takes no other keys. */
static struct json_object *closed_object(struct json_object **properties,
                                         struct json_object **required)
{
    struct json_object *object = of_type("object");
    *properties = json_object_new_object();
    *required = json_object_new_array();
    json_object_object_add(object, "properties", *properties);
    json_object_object_add(object, "required", *required);
    json_object_object_add(object, "additionalProperties", json_object_new_boolean(0));
    return object;
}

/* Rows of one group; true if one of them is required. */
static bool add_rows(const struct vain_spec *spec, const struct vain_spec_group *group,
                     struct json_object *properties, struct json_object *required)
{
    bool any = false;
    for (int i = 0; i < spec->place_count; i++) {
        const struct vain_option *option = spec->places[i].option;
        if (!vain_spec_in_group(option, group))
            continue;
        json_object_object_add(properties, vain_spec_leaf(option->key), described(option));
        if (option->fallback == NULL) {
            json_object_array_add(required, json_object_new_string(vain_spec_leaf(option->key)));
            any = true;
        }
    }
    return any;
}

static struct json_object *addresses_schema(void)
{
    struct json_object *list = of_type("array");
    json_object_object_add(list, "items", with_pattern(ADDRESS_PATTERN));
    json_object_object_add(list, "maxItems", json_object_new_int(VAIN_MEMBER_ADDRESSES_MAX));
    struct json_object *object = either(list, with_pattern(ADDRESS_PATTERN));
    put_text(object, "description",
             "Where others dial the member (exchange.transport: tls), tried in turn: host:port. "
             "Each member may have its own.");
    return object;
}

static struct json_object *members_schema(void)
{
    struct json_object *properties, *required;
    struct json_object *member = closed_object(&properties, &required);
    json_object_object_add(properties, "name", text_with_pattern(NAME_PATTERN));
    json_object_object_add(properties, "key", with_pattern("^[0-9a-fA-F]{64}$"));
    json_object_object_add(properties, "addresses", addresses_schema());
    json_object_array_add(required, json_object_new_string("name"));
    struct json_object *list = of_type("array");
    json_object_object_add(list, "items", member);
    json_object_object_add(list, "maxItems", json_object_new_int(VAIN_MEMBERS_MAX));
    put_text(list, "description",
             "Who takes part: a name each, the member id in hexadecimal where it is pinned, and "
             "where it is dialled. Names, keys and addresses differ. All members must agree on "
             "names and keys.");
    return list;
}

static struct json_object *root_schema(const struct vain_spec *spec)
{
    struct json_object *properties, *required;
    struct json_object *root = closed_object(&properties, &required);
    put_text(root, "$schema", "http://json-schema.org/draft-07/schema#");
    put_text(root, "title", "vAIn job spec, version 1");
    add_rows(spec, NULL, properties, required);
    json_object_object_add(properties, "members", members_schema());
    for (int i = 0; i < spec->group_count; i++) {
        char name[64];
        struct json_object *group_properties, *group_required;
        struct json_object *group = closed_object(&group_properties, &group_required);
        snprintf(name, sizeof name, "%.*s", spec->groups[i].name_length, spec->groups[i].name);
        if (add_rows(spec, &spec->groups[i], group_properties, group_required))
            json_object_array_add(required, json_object_new_string(name));
        json_object_object_add(properties, name, group);
    }
    return root;
}

enum vain_status vain_spec_schema_json(const struct vain_option_section *sections, int count,
                                       char **out)
{
    struct vain_spec spec = {.source = {.sections = sections, .section_count = count}};
    struct vain_text text = {0};
    *out = NULL;
    const enum vain_status status = vain_spec_open_table(&spec);
    if (status == VAIN_OK) {
        struct json_object *root = root_schema(&spec);
        vain_text_add(&text, "%s\n",
                      json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
                                                               JSON_C_TO_STRING_SPACED |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(root);
    }
    vain_spec_fini(&spec);
    VAIN_TRY(status);
    return vain_text_give(&text, out);
}
