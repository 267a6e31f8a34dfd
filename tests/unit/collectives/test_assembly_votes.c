/* One member's rules, letter by letter: what votes decide, when nothing can be decided any more,
 * who is behind. Round 5 of 4 members: a quorum is 3, witnesses are 2. */
#include <string.h>

#include "tests/unit/collectives/script.h"
#include "tests/unit/suite.h"

enum { ALL = SCRIPT_ALL, GENERATION = 1 << 16 };
static const uint8_t CONTENT[VAIN_HASH_BYTES];

/* ---- votes ----------------------------------------------------------------------------------- */

static void f_votes_are_not_joined_and_more_are(void)
{
    struct script script;
    script_begin(&script, false);
    script_vote(&script, 1, 0, script_set(ALL));
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_vote(&script, 2, 0, script_set(7)); /* another set */
    CU_ASSERT_NOT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_COMPLETE);
    script_close(&script);
    script_begin(&script, false);
    script_vote(&script, 1, 0, script_set(ALL));
    script_vote(&script, 2, 0, script_set(ALL));
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE);
    const struct vain_vote vote = script_vote_asked_for(&script);
    CU_ASSERT(!vote.burn && vote.set.words[0] == ALL);
    script_close(&script);
}

/* With the sum: a quorum of votes, this member's included, completes the round. */
static void a_quorum_of_votes_completes(void)
{
    struct script script;
    struct vain_vote own;
    script_begin(&script, false);
    const struct vain_proposal proposal = script_proposal(false, 0, script_set(ALL));
    CU_ASSERT(script_propose(&script, 1, &proposal));
    script_ack(&script, 1, &proposal);
    script_ack(&script, 2, &proposal);
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_START);
    vain_assembly_own_vote(script.assembly, CONTENT, &own);
    CU_ASSERT_EQUAL(vain_assembly_vote(script.assembly, &own), VAIN_OK);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_VOTE], 1);
    struct vain_position told;
    CU_ASSERT(vain_position_decode(script.last[VAIN_LETTER_POSITION], VAIN_POSITION_BYTES, &told));
    CU_ASSERT_EQUAL(told.flags & VAIN_POSITION_READY, 0);
    script_vote(&script, 1, 0, script_set(ALL));
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    const struct vain_vote passed_on = script_signed_vote(3, 0, script_set(ALL));
    script_send_vote(&script, 1, &passed_on);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_COMPLETE);
    script_close(&script);
}

/* Votes of another run, signed by the same keys, are nothing here: neither votes nor evidence. */
static void votes_of_another_run_do_not_count(void)
{
    struct script script;
    struct vain_vote old[3];
    script_begin(&script, false);
    for (int i = 1; i < 4; i++) {
        struct vain_vote vote = script_signed_vote(i, 0, script_set(ALL));
        memset(vote.ballot, 0x77, VAIN_BALLOT_BYTES);
        old[i - 1] = script_sign_vote(vote);
        script_send_vote(&script, 3, &old[i - 1]);
    }
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_vote(&script, 1, 0, script_set(7));
    script_send_vote(&script, 3, &old[0]);
    CU_ASSERT_EQUAL(script.evidence, 0);
    /* A ballot is its member's own to tell, and goes by the last that it told. */
    struct vain_position moved = script_position(false);
    memset(moved.ballot, 0x77, VAIN_BALLOT_BYTES);
    script_tell(&script, 2, &moved);
    script_send_vote(&script, 3, &old[1]);
    script_send_vote(&script, 3, &old[2]);
    CU_ASSERT_NOT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_COMPLETE);
    script_tell(&script, 3, &moved);
    script_send_vote(&script, 1, &old[2]);
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE); /* two of them: joined */
    CU_ASSERT_EQUAL(script_vote_asked_for(&script).ballot[0], 1);
    script_close(&script);
}

static void nobody_s_word_counts_for_who_has_not_told_its_ballot(void)
{
    struct script script;
    script_open(&script, 4, 0, 3, 2);
    script_stand(&script, false, script_set(ALL));
    for (int i = 1; i < 4; i++) {
        const struct vain_vote vote = script_signed_vote(i, 0, script_set(ALL));
        script_send_vote(&script, 1, &vote);
    }
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_close(&script);
}

