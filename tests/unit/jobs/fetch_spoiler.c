#include "tests/unit/jobs/fetch_spoiler.h"

#include <string.h>

#include "collectives/fetch.h"
#include "collectives/letter.h"

static _Thread_local enum fetch_trouble trouble;
static _Thread_local uint32_t spoilt_number;
static _Thread_local atomic_int *spoilt_signal;
static _Thread_local bool withholds;

void fetch_spoiler_begin(enum fetch_trouble what, uint32_t number, atomic_int *signal)
{
    trouble = what;
    spoilt_number = number;
    spoilt_signal = signal;
}

void fetch_spoiler_withhold(bool does)
{
    withholds = does;
}

size_t fetch_spoiler_writes(uint16_t kind, size_t bytes)
{
    if (!withholds || kind != VAIN_LETTER_RECORD)
        return bytes;
    withholds = false;
    return 0;
}

/* The linker puts this in the way (--wrap). */
void __real_vain_fetch_take(struct vain_fetch *fetch, int member, uint16_t kind, const void *body,
                            size_t bytes);
void __wrap_vain_fetch_take(struct vain_fetch *fetch, int member, uint16_t kind, const void *body,
                            size_t bytes);

void __wrap_vain_fetch_take(struct vain_fetch *fetch, int member, uint16_t kind, const void *body,
                            size_t bytes)
{
    uint32_t number = 0;
    if (bytes >= VAIN_FETCH_ASK_BYTES)
        memcpy(&number, (const uint8_t *)body + VAIN_HASH_BYTES, sizeof number);
    const bool spoilt = trouble != FETCH_FINE && number == spoilt_number;
    if (spoilt && spoilt_signal != NULL)
        atomic_store(spoilt_signal, 15);
    if (!spoilt || trouble == FETCH_WITHOUT)
        __real_vain_fetch_take(fetch, member, kind, body, spoilt ? VAIN_FETCH_ASK_BYTES : bytes);
}
