/* Populations in whole runs: members breed the same children whoever hides, dies, stops or sits
 * together in a site, and they find better weights and better values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "jobs/genetic_search.h"
#include "jobs/genome.h"
#include "jobs/plan.h"
#include "models/normal.h"
#include "tests/unit/jobs/hosts.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

enum { SETS_MAX = 16 };

static struct bed bed;
static const char *const weights[] = {
    "train.method=genetic",  "model.kind=mlp",        "model.sizes=[8]",
    "model.context=2",       "train.batch=32",        "train.local_steps=16",
    "genetic.population=16", "genetic.deviation=0.1", NULL};
static const char *const search[] = {
    "train.method=genetic",
    "train.local_steps=8",
    "genetic.population=8",
    "genetic.steps=30",
    "train.learning_rate=1e-3",
    "train.warmup=0",
    "genetic.search=[train.learning_rate 1e-4..1 log, train.beta1 0..0.95]",
    NULL};

/* Two lists of sets in one. */
static const char *const *with(const char *const *a, const char *const *b)
{
    static const char *all[SETS_MAX + 1];
    int count = 0;
    for (; *a != NULL; a++)
        all[count++] = *a;
    for (; b != NULL && *b != NULL; b++) {
        VAIN_ASSERT(count < SETS_MAX);
        all[count++] = *b;
    }
    all[count] = NULL;
    return all;
}

static void run(const char *const *kind, const char *const *more, const struct bed_options *options,
                struct bed_outcome *out)
{
    bed_clear_output(&bed);
    bed.without_gradients = kind == weights;
    CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, with(kind, more), NULL), VAIN_OK);
    memset(&bed.problems, 0, sizeof bed.problems);
    vain_plan_check(&bed.job, &bed.spec, &bed.problems);
    CU_ASSERT_EQUAL(bed.problems.total, 0);
    bed_run(&bed, options, out);
}

static void expect_all(const struct bed_outcome *out, int ranks, enum vain_status status)
{
    for (int i = 0; i < ranks; i++) {
        CU_ASSERT_EQUAL(out->status[i], status);
        if (out->status[i] != status)
            printf("rank %d: %s: %s\n", i, vain_status_name(out->status[i]), out->message[i]);
    }
}

static bool same_hash(const struct bed_outcome *a, const struct bed_outcome *b)
{
    return memcmp(a->result[0].parameters_hash, b->result[0].parameters_hash, VAIN_HASH_BYTES) == 0;
}

static double validation_loss(const struct bed_outcome *out)
{
    return out->result[0].measures.of[VAIN_MEASURE_LOSS].mean;
}

/* ---- what seeds stand for -------------------------------------------------------------------- */

/* Rebuilt by any number of threads, and element by element from the stream itself. */
static void chains_rebuild_the_same_weights(void)
{
    enum { COUNT = 10001 };
    static float initial[COUNT], once[COUNT], again[COUNT];
    const struct vain_chain chain = {.length = 3, .seeds = {5, 16777215, 5}};
    static const double steps[] = {2, 8, 2}; /* by what the deviation is divided: the last bits */
    const struct vain_random random = vain_search_random(9);
    struct vain_pool *pool = NULL;
    for (int e = 0; e < COUNT; e++)
        initial[e] = (float)e / 100;
    for (int threads = 1; threads <= 4; threads++) {
        memset(again, 0, sizeof again);
        CU_ASSERT_EQUAL_FATAL(vain_pool_open(threads, &pool), VAIN_OK);
        vain_genome_express(pool, random, 0.25, &chain, COUNT, initial,
                            threads == 1 ? once : again);
        vain_pool_close(&pool);
        CU_ASSERT(threads == 1 || memcmp(once, again, sizeof once) == 0);
    }
    for (int e = 0; e < COUNT; e++) {
        double sum = (double)initial[e];
        for (int k = 0; k < chain.length; k++) {
            uint32_t words[4];
            vain_random_block(random, chain.seeds[k], 1, (uint64_t)e / 2, words);
            sum += 0.25 / steps[k] * vain_normal_of_words(words[e % 2 * 2], words[e % 2 * 2 + 1]);
        }
        CU_ASSERT_FATAL(once[e] >= (float)sum && once[e] <= (float)sum);
    }
}

static void a_fitness_lies_between_one_and_two(void)
{
    CU_ASSERT_EQUAL(vain_genome_fitness(0), 2);
    CU_ASSERT_EQUAL(vain_genome_fitness(4), 1.75f);
    CU_ASSERT_EQUAL(vain_genome_fitness(8), 1.5f);
    CU_ASSERT_EQUAL(vain_genome_fitness(16), 1);
    CU_ASSERT_EQUAL(vain_genome_fitness(1e9), 1);
}

