/* jobs/spec/suggest: what was meant by an unknown key. */
#include <stdio.h>
#include <string.h>

#include "jobs/spec/parts.h"
#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static const struct {
    const char *group, *name, *hint;
} cases[] = {
    /* spelling of the same name */
    {"train", "Batch", "did you mean 'train.batch'?"},
    {"train", "weight-decay", "did you mean 'train.weight_decay'?"},
    {"train", "learningRate", "did you mean 'train.learning_rate'?"},
    {"train", "local steps", "did you mean 'train.local_steps'?"},
    {"", "Train", "did you mean 'train'?"},
    {"", "Members", "did you mean 'members'?"},
    {"", "NAME", "did you mean 'name'?"},
    /* the right name elsewhere */
    {"", "heads", "'heads' belongs under 'model'"},
    {"model", "Batch", "'batch' belongs under 'train'"},
    {"model", "seed", "'seed' belongs at the top level"},
    {"model", "train", "'train' belongs at the top level"},
    {"model", "members", "'members' belongs at the top level"},
    {"data", "learning_rate", "'learning_rate' belongs under 'train' or under 'outer'"},
    /* dotted */
    {"", "outer.momentum", "write 'momentum' indented below 'outer:'"},
    {"", "outer.momentun", "keys of nothing"},
    /* words of other programs */
    {"train", "lr", "did you mean 'train.learning_rate'?"},
    {"outer", "lr", "did you mean 'outer.learning_rate'?"},
    {"", "n_embd", "did you mean 'model.width'?"},
    {"", "nodes", "did you mean 'members'?"},
    /* nearest: the same group first, then others */
    {"train", "roundz", "did you mean 'train.rounds'?"},
    {"train", "bacth", "did you mean 'train.batch'?"},
    {"outer", "momntum", "did you mean 'outer.momentum'?"},
    {"model", "momntum", "did you mean 'outer.momentum'?"},
    {"", "chekpoint", "did you mean 'checkpoint'?"},
    {"", "membres", "did you mean 'members'?"},
    {"", "nmae", "did you mean 'name'?"},
    /* no idea: what there is */
    {"outer", "zebra", "keys of 'outer' are optimizer, learning_rate, momentum"},
    {"", "zebra",
     "its keys are members, version, name, seed, site, model, data, train, outer, exchange, "
     "checkpoint"},
    {"", "batch: 8 oops", "a key is followed by a colon and a space"},
};

static void test_cases(void)
{
    static struct test_spec test;
    char hint[160];
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&test, ""), VAIN_OK);
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        const struct vain_spec_group *group =
            vain_spec_group_find(&test.spec, cases[i].group, strlen(cases[i].group));
        vain_spec_suggest(&test.spec, group, cases[i].name, hint, sizeof hint);
        if (strcmp(cases[i].hint, "keys of nothing") == 0) {
            CU_ASSERT_PTR_NULL(strstr(hint, "indented"));
            continue;
        }
        if (strcmp(hint, cases[i].hint) != 0)
            printf("\n'%s' in '%s': %s\n", cases[i].name, cases[i].group, hint);
        CU_ASSERT_STRING_EQUAL(hint, cases[i].hint);
    }
    vain_spec_fini(&test.spec);
}

static void test_fits(void)
{
    static struct test_spec test;
    char longest[70], hint[32];
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&test, ""), VAIN_OK);
    for (size_t i = 0; i < VAIN_COUNT_OF(cases); i++) {
        const struct vain_spec_group *group =
            vain_spec_group_find(&test.spec, cases[i].group, strlen(cases[i].group));
        for (size_t bytes = 1; bytes < 24; bytes++) {
            memset(hint, '#', sizeof hint);
            vain_spec_suggest(&test.spec, group, cases[i].name, hint, bytes);
            CU_ASSERT(strlen(hint) < bytes && hint[bytes] == '#');
        }
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    vain_spec_suggest(&test.spec, NULL, longest, hint, sizeof hint);
    CU_ASSERT_STRING_EQUAL(hint, "");
    vain_spec_fini(&test.spec);
}

static const struct vain_test tests[] = {
    {"each unknown key gets the surest hint", test_cases},
    {"a hint never passes its end", test_fits},
    {NULL, NULL},
};
const struct vain_suite vain_suite_suggest = {"suggest", tests};
