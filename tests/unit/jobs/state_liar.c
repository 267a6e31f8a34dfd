#include "tests/unit/jobs/state_liar.h"

#include "collectives/assembly_letter.h"
#include "jobs/member_letter.h"

static _Thread_local enum state_lie lie;
static _Thread_local int left;
static _Thread_local struct vain_state_letter held; /* as it is */

void state_liar_begin(enum state_lie what, int asked)
{
    lie = what;
    left = asked;
}

static struct vain_state_letter spoilt(const struct vain_state_letter *state)
{
    struct vain_state_letter other = *state;
    other.epoch++;
    other.starting = false;
    switch (lie) {
    case STATE_LIE_PARAMETERS:
        other.parameters_hash[3] ^= 1;
        break;
    case STATE_LIE_MOMENTUM:
        other.momentum_hash[3] ^= 1;
        break;
    case STATE_LIE_CODEC:
        other.codec.range_exponent += 3;
        break;
    default:
        vain_set_remove(&other.voters, 0);
    }
    return other;
}

/* The linker puts these in the way (--wrap). */
void __real_vain_state_letter_hash(const struct vain_state_letter *state, uint8_t *out);
void __real_vain_state_letter_encode(const struct vain_state_letter *state, uint8_t *out);
void __real_vain_position_encode(const struct vain_position *position, uint8_t *out);
void __wrap_vain_state_letter_hash(const struct vain_state_letter *state, uint8_t *out);
void __wrap_vain_state_letter_encode(const struct vain_state_letter *state, uint8_t *out);
void __wrap_vain_position_encode(const struct vain_position *position, uint8_t *out);

void __wrap_vain_state_letter_hash(const struct vain_state_letter *state, uint8_t *out)
{
    held = *state;
    __real_vain_state_letter_hash(state, out);
}

void __wrap_vain_state_letter_encode(const struct vain_state_letter *state, uint8_t *out)
{
    const struct vain_state_letter other = lie != STATE_LIE_NONE ? spoilt(state) : *state;
    __real_vain_state_letter_encode(&other, out);
    if (left > 0 && --left == 0)
        lie = STATE_LIE_NONE;
}

void __wrap_vain_position_encode(const struct vain_position *position, uint8_t *out)
{
    struct vain_position other = *position;
    if (lie != STATE_LIE_NONE) {
        const struct vain_state_letter claimed = spoilt(&held);
        other.epoch++;
        __real_vain_state_letter_hash(&claimed, other.state_hash);
    }
    __real_vain_position_encode(&other, out);
}
