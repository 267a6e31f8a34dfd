/* One member's rules, letter by letter: which sets it acks, when an attempt starts, what votes
 * decide, who is behind. Round 5, so with n voters the proposer of attempt a is (5 + a) mod n: of 4
 * members, member 1 first, then 2, 3, 0. A quorum of 4 is 3, witnesses are 2. */
#include <string.h>

#include "tests/unit/collectives/script.h"
#include "tests/unit/suite.h"

enum { ALL = SCRIPT_ALL, GENERATION = 1 << 16 };

/* ---- proposals and acks ---------------------------------------------------------------------- */

static void acks_whose_turn_it_is_once(void)
{
    struct script script;
    script_begin(&script, false);
    struct vain_proposal proposal = script_proposal(false, 0, script_set(ALL));
    CU_ASSERT(!script_propose(&script, 2, &proposal));
    CU_ASSERT(!script_propose(&script, 3, &proposal));
    CU_ASSERT(script_propose(&script, 1, &proposal));
    proposal.set = script_set(7);
    CU_ASSERT(!script_propose(&script, 1, &proposal));
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_ACK], 1);
    proposal.attempt = 1;
    CU_ASSERT(script_propose(&script, 2, &proposal));
    script_close(&script);
}

static void acks_no_set_that_does_not_fit(void)
{
    struct script script;
    script_begin(&script, false);
    const struct vain_proposal good = script_proposal(false, 0, script_set(ALL));
    struct vain_proposal bad[8];
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++)
        bad[i] = good;
    bad[0].set = script_set(3);  /* no quorum of voters */
    bad[1].set = script_set(14); /* without this member */
    bad[2].state_hash[31] ^= 1;
    bad[3].round++;
    bad[4].epoch++;
    bad[5].epoch--;
    bad[6].attempt = 12; /* its turn again, too far ahead */
    bad[7].attempt = GENERATION;
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++)
        CU_ASSERT(!script_propose(&script, 1, &bad[i]));
    vain_assembly_link(script.assembly, 3, false);
    CU_ASSERT(!script_propose(&script, 1, &good)); /* with one who is not there */
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_ACK], 0);
    vain_assembly_link(script.assembly, 3, true);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_ACK], 1);
    CU_ASSERT_EQUAL(vain_assembly_misfits(script.assembly), 0);
    script_close(&script);
}

static void a_proposal_waits_for_links(void)
{
    struct script script;
    script_begin(&script, false);
    const struct vain_proposal proposal = script_proposal(false, 0, script_set(ALL));
    const struct vain_position position = script_position(false);
    vain_assembly_link(script.assembly, 2, false);
    vain_assembly_link(script.assembly, 3, false);
    CU_ASSERT(!script_propose(&script, 1, &proposal));
    vain_assembly_link(script.assembly, 3, true);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_ACK], 0);
    vain_assembly_link(script.assembly, 2, true);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_ACK], 1);
    script_tell(&script, 2, &position);
    vain_assembly_link(script.assembly, 3, false);
    vain_assembly_link(script.assembly, 3, true);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_ACK], 1); /* once */
    script_close(&script);
}

static void a_proposal_does_not_wait_for_ever(void)
{
    struct script script;
    script_begin(&script, false);
    const struct vain_proposal proposal = script_proposal(false, 0, script_set(ALL));
    vain_assembly_link(script.assembly, 3, false);
    CU_ASSERT(!script_propose(&script, 1, &proposal));
    script_stand(&script, true, script_set(ALL)); /* it has lost its place */
    vain_assembly_link(script.assembly, 3, true);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_ACK], 0);
    script_close(&script);
}

static void a_start_needs_a_later_epoch_and_enough_members(void)
{
    struct script script;
    script_open(&script, 7, 0, 6, 5); /* the proposer of attempt 2 is member 0 */
    script_stand(&script, true, script_set(0));
    struct vain_proposal proposal = script_proposal(true, 0, script_set(127));
    proposal.epoch = 1;
    CU_ASSERT(!script_propose(&script, 5, &proposal));
    proposal.epoch = UINT64_MAX;
    CU_ASSERT(!script_propose(&script, 5, &proposal));
    script_close(&script);

    script_open(&script, 7, 5, 6, 5);
    script_stand_first(&script);
    struct vain_position ready = script_position(true);
    ready.epoch = 0;
    for (int i = 0; i < 4; i++)
        script_tell(&script, i, &ready);
    (void)script_verdict(&script, 4000);
    (void)script_verdict(&script, 4000);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_PROPOSAL], 0); /* five are a quorum, but not six */
    script_tell(&script, 4, &ready);
    (void)script_verdict(&script, 100);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_PROPOSAL], 0); /* member 6 has its time */
    (void)script_verdict(&script, 3000);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_PROPOSAL], 1);
    script_close(&script);
}

