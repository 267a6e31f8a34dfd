/* Which device a run computes on, and the calls that every device answers through its table. */
#include "kernels/device.h"

#include "kernels/ops.h"

enum vain_status vain_device_can_mask(const struct vain_device *device)
{
    return device->ops->device.can_mask(device);
}

void vain_device_close(struct vain_device *device)
{
    if (device->ops != NULL)
        device->ops->device.close(device);
}

enum vain_status vain_queue_wait(struct vain_queue *queue)
{
    return queue->device->ops->device.wait(queue);
}

const char *vain_device_platform(const struct vain_device *device)
{
    return device->ops->device.platform(device);
}
