/* The module's door: what it exports, and a device from opening to closing. */
#include "kernels/cuda/cuda.h"

#include "base/crypto.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static struct vain_cuda_host host;
static struct vain_ops ops;

/* ---- What headers of base/ promise, passed on to the executable ---- */

enum vain_status vain_fail(enum vain_status status, const char *format, ...)
{
    char message[VAIN_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return host.fail(status, message);
}

void vain_bug(const char *file, int line, const char *condition)
{
    host.bug(file, line, condition);
    __builtin_unreachable();
}

enum vain_status vain_take(size_t bytes, const char *what, void **out)
{
    return host.take(bytes, what, out);
}

void vain_release(void *memory)
{
    host.release(memory);
}

void vain_wipe(void *memory, size_t bytes)
{
    host.wipe(memory, bytes);
}

/* ---- Errors, streams, scratch, results ---- */

bool vain_cuda_note(struct vain_cuda *cuda, cudaError_t error, const char *place)
{
    if (error != cudaSuccess && cuda->error == cudaSuccess) {
        cuda->error = error;
        (void)snprintf(cuda->error_place, sizeof cuda->error_place, "%s", place);
    }
    return error == cudaSuccess;
}

cudaStream_t vain_cuda_stream(const struct vain_queue *queue)
{
    struct vain_cuda *cuda = queue->device->cuda;
    (void)vain_cuda_note(cuda, cudaSetDevice(cuda->index), "choosing the GPU");
    return queue->stream != NULL ? (cudaStream_t)queue->stream : cuda->stream;
}

void *vain_cuda_scratch(const struct vain_queue *queue, size_t bytes)
{
    struct vain_cuda *cuda = queue->device->cuda;
    if (bytes <= cuda->scratch_bytes)
        return cuda->scratch;
    /* What is queued still uses the old one. */
    (void)VAIN_CUDA_CHECK(queue, cudaStreamSynchronize(vain_cuda_stream(queue)));
    (void)VAIN_CUDA_CHECK(queue, cudaFree(cuda->scratch));
    cuda->scratch = NULL;
    cuda->scratch_bytes = 0;
    const size_t wanted = bytes + bytes / 4;
    if (!vain_cuda_note(cuda, cudaMalloc((void **)&cuda->scratch, wanted), "taking scratch"))
        return NULL;
    cuda->scratch_bytes = wanted;
    return cuda->scratch;
}

static void hand_out(struct vain_cuda *cuda)
{
    for (int i = 0; i < cuda->result_count; i++)
        memcpy(cuda->results[i].target, cuda->pinned + (size_t)i * VAIN_CUDA_RESULT_BYTES,
               cuda->results[i].bytes);
    cuda->result_count = 0;
}

void vain_cuda_deliver(const struct vain_queue *queue, const void *device_source, void *host_target,
                       size_t bytes)
{
    struct vain_cuda *cuda = queue->device->cuda;
    cudaStream_t stream = vain_cuda_stream(queue);
    VAIN_ASSERT(bytes <= VAIN_CUDA_RESULT_BYTES);
    if (cuda->result_count == VAIN_CUDA_RESULTS) {
        (void)VAIN_CUDA_CHECK(queue, cudaStreamSynchronize(stream));
        hand_out(cuda);
    }
    unsigned char *place = cuda->pinned + (size_t)cuda->result_count * VAIN_CUDA_RESULT_BYTES;
    if (!VAIN_CUDA_CHECK(
            queue, cudaMemcpyAsync(place, device_source, bytes, cudaMemcpyDeviceToHost, stream)))
        return;
    cuda->results[cuda->result_count] = {host_target, bytes};
    cuda->result_count++;
}

/* ---- A device ---- */

static enum vain_status failed(const struct vain_cuda *cuda, const char *name)
{
    return vain_fail(
        cuda->error == cudaErrorMemoryAllocation ? VAIN_ERR_MEMORY : VAIN_ERR_UNAVAILABLE,
        "%s: %s: %s (%s); nothing computed since then counts: start again, or with "
        "device: cpu",
        name, cuda->error_place, cudaGetErrorName(cuda->error), cudaGetErrorString(cuda->error));
}

static enum vain_status wait_queue(struct vain_queue *queue)
{
    struct vain_cuda *cuda = queue->device->cuda;
    (void)VAIN_CUDA_CHECK(queue, cudaStreamSynchronize(vain_cuda_stream(queue)));
    if (cuda->error != cudaSuccess) {
        cuda->result_count = 0;
        return failed(cuda, queue->device->name);
    }
    hand_out(cuda);
    return VAIN_OK;
}

static enum vain_status can_mask(const struct vain_device *device)
{
    (void)device; /* the cipher is its own (chacha.h) */
    return VAIN_OK;
}

static const char *platform(const struct vain_device *device)
{
    return device->cuda->platform;
}

static void close_cuda(struct vain_cuda *cuda)
{
    (void)cudaSetDevice(cuda->index);
    vain_cuda_matmul_close(cuda);
    if (cuda->stream != NULL)
        (void)cudaStreamDestroy(cuda->stream);
    (void)cudaFree(cuda->workspace);
    (void)cudaFree(cuda->scratch);
    (void)cudaFreeHost(cuda->pinned);
    vain_release(cuda);
}

static void close_device(struct vain_device *device)
{
    if (device->cuda != NULL)
        close_cuda(device->cuda);
    *device = {};
}

static bool take_blocks(struct vain_cuda *cuda)
{
    return vain_cuda_note(cuda, cudaStreamCreateWithFlags(&cuda->stream, cudaStreamNonBlocking),
                          "making a stream") &&
           vain_cuda_note(cuda, cudaMalloc((void **)&cuda->scratch, VAIN_CUDA_SCRATCH_BYTES),
                          "taking scratch") &&
           vain_cuda_note(cuda, cudaMalloc(&cuda->workspace, VAIN_CUDA_WORKSPACE_BYTES),
                          "taking a workspace") &&
           vain_cuda_note(cuda,
                          cudaMallocHost((void **)&cuda->pinned,
                                         (size_t)VAIN_CUDA_RESULTS * VAIN_CUDA_RESULT_BYTES),
                          "taking pinned memory");
}

static const char *precision_name(enum vain_precision precision)
{
    return precision == VAIN_PRECISION_BF16   ? "bf16"
           : precision == VAIN_PRECISION_TF32 ? "tf32"
                                              : "float32";
}

static enum vain_status open_cuda(struct vain_cuda *cuda, struct vain_device *device)
{
    cudaDeviceProp properties;
    if (!vain_cuda_note(cuda, cudaSetDevice(cuda->index), "choosing the GPU") ||
        !vain_cuda_note(cuda, cudaGetDeviceProperties(&properties, cuda->index), "its properties"))
        return failed(cuda, "cuda");
    cuda->multiprocessors = properties.multiProcessorCount;
    cuda->capability = 10 * properties.major + properties.minor;
    (void)snprintf(device->name, sizeof device->name, "cuda:%d %.60s", cuda->index,
                   properties.name);
    (void)snprintf(cuda->platform, sizeof cuda->platform, "product=%s sm=%d",
                   precision_name(cuda->precision), cuda->capability);
    if (cuda->capability < 80)
        return vain_fail(VAIN_ERR_UNAVAILABLE,
                         "%s has compute capability %d.%d; 8.0 (A100) or later is needed, or "
                         "device: cpu",
                         device->name, properties.major, properties.minor);
    if (!take_blocks(cuda))
        return failed(cuda, device->name);
    cuda->scratch_bytes = VAIN_CUDA_SCRATCH_BYTES;
    return vain_cuda_matmul_open(cuda);
}

static enum vain_status open_device(const struct vain_cuda_options *options,
                                    struct vain_device *out)
{
    struct vain_device device = {};
    struct vain_cuda *cuda = NULL;
    *out = device;
    VAIN_TRY(vain_take(sizeof *cuda, "state of a GPU", (void **)&cuda)); /* zeros */
    cuda->index = options->index;
    cuda->precision = options->precision;
    device.ops = &ops;
    device.cuda = cuda;
    const enum vain_status status = open_cuda(cuda, &device);
    if (status == VAIN_OK)
        *out = device;
    else
        close_cuda(cuda);
    return status;
}

/* ---- The door ---- */

static enum vain_status count_devices(int *out)
{
    *out = 0;
    const cudaError_t error = cudaGetDeviceCount(out);
    if (error == cudaSuccess && *out > 0)
        return VAIN_OK;
    (void)cudaGetLastError();
    return vain_fail(VAIN_ERR_UNAVAILABLE, "no GPU: %s",
                     error == cudaSuccess ? "none visible" : cudaGetErrorString(error));
}

static enum vain_status describe(int index, struct vain_cuda_description *out)
{
    cudaDeviceProp properties;
    *out = {};
    const cudaError_t error = cudaGetDeviceProperties(&properties, index);
    if (error != cudaSuccess)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "cuda:%d: %s", index, cudaGetErrorString(error));
    (void)snprintf(out->name, sizeof out->name, "%.63s", properties.name);
    for (int i = 0; i < 16; i++)
        (void)snprintf(out->identity + 2 * i, 3, "%02x", (unsigned char)properties.uuid.bytes[i]);
    out->major = properties.major;
    out->minor = properties.minor;
    out->memory_bytes = properties.totalGlobalMem;
    return VAIN_OK;
}

static void fill_ops(void)
{
    ops.name = "cuda";
    ops.device.close = close_device;
    ops.device.wait = wait_queue;
    ops.device.can_mask = can_mask;
    ops.device.platform = platform;
    ops.memory = vain_cuda_memory;
    ops.matmul = vain_cuda_matmul;
    ops.attention = vain_cuda_attention;
    ops.pointwise = vain_cuda_pointwise;
    ops.optimiser = vain_cuda_optimiser;
    ops.codec = vain_cuda_codec;
}

static const struct vain_cuda_module module = {VAIN_CUDA_MODULE_VERSION, count_devices, describe,
                                               open_device};

extern "C" __attribute__((visibility("default"))) const struct vain_cuda_module *
vain_cuda_module_of(int version, const struct vain_cuda_host *of_host);

extern "C" const struct vain_cuda_module *vain_cuda_module_of(int version,
                                                              const struct vain_cuda_host *of_host)
{
    if (version != VAIN_CUDA_MODULE_VERSION)
        return NULL;
    host = *of_host;
    fill_ops();
    return &module;
}