/* What was begun once goes on with whom there is, however many the first start wanted. */
static void a_later_start_needs_a_quorum_only(void)
{
    struct script script;
    script_open(&script, 7, 5, 6, 5);
    script_stand(&script, true, script_set(0));
    const struct vain_position ready = script_position(true);
    for (int i = 0; i < 4; i++)
        script_tell(&script, i, &ready);
    (void)script_verdict(&script, 4000);
    (void)script_verdict(&script, 4000);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_PROPOSAL], 1);
    script_close(&script);
}

static void starts_with_a_quorum_of_equal_acks(void)
{
    struct script script;
    script_open(&script, 5, 0, 4, 2);
    script_stand(&script, false, script_set(15)); /* member 4 has no vote */
    script_all_ready(&script, false);
    const struct vain_proposal proposal = script_proposal(false, 0, script_set(31));
    struct vain_proposal other = proposal;
    other.use_key[0] = 1;
    CU_ASSERT(script_propose(&script, 1, &proposal));
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_ack(&script, 1, &proposal);
    script_ack(&script, 4, &proposal); /* no voter */
    script_ack(&script, 2, &other);    /* another set */
    struct vain_ack forged = script_signed_ack(2, &proposal);
    script_send_ack(&script, 3, &forged);
    CU_ASSERT_EQUAL(vain_assembly_misfits(script.assembly), 1);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_ack(&script, 2, &proposal); /* its second in this attempt */
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_WAIT);
    script_ack(&script, 3, &proposal);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_START);
    script_close(&script);
}

static void what_is_no_letter_is_counted(void)
{
    uint8_t body[VAIN_ASSEMBLY_LETTER_BYTES_MAX + 1] = {0};
    struct script script;
    script_begin(&script, false);
    for (uint16_t kind = 0; kind <= 5; kind++) {
        vain_assembly_letter(script.assembly, 1, kind, body, 0);
        vain_assembly_letter(script.assembly, 1, kind, body, sizeof body);
    }
    CU_ASSERT_EQUAL(vain_assembly_misfits(script.assembly), 12);
    script_close(&script);
}

/* Of the next attempt, the members that were not there for the one that failed are not in it. */
static void a_failed_attempt_is_not_stood_at_again(void)
{
    struct script script;
    script_open(&script, 4, 2, 3, 2); /* its turn: attempt 1 */
    script_stand(&script, false, script_set(ALL));
    script_all_ready(&script, false);
    const struct vain_proposal first = script_proposal(false, 0, script_set(ALL));
    CU_ASSERT(script_propose(&script, 1, &first));
    script_ack(&script, 0, &first);
    script_ack(&script, 1, &first);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_START);
    vain_assembly_failed(script.assembly);
    vain_assembly_ready(script.assembly);
    CU_ASSERT(!script_propose(&script, 1, &first));
    struct vain_position next = script_position(false);
    next.attempt = 1;
    script_tell(&script, 0, &next);
    script_tell(&script, 1, &next); /* member 3 stands at attempt 0 still */
    (void)script_verdict(&script, 100);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_PROPOSAL], 0);
    (void)script_verdict(&script, 3000);
    CU_ASSERT_EQUAL_FATAL(script.sent[VAIN_LETTER_PROPOSAL], 1);
    struct vain_proposal second;
    CU_ASSERT(
        vain_proposal_decode(script.last[VAIN_LETTER_PROPOSAL], VAIN_PROPOSAL_BYTES, 4, &second));
    CU_ASSERT_EQUAL(second.set.words[0], 7);
    script_close(&script);
}

/* An attempt without this member has failed at two of its set, and the third is in it yet: it would
 * not hear of a proposal. */
