/* Headers of frames: one encoding each, every refusal by name. */
#include "collectives/frame.h"

#include <string.h>

#include "collectives/transport.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

/* A fragment, word of readiness, and an abort: as they lie on the wire. */
static const struct {
    struct vain_frame frame;
    const char *hex;
} golden[] = {
    {{VAIN_FRAME_MESSAGE, 2, 0x1122334455667788, 5, 0x020304, 0x020000, 0x0304},
     "010001000200000088776655443322110500000000000000"
     "040302000000000000000200000000000403000000000000"},
    {{VAIN_FRAME_READY, 63, 1, 0xffffffff, 1025, 0, 0},
     "01000200"
     "3f0000000100000000000000ffffffff00000000"
     "010400000000000000000000000000000000000000000000"},
    {{VAIN_FRAME_ABORT, 0, UINT64_MAX, 7, 0, 0, 0},
     "0100030000000000ffffffffffffffff0700000000000000"
     "000000000000000000000000000000000000000000000000"},
};

static void check_same(const struct vain_frame *a, const struct vain_frame *b)
{
    CU_ASSERT_EQUAL(a->kind, b->kind);
    CU_ASSERT_EQUAL(a->tag, b->tag);
    CU_ASSERT_EQUAL(a->group, b->group);
    CU_ASSERT_EQUAL(a->index, b->index);
    CU_ASSERT_EQUAL(a->message_bytes, b->message_bytes);
    CU_ASSERT_EQUAL(a->offset, b->offset);
    CU_ASSERT_EQUAL(a->bytes, b->bytes);
}

static void headers_of_version_1_are_these_bytes(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(golden); i++) {
        uint8_t expected[VAIN_FRAME_BYTES], data[VAIN_FRAME_BYTES];
        struct vain_frame back;
        CU_ASSERT_EQUAL_FATAL(test_hex(golden[i].hex, expected, sizeof expected), VAIN_FRAME_BYTES);
        vain_frame_encode(&golden[i].frame, data);
        CU_ASSERT_EQUAL(memcmp(data, expected, sizeof data), 0);
        CU_ASSERT_EQUAL(vain_frame_decode(expected, &back), VAIN_OK);
        check_same(&back, &golden[i].frame);
    }
}

static void edges_go_round(void)
{
    static const struct vain_frame frames[] = {
        {VAIN_FRAME_MESSAGE, 1, 0, 0, 0, 0, 0},
        {VAIN_FRAME_MESSAGE, VAIN_TAG_END - 1, 1, UINT64_MAX, 1, 0, 1},
        {VAIN_FRAME_MESSAGE, 1, 1, 0, VAIN_FRAGMENT_BYTES, 0, VAIN_FRAGMENT_BYTES},
        {VAIN_FRAME_MESSAGE, 1, 1, 0, UINT64_MAX, UINT64_MAX - 1, 1},
        {VAIN_FRAME_READY, 1, 0, 0, 0, 0, 0},
        {VAIN_FRAME_READY, 1, 0, UINT64_MAX, UINT64_MAX, 0, 0},
        {VAIN_FRAME_ABORT, 0, 0, UINT64_MAX, 0, 0, 0},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(frames); i++) {
        uint8_t data[VAIN_FRAME_BYTES];
        struct vain_frame back;
        vain_frame_encode(&frames[i], data);
        CU_ASSERT_EQUAL(vain_frame_decode(data, &back), VAIN_OK);
        check_same(&back, &frames[i]);
    }
}

static void check_refused(const uint8_t data[VAIN_FRAME_BYTES], const char *why)
{
    struct vain_frame frame;
    char expected[100] = "frame header: ";
    memcpy(expected + strlen(expected), why, strlen(why) + 1);
    CU_ASSERT_EQUAL(vain_frame_decode(data, &frame), VAIN_ERR_CORRUPT);
    CU_ASSERT_STRING_EQUAL(vain_fail_message(), expected);
    vain_fail_clear();
}