static void mutations_have_their_deviation(void)
{
    enum { COUNT = 40000 };
    static float initial[COUNT], moved[COUNT];
    const struct vain_chain chain = {.length = 2, .seeds = {4, 8}};
    double sum = 0, squares = 0;
    struct vain_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(vain_pool_open(1, &pool), VAIN_OK);
    vain_genome_express(pool, vain_search_random(1), 0.5, &chain, COUNT, initial, moved);
    vain_pool_close(&pool);
    for (int e = 0; e < COUNT; e++) {
        sum += (double)moved[e];
        squares += (double)moved[e] * (double)moved[e];
    }
    CU_ASSERT_DOUBLE_EQUAL(sum / COUNT, 0, 0.015);
    CU_ASSERT_DOUBLE_EQUAL(sqrt(squares / COUNT), 0.5 * sqrt(2), 0.015);
}

/* ---- what is found --------------------------------------------------------------------------- */

static void weights_are_evolved(void)
{
    static const char *const more[] = {"train.rounds=60", "checkpoint.every=20", NULL};
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    run(weights, more, &(struct bed_options){.ranks = 3}, &out);
    expect_all(&out, 3, VAIN_OK);
    CU_ASSERT(validation_loss(&out) <
              out.result[0].first_validation_loss - 0.25); /* 0.37 was seen */
    CU_ASSERT_EQUAL(out.result[0].found.count, 0);
    CU_ASSERT_STRING_EQUAL(out.result[0].unit, "individuals");
    CU_ASSERT_EQUAL(out.result[0].parameter_count, 16 * 66);
    bed_close(&bed);
}

static void values_are_found(void)
{
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    run(search, NULL, &(struct bed_options){.ranks = 3}, &out);
    expect_all(&out, 3, VAIN_OK);
    const struct vain_found *found = &out.result[0].found;
    CU_ASSERT(validation_loss(&out) < out.result[0].first_validation_loss - 0.3);
    CU_ASSERT_EQUAL_FATAL(found->count, 2);
    CU_ASSERT_STRING_EQUAL(found->keys[0], "train.learning_rate");
    CU_ASSERT_STRING_EQUAL(found->keys[1], "train.beta1");
    CU_ASSERT(strtod(found->values[0], NULL) > 3e-3);
    for (int i = 1; i < 3; i++)
        CU_ASSERT_EQUAL(memcmp(found, &out.result[i].found, sizeof *found), 0);
    bed_close(&bed);
}

/* The first loss is what a job of its own reaches with the spec's values in as many steps. */
static void the_first_loss_is_that_of_the_specs_values(void)
{
    static const char *const alone[] = {"train.learning_rate=1e-3", "train.warmup=0",
                                        "train.local_steps=30", "train.rounds=1", NULL};
    static const char *const none[] = {NULL};
    struct bed_outcome searched, trained;
    CU_ASSERT_FATAL(bed_open(&bed));
    run(search, NULL, &(struct bed_options){.ranks = 1}, &searched);
    run(alone, none, &(struct bed_options){.ranks = 1}, &trained);
    /* One on every second window, the other on all of them. */
    CU_ASSERT_DOUBLE_EQUAL(searched.result[0].first_validation_loss, validation_loss(&trained),
                           0.05);
    CU_ASSERT(trained.result[0].first_validation_loss - validation_loss(&trained) > 0.1);
    bed_close(&bed);
}

/* A width of 9 with 2 heads: there is no such model, so it is the worst there is. */
static void values_that_no_model_has_are_the_worst(void)
{
    static const char *const more[] = {"genetic.search=[model.width 16..33]", "train.rounds=3",
                                       NULL};
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    run(search, more, &(struct bed_options){.ranks = 2}, &out);
    expect_all(&out, 2, VAIN_OK);
    CU_ASSERT_EQUAL(strtol(out.result[0].found.values[0], NULL, 10) % 2, 0);
    CU_ASSERT(out.result[0].final_loss > 4); /* there were such individuals */
    CU_ASSERT(isfinite(validation_loss(&out)));
    bed_close(&bed);
}

/* Individuals of a generation are measured on the same data, so twins have the same loss; those of
 * the next one on others, so that nobody lives on for good luck. Of chains of one seed, crossed and
 * not mutated, most children are twins. */
