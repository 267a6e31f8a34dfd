/* Hellos against an independent model; bound to session, members and role. */
#include "p2p/hello.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/p2p/bed.h"
#include "tests/unit/suite.h"

struct case_facts {
    uint8_t exporter[VAIN_HELLO_EXPORTER_BYTES], sender[VAIN_HASH_BYTES], receiver[VAIN_HASH_BYTES];
    struct vain_hello_facts facts;
};

static void facts_init(struct case_facts *it, enum vain_hello_role role)
{
    for (int i = 0; i < VAIN_HELLO_EXPORTER_BYTES; i++)
        it->exporter[i] = (uint8_t)i;
    memset(it->sender, 0x11, sizeof it->sender);
    memset(it->receiver, 0x22, sizeof it->receiver);
    it->facts = (struct vain_hello_facts){.role = role,
                                          .exporter = it->exporter,
                                          .sender_id = it->sender,
                                          .receiver_id = it->receiver};
}

static void hellos_are_those_of_the_model(void)
{
    static const struct {
        enum vain_hello_role role;
        uint16_t connection;
    } rows[] = {{VAIN_HELLO_DIALLER, 0},
                {VAIN_HELLO_ACCEPTOR, 0},
                {VAIN_HELLO_DIALLER, 258},
                {VAIN_HELLO_ACCEPTOR, 65535}};
    char line[200];
    FILE *file = test_open_golden("hello.txt");
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        uint8_t expected[VAIN_HELLO_BYTES], data[VAIN_HELLO_BYTES];
        uint16_t connection = 1;
        struct case_facts it;
        facts_init(&it, rows[i].role);
        CU_ASSERT_TRUE(test_next_line(file, line, sizeof line));
        CU_ASSERT_EQUAL(test_hex(line, expected, sizeof expected), sizeof expected);
        vain_hello_encode(&it.facts, rows[i].connection, data);
        CU_ASSERT_EQUAL(memcmp(data, expected, sizeof data), 0);
        CU_ASSERT_EQUAL(vain_hello_check(expected, &it.facts, &connection), VAIN_OK);
        CU_ASSERT_EQUAL(connection, rows[i].connection);
    }
    if (file != NULL)
        fclose(file);
}

static void a_hello_fits_one_session_and_role_only(void)
{
    struct case_facts good, other;
    uint8_t data[VAIN_HELLO_BYTES];
    uint16_t connection;
    facts_init(&good, VAIN_HELLO_DIALLER);
    vain_hello_encode(&good.facts, 7, data);
    facts_init(&other, VAIN_HELLO_ACCEPTOR); /* given back to its sender */
    CU_ASSERT_EQUAL(vain_hello_check(data, &other.facts, &connection), VAIN_ERR_AUTH);
    uint8_t *const parts[] = {other.exporter, other.sender, other.receiver};
    for (size_t i = 0; i < VAIN_COUNT_OF(parts); i++) {
        facts_init(&other, VAIN_HELLO_DIALLER);
        CU_ASSERT_EQUAL(vain_hello_check(data, &other.facts, &connection), VAIN_OK);
        parts[i][31] ^= 1;
        CU_ASSERT_EQUAL(vain_hello_check(data, &other.facts, &connection), VAIN_ERR_AUTH);
        CU_ASSERT_TRUE(bed_message_has("another session, member or role"));
        CU_ASSERT_EQUAL(connection, 0);
    }
    for (int bit = 0; bit < 8 * VAIN_HELLO_BYTES; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_EQUAL(vain_hello_check(data, &good.facts, &connection), VAIN_ERR_AUTH);
        if (bit == 0)
            CU_ASSERT_TRUE(bed_message_has("does not begin like one"));
        if (bit == 8 * 8)
            CU_ASSERT_TRUE(bed_message_has("version 0, this build speaks 1"));
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    vain_fail_clear();
}

static const struct vain_test tests[] = {
    {"hellos are those of an independent model", hellos_are_those_of_the_model},
    {"a hello fits one session, pair and role only", a_hello_fits_one_session_and_role_only},
    {NULL, NULL},
};
const struct vain_suite vain_suite_hello = {"p2p/hello", tests};
