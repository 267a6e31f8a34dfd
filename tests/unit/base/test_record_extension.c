/* What a record says beyond its fixed part, and that other lengths are not taken for it. */
#include "base/record_extension.h"

#include <string.h>

#include "tests/unit/suite.h"

enum { MEMBERS = 3 };

static struct vain_record_member members[MEMBERS];

static struct vain_record empty(void)
{
    return (struct vain_record){.member_count = MEMBERS, .members = members};
}

static void privacy_is_what_was_added(void)
{
    for (int bits = 0; bits < 4; bits++) {
        struct vain_record record = empty();
        uint8_t bytes[VAIN_EXTENSION_PRIVACY_BYTES];
        CU_ASSERT_FALSE(vain_record_privacy_of(&record).known);
        vain_record_add_privacy(&record, (bits & 1) != 0, (bits & 2) != 0, bytes);
        const struct vain_record_privacy privacy = vain_record_privacy_of(&record);
        CU_ASSERT_TRUE(privacy.known);
        CU_ASSERT_EQUAL(privacy.masked, (bits & 1) != 0);
        CU_ASSERT_EQUAL(privacy.keys_pinned, (bits & 2) != 0);
        record.extensions[0].bytes = 1;
        CU_ASSERT_FALSE(vain_record_privacy_of(&record).known);
    }
}

static void inputs_are_those_that_were_dropped(void)
{
    static const uint32_t inputs[MEMBERS] = {0, 70000, 1}, none[MEMBERS];
    uint8_t bytes[MEMBERS * VAIN_EXTENSION_DROPPED_BYTES];
    struct vain_record record = empty();
    vain_record_add_dropped(&record, none, bytes);
    CU_ASSERT_EQUAL(record.extension_count, 0);
    vain_record_add_dropped(&record, inputs, bytes);
    CU_ASSERT_EQUAL(record.extensions[0].bytes, 2 * VAIN_EXTENSION_DROPPED_BYTES);
    for (int i = 0; i < MEMBERS; i++)
        CU_ASSERT_EQUAL(vain_record_dropped_of(&record, i), inputs[i]);
    record.extensions[0].bytes--;
    CU_ASSERT_EQUAL(vain_record_dropped_of(&record, 1), 0);
}

static void commitments_are_those_of_the_members(void)
{
    uint8_t roots[MEMBERS][VAIN_HASH_BYTES];
    struct vain_record record = empty();
    for (int i = 0; i < MEMBERS; i++)
        memset(roots[i], i + 1, sizeof roots[i]);
    CU_ASSERT_PTR_NULL(vain_record_commitment_of(&record, 0));
    vain_record_add_commitments(&record, roots[0]);
    CU_ASSERT_EQUAL(record.extensions[0].type, 3);
    for (int i = 0; i < MEMBERS; i++)
        CU_ASSERT_PTR_EQUAL(vain_record_commitment_of(&record, i), roots[i]);
    record.extensions[0].bytes -= VAIN_HASH_BYTES; /* of another number of members */
    CU_ASSERT_PTR_NULL(vain_record_commitment_of(&record, 0));
}

static void what_comes_next_is_what_was_added(void)
{
    const struct vain_record_next added = {true, -3, 1 << 30, {7, 8, 9}};
    static const uint8_t head[] = {0xfd, 0xff, 0xff, 0xff, 0, 0, 0, 0x40, 7, 8, 9, 0};
    uint8_t bytes[VAIN_EXTENSION_NEXT_BYTES];
    struct vain_record record = empty();
    CU_ASSERT_FALSE(vain_record_next_of(&record).known);
    vain_record_add_next(&record, &added, bytes);
    CU_ASSERT_EQUAL(record.extensions[0].type, 4);
    CU_ASSERT_EQUAL(record.extensions[0].bytes, 40);
    CU_ASSERT_EQUAL(memcmp(bytes, head, sizeof head), 0);
    const struct vain_record_next read = vain_record_next_of(&record);
    CU_ASSERT(read.known && read.range_exponent == -3 && read.bound_exponent == 1 << 30);
    CU_ASSERT_EQUAL(memcmp(read.momentum_hash, added.momentum_hash, VAIN_HASH_BYTES), 0);
    record.extensions[0].bytes--;
    CU_ASSERT_FALSE(vain_record_next_of(&record).known);
}

static const struct vain_test tests[] = {
    {"privacy is what was added", privacy_is_what_was_added},
    {"inputs are those that were dropped", inputs_are_those_that_were_dropped},
    {"commitments are those of the members", commitments_are_those_of_the_members},
    {"what comes next is what was added", what_comes_next_is_what_was_added},
    {NULL, NULL},
};
const struct vain_suite vain_suite_record_extension = {"base/record_extension", tests};
