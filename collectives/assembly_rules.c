/* The rules of the assembly: who is ready, whose turn it is, what votes decide, when to give up.
 * Each stands in a function of its own; vain_assembly_settle lets them run after every event. */
#include "collectives/assembly_state.h"

#include <stdlib.h>
#include <string.h>

#include "collectives/quorum.h"

/* ---- sets and counts ------------------------------------------------------------------------- */

int vain_assembly_quorum(const struct vain_assembly *own)
{
    return vain_quorum(own->voter_count);
}

bool vain_assembly_is_voter(const struct vain_assembly *own, int member)
{
    return vain_set_has(&own->stand.voters, member);
}

bool vain_assembly_is_up(const struct vain_assembly *own, int member)
{
    return member == own->config.own || own->peers[member].up;
}

bool vain_assembly_in_slot(const struct vain_assembly *own, const struct vain_vote *vote)
{
    return vote->epoch == own->stand.epoch && vote->round == own->stand.round &&
           vain_assembly_generation(vote->attempt) == vain_assembly_generation(own->attempt);
}

bool vain_assembly_is_before_vote(const struct vain_assembly *own, uint64_t epoch, uint64_t round)
{
    return own->voted.epoch != epoch ? own->voted.epoch > epoch : own->voted.round > round;
}

static bool stands_before_vote(const struct vain_assembly *own)
{
    return vain_assembly_is_before_vote(own, own->stand.epoch, own->stand.round);
}

bool vain_assembly_has_voted(const struct vain_assembly *own)
{
    return !own->stand.starting && own->voted.epoch != 0 &&
           (vain_assembly_in_slot(own, &own->voted) || stands_before_vote(own));
}

bool vain_assembly_at_this_round(const struct vain_assembly *own, int member)
{
    const struct vain_assembly_peer *peer = &own->peers[member];
    if (!peer->up || !peer->known)
        return false;
    const bool starting = (peer->position.flags & VAIN_POSITION_STARTING) != 0;
    return starting == own->stand.starting && peer->position.round == own->stand.round &&
           (starting || peer->position.epoch == own->stand.epoch) &&
           memcmp(peer->position.state_hash, own->stand.state_hash, VAIN_HASH_BYTES) == 0;
}

bool vain_assembly_is_ready(const struct vain_assembly *own)
{
    return own->phase != VAIN_PHASE_IDLE && !own->leaving && !vain_assembly_has_voted(own);
}

/* Whether `member` is ready for the very round that this one is ready for. */
static bool stands_here(const struct vain_assembly *own, int member)
{
    const struct vain_position *there = &own->peers[member].position;
    if (member == own->config.own)
        return vain_assembly_is_ready(own);
    return vain_assembly_at_this_round(own, member) && (there->flags & VAIN_POSITION_READY) != 0 &&
           (there->flags & VAIN_POSITION_LEAVING) == 0 && there->attempt >= own->least_attempt &&
           (there->epoch <= own->stand.epoch ||
            there->epoch - own->stand.epoch < VAIN_EPOCHS_AHEAD);
}

bool vain_assembly_is_leaving(const struct vain_assembly *own, int member)
{
    return own->peers[member].told &&
           (own->peers[member].position.flags & VAIN_POSITION_LEAVING) != 0;
}

bool vain_assembly_same_choice(const struct vain_vote *a, const struct vain_vote *b)
{
    return a->burn == b->burn &&
           (a->burn || (a->attempt == b->attempt && vain_set_equal(&a->set, &b->set) &&
                        memcmp(a->content, b->content, VAIN_HASH_BYTES) == 0));
}

/* The set with most votes; NULL: nobody has voted for one. */
static const struct vain_vote *leading_vote(const struct vain_assembly *own)
{
    return own->tally.leading_votes > 0 ? &own->votes[own->tally.leading] : NULL;
}

static int votes_like(const struct vain_assembly *own, const struct vain_vote *vote)
{
    int count = 0;
    for (int i = 0; i < own->config.members; i++)
        count += vain_assembly_is_voter(own, i) && own->peers[i].has_vote &&
                 !own->peers[i].two_faced && vain_assembly_same_choice(&own->votes[i], vote);
    return count;
}

