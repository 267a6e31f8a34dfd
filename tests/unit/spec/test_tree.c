/* jobs/spec/tree: places of nodes, aliases that are copied, and everything that is too much. */
#include "jobs/spec/tree.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static struct test_spec test;

static void check_node(const struct vain_yaml_tree *tree, int index, enum vain_node_kind kind,
                       int line, int column, const char *text)
{
    const struct vain_node *node = &tree->nodes[index];
    CU_ASSERT_EQUAL(node->kind, kind);
    CU_ASSERT_EQUAL(node->mark.line, line);
    CU_ASSERT_EQUAL(node->mark.column, column);
    if (text != NULL)
        CU_ASSERT_STRING_EQUAL(vain_tree_text(tree, index), text);
}

/* A tree of `text`, without a table. */
static enum vain_status read_tree(const char *text, size_t bytes, struct vain_yaml_tree *tree)
{
    char copy[4096];
    VAIN_ASSERT(bytes < sizeof copy);
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    const struct vain_spec spec = {
        .source = {.path = "job.yaml"}, .text = copy, .text_bytes = bytes};
    test.problems = (struct vain_problems){0};
    return vain_tree_parse(&spec, tree, &test.problems);
}

static void test_places(void)
{
    struct vain_yaml_tree tree;
    const char text[] = "# a remark\na: [1, {b: 'two words'}]\nlänge: \"x\"\r\nc:\n  - d\n";
    CU_ASSERT_EQUAL_FATAL(read_tree(text, sizeof text - 1, &tree), VAIN_OK);
    CU_ASSERT_EQUAL(tree.count, 12);
    check_node(&tree, 0, VAIN_NODE_MAP, 2, 1, NULL);
    check_node(&tree, 1, VAIN_NODE_SCALAR, 2, 1, "a");
    check_node(&tree, 2, VAIN_NODE_LIST, 2, 4, NULL);
    check_node(&tree, 3, VAIN_NODE_SCALAR, 2, 5, "1");
    check_node(&tree, 4, VAIN_NODE_MAP, 2, 8, NULL);
    check_node(&tree, 5, VAIN_NODE_SCALAR, 2, 9, "b");
    check_node(&tree, 6, VAIN_NODE_SCALAR, 2, 12, "two words");
    CU_ASSERT(tree.nodes[3].plain && !tree.nodes[6].plain && tree.nodes[6].mark.span == 11);
    check_node(&tree, 7, VAIN_NODE_SCALAR, 3, 1, "länge");
    check_node(&tree, 8, VAIN_NODE_SCALAR, 3, 8, "x"); /* in characters, not bytes */
    check_node(&tree, 10, VAIN_NODE_LIST, 5, 3, NULL);
    check_node(&tree, 11, VAIN_NODE_SCALAR, 5, 5, "d");
    CU_ASSERT(tree.nodes[0].first == 1 && tree.nodes[1].next == 2 && tree.nodes[2].next == 7);
    CU_ASSERT(tree.nodes[2].first == 3 && tree.nodes[3].next == 4 && tree.nodes[4].next == -1);
    vain_tree_fini(&tree);
}

static void test_nothing(void)
{
    struct vain_yaml_tree tree;
    char words[96];
    const char text[] = "[~, null, Null, NULL, '', 'null', nil, no, {a: , b: [], c: {}}]";
    CU_ASSERT_EQUAL_FATAL(read_tree(text, sizeof text - 1, &tree), VAIN_OK);
    for (int i = 1; i <= 8; i++)
        CU_ASSERT_EQUAL(vain_tree_is_nothing(&tree, i), i <= 4);
    static const char *const said[] = {
        "a list", "nothing",   "nothing", "nothing", "nothing", "''",     "'null'", "'nil'",
        "'no'",   "a mapping", "'a'",     "nothing", "'b'",     "a list", "'c'",    "a mapping"};
    for (int i = 0; i < (int)VAIN_COUNT_OF(said); i++) {
        vain_tree_describe(&tree, i, words, sizeof words);
        CU_ASSERT_STRING_EQUAL(words, said[i]);
    }
    vain_tree_fini(&tree);
}

static void test_small_aliases(void)
{
    struct vain_yaml_tree tree;
    const char text[] = "a: &x [1, {b: 2}]\nc: *x\nd: &x 3\ne: [*x, *x]\n";
    CU_ASSERT_EQUAL_FATAL(read_tree(text, sizeof text - 1, &tree), VAIN_OK);
    CU_ASSERT_EQUAL(tree.count, 19);
    check_node(&tree, 8, VAIN_NODE_LIST, 2, 4, NULL); /* the copy stands where the alias stands */
    check_node(&tree, 9, VAIN_NODE_SCALAR, 1, 8, "1");
    check_node(&tree, 12, VAIN_NODE_SCALAR, 1, 15, "2");
    CU_ASSERT(tree.nodes[8].first == 9 && tree.nodes[9].next == 10 && tree.nodes[10].first == 11);
    CU_ASSERT(tree.nodes[8].next == 13 && tree.nodes[2].next == 7);
    check_node(&tree, 17, VAIN_NODE_SCALAR, 4, 5, "3"); /* the last anchor of that name */
    check_node(&tree, 18, VAIN_NODE_SCALAR, 4, 9, "3");
    vain_tree_fini(&tree);
}

