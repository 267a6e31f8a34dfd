#include "tests/unit/collectives/script.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

enum { EPOCH = 1, ROUND = 5, STATE = 7 };

static void stand_in(int member, const void *message, size_t bytes,
                     uint8_t out[VAIN_SIGNATURE_BYTES])
{
    memset(out, 0, VAIN_SIGNATURE_BYTES);
    vain_hash("test/sign", message, bytes, out);
    out[VAIN_HASH_BYTES] = (uint8_t)(member + 1);
}

static void on_send(void *context, int member, uint16_t kind, const void *body, size_t bytes)
{
    struct script *script = context;
    if (member != (script->own + 1) % script->members)
        return;
    script->sent[kind]++;
    memcpy(script->last[kind], body, bytes);
}

static enum vain_status on_sign(void *context, const void *message, size_t bytes,
                                uint8_t out[VAIN_SIGNATURE_BYTES])
{
    const struct script *script = context;
    stand_in(script->own, message, bytes, out);
    return VAIN_OK;
}

static bool on_verify(void *context, int member, const void *message, size_t bytes,
                      const uint8_t signature[VAIN_SIGNATURE_BYTES])
{
    uint8_t expected[VAIN_SIGNATURE_BYTES];
    (void)context;
    stand_in(member, message, bytes, expected);
    return memcmp(expected, signature, sizeof expected) == 0;
}

static void on_evidence(void *context, int member, const struct vain_vote *first,
                        const struct vain_vote *second)
{
    struct script *script = context;
    if (first->voter != member || second->voter != member)
        abort();
    script->evidence++;
}

void script_open(struct script *script, int members, int own, int start_quorum, int set_min)
{
    static const struct vain_vote none;
    script_open_after(script, members, own, start_quorum, set_min, &none);
}

void script_ballot(int member, uint8_t out[VAIN_BALLOT_BYTES])
{
    memset(out, member + 1, VAIN_BALLOT_BYTES);
}

void script_open_after(struct script *script, int members, int own, int start_quorum, int set_min,
                       const struct vain_vote *voted)
{
    static const struct vain_assembly_ops ops = {on_send, on_sign, on_verify, on_evidence};
    struct vain_assembly_config config = {.ops = &ops,
                                          .context = script,
                                          .members = members,
                                          .own = own,
                                          .start_quorum = start_quorum,
                                          .set_min = set_min,
                                          .voted = *voted,
                                          .patience_ms = 3000};
    script_ballot(own, config.ballot);
    script_ballot(own, config.voted.ballot);
    *script = (struct script){.members = members, .own = own, .now_ms = 1000};
    if (vain_assembly_open(&config, &script->assembly) != VAIN_OK)
        abort();
    vain_assembly_tick(script->assembly, script->now_ms);
    for (int i = 0; i < members; i++) {
        if (i != own)
            vain_assembly_link(script->assembly, i, true);
    }
}

void script_close(struct script *script)
{
    vain_assembly_close(&script->assembly);
}

void script_stand(struct script *script, bool starting, struct vain_set voters)
{
    struct vain_assembly_stand stand = {
        .epoch = EPOCH, .round = ROUND, .starting = starting, .voters = voters};
    stand.state_hash[0] = STATE;
    vain_assembly_stand(script->assembly, &stand);
    vain_assembly_ready(script->assembly);
}

void script_stand_first(struct script *script)
{
    struct vain_assembly_stand stand = {.round = ROUND, .starting = true};
    stand.state_hash[0] = STATE;
    vain_assembly_stand(script->assembly, &stand);
    vain_assembly_ready(script->assembly);
}

struct vain_set script_set(uint64_t bits)
{
    return (struct vain_set){{bits}};
}

enum vain_assembly_verdict script_verdict(struct script *script, uint64_t later_ms)
{
    struct vain_assembly_news news;
    script->now_ms += later_ms;
    vain_assembly_tick(script->assembly, script->now_ms);
    vain_assembly_news(script->assembly, &news);
    return news.verdict;
}

struct vain_position script_position(bool starting)
{
    struct vain_position position = {.epoch = EPOCH, .round = ROUND, .flags = VAIN_POSITION_READY};
    position.flags |= starting ? VAIN_POSITION_STARTING : 0;
    position.state_hash[0] = STATE;
    return position;
}

