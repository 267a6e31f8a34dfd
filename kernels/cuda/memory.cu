/* The GPU's memory. Taking and releasing wait for the device; copies are queued. */
#include "kernels/cuda/cuda.h"

static enum vain_status take(struct vain_device *device, size_t bytes, const char *what, void **out)
{
    void *memory = NULL;
    size_t free_bytes = 0, all_bytes = 0;
    *out = NULL;
    (void)cudaSetDevice(device->cuda->index);
    cudaError_t error = cudaMalloc(&memory, bytes > 0 ? bytes : 1);
    if (error == cudaSuccess)
        error = cudaMemset(memory, 0, bytes > 0 ? bytes : 1);
    if (error == cudaSuccess) {
        *out = memory;
        return VAIN_OK;
    }
    (void)cudaGetLastError(); /* told here, so not a launch's */
    (void)cudaFree(memory);
    (void)cudaMemGetInfo(&free_bytes, &all_bytes);
    return vain_fail(VAIN_ERR_MEMORY,
                     "%s: %zu bytes on %s, of which %zu of %zu are free: %s; a smaller batch or "
                     "model needs less, device: cpu uses the host's memory",
                     what, bytes, device->name, free_bytes, all_bytes, cudaGetErrorString(error));
}

static void release(struct vain_device *device, void *memory)
{
    (void)cudaSetDevice(device->cuda->index);
    (void)vain_cuda_note(device->cuda, cudaFree(memory), "releasing memory");
}

static void move(struct vain_queue *queue, void *target, const void *source, size_t bytes,
                 enum cudaMemcpyKind kind)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    if (source != NULL && bytes > 0)
        (void)VAIN_CUDA_CHECK(queue, cudaMemcpyAsync(target, source, bytes, kind, stream));
}

static void copy_in(struct vain_queue *queue, void *device_target, const void *host_source,
                    size_t bytes)
{
    move(queue, device_target, host_source, bytes, cudaMemcpyHostToDevice);
}

static void copy_out(struct vain_queue *queue, void *host_target, const void *device_source,
                     size_t bytes)
{
    move(queue, host_target, device_source, bytes, cudaMemcpyDeviceToHost);
}

static void copy(struct vain_queue *queue, void *target, const void *source, size_t bytes)
{
    move(queue, target, source, bytes, cudaMemcpyDeviceToDevice);
}

static void zero(struct vain_queue *queue, void *target, size_t bytes)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    if (bytes > 0)
        (void)VAIN_CUDA_CHECK(queue, cudaMemsetAsync(target, 0, bytes, stream));
}

const struct vain_memory_ops vain_cuda_memory = {
    .take = take,
    .release = release,
    .copy_in = copy_in,
    .copy_out = copy_out,
    .copy = copy,
    .zero = zero,
};
