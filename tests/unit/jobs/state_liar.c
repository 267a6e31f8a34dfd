#include "tests/unit/jobs/state_liar.h"

#include <string.h>

#include "collectives/assembly_letter.h"
#include "jobs/member_letter.h"

enum { MEMBERS = 4 };

static _Thread_local enum state_lie lie;
static _Thread_local int to;
static _Thread_local struct vain_state_letter held; /* as it is */
static _Thread_local uint8_t written[VAIN_STATE_LETTER_BYTES + VAIN_POSITION_BYTES];

void state_liar_begin(enum state_lie what, int victim)
{
    lie = what;
    to = victim;
}

static struct vain_state_letter spoilt(const struct vain_state_letter *state)
{
    struct vain_state_letter other = *state;
    other.epoch++;
    other.starting = false;
    other.voters = vain_set_first(MEMBERS);
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
    case STATE_LIE_VOTERS:
        vain_set_remove(&other.voters, 0);
        break;
    default:
        break;
    }
    return other;
}

/* The linker puts this in the way (--wrap). */
void __real_vain_state_letter_hash(const struct vain_state_letter *state, uint8_t *out);
void __wrap_vain_state_letter_hash(const struct vain_state_letter *state, uint8_t *out);

void __wrap_vain_state_letter_hash(const struct vain_state_letter *state, uint8_t *out)
{
    held = *state;
    __real_vain_state_letter_hash(state, out);
}

static const void *write_position(const void *body, size_t bytes)
{
    const struct vain_state_letter claimed = spoilt(&held);
    struct vain_position position;
    VAIN_ASSERT(vain_position_decode(body, bytes, &position));
    position.epoch++;
    position.flags &= ~(uint32_t)VAIN_POSITION_STARTING;
    __real_vain_state_letter_hash(&claimed, position.state_hash);
    vain_position_encode(&position, written);
    return written;
}

static const void *write_state(const void *body, size_t bytes)
{
    struct vain_state_letter state;
    VAIN_ASSERT(vain_state_letter_decode(body, bytes, MEMBERS, &state));
    state = spoilt(&state);
    vain_state_letter_encode(&state, written);
    lie = lie == STATE_LIE_EPOCH ? lie : STATE_LIE_NONE;
    return written;
}

static const void *write_signature(const void *body, size_t bytes)
{
    VAIN_ASSERT(bytes > 0 && bytes <= sizeof written);
    memcpy(written, body, bytes);
    written[bytes - 1] ^= 1;
    return written;
}

const void *state_liar_writes(int member, uint16_t kind, const void *body, size_t bytes)
{
    if (lie == STATE_LIE_NONE || member != to)
        return body;
    if (lie == STATE_LIE_SIGNATURE)
        return kind == VAIN_LETTER_SIGNATURE ? write_signature(body, bytes) : body;
    if (kind == VAIN_LETTER_POSITION)
        return write_position(body, bytes);
    return kind == VAIN_LETTER_STATE && bytes > 0 ? write_state(body, bytes) : body;
}
