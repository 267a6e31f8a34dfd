/* A member that claims to one other to hold a state of a later epoch, and describes it otherwise
 * than it was signed: of the thread that begins it, until it has described it once. Or one whose
 * signatures do not hold. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum state_lie {
    STATE_LIE_NONE,
    STATE_LIE_PARAMETERS,
    STATE_LIE_MOMENTUM,
    STATE_LIE_CODEC,
    STATE_LIE_VOTERS,
    STATE_LIE_EPOCH,    /* nothing else: of that there is no record */
    STATE_LIE_SIGNATURE /* claims nothing: its signatures of rounds are of no record */
};
/* `victim`: its place among the members, by id. */
void state_liar_begin(enum state_lie lie, int victim);
/* What goes to `member` in place of the letter; `body` itself, or borrowed until the next call. */
const void *state_liar_writes(int member, uint16_t kind, const void *body, size_t bytes);
