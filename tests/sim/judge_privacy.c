/* Two sums in which one member's input is the same, and whose sets differ, give away what differs.
 * At level 1 a sum can be known as soon as words leave, since masks cancel over its set; at level 2
 * when something is given out that takes own masks off. */
#include "base/memory.h"
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

/* An input of somebody that is in both, under different sets; -1: none. */
static int input_in_both(const struct federation_judge *judge, const struct vain_proposal *a,
                         const struct vain_proposal *b)
{
    for (int i = 0; i < judge->base.members && !vain_set_equal(&a->set, &b->set); i++) {
        const struct judged_words *first = judged_words_of(judge, i, a);
        const struct judged_words *second = judged_words_of(judge, i, b);
        if (first != NULL && second != NULL && first->input == second->input)
            return i;
    }
    return -1;
}

/* ---- what a member gives out ----------------------------------------------------------------- */

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

/* Whatever is in them: with one attempt a round and epoch nobody has to think of inputs. */
static void judge_one_attempt(struct federation_judge *judge, int member, int dealer,
                              const struct vain_proposal *before,
                              const struct vain_proposal *attempt)
{
    if (before->epoch == attempt->epoch && before->round == attempt->round)
        judge_says(&judge->base,
                   "TWO OPENED: member %d opens (member %d's mask) attempt %u of round %llu after "
                   "attempt %u",
                   member, dealer, attempt->attempt, (unsigned long long)attempt->round,
                   before->attempt);
}

/* False: it has given out something of this attempt before. */
static bool note_disclosure(struct federation_judge *judge, int member, int dealer,
                            const struct vain_proposal *attempt)
{
    struct judged_member *of = &judge->members[member];
    for (int i = of->disclosure_count - 1; i >= 0; i--) {
        if (judged_same_attempt(&of->disclosures[i].attempt, attempt))
            return false;
    }
    for (int i = 0; i < of->disclosure_count; i++) {
        const struct vain_proposal *before = &of->disclosures[i].attempt;
        judge_own_input(judge, member, before, attempt);
        judge_one_attempt(judge, member, dealer, before, attempt);
    }
    of->disclosures = judge_room(of->disclosures, of->disclosure_count, &of->disclosure_room,
                                 sizeof *of->disclosures);
    of->disclosures[of->disclosure_count++].attempt = *attempt;
    return true;
}

/* ---- what can be known from all of it -------------------------------------------------------- */

static struct judged_opening *opening_of(struct federation_judge *judge,
                                         const struct vain_proposal *attempt)
{
    for (int i = judge->opening_count - 1; i >= 0; i--) {
        if (judged_same_attempt(&judge->openings[i].attempt, attempt))
            return &judge->openings[i];
    }
    judge->openings = judge_room(judge->openings, judge->opening_count, &judge->opening_room,
                                 sizeof *judge->openings);
    struct judged_opening *opening = &judge->openings[judge->opening_count++];
    *opening =
        (struct judged_opening){.attempt = *attempt, .unknown = vain_set_count(&attempt->set)};
    VAIN_ASSERT(vain_take_array(judge->base.members, sizeof *opening->givers, "judge",
                                (void **)&opening->givers) == VAIN_OK);
    return opening;
}

/* With its own secret, or with shares of more than two thirds of who decides, and of the set. */
static bool is_mask_known(const struct federation_judge *judge,
                          const struct judged_opening *opening, int dealer)
{
    const struct vain_set voters = judged_voters(judge, &opening->attempt);
    const int shares = vain_set_count(&opening->givers[dealer]);
    return vain_set_has(&opening->givers[dealer], dealer) ||
           (3 * shares > 2 * vain_set_count(&voters) &&
            3 * shares > 2 * vain_set_count(&opening->attempt.set));
}

static void judge_difference(struct federation_judge *judge, const struct judged_opening *known)
{
    for (int i = 0; i < judge->opening_count; i++) {
        const struct judged_opening *other = &judge->openings[i];
        if (other == known || other->unknown > 0)
            continue;
        const int member = input_in_both(judge, &other->attempt, &known->attempt);
        if (member >= 0)
            judge_says(&judge->base,
                       "TWO KNOWN: an input of member %d is in the sums of epoch %llu, round %llu "
                       "and of epoch %llu, round %llu, with other members, and both can be known",
                       member, (unsigned long long)other->attempt.epoch,
                       (unsigned long long)other->attempt.round,
                       (unsigned long long)known->attempt.epoch,
                       (unsigned long long)known->attempt.round);
    }
}

static void note_opening(struct federation_judge *judge, int member, int dealer,
                         const struct vain_proposal *attempt)
{
    struct judged_opening *opening = opening_of(judge, attempt);
    if (is_mask_known(judge, opening, dealer))
        return;
    vain_set_add(&opening->givers[dealer], member);
    if (is_mask_known(judge, opening, dealer) && --opening->unknown == 0)
        judge_difference(judge, opening);
}

void judge_discloses(struct federation_judge *judge, int member, int dealer,
                     const struct vain_proposal *attempt)
{
    if (note_disclosure(judge, member, dealer, attempt) && !judge_has_quorum(judge, attempt))
        judge_says(&judge->base,
                   "NO QUORUM: member %d gives out what opens attempt %u of round %llu, for which "
                   "too few have voted",
                   member, attempt->attempt, (unsigned long long)attempt->round);
    note_opening(judge, member, dealer, attempt);
}
