/* Which device a run computes on, and the calls that every device answers through its table. */
#include "kernels/device.h"

#include "kernels/device_module.h"
#include "kernels/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- By name ---- */

/* "cuda" or "cuda:n"; n = -1: the local rank decides. */
static bool gpu_of_name(const char *name, int *index)
{
    const size_t prefix = strlen("cuda");
    *index = -1;
    if (strncmp(name, "cuda", prefix) != 0)
        return false;
    if (name[prefix] == '\0')
        return true;
    char *end = NULL;
    const long number = strtol(name + prefix + 1, &end, 10);
    if (name[prefix] != ':' || name[prefix + 1] < '0' || name[prefix + 1] > '9' || *end != '\0' ||
        number > VAIN_GPU_INDEX_MAX)
        return false;
    *index = (int)number;
    return true;
}

bool vain_device_name_valid(const char *name)
{
    int index;
    return strcmp(name, "auto") == 0 || strcmp(name, "cpu") == 0 || gpu_of_name(name, &index);
}

static enum vain_status open_gpu(const struct vain_device_wish *wish, int index,
                                 struct vain_device *out)
{
    const struct vain_cuda_module *module = NULL;
    int count = 0;
    VAIN_TRY(vain_device_module(wish->module_path, &module));
    VAIN_TRY(module->count(&count));
    if (index >= count)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "device cuda:%d: this process may see %d GPU%s",
                         index, count, count == 1 ? "" : "s");
    if (index < 0 && wish->local_rank >= count && !wish->shared)
        return vain_fail(VAIN_ERR_REFUSED,
                         "rank %d of this host has no GPU of its own: there are %d; start fewer "
                         "ranks a host, or allow sharing (device_shared: true)",
                         wish->local_rank, count);
    const struct vain_cuda_options options = {
        .index = index >= 0 ? index : wish->local_rank % count, .precision = wish->precision};
    return module->open(&options, out);
}

static enum vain_status open_cpu(const struct vain_device_wish *wish, struct vain_device *out)
{
    return vain_device_open_cpu(wish->threads, NULL, out);
}

enum vain_status vain_device_open(const struct vain_device_wish *wish, struct vain_device *out,
                                  char why[VAIN_DEVICE_WHY_BYTES])
{
    int index = -1;
    *out = (struct vain_device){.ops = NULL};
    (void)snprintf(why, VAIN_DEVICE_WHY_BYTES, "device: %s", wish->name);
    if (strcmp(wish->name, "cpu") == 0)
        return open_cpu(wish, out);
    if (gpu_of_name(wish->name, &index))
        return open_gpu(wish, index, out);
    if (strcmp(wish->name, "auto") != 0)
        return vain_fail(VAIN_ERR_INPUT, "device: %s: expected auto, cpu, cuda or cuda:N",
                         wish->name);
    const enum vain_status status = open_gpu(wish, -1, out);
    if (status == VAIN_OK || status != VAIN_ERR_UNAVAILABLE) {
        (void)snprintf(why, VAIN_DEVICE_WHY_BYTES, "device: auto found a GPU");
        return status;
    }
    (void)snprintf(why, VAIN_DEVICE_WHY_BYTES, "%s", vain_fail_message());
    vain_fail_clear();
    return open_cpu(wish, out);
}

/* ---- Answered by each device ---- */

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

bool vain_device_is_host(const struct vain_device *device)
{
    return device->cuda == NULL;
}
