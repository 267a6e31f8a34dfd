/* The assembly's calls: what its member holds, what happens, what follows. Every call notes what
 * has happened and then lets the rules run (assembly_rules.c). */
#include "collectives/assembly_state.h"

#include <string.h>

#include "base/memory.h"
#include "collectives/quorum.h"

/* ---- what this member holds ------------------------------------------------------------------ */

/* What shows to others that the round or the generation is over. */
static void keep_votes(struct vain_assembly *own)
{
    own->last_vote_count = 0;
    for (int i = 0; i < own->config.members; i++) {
        if (vain_assembly_is_voter(own, i) && own->peers[i].has_vote)
            own->last_votes[own->last_vote_count++] = own->votes[i];
    }
}

/* What was said in the round or generation before has no place in the one that begins. */
static void forget_letters(struct vain_assembly *own)
{
    for (int i = 0; i < own->config.members; i++) {
        struct vain_assembly_peer *peer = &own->peers[i];
        peer->has_vote = peer->two_faced = peer->has_ack = peer->mute = false;
    }
    own->tally = (struct vain_assembly_tally){0};
    own->phase = VAIN_PHASE_IDLE;
    own->waiting = own->stuck = own->lost = own->disowned = false;
    vain_assembly_forget_claims(own);
}

/* After a restart in the middle of a round: this member has voted in it, and says so again. */
static void repeat_vote(struct vain_assembly *own)
{
    uint8_t message[VAIN_ASSEMBLY_MESSAGE_BYTES];
    if (!vain_assembly_has_voted(own) || !vain_assembly_in_slot(own, &own->voted))
        return;
    own->voted.voter = (uint16_t)own->config.own;
    VAIN_ASSERT(memcmp(own->voted.ballot, own->config.ballot, VAIN_BALLOT_BYTES) == 0);
    vain_vote_message(&own->voted, message);
    if (own->config.ops->sign(own->config.context, message, sizeof message, own->voted.signature) !=
        VAIN_OK)
        return;
    vain_assembly_note_vote(own, &own->voted);
    vain_assembly_send_vote(own, -1, &own->voted);
}

/* Where this member may vote again: not before the generation that it has voted in. */
static uint32_t generation_of_vote(const struct vain_assembly *own)
{
    const bool this_round = !own->stand.starting && own->voted.epoch == own->stand.epoch &&
                            own->voted.round == own->stand.round;
    return this_round ? vain_assembly_generation(own->voted.attempt) : 0;
}

/* Whether the round was completed with the exchange that this member was in. */
static bool ended_with_own(const struct vain_assembly *own)
{
    const struct vain_vote *chosen = vain_assembly_decided(own);
    return own->phase == VAIN_PHASE_VOTED && chosen != NULL &&
           vain_assembly_same_choice(&own->voted, chosen);
}

void vain_assembly_stand(struct vain_assembly *own, const struct vain_assembly_stand *stand)
{
    if (stand->round == own->proposal.round + 1 && ended_with_own(own))
        vain_suspicion_good_round(&own->suspicion, &own->proposal.set);
    keep_votes(own);
    own->stand = *stand;
    if (stand->starting)
        own->stand.voters = vain_set_first(own->config.members);
    own->voter_count = vain_set_count(&own->stand.voters);
    VAIN_ASSERT(own->voter_count > 0);
    VAIN_ASSERT(vain_set_next(&own->stand.voters, own->config.members) < 0);
    own->attempt = own->least_attempt = generation_of_vote(own) << VAIN_ASSEMBLY_GENERATION_BITS;
    forget_letters(own);
    repeat_vote(own);
    vain_assembly_tell(own);
    vain_assembly_settle(own);
}

void vain_assembly_begin_anew(struct vain_assembly *own)
{
    const uint32_t others = vain_assembly_generation(vain_assembly_attempt_of_others(own));
    const uint32_t next = vain_assembly_generation(own->attempt) + 1;
    keep_votes(own);
    own->attempt = own->least_attempt = (others > next ? others : next)
                                        << VAIN_ASSEMBLY_GENERATION_BITS;
    forget_letters(own);
    repeat_vote(own);
    vain_assembly_tell(own);
    vain_assembly_settle(own);
}

