#include "tests/sim/exchange_judge.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/sim/random.h"

static uint64_t number_of(const struct judge *judge, int member, int round, uint64_t index)
{
    return vain_sim_mix(vain_sim_mix(judge->seed ^ index * 0x9e3779b97f4a7c15u) +
                        ((uint64_t)member << 20) + (uint64_t)round);
}

int32_t judge_input(const struct judge *judge, int member, int round, int64_t index)
{
    return (int32_t)(number_of(judge, member, round, (uint64_t)index) % 15) - 7;
}

int64_t judge_weight(int member, int round)
{
    return 1000 + 3 * member + round;
}

uint8_t judge_block(const struct judge *judge, int member, int round, size_t i)
{
    return (uint8_t)number_of(judge, member, round, (uint64_t)JUDGE_PARAMETERS_MAX + i);
}

void judge_says(struct judge *judge, const char *format, ...)
{
    va_list arguments;
    if (judge->why[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(judge->why, sizeof judge->why, format, arguments);
    va_end(arguments);
}

static void work_out(struct judge *judge, int round)
{
    if (judge->round == round)
        return;
    judge->round = round;
    for (int64_t i = 0; i < judge->parameters; i++) {
        judge->sums[i] = 0;
        for (int member = 0; member < judge->members; member++)
            judge->sums[i] += judge_input(judge, member, round, i);
    }
}

void judge_sum(struct judge *judge, int member, int round, int scale_exponent, const float *mean,
               const struct vain_counters *counters)
{
    int64_t weights = 0;
    work_out(judge, round);
    for (int64_t i = 0; i < judge->parameters; i++) {
        /* Integers up to 2^13, so other sums have other means. */
        const float expected =
            (float)ldexp((double)((float)judge->sums[i] / (float)judge->members), -scale_exponent);
        if (mean[i] != expected) {
            judge_says(judge, "WRONG SUM: member %d, round %d, parameter %lld: %a instead of %a",
                       member, round, (long long)i, (double)mean[i], (double)expected);
            return;
        }
    }
    for (int i = 0; i < judge->members; i++)
        weights += judge_weight(i, round);
    if (counters->weight != weights || counters->loss_micro != 2 * weights ||
        counters->clipped != 0 || counters->saturated != 0)
        judge_says(judge, "WRONG SUM: member %d, round %d: weight %lld instead of %lld", member,
                   round, (long long)counters->weight, (long long)weights);
}

void judge_blocks(struct judge *judge, int member, int round, const uint8_t *blocks)
{
    for (int from = 0; from < judge->members; from++)
        for (size_t i = 0; i < judge->block_bytes; i++) {
            if (*blocks++ == judge_block(judge, from, round, i))
                continue;
            judge_says(judge, "WRONG BLOCK: member %d, round %d, from %d", member, round, from);
            return;
        }
}
