/* A member of a ring whose memory or program is not as it should be: of the thread that begins it,
 * until the thread ends. */
#pragma once

#include <stdbool.h>

/* From now on a word of each partial sum is another one, after it was received and looked at and
 * before the own words are added. If it is shy, only where nothing is signed. */
void ring_spoiler_begin(bool shy);
