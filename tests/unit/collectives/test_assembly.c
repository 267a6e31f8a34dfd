/* Who takes part, agreed in a simulated world: safety in every run (no two ends of one round, no
 * second vote), liveness after the faults end (everybody comes to the last round with the same
 * state). What is broken on purpose is seen. */
#include "tests/unit/collectives/meeting.h"

#include <stdio.h>

#include "tests/unit/suite.h"

enum { SEEDS = 200, LIAR_SEEDS = 120 };

/* 3 to 8 members, faults from none to a crash of everybody every few seconds. */
static struct meeting_settings settings_of(uint64_t seed)
{
    struct meeting_settings settings = {.seed = seed, .rounds = 20};
    settings.members = 3 + (int)(seed % 5) + (seed % 7 == 0);
    settings.start_quorum = 2 * settings.members / 3 + 1;
    settings.set_min = 1 + (int)(seed % 3);
    settings.crashes_per_mille = seed % 4 == 0 ? 0 : (int)(seed % 30);
    settings.cuts_per_mille = seed % 3 == 0 ? 0 : (int)(seed % 20);
    settings.faults_end_ms = 15000;
    settings.end_ms = 200000;
    settings.redo = seed % 2 == 1;
    return settings;
}

static void agrees_whatever_dies(void)
{
    struct meeting_result sum = {0}, one;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct meeting_settings settings = settings_of(seed);
        const char *broken = meeting_run(&settings, &one);
        if (broken[0] != '\0')
            printf("\n    %s\n", broken);
        CU_ASSERT_STRING_EQUAL(broken, "");
        sum.burned += one.burned;
        sum.failed_attempts += one.failed_attempts;
        sum.fetched += one.fetched;
        sum.lost += one.lost;
    }
    /* The simulation has come to all that it is for. */
    CU_ASSERT(sum.burned > 0);
    CU_ASSERT(sum.failed_attempts > 0);
    CU_ASSERT(sum.fetched > 0);
    CU_ASSERT(sum.lost > 0);
}

/* Up to f liars in each set, since a set is at least 3 f + 1; and members enough without them. */
static void liars_break_nothing(void)
{
    struct meeting_result sum = {0}, one;
    for (uint64_t seed = 1; seed <= LIAR_SEEDS; seed++) {
        struct meeting_settings settings = settings_of(seed);
        settings.members = seed % 4 == 0 ? 9 : 5 + (int)(seed % 3);
        settings.liars = seed % 4 == 0 ? 2 : 1;
        settings.set_min = 3 * settings.liars + 1;
        settings.start_quorum = 2 * settings.members / 3 + 1;
        settings.crashes_per_mille /= 4;
        settings.cuts_per_mille /= 4;
        settings.end_ms = 400000;
        const char *broken = meeting_run(&settings, &one);
        if (broken[0] != '\0')
            printf("\n    %s\n", broken);
        CU_ASSERT_STRING_EQUAL(broken, "");
        sum.misfits += one.misfits;
        sum.distrusted += one.distrusted;
        sum.burned += one.burned;
        sum.lost += one.lost;
    }
    CU_ASSERT(sum.misfits > 0);
    CU_ASSERT(sum.distrusted > 0);
    CU_ASSERT(sum.burned > 0);
    CU_ASSERT(sum.lost > 0);
}

/* A fifth of them die, and come back. */
static void many_members_agree(void)
{
    const struct meeting_settings settings = {.seed = 3,
                                              .members = 100,
                                              .rounds = 4,
                                              .start_quorum = 67,
                                              .set_min = 3,
                                              .crashes_per_mille = 5,
                                              .faults_end_ms = 5000,
                                              .end_ms = 100000};
    struct meeting_result result;
    CU_ASSERT_STRING_EQUAL(meeting_run(&settings, &result), "");
    CU_ASSERT(result.restarts > 10);
    /* From each to each some twenty a round: nothing grows with the cube of the members. */
    CU_ASSERT(result.letters < UINT64_C(100) * 100 * 100);
}

static void is_quick_without_faults(void)
{
    struct meeting_settings settings = settings_of(4);
    struct meeting_result result;
    settings.crashes_per_mille = settings.cuts_per_mille = 0;
    CU_ASSERT_STRING_EQUAL(meeting_run(&settings, &result), "");
    CU_ASSERT_EQUAL(result.failed_attempts, 0);
    CU_ASSERT_EQUAL(result.burned, 0);
}

static void forgotten_votes_are_seen(void)
{
    int seen = 0;
    for (uint64_t seed = 280; seed < 400 && seen == 0; seed++) {
        struct meeting_settings settings = settings_of(seed);
        settings.forget_votes = true;
        seen += meeting_run(&settings, NULL)[0] != '\0';
    }
    CU_ASSERT(seen > 0);
}

static const struct vain_test tests[] = {
    {"members agree whatever dies", agrees_whatever_dies},
    {"up to f liars break nothing", liars_break_nothing},
    {"a hundred members agree", many_members_agree},
    {"without faults no attempt is lost", is_quick_without_faults},
    {"votes that are not durable are seen to break it", forgotten_votes_are_seen},
    {NULL, NULL},
};
const struct vain_suite vain_suite_assembly = {"assembly", tests};
