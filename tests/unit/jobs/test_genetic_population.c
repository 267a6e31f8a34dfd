/* Breeding without models: who lives on, what children inherit, and how fast a population finds the
 * optimum of a function that is known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "collectives/codec.h"
#include "jobs/genetic_search.h"
#include "tests/unit/suite.h"

enum { MOST = 64, LONGEST = 40, NUMBERS = MOST * (2 + LONGEST) };

static struct vain_genetic_options options;
static float first[NUMBERS], second[NUMBERS];
static int32_t order[MOST];
static struct vain_population parents, children;
static struct vain_random stream;

static void begin(int64_t individuals, int64_t longest)
{
    options = (struct vain_genetic_options){.population = individuals,
                                            .elite = 2,
                                            .tournament = 3,
                                            .crossover = 0.3,
                                            .mutation = 0.8,
                                            .chain = longest};
    CU_ASSERT_FATAL(vain_population_count(&options) <= NUMBERS);
    parents = vain_population_of(&options, first);
    children = vain_population_of(&options, second);
    stream = vain_population_random(5);
    memset(first, 0x7f, sizeof first);
    memset(second, 0x7f, sizeof second);
    vain_population_begin(stream, &parents);
}

/* The children become parents. */
static void next(uint32_t generation)
{
    vain_population_next(&options, stream, generation, &parents, order, &children);
    memcpy(first, second, (size_t)vain_population_count(&options) * sizeof(float));
}

static bool same_chain(const struct vain_population *a, int64_t i, const struct vain_population *b,
                       int64_t j)
{
    return memcmp(&a->lengths[i], &b->lengths[j], sizeof(float)) == 0 &&
           memcmp(&a->chains[i * a->longest], &b->chains[j * b->longest],
                  (size_t)a->longest * sizeof(float)) == 0;
}

/* Parents whose chains are told apart: individual i has i % longest + 1 seeds, 1000 i + place. */
static void make_parents(void)
{
    memset(first, 0, sizeof first);
    for (int64_t i = 0; i < options.population; i++) {
        parents.fitness[i] = 1 + (float)(i * 7 % options.population) / 100;
        parents.lengths[i] = (float)(i % options.chain + 1);
        for (int64_t k = 0; k <= i % options.chain; k++)
            parents.chains[i * options.chain + k] = (float)(1000 * i + k);
    }
}

static void the_first_generation_has_one_mutation_each(void)
{
    begin(MOST, 8);
    CU_ASSERT_EQUAL(parents.lengths[0], 0);
    for (int64_t i = 0; i < MOST; i++) {
        CU_ASSERT_EQUAL(parents.fitness[i], 0);
        CU_ASSERT_EQUAL(parents.lengths[i], i > 0 ? 1 : 0);
        for (int64_t k = 1; k < 8; k++)
            CU_ASSERT_EQUAL(parents.chains[i * 8 + k], 0);
        for (int64_t j = 1; j < i; j++)
            CU_ASSERT_NOT_EQUAL(parents.chains[i * 8], parents.chains[j * 8]);
    }
}

static void the_fittest_live_on_and_ties_go_to_the_lower_index(void)
{
    static const float fitness[] = {1.5f, 1.25f, NAN, 1.75f, 1.5f, 1.75f, 1.0f, NAN};
    static const int64_t expected[] = {3, 5, 0, 4, 1, 6, 2, 7};
    begin(8, 8);
    make_parents();
    memcpy(parents.fitness, fitness, sizeof fitness);
    for (options.elite = 1; options.elite < 8; options.elite++) {
        vain_population_next(&options, stream, 1, &parents, order, &children);
        for (int64_t i = 0; i < 8; i++)
            CU_ASSERT_EQUAL(order[i], expected[i]);
        for (int64_t i = 0; i < options.elite; i++)
            CU_ASSERT_TRUE(same_chain(&children, i, &parents, expected[i]));
        for (int64_t i = 0; i < 8; i++)
            CU_ASSERT_EQUAL(children.fitness[i], 0);
    }
}

/* Whose seeds a child starts with, by make_parents. */
static int64_t mother_of(int64_t child)
{
    return (int64_t)children.chains[child * options.chain] / 1000;
}

