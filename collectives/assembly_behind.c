/* What others hold that this member has not: of a later epoch under way, of a later round, or at a
 * start of the state that most hold.
 *
 * Who goes after a claim gives up its local steps, or a sum that it holds. So a member that has
 * taken part since its start follows more than f of all that are listed at once, of whom one is
 * honest, and fewer after it has stood still for a while: if they were right it could not go on. */
#include "collectives/assembly_state.h"

#include <string.h>

#include "collectives/quorum.h"

/* Whether what `there` holds is to be fetched rather than gone on without: it is of an epoch under
 * way that this member is not in, or of a later round. */
static bool is_ahead(const struct vain_assembly *own, const struct vain_position *there,
                     uint64_t at_least)
{
    const bool starting = (there->flags & VAIN_POSITION_STARTING) != 0;
    if (!own->stand.starting && starting)
        return false;
    if (own->stand.starting && !starting)
        return !vain_assembly_is_before_vote(own, there->epoch, there->round) &&
               (there->epoch > own->given_up_epoch || there->round > own->stand.round);
    if (!starting && there->epoch != own->stand.epoch)
        return there->epoch > own->stand.epoch;
    return there->round >= own->stand.round + at_least;
}

static bool claims(const struct vain_assembly *own, int member, uint64_t at_least)
{
    const struct vain_assembly_peer *peer = &own->peers[member];
    return peer->up && peer->known && is_ahead(own, &peer->position, at_least);
}

static int claimants(const struct vain_assembly *own, uint64_t at_least)
{
    int count = 0;
    for (int i = 0; i < own->config.members; i++)
        count += claims(own, i, at_least);
    return count;
}

void vain_assembly_forget_claims(struct vain_assembly *own)
{
    own->claimed = own->believed = false;
}

void vain_assembly_note_claims(struct vain_assembly *own, bool stuck)
{
    const bool claimed = claimants(own, 1) > 0;
    if (!claimed)
        own->believed = false;
    if (claimed && (!own->claimed || (!stuck && vain_assembly_enough_stand_here(own))))
        own->claimed_since_ms = own->now_ms;
    own->claimed = claimed;
}

/* Once believed they are until none is left: a fetch ends as it began. */
static bool are_believed(const struct vain_assembly *own, uint64_t at_least)
{
    return own->stand.starting || own->believed ||
           claimants(own, at_least) >= vain_quorum_witnesses(own->config.members) ||
           (own->claimed && own->now_ms - own->claimed_since_ms >= VAIN_ASSEMBLY_LOST_MS);
}

bool vain_assembly_is_distrusted(const struct vain_assembly *own, int member)
{
    return own->now_ms < own->peers[member].distrusted_until_ms;
}

static bool goes_before(const struct vain_position *a, const struct vain_position *b)
{
    const bool a_runs = (a->flags & VAIN_POSITION_STARTING) == 0;
    const bool b_runs = (b->flags & VAIN_POSITION_STARTING) == 0;
    if (a_runs != b_runs)
        return a_runs;
    if (a_runs && a->epoch != b->epoch)
        return a->epoch > b->epoch;
    return a->round > b->round;
}

static bool same_stand(const struct vain_position *a, const struct vain_position *b)
{
    return !goes_before(a, b) && !goes_before(b, a) &&
           memcmp(a->state_hash, b->state_hash, VAIN_HASH_BYTES) == 0;
}

static void collect_holders(struct vain_assembly *own, const struct vain_position *target)
{
    own->news = (struct vain_assembly_news){.verdict = VAIN_ASSEMBLY_BEHIND, .target = *target};
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_assembly_peer *peer = &own->peers[i];
        if (peer->up && peer->known && same_stand(&peer->position, target))
            vain_set_add(&own->news.holders, i);
    }
}

static int holders_of(const struct vain_assembly *own, const struct vain_position *position)
{
    int holders = 0;
    for (int i = 0; i < own->config.members; i++)
        holders += own->peers[i].up && own->peers[i].known &&
                   same_stand(&own->peers[i].position, position);
    return holders;
}

/* At a start all stand at the same round with what they hold of it: the state that most hold, or of
 * equally many the one with the smaller hash, is the one to go on from. */
static const struct vain_position *more_held_state(const struct vain_assembly *own)
{
    const struct vain_position *best = NULL;
    int best_holders = 0, own_holders = 1;
    for (int i = 0; i < own->config.members; i++)
        own_holders += vain_assembly_at_this_round(own, i);
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_position *position = &own->peers[i].position;
        if (!own->peers[i].up || !own->peers[i].known || position->round != own->stand.round ||
            (position->flags & VAIN_POSITION_STARTING) == 0 ||
            vain_assembly_at_this_round(own, i) || (best != NULL && same_stand(position, best)))
            continue;
        const int holders = holders_of(own, position);
        if (best == NULL || holders > best_holders ||
            (holders == best_holders &&
             memcmp(position->state_hash, best->state_hash, VAIN_HASH_BYTES) < 0)) {
            best = position;
            best_holders = holders;
        }
    }
    if (best == NULL || best_holders < own_holders ||
        (best_holders == own_holders &&
         memcmp(best->state_hash, own->stand.state_hash, VAIN_HASH_BYTES) > 0))
        return NULL;
    return best;
}

/* `at_least`: rounds that the others must be ahead, in the same epoch. */
bool vain_assembly_is_behind(struct vain_assembly *own, uint64_t at_least)
{
    const struct vain_position *target = NULL;
    for (int i = 0; i < own->config.members; i++) {
        const struct vain_position *there = &own->peers[i].position;
        if (claims(own, i, at_least) && (target == NULL || goes_before(there, target)))
            target = there;
    }
    if (target == NULL && own->stand.starting)
        target = more_held_state(own);
    if (target == NULL || !are_believed(own, at_least))
        return false;
    own->believed = true;
    collect_holders(own, target);
    return true;
}
