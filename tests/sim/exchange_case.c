#include "tests/sim/exchange_case.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/sim/exchange_member.h"
#include "tests/sim/sim.h"

enum {
    NAME_BYTES = 12,
    DEADLINE_S = 3600, /* of a call: far more than the slowest world needs */
    SPREAD_S = 600,    /* after one has failed, all that it can tell know */
    CALM_S = 10        /* faults happen before */
};

struct exchange_case {
    uint64_t seed;
    const struct exchange_wish *wish;
    struct exchange_plan plan;
    struct vain_sim_faults faults;
    struct judge judge;
    struct vain_sim *sim;
    struct exchange_member *members; /* (members) owned */
    struct vain_stream **streams;    /* (members, members, connections) owned */
    char (*names)[NAME_BYTES];       /* (members) owned */
    const char **name_list;          /* (members) owned */
};

/* ---- what a seed is -------------------------------------------------------------------------- */

static void draw_plan(struct exchange_case *own, struct vain_sim_random *random)
{
    struct exchange_plan *plan = &own->plan;
    plan->members = own->wish->members > 0 ? own->wish->members : 3 + (int)vain_sim_draw(random, 6);
    plan->rounds = own->wish->rounds > 0 ? own->wish->rounds : 1 + (int)vain_sim_draw(random, 3);
    plan->connections = 1 + (int)vain_sim_draw(random, 3);
    plan->field_bits = vain_sim_draw(random, 2) == 0 ? 16 : 32;
    plan->algorithm = vain_sim_draw(random, 2) == 0 ? VAIN_ALGORITHM_RING : VAIN_ALGORITHM_TREE;
    plan->parameters = 1 + vain_sim_draw(random, 1u << vain_sim_draw(random, 11));
    if (vain_sim_draw(random, 3) == 0)
        plan->parameters = JUDGE_PARAMETERS_MAX;
    plan->chunk_words = plan->parameters / plan->members / (1 + vain_sim_draw(random, 8));
    plan->block_bytes = 1 + vain_sim_draw(random, JUDGE_BLOCK_BYTES_MAX);
    plan->masked = vain_sim_draw(random, 2) == 0;
    plan->deadline_ms = DEADLINE_S * 1000;
}

static void draw_world(struct exchange_case *own, struct vain_sim_random *random)
{
    own->faults = vain_sim_faults_draw(own->seed);
    const uint32_t kind = vain_sim_draw(random, 6);
    if (kind < 3)
        vain_sim_faults_gentle(&own->faults);
    if (kind == 0)
        own->faults.flip_ppm = 100000; /* alone, so that it meets words on their way */
    /* Long messages in tiny pieces find nothing that short ones do not, and cost seconds. */
    const uint32_t piece_most = (uint32_t)own->plan.parameters / 16;
    own->faults.piece_bytes += piece_most;
    own->faults.window_bytes += 2 * piece_most;
}

/* ---- the owner's calls ----------------------------------------------------------------------- */

static void step(void *context, int node)
{
    struct exchange_case *own = context;
    exchange_member_step(&own->members[node]);
}