void vain_assembly_ready(struct vain_assembly *own)
{
    if (own->phase == VAIN_PHASE_IDLE) {
        own->phase = VAIN_PHASE_READY;
        vain_assembly_forget_claims(own);
    }
    vain_assembly_tell(own);
    vain_assembly_settle(own);
}

void vain_assembly_unready(struct vain_assembly *own)
{
    if (own->phase == VAIN_PHASE_READY || own->phase == VAIN_PHASE_ACKED)
        own->phase = VAIN_PHASE_IDLE;
    vain_assembly_tell(own);
}

void vain_assembly_use(struct vain_assembly *own, const uint8_t *key)
{
    if (key == NULL)
        memset(own->use_key, 0, VAIN_HASH_BYTES);
    else
        memcpy(own->use_key, key, VAIN_HASH_BYTES);
    own->use_set = own->proposal.set;
}

void vain_assembly_leave(struct vain_assembly *own)
{
    own->leaving = true;
    vain_assembly_tell(own);
    vain_assembly_settle(own);
}

/* ---- what happens ---------------------------------------------------------------------------- */

static void take_early_proposal(struct vain_assembly *own);

void vain_assembly_link(struct vain_assembly *own, int member, bool up)
{
    struct vain_assembly_peer *peer = &own->peers[member];
    VAIN_ASSERT(member != own->config.own);
    peer->up = up;
    peer->known = peer->told = false;
    peer->late = vain_assembly_is_distrusted(own, member);
    if (up) {
        uint8_t body[VAIN_POSITION_BYTES];
        vain_assembly_encode_position(own, body);
        vain_assembly_send(own, member, VAIN_LETTER_POSITION, body, sizeof body);
        if (own->peers[own->config.own].has_vote)
            vain_assembly_send_vote(own, member, &own->votes[own->config.own]);
        take_early_proposal(own);
    }
    own->unsettled = true;
}

static void ignore_for(struct vain_assembly *own, int member, uint64_t ms)
{
    struct vain_assembly_peer *peer = &own->peers[member];
    VAIN_ASSERT(member != own->config.own);
    if (peer->distrusted_until_ms < own->now_ms + ms)
        peer->distrusted_until_ms = own->now_ms + ms;
    peer->late = true;
    peer->known = false;
    vain_assembly_settle(own);
}

void vain_assembly_distrust(struct vain_assembly *own, int member)
{
    struct vain_assembly_peer *peer = &own->peers[member];
    const int doublings = peer->untruths < VAIN_ASSEMBLY_DISTRUST_DOUBLINGS
                              ? peer->untruths++
                              : VAIN_ASSEMBLY_DISTRUST_DOUBLINGS;
    ignore_for(own, member, (uint64_t)VAIN_ASSEMBLY_DISTRUST_MS << doublings);
}

void vain_assembly_doubt(struct vain_assembly *own, int member)
{
    ignore_for(own, member, VAIN_ASSEMBLY_DISTRUST_MS);
}

static void send_last_votes(struct vain_assembly *own, int member)
{
    for (int i = 0; i < own->last_vote_count; i++)
        vain_assembly_send_vote(own, member, &own->last_votes[i]);
}

/* Votes go to all at once, so only who has missed some needs them again. A few members repeat them
 * at a time, each in its turn, since a thousand would send a thousand votes each. */
static bool is_helper(const struct vain_assembly *own, int member)
{
    const uint64_t members = (uint64_t)own->config.members;
    const uint64_t turn = own->now_ms / VAIN_ASSEMBLY_REPEAT_MS * VAIN_ASSEMBLY_HELPERS;
    return ((uint64_t)own->config.own + (uint64_t)member + turn) % members < VAIN_ASSEMBLY_HELPERS;
}

/* Who waits says the same from time to time: it is given what ends its waiting. */
static void help(struct vain_assembly *own, int member)
{
    const struct vain_position *there = &own->peers[member].position;
    if (there->epoch != own->stand.epoch || own->stand.starting ||
        (there->flags & VAIN_POSITION_STARTING) != 0)
        return;
    if (there->round + 1 == own->stand.round ||
        (there->round == own->stand.round &&
         vain_assembly_generation(there->attempt) < vain_assembly_generation(own->attempt))) {
        send_last_votes(own, member);
    } else if (there->round == own->stand.round) {
        for (int i = 0; i < own->config.members; i++) {
            if (own->peers[i].has_vote)
                vain_assembly_send_vote(own, member, &own->votes[i]);
        }
    }
}

