#include "collectives/choose.h"

#include <string.h>

#include "base/memory.h"
#include "base/world.h"

enum { TRIALS = 3 /* the first opens connections and touches buffers; the best one counts */ };

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

static enum vain_status try_once(struct vain_exchange *exchange,
                                 const struct vain_exchange_driver *driver, uint64_t trial,
                                 uint32_t *words, uint64_t *best_ns)
{
    const struct vain_context context = {.round = trial};
    const struct vain_random check = {{0, 0}};
    vain_exchange_set_round(exchange, &context, check);
    VAIN_TRY(vain_exchange_drive(exchange, VAIN_EXCHANGE_BEGIN_AGREE, driver));
    vain_exchange_set_words(exchange, words, NULL);
    const uint64_t start = driver->world->ops->now_ns(driver->world);
    VAIN_TRY(vain_exchange_drive(exchange, VAIN_EXCHANGE_BEGIN_REDUCE, driver));
    const uint64_t took = driver->world->ops->now_ns(driver->world) - start;
    *best_ns = took < *best_ns ? took : *best_ns;
    return VAIN_OK;
}

static enum vain_status measure(const struct vain_exchange_config *config,
                                const struct vain_exchange_driver *driver, uint32_t *words,
                                uint64_t *best_ns)
{
    struct vain_exchange *exchange = NULL;
    VAIN_TRY(vain_exchange_open(config, &exchange));
    enum vain_status status = VAIN_OK;
    *best_ns = UINT64_MAX;
    for (uint64_t trial = 0; trial < TRIALS && status == VAIN_OK; trial++)
        status = try_once(exchange, driver, trial, words, best_ns);
    vain_exchange_close(&exchange);
    return status;
}

/* The algorithm whose slowest member was fastest; all (members, VAIN_ALGORITHMS). */
static enum vain_algorithm fastest(const uint64_t *all, int members)
{
    enum vain_algorithm best = VAIN_ALGORITHM_RING;
    uint64_t best_ns = UINT64_MAX;
    for (int a = VAIN_ALGORITHM_AUTO + 1; a < VAIN_ALGORITHMS; a++) {
        uint64_t slowest = 0;
        for (int i = 0; i < members; i++) {
            const uint64_t ns = all[(size_t)i * VAIN_ALGORITHMS + (size_t)a];
            slowest = ns > slowest ? ns : slowest;
        }
        if (slowest < best_ns) {
            best_ns = slowest;
            best = (enum vain_algorithm)a;
        }
    }
    return best;
}

enum vain_status vain_algorithm_choose(const struct vain_exchange_config *config,
                                       const struct vain_exchange_driver *driver, uint32_t *words,
                                       enum vain_algorithm *out)
{
    uint64_t mine[VAIN_ALGORITHMS], *all = NULL;
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
    for (int a = 0; a < VAIN_ALGORITHMS; a++) {
        mine[a] = UINT64_MAX;
        trial.algorithm = (enum vain_algorithm)a;
        if (makes_sense(trial.algorithm, driver, config->codec->word_count))
            VAIN_TRY(measure(&trial, &stay, words, &mine[a]));
    }
    VAIN_TRY(vain_take_array(config->member_count, sizeof mine, "trial times", (void **)&all));
    const enum vain_status status = vain_comm_all_gather(
        driver->comm, driver->world, driver->deadline_ms, VAIN_TAG_START, mine, sizeof mine, all);
    if (status == VAIN_OK)
        *out = fastest(all, config->member_count);
    vain_release(all);
    return status;
}
