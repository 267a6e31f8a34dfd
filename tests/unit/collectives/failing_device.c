/* A device whose queue fails on demand: the linker gives vain_queue_wait to this function first. */
#include "tests/unit/collectives/failing_device.h"

#include <stdbool.h>

#include "kernels/device.h"

static bool is_failing;
static int waits_left;

void device_fails_after(int waits)
{
    is_failing = true;
    waits_left = waits;
}

void device_works(void)
{
    is_failing = false;
}

/* Names that the linker makes. */
enum vain_status __real_vain_queue_wait(struct vain_queue *queue);
enum vain_status __wrap_vain_queue_wait(struct vain_queue *queue);

enum vain_status __wrap_vain_queue_wait(struct vain_queue *queue)
{
    return is_failing && waits_left-- <= 0
               ? vain_fail(VAIN_ERR_UNAVAILABLE, "the device is gone on purpose")
               : __real_vain_queue_wait(queue);
}
