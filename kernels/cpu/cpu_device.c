/* Opening the CPU: a pool, scratch, and the best vector code that this processor has. */
#include "base/limits.h"
#include "base/memory.h"
#include "kernels/cpu/cpu.h"

#include <stdio.h>
#include <string.h>

static enum vain_status choose_code(const char *isa, const struct vain_vector_code **out)
{
    for (int i = 0; vain_vector_codes[i] != NULL; i++) {
        const struct vain_vector_code *code = vain_vector_codes[i];
        if ((isa == NULL || strcmp(isa, code->name) == 0) && code->available()) {
            *out = code;
            return VAIN_OK;
        }
    }
    return vain_fail(VAIN_ERR_UNAVAILABLE,
                     "vector code %s: not in this processor or build; leave the choice open", isa);
}

static void close_mask_streams(struct vain_device *device)
{
    if (device->mask_streams == NULL)
        return;
    for (int i = 0; i < vain_pool_threads(device->pool); i++)
        vain_mask_stream_close(&device->mask_streams[i]);
    vain_release(device->mask_streams);
    device->mask_streams = NULL;
}

/* A library without the cipher is no reason not to train in the clear. */
static enum vain_status open_mask_streams(struct vain_device *device, int threads)
{
    enum vain_status status = vain_take_array(threads, sizeof *device->mask_streams, "mask streams",
                                              (void **)&device->mask_streams);
    for (int i = 0; i < threads && status == VAIN_OK; i++)
        status = vain_mask_stream_open(&device->mask_streams[i]);
    if (status != VAIN_ERR_UNAVAILABLE)
        return status;
    close_mask_streams(device);
    vain_fail_clear();
    return VAIN_OK;
}

enum vain_status vain_cpu_can_mask(const struct vain_device *device)
{
    if (device->mask_streams != NULL)
        return VAIN_OK;
    struct vain_mask_stream *stream = NULL; /* says why */
    const enum vain_status status = vain_mask_stream_open(&stream);
    vain_mask_stream_close(&stream);
    return status == VAIN_OK
               ? vain_fail(VAIN_ERR_UNAVAILABLE,
                           "OpenSSL had no ChaCha20 for masks a moment ago; start again")
               : status;
}

enum vain_status vain_device_open_cpu(int threads, const char *isa, struct vain_device *out)
{
    struct vain_device device = {.ops = &vain_cpu_ops};
    enum vain_status status;
    void *memory;
    *out = device;
    VAIN_TRY_OUT(choose_code(isa, &device.code));
    VAIN_TRY_OUT(vain_pool_open(threads, &device.pool));
    VAIN_TRY_OUT(vain_take_array(threads, VAIN_SCRATCH_BYTES, "kernel scratch", &memory));
    device.scratch = memory;
    VAIN_TRY_OUT(vain_take(VAIN_SHARED_BYTES, "kernel scratch", &memory));
    device.shared = memory;
    VAIN_TRY_OUT(open_mask_streams(&device, threads));
    (void)snprintf(device.name, sizeof device.name, "cpu %s", device.code->name);
    *out = device;
    return VAIN_OK;
out:
    vain_cpu_close(&device);
    return status;
}

void vain_cpu_close(struct vain_device *device)
{
    close_mask_streams(device);
    vain_pool_close(&device->pool);
    vain_release(device->shared);
    vain_release(device->scratch);
    *device = (struct vain_device){.ops = NULL};
}

enum vain_status vain_cpu_wait(struct vain_queue *queue)
{
    (void)queue; /* the CPU's ops have ended when they return */
    return VAIN_OK;
}

const char *vain_cpu_platform(const struct vain_device *device)
{
    return device->code->fused ? "product=fused" : "product=plain";
}