static void who_is_in_an_exchange_is_not_proposed(void)
{
    struct script script;
    struct vain_proposal second;
    script_open(&script, 4, 2, 3, 2); /* its turn: attempt 1 */
    script_stand(&script, false, script_set(ALL));
    script_all_ready(&script, false);
    const struct vain_proposal first = script_proposal(false, 0, script_set(ALL & ~4));
    CU_ASSERT(!script_propose(&script, 1, &first));
    struct vain_position next = script_position(false);
    next.attempt = 1;
    script_tell(&script, 0, &next);
    script_tell(&script, 1, &next);
    (void)script_verdict(&script, 100);
    (void)script_verdict(&script, 100);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_PROPOSAL], 0);
    script_tell(&script, 3, &next);
    (void)script_verdict(&script, 100);
    CU_ASSERT_EQUAL_FATAL(script.sent[VAIN_LETTER_PROPOSAL], 1);
    CU_ASSERT(
        vain_proposal_decode(script.last[VAIN_LETTER_PROPOSAL], VAIN_PROPOSAL_BYTES, 4, &second));
    CU_ASSERT_EQUAL(second.set.words[0], ALL);
    script_close(&script);

    /* It is not waited for for ever; and a liar that proposes at a later turn changes nothing. */
    script_open(&script, 4, 2, 3, 2);
    script_stand(&script, false, script_set(ALL));
    script_all_ready(&script, false);
    const struct vain_proposal far = script_proposal(false, 3, script_set(ALL & ~4));
    CU_ASSERT(!script_propose(&script, 1, &first));
    CU_ASSERT(!script_propose(&script, 0, &far));
    script_tell(&script, 0, &next);
    script_tell(&script, 1, &next);
    (void)script_verdict(&script, 100);
    (void)script_verdict(&script, 100);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_PROPOSAL], 0);
    (void)script_verdict(&script, 3000);
    CU_ASSERT_EQUAL_FATAL(script.sent[VAIN_LETTER_PROPOSAL], 1);
    CU_ASSERT(
        vain_proposal_decode(script.last[VAIN_LETTER_PROPOSAL], VAIN_PROPOSAL_BYTES, 4, &second));
    CU_ASSERT_EQUAL(second.set.words[0], 7);
    script_close(&script);
}

/* Back to an attempt before, but not before one that failed; and while it waits for acks not at
 * all.
 */
/* Of 4 members one has failed at a later attempt than the others have come to, and acks none before
 * it: they come after it, a part of the way with each failure. */
static void goes_after_one_that_is_ahead(void)
{
    struct script script;
    struct vain_position position = script_position(false);
    script_begin(&script, false);
    position.attempt = 10;
    script_tell(&script, 3, &position);
    const struct vain_proposal proposal = script_proposal(false, 0, script_set(ALL));
    CU_ASSERT(script_propose(&script, 1, &proposal));
    script_ack(&script, 1, &proposal);
    script_ack(&script, 2, &proposal);
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_START);
    vain_assembly_failed(script.assembly);
    CU_ASSERT_EQUAL(vain_assembly_attempts(script.assembly), 10); /* 2 a member */
    script_close(&script);
}

static void goes_back_for_those_who_did_not_follow(void)
{
    struct script script;
    script_begin(&script, false);
    const struct vain_proposal earlier = script_proposal(false, 0, script_set(ALL));
    const struct vain_proposal later = script_proposal(false, 2, script_set(ALL));
    CU_ASSERT(script_propose(&script, 3, &later));
    CU_ASSERT(!script_propose(&script, 1, &earlier));
    (void)script_verdict(&script, 1);
    (void)script_verdict(&script, 5000); /* no acks */
    CU_ASSERT(script_propose(&script, 1, &earlier));
    script_close(&script);

    script_begin(&script, false);
    CU_ASSERT(script_propose(&script, 3, &later));
    script_ack(&script, 1, &later);
    script_ack(&script, 2, &later);
    CU_ASSERT_EQUAL(script_verdict(&script, 1), VAIN_ASSEMBLY_START);
    vain_assembly_failed(script.assembly);
    vain_assembly_ready(script.assembly);
    CU_ASSERT(!script_propose(&script, 1, &earlier));
    script_close(&script);
}

/* Attempts end with their generation, and its last one burns it. */
static void the_last_attempt_burns_its_generation(void)
{
    struct script script;
    script_begin(&script, true);
    struct vain_position far = script_position(true);
    far.attempt = GENERATION - 1;
    for (int i = 1; i < 4; i++)
        script_tell(&script, i, &far);
    (void)script_verdict(&script, 1);
    CU_ASSERT_EQUAL_FATAL(script.sent[VAIN_LETTER_PROPOSAL], 1);
    struct vain_proposal proposal;
    CU_ASSERT(
        vain_proposal_decode(script.last[VAIN_LETTER_PROPOSAL], VAIN_PROPOSAL_BYTES, 4, &proposal));
    CU_ASSERT_EQUAL(proposal.attempt, GENERATION - 1);
    script_ack(&script, 1, &proposal);
    script_ack(&script, 2, &proposal);
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_START);
    vain_assembly_failed(script.assembly);
    CU_ASSERT_EQUAL(vain_assembly_attempts(script.assembly), GENERATION);
    vain_assembly_ready(script.assembly);
    CU_ASSERT_EQUAL_FATAL(script_verdict(&script, 1), VAIN_ASSEMBLY_VOTE);
    CU_ASSERT(script_vote_asked_for(&script).burn);
    script_close(&script);
}

