/* jobs/spec/members: who is taken, in which order, how many. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/spec/table.h"
#include "tests/unit/suite.h"

static struct test_spec test;

static void test_read(void)
{
    char rest[512];
    snprintf(rest, sizeof rest,
             "members:\n- name: zoe\n- {key: \"%s\", name: alice}\n- name: \"08\"\n",
             "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff");
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&test, rest), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(test.spec.member_count, 3);
    CU_ASSERT_STRING_EQUAL(test.spec.members[0].name, "zoe");
    CU_ASSERT_STRING_EQUAL(test.spec.members[0].key, "");
    CU_ASSERT_STRING_EQUAL(test.spec.members[1].name, "alice");
    CU_ASSERT_STRING_EQUAL(test.spec.members[1].key,
                           "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    CU_ASSERT_STRING_EQUAL(test.spec.members[2].name, "08");
    CU_ASSERT_TRUE(vain_spec_is_set(&test.spec, "members"));
    vain_spec_fini(&test.spec);
}

static void test_none(void)
{
    CU_ASSERT_EQUAL(test_parse_rest(&test, "members: []\n"), VAIN_OK);
    CU_ASSERT(test.spec.member_count == 0 && vain_spec_is_set(&test.spec, "members"));
    vain_spec_fini(&test.spec);
    CU_ASSERT_EQUAL(test_parse_rest(&test, ""), VAIN_OK);
    CU_ASSERT(test.spec.member_count == 0 && !vain_spec_is_set(&test.spec, "members"));
    vain_spec_fini(&test.spec);
}

static enum vain_status parse_many(int count)
{
    struct vain_text text = {0};
    char *out;
    vain_text_add(&text, "%smembers:\n", test_head);
    for (int i = 0; i < count; i++)
        vain_text_add(&text, "  - {name: m%d, key: %064x}\n", i, (unsigned)i + 1);
    VAIN_ASSERT(vain_text_give(&text, &out) == VAIN_OK);
    const enum vain_status status = test_parse(&test, out, NULL);
    vain_release(out);
    return status;
}

static void test_most(void)
{
    CU_ASSERT_EQUAL(parse_many(VAIN_MEMBERS_MAX), VAIN_OK);
    CU_ASSERT_EQUAL(test.spec.member_count, VAIN_MEMBERS_MAX);
    CU_ASSERT_STRING_EQUAL(test.spec.members[VAIN_MEMBERS_MAX - 1].name, "m1023");
    vain_spec_fini(&test.spec);
    CU_ASSERT_EQUAL(parse_many(VAIN_MEMBERS_MAX + 1), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(test.problems.total, 1);
    CU_ASSERT_STRING_EQUAL(test.problems.items[0].message,
                           "1025 members, at most 1024 can take part");
}

static void check_problem(const char *rest, int total, const char *message, const char *hint)
{
    CU_ASSERT_EQUAL(test_parse_rest(&test, rest), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(test.problems.total, total);
    CU_ASSERT_PTR_NOT_NULL(strstr(test.problems.items[total - 1].message, message));
    CU_ASSERT_PTR_NOT_NULL(strstr(test.problems.items[total - 1].hint, hint));
    CU_ASSERT_STRING_EQUAL(test.problems.items[total - 1].key, "members");
}

static void test_wrong_parts(void)
{
    check_problem("members: [{name: a, name: b}]\n", 1, "has this key twice", "keep one");
    check_problem("members: [{name: [a]}]\n", 1, "the name of a member is one word", "name: alice");
    check_problem("members: [{name: }]\n", 1, "the name of a member is one word", "name: alice");
    check_problem("members: [{name: a, key: {b: c}}]\n", 1, "found 0 characters", "");
    check_problem("members: [{name: a, id: x}]\n", 1, "unknown key 'id'", "did you mean 'name'?");
    check_problem("members: [{name: a, public_key: x}]\n", 1, "unknown key 'public_key'",
                  "did you mean 'key'?");
    check_problem("members: [{name: a, [x]: y}]\n", 1, "a word before a colon", "");
    check_problem("members: [{name: a, <<: {key: b}}]\n", 1, "unknown key '<<'", "");
    check_problem("members: [[a]]\n", 1, "a member is a mapping with its name, found a list",
                  "- name: alice");
}

static void test_every_entry_is_checked(void)
{
    check_problem("members: [{name: A}, {name: b, key: 1}, {x: y}]\n", 4, "unknown key 'x'", "");
    /* 65 digits are one too many. */
    char rest[128];
    snprintf(rest, sizeof rest, "members: [{name: a, key: %065d}]\n", 0);
    check_problem(rest, 1, "found 65 characters", "vain key show");
}

static const struct vain_test tests[] = {
    {"names and keys in the file's order", test_read},
    {"an empty list is none", test_none},
    {"as many as a group may have", test_most},
    {"each wrong part has its message", test_wrong_parts},
    {"all entries are checked in one pass", test_every_entry_is_checked},
    {NULL, NULL},
};
const struct vain_suite vain_suite_members = {"members", tests};
