/* From bytes to nodes, by libyaml's events.
 *
 * Three gates, in this order: the bytes must be printable UTF-8; libyaml must find one document
 * without tags; the nodes must stay within VAIN_SPEC_NODES_MAX and VAIN_SPEC_DEPTH_MAX. Memory
 * grows with what was really read and never before a bound was checked.
 *
 * Aliases are copied out, since nodes below one another are neighbours in the array: a copy is one
 * memcpy and a shift of indices. All copies of a document together may make ALIAS_NODES_MAX nodes,
 * which is more than any spec needs and ends an exploding one ("billion laughs") at its second
 * level.
 *
 * A broken document gives one problem and no tree: what follows a syntax error is guesswork. */
#include "jobs/spec/tree.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/memory.h"
#include "jobs/spec/parts.h"

enum { ALIAS_NODES_MAX = 1024, ANCHORS_MAX = 64, NODES_FIRST = 256, NONE = -1 };

struct anchor {
    char name[VAIN_NAME_BYTES];
    int node;
    int end; /* one past its last node; 0 while it is still open */
};

/* A collection that is being read. */
struct frame {
    int node, last_child, anchor;
};

struct builder {
    const struct vain_spec *spec;
    struct vain_yaml_tree *tree;
    struct vain_problems *problems;
    struct frame frames[VAIN_SPEC_DEPTH_MAX];
    int depth;
    struct anchor anchors[ANCHORS_MAX];
    int anchor_count, alias_nodes;
    int documents;
    struct vain_spec_mark end; /* behind the last character */
};

void vain_tree_fini(struct vain_yaml_tree *tree)
{
    vain_release(tree->nodes);
    vain_text_fini(&tree->text);
    *tree = (struct vain_yaml_tree){0};
}

const char *vain_tree_text(const struct vain_yaml_tree *tree, int node)
{
    VAIN_ASSERT(tree->nodes[node].kind == VAIN_NODE_SCALAR);
    return tree->text.bytes + tree->nodes[node].text_index;
}

bool vain_tree_is_nothing(const struct vain_yaml_tree *tree, int node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    if (tree->nodes[node].kind != VAIN_NODE_SCALAR || !tree->nodes[node].plain)
        return false;
    for (size_t i = 0; i < VAIN_COUNT_OF(words); i++) {
        if (strcmp(vain_tree_text(tree, node), words[i]) == 0)
            return true;
    }
    return false;
}

void vain_tree_describe(const struct vain_yaml_tree *tree, int node, char *out, size_t bytes)
{
    char excerpt[96];
    if (tree->nodes[node].kind == VAIN_NODE_MAP)
        snprintf(out, bytes, "a mapping");
    else if (tree->nodes[node].kind == VAIN_NODE_LIST)
        snprintf(out, bytes, "a list");
    else if (vain_tree_is_nothing(tree, node))
        snprintf(out, bytes, "nothing");
    else {
        vain_text_excerpt(vain_tree_text(tree, node), 20, excerpt, sizeof excerpt);
        snprintf(out, bytes, "'%s'", excerpt);
    }
}

/* ---- the bytes ------------------------------------------------------------------------------ */

/* Every byte is checked before libyaml sees it, because its own errors give an offset instead of a
 * line, and because it takes U+0085, U+2028 and U+2029 for line breaks, which editors do not. */
