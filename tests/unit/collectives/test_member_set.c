/* Sets of members: every call against a plain array of flags. */
#include "collectives/member_set.h"

#include "tests/unit/suite.h"

static bool flags[VAIN_MEMBERS_MAX];

/* Every third, every 64th, and the ends of words. */
static struct vain_set some(void)
{
    struct vain_set set = {{0}};
    for (int i = 0; i < VAIN_MEMBERS_MAX; i++) {
        flags[i] = i % 3 == 1 || i % 64 == 0 || i % 64 == 63;
        if (flags[i])
            vain_set_add(&set, i);
    }
    return set;
}

static void finds_members_and_places(void)
{
    const struct vain_set set = some();
    int place = 0, next = vain_set_next(&set, 0);
    for (int i = 0; i < VAIN_MEMBERS_MAX; i++) {
        CU_ASSERT_EQUAL(vain_set_has(&set, i), flags[i]);
        CU_ASSERT_EQUAL(vain_set_place(&set, i), flags[i] ? place : -1);
        if (!flags[i])
            continue;
        CU_ASSERT_EQUAL(next, i);
        CU_ASSERT_EQUAL(vain_set_at(&set, place), i);
        next = vain_set_next(&set, i + 1);
        place++;
    }
    CU_ASSERT_EQUAL(next, -1);
    CU_ASSERT_EQUAL(vain_set_count(&set), place);
}

/* Words without members lie between them. */
static void passes_over_empty_words(void)
{
    struct vain_set set = {{0}};
    static const int members[] = {5, 64, 260, VAIN_MEMBERS_MAX - 1};
    for (size_t i = 0; i < VAIN_COUNT_OF(members); i++)
        vain_set_add(&set, members[i]);
    int next = -1;
    for (size_t i = 0; i < VAIN_COUNT_OF(members); i++) {
        next = vain_set_next(&set, next + 1);
        CU_ASSERT_EQUAL(next, members[i]);
    }
    CU_ASSERT_EQUAL(vain_set_next(&set, VAIN_MEMBERS_MAX), -1);
}

static void adds_removes_and_meets(void)
{
    struct vain_set set = vain_set_first(70), other = some();
    const struct vain_set both = vain_set_both(&set, &other);
    CU_ASSERT_EQUAL(vain_set_count(&set), 70);
    for (int i = 0; i < VAIN_MEMBERS_MAX; i++)
        CU_ASSERT_EQUAL(vain_set_has(&both, i), i < 70 && flags[i]);
    vain_set_remove(&set, 69);
    const struct vain_set first = vain_set_first(69);
    CU_ASSERT_TRUE(vain_set_equal(&set, &first));
    CU_ASSERT_FALSE(vain_set_equal(&set, &both));
}

static void reads_what_it_writes(void)
{
    uint8_t bytes[VAIN_SET_BYTES];
    struct vain_writer writer;
    struct vain_reader reader;
    struct vain_set set = vain_set_first(3), back;
    vain_set_add(&set, 65);
    vain_writer_init(&writer, bytes, sizeof bytes);
    vain_set_write(&writer, &set);
    CU_ASSERT_EQUAL(writer.position, VAIN_SET_BYTES);
    CU_ASSERT_EQUAL(bytes[0], 7);
    CU_ASSERT_EQUAL(bytes[8], 2);
    vain_reader_init(&reader, bytes, sizeof bytes);
    CU_ASSERT_TRUE(vain_set_read(&reader, 66, &back));
    CU_ASSERT_TRUE(vain_reader_done(&reader));
    CU_ASSERT_TRUE(vain_set_equal(&set, &back));
    vain_reader_init(&reader, bytes, sizeof bytes);
    CU_ASSERT_FALSE(vain_set_read(&reader, 65, &back)); /* a member that there is not */
    vain_reader_init(&reader, bytes, sizeof bytes - 1);
    (void)vain_set_read(&reader, 66, &back);
    CU_ASSERT_TRUE(reader.failed);
}

static const struct vain_test tests[] = {
    {"members are found, and their places", finds_members_and_places},
    {"empty words are passed over", passes_over_empty_words},
    {"members are added, removed and met", adds_removes_and_meets},
    {"what is written is read", reads_what_it_writes},
    {NULL, NULL},
};
const struct vain_suite vain_suite_member_set = {"member_set", tests};
