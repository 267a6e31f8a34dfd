/* How the way of summing is chosen: by all alike, by the slowest member, among ways that make
 * sense. Time is a script here, so that what is fast is known. */
#include "collectives/choose.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tests/mpi/ranks.h"

enum { N = 500, TRIALS = 5 };

static const char *const names[] = {"ada",  "bob",   "carol", "dave",
                                    "erin", "frank", "grace", "hugo"};

/* A world whose clock is asked at the start and the end of each trial and answers so that it took
 * what the script says. */
struct script {
    uint64_t now_ns;
    int asked;
    int ways;                               /* that are tried, in turn */
    uint64_t took[VAIN_ALGORITHMS][TRIALS]; /* in the order in which ways are tried */
};

static uint64_t scripted_now_ns(struct vain_world *world)
{
    struct script *script = world->state;
    const int turn = script->asked / 2;
    if (script->asked++ % 2 == 1 && turn < script->ways * TRIALS)
        script->now_ns += script->took[turn % script->ways][turn / script->ways];
    return script->now_ns;
}

/* What a member hands to the choice. */
struct chooser {
    struct vain_codec codec;
    struct vain_exchange_config config;
    struct vain_world world;
    struct vain_exchange_driver driver;
    struct script script;
    uint32_t *words;
};

static void open_chooser(struct ranks *ranks, struct chooser *chooser, int64_t parameters,
                         int64_t words)
{
    static const struct vain_world_ops ops = {.now_ns = scripted_now_ns};
    memset(chooser, 0, sizeof *chooser);
    EXPECT_OK(ranks, vain_codec_init(&chooser->codec, parameters, ranks->comm.size, 32, NAN, 1.0));
    EXPECT_OK(ranks, vain_take_array(words > 0 ? words : chooser->codec.word_count,
                                     sizeof *chooser->words, "words", (void **)&chooser->words));
    chooser->config = (struct vain_exchange_config){.member_index = ranks->comm.rank,
                                                    .member_count = ranks->comm.size,
                                                    .member_names = names,
                                                    .codec = &chooser->codec,
                                                    .queue = &ranks->queue,
                                                    .algorithm = VAIN_ALGORITHM_AUTO};
    chooser->world = (struct vain_world){.ops = &ops, .state = &chooser->script};
    chooser->driver = (struct vain_exchange_driver){.comm = &ranks->comm, .world = &chooser->world};
}

/* The choice, which must be that of all others too. */
static enum vain_algorithm choose(struct ranks *ranks, struct chooser *chooser)
{
    enum vain_algorithm mine = VAIN_ALGORITHM_AUTO, all[16];
    const int64_t word_count = chooser->codec.word_count;
    chooser->script.asked = 0;
    EXPECT_OK(ranks,
              vain_algorithm_choose(&chooser->config, &chooser->driver, chooser->words, &mine));
    EXPECT(ranks, chooser->codec.word_count == word_count);
    EXPECT_OK(ranks, vain_comm_all_gather(&ranks->comm, &ranks->world, 0, VAIN_TAG_START, &mine,
                                          sizeof mine, all));
    for (int rank = 0; rank < ranks->comm.size; rank++)
        EXPECT(ranks, all[rank] == mine);
    EXPECT(ranks, mine > VAIN_ALGORITHM_AUTO && mine < VAIN_ALGORITHMS);
    return mine;
}

/* One of the trials is quick, the others are ten times as long. */
static void set_took(struct chooser *chooser, int way, int quick, uint64_t ns)
{
    for (int trial = 0; trial < TRIALS; trial++)
        chooser->script.took[way][trial] = trial == quick % TRIALS ? ns : 10 * ns;
    if (chooser->script.ways <= way)
        chooser->script.ways = way + 1;
}

