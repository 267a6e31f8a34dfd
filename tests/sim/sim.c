/* The simulator's nodes and its course: events in order of time, each a step of a node, the arrival
 * of bytes, or a fault. */
#include <string.h>

#include "base/memory.h"
#include "tests/sim/state.h"

/* ---- life ------------------------------------------------------------------------------------ */

static void begin_life(struct vain_sim *sim, int number)
{
    struct vain_sim_node *node = &sim->nodes[number];
    node->up = true;
    node->dying = node->waking = false;
    node->life++;
    node->stalled_until_ns = 0;
    /* A machine that starts anew counts from another time, and is as random as before. */
    node->random =
        vain_sim_random_named(sim->config.seed, ((uint64_t)number + 1) << 20 | node->life);
    node->clock_ns = vain_sim_up_to(&node->random, 1000 * VAIN_SIM_S);
}

static enum vain_status take_all(struct vain_sim *sim)
{
    const int64_t nodes = sim->config.nodes;
    VAIN_TRY(vain_take_array(nodes, sizeof *sim->nodes, "nodes", (void **)&sim->nodes));
    VAIN_TRY(vain_take_array(nodes * nodes, sizeof *sim->cut, "cuts", (void **)&sim->cut));
    return vain_take_array(nodes, sizeof *sim->side, "sides", (void **)&sim->side);
}

enum vain_status vain_sim_open(const struct vain_sim_config *config, struct vain_sim **out)
{
    struct vain_sim *sim = NULL;
    VAIN_ASSERT(config->nodes > 0);
    VAIN_TRY(vain_take(sizeof *sim, "simulator", (void **)out));
    sim = *out;
    sim->config = *config;
    sim->faults = config->faults;
    sim->random = vain_sim_random_named(config->seed, 0);
    sim->trace = vain_sim_mix(config->seed);
    const enum vain_status status = take_all(sim);
    if (status != VAIN_OK) {
        vain_sim_close(out);
        return status;
    }
    for (int i = 0; i < config->nodes; i++) {
        sim->nodes[i].sim = sim;
        sim->nodes[i].world =
            (struct vain_world){.ops = &vain_sim_world_ops, .state = &sim->nodes[i]};
        begin_life(sim, i);
    }
    vain_sim_chance_start(sim);
    return VAIN_OK;
}

void vain_sim_close(struct vain_sim **sim)
{
    struct vain_sim *own = *sim;
    if (own == NULL)
        return;
    for (int i = 0; own->nodes != NULL && i < own->config.nodes; i++) {
        VAIN_ASSERT(own->nodes[i].ends == NULL);
        vain_sim_files_free(own, i);
    }
    while (own->pairs != NULL)
        vain_sim_pair_free(own->pairs);
    vain_release(own->queue.events);
    vain_release(own->nodes);
    vain_release(own->cut);
    vain_release(own->side);
    vain_release(own);
    *sim = NULL;
}

/* ---- what happened --------------------------------------------------------------------------- */

void vain_sim_note(struct vain_sim *sim, uint64_t value)
{
    sim->trace = vain_sim_mix(sim->trace + value + 0x9e3779b97f4a7c15u);
}

void vain_sim_trace_bytes(struct vain_sim *sim, const void *data, size_t bytes)
{
    const unsigned char *next = data;
    sim->tally.bytes += bytes;
    vain_sim_note(sim, bytes);
    while (bytes > 0) {
        uint64_t word = 0;
        const size_t part = bytes < sizeof word ? bytes : sizeof word;
        memcpy(&word, next, part);
        vain_sim_note(sim, word);
        next += part;
        bytes -= part;
    }
}

uint64_t vain_sim_trace(const struct vain_sim *sim)
{
    return sim->trace;
}

const struct vain_sim_tally *vain_sim_tally(const struct vain_sim *sim)
{
    return &sim->tally;
}

uint64_t vain_sim_now_ns(const struct vain_sim *sim)
{
    return sim->now_ns;
}

static struct vain_sim_node *node_of(const struct vain_sim *sim, int node)
{
    VAIN_ASSERT(node >= 0);
    VAIN_ASSERT(node < sim->config.nodes);
    return &sim->nodes[node];
}

struct vain_world *vain_sim_world(struct vain_sim *sim, int node)
{
    return &node_of(sim, node)->world;
}

/* ---- steps ----------------------------------------------------------------------------------- */