/* Runs the attempt with all members and votes for `content`. */
static void run_and_vote(struct script *script, const uint8_t content[VAIN_HASH_BYTES])
{
    const struct vain_proposal proposal = script_proposal(false, 0, script_set(ALL));
    struct vain_vote own;
    script_begin(script, false);
    CU_ASSERT(script_propose(script, 1, &proposal));
    script_ack(script, 1, &proposal);
    script_ack(script, 2, &proposal);
    CU_ASSERT_EQUAL_FATAL(script_verdict(script, 1), VAIN_ASSEMBLY_START);
    vain_assembly_own_vote(script->assembly, content, &own);
    CU_ASSERT_EQUAL(vain_assembly_vote(script->assembly, &own), VAIN_OK);
}

static void vote_for(struct script *script, int voter, uint8_t content)
{
    struct vain_vote vote = script_signed_vote(voter, 0, script_set(ALL));
    memset(vote.content, content, VAIN_HASH_BYTES);
    vote = script_sign_vote(vote);
    script_send_vote(script, voter, &vote);
}

/* A quorum for one set is none if its members hold different sums of it. */
static void who_was_told_something_else_votes_for_something_else(void)
{
    struct script script;
    run_and_vote(&script, CONTENT);
    CU_ASSERT_FALSE(vain_assembly_is_split(script.assembly));
    vote_for(&script, 1, 5);
    CU_ASSERT_TRUE(vain_assembly_is_split(script.assembly));
    vote_for(&script, 2, 0);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    vote_for(&script, 3, 0);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_COMPLETE);
    script_close(&script);
    /* All others hold another one: the round is complete without this member's. */
    run_and_vote(&script, CONTENT);
    for (int i = 1; i < 4; i++)
        vote_for(&script, i, 5);
    CU_ASSERT_NOT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_COMPLETE);
    script_close(&script);
    /* Each holds another one: there is nothing to wait for. */
    run_and_vote(&script, CONTENT);
    for (int i = 1; i < 4; i++)
        vote_for(&script, i, (uint8_t)i);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_BURNED);
    CU_ASSERT_TRUE(vain_assembly_is_split(script.assembly));
    vain_assembly_begin_anew(script.assembly);
    CU_ASSERT_FALSE(vain_assembly_is_split(script.assembly));
    script_close(&script);
}

/* As another member can have completed the round with a vote that it did not show here first. */
static void a_vote_of_two_faces_counts_for_each(void)
{
    struct script script;
    script_begin(&script, false);
    script_vote(&script, 1, 0, script_set(7));
    script_vote(&script, 1, 0, script_set(ALL));
    const struct vain_proposal proposal = script_proposal(false, 0, script_set(ALL));
    struct vain_vote own;
    CU_ASSERT(script_propose(&script, 1, &proposal));
    script_ack(&script, 1, &proposal);
    script_ack(&script, 2, &proposal);
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_START);
    vain_assembly_own_vote(script.assembly, CONTENT, &own);
    CU_ASSERT_EQUAL(vain_assembly_vote(script.assembly, &own), VAIN_OK);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_vote(&script, 2, 0, script_set(ALL));
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_COMPLETE);
    script_close(&script);
}

/* Of 8 members 3 votes for a set are witnesses enough. */
static void others_count_once_beside_two_faces(void)
{
    struct script script;
    script_open(&script, 8, 0, 8, 4);
    script_stand(&script, false, script_set(0xff));
    script_all_busy(&script);
    vain_assembly_ready(script.assembly);
    script_vote(&script, 1, 0, script_set(0xff));
    script_vote(&script, 2, 0, script_set(0xff));
    script_vote(&script, 3, 0, script_set(0xff));
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE);
    script_vote(&script, 3, 0, script_set(0x7f));
    CU_ASSERT_EQUAL(script.evidence, 1);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_vote(&script, 4, 0, script_set(0xff));
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE);
    CU_ASSERT_FALSE(script_vote_asked_for(&script).burn);
    script_close(&script);
}

static void burns_when_no_set_is_large_enough(void)
{
    struct script script;
    script_open(&script, 4, 0, 4, 4);
    script_stand(&script, false, script_set(ALL));
    script_all_ready(&script, false);
    script_vote(&script, 1, 0, script_set(ALL));
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE);
    CU_ASSERT(script_vote_asked_for(&script).burn);
    script_close(&script);
}

