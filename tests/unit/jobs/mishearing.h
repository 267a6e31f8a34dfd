/* A member to whom another one tells something else than to the rest: of the thread that begins it,
 * until the thread ends. */
#pragma once

#include <stdbool.h>

/* Of the next attempt with `members` members: another number of inputs that each has dropped. Late:
 * not before it has voted, so that only its record is another one. */
void mishearing_begin(int members, bool late);
