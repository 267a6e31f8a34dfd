/* A world whose clock moves by a step whenever it is asked, so that deadlines pass without waiting.
 */
#pragma once

#include "base/world.h"

struct test_clock {
    uint64_t now_ns, step_ns;
};
/* The world asks `clock` (borrowed) for the time and refuses everything else. */
void test_clock_world(struct test_clock *clock, struct vain_world *out);
