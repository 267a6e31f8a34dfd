#include <string.h>

#include "tests/sim/federation_member.h"
#include "tests/sim/liar.h"

/* ---- numbers, keys and sets that are wrong --------------------------------------------------- */

static uint64_t spoil_number(struct vain_sim_random *random, uint64_t number)
{
    switch (vain_sim_draw(random, 8)) {
    case 0:
        return vain_sim_next(random);
    case 1:
        return number + vain_sim_next(random) % (UINT64_C(1) << 33);
    case 2:
    case 3:
        return number - 1 - vain_sim_draw(random, 3);
    default:
        return number + 1 + vain_sim_draw(random, 3);
    }
}

/* By some, by some of its members' number, or by generations. */
static uint32_t spoil_attempt(struct vain_sim_random *random, uint32_t attempt)
{
    switch (vain_sim_draw(random, 4)) {
    case 0:
        return attempt + ((1 + vain_sim_draw(random, 3)) << 16);
    case 1:
        return attempt | 0xffff;
    case 2:
        return attempt + vain_sim_draw(random, 40);
    default:
        return (uint32_t)spoil_number(random, attempt);
    }
}

static void spoil_hash(struct vain_sim_random *random, uint8_t *hash)
{
    if (vain_sim_draw(random, 2) == 0)
        memset(hash, 0, VAIN_HASH_BYTES);
    else
        hash[vain_sim_draw(random, VAIN_HASH_BYTES)] ^= (uint8_t)(1 + vain_sim_draw(random, 255));
}

static void spoil_set(struct vain_sim_random *random, int members, struct vain_set *set)
{
    for (int i = 1 + (int)vain_sim_draw(random, 3); i > 0; i--) {
        const int member = (int)vain_sim_draw(random, (uint32_t)members);
        if (vain_set_has(set, member))
            vain_set_remove(set, member);
        else
            vain_set_add(set, member);
    }
}

/* ---- letters that are wrong ------------------------------------------------------------------ */

static void sign(const struct member *member, const uint8_t *message, uint8_t *out)
{
    VAIN_ASSERT(vain_signer_sign(&member->plan->signers[member->index], message,
                                 VAIN_ASSEMBLY_MESSAGE_BYTES, out) == VAIN_OK);
}

static void spoil_position(struct member *member, struct liar_letter *letter)
{
    struct vain_sim_random *random = &member->liar.random;
    struct vain_position position;
    VAIN_ASSERT(vain_position_decode(letter->body, letter->bytes, &position));
    switch (vain_sim_draw(random, 6)) {
    case 0:
        position.epoch = spoil_number(random, position.epoch);
        break;
    case 1:
        position.round = spoil_number(random, position.round);
        break;
    case 2:
        position.attempt = spoil_attempt(random, position.attempt);
        break;
    case 3:
        spoil_hash(random, position.state_hash);
        break;
    case 4:
        spoil_hash(random, position.use_key);
        break;
    default:
        position.flags ^= 1 + vain_sim_draw(random, VAIN_POSITION_FLAGS);
    }
    vain_position_encode(&position, letter->body);
}

static void spoil_proposal(struct member *member, struct liar_letter *letter)
{
    struct vain_sim_random *random = &member->liar.random;
    struct vain_proposal proposal;
    VAIN_ASSERT(
        vain_proposal_decode(letter->body, letter->bytes, member->plan->members, &proposal));
    switch (vain_sim_draw(random, 8)) {
    case 0:
        proposal.epoch = spoil_number(random, proposal.epoch);
        break;
    case 1:
        proposal.round = spoil_number(random, proposal.round);
        break;
    case 2:
        proposal.attempt = spoil_attempt(random, proposal.attempt);
        break;
    case 3:
        spoil_hash(random, proposal.state_hash);
        break;
    case 4:
        spoil_hash(random, proposal.use_key);
        break;
    default:
        spoil_set(random, member->plan->members, &proposal.set);
    }
    vain_proposal_encode(&proposal, letter->body);
}

static void spoil_ack(struct member *member, struct liar_letter *letter)
{
    struct vain_sim_random *random = &member->liar.random;
    struct vain_ack ack;
    uint8_t message[VAIN_ASSEMBLY_MESSAGE_BYTES];
    VAIN_ASSERT(vain_ack_decode(letter->body, letter->bytes, &ack));
    switch (vain_sim_draw(random, 4)) {
    case 0:
        ack.epoch = spoil_number(random, ack.epoch);
        break;
    case 1:
        ack.round = spoil_number(random, ack.round);
        break;
    case 2:
        ack.attempt = spoil_attempt(random, ack.attempt);
        break;
    default:
        spoil_hash(random, ack.proposal_hash);
    }
    vain_ack_message(&ack, message);
    sign(member, message, ack.signature);
    vain_ack_encode(&ack, letter->body);
}

static void turn_vote(struct member *member, struct vain_vote *vote)
{
    vote->burn = !vote->burn;
    if (vote->burn) {
        vote->attempt = vote->attempt >> 16 << 16;
        vote->set = (struct vain_set){{0}};
    } else {
        vote->attempt = member->proposal.attempt;
        vote->set = member->proposal.set;
    }
}

static void write_vote(const struct member *member, struct vain_vote *vote,
                       struct liar_letter *letter)
{
    uint8_t message[VAIN_ASSEMBLY_MESSAGE_BYTES];
    vain_vote_message(vote, message);
    if (vote->voter == member->index)
        sign(member, message, vote->signature);
    vain_vote_encode(vote, letter->body);
}

