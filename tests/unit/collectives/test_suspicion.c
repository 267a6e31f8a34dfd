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
    for (uint32_t turn = 0; turn < 100; turn++) {
        CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, turn, out), 1);
        vain_set_add(&chosen, out[0]);
    }
    const struct vain_set expected = all_but(3, -1);
    CU_ASSERT_TRUE(vain_set_equal(&chosen, &expected));
}

/* Attempts until none of the spoilers takes part, as one member's proposals go; 0: never. */
static int attempts_until_good(struct vain_suspicion *suspicion, const struct vain_set *spoilers,
                               uint32_t turn, struct vain_set *good)
{
    const struct vain_set all = vain_set_first(MEMBERS);
    int out[MEMBERS];
    *good = all;
    for (int attempt = 1; attempt <= 200; attempt++) {
        *good = all;
        const int count = vain_suspicion_choose(suspicion, &all, turn + (uint32_t)attempt, out);
        CU_ASSERT(count <= 2); /* five of seven are a quorum */
        for (int i = 0; i < count; i++)
            vain_set_remove(good, out[i]);
        const struct vain_set both = vain_set_both(good, spoilers);
        if (vain_set_count(&both) == 0)
            return attempt;
        vain_suspicion_failure(suspicion, good, -1);
    }
    return 0;
}

/* One that spoils every exchange that it is in is soon left out, whoever it is and whoever looks;
 * and stays out for the rounds that are said. */
static void who_is_in_every_failure_is_found(void)
{
    for (int own = 0; own < MEMBERS; own++) {
        for (int spoiler = 0; spoiler < MEMBERS; spoiler++) {
            struct vain_suspicion suspicion;
            struct vain_set spoilers = {{0}}, good;
            int out[MEMBERS];
            const struct vain_set all = vain_set_first(MEMBERS);
            if (spoiler == own)
                continue;
            vain_set_add(&spoilers, spoiler);
            vain_suspicion_init(&suspicion, MEMBERS, own);
            const int attempts = attempts_until_good(&suspicion, &spoilers, 0, &good);
            CU_ASSERT(attempts >= 2 && attempts <= 8);
            vain_suspicion_good_round(&suspicion, &good);
            const int count = vain_suspicion_choose(&suspicion, &all, 0, out);
            CU_ASSERT(count >= 1);
            CU_ASSERT(out[0] == spoiler || (count == 2 && out[1] == spoiler));
        }
    }
}

/* Two at a time must be out together: there are 15 pairs of the six others, and failures tell
 * little of which. */
static void two_are_found_too(void)
{
    int most = 0, sum = 0, tries = 0;
    for (int one = 1; one < MEMBERS; one++) {
        for (int other = one + 1; other < MEMBERS; other++) {
            for (uint32_t turn = 0; turn < 100; turn++) {
                struct vain_suspicion suspicion;
                struct vain_set spoilers = {{0}}, good;
                vain_set_add(&spoilers, one);
                vain_set_add(&spoilers, other);
                vain_suspicion_init(&suspicion, MEMBERS, 0);
                const int attempts = attempts_until_good(&suspicion, &spoilers, 1000 * turn, &good);
                CU_ASSERT(attempts > 0);
                most = attempts > most ? attempts : most;
                sum += attempts;
                tries++;
            }
        }
    }
    CU_ASSERT(most < 200);
    CU_ASSERT(sum <= 20 * tries);
}

/* Left out once, an innocent one is in again when its count is gone, or an exchange without it is
 * spoilt as well. */
static void nobody_is_left_out_for_ever(void)
{
    struct vain_suspicion suspicion;
    int out[MEMBERS];
    const struct vain_set all = vain_set_first(MEMBERS), without = all_but(4, -1);
    vain_suspicion_init(&suspicion, MEMBERS, 0);
    vain_suspicion_failure(&suspicion, &all, -1);
    for (int round = 0; round < VAIN_SUSPICION_FAILURE * VAIN_SUSPICION_OUTSIDE; round++) {
        CU_ASSERT(round < 4 || suspicion.counts[4] > 0);
        vain_suspicion_good_round(&suspicion, &without);
    }
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 1, out), 0);
    vain_suspicion_failure(&suspicion, &all, -1);
    vain_suspicion_failure(&suspicion, &without, -1);
    for (uint32_t turn = 0; turn < 50; turn++) {
        const int count = vain_suspicion_choose(&suspicion, &all, turn, out);
        CU_ASSERT_EQUAL(count, 2);
        CU_ASSERT(out[0] != 4 && out[1] != 4);
    }
}

/* Each failure leaves one more out, as long as a quorum is left; a round that goes well with some
 * of them shows that so many were not needed. */
static void no_more_are_left_out_than_it_takes(void)
{
    struct vain_suspicion suspicion;
    int out[MEMBERS];
    const struct vain_set all = vain_set_first(MEMBERS), good = all_but(1, -1);
    vain_suspicion_init(&suspicion, MEMBERS, 0);
    for (int failures = 1; failures <= 4; failures++) {
        vain_suspicion_failure(&suspicion, &all, -1);
        CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 0, out),
                        failures < 2 ? failures : 2);
    }
    vain_suspicion_good_round(&suspicion, &good);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 0, out), 1);
    CU_ASSERT_EQUAL(out[0], 1);
    vain_suspicion_good_round(&suspicion, &all);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &all, 0, out), 0);
}

/* Who is not there is done without already. */
static void who_is_not_there_counts(void)
{
    struct vain_suspicion suspicion;
    int out[MEMBERS];
    const struct vain_set all = vain_set_first(MEMBERS), there = all_but(4, -1);
    vain_suspicion_init(&suspicion, MEMBERS, 0);
    vain_suspicion_failure(&suspicion, &all, -1);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &there, 2, out), 0);
    vain_suspicion_failure(&suspicion, &all, -1);
    CU_ASSERT_EQUAL(vain_suspicion_choose(&suspicion, &there, 2, out), 1);
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
    vain_suspicion_seen(&suspicion, &(struct vain_set){{0}}); /* what is proven stays */
    CU_ASSERT_EQUAL(suspicion.counts[6], VAIN_SUSPICION_PROVEN);
    for (int failures = 0; failures < 1000; failures++)
        vain_suspicion_failure(&suspicion, &all, 6);
    CU_ASSERT_EQUAL(suspicion.counts[6], VAIN_SUSPICION_MOST);
}

static const struct vain_test tests[] = {
    {"nobody is left out without a reason", nobody_is_left_out_without_a_reason},
    {"equals take turns", equals_take_turns},
    {"who is in every failure is found", who_is_in_every_failure_is_found},
    {"two are found too", two_are_found_too},
    {"nobody is left out for ever", nobody_is_left_out_for_ever},
    {"no more are left out than it takes", no_more_are_left_out_than_it_takes},
    {"who is not there counts", who_is_not_there_counts},
    {"who is proven comes first", who_is_proven_comes_first},
    {NULL, NULL},
};
const struct vain_suite vain_suite_suspicion = {"suspicion", tests};