static void check_refused(const char *text, int line, int column, const char *message)
{
    const enum vain_status status = test_parse(&test, text, NULL);
    CU_ASSERT_EQUAL(status, VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(test.problems.total, 1);
    const struct vain_problem *problem = &test.problems.items[0];
    if (problem->line != line || problem->column != column ||
        strstr(problem->message, message) == NULL) {
        vain_spec_problems_print(&test.problems, stdout, false);
        CU_FAIL("another problem than expected");
    }
}

/* `head`, then `count` times `item`, then `tail`. */
static char *repeat(const char *head, const char *item, int count, const char *tail)
{
    struct vain_text text = {0};
    char *out;
    vain_text_add(&text, "%s", head);
    for (int i = 0; i < count; i++)
        vain_text_add(&text, "%s", item);
    vain_text_add(&text, "%s", tail);
    VAIN_ASSERT(vain_text_give(&text, &out) == VAIN_OK);
    return out;
}

static void test_too_many_nodes(void)
{
    /* The root, the key and the list are nodes, too. */
    char *text = repeat("a: [", "1,", VAIN_SPEC_NODES_MAX - 3, "]\n");
    CU_ASSERT_EQUAL(test_parse(&test, text, NULL), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(strstr(test.problems.items[0].message, "more than"));
    vain_release(text);
    text = repeat("a: [", "1,", VAIN_SPEC_NODES_MAX - 2, "]\n");
    check_refused(text, 1, 5 + 2 * (VAIN_SPEC_NODES_MAX - 3), "more than 65536 keys and values");
    vain_release(text);
}

static void test_too_deep(void)
{
    struct vain_yaml_tree tree;
    char *text = repeat("", "[", VAIN_SPEC_DEPTH_MAX, "x");
    char *closed = repeat(text, "]", VAIN_SPEC_DEPTH_MAX, "\n");
    CU_ASSERT_EQUAL(read_tree(closed, strlen(closed), &tree), VAIN_OK);
    CU_ASSERT_EQUAL(tree.count, VAIN_SPEC_DEPTH_MAX + 1);
    vain_tree_fini(&tree);
    vain_release(text);
    vain_release(closed);
    text = repeat("", "[", 100000, "");
    check_refused(text, 1, VAIN_SPEC_DEPTH_MAX + 1, "nested more than 16 levels deep");
    vain_release(text);
    text = repeat("", "- ", 100000, "x");
    check_refused(text, 1, 2 * VAIN_SPEC_DEPTH_MAX + 1, "nested more than 16 levels deep");
    vain_release(text);
}

static void test_aliases_that_explode(void)
{
    struct vain_yaml_tree tree;
    /* 1024 nodes of copies are allowed: 256 of a list of 3 numbers. */
    char *text = repeat("[&a [1, 2, 3]", ",*a", 256, "]");
    CU_ASSERT_EQUAL(read_tree(text, strlen(text), &tree), VAIN_OK);
    CU_ASSERT_EQUAL(tree.count, 1 + 4 + 1024);
    vain_tree_fini(&tree);
    vain_release(text);
    text = repeat("[&a [1, 2, 3]", ",*a", 257, "]");
    CU_ASSERT_EQUAL(read_tree(text, strlen(text), &tree), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(test.problems.items[0].message, "more than 1024 values"));
    vain_tree_fini(&tree);
    vain_release(text);
}

static void test_too_many_anchors(void)
{
    char *text = repeat("[", "&a 1,", 65, "]");
    check_refused(text, 1, 2 + 64 * 5, "more than 64 anchors");
    vain_release(text);
    char *name = repeat("&", "n", 64, " 1");
    check_refused(name, 1, 1, "more than 63 bytes");
    vain_release(name);
}

static void test_lines_are_counted_alike(void)
{
    check_refused("a: 1\rb: 2\r\nc: 3\nd: \x01", 4, 4, "control character U+0001");
    check_refused("a: 1\nb: \xe2\x80\xa8"
                  "x\n",
                  2, 4, "control character U+2028");
    check_refused("a: \xef\xbb\xbf"
                  "1\n",
                  1, 4, "control character U+FEFF");
    check_refused("a: 1\nb: \xc3(\n", 2, 4, "byte 0xc3 is not UTF-8");
}

/* libyaml puts the end of such a text on a line that is not there. */
static void test_end_without_line_break(void)
{
    check_refused("a: [1,\n  2", 2, 4, "did not find expected ',' or ']'");
    check_refused("a: [1,\n  2\n", 3, 1, "did not find expected ',' or ']'");
}

static void test_lone_tags(void)
{
    CU_ASSERT_EQUAL(
        test_parse_rest(&test, "seed: ! 3\nmodel: !x {layers: !!str 3}\nexchange: {bits: 16}\n"),
        VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(test.problems.total, 3);
}

static const struct vain_test tests[] = {
    {"nodes know their place, kind and neighbours", test_places},
    {"nothing is empty, ~ or null without quotes", test_nothing},
    {"small aliases are copied out", test_small_aliases},
    {"too many nodes are refused, the most are read", test_too_many_nodes},
    {"too deep a nesting is refused at once", test_too_deep},
    {"aliases stop at 1024 nodes", test_aliases_that_explode},
    {"anchors are bounded", test_too_many_anchors},
    {"bytes are checked with editors' line numbers", test_lines_are_counted_alike},
    {"the end of a text is on its last line", test_end_without_line_break},
    {"every tag is refused, and the rest still read", test_lone_tags},
    {NULL, NULL},
};
const struct vain_suite vain_suite_tree = {"tree", tests};