static bool check_bytes(struct builder *builder)
{
    const struct vain_spec *spec = builder->spec;
    struct vain_spec_mark mark = {1, 1, 1};
    const char *text = spec->text;
    for (size_t left = spec->text_bytes; left > 0;) {
        uint32_t code;
        const int length = vain_text_character(text, left, &code);
        const bool space = code == '\n' || code == '\r' || code == '\t';
        if (length == 0 && (mark.line > 1 || mark.column > 1)) {
            vain_spec_problem_add(spec, builder->problems, mark, "", "save the file as UTF-8",
                                  "byte 0x%02x is not UTF-8", (unsigned char)*text);
            return false;
        }
        if (length == 0 || code == 0) {
            vain_spec_problem_add(spec, builder->problems, mark, "",
                                  "a spec is YAML text in UTF-8 (not UTF-16)",
                                  "the file is no text: byte 0x%02x", (unsigned char)*text);
            return false;
        }
        if (!space && !vain_text_printable(code)) {
            vain_spec_problem_add(spec, builder->problems, mark, "",
                                  "remove it, it is invisible in editors",
                                  "control character U+%04X", (unsigned)code);
            return false;
        }
        text += length;
        left -= (size_t)length;
        mark.column++;
        if (code == '\n' || (code == '\r' && (left == 0 || *text != '\n'))) {
            mark.line++;
            mark.column = 1;
        }
    }
    builder->end = mark;
    return true;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static struct vain_spec_mark mark_of(const yaml_event_t *event)
{
    struct vain_spec_mark mark = {(int)event->start_mark.line + 1,
                                  (int)event->start_mark.column + 1, 1};
    if (event->end_mark.line == event->start_mark.line &&
        event->end_mark.column > event->start_mark.column)
        mark.span = (int)(event->end_mark.column - event->start_mark.column);
    return mark;
}

static enum vain_status reserve_nodes(struct builder *builder, int more, struct vain_spec_mark mark)
{
    struct vain_yaml_tree *tree = builder->tree;
    if (tree->count + more > VAIN_SPEC_NODES_MAX) {
        vain_spec_problem_add(builder->spec, builder->problems, mark, "", NULL,
                              "the spec has more than %d keys and values", VAIN_SPEC_NODES_MAX);
        return VAIN_ERR_INPUT;
    }
    if (tree->count + more <= tree->capacity)
        return VAIN_OK;
    int capacity = tree->capacity == 0 ? NODES_FIRST : tree->capacity;
    while (capacity < tree->count + more)
        capacity *= 2;
    void *nodes;
    VAIN_TRY(vain_take_array(capacity, sizeof *tree->nodes, "spec nodes", &nodes));
    if (tree->count > 0)
        memcpy(nodes, tree->nodes, (size_t)tree->count * sizeof *tree->nodes);
    vain_release(tree->nodes);
    tree->nodes = nodes;
    tree->capacity = capacity;
    return VAIN_OK;
}

/* Hang node `index` into the collection that is open. */
static void link_node(struct builder *builder, int index)
{
    if (builder->depth == 0)
        return;
    struct frame *frame = &builder->frames[builder->depth - 1];
    struct vain_node *nodes = builder->tree->nodes;
    if (frame->last_child == NONE)
        nodes[frame->node].first = index;
    else
        nodes[frame->last_child].next = index;
    frame->last_child = index;
}

static enum vain_status add_node(struct builder *builder, enum vain_node_kind kind,
                                 struct vain_spec_mark mark, int *index)
{
    VAIN_TRY(reserve_nodes(builder, 1, mark));
    *index = builder->tree->count++;
    builder->tree->nodes[*index] =
        (struct vain_node){.kind = kind, .first = NONE, .next = NONE, .mark = mark};
    link_node(builder, *index);
    return VAIN_OK;
}

static void refuse_tag(struct builder *builder, const yaml_char_t *tag, struct vain_spec_mark mark)
{
    char excerpt[64];
    if (tag == NULL)
        return;
    vain_text_excerpt((const char *)tag, 40, excerpt, sizeof excerpt);
    vain_spec_problem_add(builder->spec, builder->problems, mark, "",
                          "leave the tag out: every value is typed by its key",
                          "tag '%s' is not allowed", excerpt);
}

/* Remember `node` under its anchor; `slot` is NONE without one. */
static enum vain_status add_anchor(struct builder *builder, const yaml_char_t *name, int node,
                                   struct vain_spec_mark mark, int *slot)
{
    *slot = NONE;
    if (name == NULL)
        return VAIN_OK;
    const char *text = (const char *)name;
    if (builder->anchor_count == ANCHORS_MAX || strlen(text) >= VAIN_NAME_BYTES) {
        vain_spec_problem_add(builder->spec, builder->problems, mark, "", "write the values out",
                              "more than %d anchors, or one with a name of more than %d bytes",
                              ANCHORS_MAX, VAIN_NAME_BYTES - 1);
        return VAIN_ERR_INPUT;
    }
    *slot = builder->anchor_count++;
    struct anchor *anchor = &builder->anchors[*slot];
    *anchor = (struct anchor){.node = node};
    snprintf(anchor->name, sizeof anchor->name, "%s", text);
    return VAIN_OK;
}

static enum vain_status add_scalar(struct builder *builder, const yaml_event_t *event)
{
    const struct vain_spec_mark mark = mark_of(event);
    const char *value = (const char *)event->data.scalar.value;
    const size_t bytes = event->data.scalar.length;
    int node, slot;
    refuse_tag(builder, event->data.scalar.tag, mark);
    if (memchr(value, '\0', bytes) != NULL) {
        vain_spec_problem_add(builder->spec, builder->problems, mark, "", "remove \\0",
                              "text with a NUL character");
        return VAIN_ERR_INPUT;
    }
    VAIN_TRY(add_node(builder, VAIN_NODE_SCALAR, mark, &node));
    builder->tree->nodes[node].plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    builder->tree->nodes[node].text_index = builder->tree->text.used;
    vain_text_add_bytes(&builder->tree->text, value, bytes);
    vain_text_add_bytes(&builder->tree->text, "", 1);
    VAIN_TRY(builder->tree->text.status);
    VAIN_TRY(add_anchor(builder, event->data.scalar.anchor, node, mark, &slot));
    if (slot != NONE)
        builder->anchors[slot].end = node + 1;
    return VAIN_OK;
}

static enum vain_status open_collection(struct builder *builder, const yaml_event_t *event)
{
    const bool map = event->type == YAML_MAPPING_START_EVENT;
    struct vain_spec_mark mark = mark_of(event);
    int node, slot;
    mark.span = 1;
    refuse_tag(builder, map ? event->data.mapping_start.tag : event->data.sequence_start.tag, mark);
    if (builder->depth == VAIN_SPEC_DEPTH_MAX) {
        vain_spec_problem_add(builder->spec, builder->problems, mark, "",
                              "a spec needs three levels at most",
                              "nested more than %d levels deep", VAIN_SPEC_DEPTH_MAX);
        return VAIN_ERR_INPUT;
    }
    VAIN_TRY(add_node(builder, map ? VAIN_NODE_MAP : VAIN_NODE_LIST, mark, &node));
    VAIN_TRY(add_anchor(builder,
                        map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor,
                        node, mark, &slot));
    builder->frames[builder->depth++] =
        (struct frame){.node = node, .last_child = NONE, .anchor = slot};
    return VAIN_OK;
}

static void close_collection(struct builder *builder)
{
    VAIN_ASSERT(builder->depth > 0);
    const struct frame *frame = &builder->frames[--builder->depth];
    if (frame->anchor != NONE)
        builder->anchors[frame->anchor].end = builder->tree->count;
}

/* The anchor that `name` means: the last one of that name. */
static const struct anchor *find_anchor(const struct builder *builder, const char *name)
{
    for (int i = builder->anchor_count - 1; i >= 0; i--) {
        if (strcmp(builder->anchors[i].name, name) == 0)
            return &builder->anchors[i];
    }
    return NULL;
}

static enum vain_status copy_alias(struct builder *builder, const yaml_event_t *event)
{
    const struct vain_spec_mark mark = mark_of(event);
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = find_anchor(builder, name);
    if (anchor == NULL || anchor->end == 0) {
        vain_spec_problem_add(builder->spec, builder->problems, mark, "", "write the value out",
                              anchor == NULL ? "alias '*%.40s' has no anchor before it"
                                             : "alias '*%.40s' stands inside its own anchor",
                              name);
        return VAIN_ERR_INPUT;
    }
    const int count = anchor->end - anchor->node;
    builder->alias_nodes += count;
    if (builder->alias_nodes > ALIAS_NODES_MAX) {
        vain_spec_problem_add(builder->spec, builder->problems, mark, "", "write the values out",
                              "aliases expand to more than %d values", ALIAS_NODES_MAX);
        return VAIN_ERR_INPUT;
    }
    VAIN_TRY(reserve_nodes(builder, count, mark));
    struct vain_yaml_tree *tree = builder->tree;
    const int copy = tree->count;
    const int shift = copy - anchor->node;
    memcpy(&tree->nodes[copy], &tree->nodes[anchor->node], (size_t)count * sizeof *tree->nodes);
    tree->count += count;
    for (int i = copy; i < tree->count; i++) {
        tree->nodes[i].first += tree->nodes[i].first != NONE ? shift : 0;
        tree->nodes[i].next += tree->nodes[i].next != NONE ? shift : 0;
    }
    tree->nodes[copy].next = NONE;
    tree->nodes[copy].mark = mark;
    link_node(builder, copy);
    return VAIN_OK;
}

/* ---- events --------------------------------------------------------------------------------- */

/* What libyaml's words mean for somebody who writes a spec. */
static const char *syntax_hint(const char *problem, const char *found)
{
    if (strncmp(found, "<<<<<<<", 7) == 0)
        return "a merge conflict is left in the file";
    if (*found == '\t')
        return "YAML is indented with spaces, never with tabs";
    if (strstr(problem, "mapping values are not allowed") != NULL)
        return "a ': ' too many, or the line before lacks its ': '; put text that holds ': ' in "
               "quotes";
    if (strstr(problem, "could not find expected ':'") != NULL)
        return "a key is followed by a colon and a space";
    if (strstr(problem, "cannot start any token") != NULL)
        return "put the value in quotes";
    if (strstr(problem, "did not find expected key") != NULL ||
        strstr(problem, "block end") != NULL || strstr(problem, "'-' indicator") != NULL)
        return "keys of one group begin in the same column";
    if (strstr(problem, "end of stream") != NULL)
        return "a quote is not closed";
    if (strstr(problem, "']'") != NULL || strstr(problem, "'}'") != NULL)
        return "a bracket is not closed, or a comma is missing";
    return NULL;
}

/* Where in the text a mark of libyaml points; at its end if that is behind it. */
static const char *text_at(const struct vain_spec *spec, const yaml_mark_t *mark)
{
    const char *at = spec->text, *end = spec->text + spec->text_bytes;
    for (size_t line = mark->line; line > 0 && at < end; line--) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next != NULL ? next + 1 : end;
    }
    uint32_t code;
    for (size_t column = mark->column; column > 0 && at < end; column--)
        at += vain_text_character(at, (size_t)(end - at), &code);
    return at;
}

