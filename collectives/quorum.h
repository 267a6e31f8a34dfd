/* How many of n members must agree, or help, so that nothing happens twice: t = floor(2n/3) + 1.
 *
 * Let at most c = ceil(n/3) - 1 members be faulty, so 3c < n. Then
 *
 *   two quorums share an honest member: of two sets of t members out of n at least 2t - n are in
 *     both. As 3t > 2n, 3(2t - n) = 2 * 3t - 3n > n, so more than n/3 > c members are in both. Who
 *     signs one set a round only keeps two sets from both having a quorum;
 *
 *   the faulty ones alone are no quorum, nor can they read what t shares are needed for: 3t > 2n >
 *     3c. Even with every share that one lying quorum got out of honest members they need those;
 *
 *   the honest ones are a quorum: n - c = n - ceil(n/3) + 1 = floor(2n/3) + 1 = t, so a round that
 *     all honest members want is never stuck. No larger t has that.
 *
 * n is that of the round's first set: it stays when members drop out later. */
#pragma once

#include "base/status.h"

static inline int vain_quorum(int members)
{
    VAIN_ASSERT(members >= 1);
    return (int)((int64_t)2 * members / 3) + 1;
}

/* f + 1 of n: so many that say the same contain one that is honest while at most f = n - t lie. */
static inline int vain_quorum_witnesses(int members)
{
    return members - vain_quorum(members) + 1;
}
