#include "tests/sim/federation.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/quorum.h"
#include "tests/sim/federation_member.h"
#include "tests/sim/stand_in.h"

enum {
    FAULTS_S_MAX = 30,  /* faults happen before */
    REST_S = 1800,      /* then everybody comes to the end in that time */
    FEW = 8,            /* members, by whom the rates of faults are */
    STEP_EACH_US = 50,  /* longer for each member more */
    WORLDS_A_LIAR = 2,  /* in one world of so many there are liars */
    LIARS_MOST = 3,     /* of a world */
    PARAMETERS_MAX = 60 /* small vectors: what is looked for is in the order of things */
};

struct federation {
    uint64_t seed;
    const struct federation_wish *wish;
    struct federation_plan plan;
    struct vain_sim_faults faults;
    uint64_t calm_ns;
    bool harmless;
    struct federation_judge judge;
    struct vain_sim *sim;
    struct member *members;           /* (members) owned */
    struct vain_record_member *cards; /* (members) owned */
    struct vain_signer *signers;      /* (members) owned */
};

/* ---- what a seed is -------------------------------------------------------------------------- */

static void draw_plan(struct federation *own, struct vain_sim_random *random)
{
    struct federation_plan *plan = &own->plan;
    const int quorum = vain_quorum(own->wish->members);
    plan->members = own->wish->members;
    plan->rounds = own->wish->rounds;
    plan->set_min = VAIN_SECAGG_MEMBERS_MIN;
    plan->level = own->wish->level > 0 ? own->wish->level : 1 + (int)vain_sim_draw(random, 2);
    plan->connections = 1 + (vain_sim_draw(random, 4) == 0);
    plan->field_bits = vain_sim_draw(random, 2) == 0 ? 16 : 32;
    plan->ring = vain_sim_draw(random, 2) == 0;
    plan->parameters = 1 + vain_sim_draw(random, PARAMETERS_MAX);
    if (vain_sim_draw(random, 3) == 0)
        plan->chunk_words = plan->parameters / plan->members / (1 + vain_sim_draw(random, 3));
    plan->start_quorum =
        quorum + (int)vain_sim_draw(random, (uint32_t)(plan->members - quorum) + 1);
    plan->checkpoint_every = 1 + (int)vain_sim_draw(random, 4);
    plan->deadline_ms = 20000;
    plan->train_ms = 1 + vain_sim_draw(random, 300);
    plan->fetch_ms = 1 + vain_sim_draw(random, 500);
}

/* Nothing is lost, and letters that a member has sent leave it: while it is in an exchange it
 * writes none. */
static void make_harmless(struct vain_sim_faults *faults)
{
    vain_sim_faults_gentle(faults);
    faults->refuse_ppm = 0;
    faults->window_bytes += 1 << 16;
}

/* An exchange takes all members of its set, and all streams between them, whose number is the
 * square of that: each is harmed as rarely as lets as many exchanges through as those of a few
 * members. And as a step costs what a member has streams, it waits for more of them. */
static void spare_many(struct vain_sim_faults *faults, int members)
{
    const uint32_t more = members > FEW ? (uint32_t)members / FEW : 1;
    faults->doom_ppm /= more * more;
    faults->lose_end_ppm /= more * more;
    faults->durable_crash_ppm /= more;
    faults->storage_error_ppm /= more;
    faults->break_every_ms *= more;
    faults->step_us += (more - 1) * FEW * STEP_EACH_US;
}

/* Rounds take a second or so here: faults come as often as lets some of them through. */
static void draw_world(struct federation *own, struct vain_sim_random *random)
{
    struct vain_sim_faults *faults = &own->faults;
    *faults = vain_sim_faults_draw(own->seed);
    faults->piece_bytes += 512;
    faults->window_bytes += 4096;
    faults->crash_every_ms *= 1 + vain_sim_draw(random, 50);
    faults->stall_every_ms *= 1 + vain_sim_draw(random, 50);
    faults->partition_every_ms *= 1 + vain_sim_draw(random, 50);
    faults->break_every_ms *= 1 + vain_sim_draw(random, 50);
    faults->durable_crash_ppm /= 2;
    faults->storage_error_ppm /= 4;
    spare_many(faults, own->wish->members);
    own->calm_ns = (1 + vain_sim_draw(random, FAULTS_S_MAX)) * VAIN_SIM_S;
    own->harmless = vain_sim_draw(random, 6) == 0;
    if (own->harmless)
        make_harmless(faults);
}

/* All liars of a world lie about the same. */
static enum liar_about draw_about(const struct federation *own, struct vain_sim_random *random)
{
    if (own->wish->lies >= 0)
        return (enum liar_about)own->wish->lies;
    if (vain_sim_draw(random, 3) == 0)
        return LIAR_LETTERS;
    return own->plan.level == 2 && vain_sim_draw(random, 2) == 0 ? LIAR_MASKS : LIAR_WORDS;
}

