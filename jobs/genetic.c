/* The genetic method: a population that all members measure and breed together.
 *
 * What is exchanged is no model but the population itself (jobs/genetic_population.h), which is
 * common: fitness, and chains of seeds. A round is a generation. Each local step measures one
 * individual on the member's own data and writes its fitness into the local vector; everything else
 * there stays as it is. So the delta is the fitness alone, the sum of all members' deltas gives its
 * mean and nothing of any one member, and seeds come through the exchange untouched, since a delta
 * of nothing is an integer 0 without rest. After the outer step every member breeds the same next
 * generation (settle). A member that is lost costs its share of the mean.
 *
 * A fitness is 2 - loss / 16, with a loss above 16 nats taken as 16: between 1 and 2 always, so
 * that no fitness is ever clipped, nor the end of the integers' range met, whatever the last
 * generation was (collectives/codec.h: the bound is at least 4 times the norm of the last mean,
 * which is at least half of any; the range is 1024 times its root mean square, and chains are
 * shorter than 2^18). What rounding leaves over, some 1e-5 nats, falls to the next individual of
 * that place. */
#include "jobs/method.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/genetic_search.h"
#include "jobs/genome.h"
#include "models/layout.h"

static_assert(VAIN_CHAIN_MAX + 2 < 1 << 18, "the range of the integers holds every fitness");

struct genetic {
    const struct vain_genome_ops *genome;
    void *genome_own;
    struct vain_random random;
    float *parents, *children; /* (N), (N + 2) host memory; the second averages in the site, too */
    int32_t *order;            /* (individuals) */
    struct vain_chain chain;   /* of the individual at hand */
};

static const struct vain_genome_ops *genome_of(const struct vain_job *job)
{
    return vain_search_is_wanted(job) ? &vain_genome_search : &vain_genome_weights;
}

static enum vain_status genetic_layout(const struct vain_job *job, struct vain_layout *out)
{
    const int64_t P = job->genetic.population;
    VAIN_TRY(vain_layout_init(out, 3));
    vain_layout_add(
        out, "population.",
        &(struct vain_slice_form){.name = "fitness", .rows = P, .row_dim = "individual"});
    vain_layout_add(
        out, "population.",
        &(struct vain_slice_form){.name = "lengths", .rows = P, .row_dim = "individual"});
    vain_layout_add(out, "population.",
                    &(struct vain_slice_form){.name = "chains",
                                              .rows = P,
                                              .row_dim = "individual",
                                              .columns = job->genetic.chain,
                                              .column_dim = "seed"});
    VAIN_ASSERT(out->parameter_count == vain_population_count(&job->genetic));
    return VAIN_OK;
}

static void genetic_initial(const struct vain_job *job, float *out)
{
    struct vain_population population = vain_population_of(&job->genetic, out);
    vain_population_begin(vain_population_random(job->general.seed), &population);
}

static int64_t genetic_memory_bytes(const struct vain_method_config *config)
{
    const int64_t vector = config->layout->parameter_count * (int64_t)sizeof(float);
    return 4 * vector + config->job->genetic.population * (int64_t)sizeof(int32_t) +
           (int64_t)sizeof(struct genetic) + genome_of(config->job)->memory_bytes(config);
}

static int64_t genetic_step_size(const struct vain_job *job)
{
    (void)job;
    return 1;
}

static const char *genetic_unit(const struct vain_job *job)
{
    (void)job;
    return "individuals";
}

/* From 0, not measured, to a fitness. */
static double genetic_step_bound(const struct vain_job *job)
{
    (void)job;
    return 2;
}

static void genetic_close(struct vain_method *method)
{
    if (method->config.queue == NULL)
        return;
    struct genetic *own = method->own;
    vain_method_release_vectors(method);
    if (own != NULL) {
        if (own->genome_own != NULL)
            own->genome->close(own->genome_own);
        vain_release(own->parents);
        vain_release(own->children);
        vain_release(own->order);
    }
    vain_release(own);
    memset(method, 0, sizeof *method);
}

/* The parameters are the population, the gradients' place takes its deltas. */
static enum vain_status take_memory(struct vain_method *method, const float *initial)
{
    const int64_t N = method->config.layout->parameter_count;
    struct genetic *own = NULL;
    VAIN_TRY(vain_method_take_vectors(method, initial));
    VAIN_TRY(vain_take(sizeof *own, "the method's state", (void **)&own));
    method->own = own;
    VAIN_TRY(vain_take_array(N, sizeof(float), "parents", (void **)&own->parents));
    VAIN_TRY(vain_take_array(N + 2, sizeof(float), "children", (void **)&own->children));
    VAIN_TRY(vain_take_array(method->config.job->genetic.population, sizeof(int32_t),
                             "order of individuals", (void **)&own->order));
    own->random = vain_population_random(method->config.job->general.seed);
    own->genome = genome_of(method->config.job);
    return own->genome->open(&method->config, &own->genome_own);
}