/* Ways are tried in the order native, ring, tree. */
static void the_slowest_member_decides(struct ranks *ranks)
{
    struct chooser chooser;
    const int own = ranks->comm.rank, last = ranks->comm.size - 1;
    static const struct {
        uint64_t native_at_first, ring, ring_at_first, tree_at_last;
        enum vain_algorithm expected;
    } rows[] = {
        {50, 40, 40, 45, VAIN_ALGORITHM_RING},
        {50, 40, 60, 45, VAIN_ALGORITHM_TREE},
        {39, 40, 40, 45, VAIN_ALGORITHM_NATIVE},
        {50, 1, 70, 60, VAIN_ALGORITHM_NATIVE},
    };
    open_chooser(ranks, &chooser, N, 0);
    for (size_t i = 0; i < VAIN_COUNT_OF(rows); i++) {
        set_took(&chooser, 0, 0, own == 0 ? rows[i].native_at_first : 2);
        set_took(&chooser, 1, 1, own == 0 ? rows[i].ring_at_first : rows[i].ring);
        set_took(&chooser, 2, 4, own == last ? rows[i].tree_at_last : 3);
        const enum vain_algorithm chosen = choose(ranks, &chooser);
        EXPECT(ranks, chosen == (ranks->comm.size == 1 ? VAIN_ALGORITHM_RING : rows[i].expected));
        EXPECT(ranks, chooser.script.asked == (ranks->comm.size == 1 ? 0 : 3 * 2 * TRIALS));
    }
    vain_release(chooser.words);
}

/* A trial takes as long as its slowest member: members that are quick at different times are slow.
 */
static void quick_at_different_times_is_slow(struct ranks *ranks)
{
    struct chooser chooser;
    if (ranks->comm.size == 1)
        return;
    open_chooser(ranks, &chooser, N, 0);
    set_took(&chooser, 0, ranks->comm.rank, 10); /* 100 at somebody in every trial */
    set_took(&chooser, 1, 3, 60);
    set_took(&chooser, 2, 3, 70);
    EXPECT(ranks, choose(ranks, &chooser) == VAIN_ALGORITHM_RING);
    vain_release(chooser.words);
}

/* Trials end when a second is spent, at all members together. */
static void long_trials_are_few(struct ranks *ranks)
{
    struct chooser chooser;
    open_chooser(ranks, &chooser, N, 0);
    for (int way = 0; way < 3; way++)
        set_took(&chooser, way, 0, ranks->comm.rank == 0 ? 400000000 : 1);
    (void)choose(ranks, &chooser);
    EXPECT(ranks, chooser.script.asked == (ranks->comm.size == 1 ? 0 : 3 * 2));
    vain_release(chooser.words);
}

/* Whatever the clocks say, all take the same. */
static void all_choose_the_same(struct ranks *ranks)
{
    struct chooser chooser;
    open_chooser(ranks, &chooser, N, 0);
    for (int turn = 0; turn < 10; turn++) {
        for (int way = 0; way < 3; way++)
            set_took(&chooser, way, turn, 1 + ranks_word(ranks->comm.rank, 3 * turn + way) % 1000);
        (void)choose(ranks, &chooser);
    }
    vain_release(chooser.words);
}

/* A tree sends the whole vector up and down: not one that is longer than the header says. */
static void long_vectors_take_no_tree(struct ranks *ranks)
{
    const int64_t tail = VAIN_COUNTER_WORDS + 1;
    struct chooser chooser;
    for (int64_t longer = 0; longer < 2; longer++) {
        open_chooser(ranks, &chooser, VAIN_CHOOSE_TREE_WORDS - tail + longer, 0);
        EXPECT(ranks, chooser.codec.word_count == VAIN_CHOOSE_TREE_WORDS + longer);
        set_took(&chooser, 0, 0, 20);
        set_took(&chooser, 1, 0, 10);
        if (longer == 0)
            set_took(&chooser, 2, 0, 5);
        const enum vain_algorithm chosen = choose(ranks, &chooser);
        EXPECT(ranks, chosen == (longer > 0 || ranks->comm.size == 1 ? VAIN_ALGORITHM_RING
                                                                     : VAIN_ALGORITHM_TREE));
        vain_release(chooser.words);
    }
}

