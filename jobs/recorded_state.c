#include "jobs/recorded_state.h"

#include <string.h>

void vain_recorded_state_note(struct vain_recorded_state *recorded,
                              const struct vain_record *record, const struct vain_set *set)
{
    *recorded = (struct vain_recorded_state){.known = true,
                                             .epoch = record->epoch,
                                             .round = record->round,
                                             .next = vain_record_next_of(record),
                                             .set = *set};
    memcpy(recorded->run_id, record->run_id, VAIN_RUN_ID_BYTES);
    memcpy(recorded->parameters_hash, record->parameters_after, VAIN_HASH_BYTES);
}

/* Those of the last round; of all that are listed, where an epoch has ended none yet. At a start
 * nobody goes by what is said of voters. */
static bool names_voters(const struct vain_recorded_state *recorded,
                         const struct vain_state_letter *state, int listed)
{
    const struct vain_set all = vain_set_first(listed);
    return state->starting ||
           vain_set_equal(&state->voters, state->epoch == recorded->epoch ? &recorded->set : &all);
}

const char *vain_recorded_state_contradiction(const struct vain_recorded_state *recorded,
                                              const struct vain_state_letter *state, int listed)
{
    const struct vain_record_next *next = &recorded->next;
    if (!recorded->known || state->round != recorded->round)
        return "there is no record of its round";
    if (memcmp(state->run_id, recorded->run_id, VAIN_RUN_ID_BYTES) != 0)
        return "it is of another run";
    if (memcmp(state->parameters_hash, recorded->parameters_hash, VAIN_HASH_BYTES) != 0)
        return "it has other parameters";
    if (!next->known)
        return "its record does not say how the codec and the outer momentum stood";
    if (memcmp(state->momentum_hash, next->momentum_hash, VAIN_HASH_BYTES) != 0)
        return "it has another outer momentum";
    if (state->codec.range_exponent != next->range_exponent ||
        state->codec.bound_exponent != next->bound_exponent)
        return "it has another state of the codec";
    if (state->epoch < recorded->epoch)
        return "it is of an earlier epoch";
    if (!names_voters(recorded, state, listed))
        return "it names other voters";
    return NULL;
}
