#include "base/timestamp.h"

#include "tests/unit/suite.h"

#include <string.h>

/* By Python's datetime (an independent calendar). */
static const struct {
    int64_t ms;
    const char *text;
} known[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {951782399999, "2000-02-28T23:59:59.999Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"},
    {951868800000, "2000-03-01T00:00:00.000Z"},
    {1709164800000, "2024-02-29T00:00:00.000Z"},
    {1793275200123, "2026-10-29T12:00:00.123Z"},
    {4107542400000, "2100-03-01T00:00:00.000Z"},
    {4107456000000, "2100-02-28T00:00:00.000Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
};

static void test_known_times(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(known); i++) {
        char text[VAIN_TIMESTAMP_BYTES];
        int64_t ms;
        vain_timestamp_format(known[i].ms, text);
        CU_ASSERT_STRING_EQUAL(text, known[i].text);
        CU_ASSERT_TRUE(vain_timestamp_parse(known[i].text, &ms));
        CU_ASSERT_EQUAL(ms, known[i].ms);
    }
}

/* Every day of 400 years: the text of one is the next of the other, and parse undoes format. */
static void test_every_day_of_a_cycle(void)
{
    char last[VAIN_TIMESTAMP_BYTES] = "", text[VAIN_TIMESTAMP_BYTES];
    for (int64_t day = 0; day < 146097; day++) {
        int64_t ms;
        vain_timestamp_format(day * 86400000, text);
        CU_ASSERT_TRUE_FATAL(vain_timestamp_parse(text, &ms));
        CU_ASSERT_EQUAL_FATAL(ms, day * 86400000);
        CU_ASSERT_FATAL(strcmp(last, text) < 0);
        memcpy(last, text, sizeof last);
    }
}

static void test_ends_are_held(void)
{
    char text[VAIN_TIMESTAMP_BYTES];
    vain_timestamp_format(-1, text);
    CU_ASSERT_STRING_EQUAL(text, "1970-01-01T00:00:00.000Z");
    vain_timestamp_format(INT64_MAX, text);
    CU_ASSERT_STRING_EQUAL(text, "9999-12-31T23:59:59.999Z");
}

static void test_other_texts_are_refused(void)
{
    static const char *const wrong[] = {
        "",
        "2026-10-29T12:00:00Z",
        "2026-10-29 12:00:00.123Z",
        "2026-10-29T12:00:00.123z",
        "2026-10-29T12:00:00.123",
        "2026-10-29T12:00:00.123ZZ",
        "2026-02-29T12:00:00.123Z",
        "2100-02-29T00:00:00.000Z",
        "2026-13-01T12:00:00.123Z",
        "2026-00-01T12:00:00.123Z",
        "2026-01-00T12:00:00.123Z",
        "2026-01-32T12:00:00.123Z",
        "2026-10-29T24:00:00.123Z",
        "2026-10-29T12:60:00.123Z",
        "2026-10-29T12:00:60.123Z",
        "2026-10-29T12:00:00,123Z",
        "1969-12-31T23:59:59.999Z",
        "+026-10-29T12:00:00.123Z",
        "2026-1 -29T12:00:00.123Z",
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(wrong); i++) {
        int64_t ms = 1;
        CU_ASSERT_FALSE(vain_timestamp_parse(wrong[i], &ms));
        CU_ASSERT_EQUAL(ms, 0);
    }
}

static const struct vain_test tests[] = {
    {"times that a calendar knows", test_known_times},
    {"every day of 400 years goes there and back", test_every_day_of_a_cycle},
    {"what is out of range is held at the ends", test_ends_are_held},
    {"other texts are refused", test_other_texts_are_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_timestamp = {"timestamp", tests};
