/* Stop requests and the exchange together, in a simulation: members with their real exchange and
 * control, a network that delivers in random order, signals at random members at random moments.
 *
 *     safety     all members end after the same round
 *     liveness   all end; no round is finished that nobody had begun when a signal came
 *
 * The moves of a member are those of jobs/round.c: local steps, asking at each whether to stop;
 * then the exchange, left only for somebody outside. A member with a wrong rule (leaving because
 * somebody *asks*) shows that the simulation can see a violation. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/control.h"
#include "collectives/exchange.h"
#include "kernels/device.h"
#include "tests/unit/collectives/network.h"
#include "tests/unit/suite.h"

enum { PARAMETERS = 3, ROUNDS = 4, SIGNAL = 15, EVENTS_MAX = 200000, ACTION_IDS_MAX = 32 };

enum place { LOCAL_STEPS, IN_EXCHANGE, ENDED };

struct member {
    struct vain_comm comm;
    struct vain_control *control;
    struct vain_codec codec;
    struct vain_exchange *exchange;
    struct vain_request requests[ACTION_IDS_MAX];
    struct vain_exchange_out out;
    enum vain_exchange_event_kind call;
    enum place place;
    int round, step; /* rounds finished; steps of this one */
    bool signalled;
    uint32_t words[PARAMETERS + VAIN_COUNTER_WORDS + 1];
    uint8_t block, blocks[NETWORK_RANKS_MAX];
};

struct simulation {
    struct network network;
    struct member members[NETWORK_RANKS_MAX];
    struct vain_queue queue;
    int steps_of_round;
    enum vain_algorithm algorithm;
    enum vain_control_word leave_for; /* OUTSIDE; ASK is the wrong rule */
    const char *broken;               /* what did not hold */
};

static const char *const names[NETWORK_RANKS_MAX] = {"a", "b", "c", "d", "e", "f"};
static const struct vain_random check = {{8, 9}};

static void expect(struct simulation *simulation, bool condition, const char *what)
{
    if (!condition && simulation->broken == NULL)
        simulation->broken = what;
}

/* ---- a member's moves ------------------------------------------------------------------------ */

/* What drain of jobs/federation.h does. */
static enum vain_control_word hear(struct simulation *simulation, struct member *member)
{
    enum vain_control_word word = VAIN_CONTROL_NONE;
    int32_t signal_number;
    if (member->signalled)
        expect(simulation, vain_control_say(member->control, VAIN_CONTROL_ASK, SIGNAL) == VAIN_OK,
               "say");
    expect(simulation, vain_control_poll(member->control, &word, &signal_number) == VAIN_OK,
           "poll");
    return word;
}

static void end_outside(struct simulation *simulation, struct member *member)
{
    expect(simulation, vain_control_say(member->control, VAIN_CONTROL_OUTSIDE, SIGNAL) == VAIN_OK,
           "say");
    member->place = ENDED;
}

static void feed(struct simulation *simulation, struct member *member,
                 enum vain_exchange_event_kind kind, int id)
{
    struct vain_comm *comm = &member->comm;
    vain_exchange_step(member->exchange, &(struct vain_exchange_event){kind, id}, &member->out);
    for (int i = 0; i < member->out.action_count; i++) {
        const struct vain_exchange_action *action = &member->out.actions[i];
        struct vain_request *request = &member->requests[action->id];
        enum vain_status status;
        if (action->kind == VAIN_EXCHANGE_SEND)
            status = comm->ops->post_send(comm, action->peer, action->tag, action->buffer,
                                          action->bytes, request);
        else if (action->kind == VAIN_EXCHANGE_RECEIVE)
            status = comm->ops->post_receive(comm, action->peer, action->tag, action->buffer,
                                             action->bytes, request);
        else
            status = comm->ops->post_all_reduce(comm, action->buffer, action->count, request);
        expect(simulation, status == VAIN_OK, "post");
    }
}

static void begin(struct simulation *simulation, struct member *member,
                  enum vain_exchange_event_kind call)
{
    member->call = call;
    feed(simulation, member, call, 0);
}

