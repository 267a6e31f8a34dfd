/* Letters that members of this process have sent. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void letter_count_note(uint16_t kind, size_t bytes);
/* Signatures of a round that say that there is none. */
int letter_count_empty_signatures(void);