static bool same_position(const struct vain_position *a, const struct vain_position *b)
{
    return a->epoch == b->epoch && a->round == b->round && a->attempt == b->attempt &&
           a->flags == b->flags && memcmp(a->state_hash, b->state_hash, VAIN_HASH_BYTES) == 0 &&
           memcmp(a->use_key, b->use_key, VAIN_HASH_BYTES) == 0;
}

static void take_position(struct vain_assembly *own, int member, const uint8_t *body, size_t bytes)
{
    struct vain_position position;
    if (!vain_position_decode(body, bytes, &position)) {
        own->misfits++;
        return;
    }
    struct vain_assembly_peer *peer = &own->peers[member];
    memcpy(peer->ballot, position.ballot, VAIN_BALLOT_BYTES);
    if (vain_assembly_is_distrusted(own,
                                    member)) { /* whether it has come to the end counts still */
        peer->position = position;
        peer->told = true;
        return;
    }
    const bool repeats = peer->known && same_position(&peer->position, &position);
    peer->position = position;
    peer->known = peer->told = true;
    if (repeats && is_helper(own, member))
        help(own, member);
}

/* A set proposed by whose turn it is, of this round and state, with enough voters. */
static bool could_run(const struct vain_assembly *own, int member,
                      const struct vain_proposal *proposal)
{
    const struct vain_set voters = vain_set_both(&proposal->set, &own->stand.voters);
    const uint64_t epochs = proposal->epoch - own->stand.epoch;
    const bool epoch_fits =
        own->stand.starting ? epochs > 0 && epochs <= VAIN_EPOCHS_AHEAD : epochs == 0;
    return epoch_fits && proposal->round == own->stand.round &&
           memcmp(proposal->state_hash, own->stand.state_hash, VAIN_HASH_BYTES) == 0 &&
           vain_assembly_proposer(own, proposal->attempt) == member &&
           vain_assembly_generation(proposal->attempt) == vain_assembly_generation(own->attempt) &&
           proposal->attempt <= own->attempt + 2 * (uint32_t)own->config.members &&
           vain_set_count(&voters) >= vain_assembly_quorum(own) &&
           vain_set_count(&proposal->set) >= own->config.set_min;
}

/* One that this member can ack: with it, over new streams or those that it holds open. */
static bool fits(const struct vain_assembly *own, int member, const struct vain_proposal *proposal)
{
    return could_run(own, member, proposal) && vain_assembly_use_fits(own, proposal) &&
           vain_set_has(&proposal->set, own->config.own) &&
           (!own->stand.starting || proposal->epoch > own->voted.epoch);
}

/* Whether this member can ack it, but for members of it whom it does not see yet. */
static bool may_ack(const struct vain_assembly *own, int member,
                    const struct vain_proposal *proposal)
{
    const struct vain_assembly_peer *self = &own->peers[own->config.own];
    const struct vain_ack *mine = &own->acks[own->config.own];
    const bool open = (own->phase == VAIN_PHASE_READY || own->phase == VAIN_PHASE_ACKED) &&
                      vain_assembly_is_ready(own);
    /* While acks may come it goes forward only. Afterwards back too: a liar can have led a few
     * members ahead, and the others do not follow so far. */
    const bool acks_may_come =
        own->phase == VAIN_PHASE_ACKED &&
        (!own->waiting || own->now_ms - own->waiting_since_ms < VAIN_ASSEMBLY_REPEAT_MS);
    const bool acked_already =
        self->has_ack && (mine->attempt == proposal->attempt ||
                          (acks_may_come && mine->attempt > proposal->attempt));
    const struct vain_set left_out = vain_assembly_left_out(own);
    return open && !acked_already && proposal->attempt >= own->least_attempt &&
           !vain_set_has(&left_out, member) && fits(own, member, proposal);
}

/* Attempts without this member, by whose turn it is: when another one follows in the round, the one
 * before has failed, and tells of those in it. Not those far ahead: a liar whose turn comes then
 * could hide the attempts until then. */
static void watch_others(struct vain_assembly *own, int member,
                         const struct vain_proposal *proposal)
{
    struct vain_proposal *last = &own->watched;
    if (own->stand.starting || !vain_set_has(&proposal->set, member) ||
        proposal->attempt > own->attempt + 1 || !could_run(own, member, proposal))
        return;
    const bool follows = last->epoch == proposal->epoch && last->round == proposal->round;
    if (follows && proposal->attempt <= last->attempt)
        return;
    if (follows && !vain_set_has(&last->set, own->config.own))
        vain_suspicion_seen(&own->suspicion, &last->set);
    *last = *proposal;
}

