#include "tests/mpi/clock.h"

static uint64_t clock_now_ns(struct vain_world *world)
{
    struct test_clock *clock = world->state;
    clock->now_ns += clock->step_ns;
    return clock->now_ns;
}

void test_clock_world(struct test_clock *clock, struct vain_world *out)
{
    static const struct vain_world_ops ops = {.now_ns = clock_now_ns};
    *out = (struct vain_world){.ops = &ops, .state = clock};
}
