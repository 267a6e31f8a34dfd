#include "tests/unit/collectives/puppets.h"

#include <string.h>

#include "collectives/stream_state.h"
#include "tests/unit/suite.h"

enum { QUIET_TURNS = 100, TURNS_MAX = 50000 };

void puppets_open(struct puppets *puppets, int size, int connections, size_t piece)
{
    struct vain_stream *streams[PIPES_RANKS_MAX * PIPES_CONNECTIONS_MAX];
    const struct vain_stream_links links = {
        .rank = 0, .size = size, .connections = connections, .streams = streams};
    CU_ASSERT_TRUE_FATAL(pipes_open(&puppets->pipes, size, connections, piece));
    pipes_of(&puppets->pipes, 0, streams);
    CU_ASSERT_EQUAL_FATAL(vain_stream_comm_open(&links, &puppets->comm), VAIN_OK);
}

void puppets_hang_up(struct puppets *puppets, int rank, int connection)
{
    struct vain_stream **end = &puppets->pipes.streams[rank][0][connection];
    if (*end != NULL)
        (*end)->ops->close(*end);
    *end = NULL;
}

void puppets_close(struct puppets *puppets)
{
    if (puppets->comm.ops != NULL)
        puppets->comm.ops->close(&puppets->comm);
    for (int rank = 1; rank < puppets->pipes.size; rank++)
        for (int c = 0; c < puppets->pipes.connections; c++)
            puppets_hang_up(puppets, rank, c);
    /* Those between two puppets were never used. */
    for (int a = 1; a < puppets->pipes.size; a++)
        for (int b = 1; b < puppets->pipes.size; b++)
            for (int c = 0; a != b && c < puppets->pipes.connections; c++)
                puppets->pipes.streams[a][b][c]->ops->close(puppets->pipes.streams[a][b][c]);
}

static void turn(const struct puppets *puppets)
{
    struct vain_comm comm = puppets->comm;
    if (comm.ops != NULL && comm.size > 0)
        comm.ops->wait(&comm, 0);
}

void puppets_settle(const struct puppets *puppets)
{
    for (int i = 0; i < QUIET_TURNS; i++)
        turn(puppets);
}

unsigned char puppets_byte(unsigned seed, uint64_t i)
{
    return (unsigned char)(1 + (seed * 53 + i) % 251);
}

void puppets_write(const struct puppets *puppets, int rank, int connection, const void *data,
                   size_t bytes)
{
    struct vain_stream *end = puppets->pipes.streams[rank][0][connection];
    const unsigned char *next = data;
    for (int i = 0; i < TURNS_MAX && bytes > 0; i++) {
        size_t taken = 0;
        CU_ASSERT_EQUAL_FATAL(end->ops->write(end, next, bytes, &taken), VAIN_OK);
        next += taken;
        bytes -= taken;
        if (taken == 0)
            turn(puppets);
    }
    CU_ASSERT_EQUAL(bytes, 0);
}

void puppets_send(const struct puppets *puppets, int rank, int connection,
                  const struct vain_frame *frame, unsigned seed)
{
    static unsigned char data[VAIN_FRAME_BYTES + VAIN_FRAGMENT_BYTES];
    vain_frame_encode(frame, data);
    for (uint32_t i = 0; i < frame->bytes; i++)
        data[VAIN_FRAME_BYTES + i] = puppets_byte(seed, frame->offset + i);
    puppets_write(puppets, rank, connection, data, VAIN_FRAME_BYTES + frame->bytes);
}

bool puppets_read(const struct puppets *puppets, int rank, int connection, void *out, size_t bytes)
{
    struct vain_stream *end = puppets->pipes.streams[rank][0][connection];
    unsigned char *next = out;
    for (int quiet = 0; quiet < QUIET_TURNS && bytes > 0;) {
        size_t got = 0;
        if (end->ops->read(end, next, bytes, &got) != VAIN_OK)
            return false;
        next += got;
        bytes -= got;
        quiet = got > 0 ? 0 : quiet + 1;
        turn(puppets);
    }
    return bytes == 0;
}