static void crash(void *context, int node)
{
    struct exchange_case *own = context;
    exchange_member_close(&own->members[node]);
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum vain_status take_all(struct exchange_case *own)
{
    const int64_t members = own->plan.members;
    VAIN_TRY(vain_take_array(members, sizeof *own->members, "members", (void **)&own->members));
    VAIN_TRY(vain_take_array(members * members * own->plan.connections, sizeof(void *), "streams",
                             (void **)&own->streams));
    VAIN_TRY(vain_take_array(members, NAME_BYTES, "names", (void **)&own->names));
    VAIN_TRY(vain_take_array(members, sizeof(char *), "names", (void **)&own->name_list));
    for (int i = 0; i < members; i++) {
        snprintf(own->names[i], NAME_BYTES, "m%d", i);
        own->name_list[i] = own->names[i];
    }
    own->plan.names = own->name_list;
    return VAIN_OK;
}

static enum vain_status connect_all(struct exchange_case *own)
{
    const int members = own->plan.members, connections = own->plan.connections;
    for (int a = 0; a < members; a++)
        for (int b = a + 1; b < members; b++)
            for (int c = 0; c < connections; c++)
                VAIN_TRY(vain_sim_connect(
                    own->sim, a, b, &own->streams[((int64_t)a * members + b) * connections + c],
                    &own->streams[((int64_t)b * members + a) * connections + c]));
    return VAIN_OK;
}

static enum vain_status open_case(struct exchange_case *own, struct vain_queue *queue)
{
    struct vain_sim_random random = vain_sim_random_named(own->seed, 0xec);
    draw_plan(own, &random);
    draw_world(own, &random);
    VAIN_TRY(take_all(own));
    const struct vain_sim_config config = {.seed = own->seed,
                                           .nodes = own->plan.members,
                                           .faults = own->faults,
                                           .owner = {.step = step, .crash = crash},
                                           .context = own};
    VAIN_TRY(vain_sim_open(&config, &own->sim));
    own->judge = (struct judge){.seed = own->seed,
                                .members = own->plan.members,
                                .parameters = own->plan.parameters,
                                .block_bytes = own->plan.block_bytes,
                                .round = -1};
    own->plan.sim = own->sim;
    own->plan.judge = &own->judge;
    own->plan.queue = queue;
    VAIN_TRY(connect_all(own));
    const int64_t row = (int64_t)own->plan.members * own->plan.connections;
    for (int i = 0; i < own->plan.members; i++) {
        VAIN_TRY(exchange_member_open(&own->plan, i, own->streams + i * row, &own->members[i]));
        own->members[i].hasty = vain_sim_draw(&random, 4) == 0;
    }
    return VAIN_OK;
}

static void close_case(struct exchange_case *own)
{
    for (int i = 0; own->members != NULL && i < own->plan.members; i++)
        exchange_member_close(&own->members[i]);
    vain_sim_close(&own->sim);
    vain_release(own->members);
    vain_release(own->streams);
    vain_release(own->names);
    vain_release(own->name_list);
}

/* ---- run and judge --------------------------------------------------------------------------- */

static bool have_all_ended(const struct exchange_case *own)
{
    for (int i = 0; i < own->plan.members; i++) {
        if (vain_sim_is_up(own->sim, i) && !own->members[i].ended)
            return false;
    }
    return true;
}

static void run(struct exchange_case *own)
{
    const uint64_t limit_ns = (uint64_t)own->plan.rounds * 4 * DEADLINE_S * VAIN_SIM_S;
    bool calm = false;
    while (own->judge.why[0] == '\0' && !have_all_ended(own)) {
        const uint64_t until_ns = calm ? limit_ns : CALM_S * VAIN_SIM_S;
        if (vain_sim_turn(own->sim, until_ns))
            continue;
        if (calm)
            return;
        vain_sim_calm(own->sim);
        calm = true;
    }
}

/* Whether `teller` had failed long before `member` ended, and could have told it. */
static bool could_tell(const struct exchange_case *own, int teller, int member)
{
    const struct exchange_member *first = &own->members[teller], *second = &own->members[member];
    const uint64_t calm_ns = CALM_S * VAIN_SIM_S;
    const uint64_t from_ns = first->ended_ns > calm_ns ? first->ended_ns : calm_ns;
    return first->ended && first->status != VAIN_OK &&
           second->ended_ns > from_ns + SPREAD_S * VAIN_SIM_S &&
           vain_sim_are_joined(own->sim, teller, member);
}

/* Who has failed tells all others, so that nobody waits for long. (Who has left does not, and one
 * whose streams to all others broke waits until its deadline for a host that died in silence.) */
static void judge_spread(struct exchange_case *own)
{
    if (vain_sim_tally(own->sim)->flips > 0)
        return;
    for (int i = 0; i < own->plan.members; i++) {
        const struct exchange_member *member = &own->members[i];
        if (!member->ended || member->ended_ns <= (CALM_S + SPREAD_S) * VAIN_SIM_S)
            continue;
        for (int j = 0; j < own->plan.members; j++) {
            if (j != i && could_tell(own, j, i))
                judge_says(&own->judge, "member %d was not told that member %d had failed: %s", i,
                           j, member->why);
        }
    }
}

static void judge_ends(struct exchange_case *own, struct exchange_result *out)
{
    const struct vain_sim_tally *tally = vain_sim_tally(own->sim);
    out->members = own->plan.members;
    out->harmed = tally->crashes + tally->breaks + tally->lost_ends + tally->flips > 0;
    for (int i = 0; i < own->plan.members; i++) {
        const struct exchange_member *member = &own->members[i];
        out->succeeded += member->ended && member->status == VAIN_OK;
        if (!vain_sim_is_up(own->sim, i))
            continue;
        if (!member->ended)
            judge_says(&own->judge, "member %d hangs in round %d, call %d", i, member->round,
                       (int)member->call);
        else if (member->status == VAIN_ERR_NUMERIC)
            judge_says(&own->judge, "member %d: no hop saw the wrong words: %s", i, member->why);
        else if (member->status != VAIN_OK && member->status != VAIN_ERR_PEER &&
                 member->status != VAIN_ERR_TIMEOUT)
            judge_says(&own->judge, "member %d: status %d: %s", i, (int)member->status,
                       member->why);
        else if (member->status == VAIN_ERR_TIMEOUT && tally->silent + tally->flips == 0)
            judge_says(&own->judge, "member %d waited for what could not come: %s", i, member->why);
        else if (member->status != VAIN_OK && !out->harmed)
            judge_says(&own->judge, "member %d failed though nothing had happened: %s", i,
                       member->why);
    }
    judge_spread(own);
}

static void say(const struct exchange_case *own, const struct exchange_result *result)
{
    const struct vain_sim_tally *tally = vain_sim_tally(own->sim);
    printf("seed %llu: %d members, %d rounds, %s, %lld parameters of %d bits%s, %d connections; %d "
           "succeeded; %llu events, %llu steps, %llu ms; crashes %u, breaks %u, stalls %u, "
           "partitions %u, lost ends %u, flips %u; trace %016llx\n",
           (unsigned long long)own->seed, own->plan.members, own->plan.rounds,
           vain_algorithm_name(own->plan.algorithm), (long long)own->plan.parameters,
           own->plan.field_bits, own->plan.masked ? " masked" : "", own->plan.connections,
           result->succeeded, (unsigned long long)tally->events, (unsigned long long)tally->steps,
           (unsigned long long)result->virtual_ms, tally->crashes, tally->breaks, tally->stalls,
           tally->partitions, tally->lost_ends, tally->flips, (unsigned long long)result->trace);
    for (int i = 0; i < own->plan.members; i++) {
        const struct exchange_member *member = &own->members[i];
        printf("    m%d: %s round %d, %llu ms: %s\n", i,
               !vain_sim_is_up(own->sim, i) ? "crashed"
               : !member->ended             ? "runs"
                                            : vain_status_name(member->status),
               member->round, (unsigned long long)(member->ended_ns / VAIN_SIM_MS), member->why);
    }
}

enum vain_status exchange_case_run(uint64_t seed, const struct exchange_wish *wish,
                                   struct vain_queue *queue, struct exchange_result *out)
{
    struct exchange_case *own = NULL;
    *out = (struct exchange_result){0};
    VAIN_TRY(vain_take(sizeof *own, "case", (void **)&own));
    own->seed = seed;
    own->wish = wish;
    const enum vain_status status = open_case(own, queue);
    if (status == VAIN_OK) {
        run(own);
        out->trace = vain_sim_trace(own->sim);
        out->events = vain_sim_tally(own->sim)->events;
        out->virtual_ms = vain_sim_now_ns(own->sim) / VAIN_SIM_MS;
        judge_ends(own, out);
        memcpy(out->why, own->judge.why, sizeof out->why);
        if (wish->verbose)
            say(own, out);
    }
    close_case(own);
    vain_release(own);
    return status;
}