static enum vain_status genetic_open(const struct vain_method_config *config, const float *initial,
                                     struct vain_method *out)
{
    memset(out, 0, sizeof *out);
    out->config = *config;
    VAIN_ASSERT(config->job->train.local_steps == config->job->genetic.population); /* the plan */
    const enum vain_status status = take_memory(out, initial);
    if (status != VAIN_OK) {
        genetic_close(out);
        return status;
    }
    return VAIN_OK;
}

/* The chain of one individual of a population in device memory; only its part of it is read. */
static enum vain_status read_chain(struct vain_method *method, const float *vector,
                                   int64_t individual)
{
    const struct vain_genetic_options *options = &method->config.job->genetic;
    struct vain_queue *queue = method->config.queue;
    const struct vain_memory_ops *memory = &queue->device->ops->memory;
    struct genetic *own = method->own;
    const struct vain_population population = vain_population_of(options, own->parents);
    const int64_t length = options->population + individual;
    const int64_t chain = 2 * options->population + individual * options->chain;
    memory->copy_out(queue, own->parents + length, vector + length, sizeof(float));
    memory->copy_out(queue, own->parents + chain, vector + chain,
                     (size_t)options->chain * sizeof(float));
    VAIN_TRY(vain_queue_wait(queue));
    return vain_population_chain(&population, individual, &own->chain);
}

/* Where the generation under way begins in the member's data, and which of its generations it is;
 * inputs that were dropped count. */
static struct vain_genome_input input_of(const struct vain_method *method, int64_t step_in_round)
{
    const struct vain_train_options *train = &method->config.job->train;
    const int64_t batches = train->local_steps * train->accumulate;
    const int64_t position = method->data_position - step_in_round * train->accumulate;
    return (struct vain_genome_input){.position = position,
                                      .number = (position + batches - 1) / batches};
}

static enum vain_status refuse_not_finite(struct vain_method *method, int64_t round,
                                          int64_t individual, double loss)
{
    char what[512];
    struct genetic *own = method->own;
    own->genome->describe(own->genome_own, &own->chain, what, sizeof what);
    return vain_fail(
        VAIN_ERR_NUMERIC,
        "member '%s', round %lld: individual %lld (%s) has no fitness: its loss is %g; "
        "nothing was sent. %s",
        method->config.member_name, (long long)round + 1, (long long)individual, what, loss,
        vain_search_is_wanted(method->config.job)
            ? "Narrow the ranges of genetic.search, or look at the data"
            : "Lower genetic.deviation, or look at the data");
}

/* The mean over the ranks of the site, and whether one of them was asked to stop. */
static enum vain_status share_with_site(struct vain_method *method, bool want_stop, double *loss,
                                        bool *stop_heard)
{
    const struct vain_method_config *config = &method->config;
    const struct genetic *own = method->own;
    const int64_t N = config->layout->parameter_count;
    *stop_heard = want_stop;
    if (config->site->comm.size == 1)
        return VAIN_OK;
    memset(own->children, 0, (size_t)N * sizeof(float));
    own->children[N] = (float)*loss;
    own->children[N + 1] = want_stop ? 1.0f : 0.0f;
    VAIN_TRY(vain_site_average(config->site, own->children));
    *loss = (double)own->children[N];
    *stop_heard = own->children[N + 1] > 0;
    return VAIN_OK;
}

static enum vain_status genetic_step(struct vain_method *method, int64_t round,
                                     int64_t step_in_round, bool want_stop,
                                     struct vain_step_report *report)
{
    const struct vain_method_config *config = &method->config;
    struct genetic *own = method->own;
    const struct vain_genome_input input = input_of(method, step_in_round);
    double loss = NAN;
    VAIN_TRY(read_chain(method, method->parameters, step_in_round));
    VAIN_TRY(own->genome->measure(own->genome_own, &own->chain, &input, &loss));
    if (!isfinite(loss))
        return refuse_not_finite(method, round, step_in_round, loss);
    VAIN_TRY(share_with_site(method, want_stop, &loss, &report->stop_heard));
    const float fitness = vain_genome_fitness(loss);
    config->queue->device->ops->memory.copy_in(config->queue, method->parameters + step_in_round,
                                               &fitness, sizeof fitness);
    VAIN_TRY(vain_queue_wait(config->queue));
    report->loss = loss;
    report->gradient_norm = report->learning_rate = NAN;
    method->data_position += config->job->train.accumulate;
    method->step_in_round = step_in_round + 1;
    method->loss_sum += fmin(loss, VAIN_GENOME_LOSS_MAX); /* as it counts */
    return VAIN_OK;
}