/* Of equally many votes the later attempt leads, so that all follow the same; in one attempt, the
 * greater content. */
static bool leads_of_equal(const struct vain_vote *vote, const struct vain_vote *leader)
{
    return vote->attempt != leader->attempt
               ? vote->attempt > leader->attempt
               : memcmp(vote->content, leader->content, VAIN_HASH_BYTES) > 0;
}

static void let_lead(struct vain_assembly *own, int voter, int votes)
{
    struct vain_assembly_tally *tally = &own->tally;
    const struct vain_vote *leader = leading_vote(own);
    if (leader == NULL || votes > tally->leading_votes ||
        (votes == tally->leading_votes && leads_of_equal(&own->votes[voter], leader))) {
        tally->leading = voter;
        tally->leading_votes = votes;
    }
}

/* False: it says nothing for one set, or is no voter's. */
static bool is_for_a_set(const struct vain_assembly *own, int voter)
{
    return vain_assembly_is_voter(own, voter) && own->peers[voter].has_vote &&
           !own->peers[voter].two_faced && !own->votes[voter].burn;
}

/* A member's first vote of this generation. */
void vain_assembly_note_vote(struct vain_assembly *own, const struct vain_vote *vote)
{
    struct vain_assembly_peer *peer = &own->peers[vote->voter];
    VAIN_ASSERT(!peer->has_vote);
    own->votes[vote->voter] = *vote;
    peer->has_vote = true;
    own->tally.voted += vain_assembly_is_voter(own, vote->voter);
    if (!is_for_a_set(own, vote->voter))
        return;
    const struct vain_vote *leader = leading_vote(own);
    if (leader != NULL && vain_assembly_same_choice(leader, vote))
        own->tally.leading_votes++;
    else
        let_lead(own, vote->voter, votes_like(own, vote));
}

/* Its second, for something else: it counts for everything from now on. So what is proven by votes
 * at one member stays proven at all others, whichever of them came there first. Who leads is found
 * anew: all votes are there, so each counts once for its set and never again. */
void vain_assembly_note_two_faced(struct vain_assembly *own, int voter)
{
    struct vain_assembly_tally *tally = &own->tally;
    own->peers[voter].two_faced = true;
    tally->two_faced += vain_assembly_is_voter(own, voter);
    tally->leading_votes = 0;
    for (int i = 0; i < own->config.members; i++) {
        if (is_for_a_set(own, i))
            let_lead(own, i, votes_like(own, &own->votes[i]));
    }
}

/* ---- letters out ----------------------------------------------------------------------------- */

void vain_assembly_send(struct vain_assembly *own, int member, uint16_t kind, const void *body,
                        size_t bytes)
{
    if (member != own->config.own && own->peers[member].up)
        own->config.ops->send(own->config.context, member, kind, body, bytes);
}

static void send_all(struct vain_assembly *own, uint16_t kind, const void *body, size_t bytes)
{
    for (int i = 0; i < own->config.members; i++)
        vain_assembly_send(own, i, kind, body, bytes);
}

void vain_assembly_encode_position(const struct vain_assembly *own,
                                   uint8_t out[VAIN_MIN_LEN(VAIN_POSITION_BYTES)])
{
    struct vain_position position = {
        .epoch = own->stand.epoch, .round = own->stand.round, .attempt = own->attempt};
    position.flags =
        (vain_assembly_is_ready(own) ? VAIN_POSITION_READY : 0) |
        (own->stand.starting ? VAIN_POSITION_STARTING : 0) |
        (own->leaving ? VAIN_POSITION_LEAVING : 0) |
        (own->lost || (own->stand.starting && stands_before_vote(own)) ? VAIN_POSITION_LOST : 0);
    memcpy(position.state_hash, own->stand.state_hash, VAIN_HASH_BYTES);
    memcpy(position.use_key, own->use_key, VAIN_HASH_BYTES);
    memcpy(position.ballot, own->config.ballot, VAIN_BALLOT_BYTES);
    vain_position_encode(&position, out);
}

