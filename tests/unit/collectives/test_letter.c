/* Heads of letters: one encoding each, every refusal by name. */
#include "collectives/letter.h"

#include <string.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

static const struct {
    struct vain_letter_head head;
    const char *hex;
} golden[] = {
    {{VAIN_LETTER_FETCH_PART, 0x030201},
     "564c5452"
     "2300"
     "0000"
     "01020300"
     "00000000"},
    {{1, 0},
     "564c5452"
     "0100"
     "0000"
     "00000000"
     "00000000"},
    {{UINT16_MAX, VAIN_LETTER_BYTES_MAX},
     "564c5452"
     "ffff"
     "0000"
     "00001000"
     "00000000"},
};

static void heads_are_these_bytes(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(golden); i++) {
        uint8_t expected[VAIN_LETTER_HEAD_BYTES], data[VAIN_LETTER_HEAD_BYTES];
        struct vain_letter_head back;
        CU_ASSERT_EQUAL_FATAL(test_hex(golden[i].hex, expected, sizeof expected), sizeof expected);
        vain_letter_head_encode(&golden[i].head, data);
        CU_ASSERT_EQUAL(memcmp(data, expected, sizeof data), 0);
        CU_ASSERT_EQUAL(vain_letter_head_decode(expected, &back), VAIN_OK);
        CU_ASSERT_EQUAL(back.kind, golden[i].head.kind);
        CU_ASSERT_EQUAL(back.bytes, golden[i].head.bytes);
    }
}

static void check_refused(const char *hex, const char *why)
{
    uint8_t data[VAIN_LETTER_HEAD_BYTES];
    struct vain_letter_head head;
    char expected[100] = "head of a letter: ";
    memcpy(expected + strlen(expected), why, strlen(why) + 1);
    CU_ASSERT_EQUAL_FATAL(test_hex(hex, data, sizeof data), sizeof data);
    CU_ASSERT_EQUAL(vain_letter_head_decode(data, &head), VAIN_ERR_CORRUPT);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), expected);
    vain_fail_clear();
}

static void what_is_no_head_is_refused_by_name(void)
{
    check_refused("00000000000000000000000000000000", "something that is no letter");
    check_refused("ffffffffffffffffffffffffffffffff", "something that is no letter");
    check_refused("52544c56010000000000000000000000", "something that is no letter");
    check_refused("564c5452000000000000000000000000", "a letter without a kind");
    check_refused("564c5452010001000000000000000000", "bytes where zeros belong");
    check_refused("564c5452010000800000000000000000", "bytes where zeros belong");
    check_refused("564c5452010000000000000001000000", "bytes where zeros belong");
    check_refused("564c5452010000000000000000000080", "bytes where zeros belong");
    check_refused("564c5452010000000100100000000000", "a body that is too large");
    check_refused("564c545201000000ffffffff00000000", "a body that is too large");
}

/* Of kind and length many values are right; of everything else only one is. */
static void every_other_bit_counts(void)
{
    uint8_t data[VAIN_LETTER_HEAD_BYTES];
    struct vain_letter_head head;
    for (int bit = 0; bit < 8 * VAIN_LETTER_HEAD_BYTES; bit++) {
        const int byte = bit / 8;
        if (byte == 4 || byte == 5 || (byte >= 8 && byte < 12))
            continue;
        vain_letter_head_encode(&golden[0].head, data);
        data[byte] ^= (uint8_t)(1 << bit % 8);
        CU_ASSERT_EQUAL(vain_letter_head_decode(data, &head), VAIN_ERR_CORRUPT);
    }
    vain_fail_clear();
}

static const struct vain_test tests[] = {
    {"heads are these bytes", heads_are_these_bytes},
    {"what is no head is refused by name", what_is_no_head_is_refused_by_name},
    {"every other bit counts", every_other_bit_counts},
    {NULL, NULL},
};
const struct vain_suite vain_suite_letter = {"letter", tests};