/* Not more than can be left out: a quorum is honest. They are drawn apart, so that worlds
 * in which nobody lies are what they would be. */
static void draw_liars(struct federation *own)
{
    struct vain_sim_random random = vain_sim_random_named(own->seed, 0x11a);
    const int others = own->plan.members - vain_quorum(own->plan.members);
    const int most = others < LIARS_MOST ? others : LIARS_MOST;
    const bool nobody = vain_sim_draw(&random, WORLDS_A_LIAR) != 0 && own->wish->lies < 0;
    if (nobody || most == 0)
        return;
    const int count = 1 + (int)vain_sim_draw(&random, (uint32_t)most);
    const enum liar_about about = draw_about(own, &random);
    own->plan.members_lie = true;
    for (int i = 0; i < count; i++) {
        struct liar *liar = &own->members[vain_sim_draw(&random, (uint32_t)own->plan.members)].liar;
        *liar = (struct liar){.random = {vain_sim_next(&random)},
                              .lies_ppm = 1 + vain_sim_draw(&random, 1000000),
                              .about = about};
        if (about == LIAR_LETTERS && vain_sim_draw(&random, 2) == 0)
            liar->two_faced = (uint32_t)vain_sim_next(&random);
    }
    own->plan.set_min = about == LIAR_LETTERS ? 3 * count + 1 : own->plan.set_min;
}

/* ---- the owner's calls ----------------------------------------------------------------------- */

static void step(void *context, int node)
{
    struct federation *own = context;
    member_step(&own->members[node]);
}

static void crash(void *context, int node)
{
    struct federation *own = context;
    member_crash(&own->members[node]);
}