void vain_assembly_tell(struct vain_assembly *own)
{
    uint8_t body[VAIN_POSITION_BYTES];
    vain_assembly_encode_position(own, body);
    send_all(own, VAIN_LETTER_POSITION, body, sizeof body);
    own->told_ms = own->now_ms;
}

void vain_assembly_send_vote(struct vain_assembly *own, int member, const struct vain_vote *vote)
{
    uint8_t body[VAIN_VOTE_BYTES];
    vain_vote_encode(vote, body);
    if (member < 0)
        send_all(own, VAIN_LETTER_VOTE, body, sizeof body);
    else
        vain_assembly_send(own, member, VAIN_LETTER_VOTE, body, sizeof body);
}

/* ---- attempts -------------------------------------------------------------------------------- */

int vain_assembly_proposer(const struct vain_assembly *own, uint32_t attempt)
{
    const int voters = own->voter_count;
    return vain_set_at(&own->stand.voters, (int)((own->stand.round + attempt) % (uint64_t)voters));
}

/* Not beyond the generation: that takes votes. */
uint32_t vain_assembly_attempt_after(const struct vain_assembly *own, uint32_t more)
{
    const uint32_t last = own->attempt | ((UINT32_C(1) << VAIN_ASSEMBLY_GENERATION_BITS) - 1);
    return last - own->attempt < more ? last : own->attempt + more;
}

static void next_attempt(struct vain_assembly *own)
{
    own->attempt = vain_assembly_attempt_after(own, 1);
    own->phase = VAIN_PHASE_READY;
    own->waiting = false;
    vain_assembly_tell(own);
}

/* Whom this member does without if it can: the most suspected of those that are there, while a
 * quorum of all is left. */
struct vain_set vain_assembly_left_out(const struct vain_assembly *own)
{
    struct vain_set present = vain_assembly_present(own), out = {{0}};
    int suspects[VAIN_MEMBERS_MAX], count = 0;
    if (own->suspicion.left_out > 0)
        count = vain_suspicion_choose(&own->suspicion, &present, own->attempt, suspects);
    for (int i = 0; i < count; i++) {
        vain_set_remove(&present, suspects[i]);
        if (vain_set_count(&present) >= vain_quorum(own->config.members))
            vain_set_add(&out, suspects[i]);
    }
    return out;
}

/* Whether its turn has not passed: it is there, and has not itself gone on. One that is left out
 * would propose itself. */
static bool may_propose(const struct vain_assembly *own, const struct vain_set *left_out,
                        int member)
{
    if (member == own->config.own)
        return true;
    return !vain_set_has(left_out, member) && own->peers[member].up &&
           !vain_assembly_is_distrusted(own, member) && !vain_assembly_is_leaving(own, member) &&
           !own->peers[member].has_vote &&
           !(vain_assembly_at_this_round(own, member) &&
             own->peers[member].position.attempt > own->attempt);
}

static int later_first(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left < right) - (left > right);
}

/* The attempt, not before the own, that one honest voter at least has come to: the greatest but f.
 */
uint32_t vain_assembly_attempt_of_others(const struct vain_assembly *own)
{
    const int witnesses = vain_quorum_witnesses(own->voter_count);
    uint32_t later[VAIN_MEMBERS_MAX];
    int count = 0;
    for (int i = 0; i < own->config.members; i++) {
        if (own->peers[i].position.attempt > own->attempt && vain_assembly_is_voter(own, i) &&
            vain_assembly_at_this_round(own, i))
            later[count++] = own->peers[i].position.attempt;
    }
    if (count < witnesses)
        return own->attempt;
    qsort(later, (size_t)count, sizeof *later, later_first);
    return later[witnesses - 1];
}

/* Voters that are gone propose nothing: on to the next turn of one that may, if there is one. */
static void skip_dead_proposers(struct vain_assembly *own)
{
    const struct vain_set left_out = vain_assembly_left_out(own);
    int member = vain_assembly_proposer(own, own->attempt);
    uint32_t ahead = 0;
    while (!may_propose(own, &left_out, member)) {
        if (++ahead == (uint32_t)own->voter_count)
            return;
        member = vain_set_next(&own->stand.voters, member + 1);
        if (member < 0)
            member = vain_set_next(&own->stand.voters, 0);
    }
    if (ahead == 0)
        return;
    own->attempt = vain_assembly_attempt_after(own, ahead);
    own->waiting = false;
    vain_assembly_tell(own);
}