void vain_sim_put(struct vain_sim *sim, uint64_t at_ns, enum vain_sim_event_kind kind, int node,
                  struct vain_sim_pair *pair)
{
    const bool of_node = kind == VAIN_SIM_STEP || kind == VAIN_SIM_TIMER;
    if (pair != NULL)
        pair->events++;
    vain_sim_queue_put(&sim->queue,
                       (struct vain_sim_event){.at_ns = at_ns > sim->now_ns ? at_ns : sim->now_ns,
                                               .kind = kind,
                                               .node = node,
                                               .life = of_node ? sim->nodes[node].life : 0,
                                               .pair = pair});
}

void vain_sim_wake(struct vain_sim *sim, int number)
{
    struct vain_sim_node *node = node_of(sim, number);
    if (node->waking || !vain_sim_acts(node))
        return;
    node->waking = true;
    /* Never at once: a node that always has something to do still lets time pass. */
    const uint64_t delay_us = 1 + vain_sim_draw(&sim->random, sim->faults.step_us);
    vain_sim_put(sim, sim->now_ns + delay_us * VAIN_SIM_US, VAIN_SIM_STEP, number, NULL);
}

void vain_sim_timer(struct vain_sim *sim, int number, uint64_t at_ns)
{
    const struct vain_sim_node *node = node_of(sim, number);
    if (vain_sim_acts(node))
        vain_sim_put(sim, at_ns > node->clock_ns ? at_ns - node->clock_ns : 0, VAIN_SIM_TIMER,
                     number, NULL);
}

static bool is_any_ready(const struct vain_sim_node *node)
{
    for (const struct vain_sim_end *end = node->ends; end != NULL; end = end->next) {
        if (end->stream.ready && !end->over)
            return true;
    }
    return false;
}

static void die(struct vain_sim *sim, int number)
{
    struct vain_sim_node *node = &sim->nodes[number];
    const bool silent = vain_sim_chance(&sim->random, sim->faults.silent_ppm);
    const uint64_t notice_ns = (uint64_t)sim->faults.notice_ms * VAIN_SIM_MS;
    node->up = node->dying = node->waking = false;
    node->life++;
    node->crash_at = 0;
    sim->down++;
    sim->tally.crashes++;
    sim->tally.silent += silent;
    vain_sim_files_crash(sim, number);
    for (struct vain_sim_end *end = node->ends; end != NULL; end = end->next) {
        end->dead = true;
        if (!silent)
            vain_sim_pair_break_at(end->pair,
                                   sim->now_ns + vain_sim_up_to(&sim->random, notice_ns));
    }
    sim->config.owner.crash(sim->config.context, number);
    VAIN_ASSERT(node->ends == NULL);
    if (sim->config.owner.start != NULL && sim->faults.down_ms > 0)
        vain_sim_put(sim,
                     sim->now_ns + (1 + vain_sim_draw(&sim->random, sim->faults.down_ms)) *
                                       (uint64_t)VAIN_SIM_MS,
                     VAIN_SIM_RESTART, number, NULL);
}

/* The owner's code runs for this node; a crash that happens inside is carried out afterwards. */
static void run(struct vain_sim *sim, int number, void (*call)(void *context, int node))
{
    struct vain_sim_node *node = &sim->nodes[number];
    node->stepping = true;
    sim->tally.steps++;
    call(sim->config.context, number);
    node->stepping = false;
    if (node->dying)
        die(sim, number);
    else if (is_any_ready(node))
        vain_sim_wake(sim, number);
}

static void step(struct vain_sim *sim, int number, bool is_timer)
{
    struct vain_sim_node *node = &sim->nodes[number];
    if (node->stalled_until_ns > sim->now_ns) {
        vain_sim_put(sim, node->stalled_until_ns, is_timer ? VAIN_SIM_TIMER : VAIN_SIM_STEP, number,
                     NULL);
        return;
    }
    if (!is_timer)
        node->waking = false;
    run(sim, number, sim->config.owner.step);
}

