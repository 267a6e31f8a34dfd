/* Who has lied is known here from who lied, and not from anything that members show each other. */
#include "tests/sim/federation_judge.h"

/* `member` -1: anybody; `masks`: about them, or about words. */
static bool has_lied_about(const struct federation_judge *judge, int member,
                           const struct vain_proposal *attempt, bool masks)
{
    for (int i = judge->lie_count - 1; i >= 0; i--) {
        const struct judged_lie *lie = &judge->lies[i];
        if ((member < 0 || lie->member == member) && masks == (lie->about == JUDGED_LIE_MASKS) &&
            judged_same_attempt(&lie->attempt, attempt))
            return true;
    }
    return false;
}

/* -1 is nobody. All who are shown the same statements come to the same. */
static void note_culprit(struct federation_judge *judge, int member,
                         const struct vain_proposal *attempt, int culprit)
{
    for (int i = judge->culprit_count - 1; i >= 0; i--) {
        const struct judged_culprit *before = &judge->culprits[i];
        if (!judged_same_attempt(&before->attempt, attempt))
            continue;
        if (before->member != culprit)
            judge_says(&judge->base,
                       "TWO NAMED: member %d names member %d (-1: nobody) in attempt %u of round "
                       "%llu, others have named member %d",
                       member, culprit, attempt->attempt, (unsigned long long)attempt->round,
                       before->member);
        return;
    }
    judge->culprits = judge_room(judge->culprits, judge->culprit_count, &judge->culprit_room,
                                 sizeof *judge->culprits);
    judge->culprits[judge->culprit_count++] = (struct judged_culprit){*attempt, culprit};
    judge->named += culprit >= 0;
}

void judge_lies(struct federation_judge *judge, int member, const struct vain_proposal *attempt,
                enum judged_lie_about about, bool harmless)
{
    judge->lies = judge_room(judge->lies, judge->lie_count, &judge->lie_room, sizeof *judge->lies);
    judge->lies[judge->lie_count++] = (struct judged_lie){*attempt, member, about};
    judge->lies_about_masks += about == JUDGED_LIE_MASKS;
    judge->harmless += about == JUDGED_LIE_MASKS && harmless;
}

void judge_finds_undealt(struct federation_judge *judge, int member,
                         const struct vain_proposal *attempt, int from, int dealer)
{
    if (!has_lied_about(judge, from, attempt, true) &&
        !has_lied_about(judge, dealer, attempt, true))
        judge_says(&judge->base,
                   "NOT DEALT: member %d, attempt %u of round %llu: what member %d gives out of "
                   "member %d's mask is not what was dealt, and neither has lied",
                   member, attempt->attempt, (unsigned long long)attempt->round, from, dealer);
}

void judge_finds_wrong(struct federation_judge *judge, int member,
                       const struct vain_proposal *attempt)
{
    if (!has_lied_about(judge, -1, attempt, false))
        judge_says(&judge->base,
                   "WRONG FOR NOTHING: the check word of member %d's sum of attempt %u of round "
                   "%llu does not hold, and nobody has lied",
                   member, attempt->attempt, (unsigned long long)attempt->round);
}

void judge_names(struct federation_judge *judge, int member, const struct vain_proposal *attempt,
                 int culprit, bool by_evidence)
{
    if (!has_lied_about(judge, culprit, attempt, false) &&
        (by_evidence || !has_lied_about(judge, culprit, attempt, true)))
        judge_says(&judge->base,
                   "INNOCENT NAMED: member %d names member %d in attempt %u of round %llu, which "
                   "has not lied in it",
                   member, culprit, attempt->attempt, (unsigned long long)attempt->round);
    if (by_evidence)
        note_culprit(judge, member, attempt, culprit);
}

/* Words that do not fit their own check word, where that is masked: nobody can know whose. */
void judge_names_nobody(struct federation_judge *judge, int member,
                        const struct vain_proposal *attempt)
{
    note_culprit(judge, member, attempt, -1);
    for (int i = judge->lie_count - 1; i >= 0; i--) {
        const struct judged_lie *lie = &judge->lies[i];
        if (!judged_same_attempt(&lie->attempt, attempt) || lie->about == JUDGED_LIE_MASKS ||
            (lie->about == JUDGED_LIE_OWN_WORDS && !judge->own_masks))
            continue;
        judge_says(&judge->base,
                   "NOBODY NAMED: member %d was shown all statements of attempt %u of round %llu, "
                   "in which member %d has lied",
                   member, attempt->attempt, (unsigned long long)attempt->round, lie->member);
        return;
    }
}
