/* A search over keys of the spec: which, between what, and what a chain of seeds makes of them.
 *
 * A range is a text such as "train.learning_rate 1e-4..1e-1 log". In it a value is a number between
 * 0 and 1, linear or by its logarithm. The search starts from the spec's own values; a seed moves
 * every key by a normal number times its step (vain_chain_step); at the ends of the range the way
 * is reflected. A chain without seeds is the spec itself. */
#pragma once

#include "jobs/genetic_population.h"

enum { VAIN_SEARCH_VALUE_BYTES = 32 };
/* What is wrong with a range, and a way out ("" if none). */
struct vain_search_complaint {
    char message[256], hint[160];
};

struct vain_search_key {
    char key[VAIN_OPTION_TEXTS_ITEM_BYTES];
    double low, high;
    bool logarithmic, whole; /* whole: a count */
    double start;            /* the spec's own value as a share of the range, 0 to 1 */
};
struct vain_search {
    int count;
    struct vain_search_key keys[VAIN_OPTION_TEXTS_MAX];
};
/* One value for each key of a search, as it would be written in a spec. */
struct vain_search_values {
    char texts[VAIN_OPTION_TEXTS_MAX][VAIN_SEARCH_VALUE_BYTES];
};

/* Whether the job looks for keys of a spec; else for weights. */
bool vain_search_is_wanted(const struct vain_job *job);
/* Read item `index` of genetic.search. VAIN_ERR_INPUT with a complaint, without vain_fail since the
 * caller collects problems. Local. */
enum vain_status vain_search_read(const struct vain_job *job, int index,
                                  struct vain_search_key *out,
                                  struct vain_search_complaint *complaint) VAIN_MUST_USE;
/* Read all of them; VAIN_ERR_INPUT with vain_fail for the first that is wrong. Local. */
enum vain_status vain_search_open(const struct vain_job *job,
                                  struct vain_search *out) VAIN_MUST_USE;
/* The stream of what seeds mean: agreed by all members. */
struct vain_random vain_search_random(uint64_t seed);
/* What an individual stands for: of the job's own values where its chain is empty, else with four
 * digits, so that what is printed is what was tried. `job` is the spec's. Local. */
void vain_search_values_of(const struct vain_search *search, const struct vain_job *job,
                           struct vain_random random, double deviation,
                           const struct vain_chain *chain, struct vain_search_values *out);
/* Write the values into `job`, a copy of the spec's. Local. */
void vain_search_apply(const struct vain_search *search, const struct vain_search_values *values,
                       struct vain_job *job);
/* "train.learning_rate 0.01, train.weight_decay 0.2". */
void vain_search_print(const struct vain_search *search, const struct vain_search_values *values,
                       char *out, size_t bytes);