static void forged_votes_count_for_nobody(void)
{
    struct script script;
    script_begin(&script, false);
    script_vote(&script, 1, 0, script_set(ALL));
    struct vain_vote forged = script_signed_vote(3, 0, script_set(ALL));
    forged.voter = 2;
    script_ballot(2, forged.ballot);
    script_send_vote(&script, 3, &forged);
    CU_ASSERT_EQUAL(vain_assembly_misfits(script.assembly), 1);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_close(&script);
}

static void a_voter_of_two_faces_is_shown(void)
{
    struct script script;
    script_begin(&script, false);
    script_vote(&script, 1, 0, script_set(ALL));
    script_vote(&script, 1, 0, script_set(ALL));
    CU_ASSERT_EQUAL(script.evidence, 0);
    script_vote(&script, 1, 0, script_set(7));
    script_burn(&script, 1, 0);
    CU_ASSERT_EQUAL(script.evidence, 1);
    script_vote(&script, 2, 0, script_set(7)); /* the only witness: the liar is none */
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE);
    CU_ASSERT(script_vote_asked_for(&script).burn);
    script_burn(&script, 3, 0); /* with the liar's, which counts for everything, two of three */
    const struct vain_vote burn = script_vote_asked_for(&script);
    CU_ASSERT_EQUAL(vain_assembly_vote(script.assembly, &burn), VAIN_OK);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_BURNED);
    script_close(&script);
}

/* Member 1 has a sum that members 2 and 3 do not have, and so few that are free cannot make
 * another set: but only who hears a quorum knows. */
static void burns_only_what_a_quorum_is_heard_of(void)
{
    struct script script;
    script_begin(&script, false);
    vain_assembly_link(script.assembly, 2, false);
    vain_assembly_link(script.assembly, 3, false);
    script_vote(&script, 1, 0, script_set(ALL));
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    vain_assembly_link(script.assembly, 3, true);
    const struct vain_position ready = script_position(false);
    script_tell(&script, 3, &ready);
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE);
    const struct vain_vote burn = script_vote_asked_for(&script);
    CU_ASSERT(burn.burn);
    CU_ASSERT_EQUAL(vain_assembly_vote(script.assembly, &burn), VAIN_OK);
    script_burn(&script, 3, 0);
    /* Member 2 may have told somebody else that it has voted like member 1. */
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_burn(&script, 2, 0);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_BURNED);
    vain_assembly_begin_anew(script.assembly);
    vain_assembly_ready(script.assembly);
    script_vote(&script, 1, 0, script_set(ALL)); /* of the generation before */
    script_vote(&script, 2, 0, script_set(ALL));
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_close(&script);
}

/* Nobody who is free makes a set any more, as one says that it is ready and acks nothing. */
static void who_does_not_ack_is_not_counted_on(void)
{
    struct script script;
    script_begin(&script, false);
    script_vote(&script, 1, 0, script_set(ALL));
    const struct vain_proposal proposal = script_proposal(false, 1, script_set(13 + 2));
    CU_ASSERT(script_propose(&script, 2, &proposal));
    script_ack(&script, 2, &proposal);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    CU_ASSERT_EQUAL(script_verdict(&script, 5001), VAIN_ASSEMBLY_WAIT);
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 100), VAIN_ASSEMBLY_VOTE);
    CU_ASSERT(script_vote_asked_for(&script).burn);
    script_close(&script);
}

/* A member that voted in generation 0 comes back into the same round: it may vote again in the
 * next generation only, once that is burned. */
static void a_vote_outlives_a_restart(void)
{
    struct script script;
    script_begin(&script, false);
    script_vote(&script, 1, 0, script_set(ALL));
    script_vote(&script, 2, 0, script_set(ALL));
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE);
    const struct vain_vote vote = script_vote_asked_for(&script);
    CU_ASSERT_EQUAL(vain_assembly_vote(script.assembly, &vote), VAIN_OK);
    script_stand(&script, false, script_set(ALL));
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_VOTE], 2); /* said again */
    const struct vain_proposal proposal = script_proposal(false, 0, script_set(ALL));
    CU_ASSERT(!script_propose(&script, 1, &proposal));
    script_close(&script);
}

