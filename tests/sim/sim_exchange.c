/* Federations in simulated worlds, one a seed: members that agree by letters on who takes part,
 * exchange masked words, vote, open, step, crash and come back; some lie about words or masks.
 * Whatever goes wrong, nobody takes a wrong sum, nobody is named who has not lied, nobody's input
 * can be told, and when the world is calm again all come to the end.
 * --plain: the exchange alone, without letters: nobody reports a wrong sum or waits for ever.
 *
 * usage: sim_exchange --seeds FIRST[:LAST] [--members N] [--rounds R] [--level 1|2] [--real-keys]
 *                     [--named N] [--lies words|masks|letters] [--plain] [--verbose]
 *
 * --named: it fails as well if signed statements have shown a liar in fewer than N attempts.
 * --lies: somebody lies in every world, about that; else in every second one, by the seed.
 * Prints what is wrong with each seed that fails; the last line is "N passed, M failed". */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/device.h"
#include "tests/sim/exchange_case.h"
#include "tests/sim/federation.h"

enum { MEMBERS = 8, ROUNDS = 20 }; /* of a federation, unless said */

struct options {
    uint64_t first, last;
    bool plain;
    int named; /* attempts whose statements show a liar, at least */
    struct federation_wish wish;
};
struct count {
    unsigned long long passed, failed, events, virtual_ms;
    unsigned long long harmed, whole, partly; /* --plain: of the harmed all succeeded, some did */
    unsigned long long crashes, failed_attempts, suspicions, fetches, lost, lies, lies_about_masks;
    unsigned long long named, lies_in_letters;
};

static bool read_number(const char *text, uint64_t most, uint64_t *out, const char **rest)
{
    char *end = NULL;
    *out = strtoull(text, &end, 10);
    *rest = end;
    return end != text && text[0] != '-' && *out <= most;
}

static bool read_seeds(const char *text, struct options *options)
{
    const char *rest = NULL;
    if (!read_number(text, UINT64_MAX, &options->first, &rest))
        return false;
    options->last = options->first;
    if (*rest == ':' && !read_number(rest + 1, UINT64_MAX, &options->last, &rest))
        return false;
    return *rest == '\0' && options->first <= options->last;
}

static bool read_count(const char *text, int least, int most, int *out)
{
    uint64_t number = 0;
    const char *rest = NULL;
    const bool good = read_number(text, (uint64_t)most, &number, &rest) && *rest == '\0';
    *out = (int)number;
    return good && *out >= least;
}

static bool read_lies(const char *text, int *out)
{
    static const char *const kinds[] = {"words", "masks", "letters"}; /* enum liar_about */
    for (*out = 0; *out < (int)VAIN_COUNT_OF(kinds); (*out)++) {
        if (strcmp(text, kinds[*out]) == 0)
            return true;
    }
    return false;
}

static bool read_options(int count, char **arguments, struct options *out)
{
    static const struct option table[] = {
        {"seeds", required_argument, NULL, 's'},  {"members", required_argument, NULL, 'm'},
        {"rounds", required_argument, NULL, 'r'}, {"level", required_argument, NULL, 'l'},
        {"real-keys", no_argument, NULL, 'k'},    {"plain", no_argument, NULL, 'p'},
        {"verbose", no_argument, NULL, 'v'},      {"named", required_argument, NULL, 'n'},
        {"lies", required_argument, NULL, 'a'},   {NULL, 0, NULL, 0}};
    bool good = true;
    int option;
    *out = (struct options){.first = 1, .last = 100, .wish = {.lies = -1}};
    while ((option = getopt_long(count, arguments, "", table, NULL)) >= 0) {
        if (option == 's')
            good &= read_seeds(optarg, out);
        else if (option == 'm')
            good &= read_count(optarg, 2, JUDGE_MEMBERS_MAX, &out->wish.members);
        else if (option == 'r')
            good &= read_count(optarg, 1, 1000, &out->wish.rounds);
        else if (option == 'l')
            good &= read_count(optarg, 1, 2, &out->wish.level);
        else if (option == 'n')
            good &= read_count(optarg, 0, 1000000, &out->named);
        else if (option == 'a')
            good &= read_lies(optarg, &out->wish.lies);
        else if (option == 'k')
            out->wish.real_keys = true;
        else if (option == 'p')
            out->plain = true;
        else if (option == 'v')
            out->wish.verbose = true;
        else
            good = false;
    }
    /* Masks are there at level 2. */
    out->wish.level = out->wish.lies == 1 ? 2 : out->wish.level;
    return good && optind == count && (out->plain || out->wish.members != 2);
}

/* ---- seeds ----------------------------------------------------------------------------------- */

