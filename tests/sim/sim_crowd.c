/* A federation of a thousand members, one a seed, at level 2: a part of them dies, some at each
 * step of the first round, half of them for good. Whoever lives comes to the end with the same
 * sums; the judges are those of sim_exchange. What curve operations there would have been is
 * counted.
 *
 * usage: sim_crowd [--seeds FIRST[:LAST]] [--members N] [--rounds R] [--dying PERCENT] [--verbose]
 *
 * Prints what is wrong with each seed that fails; the last line is "N passed, M failed". */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/quorum.h"
#include "kernels/device.h"
#include "tests/sim/crowd.h"
#include "tests/sim/stand_in.h"

enum {
    END_S = 600,    /* of simulated time: all come to the end before */
    DYING_MS = 300, /* a death is up to this behind the beginning of its step */
    DOWN_MS = 5000, /* who comes back does so in up to this */
    DYING_MAX = 30  /* percent: a quorum is left */
};

struct options {
    uint64_t first, last;
    int members, rounds, dying;
    bool verbose;
};
struct run {
    const struct options *options;
    uint64_t seed;
    struct federation_plan plan;
    struct federation_judge judge;
    struct crowd crowd;
    struct vain_sim *sim;
    struct member *members;           /* (members) owned */
    struct vain_record_member *cards; /* (members) owned */
    struct vain_signer *signers;      /* (members) owned */
    unsigned phases_begun;            /* by any member */
    unsigned for_good;                /* deaths so far */
};

/* ---- the owner's calls ----------------------------------------------------------------------- */

/* The first member that comes to a step, or is past it, takes along all that are to die in it. */
static void begin_deaths(struct run *run, enum member_phase phase)
{
    for (int i = 0; i < run->plan.members; i++) {
        struct crowd_seat *seat = &run->crowd.seats[i];
        struct member *member = &run->members[i];
        if (!seat->doomed || seat->doom_phase > phase || seat->dies_ns > 0)
            continue;
        const uint64_t in_ns = vain_sim_draw(&member->random, DYING_MS) * (uint64_t)VAIN_SIM_MS;
        seat->dies_ns = vain_sim_now_ns(run->sim) + in_ns;
        vain_sim_timer(run->sim, i, member->world->ops->now_ns(member->world) + in_ns);
    }
}

static void look_at_death(struct run *run, int node)
{
    struct crowd_seat *seat = &run->crowd.seats[node];
    const enum member_phase phase = run->members[node].phase;
    if (phase <= MEMBER_OPEN && phase + 1 > run->phases_begun) {
        run->phases_begun = phase + 1;
        begin_deaths(run, phase);
    }
    if (!seat->doomed || seat->dies_ns == 0 || vain_sim_now_ns(run->sim) < seat->dies_ns)
        return;
    seat->doomed = false;
    run->for_good += seat->for_good;
    vain_sim_crash(run->sim, node);
}

static void step(void *context, int node)
{
    struct run *run = context;
    if (!run->members[node].alive)
        return;
    member_step(&run->members[node]);
    look_at_death(run, node);
}

static void crash(void *context, int node)
{
    struct run *run = context;
    crowd_note_change(&run->members[node], false);
    crowd_leave_attempts(&run->members[node]);
    member_crash(&run->members[node]);
}

