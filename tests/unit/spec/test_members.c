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

static void test_addresses(void)
{
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&test,
                                          "members:\n"
                                          "- {name: a, addresses: [\"node1:4000\", \"[::1]:4000\", "
                                          "10.0.0.1:4000, node1:4001]}\n"
                                          "- {name: b, addresses: node2:4000}\n"
                                          "- {addresses: [], name: c}\n"
                                          "- {name: d}\n"),
                          VAIN_OK);
    const struct vain_option_member *members = test.spec.members;
    CU_ASSERT_EQUAL_FATAL(test.spec.member_count, 4);
    CU_ASSERT_EQUAL(members[0].address_count, VAIN_MEMBER_ADDRESSES_MAX);
    CU_ASSERT_STRING_EQUAL(members[0].addresses[0], "node1:4000");
    CU_ASSERT_STRING_EQUAL(members[0].addresses[1], "[::1]:4000");
    CU_ASSERT_STRING_EQUAL(members[0].addresses[2], "10.0.0.1:4000");
    CU_ASSERT_STRING_EQUAL(members[0].addresses[3], "node1:4001");
    CU_ASSERT_EQUAL(members[1].address_count, 1);
    CU_ASSERT_STRING_EQUAL(members[1].addresses[0], "node2:4000");
    CU_ASSERT(members[2].address_count == 0 && members[3].address_count == 0);
    vain_spec_fini(&test.spec);
}

static void hash_of(const char *rest, uint8_t hash[VAIN_MIN_LEN(32)])
{
    CU_ASSERT_EQUAL_FATAL(test_parse_rest(&test, rest), VAIN_OK);
    vain_option_agreed_hash(test.sections, TEST_SECTIONS, test.spec.members, test.spec.member_count,
                            hash);
    vain_spec_fini(&test.spec);
}

/* Where a member is dialled is its own business and that of whoever dials; who it is is not. */
static void test_addresses_are_local(void)
{
    uint8_t bare[32], one[32], other[32], renamed[32];
    hash_of("members: [{name: a}, {name: b}]\n", bare);
    hash_of("members: [{name: a, addresses: x:1}, {name: b}]\n", one);
    hash_of("members: [{name: a, addresses: y:1}, {name: b, addresses: [z:1, z:2]}]\n", other);
    hash_of("members: [{name: a, addresses: x:1}, {name: c}]\n", renamed);
    CU_ASSERT_EQUAL(memcmp(bare, one, sizeof bare), 0);
    CU_ASSERT_EQUAL(memcmp(bare, other, sizeof bare), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(bare, renamed, sizeof bare), 0);
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

static void test_wrong_addresses(void)
{
    check_problem("members: [{name: a, addresses: node1}]\n", 1,
                  "address 'node1': the port is missing", "node1.example:4000");
    check_problem("members: [{name: a, addresses: [x:1, x:70000]}]\n", 1,
                  "'x:70000': a port is a number from 1 to 65535", "");
    check_problem("members: [{name: a, addresses: }]\n", 1, "an address is host:port", "[::1]");
    check_problem("members: [{name: a, addresses: [~]}]\n", 1, "an address is host:port", "");
    check_problem("members: [{name: a, addresses: [[x:1]]}]\n", 1, "host:port, found a list", "");
    check_problem("members: [{name: a, addresses: {x: 1}}]\n", 1, "host:port, found a mapping", "");
    check_problem("members: [{name: a, addresses: [x:1, x:2, x:3, x:4, x:5]}]\n", 1,
                  "5 addresses, at most 4", "that others reach");
    check_problem("members: [{name: a, addresses: [x:1, x:1]}]\n", 1,
                  "'x:1' is given twice, first to member 'a'", "");
    check_problem("members: [{name: a, addresses: [x:1]}, {name: b, addresses: x:1}]\n", 1,
                  "'x:1' is given twice, first to member 'a'", "where no other is");
    check_problem("members: [{name: a, addresses: x:1, addresses: x:2}]\n", 1, "has this key twice",
                  "keep one");
    check_problem("members: [{name: a, address: x:1}]\n", 1, "unknown key 'address'",
                  "did you mean 'addresses'?");
    check_problem("members: [{name: a, addresses: [x, y:0, z:1]}]\n", 2, "'y:0'", "");
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
    {"one address or several", test_addresses},
    {"addresses are no part of what members agree on", test_addresses_are_local},
    {"an empty list is none", test_none},
    {"as many as a group may have", test_most},
    {"each wrong part has its message", test_wrong_parts},
    {"each wrong address has its message", test_wrong_addresses},
    {"all entries are checked in one pass", test_every_entry_is_checked},
    {NULL, NULL},
};
const struct vain_suite vain_suite_members = {"members", tests};
