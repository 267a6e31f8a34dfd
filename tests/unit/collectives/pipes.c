#include "tests/unit/collectives/pipes.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

struct pipe_end {
    struct vain_stream stream;
    int descriptor;
    size_t piece;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static enum vain_status pipe_write(struct vain_stream *stream, const void *data, size_t bytes,
                                   size_t *taken)
{
    struct pipe_end *end = stream->state;
    const ssize_t sent = send(end->descriptor, data, smaller(bytes, end->piece), MSG_NOSIGNAL);
    *taken = sent > 0 ? (size_t)sent : 0;
    if (sent < 0 && errno != EAGAIN)
        return vain_fail(VAIN_ERR_PEER, "pipe: %s", strerror(errno));
    return VAIN_OK;
}

static enum vain_status pipe_read(struct vain_stream *stream, void *data, size_t bytes, size_t *got)
{
    struct pipe_end *end = stream->state;
    const ssize_t came = recv(end->descriptor, data, smaller(bytes, end->piece), 0);
    *got = came > 0 ? (size_t)came : 0;
    if (came == 0)
        return VAIN_END;
    if (came < 0 && errno != EAGAIN)
        return vain_fail(VAIN_ERR_PEER, "pipe: %s", strerror(errno));
    return VAIN_OK;
}

static int pipe_descriptor(const struct vain_stream *stream, short *events)
{
    const struct pipe_end *end = stream->state;
    *events = POLLIN;
    return end->descriptor;
}

static void pipe_close(struct vain_stream *stream)
{
    struct pipe_end *end = stream->state;
    (void)close(end->descriptor);
    vain_release(end);
}

static const struct vain_stream_ops pipe_ops = {
    .name = "pipe",
    .write = pipe_write,
    .read = pipe_read,
    .descriptor = pipe_descriptor,
    .close = pipe_close,
};

static struct vain_stream *make_end(int descriptor, size_t piece)
{
    struct pipe_end *end = NULL;
    if (vain_take(sizeof *end, "pipe", (void **)&end) != VAIN_OK)
        return NULL;
    end->descriptor = descriptor;
    end->piece = piece;
    end->stream = (struct vain_stream){.ops = &pipe_ops, .state = end};
    return &end->stream;
}

bool pipes_open(struct pipes *pipes, int size, int connections, size_t piece)
{
    memset(pipes, 0, sizeof *pipes);
    pipes->size = size;
    pipes->connections = connections;
    for (int a = 0; a < size; a++)
        for (int b = a + 1; b < size; b++)
            for (int c = 0; c < connections; c++) {
                int ends[2];
                if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
                    return false;
                pipes->streams[a][b][c] = make_end(ends[0], piece);
                pipes->streams[b][a][c] = make_end(ends[1], piece);
            }
    return true;
}

void pipes_of(const struct pipes *pipes, int rank, struct vain_stream **out)
{
    for (int peer = 0; peer < pipes->size; peer++)
        for (int c = 0; c < pipes->connections; c++)
            out[peer * pipes->connections + c] = pipes->streams[rank][peer][c];
}
