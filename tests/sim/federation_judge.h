/* What is right in a simulated federation, found out apart from the code under test: from what
 * members put in, what leaves them, and what they come to. The first thing that is wrong is kept in
 * `base` (judge_says).
 *
 *     judge_sums.c: who applies a sum applies that of the inputs of exactly the members named, and
 *     all apply the same for one round of an epoch;
 *
 *     judge_votes.c: nobody that does not lie in letters votes for two things in one generation of
 *     a round, in all its lives, nor for a sum that never was; what is opened, and what is applied,
 *     has a quorum of votes;
 *
 *     judge_privacy.c: nobody opens two attempts of a round, and no input can be found as the
 *     difference of two sums that can be known;
 *
 *     judge_culprits.c: who is named has lied in that attempt, all who judge the same name the
 *     same, and where all statements were shown only a lie that they cannot tell names nobody; a
 *     sum is spoilt by no lie about masks, and what was not dealt comes of a lie about masks.
 *
 * All calls are local. */
#pragma once

#include "collectives/assembly_letter.h"
#include "tests/sim/exchange_judge.h"

/* Words that left a member. */
struct judged_words {
    struct vain_proposal attempt;
    uint64_t input;
};
/* Something that opens the sum of an attempt has left a member. */
struct judged_disclosure {
    struct vain_proposal attempt;
};
struct judged_member {
    struct judged_words *words; /* owned, in the order of time */
    int word_count, word_room;
    struct vain_vote *votes; /* owned */
    int vote_count, vote_room;
    struct judged_disclosure *disclosures; /* owned */
    int disclosure_count, disclosure_room;
    bool lies_in_letters; /* it has: its votes count for everything, and may differ */
};
/* An attempt of which something was given out. */
struct judged_opening {
    struct vain_proposal attempt;
    struct vain_set *givers; /* (members) by dealer: who gave out its secret, or a share; owned */
    int unknown;             /* of the set's secrets; 0: its sum can be known */
};
/* A round that somebody has ended. */
struct judged_round {
    uint64_t epoch, round;
    uint32_t attempt;
    struct vain_set set;
    int64_t weight;
    int32_t sums[]; /* (parameters) */
};
/* A lie that was told. */
enum judged_lie_about {
    JUDGED_LIE_WORDS,
    JUDGED_LIE_OWN_WORDS, /* its own words are not those of its check word */
    JUDGED_LIE_MASKS
};
struct judged_lie {
    struct vain_proposal attempt;
    int member;
    enum judged_lie_about about;
};
/* Whom the statements of an attempt have shown to be the culprit. */
struct judged_culprit {
    struct vain_proposal attempt;
    int member; /* -1: nobody */
};
struct federation_judge {
    struct judge base;
    bool own_masks;
    struct judged_member *members; /* (members) owned */
    struct judged_round **rounds;  /* owned */
    int round_count, round_room;
    struct judged_opening *openings; /* owned */
    int opening_count, opening_room;
    struct judged_lie *lies; /* owned, in the order of time */
    int lie_count, lie_room;
    struct judged_culprit *culprits; /* owned */
    int culprit_count, culprit_room;
    int named; /* attempts whose statements have shown a culprit */
    int lies_about_masks, lies_in_letters;
    int harmless; /* lies that cost nothing while an attempt's threshold of its members is honest */
};
enum vain_status federation_judge_open(const struct judge *base, bool own_masks,
                                       struct federation_judge *out) VAIN_MUST_USE;
void federation_judge_close(struct federation_judge *judge);

/* Masked words of `input` begin to leave `member` for an attempt. */
void judge_words_leave(struct federation_judge *judge, int member,
                       const struct vain_proposal *attempt, uint64_t input);
/* A vote of its own leaves it. */
void judge_vote_leaves(struct federation_judge *judge, int member, const struct vain_vote *vote);
/* It gives out its own secret (dealer == member) or its share of another's. */
void judge_discloses(struct federation_judge *judge, int member, int dealer,
                     const struct vain_proposal *attempt);
/* It holds the sum of a round that is complete, as mean (parameters) and counters. */
void judge_applies(struct federation_judge *judge, int member, const struct vain_proposal *attempt,
                   int scale_exponent, const float *mean, const struct vain_counters *counters);

/* A lie leaves `member`; `harmless`: if it is about masks, the others can do without what it gives.
 */
void judge_lies(struct federation_judge *judge, int member, const struct vain_proposal *attempt,
                enum judged_lie_about about, bool harmless);
/* A letter of its to one member is not what it is to others, or none. */
void judge_lies_in_letters(struct federation_judge *judge, int member);
/* What `from` gave out of the mask of `dealer` is not what was dealt. */
void judge_finds_undealt(struct federation_judge *judge, int member,
                         const struct vain_proposal *attempt, int from, int dealer);
/* The check word of the sum that `member` has does not hold. */
void judge_finds_wrong(struct federation_judge *judge, int member,
                       const struct vain_proposal *attempt);
/* It names `culprit`: by the statements that all were shown, or by a message to it alone. */
void judge_names(struct federation_judge *judge, int member, const struct vain_proposal *attempt,
                 int culprit, bool by_evidence);
/* All statements were shown to it, and it names nobody. */
void judge_names_nobody(struct federation_judge *judge, int member,
                        const struct vain_proposal *attempt);

/* Between the judges: the words of `member` in an attempt, NULL: they never left; whether a quorum
 * of those who decide about a round has voted for a set. */
const struct judged_words *judged_words_of(const struct federation_judge *judge, int member,
                                           const struct vain_proposal *attempt);
bool judged_same_attempt(const struct vain_proposal *a, const struct vain_proposal *b);
bool judge_has_quorum(const struct federation_judge *judge, const struct vain_proposal *attempt);
/* Who decides about the round of an attempt. */
struct vain_set judged_voters(const struct federation_judge *judge,
                              const struct vain_proposal *attempt);
/* Room for one more in an owned array. */
void *judge_room(void *array, int count, int *room, size_t bytes);
