/* Whose sum it is: everything here is made again from the inputs of those whose words left. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tests/sim/federation_judge.h"

void *judge_room(void *array, int count, int *room, size_t bytes)
{
    void *larger = NULL;
    if (count < *room)
        return array;
    *room = 2 * *room + 8;
    VAIN_ASSERT(vain_take_array(*room, bytes, "judge", &larger) == VAIN_OK);
    if (array != NULL)
        memcpy(larger, array, (size_t)count * bytes);
    vain_release(array);
    return larger;
}

enum vain_status federation_judge_open(const struct judge *base, bool own_masks,
                                       struct federation_judge *out)
{
    *out = (struct federation_judge){.base = *base, .own_masks = own_masks};
    return vain_take_array(base->members, sizeof *out->members, "judge", (void **)&out->members);
}

void federation_judge_close(struct federation_judge *judge)
{
    for (int i = 0; judge->members != NULL && i < judge->base.members; i++) {
        vain_release(judge->members[i].words);
        vain_release(judge->members[i].votes);
        vain_release(judge->members[i].disclosures);
    }
    for (int i = 0; i < judge->round_count; i++)
        vain_release(judge->rounds[i]);
    for (int i = 0; i < judge->opening_count; i++)
        vain_release(judge->openings[i].givers);
    vain_release(judge->lies);
    vain_release(judge->culprits);
    vain_release(judge->openings);
    vain_release(judge->rounds);
    vain_release(judge->members);
}

bool judged_same_attempt(const struct vain_proposal *a, const struct vain_proposal *b)
{
    return a->epoch == b->epoch && a->round == b->round && a->attempt == b->attempt &&
           vain_set_equal(&a->set, &b->set);
}

const struct judged_words *judged_words_of(const struct federation_judge *judge, int member,
                                           const struct vain_proposal *attempt)
{
    const struct judged_member *of = &judge->members[member];
    for (int i = of->word_count - 1; i >= 0; i--) {
        if (judged_same_attempt(&of->words[i].attempt, attempt))
            return &of->words[i];
    }
    return NULL;
}

/* ---- what a round must come to --------------------------------------------------------------- */

static struct judged_round *work_out(struct federation_judge *judge, int member,
                                     const struct vain_proposal *attempt)
{
    struct judged_round *round = NULL;
    const int64_t parameters = judge->base.parameters;
    VAIN_ASSERT(vain_take(sizeof *round + (size_t)parameters * sizeof round->sums[0], "judge",
                          (void **)&round) == VAIN_OK);
    round->epoch = attempt->epoch;
    round->round = attempt->round;
    round->attempt = attempt->attempt;
    round->set = attempt->set;
    for (int k = vain_set_next(&attempt->set, 0); k >= 0; k = vain_set_next(&attempt->set, k + 1)) {
        const struct judged_words *words = judged_words_of(judge, k, attempt);
        if (words == NULL) {
            judge_says(&judge->base,
                       "WRONG SUM: member %d has one of round %llu with member %d in it, whose "
                       "words never left",
                       member, (unsigned long long)attempt->round, k);
            continue;
        }
        for (int64_t i = 0; i < parameters; i++)
            round->sums[i] += judge_input(&judge->base, k, (int)words->input, i);
        round->weight += judge_weight(k, (int)words->input);
    }
    judge->rounds = judge_room(judge->rounds, judge->round_count, &judge->round_room,
                               sizeof(struct judged_round *));
    judge->rounds[judge->round_count++] = round;
    if (!judge_has_quorum(judge, attempt))
        judge_says(&judge->base,
                   "NO QUORUM: member %d ends round %llu of epoch %llu with attempt %u, for which "
                   "too few have voted",
                   member, (unsigned long long)attempt->round, (unsigned long long)attempt->epoch,
                   attempt->attempt);
    return round;
}

static struct judged_round *find_round(struct federation_judge *judge,
                                       const struct vain_proposal *attempt)
{
    for (int i = judge->round_count - 1; i >= 0; i--) {
        struct judged_round *round = judge->rounds[i];
        if (round->epoch == attempt->epoch && round->round == attempt->round)
            return round;
    }
    return NULL;
}

static void compare(struct federation_judge *judge, int member, const struct judged_round *round,
                    int scale_exponent, const float *mean)
{
    const float members = (float)vain_set_count(&round->set);
    for (int64_t i = 0; i < judge->base.parameters; i++) {
        /* Integers up to 2^13, so other sums have other means. */
        const float expected =
            (float)ldexp((double)((float)round->sums[i] / members), -scale_exponent);
        if (mean[i] == expected)
            continue;
        judge_says(&judge->base,
                   "WRONG SUM: member %d, epoch %llu, round %llu, parameter %lld: %a instead of %a",
                   member, (unsigned long long)round->epoch, (unsigned long long)round->round,
                   (long long)i, (double)mean[i], (double)expected);
        return;
    }
}

void judge_applies(struct federation_judge *judge, int member, const struct vain_proposal *attempt,
                   int scale_exponent, const float *mean, const struct vain_counters *counters)
{
    const struct judged_round *round = find_round(judge, attempt);
    if (round == NULL)
        round = work_out(judge, member, attempt);
    if (round->attempt != attempt->attempt || !vain_set_equal(&round->set, &attempt->set)) {
        judge_says(&judge->base,
                   "TWO SUMS: member %d ends round %llu of epoch %llu with attempt %u, others have "
                   "ended it with another set or attempt %u",
                   member, (unsigned long long)attempt->round, (unsigned long long)attempt->epoch,
                   attempt->attempt, round->attempt);
        return;
    }
    compare(judge, member, round, scale_exponent, mean);
    if (counters->weight != round->weight || counters->loss_micro != 2 * round->weight ||
        counters->clipped != 0 || counters->saturated != 0)
        judge_says(&judge->base, "WRONG SUM: member %d, round %llu: weight %lld instead of %lld",
                   member, (unsigned long long)attempt->round, (long long)counters->weight,
                   (long long)round->weight);
}