/* Who claims an epoch at the end of all is not taken along. */
static void epochs_are_not_used_up(void)
{
    struct script script;
    struct vain_proposal proposal;
    script_open(&script, 4, 1, 3, 2);
    script_stand(&script, true, script_set(0));
    script_all_ready(&script, true);
    struct vain_position far = script_position(true);
    far.epoch = UINT64_MAX;
    script_tell(&script, 3, &far);
    (void)script_verdict(&script, 1);
    (void)script_verdict(&script, 3000);
    CU_ASSERT_EQUAL_FATAL(script.sent[VAIN_LETTER_PROPOSAL], 1);
    CU_ASSERT(
        vain_proposal_decode(script.last[VAIN_LETTER_PROPOSAL], VAIN_PROPOSAL_BYTES, 4, &proposal));
    CU_ASSERT_EQUAL(proposal.set.words[0], 7);
    CU_ASSERT_EQUAL(proposal.epoch, 2);
    script_close(&script);
}

/* Member 1 of 4, whose turn it is, and member 3 not ready. */
static void late_members_are_waited_for_once(void)
{
    struct script script;
    struct vain_proposal proposal;
    script_open(&script, 4, 1, 3, 2);
    script_stand(&script, false, script_set(ALL));
    script_all_ready(&script, false);
    struct vain_position busy = script_position(false);
    busy.flags = 0;
    script_tell(&script, 3, &busy);
    (void)script_verdict(&script, 100);
    (void)script_verdict(&script, 2900);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_PROPOSAL], 0);
    (void)script_verdict(&script, 100);
    CU_ASSERT_EQUAL_FATAL(script.sent[VAIN_LETTER_PROPOSAL], 1);
    CU_ASSERT(
        vain_proposal_decode(script.last[VAIN_LETTER_PROPOSAL], VAIN_PROPOSAL_BYTES, 4, &proposal));
    CU_ASSERT_EQUAL(proposal.set.words[0], 7);
    struct vain_position next = script_position(false);
    next.attempt = 4; /* its turn again */
    script_tell(&script, 0, &next);
    script_tell(&script, 2, &next);
    (void)script_verdict(&script, 5000); /* nobody has acked */
    (void)script_verdict(&script, 100);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_PROPOSAL], 2); /* at once */
    script_tell(&script, 3, &next);                        /* in time, and late again */
    next.attempt = 8;
    script_tell(&script, 0, &next);
    script_tell(&script, 2, &next);
    (void)script_verdict(&script, 5000);
    (void)script_verdict(&script, 100);
    CU_ASSERT_EQUAL(script.sent[VAIN_LETTER_PROPOSAL], 3);
    CU_ASSERT(
        vain_proposal_decode(script.last[VAIN_LETTER_PROPOSAL], VAIN_PROPOSAL_BYTES, 4, &proposal));
    CU_ASSERT_EQUAL(proposal.set.words[0], ALL);
    script_close(&script);
}

static void who_leaves_is_in_no_set(void)
{
    struct script script;
    struct vain_proposal proposal;
    script_open(&script, 4, 1, 3, 2);
    script_stand(&script, false, script_set(ALL));
    script_all_ready(&script, false);
    struct vain_position leaving = script_position(false);
    leaving.flags |= VAIN_POSITION_LEAVING;
    script_tell(&script, 3, &leaving);
    (void)script_verdict(&script, 100); /* and is not waited for */
    CU_ASSERT_EQUAL_FATAL(script.sent[VAIN_LETTER_PROPOSAL], 1);
    CU_ASSERT(
        vain_proposal_decode(script.last[VAIN_LETTER_PROPOSAL], VAIN_PROPOSAL_BYTES, 4, &proposal));
    CU_ASSERT_EQUAL(proposal.set.words[0], 7);
    script_close(&script);
}

/* Member 1 of 4 has been in an attempt of `set`, which came to nothing for another reason than its
 * streams, and holds them open; the next turn is its own. */
static void begin_with_streams(struct script *script, struct vain_set set)
{
    const uint8_t key[VAIN_HASH_BYTES] = {9};
    script_open(script, 4, 1, 3, 2);
    script_stand(script, false, script_set(ALL));
    script_all_ready(script, false);
    const struct vain_proposal proposal = script_proposal(false, 3, set);
    CU_ASSERT_FATAL(script_propose(script, 0, &proposal));
    script_ack(script, 0, &proposal);
    script_ack(script, 2, &proposal);
    CU_ASSERT_EQUAL_FATAL(script_verdict(script, 1), VAIN_ASSEMBLY_START);
    vain_assembly_use(script->assembly, key);
    vain_assembly_failed(script->assembly);
    vain_assembly_ready(script->assembly);
}

