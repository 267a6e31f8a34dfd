/* jobs/spec/difference: agreed keys that differ are named with both values, and nothing else is. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static struct test_spec first, second;

/* Parse the spec with `sets` and with `other_sets` (both may be NULL) and put the differences into
 * `out`: the second is there, the first here. */
static void compare(const char *const *sets, const char *const *other_sets, char *out, size_t bytes)
{
    char *here, *there;
    CU_ASSERT_EQUAL_FATAL(test_parse(&first, test_head, sets), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(test_parse(&second, test_head, other_sets), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&first.spec, &here), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&second.spec, &there), VAIN_OK);
    vain_spec_differences(&first.spec, there, here, out, bytes);
    vain_release(here);
    vain_release(there);
    vain_spec_fini(&first.spec);
    vain_spec_fini(&second.spec);
}

static void test_agreed_keys(void)
{
    char out[384];
    static const char *const more[] = {"train.rounds=6", "seed=9", NULL};
    static const char *const same[] = {"train.threads=2", "data.text=other.txt", NULL};
    compare(more, NULL, out, sizeof out);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "seed: 1 there, 9 here; train.rounds: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, " there, 6 here"));
    CU_ASSERT_PTR_NULL(strstr(out, "more"));
    compare(same, NULL, out, sizeof out);
    CU_ASSERT_STRING_EQUAL(out, ""); /* a member's own business */
    compare(NULL, NULL, out, sizeof out);
    CU_ASSERT_STRING_EQUAL(out, "");
}

static void test_many_keys(void)
{
    char out[384], small[24];
    static const char *const many[] = {"seed=9",         "model.layers=2", "model.width=64",
                                       "train.rounds=6", "train.batch=99", NULL};
    compare(NULL, many, out, sizeof out);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "seed: 9 there, 1 here; model.layers: 2 there, 4 here; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "; and 2 more"));
    CU_ASSERT_PTR_NULL(strstr(out, "train.batch"));
    compare(NULL, many, small, sizeof small);
    CU_ASSERT_EQUAL(strlen(small), sizeof small - 1);
}

/* Keys that only one of them has are named last: they follow from one that both have. */
static void test_idle_keys(void)
{
    char out[384], *here, *there;
    static const char *const other[] = {"outer.optimizer=mean", "train.rounds=6", NULL};
    CU_ASSERT_EQUAL_FATAL(test_parse(&first, test_head, NULL), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(test_parse(&second, test_head, other), VAIN_OK);
    vain_spec_note_idle(&second.spec, "model.layers");
    vain_spec_note_idle(&second.spec, "train.batch");
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&first.spec, &here), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&second.spec, &there), VAIN_OK);
    vain_spec_differences(&first.spec, there, here, out, sizeof out);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "train.rounds: 6 there"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "model.layers: absent there, 4 here"));
    CU_ASSERT(strstr(out, "model.layers") > strstr(out, "train.rounds"));
    vain_release(here);
    vain_release(there);
    vain_spec_fini(&first.spec);
    vain_spec_fini(&second.spec);
}

/* What another version wrote, or nobody. */
static void test_foreign_texts(void)
{
    char out[384], *here;
    CU_ASSERT_EQUAL_FATAL(test_parse(&first, test_head, NULL), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&first.spec, &here), VAIN_OK);
    static const char *const texts[] = {"",       "\n\n", "train", "train:", "train:\n  rounds",
                                        "seed:\n"};
    for (size_t i = 0; i < VAIN_COUNT_OF(texts); i++) {
        vain_spec_differences(&first.spec, texts[i], here, out, sizeof out);
        CU_ASSERT_PTR_NOT_NULL(strstr(out, "version: absent there, 1 here"));
    }
    vain_release(here);
    vain_spec_fini(&first.spec);
}

static void test_members(void)
{
    char out[384];
    static const char listed[] = "version: 1\nname: demo\nmembers: [{name: a}, {name: b}]\n";
    char there[sizeof listed + 32], *here;
    snprintf(there, sizeof there, "%sdata: {text: corpus.txt}\n", listed);
    CU_ASSERT_EQUAL_FATAL(test_parse(&second, there, NULL), VAIN_OK);
    char *resolved;
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&second.spec, &resolved), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(test_parse(&first, test_head, NULL), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&first.spec, &here), VAIN_OK);
    vain_spec_differences(&first.spec, resolved, here, out, sizeof out);
    CU_ASSERT_STRING_EQUAL(out, "members: others there than here");
    vain_release(here);
    vain_release(resolved);
    vain_spec_fini(&first.spec);
    vain_spec_fini(&second.spec);
}