static void a_vote_of_a_later_generation_too(void)
{
    struct script script;
    struct vain_position told;
    script_begin(&script, false);
    for (int i = 1; i < 4; i++)
        script_burn(&script, i, 0);
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_BURNED);
    vain_assembly_begin_anew(script.assembly);
    vain_assembly_ready(script.assembly);
    script_vote(&script, 1, GENERATION, script_set(ALL));
    script_vote(&script, 2, GENERATION, script_set(ALL));
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE);
    const struct vain_vote vote = script_vote_asked_for(&script);
    CU_ASSERT_EQUAL(vain_assembly_vote(script.assembly, &vote), VAIN_OK);
    script_stand(&script, false, script_set(ALL));
    CU_ASSERT(vain_position_decode(script.last[VAIN_LETTER_POSITION], VAIN_POSITION_BYTES, &told));
    CU_ASSERT_EQUAL(told.attempt, GENERATION);
    script_close(&script);
}

/* Whether a member that has just begun, and whose last vote is `voted`, acks at round 5 of epoch 1,
 * where all others stand; none of its votes is said again there. */
static bool takes_part_after(uint64_t epoch, uint64_t round)
{
    struct script script;
    const struct vain_vote voted = {.epoch = epoch, .round = round, .set = script_set(ALL)};
    script_open_after(&script, 4, 0, 3, 2, &voted);
    script_stand(&script, false, script_set(ALL));
    script_all_ready(&script, false);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_VOTE], 0);
    const struct vain_proposal proposal = script_proposal(false, 0, script_set(ALL));
    const bool takes_part = script_propose(&script, 1, &proposal);
    script_close(&script);
    return takes_part;
}

/* It has lost what it had, and is given an older state: where it voted once it does not vote again,
 * nor anywhere before. */
static void who_has_voted_further_on_votes_no_more(void)
{
    CU_ASSERT_TRUE(takes_part_after(0, 0)); /* none yet */
    CU_ASSERT_TRUE(takes_part_after(1, 4));
    CU_ASSERT_FALSE(takes_part_after(1, 6));
    CU_ASSERT_FALSE(takes_part_after(2, 1));
}

/* It tells that it has given up what is before its vote, joins no epoch that is not after it, and
 * follows nobody who stands before it. */
static void who_has_voted_further_on_starts_after_it(void)
{
    const struct vain_vote voted = {.epoch = 2, .round = 6, .set = script_set(ALL)};
    struct script script;
    struct vain_position told, there = script_position(false);
    script_open_after(&script, 4, 0, 3, 2, &voted);
    script_stand(&script, true, script_set(ALL));
    script_all_ready(&script, true);
    CU_ASSERT(vain_position_decode(script.last[VAIN_LETTER_POSITION], VAIN_POSITION_BYTES, &told));
    CU_ASSERT(told.flags & VAIN_POSITION_LOST && told.flags & VAIN_POSITION_STARTING);
    struct vain_proposal proposal = script_proposal(true, 0, script_set(ALL));
    CU_ASSERT_EQUAL(proposal.epoch, 2);
    CU_ASSERT_FALSE(script_propose(&script, 1, &proposal));
    proposal.epoch = 3;
    CU_ASSERT_TRUE(script_propose(&script, 1, &proposal));
    script_stand(&script, true, script_set(ALL));
    there.round = 9;
    script_tell(&script, 2, &there);
    CU_ASSERT_NOT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_BEHIND);
    there.epoch = 2;
    there.round = 6;
    script_tell(&script, 2, &there);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_BEHIND);
    script_close(&script);
}

/* Attempt 3 of round 5 is its turn: it proposes an epoch after its vote, whatever others stand at.
 */
static void who_has_voted_further_on_proposes_after_it(void)
{
    const struct vain_vote voted = {.epoch = 7, .round = 6, .set = script_set(ALL)};
    struct script script;
    struct vain_position there = script_position(true);
    struct vain_proposal proposal;
    there.attempt = 3;
    script_open_after(&script, 4, 0, 3, 2, &voted);
    script_stand(&script, true, script_set(ALL));
    for (int i = 1; i < 4; i++)
        script_tell(&script, i, &there);
    (void)script_verdict(&script, 1);
    CU_ASSERT_EQUAL_FATAL(script.sent[VAIN_LETTER_PROPOSAL], 1);
    CU_ASSERT(
        vain_proposal_decode(script.last[VAIN_LETTER_PROPOSAL], VAIN_PROPOSAL_BYTES, 4, &proposal));
    CU_ASSERT_EQUAL(proposal.epoch, 8);
    script_close(&script);
}

