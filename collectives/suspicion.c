#include "collectives/suspicion.h"

#include "collectives/quorum.h"

void vain_suspicion_init(struct vain_suspicion *suspicion, int members, int own)
{
    *suspicion = (struct vain_suspicion){.members = members, .own = own};
}

static void count_against(struct vain_suspicion *suspicion, int member, int more)
{
    int *count = &suspicion->counts[member];
    if (member != suspicion->own)
        *count = *count + more < VAIN_SUSPICION_MOST ? *count + more : VAIN_SUSPICION_MOST;
}

void vain_suspicion_seen(struct vain_suspicion *suspicion, const struct vain_set *set)
{
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1))
        count_against(suspicion, i, VAIN_SUSPICION_FAILURE);
}

void vain_suspicion_failure(struct vain_suspicion *suspicion, const struct vain_set *set,
                            int member)
{
    const int most = suspicion->members - vain_quorum(suspicion->members);
    if (member >= 0)
        count_against(suspicion, member, VAIN_SUSPICION_PROVEN);
    else
        vain_suspicion_seen(suspicion, set);
    suspicion->left_out += suspicion->left_out < most;
}

void vain_suspicion_good_round(struct vain_suspicion *suspicion, const struct vain_set *set)
{
    int outside = 0;
    const bool for_outside = ++suspicion->good_rounds % VAIN_SUSPICION_OUTSIDE == 0;
    for (int i = 0; i < suspicion->members; i++) {
        const bool inside = vain_set_has(set, i);
        suspicion->counts[i] -= suspicion->counts[i] > 0 && (inside || for_outside);
        outside += suspicion->counts[i] > 0 && !inside;
    }
    if (suspicion->left_out > outside)
        suspicion->left_out = outside;
}

/* Any order of equals, another one each turn (the finaliser of MurmurHash3). */
static uint32_t order_of(int member, uint32_t turn)
{
    uint32_t x = turn * UINT32_C(0x9e3779b9) + (uint32_t)member + 1;
    x = (x ^ x >> 16) * UINT32_C(0x85ebca6b);
    x = (x ^ x >> 13) * UINT32_C(0xc2b2ae35);
    return x ^ x >> 16;
}

/* The most suspected that is wanted and not in `chosen` yet; -1: nobody. */
static int most_suspected(const struct vain_suspicion *suspicion, const struct vain_set *wanted,
                          const struct vain_set *chosen, uint32_t turn)
{
    int best = -1;
    for (int i = 0; i < suspicion->members; i++) {
        const int count = suspicion->counts[i];
        if (count > 0 && vain_set_has(wanted, i) && !vain_set_has(chosen, i) &&
            (best < 0 || count > suspicion->counts[best] ||
             (count == suspicion->counts[best] && order_of(i, turn) > order_of(best, turn))))
            best = i;
    }
    return best;
}

int vain_suspicion_choose(const struct vain_suspicion *suspicion, const struct vain_set *wanted,
                          uint32_t turn, int *out)
{
    struct vain_set chosen = {{0}};
    int most = suspicion->left_out, count = 0;
    for (int i = 0; i < suspicion->members; i++)
        most -= suspicion->counts[i] > 0 && !vain_set_has(wanted, i);
    while (count < most) {
        const int member = most_suspected(suspicion, wanted, &chosen, turn);
        if (member < 0)
            break;
        vain_set_add(&chosen, member);
        out[count++] = member;
    }
    return count;
}
