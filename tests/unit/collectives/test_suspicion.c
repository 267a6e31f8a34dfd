#include "collectives/suspicion.h"

#include "tests/unit/suite.h"

enum { MEMBERS = 7 };

static struct vain_set all_but(int left_out, int other)
{
    struct vain_set set = vain_set_first(MEMBERS);
    if (left_out >= 0)
        vain_set_remove(&set, left_out);
    if (other >= 0)
        vain_set_remove(&set, other);
    return set;
}

static void nobody_is_left_out_without_a_reason(void)
{
    struct vain_suspicion suspicion;
    int out[MEMBERS];
    const struct vain_set all = vain_set_first(MEMBERS);
    vain_suspicion_init(&suspicion, MEMBERS, 3);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 1, out), 0);
    vain_suspicion_seen(&suspicion, &all);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 1, out), 0);
    vain_suspicion_good_round(&suspicion, &all);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 1, out), 0);
}

/* Of equals each has its turn, but never this member. */
static void equals_take_turns(void)
{
    struct vain_suspicion suspicion;
    struct vain_set chosen = {{0}};
    int out[MEMBERS];
    const struct vain_set all = vain_set_first(MEMBERS);
    vain_suspicion_init(&suspicion, MEMBERS, 3);
    vain_suspicion_failure(&suspicion, &all, -1);
    for (uint32_t turn = 0; turn < MEMBERS; turn++) {
        CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, turn, out), 1);
        vain_set_add(&chosen, out[0]);
    }
    const struct vain_set expected = all_but(3, -1);
    CU_ASSERT_TRUE(vain_set_equal(&chosen, &expected));
}

/* One that spoils every exchange that it is in is found in as many as there are members, whoever it
 * is and whoever looks; and stays out for the rounds that are said. */
static void who_is_in_every_failure_is_found(void)
{
    for (int own = 0; own < MEMBERS; own++) {
        for (int spoiler = 0; spoiler < MEMBERS; spoiler++) {
            struct vain_suspicion suspicion;
            const struct vain_set all = vain_set_first(MEMBERS);
            struct vain_set set = all;
            int out[MEMBERS], failures = 0;
            if (spoiler == own)
                continue;
            vain_suspicion_init(&suspicion, MEMBERS, own);
            for (uint32_t turn = 0; vain_set_has(&set, spoiler); turn++) {
                vain_suspicion_failure(&suspicion, &set, -1);
                failures++;
                suspicion.left_out = 1; /* as few as can be */
                CU_ASSERT_EQUAL_FATAL(vain_suspicion_choose(&suspicion, &all, turn, out), 1);
                set = all_but(out[0], -1);
                CU_ASSERT_FATAL(failures < MEMBERS);
            }
            for (int round = 1; round < VAIN_SUSPICION_ROUNDS; round++) {
                vain_suspicion_good_round(&suspicion, &set);
                CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 0, out), 1);
                CU_ASSERT_EQUAL(out[0], spoiler);
            }
            vain_suspicion_good_round(&suspicion, &set);
            CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 0, out), 0);
        }
    }
}

/* Each failure leaves one more out; a round that goes well with some of them shows that so many
 * were not needed. */
static void no_more_are_left_out_than_it_takes(void)
{
    struct vain_suspicion suspicion;
    int out[MEMBERS];
    const struct vain_set all = vain_set_first(MEMBERS), good = all_but(1, 5);
    vain_suspicion_init(&suspicion, MEMBERS, 0);
    for (int failures = 1; failures <= 4; failures++) {
        vain_suspicion_failure(&suspicion, &all, -1);
        CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 0, out), failures);
    }
    vain_suspicion_good_round(&suspicion, &good);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 0, out), 2);
    CU_ASSERT_EQUAL(out[0], 1);
    CU_ASSERT_EQUAL(out[1], 5);
    vain_suspicion_good_round(&suspicion, &all);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 0, out), 0);
}

/* Who is not ready is done without already. */
static void who_is_not_there_counts(void)
{
    struct vain_suspicion suspicion;
    int out[MEMBERS];
    const struct vain_set all = vain_set_first(MEMBERS), ready = all_but(4, -1);
    vain_suspicion_init(&suspicion, MEMBERS, 0);
    vain_suspicion_failure(&suspicion, &all, -1);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &ready, 2, out), 0);
    vain_suspicion_failure(&suspicion, &ready, -1);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &ready, 2, out), 1);
    CU_ASSERT_EQUAL(out[0], 2);
}

static void who_is_proven_comes_first(void)
{
    struct vain_suspicion suspicion;
    int out[MEMBERS];
    const struct vain_set all = vain_set_first(MEMBERS);
    vain_suspicion_init(&suspicion, MEMBERS, 0);
    vain_suspicion_failure(&suspicion, &all, 6);
    for (uint32_t turn = 0; turn < MEMBERS; turn++) {
        CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, turn, out), 1);
        CU_ASSERT_EQUAL(out[0], 6);
    }
    for (int failures = 0; failures < 1 << 20; failures++)
        vain_suspicion_failure(&suspicion, &all, 6); /* counts end somewhere */
    CU_ASSERT(suspicion.counts[6] <= VAIN_SUSPICION_MOST);
    CU_ASSERT(suspicion.left_out <= MEMBERS);
}

static const struct vain_test tests[] = {
    {"nobody is left out without a reason", nobody_is_left_out_without_a_reason},
    {"equals take turns", equals_take_turns},
    {"who is in every failure is found", who_is_in_every_failure_is_found},
    {"no more are left out than it takes", no_more_are_left_out_than_it_takes},
    {"who is not there counts", who_is_not_there_counts},
    {"who is proven comes first", who_is_proven_comes_first},
    {NULL, NULL},
};
const struct vain_suite vain_suite_suspicion = {"suspicion", tests};
