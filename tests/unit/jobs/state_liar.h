/* A member that claims to hold a state of a later epoch, and describes it otherwise than it was
 * signed: of the thread that begins it, until it has described it to `asked` members. */
#pragma once

enum state_lie {
    STATE_LIE_NONE,
    STATE_LIE_PARAMETERS,
    STATE_LIE_MOMENTUM,
    STATE_LIE_CODEC,
    STATE_LIE_VOTERS
};
void state_liar_begin(enum state_lie lie, int asked);
