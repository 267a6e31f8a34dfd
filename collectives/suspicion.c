#include "collectives/suspicion.h"

void vain_suspicion_init(struct vain_suspicion *suspicion, int members, int own)
{
    *suspicion = (struct vain_suspicion){.members = members, .own = own};
}

static void count_against(struct vain_suspicion *suspicion, int member, int more)
{
    if (member != suspicion->own && suspicion->counts[member] <= VAIN_SUSPICION_MOST - more)
        suspicion->counts[member] += more;
}

void vain_suspicion_seen(struct vain_suspicion *suspicion, const struct vain_set *set)
{
    for (int i = vain_set_next(set, 0); i >= 0; i = vain_set_next(set, i + 1))
        count_against(suspicion, i, VAIN_SUSPICION_FAILURE);
}

void vain_suspicion_failure(struct vain_suspicion *suspicion, const struct vain_set *set,
                            int member)
{
    if (member >= 0)
        count_against(suspicion, member, VAIN_SUSPICION_PROVEN);
    else
        vain_suspicion_seen(suspicion, set);
    suspicion->left_out += suspicion->left_out < suspicion->members;
    suspicion->good_rounds = 0;
}

void vain_suspicion_good_round(struct vain_suspicion *suspicion, const struct vain_set *set)
{
    int outside = 0;
    for (int i = 0; i < suspicion->members; i++) {
        const bool suspected = suspicion->counts[i] > 0, inside = vain_set_has(set, i);
        suspicion->counts[i] -= suspected && inside;
        outside += suspected && !inside;
    }
    if (suspicion->left_out > outside)
        suspicion->left_out = outside;
    if (suspicion->left_out == 0 || ++suspicion->good_rounds < VAIN_SUSPICION_ROUNDS)
        return;
    suspicion->good_rounds = 0;
    suspicion->left_out--;
    for (int i = 0; i < suspicion->members; i++)
        suspicion->counts[i] /= 2;
}

/* The most suspected that is ready and not in `chosen` yet; -1: nobody. */
static int most_suspected(const struct vain_suspicion *suspicion, const struct vain_set *ready,
                          const struct vain_set *chosen, uint32_t turn)
{
    int best = -1;
    for (int k = 0; k < suspicion->members; k++) {
        const int i = (int)((turn + (uint32_t)k) % (uint32_t)suspicion->members);
        if (suspicion->counts[i] > 0 && vain_set_has(ready, i) && !vain_set_has(chosen, i) &&
            (best < 0 || suspicion->counts[i] > suspicion->counts[best]))
            best = i;
    }
    return best;
}

int vain_suspicion_choose(const struct vain_suspicion *suspicion, const struct vain_set *ready,
                          uint32_t turn, int *out)
{
    struct vain_set chosen = {{0}};
    int wanted = suspicion->left_out, count = 0;
    for (int i = 0; i < suspicion->members; i++)
        wanted -= suspicion->counts[i] > 0 && !vain_set_has(ready, i);
    while (count < wanted) {
        const int member = most_suspected(suspicion, ready, &chosen, turn);
        if (member < 0)
            break;
        vain_set_add(&chosen, member);
        out[count++] = member;
    }
    return count;
}