static void expect_data_of_a_generation(const char *const *kind, int individuals)
{
    static const char *const twins[] = {"genetic.crossover=1", "genetic.mutation=0",
                                        "genetic.elite=1",     "genetic.tournament=8",
                                        "train.rounds=2",      NULL};
    struct bed_outcome out;
    int equal = 0, kept = 0;
    CU_ASSERT_FATAL(bed_open(&bed));
    run(kind, twins, &(struct bed_options){.ranks = 1}, &out);
    expect_all(&out, 1, VAIN_OK);
    for (int i = individuals; i < 2 * individuals; i++) {
        for (int j = 0; j < i; j++) {
            const bool same = out.losses[i] >= out.losses[j] && out.losses[i] <= out.losses[j];
            equal += same && j >= individuals;
            kept += same && j < individuals;
        }
    }
    CU_ASSERT(equal >= 3);
    CU_ASSERT_EQUAL(kept, 0);
    bed_close(&bed);
}

static void a_generation_is_measured_on_data_of_its_own(void)
{
    expect_data_of_a_generation(weights, 16);
    expect_data_of_a_generation(search, 8);
}

/* ---- the same bits --------------------------------------------------------------------------- */

static void expect_bits(const char *const *kind)
{
    static const char *const masked[] = {"exchange.privacy=masked", NULL};
    static const char *const own[] = {"exchange.privacy=masked", "exchange.level=2", NULL};
    static const char *const ring[] = {"exchange.algorithm=ring", NULL};
    struct bed_outcome clear, other;
    CU_ASSERT_FATAL(bed_open(&bed));
    run(kind, NULL, &(struct bed_options){.ranks = 4}, &clear);
    expect_all(&clear, 4, VAIN_OK);
    const char *const *const ways[] = {masked, own, ring};
    for (size_t i = 0; i < VAIN_COUNT_OF(ways); i++) {
        run(kind, ways[i], &(struct bed_options){.ranks = 4}, &other);
        expect_all(&other, 4, VAIN_OK);
        CU_ASSERT(same_hash(&clear, &other));
    }
    run(kind, NULL, &(struct bed_options){.ranks = 4, .threads = 3}, &other);
    expect_all(&other, 4, VAIN_OK);
    CU_ASSERT(same_hash(&clear, &other));
    run(kind, NULL, &(struct bed_options){.ranks = 3}, &other);
    expect_all(&other, 3, VAIN_OK);
    CU_ASSERT(kind == search || !same_hash(&clear, &other)); /* so the fitness does matter */
    bed_close(&bed);
}

static void masked_gives_the_bits_of_not_masked(void)
{
    expect_bits(weights);
    expect_bits(search);
}

static void stop_and_go_on(const char *const *kind, const char *const *more, int ranks,
                           int64_t signal_step)
{
    struct bed_outcome straight, stopped, resumed;
    CU_ASSERT_FATAL(bed_open(&bed));
    run(kind, more, &(struct bed_options){.ranks = ranks}, &straight);
    expect_all(&straight, ranks, VAIN_OK);
    run(kind, more,
        &(struct bed_options){.ranks = ranks, .signal_rank = ranks - 1, .signal_step = signal_step},
        &stopped);
    expect_all(&stopped, ranks, VAIN_STOPPED);
    bed_run(&bed, &(struct bed_options){.ranks = ranks}, &resumed);
    expect_all(&resumed, ranks, VAIN_OK);
    CU_ASSERT(same_hash(&straight, &resumed));
    CU_ASSERT_EQUAL(straight.result[0].final_loss, resumed.result[0].final_loss);
    CU_ASSERT_EQUAL(validation_loss(&straight), validation_loss(&resumed));
    bed_close(&bed);
}

static void stop_anywhere_and_go_on(void)
{
    static const char *const accumulate[] = {"train.accumulate=2", NULL};
    static const char *const world[] = {"site=world", NULL};
    for (int64_t step = 1; step < 50; step += 14)
        stop_and_go_on(weights, accumulate, 3, step);
    stop_and_go_on(search, NULL, 2, 11);
    stop_and_go_on(weights, world, 2, 20);
    stop_and_go_on(search, world, 2, 20);
}

/* ---- losses and bad numbers ------------------------------------------------------------------ */

