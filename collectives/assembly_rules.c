/* The rules of the assembly: who is ready, whose turn it is, what votes decide, who is behind. Each
 * stands in a function of its own; vain_assembly_settle lets them run after every event. */
#include "collectives/assembly_state.h"

#include <string.h>

#include "collectives/quorum.h"

/* ---- sets and counts ------------------------------------------------------------------------- */

static int voter_count(const struct vain_assembly *own)
{
    return vain_set_count(&own->stand.voters);
}

int vain_assembly_quorum(const struct vain_assembly *own)
{
    return vain_quorum(voter_count(own));
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

bool vain_assembly_has_voted(const struct vain_assembly *own)
{
    return !own->stand.starting && own->voted.epoch != 0 && vain_assembly_in_slot(own, &own->voted);
}

static bool at_this_round(const struct vain_assembly *own, int member)
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
    return at_this_round(own, member) && (there->flags & VAIN_POSITION_READY) != 0 &&
           (there->flags & VAIN_POSITION_LEAVING) == 0 && there->attempt >= own->least_attempt;
}

bool vain_assembly_is_leaving(const struct vain_assembly *own, int member)
{
    return own->peers[member].known &&
           (own->peers[member].position.flags & VAIN_POSITION_LEAVING) != 0;
}

bool vain_assembly_same_choice(const struct vain_vote *a, const struct vain_vote *b)
{
    return a->burn == b->burn &&
           (a->burn || (a->attempt == b->attempt && vain_set_equal(&a->set, &b->set)));
}

static int votes_like(const struct vain_assembly *own, const struct vain_vote *vote)
{
    int count = 0;
    for (int i = 0; i < own->config.members; i++)
        count += vain_assembly_is_voter(own, i) && own->peers[i].has_vote &&
                 vain_assembly_same_choice(&own->peers[i].vote, vote);
    return count;
}

/* The set with most votes; NULL: nobody has voted for one. */
static const struct vain_vote *leading_vote(const struct vain_assembly *own, int *count)
{
    const struct vain_vote *best = NULL;
    *count = 0;
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_assembly_peer *peer = &own->peers[i];
        if (!vain_assembly_is_voter(own, i) || !peer->has_vote || peer->vote.burn)
            continue;
        const int votes = votes_like(own, &peer->vote);
        if (votes > *count) {
            *count = votes;
            best = &peer->vote;
        }
    }
    return best;
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
    position.flags = (vain_assembly_is_ready(own) ? VAIN_POSITION_READY : 0) |
                     (own->stand.starting ? VAIN_POSITION_STARTING : 0) |
                     (own->leaving ? VAIN_POSITION_LEAVING : 0) |
                     (own->lost ? VAIN_POSITION_LOST : 0);
    memcpy(position.state_hash, own->stand.state_hash, VAIN_HASH_BYTES);
    memcpy(position.use_key, own->use_key, VAIN_HASH_BYTES);
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
    const int voters = voter_count(own);
    return vain_set_at(&own->stand.voters, (int)((own->stand.round + attempt) % (uint64_t)voters));
}

static void next_attempt(struct vain_assembly *own)
{
    own->attempt++;
    own->phase = VAIN_PHASE_READY;
    own->waiting = false;
    vain_assembly_tell(own);
}

/* Whether its turn has not passed: it is there, and has not itself gone on. */
static bool may_propose(const struct vain_assembly *own, int member)
{
    if (member == own->config.own)
        return true;
    return own->peers[member].up && !vain_assembly_is_leaving(own, member) &&
           !own->peers[member].has_vote &&
           !(at_this_round(own, member) && own->peers[member].position.attempt > own->attempt);
}