/* Nothing is kept from one generation to the next but the population, which is common. */
static void genetic_forget(struct vain_method *method)
{
    (void)method;
}

/* Of the fittest individual, which breeding puts first. */
static enum vain_status genetic_evaluate(struct vain_method *method, const float *parameters,
                                         const struct vain_method_share *share,
                                         struct vain_measure_sums *sums)
{
    struct genetic *own = method->own;
    VAIN_TRY(read_chain(method, parameters, 0));
    return own->genome->evaluate(own->genome_own, &own->chain, share, sums);
}

static void genetic_settle(struct vain_method *method, int64_t round, float *common)
{
    const struct vain_genetic_options *options = &method->config.job->genetic;
    struct vain_queue *queue = method->config.queue;
    const struct vain_memory_ops *memory = &queue->device->ops->memory;
    struct genetic *own = method->own;
    const size_t vector = (size_t)method->config.layout->parameter_count * sizeof(float);
    const struct vain_population parents = vain_population_of(options, own->parents);
    struct vain_population children = vain_population_of(options, own->children);
    memory->copy_out(queue, own->parents, common, vector);
    const enum vain_status read = vain_queue_wait(queue);
    VAIN_ASSERT(read == VAIN_OK);
    vain_population_next(options, own->random, (uint32_t)round + 1, &parents, own->order,
                         &children);
    memory->copy_in(queue, common, own->children, vector);
    const enum vain_status written = vain_queue_wait(queue);
    VAIN_ASSERT(written == VAIN_OK);
}

static void genetic_found(struct vain_method *method, const float *common, struct vain_found *out)
{
    struct genetic *own = method->own;
    out->count = 0;
    if (own->genome->found != NULL && read_chain(method, common, 0) == VAIN_OK)
        own->genome->found(own->genome_own, &own->chain, out);
}

static enum vain_status express(const struct vain_job *job, const struct vain_layout *layout,
                                struct vain_pool *pool, const float *exchanged, float *parameters)
{
    float *copy = NULL;
    struct vain_chain *chain = NULL;
    enum vain_status status;
    const int64_t N = vain_population_count(&job->genetic);
    VAIN_TRY_OUT(vain_take_array(N, sizeof(float), "the population", (void **)&copy));
    VAIN_TRY_OUT(vain_take(sizeof *chain, "a chain", (void **)&chain));
    memcpy(copy, exchanged, (size_t)N * sizeof(float));
    const struct vain_population population = vain_population_of(&job->genetic, copy);
    VAIN_TRY_OUT(vain_population_chain(&population, 0, chain));
    vain_model_init(layout, job->general.seed, parameters);
    vain_genome_express(pool, vain_search_random(job->general.seed), vain_genetic_deviation(job),
                        chain, layout->parameter_count, parameters, parameters);
out:
    vain_release(copy);
    vain_release(chain);
    return status;
}

/* The fittest individual as a model. */
static enum vain_status genetic_express(const struct vain_job *job,
                                        const struct vain_model_options *model,
                                        struct vain_pool *pool, const float *exchanged,
                                        float *parameters)
{
    struct vain_layout layout;
    if (vain_search_is_wanted(job))
        return vain_fail(VAIN_ERR_REFUSED,
                         "the checkpoint holds a search for values of keys, and no trained model; "
                         "train one with the values that the run printed");
    VAIN_TRY(vain_model_ops_of(model)->layout(model, &layout));
    const enum vain_status status = express(job, &layout, pool, exchanged, parameters);
    vain_layout_fini(&layout);
    return status;
}

const struct vain_method_ops vain_method_genetic = {
    .name = "genetic",
    .memory_bytes = genetic_memory_bytes,
    .step_size = genetic_step_size,
    .unit = genetic_unit,
    .step_bound = genetic_step_bound,
    .layout = genetic_layout,
    .initial = genetic_initial,
    .express = genetic_express,
    .open = genetic_open,
    .step = genetic_step,
    .adopt = vain_method_adopt,
    .forget = genetic_forget,
    .evaluate = genetic_evaluate,
    .settle = genetic_settle,
    .found = genetic_found,
    .close = genetic_close,
};
