/* What the record of a round says of the state after it, signed by members of the round; and
 * whether a description of a state that somebody gives is of that one. */
#pragma once

#include "base/record_extension.h"
#include "jobs/member_letter.h"

struct vain_recorded_state {
    bool known;
    uint64_t epoch, round;
    uint8_t run_id[VAIN_RUN_ID_BYTES];
    uint8_t parameters_hash[VAIN_HASH_BYTES];
    struct vain_record_next next;
    struct vain_set set; /* who took part, by the caller's indices */
};

/* Of a record whose signatures hold, and whose members are `set`. Local. */
void vain_recorded_state_note(struct vain_recorded_state *recorded,
                              const struct vain_record *record, const struct vain_set *set);
/* Half a sentence that says what of `state` is not as recorded, such as "it has other parameters";
 * NULL: nothing. Of an unknown record nothing is. Local. */
const char *vain_recorded_state_contradiction(const struct vain_recorded_state *recorded,
                                              const struct vain_state_letter *state);
/* The same of its epoch and voters only, for a state that is known otherwise. `listed`: members in
 * all, who decide about the first round of an epoch. */
const char *vain_recorded_state_epoch_contradiction(const struct vain_recorded_state *recorded,
                                                    const struct vain_state_letter *state,
                                                    int listed);
/* Whether the record alone vouches for `state`, which does not contradict it: the record says what
 * the next round begins with, and the description claims no later epoch to be under way. If not,
 * more than f members must give the same description. */
bool vain_recorded_state_settles(const struct vain_recorded_state *recorded,
                                 const struct vain_state_letter *state);