/* Member 2 dies while it measures the third generation: the others finish it, alike. */
static void expect_a_death_is_borne(const char *const *kind, const char *const *more, int step)
{
    static struct hosts hosts;
    CU_ASSERT_TRUE_FATAL(hosts_open(&hosts, 4));
    hosts.hosts[2].fate.dies_after_step = step;
    hosts_run(&hosts, with(kind, more));
    for (int i = 0; i < 4; i++) {
        const struct host *host = &hosts.hosts[i];
        if (i == 2)
            continue;
        const bool good = host->status == VAIN_OK && host->result.rounds == 4 &&
                          memcmp(host->result.parameters_hash,
                                 hosts.hosts[0].result.parameters_hash, VAIN_HASH_BYTES) == 0;
        if (!good)
            printf("m%d: %s: %s\n", i, vain_status_name(host->status), host->message);
        CU_ASSERT_TRUE(good);
        CU_ASSERT_EQUAL(host->result.counts.members_lost, 1);
        CU_ASSERT_EQUAL(host->result.member_count, 3);
    }
    CU_ASSERT(hosts.hosts[2].status != VAIN_OK);
    hosts_close(&hosts);
}

static void a_generation_finishes_without_who_dies_in_it(void)
{
    static const char *const clear[] = {NULL};
    static const char *const masked[] = {"exchange.privacy=masked", NULL};
    static const char *const own[] = {"exchange.privacy=masked", "exchange.level=2", NULL};
    expect_a_death_is_borne(weights, clear, 2 * 16 + 5);
    expect_a_death_is_borne(weights, masked, 2 * 16 + 5);
    expect_a_death_is_borne(weights, own, 2 * 16 + 5);
    expect_a_death_is_borne(search, masked, 2 * 8 + 3);
}

/* Sixteen layers that multiply a number by thousands each overflow. */
static void no_number_names_member_and_individual(void)
{
    static const char *const deep[] = {
        "model.sizes=[8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8]", "genetic.deviation=100",
        "train.rounds=2", NULL};
    struct bed_outcome out;
    CU_ASSERT_FATAL(bed_open(&bed));
    run(weights, deep, &(struct bed_options){.ranks = 1}, &out);
    CU_ASSERT_EQUAL(out.status[0], VAIN_ERR_NUMERIC);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "member 'member-0', round 1: individual 1 (1 "
                                                  "mutation) has no fitness: its loss is "));
    CU_ASSERT_PTR_NOT_NULL(strstr(out.message[0], "Lower genetic.deviation"));
    bed_close(&bed);
}

/* Whatever memory is short, at the start or within a step, the run ends with its message and leaves
 * nothing behind (the suites count blocks). */
static void expect_shortage_is_borne(const char *const *kind)
{
    static const char *const small[] = {"train.rounds=1", "genetic.population=4",
                                        "train.local_steps=4", NULL};
    struct bed_outcome out;
    int takes = 8; /* the hub and its communicator are there */
    CU_ASSERT_FATAL(bed_open(&bed));
    do {
        bed_clear_output(&bed);
        CU_ASSERT_EQUAL_FATAL(bed_spec(&bed, with(kind, small), NULL), VAIN_OK);
        shortage_after(takes++);
        bed_run(&bed, &(struct bed_options){.ranks = 1}, &out);
        shortage_end();
        CU_ASSERT(out.status[0] == VAIN_OK || out.status[0] == VAIN_ERR_MEMORY ||
                  out.status[0] == VAIN_ERR_STORAGE); /* while HDF5 writes */
    } while (out.status[0] != VAIN_OK);
    CU_ASSERT(takes > 30);
    bed_close(&bed);
}

static void a_shortage_of_memory_is_borne(void)
{
    expect_shortage_is_borne(weights);
    expect_shortage_is_borne(search);
}

static const struct vain_test tests[] = {
    {"chains rebuild the same weights", chains_rebuild_the_same_weights},
    {"a fitness lies between 1 and 2", a_fitness_lies_between_one_and_two},
    {"mutations have their deviation", mutations_have_their_deviation},
    {"weights are evolved", weights_are_evolved},
    {"values of keys are found", values_are_found},
    {"the first loss is that of the spec's own values", the_first_loss_is_that_of_the_specs_values},
    {"values that no model has are the worst", values_that_no_model_has_are_the_worst},
    {"a generation is measured on data of its own", a_generation_is_measured_on_data_of_its_own},
    {"masked gives the bits of not masked, and threads do not matter",
     masked_gives_the_bits_of_not_masked},
    {"stopped anywhere, it goes on to the same bits", stop_anywhere_and_go_on},
    {"a generation finishes without who dies in it", a_generation_finishes_without_who_dies_in_it},
    {"a shortage of memory is borne", a_shortage_of_memory_is_borne},
    {"a fitness that is no number names member and individual",
     no_number_names_member_and_individual},
    {NULL, NULL},
};
const struct vain_suite vain_suite_genetic = {"jobs/genetic", tests};
