#include "tests/unit/jobs/ring_spoiler.h"

#include "collectives/exchange_state.h"

static _Thread_local bool spoils, is_shy;

void ring_spoiler_begin(bool shy)
{
    spoils = true;
    is_shy = shy;
}

void __real_vain_hops_come(struct vain_exchange *exchange, int64_t number, int64_t first,
                           int64_t count, const uint32_t *words);
void __wrap_vain_hops_come(struct vain_exchange *exchange, int64_t number, int64_t first,
                           int64_t count, const uint32_t *words);

void __wrap_vain_hops_come(struct vain_exchange *exchange, int64_t number, int64_t first,
                           int64_t count, const uint32_t *words)
{
    const int64_t sums = (exchange->config.member_count - 1) * exchange->ring.stripes;
    __real_vain_hops_come(exchange, number, first, count, words);
    if (spoils && count > 0 && number < sums && !(is_shy && exchange->evidence != NULL))
        *(uint32_t *)(uintptr_t)words += 0x4000;
}