/* How many of those ready are voters, and whether somebody who should be is not yet. */
struct roll {
    struct vain_set ready, expected; /* expected: should be ready, and is not yet */
    int ready_count, ready_voters;
};

/* It has not gone on from an attempt that was proposed with it and is over here: others may have
 * ended that exchange already while it is still in it, and then it hears of no proposal. */
static bool may_be_running(const struct vain_assembly *own, int member)
{
    const struct vain_proposal *last = &own->watched;
    return last->epoch == own->stand.epoch && last->round == own->stand.round &&
           last->attempt < own->attempt && vain_set_has(&last->set, member) &&
           own->peers[member].position.attempt <= last->attempt;
}

static bool can_be_proposed(const struct vain_assembly *own, int member)
{
    return stands_here(own, member) && (member == own->config.own || !may_be_running(own, member));
}

static struct roll call_roll(struct vain_assembly *own)
{
    struct roll roll = {.ready_count = 0};
    for (int i = 0; i < own->config.members; i++) {
        if (can_be_proposed(own, i)) {
            own->peers[i].late = false;
            vain_set_add(&roll.ready, i);
            roll.ready_count++;
            roll.ready_voters += vain_assembly_is_voter(own, i);
        } else if (vain_assembly_is_up(own, i) && i != own->config.own &&
                   !vain_assembly_is_leaving(own, i) && !own->peers[i].late &&
                   !own->peers[i].has_vote) {
            vain_set_add(&roll.expected, i);
        }
    }
    return roll;
}

static bool roll_is_enough(const struct vain_assembly *own, const struct roll *roll)
{
    /* For the very first set there may be a wish to have more; an epoch that follows another one
     * goes on with whom there is. */
    const bool first = own->stand.starting && own->stand.epoch == 0;
    const int least = first && own->config.start_quorum > own->config.set_min
                          ? own->config.start_quorum
                          : own->config.set_min;
    return roll->ready_voters >= vain_assembly_quorum(own) && roll->ready_count >= least;
}

/* Begins to wait, unless it does already; whether that was `most_ms` ago. */
static bool patience_is_over(struct vain_assembly *own, uint64_t most_ms)
{
    if (!own->waiting) {
        own->waiting = true;
        own->waiting_since_ms = own->now_ms;
    }
    return own->now_ms - own->waiting_since_ms >= most_ms;
}

static void pass_over_late(struct vain_assembly *own)
{
    for (int i = 0; i < own->config.members; i++)
        own->peers[i].late = own->peers[i].late || !can_be_proposed(own, i);
    own->waiting = false;
}

/* Streams are of one set: with some of them gone the others' do for nothing. */
bool vain_assembly_use_fits(const struct vain_assembly *own, const struct vain_proposal *proposal)
{
    return vain_is_zero(proposal->use_key, VAIN_HASH_BYTES) ||
           (memcmp(proposal->use_key, own->use_key, VAIN_HASH_BYTES) == 0 &&
            vain_set_equal(&proposal->set, &own->use_set));
}

/* The key that all of the set hold, or none. */
static void choose_use(const struct vain_assembly *own, struct vain_proposal *proposal)
{
    memcpy(proposal->use_key, own->use_key, VAIN_HASH_BYTES);
    if (!vain_assembly_use_fits(own, proposal))
        memset(proposal->use_key, 0, VAIN_HASH_BYTES);
    for (int i = vain_set_next(&proposal->set, 0); i >= 0;
         i = vain_set_next(&proposal->set, i + 1)) {
        if (i != own->config.own &&
            memcmp(own->peers[i].position.use_key, own->use_key, VAIN_HASH_BYTES) != 0)
            memset(proposal->use_key, 0, VAIN_HASH_BYTES);
    }
}

static uint64_t epoch_to_propose(const struct vain_assembly *own, const struct vain_set *set)
{
    uint64_t epoch = own->stand.epoch;
    if (!own->stand.starting)
        return epoch;
    if (own->voted.epoch > epoch)
        epoch = own->voted.epoch;
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1)) {
        if (i != own->config.own && own->peers[i].position.epoch > epoch)
            epoch = own->peers[i].position.epoch;
    }
    return epoch + 1;
}