/* What `rest` of there has that `rest` of here has not. */
static void differences_of(const char *there, const char *here, char *out, size_t bytes)
{
    char *left, *right;
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&second, there), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&second.spec, &left), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&first, here), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&first.spec, &right), VAIN_OK);
    vain_spec_differences(&first.spec, left, right, out, bytes);
    vain_release(left);
    vain_release(right);
    vain_spec_fini(&first.spec);
    vain_spec_fini(&second.spec);
}

static void test_addresses_are_local(void)
{
    static const char *const same[] = {
        "members: [{name: a}, {name: b}]\n",
        "members: [{name: a, addresses: x:1}, {name: b}]\n",
        "members: [{name: a}, {name: b, addresses: [y:1, y:2]}]\n",
        "members: [{name: a, addresses: z:1}, {name: b, addresses: y:1}]\n",
    };
    static const char *const others[] = {
        "members: [{name: a, addresses: x:1}, {name: c}]\n",
        "members: [{name: a, addresses: x:1}]\n",
        "members: [{name: a}, {name: b}, {name: c, addresses: x:1}]\n",
        "",
    };
    char out[384];
    for (size_t i = 0; i < VAIN_COUNT_OF(same); i++) {
        for (size_t j = 0; j < VAIN_COUNT_OF(same); j++) {
            differences_of(same[i], same[j], out, sizeof out);
            CU_ASSERT_STRING_EQUAL(out, "");
        }
        for (size_t j = 0; j < VAIN_COUNT_OF(others); j++) {
            differences_of(same[i], others[j], out, sizeof out);
            CU_ASSERT_STRING_EQUAL(out, "members: others there than here");
        }
    }
}

static void add_key(void *context, const char *key, struct vain_spec_piece a,
                    struct vain_spec_piece b)
{
    char *out = context;
    const size_t used = strlen(out);
    snprintf(out + used, 1024 - used, "%s %.*s %.*s;", key, a.bytes == NULL ? 1 : (int)a.length,
             a.bytes == NULL ? "-" : a.bytes, b.bytes == NULL ? 1 : (int)b.length,
             b.bytes == NULL ? "-" : b.bytes);
}

static void each_of(const char *a, const char *b, char out[1024])
{
    out[0] = '\0';
    CU_ASSERT_EQUAL_FATAL(test_parse(&first, test_head, NULL), VAIN_OK);
    CU_ASSERT_EQUAL(vain_spec_each_difference(first.spec.source.sections,
                                              first.spec.source.section_count, a, b, add_key, out),
                    VAIN_OK);
    vain_spec_fini(&first.spec);
}

/* Every key, a member's own too; whole values; what is there on one side only. */
static void test_each_key(void)
{
    char out[1024], left[700], right[700];
    each_of("seed: 1\ntrain:\n  threads: 2\n", "seed: 1\ntrain:\n  threads: 4\n", out);
    CU_ASSERT_STRING_EQUAL(out, "train.threads 2 4;");
    each_of("seed: absent\n", "", out);
    CU_ASSERT_STRING_EQUAL(out, "seed absent -;");
    each_of("", "train:\n  rounds: 6\nseed: 2\n", out);
    CU_ASSERT_STRING_EQUAL(out, "seed - 2;train.rounds - 6;");
    each_of("members:\n  - name: a\n", "members:\n  - name: b\n", out);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "name: a"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "name: b"));
    each_of("no key: 1\n\n:\n", "   : 2", out);
    CU_ASSERT_STRING_EQUAL(out, "");
    snprintf(left, sizeof left, "data:\n  text: %0480d1\n", 0);
    snprintf(right, sizeof right, "data:\n  text: %0480d2\n", 0);
    each_of(left, right, out);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "data.text 000"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "0001 000"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "0002;"));
}

static const struct vain_test tests[] = {
    {"keys of one side are named last", test_idle_keys},
    {"agreed keys are named with both values", test_agreed_keys},
    {"three are named, the rest is counted", test_many_keys},
    {"any text can be compared", test_foreign_texts},
    {"other members", test_members},
    {"other addresses are no difference", test_addresses_are_local},
    {"each key that differs is visited", test_each_key},
    {NULL, NULL},
};
const struct vain_suite vain_suite_difference = {"difference", tests};
