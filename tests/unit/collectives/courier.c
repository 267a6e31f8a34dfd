/* Messages carried by hand, in an order that a seed chooses; what is borrowed is looked at until it
 * is given back. */
#include "tests/unit/collectives/courier.h"

#include <stdio.h>
#include <string.h>

void courier_init(struct courier *courier, int size, uint64_t seed)
{
    memset(courier, 0, sizeof *courier);
    VAIN_ASSERT(size <= COURIER_MEMBERS_MAX);
    courier->size = size;
    courier_seed(courier, seed);
}

void courier_seed(struct courier *courier, uint64_t seed)
{
    courier->random = seed * 0x9e3779b97f4a7c15u + 1;
}

uint32_t courier_draw(struct courier *courier, uint32_t bound)
{
    /* xorshift64* (Vigna 2016). */
    courier->random ^= courier->random >> 12;
    courier->random ^= courier->random << 25;
    courier->random ^= courier->random >> 27;
    return (uint32_t)((courier->random * 0x2545f4914f6cdd1du >> 33) % bound);
}

/* Whether the action's memory is written by one action and lent to another. */
static bool overlaps(const struct courier *courier, int member,
                     const struct vain_exchange_action *action)
{
    const uintptr_t first = (uintptr_t)action->buffer;
    for (int id = 0; id < COURIER_IDS_MAX; id++) {
        const struct courier_pending *other = &courier->pending[member][id];
        const uintptr_t start = (uintptr_t)other->action.buffer;
        if (other->state != COURIER_FREE && start < first + action->bytes &&
            first < start + other->action.bytes &&
            (action->kind == VAIN_EXCHANGE_RECEIVE || other->action.kind == VAIN_EXCHANGE_RECEIVE))
            return true;
    }
    return false;
}

static void feed(struct courier *courier, int member, enum vain_exchange_event_kind kind, int id)
{
    struct vain_exchange_out out;
    vain_exchange_step(courier->exchanges[member], &(struct vain_exchange_event){kind, id}, &out);
    courier->status[member] = out.status;
    if (out.status < 0) {
        snprintf(courier->failure[member], sizeof courier->failure[member], "%s",
                 vain_fail_message());
        memset(courier->pending[member], 0, sizeof courier->pending[member]);
        return;
    }
    for (int i = 0; i < out.action_count; i++) {
        const struct vain_exchange_action *action = &out.actions[i];
        VAIN_ASSERT(action->id < COURIER_IDS_MAX);
        VAIN_ASSERT(action->kind != VAIN_EXCHANGE_ALL_REDUCE);
        courier->overlaps += overlaps(courier, member, action);
        courier->pending[member][action->id] = (struct courier_pending){
            .state = COURIER_POSTED, .action = *action, .order = courier->posts++};
    }
}

/* The first posted of this kind between `member` and `peer` with this tag; NULL: none. */
static struct courier_pending *first_of(struct courier *courier, int member,
                                        enum vain_exchange_action_kind kind, int peer, uint32_t tag)
{
    struct courier_pending *first = NULL;
    for (int id = 0; id < COURIER_IDS_MAX; id++) {
        struct courier_pending *one = &courier->pending[member][id];
        if (one->state == COURIER_POSTED && one->action.kind == kind && one->action.peer == peer &&
            one->action.tag == tag && (first == NULL || one->order < first->order))
            first = one;
    }
    return first;
}

/* What can happen next at a member's action: its message is carried, or its send is done. */
static bool may_move(struct courier *courier, int member, int id)
{
    struct courier_pending *one = &courier->pending[member][id];
    const struct vain_exchange_action *action = &one->action;
    if (one->state == COURIER_CARRIED)
        return true;
    return one->state == COURIER_POSTED && action->kind == VAIN_EXCHANGE_SEND &&
           first_of(courier, member, VAIN_EXCHANGE_SEND, action->peer, action->tag) == one &&
           first_of(courier, action->peer, VAIN_EXCHANGE_RECEIVE, member, action->tag) != NULL;
}

static void move(struct courier *courier, int member, int id)
{
    struct courier_pending *send = &courier->pending[member][id];
    const struct vain_exchange_action action = send->action;
    if (send->state == COURIER_CARRIED) {
        send->state = COURIER_FREE;
        feed(courier, member, VAIN_EXCHANGE_DONE_ACTION, id);
        return;
    }
    struct courier_pending *receive =
        first_of(courier, action.peer, VAIN_EXCHANGE_RECEIVE, member, action.tag);
    VAIN_ASSERT(receive->action.bytes == action.bytes);
    memcpy(receive->action.buffer, action.buffer, action.bytes);
    const struct courier_message message = {
        .index = courier->message_count++,
        .from = member,
        .to = action.peer,
        .tag = action.tag,
        .number = courier->numbers[member][action.peer][action.tag]++,
        .sent = action.buffer,
        .received = receive->action.buffer,
        .bytes = action.bytes,
    };
    if (courier->hook != NULL)
        courier->hook(courier->context, &message);
    send->state = COURIER_CARRIED;
    receive->state = COURIER_FREE;
    feed(courier, action.peer, VAIN_EXCHANGE_DONE_ACTION, receive->action.id);
}

bool courier_run(struct courier *courier, enum vain_exchange_event_kind call)
{
    enum { PLACES_MAX = COURIER_MEMBERS_MAX * COURIER_IDS_MAX };
    int places[PLACES_MAX], count;
    courier->message_count = 0;
    memset(courier->numbers, 0, sizeof courier->numbers);
    for (int member = 0; member < courier->size; member++)
        feed(courier, member, call, 0);
    do {
        count = 0;
        for (int place = 0; place < courier->size * COURIER_IDS_MAX; place++) {
            if (may_move(courier, place / COURIER_IDS_MAX, place % COURIER_IDS_MAX))
                places[count++] = place;
        }
        if (count > 0) {
            const int place = places[courier_draw(courier, (uint32_t)count)];
            move(courier, place / COURIER_IDS_MAX, place % COURIER_IDS_MAX);
        }
    } while (count > 0);
    bool all = true;
    for (int member = 0; member < courier->size; member++)
        all = all && courier->status[member] == VAIN_OK;
    return all;
}

void courier_lose(struct courier *courier)
{
    for (int member = 0; member < courier->size; member++) {
        if (courier->status[member] == VAIN_AGAIN)
            feed(courier, member, VAIN_EXCHANGE_LOST, 0);
    }
}