/* Member 3 is gone, and 2 has come back from a later epoch: of three voters one will never vote
 * here.
 */
static void who_has_voted_further_on_is_not_waited_for(void)
{
    struct script script;
    struct vain_position there = script_position(true);
    script_begin(&script, false);
    vain_assembly_link(script.assembly, 3, false);
    there.epoch = 2;
    there.round = 2;
    there.flags |= VAIN_POSITION_LOST;
    script_tell(&script, 2, &there);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    CU_ASSERT_EQUAL(script_verdict(&script, 10000), VAIN_ASSEMBLY_WAIT);
    there = script_position(false);
    there.flags = VAIN_POSITION_LOST;
    script_tell(&script, 1, &there);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_LOST);
    script_close(&script);
}

/* Votes split so that silent members decide: a quorum gives up after a while. */
static void split_votes_are_given_up(void)
{
    struct script script;
    script_begin(&script, false);
    script_vote(&script, 1, 0, script_set(ALL));
    vain_assembly_link(script.assembly, 2, false);
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE);
    const struct vain_vote burn = script_vote_asked_for(&script);
    CU_ASSERT_EQUAL(vain_assembly_vote(script.assembly, &burn), VAIN_OK);
    struct vain_position lost = script_position(false);
    lost.flags = VAIN_POSITION_LOST;
    script_tell(&script, 1, &lost);
    CU_ASSERT_EQUAL(script_verdict(&script, 9900), VAIN_ASSEMBLY_WAIT);
    CU_ASSERT_EQUAL(script_verdict(&script, 200), VAIN_ASSEMBLY_WAIT); /* two of three */
    script_tell(&script, 3, &lost);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_LOST);
    /* It starts anew, and nobody who stands still in that epoch is ahead of it. */
    script_stand(&script, true, script_set(0));
    const struct vain_position still = script_position(false);
    script_tell(&script, 1, &still);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_close(&script);
}

/* Without those who have, there is no quorum. One may be a liar, or have restarted. */
static void who_is_left_without_a_quorum_gives_up_too(void)
{
    const struct vain_position starting = script_position(true);
    struct script script;
    script_begin(&script, false);
    script_tell(&script, 1, &starting);
    (void)script_verdict(&script, 1);
    CU_ASSERT_NOT_EQUAL(script_verdict(&script, 10000), VAIN_ASSEMBLY_LOST);
    script_tell(&script, 2, &starting);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    CU_ASSERT_EQUAL(script_verdict(&script, 10000), VAIN_ASSEMBLY_LOST);
    script_close(&script);
}

/* Three of four were in the last round, and one of them is gone: there is no quorum of three any
 * more. With the fourth, who has caught up, there is one of all, so they begin anew; without it
 * not. */
static void who_has_caught_up_makes_a_quorum(void)
{
    struct vain_position lost = script_position(false);
    lost.flags |= VAIN_POSITION_LOST;
    for (int with_fourth = 0; with_fourth < 2; with_fourth++) {
        struct script script;
        script_open(&script, 4, 0, 3, 2);
        script_stand(&script, false, script_set(11)); /* voters: 0, 1, 3 */
        script_all_ready(&script, false);
        vain_assembly_link(script.assembly, 3, false);
        if (!with_fourth)
            vain_assembly_link(script.assembly, 2, false);
        CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
        CU_ASSERT_EQUAL(script_verdict(&script, 10000), VAIN_ASSEMBLY_WAIT);
        script_tell(&script, 1, &lost);
        CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT); /* two of four */
        if (with_fourth)
            script_tell(&script, 2, &lost);
        CU_ASSERT_EQUAL(script_verdict(&script, 10000),
                        with_fourth ? VAIN_ASSEMBLY_LOST : VAIN_ASSEMBLY_WAIT);
        script_close(&script);
    }
}