/* VAIN_PHASE_ACKED, with the own ack on its way to all. */
void vain_assembly_ack(struct vain_assembly *own, const struct vain_proposal *proposal)
{
    struct vain_assembly_peer *self = &own->peers[own->config.own];
    struct vain_ack *mine = &own->acks[own->config.own];
    uint8_t message[VAIN_ASSEMBLY_MESSAGE_BYTES], body[VAIN_ACK_BYTES];
    own->proposal = *proposal;
    vain_proposal_hash(proposal, own->proposal_hash);
    *mine = (struct vain_ack){proposal->epoch, proposal->round, proposal->attempt, {0}, {0}};
    memcpy(mine->proposal_hash, own->proposal_hash, VAIN_HASH_BYTES);
    vain_ack_message(mine, message);
    if (own->config.ops->sign(own->config.context, message, sizeof message, mine->signature) !=
        VAIN_OK)
        return; /* without a signature it is no ack: others will do without this member */
    self->has_ack = true;
    own->attempt = proposal->attempt;
    own->phase = VAIN_PHASE_ACKED;
    own->waiting = false;
    vain_ack_encode(mine, body);
    send_all(own, VAIN_LETTER_ACK, body, sizeof body);
}

/* Suspects stay out, and are not waited for, while the others are enough without them: a quorum of
 * all members too, since voters are who was in the last set. */
static void leave_out_suspects(struct vain_assembly *own, struct roll *roll)
{
    int suspects[VAIN_MEMBERS_MAX];
    struct vain_set wanted = roll->ready;
    for (int i = vain_set_next(&roll->expected, 0); i >= 0;
         i = vain_set_next(&roll->expected, i + 1))
        vain_set_add(&wanted, i);
    const int count = vain_suspicion_choose(&own->suspicion, &wanted, own->attempt, suspects);
    for (int i = 0; i < count; i++) {
        struct roll without = *roll;
        vain_set_remove(&roll->expected, suspects[i]);
        if (!vain_set_has(&roll->ready, suspects[i]))
            continue;
        vain_set_remove(&without.ready, suspects[i]);
        vain_set_remove(&without.expected, suspects[i]);
        without.ready_count--;
        without.ready_voters -= vain_assembly_is_voter(own, suspects[i]);
        if (roll_is_enough(own, &without) &&
            without.ready_count >= vain_quorum(own->config.members))
            *roll = without;
    }
}

/* Own turn: with all that are there, or after a while with those that are ready. */
static void propose(struct vain_assembly *own)
{
    uint8_t body[VAIN_PROPOSAL_BYTES];
    struct roll roll = call_roll(own);
    if (!roll_is_enough(own, &roll)) {
        own->waiting = false;
        return;
    }
    leave_out_suspects(own, &roll);
    if (vain_set_next(&roll.expected, 0) >= 0 && !patience_is_over(own, own->config.patience_ms))
        return;
    pass_over_late(own);
    struct vain_proposal proposal = {.round = own->stand.round, .attempt = own->attempt};
    proposal.set = roll.ready;
    proposal.epoch = epoch_to_propose(own, &proposal.set);
    memcpy(proposal.state_hash, own->stand.state_hash, VAIN_HASH_BYTES);
    choose_use(own, &proposal);
    vain_proposal_encode(&proposal, body);
    send_all(own, VAIN_LETTER_PROPOSAL, body, sizeof body);
    vain_assembly_ack(own, &proposal);
}

/* Another's turn: it has as long as the members have that it waits for. */
static void wait_for_proposer(struct vain_assembly *own)
{
    const struct roll roll = call_roll(own);
    if (!roll_is_enough(own, &roll)) {
        own->waiting = false;
        return;
    }
    /* It waits for the late ones itself: twice that is enough. */
    if (patience_is_over(own, 2 * own->config.patience_ms))
        next_attempt(own);
}

bool vain_assembly_all_up(const struct vain_assembly *own, const struct vain_set *set)
{
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1)) {
        if (!vain_assembly_is_up(own, i))
            return false;
    }
    return true;
}