static void start(void *context, int node)
{
    struct run *run = context;
    if (!run->crowd.seats[node].for_good)
        member_start(&run->members[node]);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void draw_plan(struct run *run, struct vain_sim_random *random)
{
    run->plan = (struct federation_plan){
        .members = run->options->members,
        .rounds = run->options->rounds,
        .level = 2,
        .connections = 1,
        .field_bits = vain_sim_draw(random, 2) == 0 ? 16 : 32,
        .parameters = 1 + vain_sim_draw(random, 60),
        .start_quorum = vain_quorum(run->options->members),
        .set_min = VAIN_SECAGG_MEMBERS_MIN,
        .checkpoint_every = 1,
        .deadline_ms = 20000,
        .train_ms = 300,
        .fetch_ms = 500,
        .sim = run->sim,
        .judge = &run->judge,
        .cards = run->cards,
        .signers = run->signers,
        .all = run->members,
        .crowd = &run->crowd,
        .verbose = run->options->verbose,
    };
}

/* So many, whoever they are, each in any step of an attempt. */
static void draw_deaths(struct run *run, struct vain_sim_random *random)
{
    static const enum member_phase phases[] = {MEMBER_MEET,    MEMBER_TRAIN,  MEMBER_FORM,
                                               MEMBER_AGREE,   MEMBER_DEAL,   MEMBER_REDUCE,
                                               MEMBER_CONNECT, MEMBER_COMMIT, MEMBER_OPEN};
    int left = run->plan.members * run->options->dying / 100;
    while (left > 0) {
        struct crowd_seat *seat =
            &run->crowd.seats[vain_sim_draw(random, (uint32_t)run->plan.members)];
        if (seat->doomed)
            continue;
        seat->doomed = true;
        seat->for_good = vain_sim_draw(random, 2) == 0;
        seat->doom_phase = phases[vain_sim_draw(random, VAIN_COUNT_OF(phases))];
        left--;
    }
}

static enum vain_status make_members(struct run *run)
{
    for (int i = 0; i < run->plan.members; i++) {
        VAIN_TRY(stand_in_signer(i, &run->signers[i]));
        run->cards[i].certificate = run->signers[i].certificate;
        VAIN_TRY(member_open(&run->plan, i, &run->members[i]));
    }
    for (int i = 0; i < run->plan.members; i++)
        member_start(&run->members[i]);
    return VAIN_OK;
}

static enum vain_status open_run(struct run *run, struct vain_queue *queue)
{
    const int64_t members = run->options->members;
    struct vain_sim_random random = vain_sim_random_named(run->seed, 0xc0d);
    struct vain_sim_faults faults = vain_sim_faults_none();
    faults.down_ms = DOWN_MS;
    stand_in_use(true, run->seed);
    const struct vain_sim_config config = {.seed = run->seed,
                                           .nodes = (int)members,
                                           .faults = faults,
                                           .owner = {.step = step, .crash = crash, .start = start},
                                           .context = run};
    VAIN_TRY(vain_take_array(members, sizeof *run->members, "members", (void **)&run->members));
    VAIN_TRY(vain_take_array(members, sizeof *run->cards, "cards", (void **)&run->cards));
    VAIN_TRY(vain_take_array(members, sizeof *run->signers, "signers", (void **)&run->signers));
    VAIN_TRY(crowd_open((int)members, &run->crowd));
    VAIN_TRY(vain_sim_open(&config, &run->sim));
    draw_plan(run, &random);
    run->plan.queue = queue;
    draw_deaths(run, &random);
    const struct judge base = {.seed = run->seed,
                               .members = (int)members,
                               .parameters = run->plan.parameters,
                               .round = -1};
    VAIN_TRY(federation_judge_open(&base, true, &run->judge));
    return make_members(run);
}

static void close_run(struct run *run)
{
    for (int i = 0; run->members != NULL && i < run->options->members; i++) {
        if (run->members[i].plan != NULL)
            member_close(&run->members[i]);
        if (run->signers[i].ops != NULL)
            vain_signer_close(&run->signers[i]);
    }
    vain_sim_close(&run->sim);
    federation_judge_close(&run->judge);
    crowd_close(&run->crowd, run->options->members);
    vain_release(run->members);
    vain_release(run->cards);
    vain_release(run->signers);
}

/* ---- run and judge --------------------------------------------------------------------------- */

/* A member that is not where it should be; -1: none. */
static int not_at_end(const struct run *run)
{
    const struct member *first = NULL;
    for (int i = 0; i < run->plan.members; i++) {
        const struct member *member = &run->members[i];
        const struct crowd_seat *seat = &run->crowd.seats[i];
        if (!member->alive && seat->for_good && !seat->doomed)
            continue;
        first = first == NULL ? member : first;
        if (!member->alive || member->phase != MEMBER_DONE || seat->doomed ||
            memcmp(member->state.hash, first->state.hash, VAIN_HASH_BYTES) != 0)
            return i;
    }
    return -1;
}

static void live(struct run *run)
{
    const uint64_t end_ns = END_S * VAIN_SIM_S;
    int waited_for = 0;
    while (run->judge.base.why[0] == '\0' && vain_sim_turn(run->sim, end_ns)) {
        const struct member *member = &run->members[waited_for];
        if (member->alive && member->phase != MEMBER_DONE)
            continue;
        waited_for = not_at_end(run);
        if (waited_for < 0)
            return;
    }
    if (waited_for >= 0)
        judge_says(&run->judge.base, "NO END: member %d is at round %llu, in phase %d%s",
                   waited_for, (unsigned long long)run->members[waited_for].state.round,
                   (int)run->members[waited_for].phase,
                   run->members[waited_for].alive ? "" : ", down");
}

static void say_counts(const struct run *run)
{
    const struct crowd_counts *counts = &run->crowd.counts;
    const struct stand_in_counts *signatures = stand_in_counts();
    const struct vain_sim_tally *tally = vain_sim_tally(run->sim);
    int attempts = 0, whole = 0;
    for (const struct crowd_attempt *at = run->crowd.attempts; at != NULL; at = at->next) {
        attempts++;
        whole += at->ended == at->size;
    }
    printf("seed %llu: %d members, %d rounds in %llu s of simulated time; %u died, %u to come "
           "back; %d "
           "attempts, of which %d ended for all; %llu letters, %llu shares given out\n",
           (unsigned long long)run->seed, run->plan.members, run->plan.rounds,
           (unsigned long long)(vain_sim_now_ns(run->sim) / VAIN_SIM_S), tally->crashes,
           tally->crashes - run->for_good, attempts, whole, (unsigned long long)counts->letters,
           (unsigned long long)counts->shares_sent);
    printf("    X25519: %llu key pairs, %llu shared keys; Ed25519: %llu signatures, %llu checked\n"
           "    ristretto255: %llu commitments, %llu points checked, %llu secrets checked, %llu "
           "recovered; %llu multiplications of scalars; boxes: %llu sealed, %llu opened\n",
           (unsigned long long)counts->key_pairs, (unsigned long long)counts->shared_keys,
           (unsigned long long)signatures->made, (unsigned long long)signatures->checked,
           (unsigned long long)counts->commitments, (unsigned long long)counts->points_checked,
           (unsigned long long)counts->secrets_checked,
           (unsigned long long)counts->secrets_recovered, (unsigned long long)counts->share_steps,
           (unsigned long long)counts->boxes_sealed, (unsigned long long)counts->boxes_opened);
}

static bool run_seed(uint64_t seed, const struct options *options, struct vain_queue *queue)
{
    struct run *run = NULL;
    char why[JUDGE_WHY_BYTES];
    const int64_t blocks = vain_memory_blocks();
    enum vain_status status = vain_take(sizeof *run, "crowd", (void **)&run);
    VAIN_ASSERT(status == VAIN_OK);
    run->seed = seed;
    run->options = options;
    status = open_run(run, queue);
    if (status == VAIN_OK) {
        live(run);
        say_counts(run);
    }
    snprintf(why, sizeof why, "%s", status == VAIN_OK ? run->judge.base.why : vain_fail_message());
    close_run(run);
    vain_release(run);
    if (why[0] == '\0' && vain_memory_blocks() != blocks)
        snprintf(why, sizeof why, "memory is left over");
    if (why[0] != '\0')
        printf("seed %llu: %s\n", (unsigned long long)seed, why);
    fflush(stdout);
    return why[0] == '\0';
}

/* ---- options --------------------------------------------------------------------------------- */

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char *end = NULL;
    *out = strtoull(text, &end, 10);
    return end != text && *end == '\0' && text[0] != '-' && *out >= least && *out <= most;
}

