/* Faults by chance: which kinds a seed has, how often, and the next one. */
#include "tests/sim/state.h"

/* ---- rates ----------------------------------------------------------------------------------- */

struct vain_sim_faults vain_sim_faults_none(void)
{
    return (struct vain_sim_faults){.window_bytes = 1 << 20, .piece_bytes = 1 << 20};
}

/* From 1 to 2^bits, small ones as often as large ones. */
static uint32_t any_size(struct vain_sim_random *random, uint32_t bits)
{
    const uint32_t most = 1u << vain_sim_draw(random, bits + 1);
    return most / 2 + 1 + vain_sim_draw(random, most - most / 2);
}

/* Up to `most`, in one world of `one_in`; 0 in the others. */
static uint32_t perhaps(struct vain_sim_random *random, uint32_t one_in, uint32_t most)
{
    const uint32_t value = 1 + vain_sim_draw(random, most);
    return vain_sim_draw(random, one_in) == 0 ? value : 0;
}

static void draw_streams(struct vain_sim_random *random, struct vain_sim_faults *out)
{
    out->latency_us = any_size(random, 17);
    out->jitter_us = perhaps(random, 2, any_size(random, 16));
    out->bytes_a_ms = perhaps(random, 3, any_size(random, 17));
    out->bytes_a_ms += out->bytes_a_ms > 0 ? 50 : 0;
    out->window_bytes = 63 + any_size(random, 17);
    out->piece_bytes = any_size(random, 17);
    out->refuse_ppm = perhaps(random, 2, 100000);
    out->clog_ppm = perhaps(random, 2, 20000);
    out->clog_ms = 1 + vain_sim_draw(random, 1000);
    out->doom_ppm = perhaps(random, 4, 100000);
    out->doom_bytes = any_size(random, 16);
    out->lose_end_ppm = perhaps(random, 4, 500000);
    out->flip_bytes = any_size(random, 13);
}

static void draw_nodes(struct vain_sim_random *random, struct vain_sim_faults *out)
{
    out->step_us = any_size(random, 13);
    out->crash_every_ms = perhaps(random, 3, any_size(random, 11));
    out->stall_every_ms = perhaps(random, 2, any_size(random, 11));
    out->partition_every_ms = perhaps(random, 3, any_size(random, 11));
    out->break_every_ms = perhaps(random, 4, any_size(random, 11));
    out->down_ms = 1 + vain_sim_draw(random, 2000);
    out->down_most = 1 + vain_sim_draw(random, 3);
    out->notice_ms = perhaps(random, 2, 1000);
    out->silent_ppm = perhaps(random, 3, 1000000);
    out->stall_ms = 1 + vain_sim_draw(random, 500);
    out->partition_ms = 1 + vain_sim_draw(random, 1000);
    out->one_way_ppm = 500000;
    out->torn_ppm = perhaps(random, 3, 1000000);
}

struct vain_sim_faults vain_sim_faults_draw(uint64_t seed)
{
    struct vain_sim_random random = vain_sim_random_named(seed, 0xfa);
    struct vain_sim_faults faults = {0};
    draw_streams(&random, &faults);
    draw_nodes(&random, &faults);
    faults.storage_error_ppm = perhaps(&random, 3, 100000);
    faults.durable_crash_ppm = perhaps(&random, 3, 100000);
    return faults;
}

void vain_sim_faults_gentle(struct vain_sim_faults *faults)
{
    faults->doom_ppm = faults->lose_end_ppm = faults->flip_ppm = 0;
    faults->crash_every_ms = faults->break_every_ms = faults->torn_ppm = 0;
    faults->storage_error_ppm = faults->durable_crash_ppm = 0;
}

/* ---- by chance ------------------------------------------------------------------------------- */

static uint32_t every_ms(const struct vain_sim_faults *faults, enum vain_sim_chance kind)
{
    const uint32_t rates[VAIN_SIM_CHANCES] = {
        [VAIN_SIM_CHANCE_CRASH] = faults->crash_every_ms,
        [VAIN_SIM_CHANCE_STALL] = faults->stall_every_ms,
        [VAIN_SIM_CHANCE_PARTITION] = faults->partition_every_ms,
        [VAIN_SIM_CHANCE_BREAK] = faults->break_every_ms,
    };
    return rates[kind];
}

/* Between 1 ns and twice the mean. */
static void put_next(struct vain_sim *sim, enum vain_sim_chance kind)
{
    const uint64_t mean_ns = (uint64_t)every_ms(&sim->faults, kind) * VAIN_SIM_MS;
    if (mean_ns > 0)
        vain_sim_put(sim, sim->now_ns + 1 + vain_sim_up_to(&sim->random, 2 * mean_ns),
                     VAIN_SIM_CHANCE, (int)kind, NULL);
}

void vain_sim_chance_start(struct vain_sim *sim)
{
    for (int kind = 0; kind < VAIN_SIM_CHANCES; kind++)
        put_next(sim, (enum vain_sim_chance)kind);
}

static uint64_t some_ms(struct vain_sim *sim, uint32_t most)
{
    return (1 + (uint64_t)vain_sim_draw(&sim->random, most)) * VAIN_SIM_MS;
}

static void partition(struct vain_sim *sim)
{
    for (int i = 0; i < sim->config.nodes; i++)
        sim->side[i] = vain_sim_draw(&sim->random, 2) == 0;
    vain_sim_partition(sim, sim->side, !vain_sim_chance(&sim->random, sim->faults.one_way_ppm));
    if (vain_sim_chance(&sim->random, sim->faults.torn_ppm)) {
        for (struct vain_sim_pair *pair = sim->pairs; pair != NULL; pair = pair->next) {
            if (sim->side[pair->ends[0].node] != sim->side[pair->ends[1].node])
                vain_sim_pair_break(pair);
        }
    }
    vain_sim_put(sim, sim->now_ns + some_ms(sim, sim->faults.partition_ms), VAIN_SIM_HEAL, 0, NULL);
}

static void break_one(struct vain_sim *sim)
{
    struct vain_sim_pair *chosen = NULL;
    uint32_t seen = 0;
    for (struct vain_sim_pair *pair = sim->pairs; pair != NULL; pair = pair->next) {
        if (!pair->broken && vain_sim_draw(&sim->random, ++seen) == 0)
            chosen = pair;
    }
    if (chosen != NULL)
        vain_sim_pair_break(chosen);
}

void vain_sim_chance_happen(struct vain_sim *sim, enum vain_sim_chance kind)
{
    if (every_ms(&sim->faults, kind) == 0)
        return; /* it is calm now */
    const int node = (int)vain_sim_draw(&sim->random, (uint32_t)sim->config.nodes);
    switch (kind) {
    case VAIN_SIM_CHANCE_CRASH:
        if (sim->down < (int)sim->faults.down_most)
            vain_sim_crash(sim, node);
        break;
    case VAIN_SIM_CHANCE_STALL:
        vain_sim_stall(sim, node, some_ms(sim, sim->faults.stall_ms));
        break;
    case VAIN_SIM_CHANCE_PARTITION:
        partition(sim);
        break;
    default:
        break_one(sim);
        break;
    }
    put_next(sim, kind);
}

void vain_sim_calm(struct vain_sim *sim)
{
    vain_sim_faults_gentle(&sim->faults);
    sim->faults.stall_every_ms = sim->faults.partition_every_ms = 0;
    for (struct vain_sim_pair *pair = sim->pairs; pair != NULL; pair = pair->next)
        pair->ways[0].doom = pair->ways[1].doom = UINT64_MAX;
    vain_sim_heal(sim);
}