/* The attempt that one honest voter at least has come to: the greatest but f. */
uint32_t vain_assembly_attempt_of_others(const struct vain_assembly *own)
{
    const int witnesses = vain_quorum_witnesses(voter_count(own));
    uint32_t best = 0;
    for (int i = 0; i < own->config.members; i++) {
        const uint32_t attempt = own->peers[i].position.attempt;
        int at_least = 0;
        if (!vain_assembly_is_voter(own, i) || !at_this_round(own, i) || attempt <= best)
            continue;
        for (int j = 0; j < own->config.members; j++)
            at_least += vain_assembly_is_voter(own, j) && at_this_round(own, j) &&
                        own->peers[j].position.attempt >= attempt;
        if (at_least >= witnesses)
            best = attempt;
    }
    return best;
}

/* Voters that are gone propose nothing: on to the next turn of one that may, if there is one. */
static void skip_dead_proposers(struct vain_assembly *own)
{
    for (uint32_t ahead = 0; ahead < (uint32_t)own->config.members; ahead++) {
        if (!may_propose(own, vain_assembly_proposer(own, own->attempt + ahead)))
            continue;
        own->attempt += ahead;
        own->waiting = own->waiting && ahead == 0;
        if (ahead > 0)
            vain_assembly_tell(own);
        return;
    }
}

/* How many of those ready are voters, and whether somebody who should be is not yet. */
struct roll {
    struct vain_set ready;
    int ready_count, ready_voters;
    bool others_expected;
};

static struct roll call_roll(struct vain_assembly *own)
{
    struct roll roll = {.ready_count = 0};
    for (int i = 0; i < own->config.members; i++) {
        if (stands_here(own, i)) {
            own->peers[i].late = false;
            vain_set_add(&roll.ready, i);
            roll.ready_count++;
            roll.ready_voters += vain_assembly_is_voter(own, i);
        } else if (vain_assembly_is_up(own, i) && i != own->config.own &&
                   !vain_assembly_is_leaving(own, i) && !own->peers[i].late &&
                   !own->peers[i].has_vote) {
            roll.others_expected = true;
        }
    }
    return roll;
}

static bool roll_is_enough(const struct vain_assembly *own, const struct roll *roll)
{
    const int least = own->stand.starting && own->config.start_quorum > own->config.set_min
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
        own->peers[i].late = own->peers[i].late || !stands_here(own, i);
    own->waiting = false;
}

