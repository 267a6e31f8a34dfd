#include "p2p/pace.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/unit/suite.h"

#define SECOND UINT64_C(1000000000)

static struct vain_pace_source at(const char *address)
{
    struct sockaddr_storage name = {0};
    if (strchr(address, ':') != NULL) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(77)};
        CU_ASSERT_EQUAL(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
        memcpy(&name, &v6, sizeof v6);
    } else {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(78)};
        CU_ASSERT_EQUAL(inet_pton(AF_INET, address, &v4.sin_addr), 1);
        memcpy(&name, &v4, sizeof v4);
    }
    return vain_pace_source_of(&name);
}

static int takes(struct vain_pace *pace, const struct vain_pace_source *source, uint64_t now_ns)
{
    int count = 0;
    while (count < 2 * VAIN_PACE_BURST && vain_pace_take(pace, source, now_ns))
        count++;
    return count;
}

static void addresses_are_told_apart(void)
{
    static const struct {
        const char *one, *other;
        bool same;
    } rows[] = {
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"10.0.0.1", "::ffff:10.0.0.1", true},
        {"2001:db8::1", "2001:db8::ffff:1", true},
        {"2001:db8::1", "2001:db8:0:1::1", false},
        {"::1", "127.0.0.1", false},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        const struct vain_pace_source one = at(rows[i].one), other = at(rows[i].other);
        CU_ASSERT_EQUAL(memcmp(&one, &other, sizeof one) == 0, rows[i].same);
    }
}

static void an_address_has_a_burst_and_a_rate(void)
{
    struct vain_pace pace = {0};
    const struct vain_pace_source loud = at("10.0.0.1"), other = at("10.0.0.2");
    uint64_t now_ns = 5 * SECOND;
    CU_ASSERT_EQUAL(takes(&pace, &loud, now_ns), VAIN_PACE_BURST);
    for (int second = 0; second < 10; second++) {
        now_ns += SECOND;
        const int count = takes(&pace, &loud, now_ns);
        CU_ASSERT(count >= VAIN_PACE_A_SECOND - 1);
        CU_ASSERT(count <= VAIN_PACE_A_SECOND);
    }
    CU_ASSERT_EQUAL(takes(&pace, &other, now_ns), VAIN_PACE_BURST); /* it pays for itself alone */
    CU_ASSERT_EQUAL(takes(&pace, &loud, now_ns + 3600 * SECOND), VAIN_PACE_BURST);
}

/* In steps of any length, so that no time between is lost or counted twice. */
static void the_rate_is_that_of_any_steps(void)
{
    static const uint64_t steps_ns[] = {1000, 77777, 1000003, 15625000, 250000000};
    for (size_t i = 0; i < VAIN_COUNT_OF(steps_ns); i++) {
        struct vain_pace pace = {0};
        const struct vain_pace_source loud = at("10.0.0.1");
        int count = 0;
        (void)takes(&pace, &loud, 0);
        for (uint64_t now_ns = steps_ns[i]; now_ns <= SECOND; now_ns += steps_ns[i])
            count += takes(&pace, &loud, now_ns);
        CU_ASSERT(count >= VAIN_PACE_A_SECOND * 9 / 10 && count <= VAIN_PACE_A_SECOND);
    }
}

static void who_comes_in_gets_it_back(void)
{
    struct vain_pace pace = {0};
    const struct vain_pace_source member = at("10.0.0.1"), unknown = at("10.0.0.9");
    for (int i = 0; i < 10 * VAIN_PACE_BURST; i++) {
        CU_ASSERT_TRUE(vain_pace_take(&pace, &member, SECOND));
        vain_pace_give_back(&pace, &member);
    }
    vain_pace_give_back(&pace, &member); /* never more than full */
    vain_pace_give_back(&pace, &unknown);
    CU_ASSERT_EQUAL(takes(&pace, &member, SECOND), VAIN_PACE_BURST);
}

/* Those that are empty stay in a table that is full. */
static void the_fullest_makes_room(void)
{
    struct vain_pace pace = {0};
    const struct vain_pace_source loud = at("10.0.0.1");
    char address[32];
    (void)takes(&pace, &loud, SECOND);
    for (int i = 0; i < 5 * VAIN_PACE_SOURCES; i++) {
        snprintf(address, sizeof address, "10.1.%d.%d", i / 256, i % 256);
        const struct vain_pace_source other = at(address);
        CU_ASSERT_TRUE(vain_pace_take(&pace, &other, SECOND));
        CU_ASSERT_FALSE(vain_pace_take(&pace, &loud, SECOND));
    }
    CU_ASSERT_EQUAL(pace.count, VAIN_PACE_SOURCES);
}

static const struct vain_test tests[] = {
    {"addresses are told apart", addresses_are_told_apart},
    {"an address has a burst and a rate", an_address_has_a_burst_and_a_rate},
    {"the rate is that of any steps", the_rate_is_that_of_any_steps},
    {"who comes in gets it back", who_comes_in_gets_it_back},
    {"the fullest makes room", the_fullest_makes_room},
    {NULL, NULL},
};
const struct vain_suite vain_suite_pace = {"pace", tests};
