/* A node's struct vain_world: its clock, which began at some time of its own, its randomness, and
 * its storage (storage.c). */
#include <string.h>

#include "tests/sim/state.h"

static uint64_t world_now_ns(struct vain_world *world)
{
    const struct vain_sim_node *node = world->state;
    return node->sim->now_ns + node->clock_ns;
}

static int64_t world_unix_ms(struct vain_world *world)
{
    const struct vain_sim_node *node = world->state;
    const int64_t start_ms = 1800000000000; /* in January 2027 */
    return start_ms + (int64_t)(node->sim->now_ns / VAIN_SIM_MS);
}

static void world_random(struct vain_world *world, void *out, size_t bytes)
{
    struct vain_sim_node *node = world->state;
    unsigned char *next = out;
    while (bytes > 0) {
        const uint64_t word = vain_sim_next(&node->random);
        const size_t part = bytes < sizeof word ? bytes : sizeof word;
        memcpy(next, &word, part);
        next += part;
        bytes -= part;
    }
}

const struct vain_world_ops vain_sim_world_ops = {
    .now_ns = world_now_ns,
    .unix_ms = world_unix_ms,
    .random = world_random,
    .append = vain_sim_append,
    .replace = vain_sim_replace,
    .settle = vain_sim_settle,
};