/* The key that all of the set hold, or none. */
static void choose_use(const struct vain_assembly *own, struct vain_proposal *proposal)
{
    memcpy(proposal->use_key, own->use_key, VAIN_HASH_BYTES);
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
    struct vain_ack *mine = &self->ack;
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

/* Own turn: with all that are there, or after a while with those that are ready. */
static void propose(struct vain_assembly *own)
{
    uint8_t body[VAIN_PROPOSAL_BYTES];
    struct roll roll = call_roll(own);
    if (!roll_is_enough(own, &roll))
        return;
    if (roll.others_expected && !patience_is_over(own, own->config.patience_ms))
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

static int acks_like_own(const struct vain_assembly *own)
{
    int acks = 0;
    for (int i = 0; i < own->config.members; i++)
        acks += vain_assembly_is_voter(own, i) && own->peers[i].has_ack &&
                own->peers[i].ack.attempt == own->attempt &&
                memcmp(own->peers[i].ack.proposal_hash, own->proposal_hash, VAIN_HASH_BYTES) == 0;
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
}

static void wait_for_acks(struct vain_assembly *own)
{
    if (acks_like_own(own) >= vain_assembly_quorum(own))
        start_attempt(own);
    else if (!vain_assembly_all_up(own, &own->proposal.set) ||
             patience_is_over(own, VAIN_ASSEMBLY_ACK_MS))
        next_attempt(own);
}

/* ---- behind and aside ------------------------------------------------------------------------ */

/* Whether what `there` holds is to be fetched rather than gone on without: it is of an epoch under
 * way that this member is not in, or of a later round. */
static bool is_ahead(const struct vain_assembly *own, const struct vain_position *there,
                     uint64_t at_least)
{
    const bool starting = (there->flags & VAIN_POSITION_STARTING) != 0;
    if (!own->stand.starting && starting)
        return false;
    if (own->stand.starting && !starting)
        return there->epoch > own->given_up_epoch || there->round > own->stand.round;
    if (!starting && there->epoch != own->stand.epoch)
        return there->epoch > own->stand.epoch;
    return there->round >= own->stand.round + at_least;
}

static bool goes_before(const struct vain_position *a, const struct vain_position *b)
{
    const bool a_runs = (a->flags & VAIN_POSITION_STARTING) == 0;
    const bool b_runs = (b->flags & VAIN_POSITION_STARTING) == 0;
    if (a_runs != b_runs)
        return a_runs;
    if (a_runs && a->epoch != b->epoch)
        return a->epoch > b->epoch;
    return a->round > b->round;
}

static bool same_stand(const struct vain_position *a, const struct vain_position *b)
{
    return !goes_before(a, b) && !goes_before(b, a) &&
           memcmp(a->state_hash, b->state_hash, VAIN_HASH_BYTES) == 0;
}

static void collect_holders(struct vain_assembly *own, const struct vain_position *target)
{
    own->news = (struct vain_assembly_news){.verdict = VAIN_ASSEMBLY_BEHIND, .target = *target};
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_assembly_peer *peer = &own->peers[i];
        if (peer->up && peer->known && same_stand(&peer->position, target))
            vain_set_add(&own->news.holders, i);
    }
}

/* At a start all stand at the same round with what they hold of it: the state that most hold, or of
 * equally many the one with the smaller hash, is the one to go on from. */
static const struct vain_position *more_held_state(const struct vain_assembly *own)
{
    const struct vain_position *best = NULL;
    int best_holders = 0, own_holders = 1;
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_position *position = &own->peers[i].position;
        if (!own->peers[i].up || !own->peers[i].known || position->round != own->stand.round ||
            (position->flags & VAIN_POSITION_STARTING) == 0)
            continue;
        int holders = 0;
        for (int j = 0; j < own->config.members; j++)
            holders += own->peers[j].up && own->peers[j].known &&
                       same_stand(&own->peers[j].position, position);
        if (memcmp(position->state_hash, own->stand.state_hash, VAIN_HASH_BYTES) == 0) {
            own_holders = holders + 1;
        } else if (holders > best_holders ||
                   (holders == best_holders &&
                    memcmp(position->state_hash, best->state_hash, VAIN_HASH_BYTES) < 0)) {
            best = position;
            best_holders = holders;
        }
    }
    if (best == NULL || best_holders < own_holders ||
        (best_holders == own_holders &&
         memcmp(best->state_hash, own->stand.state_hash, VAIN_HASH_BYTES) > 0))
        return NULL;
    return best;
}

/* `at_least`: rounds that the others must be ahead, in the same epoch. */
bool vain_assembly_is_behind(struct vain_assembly *own, uint64_t at_least)
{
    const struct vain_position *target = NULL;
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_assembly_peer *peer = &own->peers[i];
        if (peer->up && peer->known && is_ahead(own, &peer->position, at_least) &&
            (target == NULL || goes_before(&peer->position, target)))
            target = &peer->position;
    }
    if (target == NULL && own->stand.starting)
        target = more_held_state(own);
    if (target == NULL)
        return false;
    collect_holders(own, target);
    return true;
}

/* ---- votes ----------------------------------------------------------------------------------- */

/* The set for which there is a quorum of votes; NULL: none. */
const struct vain_vote *vain_assembly_decided(const struct vain_assembly *own)
{
    int votes;
    const struct vain_vote *leading = leading_vote(own, &votes);
    return votes >= vain_assembly_quorum(own) ? leading : NULL;
}

/* No set of this generation can have a quorum any more, whatever those say who have not voted; or
 * an honest voter has seen that. */
static bool is_burned(const struct vain_assembly *own)
{
    int votes, silent = 0;
    (void)leading_vote(own, &votes);
    for (int i = 0; i < own->config.members; i++)
        silent += vain_assembly_is_voter(own, i) && !own->peers[i].has_vote;
    return votes + silent < vain_assembly_quorum(own) ||
           vain_assembly_generation(vain_assembly_attempt_of_others(own)) >
               vain_assembly_generation(own->attempt);
}