/* Of its own; others' votes it can pass on, or not. */
static void spoil_vote(struct member *member, struct liar_letter *letter)
{
    struct vain_sim_random *random = &member->liar.random;
    struct vain_vote vote;
    VAIN_ASSERT(vain_vote_decode(letter->body, letter->bytes, member->plan->members, &vote));
    switch (vain_sim_draw(random, 6)) {
    case 0:
        vote.epoch = spoil_number(random, vote.epoch);
        break;
    case 1:
        vote.round = spoil_number(random, vote.round);
        break;
    case 2:
        vote.attempt = spoil_attempt(random, vote.attempt);
        break;
    case 3:
        turn_vote(member, &vote);
        break;
    default:
        if (!vote.burn)
            spoil_set(random, member->plan->members, &vote.set);
    }
    write_vote(member, &vote, letter);
}

/* Whether it says to this member what it does not say to others, whatever comes: burn for a set,
 * its set for a burn. */
static bool shows_other_face(struct member *member, int to, struct liar_letter *letter)
{
    struct vain_vote vote;
    if (letter->kind != VAIN_LETTER_VOTE || (member->liar.two_faced >> (to % 32) & 1) == 0)
        return false;
    VAIN_ASSERT(vain_vote_decode(letter->body, letter->bytes, member->plan->members, &vote));
    if (vote.voter != member->index)
        return false;
    turn_vote(member, &vote);
    write_vote(member, &vote, letter);
    return true;
}

/* ---- letters that nothing asks for ----------------------------------------------------------- */

/* For the attempt under way, a set or a burn of it. */
static void make_vote(struct member *member, struct liar_letter *letter)
{
    const struct vain_proposal *proposal = &member->proposal;
    struct vain_vote vote = {.epoch = member->epoch,
                             .round = member->state.round,
                             .attempt = proposal->attempt,
                             .voter = (uint16_t)member->index,
                             .set = proposal->set};
    if (proposal->round != member->state.round || vain_set_count(&proposal->set) == 0) {
        vote.attempt = vain_sim_draw(&member->liar.random, 4);
        vote.set = vain_set_first(member->plan->members);
    }
    if (vain_sim_draw(&member->liar.random, 2) == 0)
        turn_vote(member, &vote);
    *letter = (struct liar_letter){.kind = VAIN_LETTER_VOTE, .bytes = VAIN_VOTE_BYTES};
    write_vote(member, &vote, letter);
}

/* Not in its turn, or for a set that is not there. */
static void make_proposal(struct member *member, struct liar_letter *letter)
{
    struct vain_proposal proposal = {.epoch = member->epoch + !member->running,
                                     .round = member->state.round,
                                     .attempt = vain_sim_draw(&member->liar.random, 8),
                                     .set = vain_set_first(member->plan->members)};
    memcpy(proposal.state_hash, member->state.hash, VAIN_HASH_BYTES);
    spoil_set(&member->liar.random, member->plan->members, &proposal.set);
    *letter = (struct liar_letter){.kind = VAIN_LETTER_PROPOSAL, .bytes = VAIN_PROPOSAL_BYTES};
    vain_proposal_encode(&proposal, letter->body);
}

/* ---- which, and when ------------------------------------------------------------------------- */

/* Some letters of each kind are kept, whoever they went to. */
static void keep(struct liar *liar, const struct liar_letter *letter)
{
    if (vain_sim_draw(&liar->random, 4) != 0)
        return;
    const int slot = liar->kept_count < LIAR_KEPT ? liar->kept_count++
                                                  : (int)vain_sim_draw(&liar->random, LIAR_KEPT);
    liar->kept[slot] = *letter;
}

static void spoil(struct member *member, struct liar_letter *letter)
{
    struct liar *liar = &member->liar;
    const uint32_t way = vain_sim_draw(&liar->random, 12);
    if (way == 0)
        make_vote(member, letter);
    else if (way == 1)
        make_proposal(member, letter);
    else if (way <= 3 && liar->kept_count > 0)
        *letter = liar->kept[vain_sim_draw(&liar->random, (uint32_t)liar->kept_count)];
    else if (letter->kind == VAIN_LETTER_POSITION)
        spoil_position(member, letter);
    else if (letter->kind == VAIN_LETTER_PROPOSAL)
        spoil_proposal(member, letter);
    else if (letter->kind == VAIN_LETTER_ACK)
        spoil_ack(member, letter);
    else
        spoil_vote(member, letter);
}

enum telling liar_writes(struct member *member, int to, struct liar_letter *letter)
{
    struct liar *liar = &member->liar;
    if (!member->plan->members_lie || liar->about != LIAR_LETTERS || liar->lies_ppm == 0)
        return TELLS_TRUTH;
    if (shows_other_face(member, to, letter)) {
        judge_lies_in_letters(member->plan->judge, member->index);
        return TELLS_LIE;
    }
    keep(liar, letter);
    if (!vain_sim_chance(&liar->random, liar->lies_ppm))
        return TELLS_TRUTH;
    member_says(member, "lies in a letter of kind %d", (int)letter->kind);
    judge_lies_in_letters(member->plan->judge, member->index);
    if (vain_sim_draw(&liar->random, 4) == 0)
        return TELLS_NOTHING;
    spoil(member, letter);
    return vain_sim_draw(&liar->random, 3) == 0 ? TELLS_BOTH : TELLS_LIE;
}
