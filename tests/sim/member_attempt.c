/* An attempt's way from the context to the sum, as jobs/round.c. */
#include <math.h>
#include <string.h>

#include "tests/sim/federation_member.h"

static const struct vain_random check_random = {{17, 18}};

static void make_context(const struct member *member, struct vain_context *out)
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
    vain_context_bind(out, &member->use.codec);
}

static enum vain_status start_call(struct member *member, enum vain_exchange_event_kind call)
{
    const struct vain_exchange_driver driver = {.comm = &member->use.comm,
                                                .world = member->world,
                                                .deadline_ms = member->plan->deadline_ms};
    const enum vain_status status = vain_exchange_start(member->use.exchange, call, &driver);
    return status == VAIN_AGAIN ? vain_exchange_poll(member->use.exchange) : status;
}

enum vain_status member_agree(struct member *member)
{
    struct vain_context context;
    if (member->phase == MEMBER_AGREE)
        return vain_exchange_poll(member->use.exchange);
    make_context(member, &context);
    member_enter(member, MEMBER_AGREE);
    vain_exchange_set_round(member->use.exchange, &context, check_random);
    return start_call(member, VAIN_EXCHANGE_BEGIN_AGREE);
}

/* Whatever this member's inputs are, they are integers of the judge's. */
enum vain_status member_encode(struct member *member)
{
    const struct judge *judge = &member->plan->judge->base;
    struct member_use *use = &member->use;
    struct vain_context context;
    struct vain_codec_report report;
    make_context(member, &context);
    for (int64_t i = 0; i < judge->parameters; i++)
        member->delta[i] = (float)ldexp(judge_input(judge, member->index, (int)member->input, i),
                                        -use->codec.fixed.scale_exponent);
    const int64_t weight = judge_weight(member->index, (int)member->input);
    const struct vain_counters mine = {.weight = weight, .loss_micro = 2 * weight};
    const struct vain_codec_attempt attempt = {
        .check = check_random,
        .round = (uint32_t)context.round,
        .attempt = context.attempt,
        .masks = vain_secagg_begin(use->secagg, &context, member->input)};
    const enum vain_status status =
        vain_codec_encode(&use->codec, member->plan->queue, member->delta, &mine, &attempt,
                          use->words, member->mean, &report);
    vain_secagg_end(use->secagg);
    return status;
}

enum vain_status member_deal(struct member *member)
{
    struct member_use *use = &member->use;
    enum vain_status status;
    int dealer = 0;
    if (member->plan->level != 2)
        return VAIN_OK;
    if (member->phase != MEMBER_DEAL) {
        member_enter(member, MEMBER_DEAL);
        vain_opening_deal(use->opening, use->mine);
        status = gather_start(&use->gather, &use->comm, member->world, member->plan->deadline_ms,
                              use->mine, vain_opening_deal_bytes(use->opening), use->theirs);
        if (status != VAIN_AGAIN)
            return status;
    }
    status = gather_poll(&use->gather, member->world);
    if (status == VAIN_OK &&
        vain_opening_begin(use->opening, use->theirs, &dealer) != VAIN_SHARE_FINE)
        judge_says(&member->plan->judge->base, "member %d: what place %d dealt does not hold",
                   member->index, dealer);
    return status;
}

static enum vain_status open_sum(struct member *member)
{
    return start_call(member, VAIN_EXCHANGE_BEGIN_OPEN);
}

enum vain_status member_reduce(struct member *member)
{
    const struct federation_plan *plan = member->plan;
    enum vain_status status;
    if (member->phase == MEMBER_REDUCE) {
        status = vain_exchange_poll(member->use.exchange);
    } else {
        member_enter(member, MEMBER_REDUCE);
        judge_words_leave(plan->judge, member->index, &member->proposal, member->input);
        vain_exchange_set_words(member->use.exchange, member->use.words, true);
        status = start_call(member, VAIN_EXCHANGE_BEGIN_REDUCE);
    }
    return status == VAIN_OK && plan->level == 1 ? open_sum(member) : status;
}

enum vain_status member_take_sum(struct member *member)
{
    const struct federation_plan *plan = member->plan;
    struct member_use *use = &member->use;
    struct vain_counters sums;
    const int scale_exponent = use->codec.fixed.scale_exponent;
    if (plan->level == 2) {
        VAIN_TRY(vain_opening_remove(use->opening, plan->queue, use->words, use->codec.word_count));
        VAIN_TRY(open_sum(member));
    }
    vain_codec_decode(&use->codec, plan->queue, use->words, member->mean, &sums);
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