static void tell_of_streams(struct script *script, int from, uint8_t second)
{
    struct vain_position position = script_position(false);
    position.attempt = 4;
    position.use_key[0] = 9;
    position.use_key[1] = second;
    script_tell(script, from, &position);
}

static struct vain_proposal proposed(struct script *script)
{
    struct vain_proposal proposal = {0};
    (void)script_verdict(script, 3100);
    (void)script_verdict(script, 3100);
    CU_ASSERT_EQUAL_FATAL(script->sent[VAIN_LETTER_PROPOSAL], 1);
    CU_ASSERT(vain_proposal_decode(script->last[VAIN_LETTER_PROPOSAL], VAIN_PROPOSAL_BYTES, 4,
                                   &proposal));
    return proposal;
}

static void streams_are_kept_if_all_hold_them(void)
{
    for (int same = 0; same <= 1; same++) {
        struct script script;
        begin_with_streams(&script, script_set(ALL));
        tell_of_streams(&script, 0, 0);
        tell_of_streams(&script, 2, 0);
        tell_of_streams(&script, 3, (uint8_t)!same);
        CU_ASSERT_EQUAL(proposed(&script).use_key[0], same ? 9 : 0);
        script_close(&script);
    }
}

static void streams_of_another_set_are_not_kept(void)
{
    struct script script;
    begin_with_streams(&script, script_set(ALL));
    tell_of_streams(&script, 0, 0);
    tell_of_streams(&script, 2, 0);
    vain_assembly_link(script.assembly, 3, false);
    const struct vain_proposal proposal = proposed(&script);
    CU_ASSERT_EQUAL(proposal.set.words[0], 7);
    CU_ASSERT_EQUAL(proposal.use_key[0], 0);
    script_close(&script);
}

static void streams_that_are_not_held_get_no_ack(void)
{
    struct script script;
    begin_with_streams(&script, script_set(ALL));
    struct vain_proposal proposal = script_proposal(false, 5, script_set(ALL));
    proposal.use_key[0] = 8; /* others */
    CU_ASSERT(!script_propose(&script, 2, &proposal));
    proposal.use_key[0] = 9;
    proposal.set = script_set(7); /* of another set */
    CU_ASSERT(!script_propose(&script, 2, &proposal));
    proposal.set = script_set(ALL);
    CU_ASSERT(script_propose(&script, 2, &proposal));
    vain_assembly_use(script.assembly, NULL);
    proposal.attempt = 6;
    CU_ASSERT(!script_propose(&script, 3, &proposal));
    script_close(&script);
}

static const struct vain_test tests[] = {
    {"whose turn it is gets one ack an attempt", acks_whose_turn_it_is_once},
    {"a set that does not fit gets no ack", acks_no_set_that_does_not_fit},
    {"a proposal waits for links", a_proposal_waits_for_links},
    {"a proposal does not wait for ever", a_proposal_does_not_wait_for_ever},
    {"a start needs a later epoch and enough members",
     a_start_needs_a_later_epoch_and_enough_members},
    {"a later start needs a quorum only", a_later_start_needs_a_quorum_only},
    {"an attempt starts with a quorum of equal acks", starts_with_a_quorum_of_equal_acks},
    {"what is no letter is counted", what_is_no_letter_is_counted},
    {"a failed attempt is not stood at again", a_failed_attempt_is_not_stood_at_again},
    {"who is in an exchange is not proposed", who_is_in_an_exchange_is_not_proposed},
    {"who is ahead is followed after a failure", goes_after_one_that_is_ahead},
    {"who was led ahead goes back", goes_back_for_those_who_did_not_follow},
    {"the last attempt burns its generation", the_last_attempt_burns_its_generation},
    {"epochs are not used up", epochs_are_not_used_up},
    {"late members are passed over in time", late_members_are_waited_for_once},
    {"who leaves is in no set", who_leaves_is_in_no_set},
    {"streams are kept if all hold them", streams_are_kept_if_all_hold_them},
    {"streams of another set are not kept", streams_of_another_set_are_not_kept},
    {"streams that are not held get no ack", streams_that_are_not_held_get_no_ack},
    {NULL, NULL},
};
const struct vain_suite vain_suite_assembly_rules = {"assembly_rules", tests};
