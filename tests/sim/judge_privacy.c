/* Two sums in which one member's input is the same, and whose sets differ, give away what differs.
 * At level 1 a sum can be known as soon as words leave, since masks cancel over its set; at level 2
 * when something is given out that takes own masks off. */
#include "tests/sim/federation_judge.h"

void judge_words_leave(struct federation_judge *judge, int member,
                       const struct vain_proposal *attempt, uint64_t input)
{
    struct judged_member *of = &judge->members[member];
    const struct judged_words words = {.attempt = *attempt, .input = input};
    for (int i = 0; i < of->word_count && !judge->own_masks; i++) {
        if (of->words[i].input == input &&
            !vain_set_equal(&of->words[i].attempt.set, &attempt->set))
            judge_says(&judge->base,
                       "TWO SETS: input %llu of member %d was under masks for round %llu, attempt "
                       "%u, and now for round %llu, attempt %u, with another set",
                       (unsigned long long)input, member,
                       (unsigned long long)of->words[i].attempt.round, of->words[i].attempt.attempt,
                       (unsigned long long)attempt->round, attempt->attempt);
    }
    of->words = judge_room(of->words, of->word_count, &of->word_room, sizeof *of->words);
    of->words[of->word_count++] = words;
}

/* Whether an input of anybody is in both. */
static bool share_an_input(const struct federation_judge *judge, const struct vain_proposal *a,
                           const struct vain_proposal *b)
{
    for (int i = 0; i < judge->base.members; i++) {
        const struct judged_words *first = judged_words_of(judge, i, a);
        const struct judged_words *second = judged_words_of(judge, i, b);
        if (first != NULL && second != NULL && first->input == second->input)
            return true;
    }
    return false;
}

/* The own input in two sums, and the own secret of both given out, in whatever epochs. */
static void judge_own_input(struct federation_judge *judge, int member,
                            const struct vain_proposal *before, const struct vain_proposal *attempt)
{
    const struct judged_words *first = judged_words_of(judge, member, before);
    const struct judged_words *second = judged_words_of(judge, member, attempt);
    if (first != NULL && second != NULL && first->input == second->input &&
        !vain_set_equal(&before->set, &attempt->set))
        judge_says(&judge->base,
                   "TWO SETS: member %d opens input %llu in round %llu, attempt %u, and in round "
                   "%llu, attempt %u, with another set",
                   member, (unsigned long long)first->input, (unsigned long long)before->round,
                   before->attempt, (unsigned long long)attempt->round, attempt->attempt);
}

void judge_discloses(struct federation_judge *judge, int member, int dealer,
                     const struct vain_proposal *attempt)
{
    struct judged_member *of = &judge->members[member];
    bool again = false;
    for (int i = 0; i < of->disclosure_count; i++) {
        const struct vain_proposal *before = &of->disclosures[i].attempt;
        if (judged_same_attempt(before, attempt)) {
            again = true;
            continue;
        }
        judge_own_input(judge, member, before, attempt);
        if (before->epoch == attempt->epoch && before->round == attempt->round &&
            share_an_input(judge, before, attempt))
            judge_says(&judge->base,
                       "TWO OPENED: member %d opens (member %d's mask) attempt %u of round %llu "
                       "after attempt %u, with an input that is in both",
                       member, dealer, attempt->attempt, (unsigned long long)attempt->round,
                       before->attempt);
    }
    if (again)
        return;
    if (!judge_has_quorum(judge, attempt))
        judge_says(&judge->base,
                   "NO QUORUM: member %d gives out what opens attempt %u of round %llu, for which "
                   "too few have voted",
                   member, attempt->attempt, (unsigned long long)attempt->round);
    of->disclosures = judge_room(of->disclosures, of->disclosure_count, &of->disclosure_room,
                                 sizeof *of->disclosures);
    of->disclosures[of->disclosure_count++].attempt = *attempt;
}
