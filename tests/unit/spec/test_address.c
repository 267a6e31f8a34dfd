/* jobs/spec/address: which texts are host:port, and what is said of those that are not. */
#include <stdio.h>
#include <string.h>

#include "jobs/spec/parts.h"
#include "tests/unit/suite.h"

static void test_fine(void)
{
    static const char *const fine[] = {
        "node1:4000",     "node1.example:1",       "a:65535",      "hpc_login-2.uni.example:443",
        "10.0.0.1:4000",  "255.255.255.255:4000",  "[::1]:4000",   "[2001:db8::10.0.0.1]:4000",
        "[::]:4000",      "[fe80::1%eth0]:4000",   "0.0.0.0:4000", "1.example:4000",
        "4node.2x:65534", "xn--bcher-kva.de:4000",
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(fine); i++) {
        const char *fault = vain_spec_address_fault(fine[i]);
        CU_ASSERT_PTR_NULL(fault);
        if (fault != NULL)
            printf("%s: %s\n", fine[i], fault);
    }
}

static void test_wrong(void)
{
    static const struct {
        const char *text, *piece;
    } wrong[] = {
        {"", "port is missing"},
        {"node1", "port is missing"},
        {"10.0.0.1", "port is missing"},
        {"[::1]", "port is missing"},
        {"node1:", "missing after the colon"},
        {"[::1]:", "missing after the colon"},
        {":4000", "host is missing"},
        {"[]:4000", "no IPv6 address"},
        {"[::1:4000", "closing bracket"},
        {"[::1]4000", "after the closing bracket"},
        {"[::1]]:4000", "after the closing bracket"},
        {"::1:4000", "stands in brackets"},
        {"2001:db8::1", "stands in brackets"},
        {"node1:0", "1 to 65535"},
        {"node1:65536", "1 to 65535"},
        {"node1:04000", "1 to 65535"},
        {"node1:99999999999999999999", "1 to 65535"},
        {"node1:+400", "no port"},
        {"node1:4000 ", "no port"},
        {"node1:http", "no port"},
        {"tcp://node1:4000", "no URL"},
        {"user@node1:4000", "an IPv4 address, or"},
        {"node 1:4000", "an IPv4 address, or"},
        {"*:4000", "an IPv4 address, or"},
        {"n\xc3\xb6rd.example:4000", "an IPv4 address, or"},
        {"node1/24:4000", "an IPv4 address, or"},
        {"::1]:4000", "stands in brackets"},
        {"node1]:4000", "an IPv4 address, or"},
        {".node1:4000", "is empty"},
        {"node1..example:4000", "is empty"},
        {"node1.:4000", "is empty"},
        {"-node1:4000", "no hyphen"},
        {"node1-:4000", "no hyphen"},
        {"256.0.0.1:4000", "no IPv4 address"},
        {"10.0.0:4000", "no IPv4 address"},
        {"10.0.0.01:4000", "no IPv4 address"},
        {"node.1:4000", "no IPv4 address"},
        {"4000:4000", "no IPv4 address"},
        {"[10.0.0.1]:4000", "no IPv6 address"},
        {"[node1]:4000", "no IPv6 address"},
        {"[::1::2]:4000", "no IPv6 address"},
        {"[fe80::1%]:4000", "no zone"},
        {"[fe80::1%a b]:4000", "no zone"},
        {"[[::1]]:4000", "after the closing bracket"},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(wrong); i++) {
        const char *fault = vain_spec_address_fault(wrong[i].text);
        const bool as_said = fault != NULL && strstr(fault, wrong[i].piece) != NULL;
        CU_ASSERT_TRUE(as_said);
        if (!as_said)
            printf("'%s': %s\n", wrong[i].text, fault != NULL ? fault : "taken");
    }
}

/* A label of 63 letters, a host of 90 and an address of 95 are the longest. */
static void test_lengths(void)
{
    char text[200];
    snprintf(text, sizeof text, "%063d.x:4000", 0);
    CU_ASSERT_PTR_NULL(vain_spec_address_fault(text));
    snprintf(text, sizeof text, "%064d.x:4000", 0);
    CU_ASSERT_PTR_NOT_NULL(vain_spec_address_fault(text));
    snprintf(text, sizeof text, "%045d.%042d.x:4000", 0, 0);
    CU_ASSERT_EQUAL_FATAL(strlen(text), VAIN_ADDRESS_BYTES - 1);
    CU_ASSERT_PTR_NULL(vain_spec_address_fault(text));
    snprintf(text, sizeof text, "%045d.%043d.x:4000", 0, 0);
    const char *fault = vain_spec_address_fault(text);
    CU_ASSERT(fault != NULL && strstr(fault, "at most 95 characters") != NULL);
}

static const struct vain_test tests[] = {
    {"names, IPv4 and IPv6 with a port", test_fine},
    {"each wrong text is told what is wrong", test_wrong},
    {"as long as they may be, and one more", test_lengths},
    {NULL, NULL},
};
const struct vain_suite vain_suite_address = {"address", tests};
