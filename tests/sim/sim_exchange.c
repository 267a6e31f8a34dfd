/* Exchanges in simulated worlds, one a seed: whatever goes wrong, nobody reports a wrong sum,
 * nobody waits for ever, and where nothing is lost all succeed.
 *
 * usage: sim_exchange --seeds FIRST[:LAST] [--members N] [--rounds R] [--verbose]
 *
 * Prints what is wrong with each seed that fails; the last line is "N passed, M failed". */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/device.h"
#include "tests/sim/exchange_case.h"

struct options {
    uint64_t first, last;
    struct exchange_wish wish;
};
struct count {
    unsigned long long passed, failed;
    unsigned long long harmed, whole, partly; /* of the harmed: all succeeded, some did */
    unsigned long long events, virtual_ms;
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

static bool read_options(int count, char **arguments, struct options *out)
{
    static const struct option table[] = {{"seeds", required_argument, NULL, 's'},
                                          {"members", required_argument, NULL, 'm'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {NULL, 0, NULL, 0}};
    bool good = true;
    int option;
    *out = (struct options){.first = 1, .last = 100};
    while ((option = getopt_long(count, arguments, "", table, NULL)) >= 0) {
        if (option == 's')
            good &= read_seeds(optarg, out);
        else if (option == 'm')
            good &= read_count(optarg, 2, JUDGE_MEMBERS_MAX, &out->wish.members);
        else if (option == 'r')
            good &= read_count(optarg, 1, 1000, &out->wish.rounds);
        else if (option == 'v')
            out->wish.verbose = true;
        else
            good = false;
    }
    return good && optind == count;
}

static void add(struct count *count, const struct exchange_result *result)
{
    count->events += result->events;
    count->virtual_ms += result->virtual_ms;
    if (!result->harmed)
        return;
    count->harmed++;
    count->whole += result->succeeded == result->members;
    count->partly += result->succeeded > 0 && result->succeeded < result->members;
}

static void run_seed(uint64_t seed, const struct exchange_wish *wish, struct vain_queue *queue,
                     struct count *count)
{
    struct exchange_result result;
    const int64_t blocks = vain_memory_blocks();
    const char *why = result.why;
    if (exchange_case_run(seed, wish, queue, &result) != VAIN_OK)
        why = vain_fail_message();
    else if (result.why[0] == '\0' && vain_memory_blocks() != blocks)
        why = "memory is left over";
    add(count, &result);
    count->passed += why[0] == '\0';
    count->failed += why[0] != '\0';
    if (why[0] != '\0')
        printf("seed %llu: %s\n", (unsigned long long)seed, why);
}

int main(int count, char **arguments)
{
    struct options options;
    struct vain_device device;
    struct count totals = {0};
    if (!read_options(count, arguments, &options)) {
        fprintf(stderr,
                "usage: sim_exchange --seeds FIRST[:LAST] [--members 2..%d] [--rounds "
                "1..1000] [--verbose]\n",
                JUDGE_MEMBERS_MAX);
        return 2;
    }
    if (vain_crypto_init() != VAIN_OK || vain_device_open_cpu(1, NULL, &device) != VAIN_OK) {
        fprintf(stderr, "%s\n", vain_fail_message());
        return 1;
    }
    struct vain_queue queue = {.device = &device};
    for (uint64_t seed = options.first;; seed++) {
        run_seed(seed, &options.wish, &queue, &totals);
        if (seed == options.last)
            break;
    }
    vain_device_close(&device);
    printf("%llu events in %llu s of simulated time; harm in %llu worlds, of which %llu ended well "
           "for all and %llu for some\n",
           totals.events, totals.virtual_ms / 1000, totals.harmed, totals.whole, totals.partly);
    printf("%llu passed, %llu failed\n", totals.passed, totals.failed);
    return totals.failed == 0 ? 0 : 1;
}
