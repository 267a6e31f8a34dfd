/* What a member puts into an attempt, and what it takes from its sum, whatever carries the words.
 */
#include <math.h>
#include <string.h>

#include "collectives/quorum.h"
#include "tests/sim/federation_member.h"

const struct vain_random member_check_random = {{17, 18}};

void member_context(const struct member *member, struct vain_context *out)
{
    const struct vain_proposal *proposal = &member->proposal;
    memset(out, 0, sizeof *out);
    out->epoch = proposal->epoch;
    out->round = proposal->round;
    out->attempt = proposal->attempt;
    vain_hash("test/set", &proposal->set, sizeof proposal->set, out->set_hash);
    memcpy(out->parameters_hash, member->state.hash, VAIN_HASH_BYTES);
    out->algorithm = member->plan->ring ? VAIN_ALGORITHM_RING : VAIN_ALGORITHM_TREE;
    out->masked = 1;
    out->wants_evidence = member->evidence_rounds > 0;
    vain_context_bind(out, &member->use.codec);
}

int member_threshold(const struct member *member, const struct vain_set *set)
{
    const struct vain_set voters = vain_assembly_voters(member->assembly);
    const int of_voters = vain_quorum(vain_set_count(&voters));
    const int of_set = vain_quorum(vain_set_count(set));
    return of_voters > of_set ? of_voters : of_set;
}

/* Whatever this member's inputs are, they are integers of the judge's. */
enum vain_status member_encode_under(struct member *member, const struct vain_masks *masks)
{
    const struct judge *judge = &member->plan->judge->base;
    const struct member_use *use = &member->use;
    struct vain_context context;
    struct vain_codec_report report;
    member_context(member, &context);
    for (int64_t i = 0; i < judge->parameters; i++)
        member->delta[i] = (float)ldexp(judge_input(judge, member->index, (int)member->input, i),
                                        -use->codec.fixed.scale_exponent);
    const int64_t weight = judge_weight(member->index, (int)member->input);
    const struct vain_counters mine = {.weight = weight, .loss_micro = 2 * weight};
    const struct vain_codec_attempt attempt = {.check = member_check_random,
                                               .round = (uint32_t)context.round,
                                               .attempt = context.attempt,
                                               .masks = masks};
    return vain_codec_encode(&use->codec, member->plan->queue, member->delta, &mine, &attempt,
                             use->words, member->mean, &report);
}

/* The summed words are those of all inputs. */
enum vain_status member_apply_sum(struct member *member)
{
    const struct federation_plan *plan = member->plan;
    struct member_use *use = &member->use;
    struct vain_counters sums;
    const int scale_exponent = use->codec.fixed.scale_exponent;
    VAIN_ASSERT(vain_codec_decode(&use->codec, plan->queue, use->words, member->mean, &sums) ==
                VAIN_OK);
    judge_applies(plan->judge, member->index, &member->proposal, scale_exponent, member->mean,
                  &sums);
    for (int64_t i = 0; i < plan->parameters; i++)
        member->state.parameters[i] -= member->mean[i];
    member->state.codec = vain_codec_state(&use->codec);
    member->state.round++;
    member->input++;
    member_hash_state(member);
    return VAIN_OK;
}
