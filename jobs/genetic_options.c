/* The keys of the genetic method, and what must hold between them and the others. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/genetic_search.h"
#include "jobs/method_check.h"
#include "jobs/plan.h"

#define ROW(member) .offset = offsetof(struct vain_genetic_options, member)

const struct vain_option vain_genetic_option_rows[] = {
    {.key = "genetic.population",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(population),
     .minimum = 2,
     .maximum = VAIN_POPULATION_MAX,
     .fallback = "32",
     .unit = "individuals",
     .help = "Individuals of a generation; train.local_steps must be as many, since a local step "
             "measures one."},
    {.key = "genetic.elite",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(elite),
     .minimum = 1,
     .maximum = VAIN_POPULATION_MAX,
     .fallback = "2",
     .unit = "individuals",
     .help = "The fittest so many live on as they are."},
    {.key = "genetic.tournament",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(tournament),
     .minimum = 1,
     .maximum = VAIN_POPULATION_MAX,
     .fallback = "3",
     .unit = "individuals",
     .help = "A parent is the fittest of so many drawn ones; 1 does not select."},
    {.key = "genetic.crossover",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(crossover),
     .minimum = 0,
     .maximum = 1,
     .fallback = "0.3",
     .help = "Probability that a child has two parents."},
    {.key = "genetic.mutation",
     .type = VAIN_OPTION_NUMBER,
     .scope = VAIN_AGREED,
     ROW(mutation),
     .minimum = 0,
     .maximum = 1,
     .fallback = "0.8",
     .help = "Probability that a child of two parents is mutated; one of one parent always is."},
    {.key = "genetic.deviation",
     .type = VAIN_OPTION_NUMBER_OR_AUTO,
     .scope = VAIN_AGREED,
     ROW(deviation),
     .minimum = 0,
     .maximum = 100,
     .above_minimum = true,
     .fallback = "auto",
     .help = "Standard deviation of a mutation: of each weight, or as a share of each range of "
             "genetic.search; auto is 0.1 and 0.25. A seed halves its own up to three times."},
    {.key = "genetic.chain",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(chain),
     .minimum = 1,
     .maximum = VAIN_CHAIN_MAX,
     .fallback = "64",
     .unit = "seeds",
     .help = "Longest list of mutations of an individual; in a full one a new seed takes the place "
             "of a drawn one."},
    {.key = "genetic.search",
     .type = VAIN_OPTION_TEXTS,
     .scope = VAIN_AGREED,
     ROW(search),
     .fallback = "[]",
     .help = "Keys to look for, each with its range: [train.learning_rate 1e-4..1e-1 log, "
             "train.weight_decay 0..0.3]; numbers of model and train. Values that a model cannot "
             "have together count as the worst. Empty: the weights of the model are evolved."},
    {.key = "genetic.steps",
     .type = VAIN_OPTION_COUNT,
     .scope = VAIN_AGREED,
     ROW(steps),
     .minimum = 1,
     .maximum = 1e6,
     .fallback = "100",
     .unit = "steps",
     .help = "Supervised steps that an individual of genetic.search is trained for before it is "
             "measured, on every second sample of the validation data; the others are for the "
             "result."},
};
const int vain_genetic_option_count = (int)VAIN_COUNT_OF(vain_genetic_option_rows);

double vain_genetic_deviation(const struct vain_job *job)
{
    if (!isnan(job->genetic.deviation))
        return job->genetic.deviation;
    return vain_search_is_wanted(job) ? 0.25 : 0.1;
}

/* Keys of the method in a job of another one. */
static void check_unused(const struct vain_spec *spec, struct vain_problems *problems)
{
    for (int i = 0; i < vain_genetic_option_count; i++) {
        const char *const key[] = {vain_genetic_option_rows[i].key, NULL};
        vain_refuse_idle(spec, problems, key, "set train.method: genetic",
                         "the job evolves no population");
    }
}

