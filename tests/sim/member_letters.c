/* A member's assembly and what it asks for; whatever carries the letters. */
#include <string.h>

#include "tests/sim/federation_member.h"

static void note_vote(struct member *member, uint16_t kind, const void *body, size_t bytes)
{
    const struct federation_plan *plan = member->plan;
    struct vain_vote vote;
    if (kind == VAIN_LETTER_VOTE && vain_sim_is_up(plan->sim, member->index) &&
        vain_vote_decode(body, bytes, plan->members, &vote) && vote.voter == member->index)
        judge_vote_leaves(plan->judge, member->index, &vote);
}

static void send_letter(void *context, int to, uint16_t kind, const void *body, size_t bytes)
{
    struct member *member = context;
    struct liar_letter lie = {.kind = kind, .bytes = bytes};
    memcpy(lie.body, body, bytes);
    const enum telling telling = liar_writes(member, to, &lie);
    if (telling == TELLS_TRUTH || telling == TELLS_BOTH) {
        note_vote(member, kind, body, bytes);
        member_send(member, to, kind, body, bytes);
    }
    if (telling == TELLS_LIE || telling == TELLS_BOTH) {
        note_vote(member, lie.kind, lie.body, lie.bytes);
        member_send(member, to, lie.kind, lie.body, lie.bytes);
    }
}

static enum vain_status sign_letter(void *context, const void *message, size_t bytes,
                                    uint8_t out[VAIN_SIGNATURE_BYTES])
{
    const struct member *member = context;
    return vain_signer_sign(&member->plan->signers[member->index], message, bytes, out);
}

static bool verify_letter(void *context, int by, const void *message, size_t bytes,
                          const uint8_t signature[VAIN_SIGNATURE_BYTES])
{
    const struct member *member = context;
    return vain_signature_valid(member->plan->cards[by].certificate.current_key, message, bytes,
                                signature);
}

static void note_evidence(void *context, int by, const struct vain_vote *first,
                          const struct vain_vote *second)
{
    const struct member *member = context;
    (void)second;
    if (!member->plan->judge->members[by].lies_in_letters)
        judge_says(&member->plan->judge->base,
                   "TWO VOTES: member %d holds two of member %d in round %llu", member->index, by,
                   (unsigned long long)first->round);
}

enum vain_status member_open_assembly(struct member *member)
{
    static const struct vain_assembly_ops ops = {send_letter, sign_letter, verify_letter,
                                                 note_evidence};
    struct vain_assembly_config config = {.ops = &ops,
                                          .context = member,
                                          .members = member->plan->members,
                                          .own = member->index,
                                          .start_quorum = member->plan->start_quorum,
                                          .set_min = member->plan->set_min,
                                          .patience_ms = (uint64_t)member->plan->deadline_ms,
                                          .voted = member->voted};
    memset(config.ballot, member->index + 1, VAIN_BALLOT_BYTES);
    return vain_assembly_open(&config, &member->assembly);
}

void member_take_letter(struct member *member, int from, uint16_t kind, const uint8_t *body,
                        size_t bytes)
{
    if (kind == VAIN_LETTER_OPEN)
        member_open_take(member, from, body, bytes);
    else
        vain_assembly_letter(member->assembly, from, kind, body, bytes);
}
