#include "tests/unit/jobs/letter_count.h"

#include <stdatomic.h>

#include "collectives/letter.h"

enum { ROUND_BYTES = 8 + 8 }; /* epoch and round, with nothing behind them */

static atomic_int empty_signatures;

void letter_count_note(uint16_t kind, size_t bytes)
{
    if (kind == VAIN_LETTER_SIGNATURE && bytes == ROUND_BYTES)
        atomic_fetch_add(&empty_signatures, 1);
}

int letter_count_empty_signatures(void)
{
    return atomic_load(&empty_signatures);
}
