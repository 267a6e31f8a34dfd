/* Opening and closing devices, and their memory. */
#include "base/memory.h"
#include "kernels/cpu/vector.h"
#include "tests/unit/kernels/bed.h"

#include <string.h>

static void an_unknown_code_is_refused(void)
{
    struct vain_device device;
    const int64_t blocks = vain_memory_blocks();
    CU_ASSERT_EQUAL(vain_device_open_cpu(1, "avx1024", &device), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "avx1024"));
    CU_ASSERT_EQUAL(vain_memory_blocks(), blocks);
}

static void threads_out_of_range_are_refused(void)
{
    struct vain_device device;
    const int64_t blocks = vain_memory_blocks();
    CU_ASSERT_EQUAL(vain_device_open_cpu(0, NULL, &device), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_device_open_cpu(100000, NULL, &device), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_memory_blocks(), blocks);
}

static void the_platform_says_what_decides_bits(void)
{
    struct vain_device device;
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, "baseline", &device), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(vain_device_platform(&device),
                           device.code->fused ? "product=fused" : "product=plain");
    CU_ASSERT_STRING_EQUAL(device.name, "cpu baseline");
    vain_device_close(&device);
    CU_ASSERT_PTR_NULL(device.ops);
    for (int d = 0; d < bed_device_count(); d++)
        if (strcmp(bed_queue(d)->device->name, "cpu baseline") != 0)
            CU_ASSERT_STRING_EQUAL(vain_device_platform(bed_queue(d)->device), "product=fused");
}

static void the_best_code_is_chosen(void)
{
    struct vain_device device;
    int best = 0;
    while (!vain_vector_codes[best]->available())
        best++;
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    CU_ASSERT_PTR_EQUAL(device.code, vain_vector_codes[best]);
    vain_device_close(&device);
}

/* The linker gives vain_mask_stream_open to this first. */
enum vain_status __real_vain_mask_stream_open(struct vain_mask_stream **out);
enum vain_status __wrap_vain_mask_stream_open(struct vain_mask_stream **out);
static int streams_left = -1; /* that open; -1: all */

enum vain_status __wrap_vain_mask_stream_open(struct vain_mask_stream **out)
{
    *out = NULL;
    if (streams_left == 0)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "no cipher on purpose");
    streams_left -= streams_left > 0;
    return __real_vain_mask_stream_open(out);
}

/* Without the cipher of masks all else works, and who wants masks is told. */
static void a_device_without_masks_opens(void)
{
    struct vain_device device;
    const int64_t blocks = vain_memory_blocks();
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(2, NULL, &device), VAIN_OK);
    CU_ASSERT_EQUAL(vain_device_can_mask(&device), VAIN_OK);
    vain_device_close(&device);
    for (int left = 0; left < 2; left++) {
        streams_left = left;
        vain_fail_clear();
        CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(2, NULL, &device), VAIN_OK);
        CU_ASSERT_STRING_EQUAL(vain_fail_message(), "");
        CU_ASSERT_EQUAL(vain_device_can_mask(&device), VAIN_ERR_UNAVAILABLE);
        CU_ASSERT_STRING_EQUAL(vain_fail_message(), "no cipher on purpose");
        vain_device_close(&device);
    }
    streams_left = -1;
    CU_ASSERT_EQUAL(vain_memory_blocks(), blocks);
}

static void closing_gives_all_back(void)
{
    struct vain_device device;
    const int64_t blocks = vain_memory_blocks();
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(3, NULL, &device), VAIN_OK);
    CU_ASSERT_TRUE(vain_memory_blocks() > blocks);
    vain_device_close(&device);
    CU_ASSERT_EQUAL(vain_memory_blocks(), blocks);
}

static void a_queue_waits_for_nothing(void)
{
    CU_ASSERT_EQUAL(vain_queue_wait(bed_queue(0)), VAIN_OK);
}

/* More than one part of a parallel copy, and an odd rest. */
static void memory_is_copied_and_zeroed_whole(void)
{
    const int64_t count = 800001;
    const size_t bytes = (size_t)count * sizeof(float);
    struct vain_queue *queue = bed_queue(0);
    const struct vain_memory_ops *memory = &queue->device->ops->memory;
    float *source = bed_random_floats(count, 1), *target = bed_floats(count);
    void *device;
    CU_ASSERT_EQUAL_FATAL(memory->take(queue->device, bytes, "test", &device), VAIN_OK);
    memory->copy_in(queue, device, source, bytes);
    memory->copy_out(queue, target, device, bytes);
    CU_ASSERT_EQUAL(memcmp(source, target, bytes), 0);
    memory->zero(queue, device, bytes - 4);
    memory->copy(queue, target, device, bytes);
    bool zero = true;
    for (int64_t i = 0; i < count - 1; i++)
        zero = zero && target[i] == 0;
    CU_ASSERT_TRUE(zero);
    CU_ASSERT_EQUAL(target[count - 1], source[count - 1]);
    memory->zero(queue, target, 0);
    CU_ASSERT_EQUAL(target[0], 0);
    memory->release(queue->device, device);
    bed_end();
}

static const struct vain_test tests[] = {
    {"an unknown vector code is refused", an_unknown_code_is_refused},
    {"a number of threads out of range is refused", threads_out_of_range_are_refused},
    {"the platform says what decides bits", the_platform_says_what_decides_bits},
    {"the best vector code of the processor is chosen", the_best_code_is_chosen},
    {"a device without masks opens", a_device_without_masks_opens},
    {"closing gives all memory back", closing_gives_all_back},
    {"a queue of the CPU waits for nothing", a_queue_waits_for_nothing},
    {"memory is copied and zeroed whole", memory_is_copied_and_zeroed_whole},
    {NULL, NULL},
};

const struct vain_suite vain_suite_device = {"device", tests};