static bool read_int(const char *text, int least, int most, int *out)
{
    uint64_t number = 0;
    const bool good = read_number(text, (uint64_t)least, (uint64_t)most, &number);
    *out = (int)number;
    return good;
}

static bool read_seeds(char *text, struct options *options)
{
    char *colon = strchr(text, ':');
    if (colon != NULL)
        *colon = '\0';
    return read_number(text, 0, UINT64_MAX, &options->first) &&
           read_number(colon != NULL ? colon + 1 : text, options->first, UINT64_MAX,
                       &options->last);
}

static bool read_options(int count, char **arguments, struct options *out)
{
    static const struct option table[] = {
        {"seeds", required_argument, NULL, 's'},  {"members", required_argument, NULL, 'm'},
        {"rounds", required_argument, NULL, 'r'}, {"dying", required_argument, NULL, 'd'},
        {"verbose", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0}};
    bool good = true;
    int option;
    *out = (struct options){.first = 1, .last = 1, .members = 1000, .rounds = 1, .dying = 20};
    while ((option = getopt_long(count, arguments, "", table, NULL)) >= 0) {
        if (option == 's')
            good &= read_seeds(optarg, out);
        else if (option == 'm')
            good &= read_int(optarg, VAIN_SECAGG_MEMBERS_MIN, JUDGE_MEMBERS_MAX, &out->members);
        else if (option == 'r')
            good &= read_int(optarg, 1, 1000, &out->rounds);
        else if (option == 'd')
            good &= read_int(optarg, 0, DYING_MAX, &out->dying);
        else if (option == 'v')
            out->verbose = true;
        else
            good = false;
    }
    return good && optind == count;
}

int main(int count, char **arguments)
{
    struct options options;
    struct vain_device device;
    unsigned long long passed = 0, failed = 0;
    if (!read_options(count, arguments, &options)) {
        fprintf(stderr,
                "usage: sim_crowd [--seeds FIRST[:LAST]] [--members 3..%d] [--rounds 1..1000] "
                "[--dying 0..%d] [--verbose]\n",
                JUDGE_MEMBERS_MAX, DYING_MAX);
        return 2;
    }
    if (vain_crypto_init() != VAIN_OK || vain_device_open_cpu(1, NULL, &device) != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        return 1;
    }
    struct vain_queue queue = {.device = &device};
    for (uint64_t seed = options.first;; seed++) {
        const bool good = run_seed(seed, &options, &queue);
        passed += good;
        failed += !good;
        if (seed == options.last)
            break;
    }
    vain_device_close(&device);
    printf("%llu passed, %llu failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