static void happen(struct vain_sim *sim, const struct vain_sim_event *event)
{
    switch (event->kind) {
    case VAIN_SIM_STEP:
    case VAIN_SIM_TIMER:
        if (event->life == sim->nodes[event->node].life)
            step(sim, event->node, event->kind == VAIN_SIM_TIMER);
        break;
    case VAIN_SIM_ARRIVE:
        vain_sim_pair_arrive(event->pair, event->node);
        break;
    case VAIN_SIM_BREAK:
        vain_sim_pair_break(event->pair);
        break;
    case VAIN_SIM_RESTART:
        if (!sim->nodes[event->node].up)
            vain_sim_restart(sim, event->node);
        break;
    case VAIN_SIM_CHANCE:
        vain_sim_chance_happen(sim, (enum vain_sim_chance)event->node);
        break;
    case VAIN_SIM_HEAL:
        vain_sim_heal(sim);
        break;
    }
}

bool vain_sim_turn(struct vain_sim *sim, uint64_t until_ns)
{
    struct vain_sim_event event;
    if (!vain_sim_queue_take(&sim->queue, until_ns, &event)) {
        if (until_ns != UINT64_MAX && until_ns > sim->now_ns)
            sim->now_ns = until_ns;
        return false;
    }
    VAIN_ASSERT(event.at_ns >= sim->now_ns);
    sim->now_ns = event.at_ns;
    sim->tally.events++;
    vain_sim_note(sim, event.at_ns);
    vain_sim_note(sim, (uint64_t)event.kind << 56 ^ (uint64_t)event.node << 40 ^
                           (event.pair != NULL ? event.pair->id : 0));
    happen(sim, &event);
    if (event.pair != NULL)
        vain_sim_pair_let_go(event.pair);
    return true;
}

void vain_sim_run(struct vain_sim *sim, uint64_t until_ns)
{
    while (vain_sim_turn(sim, until_ns)) {
    }
}

/* ---- faults by hand -------------------------------------------------------------------------- */

bool vain_sim_is_up(const struct vain_sim *sim, int node)
{
    return vain_sim_acts(node_of(sim, node));
}

void vain_sim_crash(struct vain_sim *sim, int number)
{
    struct vain_sim_node *node = node_of(sim, number);
    if (!vain_sim_acts(node))
        return;
    node->dying = true;
    if (!node->stepping)
        die(sim, number);
}

void vain_sim_restart(struct vain_sim *sim, int number)
{
    VAIN_ASSERT(!node_of(sim, number)->up);
    VAIN_ASSERT(sim->config.owner.start != NULL);
    begin_life(sim, number);
    sim->down--;
    sim->tally.restarts++;
    run(sim, number, sim->config.owner.start);
}

void vain_sim_stall(struct vain_sim *sim, int number, uint64_t for_ns)
{
    struct vain_sim_node *node = node_of(sim, number);
    const uint64_t until_ns = sim->now_ns + for_ns;
    node->stalled_until_ns = until_ns > node->stalled_until_ns ? until_ns : node->stalled_until_ns;
    sim->tally.stalls++;
}

void vain_sim_cut(struct vain_sim *sim, int from, int to)
{
    VAIN_ASSERT(node_of(sim, from) != node_of(sim, to));
    sim->cut[(int64_t)from * sim->config.nodes + to] = true;
}

void vain_sim_partition(struct vain_sim *sim, const bool *side, bool both_ways)
{
    sim->tally.partitions++;
    for (int from = 0; from < sim->config.nodes; from++)
        for (int to = 0; to < sim->config.nodes; to++) {
            if (side[from] != side[to] && (side[from] || both_ways))
                vain_sim_cut(sim, from, to);
        }
}

void vain_sim_heal(struct vain_sim *sim)
{
    const size_t nodes = (size_t)sim->config.nodes;
    memset(sim->cut, 0, nodes * nodes * sizeof *sim->cut);
    for (struct vain_sim_pair *pair = sim->pairs; pair != NULL; pair = pair->next)
        vain_sim_pair_resume(pair);
}

void vain_sim_break(struct vain_sim *sim, int a, int b)
{
    for (struct vain_sim_pair *pair = sim->pairs; pair != NULL; pair = pair->next) {
        if (vain_sim_pair_is_of(pair, a, b))
            vain_sim_pair_break(pair);
    }
}

bool vain_sim_are_joined(const struct vain_sim *sim, int a, int b)
{
    const struct vain_sim_pair *pair = sim->pairs;
    while (pair != NULL && (!vain_sim_pair_is_of(pair, a, b) || pair->broken ||
                            !pair->ends[0].open || !pair->ends[1].open))
        pair = pair->next;
    return pair != NULL;
}
