/* A simulator whose nodes are the test's: each counts its steps, and reads into a buffer whatever
 * comes on its streams. */
#pragma once

#include "tests/sim/sim.h"
#include "tests/unit/suite.h"

enum { BED_NODES_MAX = 4, BED_STREAMS_MAX = 4, BED_BYTES_MAX = 1 << 16 };

struct bed_node {
    struct vain_stream *streams[BED_STREAMS_MAX]; /* NULL: none */
    enum vain_status ends[BED_STREAMS_MAX];       /* of reading; VAIN_OK: goes on */
    unsigned char came[BED_STREAMS_MAX][BED_BYTES_MAX];
    size_t came_bytes[BED_STREAMS_MAX];
    int steps, crashes, starts;
    uint64_t last_step_ns; /* by the simulator's clock */
};
struct bed {
    struct vain_sim *sim;
    struct bed_node nodes[BED_NODES_MAX];
    void (*in_step)(struct bed *bed, int node); /* NULL: only reads */
};
/* A world like this; `faults` NULL: a perfect one. */
void bed_open(struct bed *bed, uint64_t seed, const struct vain_sim_faults *faults);
void bed_close(struct bed *bed);
/* Stream `i` of both nodes. */
void bed_connect(struct bed *bed, int a, int b, int i);
/* Byte `at` of what a node writes. */
unsigned char bed_byte(int node, size_t at);
/* Write until all is taken or the stream takes no more now; how many were. */
size_t bed_write(struct bed *bed, int node, int i, size_t from, size_t bytes);
/* Whether what came is the beginning of what `from` writes. */
bool bed_came_right(const struct bed *bed, int node, int i, int from);