static enum vain_status add_syntax_problem(struct builder *builder, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return vain_fail(VAIN_ERR_MEMORY, "%s: no memory to read it", builder->spec->source.path);
    const char *problem = parser->problem != NULL ? parser->problem : "the text cannot be read";
    /* A key without its colon or a text without its quote is noticed lines later, but stands where
     * the context began. */
    const bool at_context = strstr(problem, "could not find expected ':'") != NULL ||
                            strstr(problem, "unexpected end of stream") != NULL;
    const yaml_mark_t *at = at_context ? &parser->context_mark : &parser->problem_mark;
    struct vain_spec_mark mark = {(int)at->line + 1, (int)at->column + 1, 1};
    /* libyaml counts the end of a text that lacks its last line break as one line more than there
     * is. */
    if (mark.line > builder->end.line)
        mark = builder->end;
    char context[128] = "";
    if (parser->context != NULL && parser->context_mark.line != at->line)
        snprintf(context, sizeof context, " (%s of line %zu)", parser->context,
                 parser->context_mark.line + 1);
    else if (parser->context != NULL)
        snprintf(context, sizeof context, " (%s)", parser->context);
    const char *found = text_at(builder->spec, at);
    vain_spec_problem_add(
        builder->spec, builder->problems, mark, "", syntax_hint(problem, found), "YAML: %s%s",
        *found == '\t' ? "a tab where only spaces are allowed" : problem, context);
    return VAIN_ERR_INPUT;
}