/* Links are made in any order: the last proposal of others than are there yet is kept. */
static void take_proposal(struct vain_assembly *own, int member, const uint8_t *body, size_t bytes)
{
    struct vain_proposal proposal;
    if (!vain_proposal_decode(body, bytes, own->config.members, &proposal)) {
        own->misfits++;
        return;
    }
    watch_others(own, member, &proposal);
    if (!may_ack(own, member, &proposal))
        return;
    own->has_early = !vain_assembly_all_up(own, &proposal.set);
    if (own->has_early) {
        own->early = proposal;
        own->early_from = member;
    } else {
        vain_assembly_ack(own, &proposal);
    }
}

static void take_early_proposal(struct vain_assembly *own)
{
    if (!own->has_early || !vain_assembly_all_up(own, &own->early.set))
        return;
    own->has_early = false;
    if (may_ack(own, own->early_from, &own->early))
        vain_assembly_ack(own, &own->early);
}

static void take_ack(struct vain_assembly *own, int member, const uint8_t *body, size_t bytes)
{
    struct vain_assembly_peer *peer = &own->peers[member];
    struct vain_ack ack_there;
    uint8_t message[VAIN_ASSEMBLY_MESSAGE_BYTES];
    if (!vain_ack_decode(body, bytes, &ack_there)) {
        own->misfits++;
        return;
    }
    if (ack_there.round != own->stand.round ||
        (peer->has_ack && ack_there.attempt == own->acks[member].attempt))
        return;
    vain_ack_message(&ack_there, message);
    if (!own->config.ops->verify(own->config.context, member, message, sizeof message,
                                 ack_there.signature)) {
        own->misfits++;
        return;
    }
    own->acks[member] = ack_there;
    peer->has_ack = true;
    peer->mute = false;
}

/* A vote may come from anybody who holds it: its own signature says whose it is, and its ballot
 * that it was cast here. Until the voter itself has told its ballot its votes are dropped, whoever
 * sends them. */
static void take_vote(struct vain_assembly *own, const uint8_t *body, size_t bytes)
{
    struct vain_vote vote;
    uint8_t message[VAIN_ASSEMBLY_MESSAGE_BYTES];
    if (!vain_vote_decode(body, bytes, own->config.members, &vote)) {
        own->misfits++;
        return;
    }
    struct vain_assembly_peer *voter = &own->peers[vote.voter];
    if (vote.voter == own->config.own || vote.epoch != own->stand.epoch ||
        vote.round != own->stand.round || own->stand.starting ||
        vain_assembly_generation(vote.attempt) != vain_assembly_generation(own->attempt) ||
        memcmp(vote.ballot, voter->ballot, VAIN_BALLOT_BYTES) != 0 || voter->two_faced ||
        (voter->has_vote && vain_assembly_same_choice(&own->votes[vote.voter], &vote)))
        return;
    vain_vote_message(&vote, message);
    if (!own->config.ops->verify(own->config.context, vote.voter, message, sizeof message,
                                 vote.signature)) {
        own->misfits++;
        return;
    }
    if (!voter->has_vote) {
        vain_assembly_note_vote(own, &vote);
        return;
    }
    vain_assembly_note_two_faced(own, vote.voter);
    if (own->config.ops->evidence != NULL)
        own->config.ops->evidence(own->config.context, vote.voter, &own->votes[vote.voter], &vote);
}

void vain_assembly_letter(struct vain_assembly *own, int member, uint16_t kind, const uint8_t *body,
                          size_t bytes)
{
    VAIN_ASSERT(member != own->config.own);
    switch (kind) {
    case VAIN_LETTER_POSITION:
        take_position(own, member, body, bytes);
        break;
    case VAIN_LETTER_PROPOSAL:
        take_proposal(own, member, body, bytes);
        break;
    case VAIN_LETTER_ACK:
        take_ack(own, member, body, bytes);
        break;
    case VAIN_LETTER_VOTE:
        take_vote(own, body, bytes);
        break;
    default:
        own->misfits++;
        break;
    }
    own->unsettled = true;
}