static void a_child_of_one_parent_has_one_seed_more(void)
{
    begin(MOST, LONGEST);
    options.crossover = 0;
    options.mutation = 0;
    make_parents();
    for (uint32_t generation = 1; generation < 20; generation++) {
        vain_population_next(&options, stream, generation, &parents, order, &children);
        for (int64_t i = options.elite; i < MOST; i++) {
            const int64_t mother = mother_of(i), length = (int64_t)parents.lengths[mother];
            const int64_t expected = length < LONGEST ? length + 1 : LONGEST;
            int64_t others = 0;
            CU_ASSERT_EQUAL((int64_t)children.lengths[i], expected);
            for (int64_t k = 0; k < expected; k++) {
                const bool same = children.chains[i * LONGEST + k] >= (float)(1000 * mother + k) &&
                                  children.chains[i * LONGEST + k] <= (float)(1000 * mother + k);
                others += same ? 0 : 1;
                CU_ASSERT_TRUE(same || length == LONGEST || k == length);
            }
            CU_ASSERT_EQUAL(others, 1);
        }
    }
}

static void a_child_of_two_has_the_front_of_one_and_the_rest_of_the_other(void)
{
    int64_t mixed = 0;
    begin(MOST, LONGEST);
    options.crossover = 1;
    options.mutation = 0;
    make_parents();
    for (uint32_t generation = 1; generation < 20; generation++) {
        vain_population_next(&options, stream, generation, &parents, order, &children);
        for (int64_t i = options.elite; i < MOST; i++) {
            const float *chain = &children.chains[i * LONGEST];
            const int64_t length = (int64_t)children.lengths[i];
            const int64_t mother = (int64_t)chain[0] / 1000;
            const int64_t father = (int64_t)chain[length - 1] / 1000;
            int64_t cut = 0;
            CU_ASSERT_FATAL(length >= 1);
            while (cut < length && (int64_t)chain[cut] / 1000 == mother)
                cut++;
            mixed += mother != father;
            for (int64_t k = 0; k < length; k++)
                CU_ASSERT_EQUAL(chain[k], (float)(1000 * (k < cut ? mother : father) + k));
            for (int64_t k = length; k < LONGEST; k++)
                CU_ASSERT_EQUAL(chain[k], 0);
        }
    }
    CU_ASSERT(mixed > 200);
}

/* The fittest of k of n drawn ones has rank r or worse with probability ((n - r) / n)^k. */
static void parents_are_the_fittest_of_a_few(void)
{
    enum { GENERATIONS = 400 };
    begin(32, LONGEST);
    options.crossover = 0;
    for (options.tournament = 1; options.tournament <= 4; options.tournament += 3) {
        int64_t better_half = 0, born = 0;
        make_parents();
        for (uint32_t generation = 1; generation <= GENERATIONS; generation++) {
            vain_population_next(&options, stream, generation, &parents, order, &children);
            for (int64_t i = options.elite; i < 32; i++) {
                int64_t rank = 0;
                if (children.lengths[i] >= LONGEST)
                    continue; /* its first seed may be the new one */
                while (order[rank] != mother_of(i))
                    rank++;
                better_half += rank < 16;
                born++;
            }
        }
        CU_ASSERT_DOUBLE_EQUAL((double)better_half / (double)born,
                               1 - pow(0.5, (double)options.tournament), 0.02);
    }
}

/* Bits that every machine must reach, by tests/golden/population.py: fitness of a rule in integers,
 * ten generations. */
static void children_are_the_same_everywhere(void)
{
    uint8_t hash[VAIN_HASH_BYTES];
    char hex[2 * VAIN_HASH_BYTES + 1];
    begin(24, 6);
    for (uint32_t generation = 1; generation <= 10; generation++) {
        for (int64_t i = 0; i < 24; i++)
            parents.fitness[i] = 1 + (float)((int64_t)parents.chains[i * 6] % 13 + i % 5) / 32.0f;
        next(generation);
    }
    vain_hash("vain/test", first, (size_t)vain_population_count(&options) * sizeof(float), hash);
    vain_to_hex(hash, VAIN_HASH_BYTES, hex);
    CU_ASSERT_STRING_EQUAL(hex, "54b0cdd5782518f9cb5f3de6c15e129caee6da276a94f59e88c7d2cadc758a5e");
}

