/* An attempt's way from the context to the sum, as jobs/round.c. */
#include "tests/sim/federation_member.h"

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
    member_context(member, &context);
    member_enter(member, MEMBER_AGREE);
    vain_exchange_set_round(member->use.exchange, &context, member_check_random);
    return start_call(member, VAIN_EXCHANGE_BEGIN_AGREE);
}

enum vain_status member_encode(struct member *member)
{
    struct vain_secagg *secagg = member->use.secagg;
    struct vain_context context;
    member_context(member, &context);
    const enum vain_status status =
        member_encode_under(member, vain_secagg_begin(secagg, &context, member->input));
    vain_secagg_wipe_seeds(secagg);
    if (status == VAIN_OK)
        liar_begin(member);
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
        liar_deals(member, use->mine, vain_opening_deal_bytes(use->opening));
        status = gather_start(&use->gather, &use->comm, member->world, member->plan->deadline_ms,
                              use->mine, vain_opening_deal_bytes(use->opening), use->theirs);
        if (status != VAIN_AGAIN)
            return status;
    }
    status = gather_poll(&use->gather, member->world);
    if (status != VAIN_OK ||
        vain_opening_begin(use->opening, use->theirs, &dealer) == VAIN_SHARE_FINE)
        return status;
    member_names(member, dealer, false);
    return vain_fail(VAIN_ERR_PEER, "what place %d dealt does not hold", dealer);
}

static enum vain_status open_sum(struct member *member)
{
    return start_call(member, VAIN_EXCHANGE_BEGIN_VERIFY);
}

/* Open, or still under own masks. */
static enum vain_status check_sum(struct member *member)
{
    struct member_use *use = &member->use;
    struct vain_context context;
    if (member->plan->level == 1)
        return open_sum(member);
    member_context(member, &context);
    return vain_codec_verify_masked(&use->codec, member->plan->queue, member_check_random,
                                    (uint32_t)context.round, context.attempt, use->words);
}

/* What is stated of words tells of them what they do, so they leave with it. */
static enum vain_status begin_reduce(struct member *member)
{
    struct member_use *use = &member->use;
    member_enter(member, MEMBER_REDUCE);
    judge_words_leave(member->plan->judge, member->index, &member->proposal, member->input);
    vain_exchange_set_words(use->exchange, use->words, true);
    if (vain_exchange_has_evidence(use->exchange)) {
        use->sum_step = MEMBER_SUM_STATE;
        return member_culprit_begin(member);
    }
    use->sum_step = MEMBER_SUM_REDUCE;
    return start_call(member, VAIN_EXCHANGE_BEGIN_REDUCE);
}

/* A step is over, and the next one begins; MEMBER_SUM_END: how it has all ended. */
static enum vain_status next_sum_step(struct member *member)
{
    struct member_use *use = &member->use;
    switch (use->sum_step++) {
    case MEMBER_SUM_STATE:
        VAIN_TRY(member_culprit_take_own(member));
        return start_call(member, VAIN_EXCHANGE_BEGIN_REDUCE);
    case MEMBER_SUM_REDUCE:
        if (member_culprit_note_check(member, check_sum(member)))
            return member_culprit_show(member);
        use->sum_step = MEMBER_SUM_END;
        return use->checked;
    case MEMBER_SUM_SHOW:
        return member_culprit_wait(member);
    default:
        return member_culprit_judge(member);
    }
}

enum vain_status member_reduce(struct member *member)
{
    struct member_use *use = &member->use;
    enum vain_status status;
    if (member->phase != MEMBER_REDUCE)
        status = begin_reduce(member);
    else if (use->sum_step == MEMBER_SUM_REDUCE)
        status = vain_exchange_poll(use->exchange);
    else
        status = gather_poll(&use->gather, member->world);
    for (;;) {
        if (use->sum_step == MEMBER_SUM_WAIT && status != VAIN_OK && status != VAIN_AGAIN) {
            use->comm.ops->abort(&use->comm); /* others may not have it all; this member has */
            status = VAIN_OK;
        }
        if (status != VAIN_OK || use->sum_step == MEMBER_SUM_END)
            return status;
        status = next_sum_step(member);
    }
}

enum vain_status member_take_sum(struct member *member)
{
    const struct federation_plan *plan = member->plan;
    struct member_use *use = &member->use;
    if (plan->level == 2) {
        VAIN_TRY(vain_opening_remove(use->opening, plan->queue, use->words, use->codec.word_count));
        VAIN_TRY(open_sum(member));
    }
    return member_apply_sum(member);
}
