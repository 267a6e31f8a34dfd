/* The list of members: `- {name: alice, key: 64 hex digits, addresses: [host:4000]}`.
 *
 * Names must differ, since data parts and random streams follow them; keys must differ, since a key
 * is who a member is; addresses must differ, since one that two members share was copied and not
 * changed. Members are read in the file's order and bounded before memory is taken for
 * them. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/spec/parts.h"

enum { KEY_DIGITS = 64 };

static const char address_hint[] = "such as node1.example:4000, 10.0.0.1:4000 or '[::1]:4000'";

struct reader {
    struct vain_spec *spec;
    const struct vain_yaml_tree *tree;
    struct vain_problems *problems;
};

/* Where the parts of one entry stand; -1: not given. */
struct entry {
    int node, name, key, addresses;
};

static void add(const struct reader *reader, int node, const char *hint, const char *message)
{
    vain_spec_problem_add(reader->spec, reader->problems, reader->tree->nodes[node].mark, "members",
                          hint, "%s", message);
}

static void add_unknown(const struct reader *reader, int node)
{
    char message[128] = "a key of a member is a word before a colon", hint[96] = "", name[96];
    if (reader->tree->nodes[node].kind == VAIN_NODE_SCALAR) {
        vain_text_excerpt(vain_tree_text(reader->tree, node), 20, name, sizeof name);
        snprintf(message, sizeof message, "unknown key '%s' in a member", name);
        if (vain_edit_distance(name, "name") <= 2 || strcmp(name, "id") == 0)
            snprintf(hint, sizeof hint, "did you mean 'name'?");
        else if (vain_edit_distance(name, "key") <= 1 || strstr(name, "key") != NULL)
            snprintf(hint, sizeof hint, "did you mean 'key'?");
        else if (vain_edit_distance(name, "addresses") <= 3 || strcmp(name, "host") == 0)
            snprintf(hint, sizeof hint, "did you mean 'addresses'?");
        else
            snprintf(hint, sizeof hint,
                     "a member has 'name' and, if it is pinned, 'key', and 'addresses'");
    }
    add(reader, node, hint, message);
}

/* Note where the parts are; doubled and unknown ones are problems. */
static void find_parts(const struct reader *reader, struct entry *entry)
{
    const struct vain_node *nodes = reader->tree->nodes;
    for (int key = nodes[entry->node].first; key >= 0; key = nodes[nodes[key].next].next) {
        const char *word =
            nodes[key].kind == VAIN_NODE_SCALAR ? vain_tree_text(reader->tree, key) : "";
        int *part = strcmp(word, "name") == 0        ? &entry->name
                    : strcmp(word, "key") == 0       ? &entry->key
                    : strcmp(word, "addresses") == 0 ? &entry->addresses
                                                     : NULL;
        if (part == NULL)
            add_unknown(reader, key);
        else if (*part >= 0)
            add(reader, key, "keep one of them", "a member has this key twice");
        else
            *part = nodes[key].next;
    }
}

/* `text` if `node` is a scalar that `option` takes. */
static bool read_name(const struct reader *reader, int node, char *name)
{
    static const struct vain_option option = {.key = "members.name", .type = VAIN_OPTION_NAME};
    char message[256], hint[160];
    if (reader->tree->nodes[node].kind != VAIN_NODE_SCALAR ||
        vain_tree_is_nothing(reader->tree, node)) {
        add(reader, node, "such as 'name: alice'", "the name of a member is one word");
        return false;
    }
    if (vain_option_parse(&option, vain_tree_text(reader->tree, node), name, message,
                          sizeof message, hint, sizeof hint) == VAIN_OK)
        return true;
    add(reader, node, hint, message);
    return false;
}

static bool read_key(const struct reader *reader, int node, char *key)
{
    static const char digits[] = "0123456789abcdef";
    const char *text = reader->tree->nodes[node].kind == VAIN_NODE_SCALAR
                           ? vain_tree_text(reader->tree, node)
                           : "";
    const size_t length = strlen(text);
    size_t good = 0;
    for (; good < length && good < KEY_DIGITS; good++) {
        const char letter =
            text[good] >= 'A' && text[good] <= 'F' ? (char)(text[good] - 'A' + 'a') : text[good];
        if (strchr(digits, letter) == NULL)
            break;
        key[good] = letter;
    }
    key[good] = '\0';
    if (good == KEY_DIGITS && length == KEY_DIGITS)
        return true;
    char message[128];
    if (good == length || good == KEY_DIGITS)
        snprintf(message, sizeof message,
                 "the key of a member has %d hexadecimal digits, found %zu characters", KEY_DIGITS,
                 length);
    else
        snprintf(message, sizeof message, "character %zu of the key is no hexadecimal digit",
                 good + 1);
    key[0] = '\0';
    add(reader, node, "'vain key show' prints it", message);
    return false;
}

/* The name of the member, this one included, that has `address` already; NULL: nobody. */
static const char *owner_of(const struct reader *reader, const struct vain_option_member *member,
                            const char *address)
{
    for (int i = 0; i <= reader->spec->member_count; i++) {
        const struct vain_option_member *other =
            i < reader->spec->member_count ? &reader->spec->members[i] : member;
        for (int j = 0; j < other->address_count; j++) {
            if (strcmp(other->addresses[j], address) == 0)
                return other->name;
        }
    }
    return NULL;
}

