/* What goes wrong for a member that catches up: of the thread that begins it, until it ends. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum fetch_trouble {
    FETCH_FINE,
    FETCH_WITHOUT, /* who is asked for parts says that it does not have that state any more */
    FETCH_SILENT   /* no answer comes */
};
/* Of vector number `number` that it fetches, from 1. `signal` (may be NULL) is sent 15 then. */
void fetch_spoiler_begin(enum fetch_trouble trouble, uint32_t number, atomic_int *signal);
