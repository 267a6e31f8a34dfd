/* Which members may be the reason that exchanges come to nothing.
 *
 * A wrong sum, or words that never come, has no name on it: in a ring whoever passes words on can
 * change them. But who spoils exchanges was in each that was spoilt, and others were not in all of
 * them. So every such failure counts against all that took part, a round that ends well speaks for
 * those in it, and with each failure one more of the most suspected is left out of what this member
 * proposes, in turn among equals. After VAIN_SUSPICION_ROUNDS good rounds one less is. An innocent
 * one may be left out for that long; who spoils exchanges costs the others a few of them in that
 * time, and not the run.
 *
 * Known to this member alone and told to nobody, so there is nothing to lie about. Pure. */
#pragma once

#include "collectives/member_set.h"

enum {
    VAIN_SUSPICION_FAILURE = 4,   /* counted against each of those who took part ... */
    VAIN_SUSPICION_PROVEN = 64,   /* ... or against the one whose part was wrong */
    VAIN_SUSPICION_ROUNDS = 16,   /* good rounds until one less is left out */
    VAIN_SUSPICION_MOST = 1 << 20 /* no count is greater */
};

struct vain_suspicion {
    int members, own;
    int left_out; /* how many are to be */
    int good_rounds;
    int counts[VAIN_MEMBERS_MAX];
};

void vain_suspicion_init(struct vain_suspicion *suspicion, int members, int own);
/* An exchange of `set` was spoilt, by one of them or by `member`; -1: nobody knows by whom. */
void vain_suspicion_failure(struct vain_suspicion *suspicion, const struct vain_set *set,
                            int member);
/* The same, of an exchange that this member was not in: it may as well not have begun, so nobody is
 * left out for it alone. */
void vain_suspicion_seen(struct vain_suspicion *suspicion, const struct vain_set *set);
/* A round ended with the exchange of `set`: so many as were outside of it are enough to leave out.
 */
void vain_suspicion_good_round(struct vain_suspicion *suspicion, const struct vain_set *set);
/* Of `ready` those to do without, the most suspected first; of equals those first whose `turn`,
 * any number that is another one each time, it is. out (members); returns how many. Suspects that
 * are not ready are done without already. */
int vain_suspicion_choose(const struct vain_suspicion *suspicion, const struct vain_set *ready,
                          uint32_t turn, int *out);