static enum vain_status run_plain(uint64_t seed, const struct options *options,
                                  struct vain_queue *queue, struct count *count, char *why)
{
    const struct exchange_wish wish = {.members = options->wish.members,
                                       .rounds = options->wish.rounds,
                                       .verbose = options->wish.verbose};
    struct exchange_result result;
    const enum vain_status status = exchange_case_run(seed, &wish, queue, &result);
    snprintf(why, JUDGE_WHY_BYTES, "%s", result.why);
    count->events += result.events;
    count->virtual_ms += result.virtual_ms;
    count->harmed += result.harmed;
    count->whole += result.harmed && result.succeeded == result.members;
    count->partly += result.harmed && result.succeeded > 0 && result.succeeded < result.members;
    return status;
}

static enum vain_status run_federation(uint64_t seed, const struct options *options,
                                       struct vain_queue *queue, struct count *count, char *why)
{
    struct federation_wish wish = options->wish;
    struct federation_result result;
    wish.members = wish.members > 0 ? wish.members : MEMBERS;
    wish.rounds = wish.rounds > 0 ? wish.rounds : ROUNDS;
    const enum vain_status status = federation_run(seed, &wish, queue, &result);
    snprintf(why, JUDGE_WHY_BYTES, "%s", result.why);
    count->events += result.events;
    count->virtual_ms += result.virtual_ms;
    count->crashes += (unsigned)result.crashes;
    count->failed_attempts += (unsigned)result.failed_attempts;
    count->suspicions += (unsigned)result.suspicions;
    count->fetches += (unsigned)result.fetches;
    count->lost += (unsigned)result.lost;
    count->lies += (unsigned)result.lies;
    count->lies_about_masks += (unsigned)result.lies_about_masks;
    count->lies_in_letters += (unsigned)result.lies_in_letters;
    count->named += (unsigned)result.named;
    return status;
}

static void run_seed(uint64_t seed, const struct options *options, struct vain_queue *queue,
                     struct count *count)
{
    char why[JUDGE_WHY_BYTES], name[40];
    snprintf(name, sizeof name, "seed %llu", (unsigned long long)seed);
    vain_process_name(name); /* an assertion that fails says it */
    const int64_t blocks = vain_memory_blocks();
    const enum vain_status status = options->plain
                                        ? run_plain(seed, options, queue, count, why)
                                        : run_federation(seed, options, queue, count, why);
    if (status != VAIN_OK)
        snprintf(why, sizeof why, "%s", vain_fail_message());
    else if (why[0] == '\0' && vain_memory_blocks() != blocks)
        snprintf(why, sizeof why, "memory is left over");
    count->passed += why[0] == '\0';
    count->failed += why[0] != '\0';
    if (why[0] != '\0') {
        printf("seed %llu: %s\n", (unsigned long long)seed, why);
        fflush(stdout);
    }
}

static void say_counts(const struct options *options, const struct count *totals)
{
    printf("%llu events in %llu s of simulated time; ", totals->events, totals->virtual_ms / 1000);
    if (options->plain)
        printf("harm in %llu worlds, of which %llu ended well for all and %llu for some\n",
               totals->harmed, totals->whole, totals->partly);
    else
        printf(
            "%llu crashes, %llu failed attempts, %llu of them held against somebody, %llu states "
            "fetched, %llu sums lost; %llu lies about words, %llu shown by what was signed; %llu "
            "about own masks, %llu in letters\n",
            totals->crashes, totals->failed_attempts, totals->suspicions, totals->fetches,
            totals->lost, totals->lies - totals->lies_about_masks, totals->named,
            totals->lies_about_masks, totals->lies_in_letters);
    printf("%llu passed, %llu failed\n", totals->passed, totals->failed);
}

int main(int count, char **arguments)
{
    struct options options;
    struct vain_device device;
    struct count totals = {0};
    if (!read_options(count, arguments, &options)) {
        fprintf(stderr,
                "usage: sim_exchange --seeds FIRST[:LAST] [--members 3..%d] [--rounds 1..1000] "
                "[--level 1|2] [--real-keys] [--named N] [--lies words|masks|letters] [--plain] "
                "[--verbose]\n",
                JUDGE_MEMBERS_MAX);
        return 2;
    }
    if (vain_crypto_init() != VAIN_OK || vain_device_open_cpu(1, NULL, &device) != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        return 1;
    }
    struct vain_queue queue = {.device = &device};
    for (uint64_t seed = options.first;; seed++) {
        run_seed(seed, &options, &queue, &totals);
        if (seed == options.last)
            break;
    }
    vain_device_close(&device);
    say_counts(&options, &totals);
    const bool enough = totals.named >= (unsigned long long)options.named;
    if (!enough)
        fprintf(stderr, "somebody was named in %llu attempts, expected %d at least (--named)\n",
                totals.named, options.named);
    return totals.failed == 0 && enough ? 0 : 1;
}