static void check_search(const struct vain_job *job, const struct vain_spec *spec,
                         struct vain_problems *problems)
{
    static const char *const of_search[] = {"genetic.steps", NULL};
    for (int i = 0; i < job->genetic.search.count; i++) {
        struct vain_search_key key;
        struct vain_search_complaint complaint;
        if (vain_search_read(job, i, &key, &complaint) != VAIN_OK)
            vain_spec_problem_at(spec, problems, "genetic.search", complaint.hint, "%s",
                                 complaint.message);
    }
    if (job->genetic.search.count > 0 && job->data.pairs[0] != '\0')
        vain_spec_problem_at(spec, problems, "genetic.search", "search on a text or on images",
                             "batches of pairs fit one context and one size only, so not every "
                             "value could be tried");
    if (job->genetic.search.count > 0 && job->data.validation <= 0)
        vain_spec_problem_at(spec, problems, "data.validation", "give it a share, such as 0.1",
                             "genetic.search has no validation data to measure individuals on");
    if (job->genetic.search.count == 0)
        vain_refuse_idle(spec, problems, of_search, "give ranges in genetic.search",
                         "weights are evolved, not trained");
}

/* Weights are bred, not trained: keys of gradient steps would do nothing. */
static void check_steps(const struct vain_job *job, const struct vain_spec *spec,
                        struct vain_problems *problems)
{
    if (!vain_search_is_wanted(job))
        vain_refuse_gradient_keys(spec, problems, "remove it, or give ranges in genetic.search",
                                  "weights are evolved, not trained");
}

static void check_population(const struct vain_job *job, const struct vain_spec *spec,
                             struct vain_problems *problems)
{
    const struct vain_genetic_options *genetic = &job->genetic;
    char hint[64];
    snprintf(hint, sizeof hint, "set train.local_steps: %lld", (long long)genetic->population);
    if (job->train.local_steps != genetic->population)
        vain_spec_problem_at(spec, problems, "train.local_steps", hint,
                             "a local step measures one individual, so %lld local steps do not "
                             "measure a population of %lld (genetic.population)",
                             (long long)job->train.local_steps, (long long)genetic->population);
    if (genetic->elite >= genetic->population)
        vain_spec_problem_at(spec, problems, "genetic.elite", NULL,
                             "%lld of %lld individuals live on as they are: nobody is born",
                             (long long)genetic->elite, (long long)genetic->population);
    if (genetic->tournament > genetic->population)
        vain_spec_problem_at(spec, problems, "genetic.tournament", NULL,
                             "%lld individuals are drawn out of %lld (genetic.population)",
                             (long long)genetic->tournament, (long long)genetic->population);
}

/* What is exchanged is a fitness between 1 and 2 of each individual, among seeds that must stay. */
static void check_exchanged(const struct vain_job *job, const struct vain_spec *spec,
                            struct vain_problems *problems)
{
    if (job->outer.optimizer != VAIN_OUTER_MEAN)
        vain_spec_problem_at(spec, problems, "outer.optimizer", "set outer.optimizer: mean",
                             "the genetic method takes the mean fitness as it is");
    if (job->exchange.bits != VAIN_FIELD_32)
        vain_spec_problem_at(spec, problems, "exchange.bits", "set exchange.bits: 32",
                             "16 bits are too few to tell one individual's fitness from another's");
    if (!isnan(job->exchange.clip))
        vain_spec_problem_at(spec, problems, "exchange.clip", "set exchange.clip: auto",
                             "a clipped fitness would be added to that of another individual");
}

void vain_genetic_check(const struct vain_job *job, const struct vain_spec *spec,
                        struct vain_problems *problems)
{
    if (job->train.method != VAIN_METHOD_GENETIC) {
        check_unused(spec, problems);
        return;
    }
    check_population(job, spec, problems);
    check_exchanged(job, spec, problems);
    check_search(job, spec, problems);
    check_steps(job, spec, problems);
}
