/* base/option: defaults, finding keys, problems, and the hash that members compare. */
#include "base/option.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "tests/unit/suite.h"

static const char *const modes[] = {"a", "b", NULL};

struct values {
    int64_t zeta;
    double rate;
    char path[VAIN_PATH_BYTES];
    int mode;
    uint64_t required;
};
static const struct vain_option rows[] = {
    {.key = "zeta",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct values, zeta),
     .fallback = "7"},
    {.key = "alpha.rate",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct values, rate),
     .fallback = "1e-3"},
};
static const struct vain_option more_rows[] = {
    {.key = "alpha.path",
     .type = VAIN_OPTION_PATH,
     .scope = VAIN_LOCAL,
     .offset = offsetof(struct values, path),
     .fallback = "x"},
    {.key = "alpha.mode",
     .type = VAIN_OPTION_CHOICE,
     .scope = VAIN_AGREED,
     .offset = offsetof(struct values, mode),
     .choices = modes,
     .fallback = "b"},
    {.key = "seed",
     .type = VAIN_OPTION_SEED,
     .scope = VAIN_LOCAL,
     .offset = offsetof(struct values, required)},
};

static struct values values;
static const struct vain_option_section sections[] = {
    {rows, VAIN_COUNT_OF(rows), &values}, {more_rows, VAIN_COUNT_OF(more_rows), &values}};
enum { SECTIONS = 2 };

static void test_defaults(void)
{
    memset(&values, 0x5a, sizeof values);
    vain_option_defaults(sections, SECTIONS);
    CU_ASSERT_EQUAL(values.zeta, 7);
    CU_ASSERT_DOUBLE_EQUAL(values.rate, 1e-3, 0);
    CU_ASSERT_STRING_EQUAL(values.path, "x");
    CU_ASSERT_EQUAL(values.path[VAIN_PATH_BYTES - 1], 0);
    CU_ASSERT_EQUAL(values.mode, 1);
    CU_ASSERT_EQUAL(values.required, 0);
}

static void test_find(void)
{
    const struct vain_option_section *section;
    CU_ASSERT_PTR_EQUAL(vain_option_find(sections, SECTIONS, "alpha.mode", &section),
                        &more_rows[1]);
    CU_ASSERT_PTR_EQUAL(section, &sections[1]);
    CU_ASSERT_PTR_EQUAL(vain_option_find(sections, SECTIONS, "zeta", NULL), &rows[0]);
    CU_ASSERT_PTR_NULL(vain_option_find(sections, SECTIONS, "alpha", &section));
    CU_ASSERT_PTR_NULL(section);
    CU_ASSERT_PTR_NULL(vain_option_find(sections, SECTIONS, "alpha.mod", NULL));
}

static void test_nearest(void)
{
    CU_ASSERT_STRING_EQUAL(vain_option_nearest(sections, SECTIONS, "alpha.ptah"), "alpha.path");
    CU_ASSERT_STRING_EQUAL(vain_option_nearest(sections, SECTIONS, "aplha.raet"), "alpha.rate");
    CU_ASSERT_STRING_EQUAL(vain_option_nearest(sections, SECTIONS, "zet"), "zeta");
    CU_ASSERT_PTR_NULL(vain_option_nearest(sections, SECTIONS, "omega.width"));
    CU_ASSERT_PTR_NULL(
        vain_option_nearest(sections, SECTIONS, "zx")); /* half of the word is wrong */
    CU_ASSERT_PTR_NULL(vain_option_nearest(sections, SECTIONS, "zoom"));
    CU_ASSERT_PTR_NULL(vain_option_nearest(sections, SECTIONS, ""));
}

static void test_problems_are_counted(void)
{
    static struct vain_problems problems;
    for (int i = 1; i <= VAIN_SPEC_ERRORS_MAX + 5; i++)
        vain_problem_add(&problems, &(struct vain_problem){.line = i});
    CU_ASSERT_EQUAL(problems.count, VAIN_SPEC_ERRORS_MAX);
    CU_ASSERT_EQUAL(problems.total, VAIN_SPEC_ERRORS_MAX + 5);
    CU_ASSERT_EQUAL(problems.items[VAIN_SPEC_ERRORS_MAX - 1].line, VAIN_SPEC_ERRORS_MAX);
}

static void check_hash(const struct vain_option_member *members, int count, const char *expected)
{
    uint8_t hash[VAIN_HASH_BYTES];
    char hex[2 * VAIN_HASH_BYTES + 1];
    vain_option_agreed_hash(sections, SECTIONS, members, count, hash);
    vain_to_hex(hash, sizeof hash, hex);
    CU_ASSERT_STRING_EQUAL(hex, expected);
}

/* Computed with Python: hashlib.blake2b(b"alpha.mode=b\nalpha.rate=0.001\nzeta=7\n...",
 * digest_size=32, person=b"vain/spec/v1"), members as "members.alice=abab...\nmembers.bob=\n". */
static const char hash_alone[] = "c7cf710fce1020246824d856adfe80c91040f6426ec016bdd3fd4c87c51b0db4";
static const char hash_with_members[] =
    "2bd6f2ff0a58f285324ab91a5f86b624b6ac496e7bedec05a8e02c8d7005914a";

static void test_agreed_hash(void)
{
    struct vain_option_member members[2] = {{.name = "bob"}, {.name = "alice"}};
    for (int i = 0; i < 64; i += 2)
        memcpy(members[1].key + i, "ab", 2);
    vain_option_defaults(sections, SECTIONS);
    check_hash(NULL, 0, hash_alone);
    check_hash(members, 2, hash_with_members);
    const struct vain_option_member turned[2] = {members[1], members[0]};
    check_hash(turned, 2, hash_with_members);
}

static void test_what_members_need_not_share(void)
{
    vain_option_defaults(sections, SECTIONS);
    snprintf(values.path, sizeof values.path, "elsewhere");
    values.required = 99;
    check_hash(NULL, 0, hash_alone);
}

static void test_what_members_must_share(void)
{
    uint8_t first[VAIN_HASH_BYTES], other[VAIN_HASH_BYTES];
    vain_option_defaults(sections, SECTIONS);
    vain_option_agreed_hash(sections, SECTIONS, NULL, 0, first);
    values.zeta = 8;
    vain_option_agreed_hash(sections, SECTIONS, NULL, 0, other);
    CU_ASSERT_NOT_EQUAL(memcmp(first, other, sizeof first), 0);
    vain_option_defaults(sections, SECTIONS);
    values.rate = 0.0010000000000000002;
    vain_option_agreed_hash(sections, SECTIONS, NULL, 0, other);
    CU_ASSERT_NOT_EQUAL(memcmp(first, other, sizeof first), 0);
}

static const struct vain_test tests[] = {
    {"defaults fill every value", test_defaults},
    {"keys are found with their section", test_find},
    {"the nearest key is near", test_nearest},
    {"problems past the limit are counted", test_problems_are_counted},
    {"the agreed hash is the documented one, in any order of members", test_agreed_hash},
    {"local keys do not enter the agreed hash", test_what_members_need_not_share},
    {"agreed keys do, to the last bit", test_what_members_must_share},
    {NULL, NULL},
};
const struct vain_suite vain_suite_option = {"option", tests};
