/* jobs/spec/resolved: what is printed reads back as the same values and prints the same again. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static struct test_spec first, second;

/* `first` holds a spec: its print must read back into `second`. Gives the print. */
static char *check_reads_back(void)
{
    char *text, *again;
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&first.spec, &text), VAIN_OK);
    if (test_parse(&second, text, NULL) != VAIN_OK) {
        vain_spec_problems_print(&second.problems, stdout, false);
        CU_FAIL_FATAL("a resolved spec that does not read back");
    }
    CU_ASSERT_EQUAL(memcmp(&first.values, &second.values, sizeof first.values), 0);
    CU_ASSERT_EQUAL(first.spec.member_count, second.spec.member_count);
    for (int i = 0; i < first.spec.member_count; i++) {
        CU_ASSERT_STRING_EQUAL(first.spec.members[i].name, second.spec.members[i].name);
        CU_ASSERT_STRING_EQUAL(first.spec.members[i].key, second.spec.members[i].key);
        CU_ASSERT_EQUAL_FATAL(first.spec.members[i].address_count,
                              second.spec.members[i].address_count);
        for (int j = 0; j < first.spec.members[i].address_count; j++)
            CU_ASSERT_STRING_EQUAL(first.spec.members[i].addresses[j],
                                   second.spec.members[i].addresses[j]);
    }
    for (int i = 0; i < second.spec.place_count; i++)
        CU_ASSERT_EQUAL(second.spec.places[i].origin,
                        VAIN_SPEC_FILE); /* every key is written out */
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&second.spec, &again), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(text, again);
    vain_release(again);
    vain_spec_fini(&second.spec);
    return text;
}

static void test_defaults(void)
{
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&first, ""), VAIN_OK);
    char *text = check_reads_back();
    static const char expected[] =
        "version: 1\nname: demo\nseed: 1\nsite: rank\nmodel:\n  kind: transformer\n"
        "  layers: 4\n";
    CU_ASSERT_EQUAL(strncmp(text, expected, strlen(expected)), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  sizes: [512, 256, 512]\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  text: \"corpus.txt\"\n  tokens: \"\"\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "  bits: \"32\"\n  clip: auto\n  buffer: 16MiB\n  deadline: 30m\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "members"));
    /* train.* comes from two sections of the table but is one group of the file. */
    const char *train = strstr(text, "\ntrain:\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(train);
    CU_ASSERT_PTR_NULL(strstr(train + 1, "\ntrain:\n"));
    vain_release(text);
    vain_spec_fini(&first.spec);
}

/* Idle keys are left out, and a group with its last key: the rest reads back as the same. */
static void test_idle_keys(void)
{
    static const char *const idle[] = {"model.sizes", "outer.optimizer", "outer.learning_rate",
                                       "outer.momentum"};
    char *text;
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&first, ""), VAIN_OK);
    for (size_t i = 0; i < VAIN_COUNT_OF(idle); i++)
        vain_spec_note_idle(&first.spec, idle[i]);
    CU_ASSERT_EQUAL_FATAL(vain_spec_resolved_yaml(&first.spec, &text), VAIN_OK);
    CU_ASSERT_PTR_NULL(strstr(text, "sizes"));
    CU_ASSERT_PTR_NULL(strstr(text, "outer"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "model:\n"));
    CU_ASSERT_EQUAL_FATAL(test_parse(&second, text, NULL), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(&first.values, &second.values, sizeof first.values), 0);
    for (size_t i = 0; i < VAIN_COUNT_OF(idle); i++)
        CU_ASSERT_FALSE(vain_spec_is_set(&second.spec, idle[i]));
    vain_release(text);
    vain_spec_fini(&second.spec);
    vain_spec_fini(&first.spec);
}

static void test_addresses(void)
{
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&first,
                                          "members: [{name: a, addresses: [\"[::1]:4000\", x:1]}, "
                                          "{name: b, addresses: [y:1]}, {name: c}]\n"),
                          VAIN_OK);
    char *text = check_reads_back();
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "members:\n  - name: a\n    addresses: [\"[::1]:4000\", \"x:1\"]\n"
                     "  - name: b\n    addresses: [\"y:1\"]\n  - name: c\nmodel:\n"));
    vain_release(text);
    vain_spec_fini(&first.spec);
}