/* Without an all-reduce of the transport's own nobody waits for one. */
static void what_a_transport_lacks_is_not_tried(struct ranks *ranks)
{
    struct chooser chooser;
    struct vain_transport_ops ops = *ranks->comm.ops;
    const struct vain_transport_ops *const kept = ranks->comm.ops;
    ops.post_all_reduce = NULL;
    ranks->comm.ops = &ops;
    open_chooser(ranks, &chooser, N, 0);
    set_took(&chooser, 0, 0, 9); /* ring, then tree */
    set_took(&chooser, 1, 0, 8);
    const enum vain_algorithm chosen = choose(ranks, &chooser);
    EXPECT(ranks, chosen == (ranks->comm.size == 1 ? VAIN_ALGORITHM_RING : VAIN_ALGORITHM_TREE));
    ranks->comm.ops = kept;
    vain_release(chooser.words);
}

/* A vector of any length is tried in one that is long enough to tell. */
static void very_long_vectors_are_tried_shorter(struct ranks *ranks)
{
    struct chooser chooser;
    if (ranks->comm.size != 2)
        return;
    open_chooser(ranks, &chooser, INT64_C(1) << 40, VAIN_CHOOSE_WORDS);
    set_took(&chooser, 0, 0, 2);
    set_took(&chooser, 1, 0, 1);
    EXPECT(ranks, choose(ranks, &chooser) == VAIN_ALGORITHM_RING);
    vain_release(chooser.words);
}

static bool always(void *context)
{
    int *asked = context;
    ++*asked;
    return true;
}

/* A stop request does not end the trials at some of the members: nobody is asked. */
static void nobody_leaves_a_trial(struct ranks *ranks)
{
    struct chooser chooser;
    int asked = 0;
    open_chooser(ranks, &chooser, N, 0);
    chooser.driver.leave = always;
    chooser.driver.leave_context = &asked;
    for (int way = 0; way < 3; way++)
        set_took(&chooser, way, 0, 1);
    (void)choose(ranks, &chooser);
    EXPECT(ranks, asked == 0);
    vain_release(chooser.words);
}

/* Who does not come makes the trial fail at all others. */
static void a_missing_member_ends_the_trial(struct ranks *ranks)
{
    struct chooser chooser;
    const int missing = ranks->comm.size - 1;
    enum vain_algorithm out;
    open_chooser(ranks, &chooser, N, 0);
    ranks->clock.step_ns = 1000000;
    chooser.driver.world = &ranks->world;
    chooser.driver.deadline_ms = 2000;
    if (ranks->comm.size > 1 && ranks->comm.rank != missing) {
        const enum vain_status status =
            vain_algorithm_choose(&chooser.config, &chooser.driver, chooser.words, &out);
        EXPECT(ranks, status == VAIN_ERR_TIMEOUT || status == VAIN_ERR_PEER);
        EXPECT(ranks, out == VAIN_ALGORITHM_RING); /* set on every path */
    } else if (ranks->comm.size > 1) {
        uint8_t byte = 0;
        EXPECT_STATUS(ranks, VAIN_ERR_PEER,
                      vain_comm_broadcast(&ranks->comm, &ranks->world, 0, 0, &byte, 1));
        chooser.driver.deadline_ms = 0;
        EXPECT_STATUS(ranks, VAIN_ERR_PEER,
                      vain_algorithm_choose(&chooser.config, &chooser.driver, chooser.words, &out));
    }
    vain_release(chooser.words);
}

const struct ranks_case choose_cases[] = {
    {"choose: the slowest member decides", the_slowest_member_decides},
    {"choose: quick at different times is slow", quick_at_different_times_is_slow},
    {"choose: long trials are few", long_trials_are_few},
    {"choose: all choose the same", all_choose_the_same},
    {"choose: long vectors take no tree", long_vectors_take_no_tree},
    {"choose: what a transport lacks is not tried", what_a_transport_lacks_is_not_tried},
    {"choose: very long vectors are tried shorter", very_long_vectors_are_tried_shorter},
    {"choose: nobody leaves a trial", nobody_leaves_a_trial},
    {"choose: a missing member ends the trial", a_missing_member_ends_the_trial},
    {NULL, NULL},
};
