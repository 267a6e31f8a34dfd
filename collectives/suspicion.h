/* Which members may be the reason that exchanges come to nothing.
 *
 * A wrong sum, or words that never come, has no name on it: in a ring whoever passes words on can
 * change them. But who spoils exchanges was in each that was spoilt, and others were not in all of
 * them. So every such failure counts against all that took part, a round that ends well speaks for
 * those in it, and with each failure one more of the most suspected is left out of what this member
 * proposes, some of equals each time. Never so many that fewer than a quorum of all members remain:
 * whoever spoils must not choose with whom he is alone.
 *
 * One spoiler is found in a few attempts. Several at a time must be left out together, which can
 * take more than exchange.attempts: two of seven 15 in the mean. An innocent one may be left out
 * for some rounds, until its count is gone or others are more suspected. Known to this member alone
 * and told to nobody. Pure. */
#pragma once

#include "collectives/member_set.h"

enum {
    VAIN_SUSPICION_FAILURE = 4, /* counted against each of those who took part ... */
    VAIN_SUSPICION_PROVEN = 16, /* ... or against the one whose part was wrong */
    VAIN_SUSPICION_OUTSIDE = 4, /* good rounds that take one off those who were left out; inside
                                   each does */
    VAIN_SUSPICION_MOST = 64    /* no count is greater */
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
/* Of `wanted` those to do without, the most suspected first; equals in an order that another `turn`
 * changes. out (members); returns how many. Suspects that are not in `wanted` are done without
 * already. */
int vain_suspicion_choose(const struct vain_suspicion *suspicion, const struct vain_set *wanted,
                          uint32_t turn, int *out);