static void what_does_not_fit_is_refused_by_name(void)
{
    static const struct {
        struct vain_frame frame;
        const char *why;
    } rows[] = {
        {{VAIN_FRAME_ABORT, 1, 1, 0, 0, 0, 0}, "an abort with a tag or bytes"},
        {{VAIN_FRAME_ABORT, 0, 1, 0, 1, 0, 0}, "an abort with a tag or bytes"},
        {{VAIN_FRAME_ABORT, 0, 1, 0, 0, 1, 0}, "an abort with a tag or bytes"},
        {{VAIN_FRAME_ABORT, 0, 1, 0, 0, 0, 1}, "an abort with a tag or bytes"},
        {{(enum vain_frame_kind)0, 1, 1, 0, 0, 0, 0}, "an unknown kind"},
        {{(enum vain_frame_kind)4, 1, 1, 0, 0, 0, 0}, "an unknown kind"},
        {{VAIN_FRAME_MESSAGE, 0, 1, 0, 1, 0, 1}, "an unknown tag"},
        {{VAIN_FRAME_MESSAGE, VAIN_TAG_END, 1, 0, 1, 0, 1}, "an unknown tag"},
        {{VAIN_FRAME_READY, 0, 1, 0, 1, 0, 0}, "an unknown tag"},
        {{VAIN_FRAME_READY, UINT32_MAX, 1, 0, 1, 0, 0}, "an unknown tag"},
        {{VAIN_FRAME_READY, 1, 1, 0, 9, 1, 0}, "bytes behind word of readiness"},
        {{VAIN_FRAME_READY, 1, 1, 0, 9, 0, 1}, "bytes behind word of readiness"},
        {{VAIN_FRAME_MESSAGE, 1, 1, 0, UINT64_MAX, 0, VAIN_FRAGMENT_BYTES + 1},
         "a fragment that is too long"},
        {{VAIN_FRAME_MESSAGE, 1, 1, 0, 9, 0, 10}, "a fragment beyond the message's end"},
        {{VAIN_FRAME_MESSAGE, 1, 1, 0, 9, 8, 2}, "a fragment beyond the message's end"},
        {{VAIN_FRAME_MESSAGE, 1, 1, 0, 9, 10, 0}, "a fragment beyond the message's end"},
        {{VAIN_FRAME_MESSAGE, 1, 1, 0, 9, UINT64_MAX, 2}, "a fragment beyond the message's end"},
        {{VAIN_FRAME_MESSAGE, 1, 1, 0, UINT64_MAX, UINT64_MAX - 1, 3}, /* the sum is 1 */
         "a fragment beyond the message's end"},
        {{VAIN_FRAME_MESSAGE, 1, 1, 0, 9, 0, 0}, "an empty fragment"},
        {{VAIN_FRAME_MESSAGE, 1, 1, 0, 9, 9, 0}, "an empty fragment"},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        uint8_t data[VAIN_FRAME_BYTES];
        vain_frame_encode(&rows[i].frame, data);
        check_refused(data, rows[i].why);
    }
}

static void another_version_and_unused_bytes_are_refused(void)
{
    enum { VERSION_BYTES = 2, ZERO_AT = 44 };
    uint8_t data[VAIN_FRAME_BYTES];
    for (size_t i = 0; i < VAIN_COUNT_OF(golden); i++) {
        vain_frame_encode(&golden[i].frame, data);
        for (int at = 0; at < VAIN_FRAME_BYTES; at++) {
            if (at >= VERSION_BYTES && at < ZERO_AT)
                continue;
            data[at] ^= 2;
            check_refused(data, at < ZERO_AT ? "another version" : "bytes where zeros belong");
            data[at] ^= 2;
        }
    }
    memset(data, 0, sizeof data);
    check_refused(data, "another version");
    memset(data, 0xff, sizeof data);
    check_refused(data, "another version");
}

static const struct vain_test tests[] = {
    {"headers of version 1 are these bytes", headers_of_version_1_are_these_bytes},
    {"edges go round", edges_go_round},
    {"what does not fit is refused by name", what_does_not_fit_is_refused_by_name},
    {"another version and unused bytes are refused", another_version_and_unused_bytes_are_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_frame = {"frame", tests};
