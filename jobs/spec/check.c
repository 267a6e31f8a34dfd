/* The tree against the table: which keys are known, where they belong, what their values are.
 *
 * Two levels, since keys are "name" or "group.name"; two loops instead of a recursion. A doubled
 * key is found by its place, which is already taken, so no table of seen keys is needed. What is
 * unknown gets a hint only while problems are still kept: comparing words is the one costly step,
 * and a hostile file has many keys. */
#include <stdio.h>
#include <string.h>

#include "jobs/spec/parts.h"

struct checker {
    struct vain_spec *spec;
    const struct vain_yaml_tree *tree;
    struct vain_problems *problems;
};

static struct vain_spec_mark mark_at(const struct checker *checker, int node)
{
    return checker->tree->nodes[node].mark;
}

/* The name a key node stands for; NULL after saying why it is none. */
static const char *key_name(const struct checker *checker, int node)
{
    if (checker->tree->nodes[node].kind != VAIN_NODE_SCALAR) {
        vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, node), "",
                              "a key is one word before a colon",
                              "a mapping or list cannot be a key");
        return NULL;
    }
    const char *name = vain_tree_text(checker->tree, node);
    if (strcmp(name, "<<") != 0)
        return name;
    vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, node), "",
                          "write the keys out", "merge keys ('<<') are not allowed");
    return NULL;
}

static void add_unknown(const struct checker *checker, int node,
                        const struct vain_spec_group *group, const char *name)
{
    char key[128] = "", hint[320] = "", excerpt[96];
    vain_text_excerpt(name, 40, excerpt, sizeof excerpt);
    if (checker->problems->count < VAIN_SPEC_ERRORS_MAX)
        vain_spec_suggest(checker->spec, group, name, hint, sizeof hint);
    if (group == NULL) {
        vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, node), excerpt,
                              hint, "unknown key '%s'", excerpt);
        return;
    }
    snprintf(key, sizeof key, "%.*s.%.60s", group->name_length, group->name, excerpt);
    vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, node), key, hint,
                          "unknown key '%s' in '%.*s'", excerpt, group->name_length, group->name);
}

static void add_duplicate(const struct checker *checker, int node, const char *key, int first_line)
{
    vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, node), key,
                          "keep one of them", "'%s' stands twice, first in line %d", key,
                          first_line);
}

/* Each number of a list at its own place. */
static void read_list(const struct checker *checker, const struct vain_spec_place *place, int list)
{
    char text[VAIN_OPTION_COUNTS_MAX * 24 + 8] = "[", message[256], hint[160];
    struct vain_option element = *place->option;
    size_t used = 1;
    int64_t value;
    int count = 0;
    bool fine = true;
    element.type = VAIN_OPTION_COUNT;
    element.offset = 0;
    for (int node = checker->tree->nodes[list].first; node >= 0;
         node = checker->tree->nodes[node].next) {
        const bool scalar = checker->tree->nodes[node].kind == VAIN_NODE_SCALAR;
        if (!scalar || vain_option_parse(&element, vain_tree_text(checker->tree, node), &value,
                                         message, sizeof message, hint, sizeof hint) != VAIN_OK) {
            vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, node),
                                  element.key, scalar ? hint : NULL, "%s",
                                  scalar ? message
                                         : "a list of numbers cannot hold lists or mappings");
            fine = false;
        } else if (++count <= VAIN_OPTION_COUNTS_MAX) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld",
                                     count > 1 ? ", " : "", (long long)value);
        }
    }
    snprintf(text + used, sizeof text - used, "%s]", count > VAIN_OPTION_COUNTS_MAX ? ", ..." : "");
    if (fine && vain_option_parse(place->option, text, place->section->values, message,
                                  sizeof message, hint, sizeof hint) != VAIN_OK)
        vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, list),
                              place->option->key, hint, "%s", message);
}

/* One text of a list at its own place; true if it can be one. */
static bool check_text(const struct checker *checker, const struct vain_option *option, int node)
{
    char found[96];
    const bool scalar = checker->tree->nodes[node].kind == VAIN_NODE_SCALAR;
    if (scalar && vain_option_is_item(vain_tree_text(checker->tree, node)))
        return true;
    vain_tree_describe(checker->tree, node, found, sizeof found);
    vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, node), option->key,
                          scalar ? "leave out commas, brackets, quotes and '#'" : NULL,
                          "'%s' is a list of texts of 1 to %d bytes, found %s", option->key,
                          VAIN_OPTION_TEXTS_ITEM_BYTES - 1, found);
    return false;
}