static void begin_exchange(struct simulation *simulation, struct member *member)
{
    const float delta[PARAMETERS] = {1.0f, (float)member->comm.rank, -3.0f};
    float residual[PARAMETERS];
    const struct vain_counters mine = {.weight = 1};
    const struct vain_context context = {.round = (uint64_t)member->round};
    const struct vain_codec_attempt attempt = {.check = check, .round = (uint32_t)member->round};
    struct vain_codec_report report;
    expect(simulation,
           vain_codec_encode(&member->codec, &simulation->queue, delta, &mine, &attempt,
                             member->words, residual, &report) == VAIN_OK,
           "encode");
    vain_exchange_set_round(member->exchange, &context, check);
    vain_exchange_set_gather(member->exchange, &member->block, 1, member->blocks);
    member->place = IN_EXCHANGE;
    begin(simulation, member, VAIN_EXCHANGE_BEGIN_AGREE);
}

static void next_call(struct simulation *simulation, struct member *member)
{
    float mean[PARAMETERS];
    struct vain_counters sums;
    if (member->call == VAIN_EXCHANGE_BEGIN_AGREE) {
        vain_exchange_set_words(member->exchange, member->words, false);
        begin(simulation, member, VAIN_EXCHANGE_BEGIN_REDUCE);
    } else if (member->call == VAIN_EXCHANGE_BEGIN_REDUCE) {
        begin(simulation, member, VAIN_EXCHANGE_BEGIN_VERIFY);
    } else if (member->call == VAIN_EXCHANGE_BEGIN_VERIFY) {
        expect(simulation,
               vain_codec_decode(&member->codec, &simulation->queue, member->words, mean, &sums) ==
                   VAIN_OK,
               "decoding");
        expect(simulation, sums.weight == simulation->network.size, "the sum of all weights");
        begin(simulation, member, VAIN_EXCHANGE_BEGIN_GATHER);
    } else {
        member->round++;
        member->step = 0;
        member->place = member->round == ROUNDS ? ENDED : LOCAL_STEPS;
    }
}

static void move_in_exchange(struct simulation *simulation, struct member *member)
{
    const int slots = vain_exchange_action_ids(member->exchange);
    const int start = (int)network_draw(&simulation->network, (uint32_t)slots);
    for (int i = 0; i < slots && member->out.status == VAIN_AGAIN; i++) {
        const int id = (start + i) % slots;
        struct vain_request *request = &member->requests[id];
        if (request->comm != NULL && request->comm->ops->test(request) == VAIN_OK) {
            feed(simulation, member, VAIN_EXCHANGE_DONE_ACTION, id);
            break;
        }
    }
    if (member->out.status == VAIN_AGAIN &&
        vain_exchange_phase(member->exchange) == VAIN_EXCHANGE_CONTEXT &&
        hear(simulation, member) >= simulation->leave_for)
        feed(simulation, member, VAIN_EXCHANGE_LEAVE, 0);
    if (member->out.status == VAIN_STOPPED)
        end_outside(simulation, member);
    else if (member->out.status == VAIN_OK)
        next_call(simulation, member);
    else
        expect(simulation, member->out.status == VAIN_AGAIN, "an exchange that fails");
}

static void move(struct simulation *simulation, struct member *member)
{
    if (member->place == IN_EXCHANGE) {
        move_in_exchange(simulation, member);
    } else if (member->place == LOCAL_STEPS) {
        if (hear(simulation, member) != VAIN_CONTROL_NONE || member->signalled)
            end_outside(simulation, member);
        else if (++member->step == simulation->steps_of_round)
            begin_exchange(simulation, member);
    }
}

/* ---- a run ----------------------------------------------------------------------------------- */

static void open_members(struct simulation *simulation, int size)
{
    for (int rank = 0; rank < size; rank++) {
        struct member *member = &simulation->members[rank];
        memset(member, 0, sizeof *member);
        network_comm(&simulation->network, rank, &member->comm);
        expect(simulation, vain_control_open(&member->comm, &member->control) == VAIN_OK, "open");
        expect(simulation,
               vain_codec_init(&member->codec, PARAMETERS, size, 32, NAN, 4.0) == VAIN_OK, "codec");
        const struct vain_exchange_config config = {.member_index = rank,
                                                    .member_count = size,
                                                    .member_names = names,
                                                    .codec = &member->codec,
                                                    .queue = &simulation->queue,
                                                    .gather_bytes_max = 1,
                                                    .algorithm = simulation->algorithm};
        expect(simulation, vain_exchange_open(&config, &member->exchange) == VAIN_OK, "open");
        VAIN_ASSERT(vain_exchange_action_ids(member->exchange) <= ACTION_IDS_MAX);
    }
}

static void close_members(struct simulation *simulation)
{
    for (int rank = 0; rank < simulation->network.size; rank++) {
        struct member *member = &simulation->members[rank];
        vain_control_close(&member->control);
        vain_exchange_close(&member->exchange);
        member->comm.ops->close(&member->comm);
    }
}