static bool acks_as_own(const struct vain_assembly *own, int member)
{
    const struct vain_ack *ack = &own->acks[member];
    return own->peers[member].has_ack && ack->attempt == own->attempt &&
           memcmp(ack->proposal_hash, own->proposal_hash, VAIN_HASH_BYTES) == 0;
}

/* How many attempts those of the set are ahead who never took part in the attempt that was started:
 * they have failed at later ones, and do not come back. Too few to be followed at once, since they
 * may lie; but without them it may not go on, so a failed attempt goes a part of the way. */
uint32_t vain_assembly_lead_of_absent(const struct vain_assembly *own)
{
    const uint32_t most = 2 * (uint32_t)own->config.members;
    uint32_t lead = 0;
    for (int i = vain_set_next(&own->proposal.set, 0); i >= 0;
         i = vain_set_next(&own->proposal.set, i + 1)) {
        const uint32_t there = own->peers[i].position.attempt;
        if (vain_assembly_at_this_round(own, i) && !acks_as_own(own, i) &&
            there > own->attempt + lead + 1)
            lead = there - own->attempt - 1;
    }
    return lead < most ? lead : most;
}

static int acks_like_own(const struct vain_assembly *own)
{
    int acks = 0;
    for (int i = 0; i < own->config.members; i++)
        acks += vain_assembly_is_voter(own, i) && acks_as_own(own, i);
    return acks;
}

static void start_attempt(struct vain_assembly *own)
{
    own->phase = VAIN_PHASE_RUNNING;
    own->waiting = false;
    own->news = (struct vain_assembly_news){.verdict = VAIN_ASSEMBLY_START};
    own->news.proposal = own->proposal;
    own->news.new_use = vain_is_zero(own->proposal.use_key, VAIN_HASH_BYTES);
    own->stand.starting = false;
    own->stand.epoch = own->proposal.epoch;
    vain_assembly_forget_claims(own);
}

static void wait_for_acks(struct vain_assembly *own)
{
    if (acks_like_own(own) >= vain_assembly_quorum(own)) {
        start_attempt(own);
    } else if (!vain_assembly_all_up(own, &own->proposal.set)) {
        next_attempt(own);
    } else if (patience_is_over(own, VAIN_ASSEMBLY_ACK_MS)) {
        for (int i = 0; i < own->config.members; i++)
            own->peers[i].mute = own->peers[i].mute || !acks_as_own(own, i);
        next_attempt(own);
    }
}

/* ---- votes ----------------------------------------------------------------------------------- */

/* The set for which there is a quorum of votes; NULL: none. */
const struct vain_vote *vain_assembly_decided(const struct vain_assembly *own)
{
    const int votes = own->tally.leading_votes + own->tally.two_faced;
    return votes >= vain_assembly_quorum(own) ? leading_vote(own) : NULL;
}

/* No set of this generation can have a quorum at anybody, since a quorum has voted for something
 * else (two quorums share an honest voter, who says one thing, even if f others tell each member
 * another); or an honest voter has seen that. */
static bool is_burned(const struct vain_assembly *own)
{
    return own->tally.voted - own->tally.leading_votes >= vain_assembly_quorum(own) ||
           vain_assembly_generation(vain_assembly_attempt_of_others(own)) >
               vain_assembly_generation(own->attempt);
}

/* Without the sum: an honest member among those who voted has it, so its set is the one. */
static bool may_join_vote(struct vain_assembly *own)
{
    const struct vain_vote *leading = leading_vote(own);
    if (leading == NULL || own->tally.leading_votes < vain_quorum_witnesses(own->voter_count))
        return false;
    own->news = (struct vain_assembly_news){.verdict = VAIN_ASSEMBLY_VOTE, .vote = *leading};
    memcpy(own->news.vote.ballot, own->config.ballot, VAIN_BALLOT_BYTES);
    return true;
}

/* Votes that cannot become a quorum for a set, and too few left for another one. Only when a quorum
 * of voters is heard, since somebody else may know more. */
