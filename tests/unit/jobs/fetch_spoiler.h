/* What goes wrong for a member that catches up: of the thread that begins it, until it ends. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fetch_trouble {
    FETCH_FINE,
    FETCH_WITHOUT, /* who is asked for parts says that it does not have that state any more */
    FETCH_SILENT   /* no answer comes */
};
/* Of vector number `number` that it fetches, from 1. `signal` (may be NULL) is sent 15 then. */
void fetch_spoiler_begin(enum fetch_trouble trouble, uint32_t number, atomic_int *signal);
/* The thread's member has no records for who asks it first. */
void fetch_spoiler_withhold(bool withholds);
/* How much of a letter that it writes goes out. */
size_t fetch_spoiler_writes(uint16_t kind, size_t bytes);
