/* What the members of a ring with evidence state of its hops, one statement a step and direction.
 *
 * A statement is one message with its own tag. It is signed when the last words of its step have
 * been posted, and leaves once those of all steps before it have come here and hold: what this
 * member says of a step it answers for, so it says nothing that it could not show the reason of. It
 * is checked when it and the words of its step are here, in either order. */
#include "collectives/exchange_state.h"

static int statement_id(const struct vain_exchange *exchange, bool outward)
{
    return vain_ring_action_ids(exchange->config.window) + (outward ? 1 : 0);
}

bool vain_hops_owns(const struct vain_exchange *exchange, int id)
{
    return exchange->evidence != NULL && id >= statement_id(exchange, false);
}

static bool ends_step(const struct vain_exchange *exchange, int64_t number)
{
    return (number + 1) % exchange->ring.stripes == 0;
}

enum vain_status vain_hops_leave(struct vain_exchange *exchange, int64_t number, int64_t first,
                                 int64_t count, const uint32_t *words)
{
    if (exchange->evidence == NULL)
        return VAIN_OK;
    vain_evidence_leave(exchange->evidence, first, count, words);
    return ends_step(exchange, number)
               ? vain_evidence_end_hop(exchange->evidence, exchange->hops.left++)
               : VAIN_OK;
}

void vain_hops_come(struct vain_exchange *exchange, int64_t number, int64_t first, int64_t count,
                    const uint32_t *words)
{
    if (exchange->evidence == NULL)
        return;
    vain_evidence_come(exchange->evidence, first, count, words);
    if (ends_step(exchange, number))
        vain_evidence_end_coming(exchange->evidence, exchange->hops.heard++);
}

void vain_hops_done(struct vain_exchange *exchange, int id)
{
    exchange->hops.came += id == statement_id(exchange, false);
}

static void ask(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    struct vain_statement *statement =
        vain_evidence_came(exchange->evidence, exchange->hops.asked++);
    vain_exchange_act(exchange, out,
                      (struct vain_exchange_action){.kind = VAIN_EXCHANGE_RECEIVE,
                                                    .id = statement_id(exchange, false),
                                                    .peer = exchange->ring.before,
                                                    .tag = VAIN_TAG_HOP,
                                                    .buffer = statement,
                                                    .bytes = sizeof *statement});
}

static void say(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    struct vain_statement *statement =
        vain_evidence_sent(exchange->evidence, exchange->hops.said++);
    vain_exchange_act(exchange, out,
                      (struct vain_exchange_action){.kind = VAIN_EXCHANGE_SEND,
                                                    .id = statement_id(exchange, true),
                                                    .peer = exchange->ring.after,
                                                    .tag = VAIN_TAG_HOP,
                                                    .buffer = statement,
                                                    .bytes = sizeof *statement});
}

static void check(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    const int step = exchange->hops.checked++;
    if (vain_evidence_hop_holds(exchange->evidence, step))
        return;
    exchange->wrong_from = exchange->ring.before;
    vain_exchange_fail(
        exchange, out,
        vain_fail(VAIN_ERR_PEER,
                  "round %llu, attempt %u, ring with evidence: what member '%s' states of step %d "
                  "to '%s' is not signed by it, or not of the words that came. The sum is not used",
                  (unsigned long long)exchange->context.round, exchange->context.attempt,
                  exchange->config.member_names[exchange->ring.before], step,
                  exchange->config.member_names[exchange->config.member_index]));
}

void vain_hops_advance(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    struct vain_hops *hops = &exchange->hops;
    if (exchange->evidence == NULL)
        return;
    while (out->status == VAIN_AGAIN && hops->checked < hops->came && hops->checked < hops->heard)
        check(exchange, out);
    if (out->status != VAIN_AGAIN)
        return;
    if (hops->asked == hops->came &&
        hops->asked < vain_evidence_steps(exchange->config.member_count))
        ask(exchange, out);
    if (hops->said < hops->left && hops->said <= hops->checked &&
        !exchange->is_pending[statement_id(exchange, true)])
        say(exchange, out);
}

bool vain_hops_have_ended(const struct vain_exchange *exchange)
{
    const int steps = vain_evidence_steps(exchange->config.member_count);
    return exchange->hops.said == steps && exchange->hops.checked == steps;
}