static bool read_address(const struct reader *reader, int node, struct vain_option_member *member)
{
    char found[96], message[256];
    if (reader->tree->nodes[node].kind != VAIN_NODE_SCALAR ||
        vain_tree_is_nothing(reader->tree, node)) {
        vain_tree_describe(reader->tree, node, found, sizeof found);
        snprintf(message, sizeof message, "an address is host:port, found %s", found);
        add(reader, node, address_hint, message);
        return false;
    }
    const char *text = vain_tree_text(reader->tree, node);
    const char *fault = vain_spec_address_fault(text);
    if (fault != NULL) {
        vain_text_excerpt(text, 40, found, sizeof found);
        snprintf(message, sizeof message, "address '%s': %s", found, fault);
        add(reader, node, address_hint, message);
        return false;
    }
    const char *owner = owner_of(reader, member, text);
    if (owner != NULL) {
        snprintf(message, sizeof message, "address '%s' is given twice, first to member '%s'", text,
                 owner);
        add(reader, node, "every member is dialled where no other is", message);
        return false;
    }
    snprintf(member->addresses[member->address_count++], VAIN_ADDRESS_BYTES, "%s", text);
    return true;
}

/* A list of addresses, or a single one. */
static bool read_addresses(const struct reader *reader, int node, struct vain_option_member *member)
{
    const struct vain_node *nodes = reader->tree->nodes;
    bool fine = true;
    int count = 0;
    if (nodes[node].kind != VAIN_NODE_LIST)
        return read_address(reader, node, member);
    for (int item = nodes[node].first; item >= 0; item = nodes[item].next)
        count++;
    if (count > VAIN_MEMBER_ADDRESSES_MAX) {
        char message[96];
        snprintf(message, sizeof message, "%d addresses, at most %d of a member are tried", count,
                 VAIN_MEMBER_ADDRESSES_MAX);
        add(reader, node, "keep those that others reach", message);
        return false;
    }
    for (int item = nodes[node].first; item >= 0; item = nodes[item].next)
        fine = read_address(reader, item, member) && fine;
    return fine;
}

/* This member against those before it. */
static bool check_unique(const struct reader *reader, const struct entry *entry,
                         const struct vain_option_member *member, const int *lines)
{
    const struct vain_spec *spec = reader->spec;
    char message[160];
    for (int i = 0; i < spec->member_count; i++) {
        const struct vain_option_member *other = &spec->members[i];
        if (strcmp(member->name, other->name) == 0) {
            snprintf(message, sizeof message, "member '%s' stands twice, first in line %d",
                     member->name, lines[i]);
            add(reader, entry->name, "names of members differ", message);
            return false;
        }
        if (member->key[0] != '\0' && strcmp(member->key, other->key) == 0) {
            snprintf(message, sizeof message, "this key belongs to member '%s' of line %d",
                     other->name, lines[i]);
            add(reader, entry->key, "every member has a key of its own", message);
            return false;
        }
    }
    return true;
}

/* One entry of the list; false if it has a problem, which is then noted. */
static bool read_member(const struct reader *reader, int node, struct vain_option_member *member,
                        const int *lines)
{
    char found[96], message[160];
    struct entry entry = {.node = node, .name = -1, .key = -1, .addresses = -1};
    *member = (struct vain_option_member){0};
    if (reader->tree->nodes[node].kind != VAIN_NODE_MAP) {
        vain_tree_describe(reader->tree, node, found, sizeof found);
        snprintf(message, sizeof message, "a member is a mapping with its name, found %s", found);
        add(reader, node, "write '- name: alice'", message);
        return false;
    }
    find_parts(reader, &entry);
    if (entry.name < 0) {
        add(reader, node, "such as '- name: alice'", "a member without a name");
        return false;
    }
    bool fine = read_name(reader, entry.name, member->name);
    if (entry.key >= 0)
        fine = read_key(reader, entry.key, member->key) && fine;
    if (entry.addresses >= 0)
        fine = read_addresses(reader, entry.addresses, member) && fine;
    return fine && check_unique(reader, &entry, member, lines);
}

enum vain_status vain_spec_check_members(struct vain_spec *spec, const struct vain_yaml_tree *tree,
                                         int node, struct vain_problems *problems)
{
    const struct reader reader = {spec, tree, problems};
    const struct vain_node *nodes = tree->nodes;
    int lines[VAIN_MEMBERS_MAX];
    int count = 0;
    if (nodes[node].kind != VAIN_NODE_LIST) {
        char found[96], message[160];
        vain_tree_describe(tree, node, found, sizeof found);
        snprintf(message, sizeof message, "'members' expects a list of members, found %s", found);
        add(&reader, node, "write one '- name: ...' a line, or leave 'members' out", message);
        return VAIN_OK;
    }
    for (int item = nodes[node].first; item >= 0; item = nodes[item].next)
        count++;
    if (count > VAIN_MEMBERS_MAX) {
        char message[96];
        snprintf(message, sizeof message, "%d members, at most %d can take part", count,
                 VAIN_MEMBERS_MAX);
        add(&reader, node, NULL, message);
        return VAIN_OK;
    }
    void *members;
    VAIN_TRY(vain_take_array(count, sizeof *spec->members, "members of the spec", &members));
    spec->members = members;
    for (int item = nodes[node].first; item >= 0; item = nodes[item].next) {
        lines[spec->member_count] = nodes[item].mark.line;
        if (read_member(&reader, item, &spec->members[spec->member_count], lines))
            spec->member_count++;
    }
    return VAIN_OK;
}
