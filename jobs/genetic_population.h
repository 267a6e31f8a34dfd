/* A population of seed chains: who breeds, and what the children are.
 *
 * An individual is the list of the seeds of its mutations, and everybody can work out what it
 * stands for (Such et al., "Deep Neuroevolution: Genetic Algorithms Are a Competitive Alternative
 * for Training Deep Neural Networks for Reinforcement Learning", 2017). The whole population is one
 * flat vector of floats, in which seeds of 24 bits and lengths are exact, so that it can be
 * exchanged, hashed and saved like the parameters of a model. Here are no models: what is done to a
 * population is a pure function of agreed keys, the generation and the vector, in integers and
 * exact comparisons, so all members breed the same children, bit for bit. */
#pragma once

#include "base/philox.h"
#include "jobs/options.h"

enum {
    VAIN_POPULATION_MAX = 4096,
    VAIN_CHAIN_MAX = 4096,
    VAIN_SEED_BITS = 24 /* that a float holds exactly */
};

/* A population as parts of one vector of vain_population_count floats, borrowed. */
struct vain_population {
    int64_t individuals, longest;
    float *fitness; /* (individuals) the higher the better; 0 where not measured yet */
    float *lengths; /* (individuals) seeds of its chain, 0 to longest */
    float *chains;  /* (individuals, longest) seeds, 0 behind a chain's end */
};
/* A chain as integers, for those who build what it stands for. */
struct vain_chain {
    int length;
    uint32_t seeds[VAIN_CHAIN_MAX];
};

/* Floats of a population: individuals * (2 + longest). */
int64_t vain_population_count(const struct vain_genetic_options *options);
/* The parts of `vector` (vain_population_count), in the order fitness, lengths, chains. */
struct vain_population vain_population_of(const struct vain_genetic_options *options,
                                          float *vector);
/* The stream that draws parents, cuts and seeds: agreed by all members. */
struct vain_random vain_population_random(uint64_t seed);
/* The first generation (0): individual 0 has no mutation, each other one a drawn one. */
void vain_population_begin(struct vain_random random, struct vain_population *population);
/* Generation `generation` (from 1) out of the measured one before it. `order` (individuals) is
 * scratch; parents and children are two vectors. The genetic.elite fittest come first, as they are,
 * in order of fitness; ties go to the lower index, a fitness that is no number comes last. Every
 * other child has the fittest of genetic.tournament drawn individuals as its parent, or with
 * probability genetic.crossover two such, of whose chains it takes the front of one and the rest of
 * the other, cut at one drawn place. A child of one parent gets a new seed at its end, a child of
 * two with probability genetic.mutation; in a chain that is full it takes the place of a drawn
 * seed. */
void vain_population_next(const struct vain_genetic_options *options, struct vain_random random,
                          uint32_t generation, const struct vain_population *parents,
                          int32_t *order, struct vain_population *children);
/* The chain of an individual. VAIN_ERR_CORRUPT if the vector holds no such thing. Local. */
enum vain_status vain_population_chain(const struct vain_population *population, int64_t individual,
                                       struct vain_chain *out) VAIN_MUST_USE;
/* How far a seed moves what it stands for: the deviation, halved up to three times as its last two
 * bits say, so that some mutations look far and some near. Exact. */
static inline double vain_chain_step(double deviation, uint32_t seed)
{
    return deviation / (double)(1 << (seed & 3));
}
