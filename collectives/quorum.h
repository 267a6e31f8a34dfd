/* How many of n members must say the same for it to stand.
 *
 * Two groups of t = floor(2n/3) + 1 out of n share at least 2t - n > n/3 members, hence one that is
 * honest while at most f = n - t of them lie (f < n/3); and an honest member says one thing a
 * round. So no two different things stand (protocols section 1, level 2). One more than f members
 * that say the same contain an honest one. */
#pragma once

static inline int vain_quorum(int members)
{
    return 2 * members / 3 + 1;
}
/* f + 1. */
static inline int vain_quorum_witnesses(int members)
{
    return members - vain_quorum(members) + 1;
}