static void read_texts(const struct checker *checker, const struct vain_spec_place *place, int list)
{
    char text[VAIN_PATH_BYTES] = "[", message[256], hint[160];
    size_t used = 1;
    int count = 0;
    bool fine = true;
    for (int node = checker->tree->nodes[list].first; node >= 0;
         node = checker->tree->nodes[node].next) {
        fine = check_text(checker, place->option, node) && fine;
        if (fine && ++count <= VAIN_OPTION_TEXTS_MAX)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", count > 1 ? ", " : "",
                                     vain_tree_text(checker->tree, node));
    }
    snprintf(text + used, sizeof text - used, "%s]", count > VAIN_OPTION_TEXTS_MAX ? ", ..." : "");
    if (fine && vain_option_parse(place->option, text, place->section->values, message,
                                  sizeof message, hint, sizeof hint) != VAIN_OK)
        vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, list),
                              place->option->key, hint, "%s", message);
}

static bool is_list(const struct vain_option *option)
{
    return option->type == VAIN_OPTION_COUNTS || option->type == VAIN_OPTION_TEXTS;
}

/* A value of the wrong kind: what was expected and what stands there. */
static void add_wrong_kind(const struct checker *checker, const struct vain_option *option,
                           int node)
{
    char expected[192], found[96];
    const char *hint = NULL;
    const enum vain_node_kind kind = checker->tree->nodes[node].kind;
    vain_option_expected(option, expected, sizeof expected);
    vain_tree_describe(checker->tree, node, found, sizeof found);
    if (vain_tree_is_nothing(checker->tree, node))
        hint = option->fallback != NULL ? "leave the key out to get its default" : "give a value";
    else if (kind == VAIN_NODE_LIST)
        hint = "one value without '-' or brackets";
    else if (is_list(option))
        hint = option->type == VAIN_OPTION_COUNTS ? "put the numbers in brackets"
                                                  : "put the texts in brackets";
    else
        hint = "the keys below it belong elsewhere";
    vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, node), option->key,
                          hint, "'%s' expects %s, found %s", option->key, expected, found);
}

static void read_value(const struct checker *checker, struct vain_spec_place *place, int key,
                       int node)
{
    char message[256], hint[160];
    const struct vain_option *option = place->option;
    const enum vain_node_kind expected = is_list(option) ? VAIN_NODE_LIST : VAIN_NODE_SCALAR;
    if (place->origin != VAIN_SPEC_DEFAULT) {
        add_duplicate(checker, key, option->key, place->mark.line);
        return;
    }
    place->origin = VAIN_SPEC_FILE;
    place->mark = mark_at(checker, node);
    if (checker->tree->nodes[node].kind != expected || vain_tree_is_nothing(checker->tree, node))
        add_wrong_kind(checker, option, node);
    else if (option->type == VAIN_OPTION_COUNTS)
        read_list(checker, place, node);
    else if (option->type == VAIN_OPTION_TEXTS)
        read_texts(checker, place, node);
    else if (vain_option_parse(option, vain_tree_text(checker->tree, node), place->section->values,
                               message, sizeof message, hint, sizeof hint) != VAIN_OK)
        vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, node), option->key,
                              hint, "%s", message);
}

/* `model: transformer` was perhaps meant as `kind: transformer` below it. */
static const struct vain_option *choice_with(const struct vain_spec *spec,
                                             const struct vain_spec_group *group, const char *word)
{
    for (int i = 0; i < spec->place_count; i++) {
        const struct vain_option *option = spec->places[i].option;
        if (option->type != VAIN_OPTION_CHOICE || !vain_spec_in_group(option, group))
            continue;
        for (int j = 0; option->choices[j] != NULL; j++) {
            if (strcmp(option->choices[j], word) == 0)
                return option;
        }
    }
    return NULL;
}

