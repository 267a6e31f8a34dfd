#include "jobs/counted_stream.h"

#include <string.h>

#include "base/memory.h"

struct counted {
    struct vain_stream base; /* first: what callers hold points here */
    struct vain_stream *inner;
    int64_t *count;
};

static enum vain_status counted_write(struct vain_stream *stream, const void *data, size_t bytes,
                                      size_t *taken)
{
    struct counted *counted = stream->state;
    const enum vain_status status = counted->inner->ops->write(counted->inner, data, bytes, taken);
    if (status == VAIN_OK)
        *counted->count += (int64_t)*taken;
    return status;
}

static enum vain_status counted_read(struct vain_stream *stream, void *data, size_t bytes,
                                     size_t *got)
{
    struct counted *counted = stream->state;
    const enum vain_status status = counted->inner->ops->read(counted->inner, data, bytes, got);
    return status;
}

static int counted_descriptor(const struct vain_stream *stream, short *events)
{
    const struct counted *counted = stream->state;
    return counted->inner->ops->descriptor(counted->inner, events);
}

static void counted_hold(struct vain_stream *stream, bool held)
{
    struct counted *counted = stream->state;
    if (counted->inner->ops->hold != NULL)
        counted->inner->ops->hold(counted->inner, held);
}

static void counted_close(struct vain_stream *stream)
{
    struct counted *counted = stream->state;
    counted->inner->ops->close(counted->inner);
    vain_release(counted);
}

static const struct vain_stream_ops counted_ops = {
    .name = "counted",
    .write = counted_write,
    .read = counted_read,
    .descriptor = counted_descriptor,
    .hold = counted_hold,
    .close = counted_close,
};

enum vain_status vain_counted_stream(struct vain_stream *inner, int64_t *count,
                                     struct vain_stream **out)
{
    struct counted *counted = NULL;
    *out = NULL;
    VAIN_ASSERT(inner->ops->descriptor != NULL);
    const enum vain_status status = vain_take(sizeof *counted, "stream", (void **)&counted);
    if (status != VAIN_OK) {
        inner->ops->close(inner);
        return status;
    }
    counted->base.ops = &counted_ops;
    counted->base.state = counted;
    memcpy(counted->base.peer_id, inner->peer_id, VAIN_HASH_BYTES);
    counted->inner = inner;
    counted->count = count;
    *out = &counted->base;
    return VAIN_OK;
}
