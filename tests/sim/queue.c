/* The events that are to come: a binary heap. */
#include <string.h>

#include "base/memory.h"
#include "tests/sim/state.h"

static bool is_before(const struct vain_sim_event *a, const struct vain_sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void swap(struct vain_sim_event *a, struct vain_sim_event *b)
{
    const struct vain_sim_event kept = *a;
    *a = *b;
    *b = kept;
}

static void make_room(struct vain_sim_queue *queue)
{
    struct vain_sim_event *more = NULL;
    if (queue->count < queue->room)
        return;
    const int64_t room = queue->room == 0 ? 64 : 2 * queue->room;
    VAIN_ASSERT(vain_take_array(room, sizeof *more, "events", (void **)&more) == VAIN_OK);
    if (queue->count > 0)
        memcpy(more, queue->events, (size_t)queue->count * sizeof *more);
    vain_release(queue->events);
    queue->events = more;
    queue->room = room;
}

void vain_sim_queue_put(struct vain_sim_queue *queue, struct vain_sim_event event)
{
    make_room(queue);
    event.order = queue->orders++;
    int64_t at = queue->count++;
    queue->events[at] = event;
    while (at > 0 && is_before(&queue->events[at], &queue->events[(at - 1) / 2])) {
        swap(&queue->events[at], &queue->events[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sink(struct vain_sim_queue *queue)
{
    int64_t at = 0;
    for (;;) {
        int64_t first = at;
        for (int64_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < queue->count && is_before(&queue->events[child], &queue->events[first]))
                first = child;
        }
        if (first == at)
            return;
        swap(&queue->events[at], &queue->events[first]);
        at = first;
    }
}

bool vain_sim_queue_take(struct vain_sim_queue *queue, uint64_t until_ns,
                         struct vain_sim_event *out)
{
    if (queue->count == 0 || queue->events[0].at_ns > until_ns)
        return false;
    *out = queue->events[0];
    queue->events[0] = queue->events[--queue->count];
    sink(queue);
    return true;
}