static int rounds_begun(const struct simulation *simulation)
{
    int most = 0;
    for (int rank = 0; rank < simulation->network.size; rank++) {
        const struct member *member = &simulation->members[rank];
        const int begun = member->round + (member->place == IN_EXCHANGE ? 1 : 0);
        most = begun > most ? begun : most;
    }
    return most;
}

static bool all_ended(const struct simulation *simulation)
{
    for (int rank = 0; rank < simulation->network.size; rank++) {
        if (simulation->members[rank].place != ENDED)
            return false;
    }
    return true;
}

/* One run; gives the rounds that were finished, and what did not hold in simulation->broken. */
static int run(struct simulation *simulation, struct vain_device *device, uint64_t seed,
               enum vain_control_word leave_for)
{
    struct network *network = &simulation->network;
    network_init(network, 1, seed);
    const int size = 1 + (int)network_draw(network, NETWORK_RANKS_MAX);
    network->size = size;
    simulation->queue = (struct vain_queue){.device = device};
    simulation->broken = NULL;
    simulation->leave_for = leave_for;
    simulation->steps_of_round = 1 + (int)network_draw(network, 5);
    simulation->algorithm =
        (enum vain_algorithm)(VAIN_ALGORITHM_AUTO + 1 + (int)network_draw(network, 3));
    open_members(simulation, size);
    /* One signal in most runs, two in some, none in a few; late ones may find everybody ended. */
    int signals_left = (int)network_draw(network, 8);
    signals_left = signals_left == 0 ? 0 : signals_left < 6 ? 1 : 2;
    /* Some members are slow: they get a turn only now and then. */
    const uint32_t slow = network_draw(network, (uint32_t)size);
    const uint32_t mean_wait = 1 + network_draw(network, 400);
    int limit = ROUNDS, events = 0;
    for (; events < EVENTS_MAX && !all_ended(simulation); events++) {
        const uint32_t rank = network_draw(network, (uint32_t)size);
        if (signals_left > 0 && network_draw(network, mean_wait) == 0) {
            struct member *target = &simulation->members[network_draw(network, (uint32_t)size)];
            const int begun = rounds_begun(simulation);
            signals_left--;
            target->signalled = true;
            if (target->place != ENDED && begun < limit)
                limit = begun;
        }
        if (network_draw(network, 3) == 0)
            network_deliver(network);
        else if (rank != slow || network_draw(network, 8) == 0)
            move(simulation, &simulation->members[rank]);
    }
    expect(simulation, events < EVENTS_MAX, "everybody ends");
    const int rounds = simulation->members[0].round;
    for (int other = 1; other < size; other++)
        expect(simulation, simulation->members[other].round == rounds, "the same round everywhere");
    expect(simulation, rounds <= limit, "no round is begun after a signal");
    close_members(simulation);
    return rounds;
}

static struct simulation simulation;

static void all_end_after_the_same_round(void)
{
    enum { SEEDS = 20000 };
    struct vain_device device;
    int ended_after[ROUNDS + 1] = {0}, failed = 0;
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    for (uint64_t seed = 1; seed <= SEEDS && failed < 5; seed++) {
        ended_after[run(&simulation, &device, seed, VAIN_CONTROL_OUTSIDE)]++;
        if (simulation.broken != NULL) {
            printf("\n    seed %llu, %d members: %s\n", (unsigned long long)seed,
                   simulation.network.size, simulation.broken);
            failed++;
        }
    }
    CU_ASSERT_EQUAL(failed, 0);
    /* The seeds reach every possible end. */
    for (int rounds = 0; rounds <= ROUNDS; rounds++)
        CU_ASSERT_TRUE(ended_after[rounds] > SEEDS / 100);
    vain_device_close(&device);
}

static void the_simulation_sees_a_wrong_rule(void)
{
    struct vain_device device;
    int broken = 0;
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        run(&simulation, &device, seed, VAIN_CONTROL_ASK);
        broken += simulation.broken != NULL;
    }
    CU_ASSERT_TRUE(broken > 0);
    vain_device_close(&device);
}

static const struct vain_test tests[] = {
    {"all members end after the same round, whenever signals come", all_end_after_the_same_round},
    {"the simulation sees a wrong rule", the_simulation_sees_a_wrong_rule},
    {NULL, NULL},
};
const struct vain_suite vain_suite_stop = {"stop", tests};
