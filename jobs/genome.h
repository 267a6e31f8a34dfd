/* What a chain of seeds stands for: the weights of a model, or values of keys of the spec.
 *
 * The genetic method (jobs/genetic.c) knows populations and exchanges fitness; a genome knows how
 * good one individual is. */
#pragma once

#include "jobs/genetic_population.h"
#include "jobs/method.h"

/* Which of the member's own data an individual is measured on: the same for a whole generation. */
struct vain_genome_input {
    int64_t position; /* of its first batch, train.accumulate of them */
    int64_t number;   /* of the generation among all that this member measured */
};

/* A loss of so many nats or more is the worst fitness there is. */
enum { VAIN_GENOME_LOSS_MAX = 16 };
/* 2 - loss / 16 of a loss of at least 0: from 2, none, to 1, the worst. */
float vain_genome_fitness(double loss);

/* All local, also within a site. `own` is what open gave. */
struct vain_genome_ops {
    int64_t (*memory_bytes)(const struct vain_method_config *config);
    /* Takes its memory; the config is borrowed until close. On failure nothing is open. */
    enum vain_status (*open)(const struct vain_method_config *config, void **own);
    /* Mean loss of an individual; not finite where it diverges. Statuses of reading the data. */
    enum vain_status (*measure)(void *own, const struct vain_chain *chain,
                                const struct vain_genome_input *input, double *loss);
    /* As evaluate of struct vain_method_ops, for what the chain stands for. */
    enum vain_status (*evaluate)(void *own, const struct vain_chain *chain,
                                 const struct vain_method_share *share,
                                 struct vain_measure_sums *sums);
    /* For messages: "3 mutations", "train.learning_rate 0.01". */
    void (*describe)(void *own, const struct vain_chain *chain, char *out, size_t bytes);
    /* Optional: values of keys. */
    void (*found)(void *own, const struct vain_chain *chain, struct vain_found *out);
    void (*close)(void *own);
};
extern const struct vain_genome_ops vain_genome_weights, vain_genome_search;

/* weights (count, host memory) = initial + the sum over the seeds of their step * normal(0, 1),
 * element e of a seed's vector from the agreed stream at (seed, e): each sum in double, in the
 * order of the chain, so the same bits everywhere and for any number of threads. Local. */
void vain_genome_express(struct vain_pool *pool, struct vain_random random, double deviation,
                         const struct vain_chain *chain, int64_t count, const float *initial,
                         float *weights);