static void what_is_no_chain_is_refused(void)
{
    static const float lengths[] = {-1, 9, 1e9f, 2.5f, NAN, INFINITY};
    static const float seeds[] = {-1, 16777216, 0.5f, NAN, INFINITY};
    struct vain_chain chain;
    begin(8, 8);
    make_parents();
    CU_ASSERT_EQUAL(vain_population_chain(&parents, 3, &chain), VAIN_OK);
    CU_ASSERT(chain.length == 4 && chain.seeds[0] == 3000 && chain.seeds[3] == 3003);
    for (size_t i = 0; i < VAIN_COUNT_OF(lengths); i++) {
        parents.lengths[3] = lengths[i];
        CU_ASSERT_EQUAL(vain_population_chain(&parents, 3, &chain), VAIN_ERR_CORRUPT);
        CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "individual 3"));
        options.crossover = 1; /* and breeding stays inside the vector */
        vain_population_next(&options, stream, 1, &parents, order, &children);
    }
    parents.lengths[3] = 4;
    for (size_t i = 0; i < VAIN_COUNT_OF(seeds); i++) {
        parents.chains[3 * 8 + 2] = seeds[i];
        CU_ASSERT_EQUAL(vain_population_chain(&parents, 3, &chain), VAIN_ERR_CORRUPT);
    }
    vain_fail_clear();
}

/* ---- through the exchange -------------------------------------------------------------------- */

enum { MEMBERS = 4 };

/* A member's delta of nothing but fitness, into words that are added up. */
static void add_member(const struct vain_codec *codec, struct vain_queue *queue,
                       const float *fitness, float *residual, uint32_t *sum)
{
    static float now[NUMBERS], delta[NUMBERS];
    static uint32_t words[NUMBERS + 64];
    const int64_t N = codec->parameter_count;
    struct vain_codec_report report;
    const struct vain_counters mine = {.weight = 1};
    const struct vain_codec_attempt attempt = {.check = stream};
    memcpy(now, first, sizeof now);
    memcpy(now, fitness, (size_t)options.population * sizeof(float));
    queue->device->ops->codec.delta(queue, N, first, now, residual, delta);
    CU_ASSERT_EQUAL(
        vain_codec_encode(codec, queue, delta, &mine, &attempt, words, residual, &report), VAIN_OK);
    CU_ASSERT_FALSE(report.clipped);
    CU_ASSERT_EQUAL(report.saturation.count, 0);
    for (int64_t i = options.population; i < N; i++)
        CU_ASSERT_FATAL(residual[i] >= 0 && residual[i] <= 0);
    queue->device->ops->codec.add_words(queue, codec->word_count, words, sum);
}

/* Fitness from all equal to all apart, back and forth: seeds are untouched, no fitness is clipped
 * or meets the end of the range, and the mean is that of the members to 1e-6. */
static void seeds_pass_and_fitness_is_the_mean(void)
{
    static float residuals[MEMBERS][NUMBERS], fitness[MEMBERS][MOST], mean[NUMBERS];
    static float before[NUMBERS];
    static uint32_t sum[NUMBERS + 64];
    struct vain_device device;
    struct vain_codec codec;
    begin(16, LONGEST);
    make_parents();
    memset(parents.fitness, 0, 16 * sizeof(float));
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    struct vain_queue queue = {.device = &device};
    const int64_t N = vain_population_count(&options);
    CU_ASSERT_EQUAL_FATAL(vain_codec_init(&codec, N, MEMBERS, 32, (double)NAN, 2), VAIN_OK);
    memset(residuals, 0, sizeof residuals);
    memcpy(before, first, sizeof before);
    for (int round = 0; round < 40; round++) {
        struct vain_counters sums;
        memset(sum, 0, sizeof sum);
        for (int m = 0; m < MEMBERS; m++) {
            for (int64_t i = 0; i < 16; i++)
                fitness[m][i] = round % 4 == 0            ? 1.0f
                                : round % 4 == 1 && i > 0 ? 1.0f
                                : round % 4 == 2          ? 2.0f
                                                          : 1 + (float)((i + m) % 16) / 16;
            add_member(&codec, &queue, fitness[m], residuals[m], sum);
        }
        CU_ASSERT_EQUAL(vain_codec_decode(&codec, &queue, sum, mean, &sums), VAIN_OK);
        device.ops->optimiser.outer_step(&queue, N, 1.0f, 0.0f, false, mean, NULL, first);
        CU_ASSERT_EQUAL(memcmp(first + 16, before + 16, (size_t)(N - 16) * sizeof(float)), 0);
        for (int64_t i = 0; i < 16; i++) {
            float expected = 0;
            for (int m = 0; m < MEMBERS; m++)
                expected += fitness[m][i] / MEMBERS;
            CU_ASSERT_DOUBLE_EQUAL((double)first[i], (double)expected, 1e-6);
        }
        memset(first, 0, 16 * sizeof(float));
    }
    vain_device_close(&device);
}

