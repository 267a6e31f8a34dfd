#include "jobs/record_line.h"

#include "tests/unit/suite.h"

enum { LISTED = 7 };

static struct vain_set set_of(const char *digits)
{
    struct vain_set set = {{0}};
    for (; *digits != '\0'; digits++)
        vain_set_add(&set, *digits - '0');
    return set;
}

/* Each row follows those before it that were taken. */
static void a_quorum_of_those_before_decides(void)
{
    static const struct {
        uint64_t epoch;
        const char *set;
        bool follows;
        int needed;
    } rows[] = {
        {1, "0123", false, 5},   /* a start takes five of the seven */
        {1, "01234", true, 5},   /* quorum of 5: 4 */
        {1, "012", false, 4},    /* too few */
        {1, "01256", false, 4},  /* enough, but two of them have no say */
        {1, "012356", true, 4},  /* those who joined are members of the next */
        {1, "01235", true, 5},   /* quorum of 6: 5 */
        {1, "0123", true, 4},    /* one less at a time ... */
        {1, "012", true, 3},     /* quorum of 4: 3 */
        {1, "01", false, 3},     /* quorum of 3: 3 */
        {1, "0123456", true, 3}, /* all are back */
        {3, "2345", false, 5},   /* another epoch begins like the first */
        {3, "23456", true, 5},   {2, "0123456", false, 4}, /* and none ends one that came later */
    };
    struct vain_record_line line;
    vain_record_line_start(&line, LISTED);
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        const struct vain_set set = set_of(rows[i].set);
        struct vain_record_needs needs = {0};
        CU_ASSERT_EQUAL(vain_record_line_take(&line, rows[i].epoch, &set, &set, &needs),
                        rows[i].follows);
        CU_ASSERT_EQUAL(needs.members, rows[i].needed);
    }
}

static void what_is_trusted_is_gone_on_from(void)
{
    struct vain_record_line line;
    const struct vain_set three = set_of("456");
    struct vain_record_needs needs;
    vain_record_line_start(&line, LISTED);
    vain_record_line_trust(&line, 9, &three);
    CU_ASSERT_TRUE(vain_record_line_take(&line, 9, &three, &three, &needs));
    vain_record_line_start(&line, LISTED);
    CU_ASSERT_FALSE(vain_record_line_take(&line, 9, &three, &three, &needs));
}

/* Whoever a record names: one member could name a quorum. */
static void more_than_f_of_who_decides_have_signed(void)
{
    static const struct {
        const char *set, *signers;
        bool follows;
        int needed;
    } rows[] = {
        {"01234", "01", false, 3}, /* of seven two may lie */
        {"01234", "012", true, 3}, {"0123", "0", false, 2}, {"01236", "06", false, 2},
        {"01236", "016", true, 2}, {"0123", "01", true, 2}, {"012", "0", false, 2},
        {"012", "01", true, 2},    {"012", "2", true, 1}, /* of three nobody may */
    };
    struct vain_record_line line;
    vain_record_line_start(&line, LISTED);
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        const struct vain_set set = set_of(rows[i].set), signers = set_of(rows[i].signers);
        struct vain_record_needs needs = {0};
        CU_ASSERT_EQUAL(vain_record_line_take(&line, 1, &set, &signers, &needs), rows[i].follows);
        CU_ASSERT_EQUAL(needs.signatures, rows[i].needed);
    }
}

static const struct vain_test tests[] = {
    {"a quorum of those before decides", a_quorum_of_those_before_decides},
    {"what is trusted is gone on from", what_is_trusted_is_gone_on_from},
    {"more than f of who decides have signed", more_than_f_of_who_decides_have_signed},
    {NULL, NULL},
};
const struct vain_suite vain_suite_record_line = {"jobs/record line", tests};
