/* The exchange's driver: posts the actions of the state machine on a transport, reports what is
 * done, and ends the call when time is over, a request fails or the caller wants to leave. */
#include "collectives/exchange_state.h"

#include <stdio.h>
#include <string.h>

static enum vain_status post(struct vain_exchange *exchange, struct vain_comm *comm,
                             const struct vain_exchange_action *action)
{
    struct vain_request *request = &exchange->wire->requests[action->id];
    switch (action->kind) {
    case VAIN_EXCHANGE_SEND:
        return comm->ops->post_send(comm, action->peer, action->tag, action->buffer, action->bytes,
                                    request);
    case VAIN_EXCHANGE_RECEIVE:
        return comm->ops->post_receive(comm, action->peer, action->tag, action->buffer,
                                       action->bytes, request);
    case VAIN_EXCHANGE_ALL_REDUCE:
        break;
    }
    if (comm->ops->post_all_reduce == NULL)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "transport '%s' has no all-reduce of words",
                         comm->ops->name);
    return comm->ops->post_all_reduce(comm, action->buffer, action->count, request);
}

static enum vain_status feed(struct vain_exchange *exchange, struct vain_comm *comm,
                             struct vain_exchange_event event, struct vain_exchange_out *out)
{
    vain_exchange_step(exchange, &event, out);
    for (int i = 0; i < out->action_count && out->status >= 0; i++)
        VAIN_TRY(post(exchange, comm, &out->actions[i]));
    return VAIN_OK;
}

/* One round of tests; what is done is fed in, which may post more. */
static enum vain_status test_requests(struct vain_exchange *exchange, struct vain_comm *comm,
                                      struct vain_exchange_out *out)
{
    for (int id = 0; id < exchange->action_ids && out->status == VAIN_AGAIN; id++) {
        struct vain_request *request = &exchange->wire->requests[id];
        if (request->comm == NULL)
            continue;
        const enum vain_status status = comm->ops->test(request);
        if (status == VAIN_AGAIN)
            continue;
        VAIN_TRY(status);
        VAIN_TRY(
            feed(exchange, comm, (struct vain_exchange_event){VAIN_EXCHANGE_DONE_ACTION, id}, out));
    }
    return VAIN_OK;
}

static const char *phase_name(enum vain_exchange_phase phase)
{
    return phase == VAIN_EXCHANGE_CONTEXT  ? "comparing contexts"
           : phase == VAIN_EXCHANGE_REDUCE ? "summing words"
                                           : "gathering blocks";
}

static enum vain_status too_late(const struct vain_exchange *exchange, int64_t deadline_ms)
{
    const struct vain_exchange_config *config = &exchange->config;
    char missing[200] = "", quoted[VAIN_NAME_BYTES + 2];
    size_t length = 0;
    for (int id = 0; id < exchange->action_ids && length < sizeof missing; id++) {
        const struct vain_exchange_action *action = &exchange->pending[id];
        snprintf(quoted, sizeof quoted, "'%s'", config->member_names[action->peer]);
        if (exchange->is_pending[id] && action->kind == VAIN_EXCHANGE_RECEIVE &&
            strstr(missing, quoted) == NULL)
            length += (size_t)snprintf(missing + length, sizeof missing - length, "%s%s",
                                       length > 0 ? ", " : "; nothing came from ", quoted);
    }
    return vain_fail(
        VAIN_ERR_TIMEOUT,
        "round %llu, attempt %u: %s not done after %lld ms%s; a member is gone or slow, "
        "raise exchange.deadline if it is slow",
        (unsigned long long)exchange->context.round, exchange->context.attempt,
        phase_name(exchange->phase), (long long)deadline_ms, missing);
}

/* The state machine's answer in `out`, or why a request failed. */
static enum vain_status wait_for_end(struct vain_exchange *exchange,
                                     const struct vain_exchange_driver *driver,
                                     struct vain_patience *patience, struct vain_exchange_out *out)
{
    while (out->status == VAIN_AGAIN) {
        VAIN_TRY(test_requests(exchange, driver->comm, out));
        if (out->status != VAIN_AGAIN)
            break;
        if (exchange->phase == VAIN_EXCHANGE_CONTEXT && driver->leave != NULL &&
            driver->leave(driver->leave_context))
            VAIN_TRY(feed(exchange, driver->comm,
                          (struct vain_exchange_event){VAIN_EXCHANGE_LEAVE, 0}, out));
        if (out->status == VAIN_AGAIN && !vain_patience_wait(patience))
            return too_late(exchange, driver->deadline_ms);
    }
    return VAIN_OK;
}

static bool any_in_flight(const struct vain_exchange *exchange)
{
    for (int id = 0; id < exchange->action_ids; id++) {
        if (exchange->wire->requests[id].comm != NULL)
            return true;
    }
    return false;
}

enum vain_status vain_exchange_drive(struct vain_exchange *exchange,
                                     enum vain_exchange_event_kind call,
                                     const struct vain_exchange_driver *driver)
{
    struct vain_comm *comm = driver->comm;
    struct vain_patience patience = vain_patience_start(comm, driver->world, driver->deadline_ms);
    struct vain_exchange_out out;
    VAIN_ASSERT(comm->rank == exchange->config.member_index);
    VAIN_ASSERT(comm->size == exchange->config.member_count);
    enum vain_status status = feed(exchange, comm, (struct vain_exchange_event){call, 0}, &out);
    if (status == VAIN_OK)
        status = wait_for_end(exchange, driver, &patience, &out);
    if (status != VAIN_OK) {
        vain_exchange_step(exchange, &(struct vain_exchange_event){VAIN_EXCHANGE_LOST, 0}, &out);
        vain_request_abandon(comm, exchange->wire->requests, exchange->action_ids);
        return status;
    }
    /* A message that is not what was sent: others are under way, and nobody else knows yet. */
    if (out.status < 0 && any_in_flight(exchange))
        vain_request_abandon(comm, exchange->wire->requests, exchange->action_ids);
    if (exchange->phase == VAIN_EXCHANGE_LEFT)
        exchange->left_on = comm;
    return out.status;
}