void script_tell(struct script *script, int from, const struct vain_position *position)
{
    struct vain_position told = *position;
    uint8_t body[VAIN_POSITION_BYTES];
    if (vain_is_zero(told.ballot, VAIN_BALLOT_BYTES))
        script_ballot(from, told.ballot);
    vain_position_encode(&told, body);
    vain_assembly_letter(script->assembly, from, VAIN_LETTER_POSITION, body, sizeof body);
}

void script_all_busy(struct script *script)
{
    struct vain_position position = script_position(false);
    position.flags = 0;
    for (int i = 0; i < script->members; i++) {
        if (i != script->own)
            script_tell(script, i, &position);
    }
}

void script_all_ready(struct script *script, bool starting)
{
    const struct vain_position position = script_position(starting);
    for (int i = 0; i < script->members; i++) {
        if (i != script->own)
            script_tell(script, i, &position);
    }
}

struct vain_proposal script_proposal(bool starting, uint32_t attempt, struct vain_set set)
{
    struct vain_proposal proposal = {
        .epoch = EPOCH + starting, .round = ROUND, .attempt = attempt, .set = set};
    proposal.state_hash[0] = STATE;
    return proposal;
}

bool script_propose(struct script *script, int from, const struct vain_proposal *proposal)
{
    uint8_t body[VAIN_PROPOSAL_BYTES];
    const int acks = script->sent[VAIN_LETTER_ACK];
    vain_proposal_encode(proposal, body);
    vain_assembly_letter(script->assembly, from, VAIN_LETTER_PROPOSAL, body, sizeof body);
    return script->sent[VAIN_LETTER_ACK] > acks;
}

struct vain_ack script_signed_ack(int member, const struct vain_proposal *proposal)
{
    struct vain_ack ack = {proposal->epoch, proposal->round, proposal->attempt, {0}, {0}};
    uint8_t message[VAIN_ASSEMBLY_MESSAGE_BYTES];
    vain_proposal_hash(proposal, ack.proposal_hash);
    vain_ack_message(&ack, message);
    stand_in(member, message, sizeof message, ack.signature);
    return ack;
}

void script_send_ack(struct script *script, int from, const struct vain_ack *ack)
{
    uint8_t body[VAIN_ACK_BYTES];
    vain_ack_encode(ack, body);
    vain_assembly_letter(script->assembly, from, VAIN_LETTER_ACK, body, sizeof body);
}

void script_ack(struct script *script, int from, const struct vain_proposal *proposal)
{
    const struct vain_ack ack = script_signed_ack(from, proposal);
    script_send_ack(script, from, &ack);
}

struct vain_vote script_sign_vote(struct vain_vote vote)
{
    uint8_t message[VAIN_ASSEMBLY_MESSAGE_BYTES];
    if (vain_is_zero(vote.ballot, VAIN_BALLOT_BYTES))
        script_ballot(vote.voter, vote.ballot);
    vain_vote_message(&vote, message);
    stand_in(vote.voter, message, sizeof message, vote.signature);
    return vote;
}

struct vain_vote script_signed_vote(int voter, uint32_t attempt, struct vain_set set)
{
    return script_sign_vote((struct vain_vote){
        .epoch = EPOCH, .round = ROUND, .attempt = attempt, .voter = (uint16_t)voter, .set = set});
}

struct vain_vote script_signed_burn(int voter, uint32_t attempt)
{
    return script_sign_vote((struct vain_vote){.epoch = EPOCH,
                                               .round = ROUND,
                                               .attempt = attempt,
                                               .burn = true,
                                               .voter = (uint16_t)voter});
}

void script_send_vote(struct script *script, int from, const struct vain_vote *vote)
{
    uint8_t body[VAIN_VOTE_BYTES];
    vain_vote_encode(vote, body);
    vain_assembly_letter(script->assembly, from, VAIN_LETTER_VOTE, body, sizeof body);
}

void script_vote(struct script *script, int voter, uint32_t attempt, struct vain_set set)
{
    const struct vain_vote vote = script_signed_vote(voter, attempt, set);
    script_send_vote(script, voter, &vote);
}

void script_burn(struct script *script, int voter, uint32_t attempt)
{
    const struct vain_vote vote = script_signed_burn(voter, attempt);
    script_send_vote(script, voter, &vote);
}

void script_begin(struct script *script, bool starting)
{
    script_open(script, 4, 0, 3, 2);
    script_stand(script, starting, script_set(SCRIPT_ALL));
    script_all_ready(script, starting);
}

struct vain_vote script_vote_asked_for(const struct script *script)
{
    struct vain_assembly_news news;
    vain_assembly_news(script->assembly, &news);
    return news.vote;
}