static bool votes_are_stuck(const struct vain_assembly *own)
{
    int heard = 0, free_voters = 0, free_members = 0;
    if (own->tally.voted == 0 ||
        own->tally.leading_votes >= vain_quorum_witnesses(own->voter_count))
        return false;
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_assembly_peer *peer = &own->peers[i];
        const bool voter = vain_assembly_is_voter(own, i);
        const bool ready = stands_here(own, i) && !peer->has_vote;
        heard += voter && (ready || (peer->has_vote && vain_assembly_is_up(own, i)));
        free_voters += voter && ready && !peer->mute;
        free_members += ready && !peer->mute;
    }
    const int quorum = vain_assembly_quorum(own);
    return heard >= quorum && (free_voters < quorum || free_members < own->config.set_min);
}

static bool must_burn(struct vain_assembly *own)
{
    if (!votes_are_stuck(own) && !vain_assembly_is_last_attempt(own->attempt))
        return false;
    own->news = (struct vain_assembly_news){.verdict = VAIN_ASSEMBLY_VOTE};
    own->news.vote = (struct vain_vote){.epoch = own->stand.epoch,
                                        .round = own->stand.round,
                                        .attempt = vain_assembly_generation(own->attempt)
                                                   << VAIN_ASSEMBLY_GENERATION_BITS,
                                        .burn = true};
    memcpy(own->news.vote.ballot, own->config.ballot, VAIN_BALLOT_BYTES);
    return true;
}

/* ---- the rules, in their order --------------------------------------------------------------- */

static void say(struct vain_assembly *own, enum vain_assembly_verdict verdict)
{
    own->news = (struct vain_assembly_news){.verdict = verdict};
}

/* Whether a member other than this one has given up this round, or has restarted in it, or will
 * never take part in it since it has voted further on. */
static bool has_given_up(const struct vain_assembly *own, int member)
{
    const struct vain_assembly_peer *peer = &own->peers[member];
    const struct vain_position *there = &peer->position;
    const bool lost = (there->flags & VAIN_POSITION_LOST) != 0;
    const bool starting = (there->flags & VAIN_POSITION_STARTING) != 0;
    if (!peer->up || !peer->known)
        return false;
    if (there->epoch == own->stand.epoch && there->round == own->stand.round && (lost || starting))
        return true;
    return starting && lost && there->epoch >= own->stand.epoch;
}

static int voters_given_up(const struct vain_assembly *own)
{
    int count = 0;
    for (int i = 0; i < own->config.members; i++)
        count += vain_assembly_is_voter(own, i) && has_given_up(own, i);
    return count;
}

/* Voters are who was in the last round, and a set may be small. If too few of them are here that
 * have not given it up, but a quorum of all listed members with them, nobody else can go on, and
 * these can in a new epoch. */
static bool is_short_of_voters(const struct vain_assembly *own)
{
    int here = 1, voters = 0;
    for (int i = 0; i < own->config.members; i++) {
        const bool gave_up = has_given_up(own, i);
        here += gave_up || vain_assembly_at_this_round(own, i);
        voters += !gave_up && vain_assembly_is_voter(own, i) && vain_assembly_is_up(own, i);
    }
    return voters < vain_assembly_quorum(own) && here >= vain_quorum(own->config.members);
}

/* With this member a quorum of the voters; or one of all listed members, and so many voters that
 * without them and f liars there is none. */
static bool enough_have_given_up(const struct vain_assembly *own)
{
    const int voters = voters_given_up(own) + vain_assembly_is_voter(own, own->config.own);
    const int liars_most = own->voter_count - vain_assembly_quorum(own);
    int members = 1;
    for (int i = 0; i < own->config.members; i++)
        members += has_given_up(own, i);
    return voters >= vain_assembly_quorum(own) ||
           (members >= vain_quorum(own->config.members) && voters > 2 * liars_most);
}

/* Whether this member can do nothing for the round: its votes are there but not its sum; or this
 * member has voted, in it or further on, and the others may be split for good; or so many have
 * given the round up, or are gone, that without them there is no quorum. */
static bool is_stuck(const struct vain_assembly *own)
{
    return !own->stand.starting &&
           (vain_assembly_decided(own) != NULL || vain_assembly_has_voted(own) ||
            voters_given_up(own) >= vain_quorum_witnesses(own->voter_count) ||
            is_short_of_voters(own));
}

