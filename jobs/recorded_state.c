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

const char *vain_recorded_state_contradiction(const struct vain_recorded_state *recorded,
                                              const struct vain_state_letter *state)
{
    const struct vain_record_next *next = &recorded->next;
    if (!recorded->known)
        return NULL;
    if (state->round != recorded->round)
        return "it is of another round";
    if (memcmp(state->run_id, recorded->run_id, VAIN_RUN_ID_BYTES) != 0)
        return "it is of another run";
    if (memcmp(state->parameters_hash, recorded->parameters_hash, VAIN_HASH_BYTES) != 0)
        return "it has other parameters";
    if (next->known && memcmp(state->momentum_hash, next->momentum_hash, VAIN_HASH_BYTES) != 0)
        return "it has another outer momentum";
    if (next->known && (state->codec.range_exponent != next->range_exponent ||
                        state->codec.bound_exponent != next->bound_exponent))
        return "it has another state of the codec";
    return NULL;
}

/* At a start nobody goes by what is said of epochs and voters. Else the voters are those of the
 * last round, or all that are listed, where an epoch has ended none yet. */
const char *vain_recorded_state_epoch_contradiction(const struct vain_recorded_state *recorded,
                                                    const struct vain_state_letter *state,
                                                    int listed)
{
    const struct vain_set all = vain_set_first(listed);
    if (!recorded->known || state->starting)
        return NULL;
    if (state->epoch < recorded->epoch)
        return "it is of an earlier epoch";
    return vain_set_equal(&state->voters, state->epoch == recorded->epoch ? &recorded->set : &all)
               ? NULL
               : "it names other voters";
}

bool vain_recorded_state_settles(const struct vain_recorded_state *recorded,
                                 const struct vain_state_letter *state)
{
    return recorded->known && recorded->next.known &&
           (state->starting || state->epoch == recorded->epoch);
}