static void start(void *context, int node)
{
    struct federation *own = context;
    member_start(&own->members[node]);
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum vain_status make_keys(struct federation *own)
{
    for (int i = 0; i < own->plan.members; i++) {
        struct vain_record_member *card = &own->cards[i];
        VAIN_TRY(stand_in_signer(i, &own->signers[i]));
        snprintf(card->name, sizeof card->name, "m%d", i);
        card->certificate = own->signers[i].certificate;
        card->member_id[0] = (uint8_t)(i >> 8);
        card->member_id[1] = (uint8_t)i;
    }
    return VAIN_OK;
}

static enum vain_status take_all(struct federation *own)
{
    const int64_t members = own->plan.members;
    VAIN_TRY(vain_take_array(members, sizeof *own->members, "members", (void **)&own->members));
    VAIN_TRY(vain_take_array(members, sizeof *own->cards, "cards", (void **)&own->cards));
    VAIN_TRY(vain_take_array(members, sizeof *own->signers, "signers", (void **)&own->signers));
    return make_keys(own);
}

static enum vain_status open_federation(struct federation *own, struct vain_queue *queue)
{
    struct vain_sim_random random = vain_sim_random_named(own->seed, 0xfed);
    draw_plan(own, &random);
    draw_world(own, &random);
    stand_in_use(!own->wish->real_keys, own->seed);
    const struct vain_sim_config config = {.seed = own->seed,
                                           .nodes = own->plan.members,
                                           .faults = own->faults,
                                           .owner = {.step = step, .crash = crash, .start = start},
                                           .context = own};
    const struct judge base = {.seed = own->seed,
                               .members = own->plan.members,
                               .parameters = own->plan.parameters,
                               .round = -1};
    VAIN_TRY(vain_sim_open(&config, &own->sim));
    VAIN_TRY(federation_judge_open(&base, own->plan.level == 2, &own->judge));
    VAIN_TRY(take_all(own));
    own->plan.sim = own->sim;
    own->plan.judge = &own->judge;
    own->plan.queue = queue;
    own->plan.cards = own->cards;
    own->plan.signers = own->signers;
    own->plan.all = own->members;
    own->plan.verbose = own->wish->verbose;
    for (int i = 0; i < own->plan.members; i++)
        VAIN_TRY(member_open(&own->plan, i, &own->members[i]));
    draw_liars(own);
    liar_watch(&own->plan);
    for (int i = 0; i < own->plan.members; i++)
        member_start(&own->members[i]);
    if (!own->harmless && vain_sim_draw(&random, 2) == 0)
        vain_sim_crash_at_durable(own->sim,
                                  (int)vain_sim_draw(&random, (uint32_t)own->plan.members),
                                  1 + vain_sim_draw(&random, 3 * (uint32_t)own->plan.rounds));
    return VAIN_OK;
}

static void close_federation(struct federation *own)
{
    for (int i = 0; own->members != NULL && i < own->plan.members; i++) {
        if (own->members[i].plan != NULL)
            member_close(&own->members[i]);
        if (own->signers[i].ops != NULL)
            vain_signer_close(&own->signers[i]);
    }
    liar_watch(NULL);
    vain_sim_close(&own->sim);
    federation_judge_close(&own->judge);
    vain_release(own->members);
    vain_release(own->cards);
    vain_release(own->signers);
}

/* ---- run and judge --------------------------------------------------------------------------- */

static bool is_at_end(const struct federation *own)
{
    for (int i = 0; i < own->plan.members; i++) {
        const struct member *member = &own->members[i];
        if (!member->alive || member->phase != MEMBER_DONE ||
            memcmp(member->state.hash, own->members[0].state.hash, VAIN_HASH_BYTES) != 0)
            return false;
    }
    return true;
}

static void run(struct federation *own)
{
    const uint64_t end_ns = own->calm_ns + REST_S * VAIN_SIM_S;
    bool calm = false;
    while (own->judge.base.why[0] == '\0' && !is_at_end(own)) {
        if (vain_sim_turn(own->sim, calm ? end_ns : own->calm_ns))
            continue;
        if (calm)
            return;
        vain_sim_calm(own->sim);
        own->plan.members_lie = false;
        calm = true;
    }
}

/* Nothing that may cost an attempt. Where all begin together all stay together, and there are more
 * honest ones than a threshold. */
static bool nothing_happened(const struct federation *own)
{
    const bool all = own->plan.start_quorum == own->plan.members;
    return own->harmless && own->judge.lies_in_letters == 0 &&
           own->judge.lie_count == (all ? own->judge.harmless : 0);
}

static void judge_end(struct federation *own, struct federation_result *out)
{
    const int rounds = own->plan.rounds;
    for (int i = 0; i < own->plan.members; i++) {
        const struct member *member = &own->members[i];
        out->failed_attempts += member->failed_attempts;
        out->suspicions += member->suspicions;
        out->fetches += member->fetches;
        out->lost += member->lost;
        if (nothing_happened(own) && member->failed_attempts + member->lost > 0)
            judge_says(&own->judge.base, "member %d: an attempt failed though nothing had happened",
                       i);
        if (!member->alive || member->phase != MEMBER_DONE)
            judge_says(&own->judge.base, "NO END: member %d is at round %llu of %d, in phase %d%s",
                       i, (unsigned long long)member->state.round, rounds, (int)member->phase,
                       member->alive ? "" : ", down");
    }
    if (!is_at_end(own))
        judge_says(&own->judge.base, "NO END: members end with different states");
    out->lies = own->judge.lie_count;
    out->lies_in_letters = own->judge.lies_in_letters;
    out->lies_about_masks = own->judge.lies_about_masks;
    out->named = own->judge.named;
    out->crashes = (int)vain_sim_tally(own->sim)->crashes;
    out->trace = vain_sim_trace(own->sim);
    out->events = vain_sim_tally(own->sim)->events;
    out->virtual_ms = vain_sim_now_ns(own->sim) / VAIN_SIM_MS;
    memcpy(out->why, own->judge.base.why, sizeof out->why);
}

static void say(const struct federation *own, const struct federation_result *result)
{
    const struct vain_sim_tally *tally = vain_sim_tally(own->sim);
    printf(
        "seed %llu: level %d, %s, %lld parameters of %d bits, %d connections, start quorum %d%s; "
        "%llu events, %llu steps, %llu bytes, %llu ms; crashes %u, breaks %u, stalls %u, "
        "partitions %u, storage errors %u; trace %016llx\n",
        (unsigned long long)own->seed, own->plan.level, own->plan.ring ? "ring" : "tree",
        (long long)own->plan.parameters, own->plan.field_bits, own->plan.connections,
        own->plan.start_quorum, own->harmless ? ", harmless" : "",
        (unsigned long long)tally->events, (unsigned long long)tally->steps,
        (unsigned long long)tally->bytes, (unsigned long long)result->virtual_ms, tally->crashes,
        tally->breaks, tally->stalls, tally->partitions, tally->storage_errors,
        (unsigned long long)result->trace);
    for (int i = 0; i < own->plan.members; i++) {
        const struct member *member = &own->members[i];
        printf("    m%d: round %llu, epoch %llu, phase %d, lives %d, failed attempts %d, fetches "
               "%d, lost %d, burned %d, state %02x%02x\n",
               i, (unsigned long long)member->state.round, (unsigned long long)member->epoch,
               (int)member->phase, member->lives, member->failed_attempts, member->fetches,
               member->lost, member->rounds_burned, member->state.hash[0], member->state.hash[1]);
    }
}

enum vain_status federation_run(uint64_t seed, const struct federation_wish *wish,
                                struct vain_queue *queue, struct federation_result *out)
{
    struct federation *own = NULL;
    *out = (struct federation_result){0};
    VAIN_TRY(vain_take(sizeof *own, "federation", (void **)&own));
    own->seed = seed;
    own->wish = wish;
    const enum vain_status status = open_federation(own, queue);
    if (status == VAIN_OK) {
        run(own);
        judge_end(own, out);
        if (wish->verbose)
            say(own, out);
    }
    close_federation(own);
    vain_release(own);
    return status;
}
