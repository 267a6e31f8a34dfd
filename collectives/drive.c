/* The exchange's driver: posts the actions of the state machine on a transport, reports what is
 * done, and ends the call when time is over, a request fails or the caller wants to leave. Start
 * and poll do not wait; the blocking call is a loop over them. */
#include "collectives/exchange_state.h"

#include <stdio.h>
#include <string.h>

#include "base/world.h"

enum { NANOSECONDS_A_MILLISECOND = 1000000 };

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

/* One round of tests; what is done is fed in, which may post more, and counted. */
static enum vain_status test_requests(struct vain_exchange *exchange, struct vain_comm *comm,
                                      struct vain_exchange_out *out, int *done)
{
    *done = 0;
    for (int id = 0; id < exchange->action_ids && out->status == VAIN_AGAIN; id++) {
        struct vain_request *request = &exchange->wire->requests[id];
        if (request->comm == NULL)
            continue;
        const enum vain_status status = comm->ops->test(request);
        if (status == VAIN_AGAIN)
            continue;
        VAIN_TRY(status);
        ++*done;
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

/* One round of tests, then whoever wants to leave and the clock are asked. `out` has the state
 * machine's answer; anything but VAIN_OK says why the call is lost. */
static enum vain_status turn(struct vain_exchange *exchange, struct vain_exchange_out *out,
                             int *done)
{
    const struct vain_exchange_driver *driver = &exchange->driver;
    VAIN_TRY(test_requests(exchange, driver->comm, out, done));
    if (out->status == VAIN_AGAIN && exchange->phase == VAIN_EXCHANGE_CONTEXT &&
        driver->leave != NULL && driver->leave(driver->leave_context))
        VAIN_TRY(feed(exchange, driver->comm, (struct vain_exchange_event){VAIN_EXCHANGE_LEAVE, 0},
                      out));
    if (out->status == VAIN_AGAIN && exchange->deadline_ns != UINT64_MAX &&
        driver->world->ops->now_ns(driver->world) >= exchange->deadline_ns)
        return too_late(exchange, driver->deadline_ms);
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

/* What the call has come to; an end that leaves messages under way lets nobody wait for more. */
static enum vain_status answer(struct vain_exchange *exchange, enum vain_status status,
                               struct vain_exchange_out *out)
{
    struct vain_comm *comm = exchange->driver.comm;
    if (status == VAIN_OK && out->status == VAIN_AGAIN)
        return VAIN_AGAIN;
    exchange->driven = false;
    if (status != VAIN_OK) {
        vain_exchange_step(exchange, &(struct vain_exchange_event){VAIN_EXCHANGE_LOST, 0}, out);
        vain_request_abandon(comm, exchange->wire->requests, exchange->action_ids);
        return status;
    }
    /* A message that is not what was sent: others are under way, and nobody else knows yet. */
    if (out->status < 0 && any_in_flight(exchange))
        vain_request_abandon(comm, exchange->wire->requests, exchange->action_ids);
    if (exchange->phase == VAIN_EXCHANGE_LEFT)
        exchange->left_on = comm;
    return out->status;
}

enum vain_status vain_exchange_start(struct vain_exchange *exchange,
                                     enum vain_exchange_event_kind call,
                                     const struct vain_exchange_driver *driver)
{
    struct vain_exchange_out out;
    VAIN_ASSERT(!exchange->driven);
    VAIN_ASSERT(driver->comm->rank == exchange->config.member_index);
    VAIN_ASSERT(driver->comm->size == exchange->config.member_count);
    exchange->driven = true;
    exchange->driver = *driver;
    exchange->deadline_ns = driver->deadline_ms > 0
                                ? driver->world->ops->now_ns(driver->world) +
                                      (uint64_t)driver->deadline_ms * NANOSECONDS_A_MILLISECOND
                                : UINT64_MAX;
    const enum vain_status status =
        feed(exchange, driver->comm, (struct vain_exchange_event){call, 0}, &out);
    return answer(exchange, status, &out);
}

/* One turn of a call that is under way; *done requests have ended in it. */
static enum vain_status go_on(struct vain_exchange *exchange, int *done)
{
    struct vain_exchange_out out = {.status = VAIN_AGAIN};
    VAIN_ASSERT(exchange->driven);
    return answer(exchange, turn(exchange, &out, done), &out);
}

enum vain_status vain_exchange_poll(struct vain_exchange *exchange)
{
    struct vain_comm *comm = exchange->driver.comm;
    enum vain_status status;
    int done;
    VAIN_ASSERT(exchange->driven);
    /* What an end posts may be there already, and nothing would tell of it later. */
    do {
        if (comm->ops->wait != NULL)
            comm->ops->wait(comm, 0);
        status = go_on(exchange, &done);
    } while (status == VAIN_AGAIN && done > 0);
    return status;
}

uint64_t vain_exchange_deadline_ns(const struct vain_exchange *exchange)
{
    return exchange->driven ? exchange->deadline_ns : UINT64_MAX;
}

enum vain_status vain_exchange_drive(struct vain_exchange *exchange,
                                     enum vain_exchange_event_kind call,
                                     const struct vain_exchange_driver *driver)
{
    struct vain_patience patience = vain_patience_start(driver->comm, driver->world, 0);
    enum vain_status status = vain_exchange_start(exchange, call, driver);
    int done;
    while (status == VAIN_AGAIN) {
        status = go_on(exchange, &done);
        if (status == VAIN_AGAIN)
            (void)vain_patience_wait(&patience); /* the deadline is the call's own */
    }
    return status;
}