/* Without the sum: an honest member among those who voted has it, so its set is the one. */
static bool may_join_vote(struct vain_assembly *own)
{
    int votes;
    const struct vain_vote *leading = leading_vote(own, &votes);
    if (leading == NULL || votes < vain_quorum_witnesses(voter_count(own)))
        return false;
    own->news = (struct vain_assembly_news){.verdict = VAIN_ASSEMBLY_VOTE, .vote = *leading};
    return true;
}

/* Votes for a set that cannot become a quorum, and too few voters left for another one: burn. Only
 * when a quorum of voters is heard, since somebody else may know more. */
static bool must_burn(struct vain_assembly *own)
{
    int heard = 0, free = 0, votes;
    const struct vain_vote *leading = leading_vote(own, &votes);
    if (leading == NULL)
        return false;
    for (int i = 0; i < own->config.members; i++) {
        if (!vain_assembly_is_voter(own, i) ||
            !(stands_here(own, i) || (vain_assembly_is_up(own, i) && own->peers[i].has_vote)))
            continue;
        heard++;
        free += !own->peers[i].has_vote;
    }
    if (heard < vain_assembly_quorum(own) || free >= vain_assembly_quorum(own) ||
        votes >= vain_quorum_witnesses(voter_count(own)))
        return false;
    own->news = (struct vain_assembly_news){.verdict = VAIN_ASSEMBLY_VOTE};
    own->news.vote = (struct vain_vote){.epoch = own->stand.epoch,
                                        .round = own->stand.round,
                                        .attempt = vain_assembly_generation(own->attempt)
                                                   << VAIN_ASSEMBLY_GENERATION_BITS,
                                        .burn = true};
    return true;
}

/* ---- the rules, in their order --------------------------------------------------------------- */

static void say(struct vain_assembly *own, enum vain_assembly_verdict verdict)
{
    own->news = (struct vain_assembly_news){.verdict = verdict};
}

/* Nobody is ahead, though the votes are there. */
static void look_for_loss(struct vain_assembly *own)
{
    if (!own->lost && patience_is_over(own, VAIN_ASSEMBLY_LOST_MS)) {
        own->lost = true;
        vain_assembly_tell(own);
    }
    int lost = own->lost && vain_assembly_is_voter(own, own->config.own);
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_assembly_peer *peer = &own->peers[i];
        const struct vain_position *there = &peer->position;
        if (!peer->up || !peer->known || !vain_assembly_is_voter(own, i) ||
            there->epoch != own->stand.epoch || there->round != own->stand.round)
            continue;
        lost += (there->flags & (VAIN_POSITION_LOST | VAIN_POSITION_STARTING)) != 0;
    }
    if (own->lost && lost >= vain_assembly_quorum(own)) {
        own->given_up_epoch = own->stand.epoch;
        say(own, VAIN_ASSEMBLY_LOST);
    }
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
    /* Complete without this member's sum: those who hold it will say so. */
    if (chosen != NULL) {
        if (!vain_assembly_is_behind(own, 1))
            look_for_loss(own);
        return true;
    }
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
    if (own->phase == VAIN_PHASE_RUNNING)
        return;
    say(own, VAIN_ASSEMBLY_WAIT);
    if (own->phase == VAIN_PHASE_IDLE || own->leaving)
        return;
    if (!own->stand.starting && votes_decide(own))
        return;
    if (own->phase == VAIN_PHASE_VOTED) {
        /* Those one ahead show this round's votes, if they have not forgotten them. */
        (void)vain_assembly_is_behind(own, patience_is_over(own, VAIN_ASSEMBLY_LOST_MS) ? 1 : 2);
        return;
    }
    if (!vain_assembly_is_behind(own, 1) && !vain_assembly_has_voted(own))
        take_part(own);
}