/* A quorum of all, but with too few of the voters: the others could still complete the round. */
static void a_quorum_of_all_needs_voters_too(void)
{
    struct vain_position lost = script_position(false);
    struct script script;
    lost.flags |= VAIN_POSITION_LOST;
    script_open(&script, 7, 0, 5, 2);
    script_stand(&script, false, script_set(0x79)); /* voters: 0, 3, 4, 5, 6; a quorum is 4 */
    script_all_ready(&script, false);
    vain_assembly_link(script.assembly, 5, false);
    vain_assembly_link(script.assembly, 6, false);
    (void)script_verdict(&script, 1);
    CU_ASSERT_EQUAL(script_verdict(&script, 10000), VAIN_ASSEMBLY_WAIT);
    script_tell(&script, 1, &lost);
    script_tell(&script, 2, &lost);
    script_tell(&script, 3, &lost);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT); /* four of seven */
    script_tell(&script, 4, &lost);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_LOST); /* 3 voters: 2 f + 1 */
    script_close(&script);

    script_open(&script, 7, 0, 5, 2);
    script_stand(&script, false, script_set(0x39)); /* voters: 0, 3, 4, 5; a quorum is 3, f is 1 */
    script_all_ready(&script, false);
    vain_assembly_link(script.assembly, 4, false);
    vain_assembly_link(script.assembly, 5, false);
    (void)script_verdict(&script, 1);
    script_tell(&script, 1, &lost);
    script_tell(&script, 2, &lost);
    script_tell(&script, 3, &lost);
    script_tell(&script, 6, &lost);
    CU_ASSERT_EQUAL(script_verdict(&script, 10000), VAIN_ASSEMBLY_WAIT); /* five, but 2 voters */
    CU_ASSERT_EQUAL(script_verdict(&script, 10000), VAIN_ASSEMBLY_WAIT);
    script_close(&script);
}

/* ---- behind ---------------------------------------------------------------------------------- */

enum { CLAIMS = 4 };

/* Of member 2, and whether it is ahead: all but the last. */
static void make_claims(struct vain_position claims[CLAIMS])
{
    for (int i = 0; i < CLAIMS; i++)
        claims[i] = script_position(false);
    claims[0].round++;
    claims[1].epoch++;
    claims[2].epoch++;
    claims[2].round--;
    claims[3].round--; /* behind itself */
}

static void expect_behind(struct script *script, uint64_t later_ms, uint64_t holders)
{
    struct vain_assembly_news news;
    CU_ASSERT_EQUAL(script_verdict(script, later_ms),
                    holders != 0 ? VAIN_ASSEMBLY_BEHIND : VAIN_ASSEMBLY_WAIT);
    vain_assembly_news(script->assembly, &news);
    CU_ASSERT_EQUAL(news.holders.words[0], holders);
}

/* Of four members one may lie: two are followed at once; one when the others are too few to go on
 * for 10 s. */
static void a_later_round_or_epoch_is_fetched(void)
{
    struct vain_position claims[CLAIMS];
    make_claims(claims);
    for (int i = 0; i < CLAIMS; i++) {
        struct script script;
        script_begin(&script, false);
        vain_assembly_link(script.assembly, 3, false);
        script_tell(&script, 2, &claims[i]);
        expect_behind(&script, 1, 0);
        expect_behind(&script, 9999, 0);
        expect_behind(&script, 51, i < 3 ? 4 : 0);
        script_close(&script);
        script_begin(&script, false);
        script_tell(&script, 2, &claims[i]);
        script_tell(&script, 3, &claims[i]);
        expect_behind(&script, 1, i < 3 ? 12 : 0);
        script_close(&script);
    }
}

/* Whatever one claims, the others' attempt goes on. */
static void a_claim_holds_nobody_up(void)
{
    struct vain_position claims[CLAIMS];
    const struct vain_proposal proposal = script_proposal(false, 0, script_set(11));
    struct script script;
    make_claims(claims);
    script_begin(&script, false);
    script_tell(&script, 2, &claims[1]);
    expect_behind(&script, 1, 0);
    expect_behind(&script, 10001, 0);
    CU_ASSERT(script_propose(&script, 1, &proposal));
    script_ack(&script, 1, &proposal);
    script_ack(&script, 3, &proposal);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_START);
    script_close(&script);
}

/* For 10 s, then 20, then 40, whether its link comes anew or not. */
static void who_told_an_untruth_is_not_heard_for_a_while(void)
{
    struct vain_position claims[CLAIMS];
    struct script script;
    make_claims(claims);
    script_begin(&script, false);
    vain_assembly_link(script.assembly, 3, false);
    for (int time = 0; time < 3; time++) {
        script_tell(&script, 2, &claims[1]);
        expect_behind(&script, 1, 0);
        expect_behind(&script, 10000, 4);
        vain_assembly_distrust(script.assembly, 2);
        vain_assembly_link(script.assembly, 2, false);
        vain_assembly_link(script.assembly, 2, true);
        for (int part = 0; part < 1 << time; part++) {
            script_tell(&script, 2, &claims[1]);
            expect_behind(&script, 9999, 0);
        }
        script_tell(&script, 2, &claims[1]);
        expect_behind(&script, 1 << time, 0); /* unheard to the end, so nothing has stood */
    }
    script_close(&script);
}

