/* What liars send, by the meeting's dice: letters of right and wrong lengths, positions far ahead,
 * two proposals in one turn with acks for both, and votes that say another thing to each member. A
 * liar knows where everybody stands, and signs with its own key only. */
#include "collectives/quorum.h"
#include "tests/unit/collectives/meeting_state.h"

#include <string.h>

static uint64_t roll(struct seat *seat, uint64_t below)
{
    return meeting_roll(seat->meeting, below);
}

static struct seat *some_seat(struct seat *seat)
{
    return &seat->meeting->seats[roll(seat, (uint64_t)seat->meeting->settings.members)];
}

static void send_noise(struct seat *seat, int member)
{
    static const size_t right[] = {VAIN_POSITION_BYTES, VAIN_PROPOSAL_BYTES, VAIN_ACK_BYTES,
                                   VAIN_VOTE_BYTES};
    uint8_t body[VAIN_ASSEMBLY_LETTER_BYTES_MAX + 8];
    const uint16_t kind = (uint16_t)roll(seat, 7);
    const bool fits = kind >= 1 && kind <= 4 && roll(seat, 2) == 0;
    const size_t bytes = fits ? right[kind - 1] : (size_t)roll(seat, sizeof body + 1);
    for (size_t i = 0; i < bytes; i++)
        body[i] = (uint8_t)roll(seat, roll(seat, 2) == 0 ? 256 : 2);
    meeting_post(seat, member, kind, body, bytes);
}

/* Where `like` stands, but further on in something. */
static void send_position(struct seat *seat, int member, const struct seat *like)
{
    static const uint64_t far[] = {0, 0, 1, 2, 1000, UINT64_MAX / 2, UINT64_MAX};
    uint8_t body[VAIN_POSITION_BYTES];
    struct vain_position position = {.epoch = like->state.epoch, .round = like->state.round};
    memcpy(position.state_hash, like->state.hash, VAIN_HASH_BYTES);
    position.epoch += far[roll(seat, VAIN_COUNT_OF(far))];
    position.round += far[roll(seat, VAIN_COUNT_OF(far))];
    position.attempt = (uint32_t)far[roll(seat, VAIN_COUNT_OF(far))];
    position.flags = (uint32_t)roll(seat, VAIN_POSITION_FLAGS + 1);
    position.state_hash[0] ^= (uint8_t)roll(seat, 2);
    memset(position.ballot, roll(seat, 8) > 0 ? seat->index + 1 : 0, VAIN_BALLOT_BYTES);
    vain_position_encode(&position, body);
    meeting_post(seat, member, VAIN_LETTER_POSITION, body, sizeof body);
}

static struct vain_set some_set(struct seat *seat)
{
    struct vain_set set = vain_set_first(seat->meeting->settings.members);
    if (roll(seat, 3) > 0)
        vain_set_remove(&set, some_seat(seat)->index);
    return set;
}

/* In its turn, as `like` counts. */
static void send_proposal(struct seat *seat, int member, const struct seat *like)
{
    const struct vain_set voters = vain_assembly_voters(like->assembly);
    const uint32_t count = (uint32_t)vain_set_count(&voters);
    uint8_t body[VAIN_PROPOSAL_BYTES], message[VAIN_ASSEMBLY_MESSAGE_BYTES];
    struct vain_proposal proposal = {.epoch = vain_assembly_epoch(like->assembly),
                                     .round = like->state.round,
                                     .set = some_set(seat)};
    proposal.epoch += like->running ? 0 : roll(seat, 3);
    memcpy(proposal.state_hash, like->state.hash, VAIN_HASH_BYTES);
    proposal.use_key[0] = (uint8_t)roll(seat, 2);
    proposal.attempt = vain_assembly_attempts(like->assembly) - 1;
    for (uint32_t ahead = 0; ahead < count; ahead++) {
        if (vain_set_at(&voters, (int)((proposal.round + proposal.attempt) % count)) == seat->index)
            break;
        proposal.attempt++;
    }
    proposal.attempt += count * (uint32_t)roll(seat, 3);
    vain_proposal_encode(&proposal, body);
    meeting_post(seat, member, VAIN_LETTER_PROPOSAL, body, sizeof body);
    if (roll(seat, 2) == 0)
        return;
    struct vain_ack ack = {proposal.epoch, proposal.round, proposal.attempt, {0}, {0}};
    vain_proposal_hash(&proposal, ack.proposal_hash);
    vain_ack_message(&ack, message);
    (void)meeting_sign(seat, message, sizeof message, ack.signature);
    vain_ack_encode(&ack, body);
    meeting_post(seat, member, VAIN_LETTER_ACK, body, VAIN_ACK_BYTES);
}

/* In the round of `like`: as somebody else has, or against everybody, or for a set of its own. */
static void send_vote(struct seat *seat, int member, const struct seat *like)
{
    uint8_t body[VAIN_VOTE_BYTES], message[VAIN_ASSEMBLY_MESSAGE_BYTES];
    struct vain_vote vote = some_seat(seat)->saved_vote;
    const uint64_t choice = roll(seat, 3);
    if (choice == 0)
        vote = (struct vain_vote){.burn = true, .attempt = vote.attempt & UINT32_C(0xffff0000)};
    else if (choice == 1 || (!vote.burn && vain_set_count(&vote.set) == 0))
        vote = (struct vain_vote){.attempt = (uint32_t)roll(seat, 9), .set = some_set(seat)};
    vote.epoch = vain_assembly_epoch(like->assembly);
    vote.round = like->state.round;
    vote.voter = (uint16_t)seat->index;
    memset(vote.ballot, seat->index + 1, VAIN_BALLOT_BYTES);
    if (!vote.burn && roll(seat, 4) == 0)
        vote.content[8] ^= 1;
    vain_vote_message(&vote, message);
    (void)meeting_sign(seat, message, sizeof message, vote.signature);
    vain_vote_encode(&vote, body);
    meeting_post(seat, member, VAIN_LETTER_VOTE, body, sizeof body);
}

void liar_send(struct seat *seat, int member, uint16_t kind, const void *body, size_t bytes)
{
    /* Silent, two-faced or honest, for some seconds each. */
    const uint64_t mood = (seat->meeting->settings.seed + seat->meeting->now_ms / 3000) % 3;
    if (mood == 0 && kind != VAIN_LETTER_POSITION)
        return;
    if (mood == 1 && kind == VAIN_LETTER_VOTE && roll(seat, 2) == 0)
        send_vote(seat, member, &seat->meeting->seats[member]);
    else
        meeting_post(seat, member, kind, body, bytes);
}

void liar_talk(struct seat *seat)
{
    const int member = some_seat(seat)->index;
    const struct seat *to = &seat->meeting->seats[member];
    if (member == seat->index || !to->alive)
        return;
    const uint64_t choice = roll(seat, 10);
    if (choice < 2)
        send_noise(seat, member);
    else if (choice < 4)
        send_proposal(seat, member, to);
    else if (choice < 9)
        send_vote(seat, member, to);
    else if (roll(seat, 10) == 0)
        send_position(seat, member, to);
}