/* Whose time of distrust is over goes by the last that it told: who is idle says it once only. */
static void hear_again(struct vain_assembly *own)
{
    for (int i = 0; i < own->config.members; i++) {
        struct vain_assembly_peer *peer = &own->peers[i];
        if (!peer->told || peer->known || vain_assembly_is_distrusted(own, i))
            continue;
        peer->known = true;
        own->unsettled = true;
    }
}

void vain_assembly_tick(struct vain_assembly *own, uint64_t now_ms)
{
    VAIN_ASSERT(now_ms >= own->now_ms);
    own->now_ms = now_ms;
    hear_again(own);
    if (own->phase != VAIN_PHASE_IDLE && own->phase != VAIN_PHASE_RUNNING &&
        now_ms - own->told_ms >= VAIN_ASSEMBLY_REPEAT_MS)
        vain_assembly_tell(own);
    if (own->unsettled || now_ms - own->settled_ms >= VAIN_ASSEMBLY_SETTLE_MS)
        vain_assembly_settle(own);
}

/* ---- what follows ---------------------------------------------------------------------------- */

void vain_assembly_news(const struct vain_assembly *own, struct vain_assembly_news *out)
{
    *out = own->news;
}

void vain_assembly_failed(struct vain_assembly *own)
{
    VAIN_ASSERT(own->phase == VAIN_PHASE_RUNNING);
    own->phase = VAIN_PHASE_IDLE;
    own->attempt = own->least_attempt =
        vain_assembly_attempt_after(own, 1 + vain_assembly_lead_of_absent(own));
    own->waiting = false;
    vain_assembly_tell(own);
    vain_assembly_settle(own);
}

void vain_assembly_disown(struct vain_assembly *own)
{
    own->disowned = true;
    vain_assembly_settle(own);
}

void vain_assembly_suspect(struct vain_assembly *own, const struct vain_set *set, int member)
{
    vain_suspicion_failure(&own->suspicion, set, member);
}

bool vain_assembly_suspects(const struct vain_assembly *own, int member)
{
    return own->suspicion.left_out > 0 && own->suspicion.counts[member] > 0;
}

void vain_assembly_own_vote(const struct vain_assembly *own,
                            const uint8_t content[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                            struct vain_vote *out)
{
    VAIN_ASSERT(own->phase == VAIN_PHASE_RUNNING);
    *out = (struct vain_vote){.epoch = own->proposal.epoch,
                              .round = own->proposal.round,
                              .attempt = own->proposal.attempt,
                              .voter = (uint16_t)own->config.own,
                              .set = own->proposal.set};
    memcpy(out->ballot, own->config.ballot, VAIN_BALLOT_BYTES);
    memcpy(out->content, content, VAIN_HASH_BYTES);
}

enum vain_status vain_assembly_vote(struct vain_assembly *own, const struct vain_vote *vote)
{
    uint8_t message[VAIN_ASSEMBLY_MESSAGE_BYTES];
    VAIN_ASSERT(vain_assembly_in_slot(own, vote));
    VAIN_ASSERT(!vain_assembly_has_voted(own));
    struct vain_vote mine = *vote;
    mine.voter = (uint16_t)own->config.own;
    VAIN_ASSERT(memcmp(mine.ballot, own->config.ballot, VAIN_BALLOT_BYTES) == 0);
    vain_vote_message(&mine, message);
    VAIN_TRY(own->config.ops->sign(own->config.context, message, sizeof message, mine.signature));
    own->voted = mine;
    own->waiting = false;
    const bool after_exchange = own->phase == VAIN_PHASE_RUNNING;
    if (after_exchange)
        own->phase = VAIN_PHASE_VOTED;
    if (vain_assembly_is_voter(own, own->config.own)) {
        vain_assembly_note_vote(own, &mine);
        vain_assembly_send_vote(own, -1, &mine);
    }
    vain_assembly_tell(own);
    /* Nobody has told the time while the exchange ran: what is waited for from here on begins with
     * the next tick. */
    own->unsettled = true;
    if (after_exchange)
        own->news = (struct vain_assembly_news){.verdict = VAIN_ASSEMBLY_WAIT};
    else
        vain_assembly_settle(own);
    return VAIN_OK;
}

bool vain_assembly_is_split(const struct vain_assembly *own)
{
    bool split = false;
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_vote *vote = &own->votes[i];
        split = split || (own->peers[i].has_vote && !vote->burn && !own->voted.burn &&
                          vote->attempt == own->voted.attempt &&
                          vain_set_equal(&vote->set, &own->voted.set) &&
                          memcmp(vote->content, own->voted.content, VAIN_HASH_BYTES) != 0);
    }
    return split && vain_assembly_in_slot(own, &own->voted);
}