static enum vain_status take_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return add_scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return open_collection(builder, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_collection(builder);
        return VAIN_OK;
    case YAML_ALIAS_EVENT:
        return copy_alias(builder, event);
    case YAML_DOCUMENT_START_EVENT:
        if (++builder->documents == 1)
            return VAIN_OK;
        vain_spec_problem_add(builder->spec, builder->problems, mark_of(event), "",
                              "one file is one spec: remove the '---'",
                              "a second document begins here");
        return VAIN_ERR_INPUT;
    default:
        return VAIN_OK;
    }
}

static enum vain_status read_events(struct builder *builder, yaml_parser_t *parser)
{
    for (bool end = false; !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return add_syntax_problem(builder, parser);
        end = event.type == YAML_STREAM_END_EVENT;
        const enum vain_status status = take_event(builder, &event);
        yaml_event_delete(&event);
        VAIN_TRY(status);
    }
    return VAIN_OK;
}

enum vain_status vain_tree_parse(const struct vain_spec *spec, struct vain_yaml_tree *tree,
                                 struct vain_problems *problems)
{
    struct builder builder = {.spec = spec, .tree = tree, .problems = problems};
    yaml_parser_t parser;
    *tree = (struct vain_yaml_tree){0};
    if (!check_bytes(&builder))
        return VAIN_ERR_INPUT;
    if (!yaml_parser_initialize(&parser))
        return vain_fail(VAIN_ERR_MEMORY, "%s: no memory to read it", spec->source.path);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)spec->text, spec->text_bytes);
    const enum vain_status status = read_events(&builder, &parser);
    yaml_parser_delete(&parser);
    VAIN_TRY(status);
    if (tree->count == 0 || vain_tree_is_nothing(tree, 0)) {
        vain_spec_problem_add(spec, problems, (struct vain_spec_mark){1, 1, 1}, "",
                              "'vain schema' and docs/job-spec.md say what may stand in it",
                              "the spec is empty");
        return VAIN_ERR_INPUT;
    }
    return VAIN_OK;
}
