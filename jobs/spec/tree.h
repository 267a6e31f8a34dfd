/* A YAML document as a flat array of nodes, each with its place. For the files of this folder. */
#pragma once

#include "jobs/spec/spec.h"

enum vain_node_kind { VAIN_NODE_SCALAR, VAIN_NODE_LIST, VAIN_NODE_MAP };

/* Nodes stand in document order, so those below one follow it without a gap. */
struct vain_node {
    enum vain_node_kind kind;
    bool plain;      /* scalar without quotes */
    int first, next; /* node indices, -1: none. Children of a map are key, value, key, value ... */
    size_t text_index; /* scalar: start in the tree's text, NUL-ended */
    struct vain_spec_mark mark;
};

struct vain_yaml_tree {
    struct vain_node *nodes; /* owned */
    int count, capacity;
    struct vain_text text; /* owned: the scalars */
};

/* Read the spec's text. VAIN_OK: a tree whose node 0 is the root; VAIN_ERR_INPUT: problems were
 * added and there is no tree worth checking; VAIN_ERR_MEMORY. Caller calls vain_tree_fini in any
 * case. */
enum vain_status vain_tree_parse(const struct vain_spec *spec, struct vain_yaml_tree *tree,
                                 struct vain_problems *problems) VAIN_MUST_USE;
void vain_tree_fini(struct vain_yaml_tree *tree);
/* The text of a scalar. */
const char *vain_tree_text(const struct vain_yaml_tree *tree, int node);
/* A scalar without quotes that says nothing: empty, ~ or null. */
bool vain_tree_is_nothing(const struct vain_yaml_tree *tree, int node);
/* "a mapping", "a list", "nothing", or the excerpt of a scalar in quotes. */
void vain_tree_describe(const struct vain_yaml_tree *tree, int node, char *out, size_t bytes);