/* Members that have come to the end say so once. */
static void who_is_heard_again_need_not_say_it_again(void)
{
    struct script script;
    struct vain_position ahead = script_position(false);
    script_begin(&script, false);
    ahead.round++;
    for (int i = 1; i < 4; i++)
        script_tell(&script, i, &ahead);
    expect_behind(&script, 1, 14);
    for (int i = 1; i < 4; i++)
        vain_assembly_doubt(script.assembly, i);
    expect_behind(&script, 9998, 0);
    expect_behind(&script, 2, 14);
    script_close(&script);
}

/* Who starts goes on from those that run, or from the later round, or from what most hold. */
static void at_a_start_the_state_of_most_is_fetched(void)
{
    struct script script;
    struct vain_position position = script_position(true);
    script_begin(&script, true);
    position.state_hash[0] = 1;
    script_tell(&script, 1, &position);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT); /* three hold the own one */
    script_tell(&script, 2, &position);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_BEHIND); /* two each: smaller hash */
    position.state_hash[0] = 200;
    script_tell(&script, 1, &position);
    script_tell(&script, 2, &position);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_tell(&script, 3, &position);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_BEHIND);
    script_close(&script);
    script_begin(&script, true);
    position = script_position(true);
    position.round++;
    script_tell(&script, 1, &position);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_BEHIND);
    script_close(&script);
    script_begin(&script, true);
    position = script_position(false);
    script_tell(&script, 1, &position);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_BEHIND);
    script_close(&script);
}

static const struct vain_test tests[] = {
    {"f votes are not joined, f + 1 are", f_votes_are_not_joined_and_more_are},
    {"a quorum of votes completes a round", a_quorum_of_votes_completes},
    {"votes of another run do not count", votes_of_another_run_do_not_count},
    {"nobody's word counts for who has not told its ballot",
     nobody_s_word_counts_for_who_has_not_told_its_ballot},
    {"who was told something else votes for something else",
     who_was_told_something_else_votes_for_something_else},
    {"a vote of two faces counts for each", a_vote_of_two_faces_counts_for_each},
    {"others count once beside two faces", others_count_once_beside_two_faces},
    {"a set that cannot be large enough is burned", burns_when_no_set_is_large_enough},
    {"forged votes count for nobody", forged_votes_count_for_nobody},
    {"a voter of two faces is shown", a_voter_of_two_faces_is_shown},
    {"a quorum is heard before a burn", burns_only_what_a_quorum_is_heard_of},
    {"who does not ack is not counted on", who_does_not_ack_is_not_counted_on},
    {"a vote outlives a restart", a_vote_outlives_a_restart},
    {"so does one of a later generation", a_vote_of_a_later_generation_too},
    {"who has voted further on votes no more", who_has_voted_further_on_votes_no_more},
    {"who has voted further on starts after it", who_has_voted_further_on_starts_after_it},
    {"who has voted further on proposes after it", who_has_voted_further_on_proposes_after_it},
    {"who has voted further on is not waited for", who_has_voted_further_on_is_not_waited_for},
    {"split votes are given up", split_votes_are_given_up},
    {"who is left without a quorum gives up too", who_is_left_without_a_quorum_gives_up_too},
    {"who has caught up makes a quorum", who_has_caught_up_makes_a_quorum},
    {"a quorum of all needs voters too", a_quorum_of_all_needs_voters_too},
    {"a later round or epoch is fetched", a_later_round_or_epoch_is_fetched},
    {"a claim holds nobody up", a_claim_holds_nobody_up},
    {"who told an untruth is not heard for a while", who_told_an_untruth_is_not_heard_for_a_while},
    {"who is heard again need not say it again", who_is_heard_again_need_not_say_it_again},
    {"at a start the state of most is fetched", at_a_start_the_state_of_most_is_fetched},
    {NULL, NULL},
};
const struct vain_suite vain_suite_assembly_votes = {"assembly_votes", tests};