/* Names that some YAML reader takes for a number, a truth value or nothing. */
static void test_awkward_words(void)
{
    static const char *const names[] = {"no",  "y", "null", "true", "1e5",    "08",
                                        "0.1", "4", "off",  "a",    "x-1_y.z"};
    for (size_t i = 0; i < VAIN_COUNT_OF(names); i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "version: 1\nname: '%s'\ndata: {text: '%s'}\nmembers: [{name: '%s'}, {name: "
                 "other, key: '%064d'}]\n",
                 names[i], names[i], names[i], 1);
        CU_ASSERT_EQUAL_FATAL(test_parse(&first, text, NULL), VAIN_OK);
        char *resolved = check_reads_back();
        const bool plain = i >= 9;
        snprintf(text, sizeof text, plain ? "\nname: %s\n" : "\nname: \"%s\"\n", names[i]);
        CU_ASSERT_PTR_NOT_NULL(strstr(resolved, text));
        vain_release(resolved);
        vain_spec_fini(&first.spec);
    }
}

static void test_awkward_texts(void)
{
    static const char *const notes[] = {
        "say \"hi\"", "back\\slash \\n",  "# no remark", "a: b", "'",    "€ 😀 日本",
        " spaces ",   "*star &and !bang", "%percent",    "{[",   "\\\"", "null",
        "~"};
    for (size_t i = 0; i < VAIN_COUNT_OF(notes); i++) {
        char set[128], path[128];
        snprintf(set, sizeof set, "data.note=%s", notes[i]);
        snprintf(path, sizeof path, "data.text=%s", notes[i]);
        const char *const sets[] = {set, path, NULL};
        CU_ASSERT_EQUAL_FATAL(test_parse(&first, test_head, sets), VAIN_OK);
        CU_ASSERT_STRING_EQUAL(first.values.note, notes[i]);
        vain_release(check_reads_back());
        vain_spec_fini(&first.spec);
    }
}

static uint64_t state = 1;
static uint64_t draw(uint64_t below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 16) % below;
}

static void draw_text(char *out, size_t bytes)
{
    static const char *const pieces[] = {"a", "Z", "0", " ", "\"", "\\", ":",
                                         "#", "ä", "😀", "-", "'",  "%",  "\t"};
    size_t used = 0;
    memset(out, 0, bytes);
    for (uint64_t left = draw(12); left > 0; left--) {
        const char *piece = pieces[draw(VAIN_COUNT_OF(pieces) - 1)];
        if (used + strlen(piece) < bytes)
            used += (size_t)snprintf(out + used, bytes - used, "%s", piece);
    }
    if (used == 0)
        out[0] = 'x';
}

/* A text that a list can hold. */
static void draw_item(char *out, size_t bytes)
{
    do
        draw_text(out, bytes);
    while (!vain_option_is_item(out));
}

/* Values of all magnitudes within their ranges. */
static void draw_values(struct test_values *values)
{
    values->seed = draw(UINT64_MAX);
    values->site = (int)draw(3);
    values->partition = (int)draw(3);
    values->sizes.count = 1 + (int)draw(VAIN_OPTION_COUNTS_MAX);
    for (int i = 0; i < VAIN_OPTION_COUNTS_MAX; i++)
        values->sizes.values[i] = i < values->sizes.count ? 1 + (int64_t)draw(1000000) : 0;
    values->network.count = (int)draw(VAIN_OPTION_TEXTS_MAX);
    memset(values->network.items, 0, sizeof values->network.items);
    for (int i = 0; i < values->network.count; i++)
        draw_item(values->network.items[i], VAIN_OPTION_TEXTS_ITEM_BYTES);
    draw_text(values->text, 200);
    draw_text(values->note, sizeof values->note);
    values->batch = 1 + (int64_t)draw(65536);
    values->learning_rate = (double)(1 + draw(1000000)) / 3e6;
    values->warmup = (int64_t)draw(INT64_MAX) >> draw(60);
    values->shuffle = draw(2) == 1;
    values->clip = draw(3) == 0 ? (double)NAN : exp((double)draw(100) - 50);
    values->buffer = 4096 + (int64_t)draw((1 << 30) - 4096);
    values->deadline_ms = 1000 + (int64_t)draw(7 * 86400000 - 1000);
}

static void test_any_values(void)
{
    for (int round = 0; round < 300; round++) {
        CU_ASSERT_EQUAL_FATAL(test_parse_rest(&first, "members: [{name: a}, {name: b}]\n"),
                              VAIN_OK);
        draw_values(&first.values);
        vain_release(check_reads_back());
        vain_spec_fini(&first.spec);
    }
}

static const struct vain_test tests[] = {
    {"every default is written out", test_defaults},
    {"idle keys are left out", test_idle_keys},
    {"addresses of members", test_addresses},
    {"words that YAML guesses at are quoted", test_awkward_words},
    {"any text survives", test_awkward_texts},
    {"any values survive", test_any_values},
    {NULL, NULL},
};
const struct vain_suite vain_suite_resolved = {"resolved", tests};
