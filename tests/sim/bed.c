#include "tests/sim/bed.h"

#include <string.h>

unsigned char bed_byte(int node, size_t at)
{
    return (unsigned char)vain_sim_mix((uint64_t)at * 4 + (uint64_t)node);
}

static void read_all(struct bed_node *node, int i)
{
    struct vain_stream *stream = node->streams[i];
    size_t got = 1;
    if (stream == NULL || !stream->ready)
        return;
    stream->ready = false;
    while (node->ends[i] == VAIN_OK && got > 0) {
        CU_ASSERT_TRUE_FATAL(node->came_bytes[i] < BED_BYTES_MAX);
        node->ends[i] = stream->ops->read(stream, node->came[i] + node->came_bytes[i],
                                          BED_BYTES_MAX - node->came_bytes[i], &got);
        node->came_bytes[i] += got;
    }
}

static void step(void *context, int number)
{
    struct bed *bed = context;
    struct bed_node *node = &bed->nodes[number];
    node->steps++;
    node->last_step_ns = vain_sim_now_ns(bed->sim);
    for (int i = 0; i < BED_STREAMS_MAX; i++)
        read_all(node, i);
    if (bed->in_step != NULL)
        bed->in_step(bed, number);
}

static void drop_streams(struct bed_node *node)
{
    for (int i = 0; i < BED_STREAMS_MAX; i++) {
        if (node->streams[i] != NULL)
            node->streams[i]->ops->close(node->streams[i]);
        node->streams[i] = NULL;
    }
}

static void crash(void *context, int number)
{
    struct bed *bed = context;
    bed->nodes[number].crashes++;
    drop_streams(&bed->nodes[number]);
}

static void start(void *context, int number)
{
    struct bed *bed = context;
    bed->nodes[number].starts++;
}

void bed_open(struct bed *bed, uint64_t seed, const struct vain_sim_faults *faults)
{
    const struct vain_sim_config config = {
        .seed = seed,
        .nodes = BED_NODES_MAX,
        .faults = faults != NULL ? *faults : vain_sim_faults_none(),
        .owner = {.step = step, .crash = crash, .start = start},
        .context = bed,
    };
    memset(bed, 0, sizeof *bed);
    CU_ASSERT_EQUAL_FATAL(vain_sim_open(&config, &bed->sim), VAIN_OK);
}

void bed_close(struct bed *bed)
{
    for (int i = 0; i < BED_NODES_MAX; i++)
        drop_streams(&bed->nodes[i]);
    vain_sim_close(&bed->sim);
}

void bed_connect(struct bed *bed, int a, int b, int i)
{
    CU_ASSERT_EQUAL_FATAL(
        vain_sim_connect(bed->sim, a, b, &bed->nodes[a].streams[i], &bed->nodes[b].streams[i]),
        VAIN_OK);
}

size_t bed_write(struct bed *bed, int node, int i, size_t from, size_t bytes)
{
    unsigned char data[4096];
    struct vain_stream *stream = bed->nodes[node].streams[i];
    size_t written = 0, taken = 1;
    while (written < bytes && taken > 0) {
        const size_t part = bytes - written < sizeof data ? bytes - written : sizeof data;
        for (size_t at = 0; at < part; at++)
            data[at] = bed_byte(node, from + written + at);
        if (stream->ops->write(stream, data, part, &taken) != VAIN_OK)
            break;
        written += taken;
    }
    return written;
}

bool bed_came_right(const struct bed *bed, int node, int i, int from)
{
    const struct bed_node *own = &bed->nodes[node];
    for (size_t at = 0; at < own->came_bytes[i]; at++) {
        if (own->came[i][at] != bed_byte(from, at))
            return false;
    }
    return true;
}
