/* Which way of summing is fastest here, by trial.
 *
 * What is fast depends on the vector's length, the number of members, and what carries the words:
 * MPI's own all-reduce may know the machine, or may not use it well. So members try the ways that
 * make sense on words of their own length, tell each other how long it took, and all take the one
 * whose slowest member was fastest: the same numbers at all of them, so the same choice. */
#pragma once

#include "collectives/exchange.h"

enum {
    VAIN_CHOOSE_WORDS = 16 << 20,     /* longer vectors are tried in this length: 64 MiB */
    VAIN_CHOOSE_TREE_WORDS = 64 << 10 /* a tree sends the whole vector: tried up to this length */
};

/* Where members come and go nothing can be tried together, so all follow one rule: a tree for short
 * vectors of more than two members, else a ring. Pure. */
enum vain_algorithm vain_algorithm_by_rule(int members, int64_t word_count);
/* Collective over the members, blocking for about a second at most, or for one trial of each way.
 * `config` as for the exchange to come (its algorithm is not read), `words` (codec->word_count) is
 * overwritten. */
enum vain_status vain_algorithm_choose(const struct vain_exchange_config *config,
                                       const struct vain_exchange_driver *driver, uint32_t *words,
                                       enum vain_algorithm *out) VAIN_MUST_USE;
