/* A stream that counts is the one within in all else; here that one does what the test says. */
#include "jobs/counted_stream.h"

#include <poll.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

static struct {
    struct vain_stream stream;
    enum vain_status status;
    size_t moved;
    int writes, reads, holds, closes;
    bool held;
    const void *data;
    size_t bytes;
} inner;

static enum vain_status inner_write(struct vain_stream *stream, const void *data, size_t bytes,
                                    size_t *taken)
{
    CU_ASSERT_PTR_EQUAL(stream, &inner.stream);
    inner.writes++;
    inner.data = data;
    inner.bytes = bytes;
    *taken = inner.moved;
    return inner.status;
}

static enum vain_status inner_read(struct vain_stream *stream, void *data, size_t bytes,
                                   size_t *got)
{
    CU_ASSERT_PTR_EQUAL(stream, &inner.stream);
    inner.reads++;
    inner.data = data;
    inner.bytes = bytes;
    *got = inner.moved;
    return inner.status;
}

static int inner_descriptor(const struct vain_stream *stream, short *events)
{
    CU_ASSERT_PTR_EQUAL(stream, &inner.stream);
    *events = POLLOUT;
    return 77;
}

static void inner_hold(struct vain_stream *stream, bool held)
{
    CU_ASSERT_PTR_EQUAL(stream, &inner.stream);
    inner.holds++;
    inner.held = held;
}

static void inner_close(struct vain_stream *stream)
{
    CU_ASSERT_PTR_EQUAL(stream, &inner.stream);
    inner.closes++;
}

static const struct vain_stream_ops whole_ops = {"inner",          inner_write, inner_read,
                                                 inner_descriptor, inner_hold,  inner_close};
static const struct vain_stream_ops plain_ops = {"inner",          inner_write, inner_read,
                                                 inner_descriptor, NULL,        inner_close};

static struct vain_stream *open_around(const struct vain_stream_ops *ops, int64_t *count)
{
    struct vain_stream *stream = NULL;
    memset(&inner, 0, sizeof inner);
    inner.stream.ops = ops;
    memset(inner.stream.peer_id, 0x5a, VAIN_HASH_BYTES);
    CU_ASSERT_EQUAL_FATAL(vain_counted_stream(&inner.stream, count, &stream), VAIN_OK);
    return stream;
}

static void what_is_taken_is_counted(void)
{
    const uint8_t data[100] = {0};
    int64_t count = 1000;
    size_t taken;
    struct vain_stream *stream = open_around(&whole_ops, &count);
    inner.moved = 60;
    CU_ASSERT_EQUAL(stream->ops->write(stream, data, sizeof data, &taken), VAIN_OK);
    CU_ASSERT_EQUAL(taken, 60);
    CU_ASSERT_EQUAL(count, 1060);
    CU_ASSERT_PTR_EQUAL(inner.data, data);
    CU_ASSERT_EQUAL(inner.bytes, sizeof data);
    inner.moved = 0;
    CU_ASSERT_EQUAL(stream->ops->write(stream, data, sizeof data, &taken), VAIN_OK);
    CU_ASSERT_EQUAL(taken, 0);
    CU_ASSERT_EQUAL(count, 1060);
    inner.status = VAIN_ERR_PEER;
    inner.moved = 9;
    CU_ASSERT_EQUAL(stream->ops->write(stream, data, sizeof data, &taken), VAIN_ERR_PEER);
    CU_ASSERT_EQUAL(count, 1060);
    stream->ops->close(stream);
    CU_ASSERT_EQUAL(inner.closes, 1);
}

static void all_else_is_the_inner_one(void)
{
    uint8_t data[10];
    int64_t count = 0;
    size_t got;
    short events = 0;
    struct vain_stream *stream = open_around(&whole_ops, &count);
    CU_ASSERT_EQUAL(memcmp(stream->peer_id, inner.stream.peer_id, VAIN_HASH_BYTES), 0);
    inner.moved = 7;
    CU_ASSERT_EQUAL(stream->ops->read(stream, data, sizeof data, &got), VAIN_OK);
    CU_ASSERT_EQUAL(got, 7);
    CU_ASSERT_PTR_EQUAL(inner.data, data);
    inner.status = VAIN_END;
    CU_ASSERT_EQUAL(stream->ops->read(stream, data, sizeof data, &got), VAIN_END);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_EQUAL(stream->ops->descriptor(stream, &events), 77);
    CU_ASSERT_EQUAL(events, POLLOUT);
    stream->ops->hold(stream, true);
    CU_ASSERT_TRUE(inner.held);
    stream->ops->hold(stream, false);
    CU_ASSERT_FALSE(inner.held);
    CU_ASSERT_EQUAL(inner.holds, 2);
    stream->ops->close(stream);
    CU_ASSERT_EQUAL(inner.closes, 1);
    stream = open_around(&plain_ops, &count);
    stream->ops->hold(stream, true); /* one that cannot be held goes on as it is */
    stream->ops->close(stream);
}

static void without_memory_the_inner_one_is_closed(void)
{
    int64_t count = 0;
    struct vain_stream *stream = &inner.stream;
    memset(&inner, 0, sizeof inner);
    inner.stream.ops = &whole_ops;
    shortage_after(0);
    const enum vain_status status = vain_counted_stream(&inner.stream, &count, &stream);
    shortage_end();
    CU_ASSERT_EQUAL(status, VAIN_ERR_MEMORY);
    CU_ASSERT_PTR_NULL(stream);
    CU_ASSERT_EQUAL(inner.closes, 1);
    vain_fail_clear();
}

static const struct vain_test tests[] = {
    {"what is taken is counted", what_is_taken_is_counted},
    {"all else is the inner one", all_else_is_the_inner_one},
    {"without memory the inner one is closed", without_memory_the_inner_one_is_closed},
    {NULL, NULL},
};
const struct vain_suite vain_suite_counted_stream = {"jobs/counted stream", tests};
