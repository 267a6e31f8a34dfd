#include "tests/sim/relay.h"

#include <string.h>

#include "base/memory.h"

struct relay {
    struct vain_stream base; /* first: what callers hold points here */
    struct vain_stream *inner;
    struct relay *next, **link; /* link: what points here */
};

static enum vain_status relay_write(struct vain_stream *stream, const void *data, size_t bytes,
                                    size_t *taken)
{
    const struct relay *relay = stream->state;
    return relay->inner->ops->write(relay->inner, data, bytes, taken);
}

static enum vain_status relay_read(struct vain_stream *stream, void *data, size_t bytes,
                                   size_t *got)
{
    const struct relay *relay = stream->state;
    return relay->inner->ops->read(relay->inner, data, bytes, got);
}

static void relay_close(struct vain_stream *stream)
{
    struct relay *relay = stream->state;
    *relay->link = relay->next;
    if (relay->next != NULL)
        relay->next->link = relay->link;
    relay->inner->ops->close(relay->inner);
    vain_release(relay);
}

static const struct vain_stream_ops relay_ops = {
    .name = "relay", .write = relay_write, .read = relay_read, .close = relay_close};

struct vain_stream *relay_open(struct relay_list *list, struct vain_stream *inner)
{
    struct relay *relay = NULL;
    VAIN_ASSERT(vain_take(sizeof *relay, "relay", (void **)&relay) == VAIN_OK);
    relay->base = (struct vain_stream){.ops = &relay_ops, .state = relay, .ready = true};
    memcpy(relay->base.peer_id, inner->peer_id, VAIN_HASH_BYTES);
    relay->inner = inner;
    relay->next = list->first;
    relay->link = &list->first;
    if (relay->next != NULL)
        relay->next->link = &relay->next;
    list->first = relay;
    return &relay->base;
}

void relay_note(struct relay_list *list)
{
    for (struct relay *relay = list->first; relay != NULL; relay = relay->next) {
        relay->base.ready = relay->base.ready || relay->inner->ready;
        relay->inner->ready = false;
    }
}
