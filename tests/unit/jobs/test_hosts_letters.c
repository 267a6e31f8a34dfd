/* Members on their own hosts, one of which writes letters that it should not: the others go on. */
#include <stdio.h>
#include <string.h>

#include "jobs/members_state.h"
#include "tests/unit/jobs/hosts.h"
#include "tests/unit/suite.h"

enum { MEMBERS = 4, LIAR = 2, ROUNDS = 6 };

static struct hosts hosts;

static void tell(const struct host *host, int number)
{
    printf("m%d: %s: %s\n", number, vain_status_name(host->status), host->message);
    for (int i = 0; i < host->notices; i++)
        printf("    %s\n", host->notice[i]);
}

/* Member 2 does so from its round 3 on. */
static void run_with(enum letter_lie lie, const char *const *sets)
{
    hosts.hosts[LIAR].fate.writes_after_step = 7;
    hosts.hosts[LIAR].fate.letters = lie;
    (void)letter_liar_most_read();
    hosts_run(&hosts, sets);
}

/* The others reach the end alike, and have said `part` so often, each. */
static void expect_others(const char *part, int least, int most)
{
    const struct host *first = &hosts.hosts[0];
    for (int i = 0; i < MEMBERS; i++) {
        const struct host *host = &hosts.hosts[i];
        const int said = hosts_count_notices(host, part);
        if (i == LIAR)
            continue;
        const bool good = host->status == VAIN_OK && host->result.rounds == ROUNDS &&
                          memcmp(first->result.parameters_hash, host->result.parameters_hash,
                                 VAIN_HASH_BYTES) == 0;
        if (!good || said < least || said > most)
            tell(host, i);
        CU_ASSERT_TRUE(good);
        CU_ASSERT(said >= least);
        CU_ASSERT(said <= most);
    }
}

static const char *const clear[] = {"train.rounds=6", NULL};

/* Thousands of letters at once are read a few at a time, and none is lost. */
static void who_writes_many_letters_holds_nobody(void)
{
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    run_with(LETTER_LIE_MANY, clear);
    expect_others("was cut off", 0, 0);
    const int most = letter_liar_most_read();
    CU_ASSERT(most > 0);
    CU_ASSERT(most <= 64 + 16 * MEMBERS);
    hosts_close(&hosts);
}

/* Each time, and said once. */
static void whose_letters_are_not_signed_is_cut_off(void)
{
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    run_with(LETTER_LIE_ACKS, clear);
    expect_others("'m2' was cut off", 1, 1);
    hosts_close(&hosts);
}

/* Who passes votes on may know another key of the voter. */
static void who_passes_on_what_does_not_hold_is_not_cut_off(void)
{
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    run_with(LETTER_LIE_OTHERS, clear);
    expect_others("was cut off", 0, 0);
    hosts_close(&hosts);
}

/* In each round that it opens, of each of the four dealers once. */
static void wrong_disclosures_are_said_once(void)
{
    static const char *const own[] = {"train.rounds=6", "exchange.privacy=masked",
                                      "exchange.level=2", NULL};
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    run_with(LETTER_LIE_OPEN, own);
    expect_others("'m2' disclosed a secret", 1, 4 * MEMBERS);
    hosts_close(&hosts);
}

/* Member 3 comes back in the middle of the run, and m2 tells it of another spec. All are to be
 * there at the very start; but that is long ago. */
static void no_spec_ends_who_comes_back(void)
{
    static const char *const sets[] = {"train.rounds=6", "exchange.linger=10s", NULL};
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, MEMBERS));
    hosts.hosts[3].fate.dies_after_step = 3 * 2 + 2;
    hosts.hosts[3].fate.comes_back_after = 4;
    hosts.hosts[0].fate.waits_after_round = 4;
    hosts.hosts[0].fate.waits_for = 3;
    hosts.hosts[0].fate.waits_for_starts = 2;
    run_with(LETTER_LIE_SPEC, sets);
    expect_others("never said", 0, 0);
    CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[3], "'m2' was cut off: its spec has"), 1);
    CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[3], "train.batch: 3 ?[2J there"), 1);
    CU_ASSERT_EQUAL(hosts_count_notices(&hosts.hosts[3], "\x1b"), 0);
    hosts_close(&hosts);
}

/* Of the letter: attempt at 16, what at 20, dealer at 22. */
static void disclose(struct vain_members *members, int member, uint8_t attempt, uint8_t dealer)
{
    uint8_t body[VAIN_OPEN_LETTER_BYTES] = {[16] = attempt, [20] = 1, [22] = dealer};
    vain_members_take_open(members, member, body, sizeof body);
}

/* Nobody takes the places of others, or keeps its own for what is past. */
static void what_is_disclosed_early_has_a_few_places_a_sender(void)
{
    static struct vain_waiting_open slots[VAIN_MEMBERS_OPEN_EACH * MEMBERS];
    static struct vain_members members = {
        .count = MEMBERS, .waiting_open = slots, .waiting_open_capacity = 4 * MEMBERS};
    for (int dealer = MEMBERS; dealer < 256; dealer++)
        disclose(&members, 1, 1, (uint8_t)dealer);
    CU_ASSERT_EQUAL(members.waiting_open_count, 0);
    members.count = 100;
    for (int dealer = 0; dealer < 100; dealer++)
        disclose(&members, 1, 1, (uint8_t)dealer);
    CU_ASSERT_EQUAL(members.waiting_open_count, 4);
    disclose(&members, 2, 1, 2);
    CU_ASSERT_EQUAL(members.waiting_open_count, 5);
    CU_ASSERT_EQUAL(slots[4].member, 2);
    disclose(&members, 1, 2, 50);
    CU_ASSERT_EQUAL(members.waiting_open_count, 5);
    CU_ASSERT_EQUAL(slots[0].attempt, 2);
    CU_ASSERT_EQUAL(slots[0].dealer, 50);
}

static const struct vain_test tests[] = {
    {"who writes many letters holds nobody", who_writes_many_letters_holds_nobody},
    {"whose letters are not signed is cut off", whose_letters_are_not_signed_is_cut_off},
    {"who passes on what does not hold is not cut off",
     who_passes_on_what_does_not_hold_is_not_cut_off},
    {"wrong disclosures are said once", wrong_disclosures_are_said_once},
    {"no spec ends who comes back", no_spec_ends_who_comes_back},
    {"what is disclosed early has a few places a sender",
     what_is_disclosed_early_has_a_few_places_a_sender},
    {NULL, NULL},
};
const struct vain_suite vain_suite_hosts_letters = {"jobs/letters of members", tests};
