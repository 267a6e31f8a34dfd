/* Draws are words of one Philox stream, read at (generation, individual, number of the draw), so no
 * child depends on how many words another one took. */
#include "jobs/genetic_population.h"

#include <string.h>

struct draws {
    struct vain_random random;
    uint32_t generation, individual;
    uint64_t taken;
    uint32_t words[4];
};

static uint32_t draw(struct draws *draws)
{
    if (draws->taken % 4 == 0)
        vain_random_block(draws->random, draws->generation, draws->individual, draws->taken / 4,
                          draws->words);
    return draws->words[draws->taken++ % 4];
}

/* Uniform in [0, count), but for a share of count / 2^32. */
static int64_t draw_below(struct draws *draws, int64_t count)
{
    return (int64_t)((uint64_t)draw(draws) * (uint64_t)count >> 32);
}

/* True with this probability; exact, since a multiplication by 2^32 rounds nothing. */
static bool draw_chance(struct draws *draws, double probability)
{
    return (double)draw(draws) < probability * 4294967296.0;
}

static float draw_seed(struct draws *draws)
{
    return (float)(draw(draws) >> (32 - VAIN_SEED_BITS));
}

int64_t vain_population_count(const struct vain_genetic_options *options)
{
    return options->population * (2 + options->chain);
}

struct vain_population vain_population_of(const struct vain_genetic_options *options, float *vector)
{
    const int64_t P = options->population;
    return (struct vain_population){
        .individuals = P,
        .longest = options->chain,
        .fitness = vector,
        .lengths = vector + P,
        .chains = vector + 2 * P,
    };
}

struct vain_random vain_population_random(uint64_t seed)
{
    return vain_random_stream(seed, VAIN_PURPOSE_BREEDING, "");
}

void vain_population_begin(struct vain_random random, struct vain_population *population)
{
    const int64_t P = population->individuals, L = population->longest;
    memset(population->fitness, 0, (size_t)P * sizeof(float));
    memset(population->lengths, 0, (size_t)P * sizeof(float));
    memset(population->chains, 0, (size_t)(P * L) * sizeof(float));
    for (int64_t i = 1; i < P; i++) {
        struct draws draws = {.random = random, .individual = (uint32_t)i};
        population->lengths[i] = 1;
        population->chains[i * L] = draw_seed(&draws);
    }
}

/* Of a chain that may come from a file: 0 to longest whatever stands there. */
static int64_t length_of(const struct vain_population *population, int64_t individual)
{
    const float length = population->lengths[individual];
    if (!(length > 0))
        return 0;
    return length < (float)population->longest ? (int64_t)length : population->longest;
}

static bool is_fitter(const struct vain_population *population, int64_t a, int64_t b)
{
    const float left = population->fitness[a], right = population->fitness[b];
    return left > right || (left >= left && !(right >= right));
}

/* The fittest first; equals stay in the order of their indices. */
static void sort_by_fitness(const struct vain_population *population, int32_t *order)
{
    for (int64_t i = 0; i < population->individuals; i++) {
        int64_t place = i;
        for (; place > 0 && is_fitter(population, i, order[place - 1]); place--)
            order[place] = order[place - 1];
        order[place] = (int32_t)i;
    }
}

/* The fittest of some drawn ones: with all of them in order it is the one that comes first. */
static int64_t draw_parent(struct draws *draws, const struct vain_genetic_options *options,
                           const int32_t *order)
{
    int64_t best = options->population - 1;
    for (int64_t i = 0; i < options->tournament; i++) {
        const int64_t place = draw_below(draws, options->population);
        best = place < best ? place : best;
    }
    return order[best];
}

/* The seeds of `parent` from `first` on, up to `end`, to the same places of the child. */
static int64_t inherit(const struct vain_population *parents, int64_t parent, int64_t first,
                       int64_t end, float *chain)
{
    const int64_t length = length_of(parents, parent);
    end = end < length ? end : length;
    for (int64_t k = first; k < end; k++)
        chain[k] = parents->chains[parent * parents->longest + k];
    return end > first ? end : first;
}

/* Two parents: the front of one and the rest of the other. Seeds that both have from a common
 * forefather stand at the same places, so the child has them once. */
static int64_t cross(struct draws *draws, const struct vain_population *parents, int64_t mother,
                     int64_t father, float *chain)
{
    const int64_t a = length_of(parents, mother), b = length_of(parents, father);
    const int64_t cut = draw_below(draws, (a > b ? a : b) + 1);
    const int64_t front = inherit(parents, mother, 0, cut, chain);
    return b > front ? inherit(parents, father, front, b, chain) : front;
}

static void mutate(struct draws *draws, int64_t longest, float *chain, int64_t *length)
{
    const float seed = draw_seed(draws);
    const bool full = *length == longest;
    const int64_t place = full ? draw_below(draws, longest) : (*length)++;
    chain[place] = seed;
}

static void breed(const struct vain_genetic_options *options, struct draws *draws,
                  const struct vain_population *parents, const int32_t *order,
                  struct vain_population *children)
{
    const int64_t L = parents->longest, child = draws->individual;
    float *chain = &children->chains[child * L];
    const int64_t mother = draw_parent(draws, options, order);
    const bool two = draw_chance(draws, options->crossover);
    int64_t length;
    if (two)
        length = cross(draws, parents, mother, draw_parent(draws, options, order), chain);
    else
        length = inherit(parents, mother, 0, L, chain);
    if (!two || draw_chance(draws, options->mutation))
        mutate(draws, L, chain, &length);
    children->lengths[child] = (float)length;
}

void vain_population_next(const struct vain_genetic_options *options, struct vain_random random,
                          uint32_t generation, const struct vain_population *parents,
                          int32_t *order, struct vain_population *children)
{
    const int64_t P = parents->individuals, L = parents->longest;
    memset(children->fitness, 0, (size_t)P * sizeof(float));
    memset(children->chains, 0, (size_t)(P * L) * sizeof(float));
    sort_by_fitness(parents, order);
    for (int64_t i = 0; i < P; i++) {
        struct draws draws = {
            .random = random, .generation = generation, .individual = (uint32_t)i};
        if (i < options->elite)
            children->lengths[i] =
                (float)inherit(parents, order[i], 0, L, &children->chains[i * L]);
        else
            breed(options, &draws, parents, order, children);
    }
}

enum vain_status vain_population_chain(const struct vain_population *population, int64_t individual,
                                       struct vain_chain *out)
{
    const int64_t length = length_of(population, individual);
    const float *chain = &population->chains[individual * population->longest];
    bool fine = length <= VAIN_CHAIN_MAX && population->lengths[individual] >= (float)length &&
                population->lengths[individual] <= (float)length;
    out->length = 0;
    for (int64_t k = 0; fine && k < length; k++) {
        fine = chain[k] >= 0 && chain[k] < (float)(1 << VAIN_SEED_BITS);
        const uint32_t seed = fine ? (uint32_t)chain[k] : 0;
        fine = fine && !((float)seed < chain[k]);
        out->seeds[out->length++] = seed;
    }
    if (fine)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_CORRUPT,
                     "population: individual %lld is no list of at most %lld seeds of %d bits; the "
                     "file that it comes from is damaged, resume from another",
                     (long long)individual, (long long)population->longest, VAIN_SEED_BITS);
}