bool vain_assembly_enough_stand_here(const struct vain_assembly *own)
{
    int members = 0, voters = 0;
    for (int i = 0; i < own->config.members; i++) {
        const bool here = (i == own->config.own || vain_assembly_at_this_round(own, i)) &&
                          !vain_assembly_is_leaving(own, i) && !own->peers[i].has_vote;
        members += here;
        voters += here && vain_assembly_is_voter(own, i);
    }
    return voters >= vain_assembly_quorum(own) && members >= own->config.set_min;
}

/* Those one ahead show this round's votes to who holds its sum, if they have not forgotten them. If
 * nobody is ahead for a while, a quorum that sees so gives up the epoch. */
static void wait_for_others(struct vain_assembly *own)
{
    if (!own->stuck)
        own->stuck_since_ms = own->now_ms;
    own->stuck = true;
    const bool over = own->disowned || own->now_ms - own->stuck_since_ms >= VAIN_ASSEMBLY_LOST_MS;
    const bool votes_may_come =
        own->phase == VAIN_PHASE_VOTED && vain_assembly_decided(own) == NULL && !over;
    if (vain_assembly_is_behind(own, votes_may_come ? 2 : 1) || !over)
        return;
    /* Somebody may hold the sum, and is not believed yet. */
    if (own->claimed && !own->disowned &&
        own->now_ms - own->stuck_since_ms < 2 * VAIN_ASSEMBLY_LOST_MS)
        return;
    if (!own->lost) {
        own->lost = true;
        vain_assembly_tell(own);
    }
    if (enough_have_given_up(own)) {
        own->given_up_epoch = own->stand.epoch;
        say(own, VAIN_ASSEMBLY_LOST);
    }
}

static void stop_waiting_for_others(struct vain_assembly *own)
{
    const bool told = own->lost;
    own->stuck = own->lost = false;
    if (told)
        vain_assembly_tell(own);
}

/* Whether votes end the matter, or ask for this member's. */
static bool votes_decide(struct vain_assembly *own)
{
    const struct vain_vote *chosen = vain_assembly_decided(own);
    if (chosen != NULL && own->phase == VAIN_PHASE_VOTED &&
        vain_assembly_same_choice(&own->voted, chosen)) {
        say(own, VAIN_ASSEMBLY_COMPLETE);
        own->news.vote = *chosen;
        return true;
    }
    if (chosen != NULL) /* complete without this member's sum: those who hold it will say so */
        return false;
    if (is_burned(own)) {
        say(own, VAIN_ASSEMBLY_BURNED);
        return true;
    }
    return vain_assembly_is_voter(own, own->config.own) && !vain_assembly_has_voted(own) &&
           (may_join_vote(own) || must_burn(own));
}

static void take_part(struct vain_assembly *own)
{
    if (own->phase == VAIN_PHASE_READY) {
        const uint32_t others = vain_assembly_attempt_of_others(own);
        if (others > own->attempt) {
            own->attempt = others;
            own->waiting = false;
            vain_assembly_tell(own);
        }
        skip_dead_proposers(own);
        if (vain_assembly_proposer(own, own->attempt) == own->config.own)
            propose(own);
        else
            wait_for_proposer(own);
    }
    if (own->phase == VAIN_PHASE_ACKED)
        wait_for_acks(own);
}

void vain_assembly_settle(struct vain_assembly *own)
{
    own->unsettled = false;
    own->settled_ms = own->now_ms;
    if (own->phase == VAIN_PHASE_RUNNING)
        return;
    say(own, VAIN_ASSEMBLY_WAIT);
    if (own->phase == VAIN_PHASE_IDLE || own->leaving)
        return;
    if (!own->stand.starting && votes_decide(own))
        return;
    if (is_stuck(own)) {
        vain_assembly_note_claims(own, true);
        wait_for_others(own);
        return;
    }
    stop_waiting_for_others(own);
    vain_assembly_note_claims(own, false);
    if (!vain_assembly_is_behind(own, 1))
        take_part(own);
}