/* ---- a known function ------------------------------------------------------------------------ */

/* Individuals of four values, whose fitness is how near they are to a point. */
static const double optimum[4] = {0.83, 0.12, 0.4, 0.71};

static double distance_of(const struct vain_search *search, const struct vain_job *job,
                          uint64_t seed, int64_t individual)
{
    struct vain_chain chain;
    struct vain_search_values values;
    double squares = 0;
    CU_ASSERT_EQUAL_FATAL(vain_population_chain(&parents, individual, &chain), VAIN_OK);
    vain_search_values_of(search, job, vain_search_random(seed), 0.25, &chain, &values);
    for (int k = 0; k < search->count; k++) {
        const struct vain_search_key *key = &search->keys[k];
        const double share =
            (strtod(values.texts[k], NULL) - key->low) / (key->high - key->low) - optimum[k];
        squares += share * share;
    }
    return sqrt(squares);
}

/* Evaluations until somebody is within 0.05 of the optimum; `most` if nobody is. */
static int64_t evaluations_of(const struct vain_search *search, const struct vain_job *job,
                              uint64_t seed, int64_t most)
{
    begin(options.population, LONGEST);
    stream = vain_population_random(seed);
    vain_population_begin(stream, &parents);
    int64_t count = 0;
    for (uint32_t generation = 1;; generation++) {
        for (int64_t i = 0; i < options.population; i++) {
            const double distance = distance_of(search, job, seed, i);
            if (++count >= most || distance <= 0.05)
                return count;
            parents.fitness[i] = (float)(2 - distance);
        }
        next(generation);
    }
}

/* A ball of radius 0.05 in four dimensions is 3.1e-5 of the cube, so draws without a memory need
 * 32 000 on the average. */
static void a_known_optimum_is_found(void)
{
    static struct vain_job job;
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    struct vain_search search;
    char message[256], hint[160];
    const struct vain_option_section *section;
    vain_job_sections(&job, sections);
    vain_option_defaults(sections, VAIN_JOB_SECTIONS);
    const struct vain_option *row =
        vain_option_find(sections, VAIN_JOB_SECTIONS, "genetic.search", &section);
    CU_ASSERT_EQUAL_FATAL(vain_option_parse(row,
                                            "[train.weight_decay 0..10, train.beta1 0..0.99, "
                                            "train.beta2 0..0.99, model.dropout 0..0.9]",
                                            section->values, message, sizeof message, hint,
                                            sizeof hint),
                          VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_search_open(&job, &search), VAIN_OK);
    int64_t sum = 0, worst = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        options.population = 32;
        const int64_t count = evaluations_of(&search, &job, seed, 20000);
        sum += count;
        worst = count > worst ? count : worst;
    }
    CU_ASSERT(sum / 50 <= 600); /* 498 were seen, and 876 at most */
    CU_ASSERT(worst <= 1200);
}

static const struct vain_test tests[] = {
    {"the first generation: nothing, and one mutation each",
     the_first_generation_has_one_mutation_each},
    {"the fittest live on, ties go to the lower index, no number comes last",
     the_fittest_live_on_and_ties_go_to_the_lower_index},
    {"a child of one parent has one new seed", a_child_of_one_parent_has_one_seed_more},
    {"a child of two has the front of one and the rest of the other",
     a_child_of_two_has_the_front_of_one_and_the_rest_of_the_other},
    {"parents are the fittest of a few drawn ones", parents_are_the_fittest_of_a_few},
    {"children are the same everywhere", children_are_the_same_everywhere},
    {"what is no chain is refused, and breeds nothing outside", what_is_no_chain_is_refused},
    {"seeds pass the exchange untouched, fitness comes out as the mean",
     seeds_pass_and_fitness_is_the_mean},
    {"a known optimum is found, in a fiftieth of the draws that chance needs",
     a_known_optimum_is_found},
    {NULL, NULL},
};
const struct vain_suite vain_suite_genetic_population = {"jobs/genetic_population", tests};