static void add_no_group(const struct checker *checker, const struct vain_spec_group *group,
                         int node)
{
    char found[96], name[64], keys[320], hint[320];
    const struct vain_option *meant = NULL;
    snprintf(name, sizeof name, "%.*s", group->name_length, group->name);
    vain_tree_describe(checker->tree, node, found, sizeof found);
    vain_spec_list_keys(checker->spec, group, keys, sizeof keys);
    if (checker->tree->nodes[node].kind == VAIN_NODE_SCALAR)
        meant = choice_with(checker->spec, group, vain_tree_text(checker->tree, node));
    if (meant != NULL)
        snprintf(hint, sizeof hint, "write '%s: %s' indented below '%s:'",
                 vain_spec_leaf(meant->key), vain_tree_text(checker->tree, node), name);
    else if (checker->tree->nodes[node].kind == VAIN_NODE_LIST)
        snprintf(hint, sizeof hint, "leave out the '-' before its keys");
    else if (strchr(found, ':') != NULL)
        snprintf(hint, sizeof hint, "a key is followed by a colon and a space");
    else
        snprintf(hint, sizeof hint, "%s", keys);
    vain_spec_problem_add(checker->spec, checker->problems, mark_at(checker, node), name, hint,
                          "'%s' expects keys indented below it, found %s", name, found);
}

static void read_group(const struct checker *checker, struct vain_spec_group *group, int key_node,
                       int node)
{
    if (group->given) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", group->name_length, group->name);
        add_duplicate(checker, key_node, name, group->mark.line);
        return;
    }
    group->given = true;
    group->mark = mark_at(checker, key_node);
    if (vain_tree_is_nothing(checker->tree, node))
        return; /* a group whose keys are all commented out */
    if (checker->tree->nodes[node].kind != VAIN_NODE_MAP) {
        group->broken = true;
        add_no_group(checker, group, node);
        return;
    }
    const struct vain_node *nodes = checker->tree->nodes;
    for (int key = nodes[node].first; key >= 0; key = nodes[nodes[key].next].next) {
        const char *name = key_name(checker, key);
        if (name == NULL)
            continue;
        char dotted[128];
        snprintf(dotted, sizeof dotted, "%.*s.%s", group->name_length, group->name, name);
        struct vain_spec_place *place =
            strlen(name) < 64 ? vain_spec_place_find(checker->spec, dotted) : NULL;
        if (place != NULL)
            read_value(checker, place, key, nodes[key].next);
        else
            add_unknown(checker, key, group, name);
    }
}

static enum vain_status read_members(const struct checker *checker, int key, int node)
{
    struct vain_spec *spec = checker->spec;
    if (spec->members_mark.line > 0) {
        add_duplicate(checker, key, "members", spec->members_mark.line);
        return VAIN_OK;
    }
    spec->members_mark = mark_at(checker, key);
    return vain_spec_check_members(spec, checker->tree, node, checker->problems);
}

enum vain_status vain_spec_check(struct vain_spec *spec, const struct vain_yaml_tree *tree,
                                 struct vain_problems *problems)
{
    const struct checker checker = {spec, tree, problems};
    const struct vain_node *nodes = tree->nodes;
    if (nodes[0].kind != VAIN_NODE_MAP) {
        char found[96], keys[320];
        vain_tree_describe(tree, 0, found, sizeof found);
        vain_spec_list_keys(spec, NULL, keys, sizeof keys);
        vain_spec_problem_add(spec, problems, nodes[0].mark, "", keys,
                              "a spec is keys with values, found %s", found);
        /* Nothing was read, so that keys are missing goes without saying. */
        for (int i = 0; i < spec->place_count; i++)
            spec->places[i].origin = VAIN_SPEC_FILE;
        return VAIN_OK;
    }
    for (int key = nodes[0].first; key >= 0; key = nodes[nodes[key].next].next) {
        const char *name = key_name(&checker, key);
        if (name == NULL)
            continue;
        const int value = nodes[key].next;
        struct vain_spec_group *group = vain_spec_group_find(spec, name, strlen(name));
        struct vain_spec_place *place =
            strchr(name, '.') == NULL ? vain_spec_place_find(spec, name) : NULL;
        if (strcmp(name, "members") == 0)
            VAIN_TRY(read_members(&checker, key, value));
        else if (group != NULL)
            read_group(&checker, group, key, value);
        else if (place != NULL)
            read_value(&checker, place, key, value);
        else
            add_unknown(&checker, key, NULL, name);
    }
    return VAIN_OK;
}