bool puppets_read_frame(const struct puppets *puppets, int rank, int connection,
                        struct vain_frame *out)
{
    uint8_t data[VAIN_FRAME_BYTES];
    memset(out, 0, sizeof *out);
    if (!puppets_read(puppets, rank, connection, data, sizeof data))
        return false;
    CU_ASSERT_EQUAL(vain_frame_decode(data, out), VAIN_OK);
    return true;
}

uint64_t puppets_check_next(const struct puppets *puppets, int rank, enum vain_frame_kind kind,
                            uint64_t index)
{
    struct vain_frame frame;
    CU_ASSERT_TRUE(puppets_read_frame(puppets, rank, 0, &frame));
    CU_ASSERT_EQUAL(frame.kind, kind);
    CU_ASSERT_EQUAL(frame.index, index);
    return frame.group;
}

bool puppets_are_told_nothing(const struct puppets *puppets, int rank)
{
    unsigned char byte = 0;
    return !puppets_read(puppets, rank, 0, &byte, 1);
}

void puppets_check_post_fails(struct puppets *puppets, const char *why)
{
    struct vain_comm *comm = &puppets->comm;
    struct vain_request request = {0};
    unsigned char byte = 0;
    CU_ASSERT_EQUAL(comm->ops->post_receive(comm, 1, VAIN_TAG_GATHER, &byte, 1, &request),
                    VAIN_ERR_PEER);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), why));
    CU_ASSERT_PTR_NULL(request.comm);
}

/* ---- frames ---------------------------------------------------------------------------------- */

enum { WORLD_ID = 1 };

struct vain_frame frame_of_message(uint32_t tag, uint64_t index, uint32_t bytes)
{
    return (struct vain_frame){VAIN_FRAME_MESSAGE, tag, WORLD_ID, index, bytes, 0, bytes};
}

struct vain_frame frame_of_fragment(uint64_t message_bytes, uint64_t offset, uint32_t bytes)
{
    return (struct vain_frame){VAIN_FRAME_MESSAGE, VAIN_TAG_GATHER, WORLD_ID, 0,
                               message_bytes,      offset,          bytes};
}

struct vain_frame frame_of_ready(uint64_t group, uint64_t index, uint64_t bytes)
{
    return (struct vain_frame){VAIN_FRAME_READY, VAIN_TAG_GATHER, group, index, bytes, 0, 0};
}

struct vain_frame frame_of_abort(uint64_t group, uint64_t rank)
{
    return (struct vain_frame){.kind = VAIN_FRAME_ABORT, .group = group, .index = rank};
}

/* ---- splits ---------------------------------------------------------------------------------- */

/* The colours come before the split, so that it does not block. */
void puppets_split(struct puppets *puppets, const int32_t *colours, struct vain_comm *out)
{
    struct vain_comm *comm = &puppets->comm;
    const uint64_t splits = ((const struct vain_stream_comm *)comm->state)->group->splits;
    for (int rank = 1; rank < comm->size; rank++) {
        uint8_t colour[VAIN_FRAME_BYTES + sizeof *colours];
        const struct vain_frame frame = frame_of_message(VAIN_TAG_SPLIT, splits, sizeof *colours);
        vain_frame_encode(&frame, colour);
        memcpy(colour + VAIN_FRAME_BYTES, &colours[rank], sizeof *colours);
        puppets_write(puppets, rank, 0, colour, sizeof colour);
    }
    CU_ASSERT_EQUAL_FATAL(comm->ops->split(comm, colours[0], out), VAIN_OK);
    for (int rank = 1; rank < comm->size; rank++) {
        int32_t colour;
        CU_ASSERT_EQUAL(puppets_check_next(puppets, rank, VAIN_FRAME_MESSAGE, splits), WORLD_ID);
        CU_ASSERT_TRUE(puppets_read(puppets, rank, 0, &colour, sizeof colour));
    }
}

uint64_t puppets_group(const struct vain_comm *comm)
{
    return ((const struct vain_stream_comm *)comm->state)->group->id;
}
