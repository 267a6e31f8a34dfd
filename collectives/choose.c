/* Trials go over the ways in turn, so that what disturbs the machine for a moment disturbs all of
 * them, and each begins behind a barrier, so that nobody's late start looks like somebody's speed.
 */
#include "collectives/choose.h"

#include <string.h>

#include "base/memory.h"
#include "base/world.h"

enum {
    TRIALS_MAX = 5, /* of each way; the first one opens connections and touches buffers */
    ENOUGH_NS = 1000 * 1000 * 1000 /* spent on trials: no further one is begun */
};

static bool makes_sense(enum vain_algorithm algorithm, const struct vain_exchange_driver *driver,
                        int64_t word_count)
{
    switch (algorithm) {
    case VAIN_ALGORITHM_NATIVE:
        return driver->comm->ops->post_all_reduce != NULL;
    case VAIN_ALGORITHM_TREE:
        return word_count <= VAIN_CHOOSE_TREE_WORDS;
    default:
        return algorithm == VAIN_ALGORITHM_RING;
    }
}

/* One trial from a common start; what the slowest member took, the same number at all of them. */
static enum vain_status try_once(struct vain_exchange *exchange,
                                 const struct vain_exchange_driver *driver, uint32_t *words,
                                 uint64_t *all_ns, uint64_t *slowest_ns)
{
    const struct vain_context context = {.round = 0};
    const struct vain_random check = {{0, 0}};
    struct vain_world *world = driver->world;
    vain_exchange_set_round(exchange, &context, check);
    VAIN_TRY(vain_exchange_drive(exchange, VAIN_EXCHANGE_BEGIN_AGREE, driver));
    vain_exchange_set_words(exchange, words, false);
    VAIN_TRY(vain_comm_barrier(driver->comm, world, driver->deadline_ms));
    const uint64_t start = world->ops->now_ns(world);
    VAIN_TRY(vain_exchange_drive(exchange, VAIN_EXCHANGE_BEGIN_REDUCE, driver));
    const uint64_t took = world->ops->now_ns(world) - start;
    VAIN_TRY(vain_comm_all_gather(driver->comm, world, driver->deadline_ms, VAIN_TAG_START, &took,
                                  sizeof took, all_ns));
    *slowest_ns = 0;
    for (int i = 0; i < driver->comm->size; i++)
        *slowest_ns = all_ns[i] > *slowest_ns ? all_ns[i] : *slowest_ns;
    return VAIN_OK;
}

/* The ways in turn, until each has had enough trials or time is spent; the best of each counts.
 * What ends it is common knowledge, so all members stop together. */
static enum vain_status try_all(struct vain_exchange *const exchanges[VAIN_ALGORITHMS],
                                const struct vain_exchange_driver *driver, uint32_t *words,
                                uint64_t *all_ns, uint64_t best_ns[VAIN_ALGORITHMS])
{
    uint64_t spent_ns = 0;
    for (int trial = 0; trial < TRIALS_MAX && spent_ns < ENOUGH_NS; trial++) {
        for (int a = 0; a < VAIN_ALGORITHMS; a++) {
            uint64_t ns = 0;
            if (exchanges[a] == NULL)
                continue;
            VAIN_TRY(try_once(exchanges[a], driver, words, all_ns, &ns));
            best_ns[a] = ns < best_ns[a] ? ns : best_ns[a];
            spent_ns += ns;
        }
    }
    return VAIN_OK;
}

static enum vain_algorithm fastest(const uint64_t best_ns[VAIN_ALGORITHMS])
{
    int best = VAIN_ALGORITHM_RING;
    for (int a = 0; a < VAIN_ALGORITHMS; a++)
        best = best_ns[a] < best_ns[best] ? a : best;
    return (enum vain_algorithm)best;
}

enum vain_algorithm vain_algorithm_by_rule(int members, int64_t word_count)
{
    return word_count <= VAIN_CHOOSE_TREE_WORDS && members > 2 ? VAIN_ALGORITHM_TREE
                                                               : VAIN_ALGORITHM_RING;
}

enum vain_status vain_algorithm_choose(const struct vain_exchange_config *config,
                                       const struct vain_exchange_driver *driver, uint32_t *words,
                                       enum vain_algorithm *out)
{
    struct vain_exchange *exchanges[VAIN_ALGORITHMS] = {NULL};
    uint64_t best_ns[VAIN_ALGORITHMS], *all_ns = NULL;
    enum vain_status status;
    *out = VAIN_ALGORITHM_RING;
    if (config->member_count == 1)
        return VAIN_OK;
    struct vain_codec codec = *config->codec;
    struct vain_exchange_config trial = *config;
    struct vain_exchange_driver stay = *driver;
    trial.codec = &codec;
    stay.leave = NULL;
    if (codec.word_count > VAIN_CHOOSE_WORDS)
        codec.word_count = VAIN_CHOOSE_WORDS;
    VAIN_TRY_OUT(
        vain_take_array(config->member_count, sizeof *all_ns, "trial times", (void **)&all_ns));
    for (int a = 0; a < VAIN_ALGORITHMS; a++) {
        best_ns[a] = UINT64_MAX;
        trial.algorithm = (enum vain_algorithm)a;
        if (makes_sense(trial.algorithm, driver, config->codec->word_count))
            VAIN_TRY_OUT(vain_exchange_open(&trial, &exchanges[a]));
    }
    VAIN_TRY_OUT(try_all(exchanges, &stay, words, all_ns, best_ns));
    *out = fastest(best_ns);
out:
    for (int a = 0; a < VAIN_ALGORITHMS; a++)
        vain_exchange_close(&exchanges[a]);
    vain_release(all_ns);
    return status;
}