bool vain_assembly_behind(struct vain_assembly *own, struct vain_assembly_news *news)
{
    const struct vain_assembly_news before = own->news;
    const bool behind = vain_assembly_is_behind(own, 1);
    *news = own->news;
    own->news = before;
    return behind;
}

/* ---- for messages and decisions of the caller ------------------------------------------------ */

uint32_t vain_assembly_attempts(const struct vain_assembly *own)
{
    return (own->attempt & ((1u << VAIN_ASSEMBLY_GENERATION_BITS) - 1)) + 1;
}

struct vain_set vain_assembly_present(const struct vain_assembly *own)
{
    struct vain_set present = {{0}};
    for (int i = 0; i < own->config.members; i++) {
        if (vain_assembly_is_up(own, i))
            vain_set_add(&present, i);
    }
    return present;
}

bool vain_assembly_quorum_present(const struct vain_assembly *own)
{
    const struct vain_set present = vain_assembly_present(own);
    const struct vain_set both = vain_set_both(&present, &own->stand.voters);
    return vain_set_count(&both) >= vain_assembly_quorum(own);
}

bool vain_assembly_is_at(const struct vain_assembly *own, int member, uint64_t round)
{
    const struct vain_assembly_peer *peer = &own->peers[member];
    return peer->told && peer->position.round >= round;
}

bool vain_assembly_leaves(const struct vain_assembly *own, int member)
{
    return vain_assembly_is_leaving(own, member);
}

bool vain_assembly_all_at(const struct vain_assembly *own, uint64_t round)
{
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_assembly_peer *peer = &own->peers[i];
        if (i != own->config.own && peer->up && !vain_assembly_is_leaving(own, i) &&
            (!peer->told || peer->position.round < round))
            return false;
    }
    return true;
}

struct vain_set vain_assembly_voters(const struct vain_assembly *own)
{
    return own->stand.voters;
}

uint64_t vain_assembly_epoch(const struct vain_assembly *own)
{
    return own->stand.epoch;
}

uint64_t vain_assembly_misfits(const struct vain_assembly *own)
{
    return own->misfits;
}

/* ---- life ------------------------------------------------------------------------------------ */

enum vain_status vain_assembly_open(const struct vain_assembly_config *config,
                                    struct vain_assembly **out)
{
    struct vain_assembly *own = NULL;
    enum vain_status status;
    *out = NULL;
    VAIN_ASSERT(config->members >= 1 && config->members <= VAIN_MEMBERS_MAX);
    VAIN_ASSERT(config->own >= 0 && config->own < config->members);
    VAIN_TRY(vain_take(sizeof *own, "assembly", (void **)&own));
    own->config = *config;
    own->voted = config->voted;
    own->stand.starting = true;
    own->stand.voters = vain_set_first(own->config.members);
    own->voter_count = own->config.members;
    vain_suspicion_init(&own->suspicion, config->members, config->own);
    VAIN_TRY_OUT(vain_take_array(config->members, sizeof *own->peers, "members of the assembly",
                                 (void **)&own->peers));
    VAIN_TRY_OUT(vain_take_array(config->members, sizeof *own->acks, "acks of the assembly",
                                 (void **)&own->acks));
    VAIN_TRY_OUT(vain_take_array(config->members, sizeof *own->votes, "votes of the assembly",
                                 (void **)&own->votes));
    VAIN_TRY_OUT(vain_take_array(config->members, sizeof *own->last_votes, "votes of the assembly",
                                 (void **)&own->last_votes));
    *out = own;
    return VAIN_OK;
out:
    vain_assembly_close(&own);
    return status;
}

void vain_assembly_close(struct vain_assembly **assembly)
{
    if (*assembly == NULL)
        return;
    vain_release((*assembly)->peers);
    vain_release((*assembly)->acks);
    vain_release((*assembly)->votes);
    vain_release((*assembly)->last_votes);
    vain_release(*assembly);
    *assembly = NULL;
}
