/* Streams over socket pairs: real descriptors, no authentication. Each call moves at most `piece`
 * bytes, so that frames are cut anywhere. */
#pragma once

#include "base/stream.h"

enum { PIPES_RANKS_MAX = 8, PIPES_CONNECTIONS_MAX = 3 };

struct pipes {
    int size, connections;
    struct vain_stream *streams[PIPES_RANKS_MAX][PIPES_RANKS_MAX][PIPES_CONNECTIONS_MAX];
};
/* Streams between all ranks, each with each; false if the system has none left. */
bool pipes_open(struct pipes *pipes, int size, int connections, size_t piece);
/* The streams of `rank`, (size, connections), as a communicator wants them. */
void pipes_of(const struct pipes *pipes, int rank, struct vain_stream **out);
