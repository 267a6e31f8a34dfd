/* One vote a generation, for ever; and a quorum before anything comes of it. */
#include <string.h>

#include "tests/sim/federation_judge.h"

static bool says_same(const struct vain_vote *a, const struct vain_vote *b)
{
    return a->burn == b->burn &&
           (a->burn || (a->attempt == b->attempt && vain_set_equal(&a->set, &b->set)));
}

/* Somebody honest holds a sum that one who is honest votes for, so it was there. */
static void judge_choice(struct federation_judge *judge, int member, const struct vain_vote *vote)
{
    const struct vain_proposal attempt = {
        .epoch = vote->epoch, .round = vote->round, .attempt = vote->attempt, .set = vote->set};
    for (int i = vain_set_next(&vote->set, 0); i >= 0; i = vain_set_next(&vote->set, i + 1)) {
        if (judged_words_of(judge, i, &attempt) == NULL)
            judge_says(
                &judge->base,
                "VOTE FOR NOTHING: member %d votes for attempt %u of round %llu, epoch %llu, "
                "for which no words of member %d ever left",
                member, vote->attempt, (unsigned long long)vote->round,
                (unsigned long long)vote->epoch, i);
    }
}

void judge_vote_leaves(struct federation_judge *judge, int member, const struct vain_vote *vote)
{
    struct judged_member *of = &judge->members[member];
    for (int i = of->vote_count - 1; i >= 0; i--) {
        const struct vain_vote *before = &of->votes[i];
        if (before->epoch != vote->epoch || before->round != vote->round ||
            before->attempt >> 16 != vote->attempt >> 16)
            continue;
        if (!says_same(before, vote) && !of->lies_in_letters)
            judge_says(&judge->base,
                       "TWO VOTES: member %d, epoch %llu, round %llu: for %s%u, then for %s%u",
                       member, (unsigned long long)vote->epoch, (unsigned long long)vote->round,
                       before->burn ? "a burn of " : "attempt ", before->attempt,
                       vote->burn ? "a burn of " : "attempt ", vote->attempt);
        return;
    }
    if (!of->lies_in_letters)
        judge_choice(judge, member, vote);
    of->votes = judge_room(of->votes, of->vote_count, &of->vote_room, sizeof *of->votes);
    of->votes[of->vote_count++] = *vote;
}

void judge_lies_in_letters(struct federation_judge *judge, int member)
{
    judge->members[member].lies_in_letters = true;
    judge->lies_in_letters++;
}

/* Who decides about a round: who was in the one before, or everybody where an epoch begins. */
struct vain_set judged_voters(const struct federation_judge *judge,
                              const struct vain_proposal *attempt)
{
    for (int i = judge->round_count - 1; i >= 0; i--) {
        const struct judged_round *round = judge->rounds[i];
        if (round->epoch == attempt->epoch && round->round + 1 == attempt->round)
            return round->set;
    }
    return vain_set_first(judge->base.members);
}

static bool has_voted(const struct judged_member *of, const struct vain_proposal *attempt)
{
    for (int i = of->vote_count - 1; i >= 0; i--) {
        const struct vain_vote *vote = &of->votes[i];
        if (!vote->burn && vote->epoch == attempt->epoch && vote->round == attempt->round &&
            vote->attempt == attempt->attempt && vain_set_equal(&vote->set, &attempt->set))
            return true;
    }
    return false;
}

bool judge_has_quorum(const struct federation_judge *judge, const struct vain_proposal *attempt)
{
    const struct vain_set voters = judged_voters(judge, attempt);
    int votes = 0;
    for (int i = vain_set_next(&voters, 0); i >= 0; i = vain_set_next(&voters, i + 1))
        votes += judge->members[i].lies_in_letters || has_voted(&judge->members[i], attempt);
    return 3 * votes > 2 * vain_set_count(&voters);
}
