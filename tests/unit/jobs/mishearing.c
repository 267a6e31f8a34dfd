#include "tests/unit/jobs/mishearing.h"

#include "collectives/exchange.h"

static _Thread_local int heard_right, heard_wrong; /* members, of those that follow */

void mishearing_begin(int members, bool late)
{
    heard_right = late ? members : 0;
    heard_wrong = members;
}

uint32_t __real_vain_exchange_dropped(const struct vain_exchange *exchange, int rank);
uint32_t __wrap_vain_exchange_dropped(const struct vain_exchange *exchange, int rank);

uint32_t __wrap_vain_exchange_dropped(const struct vain_exchange *exchange, int rank)
{
    const uint32_t told = __real_vain_exchange_dropped(exchange, rank);
    if (heard_right > 0 || heard_wrong == 0) {
        heard_right -= heard_right > 0;
        return told;
    }
    heard_wrong--;
    return told + 1;
}
