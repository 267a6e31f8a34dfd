/* Which device a name and a rank come to, with machines of any number of GPUs; and modules that are
 * none. */
#include "kernels/device_module.h"
#include "kernels/ops.h"
#include "tests/unit/suite.h"

#include <string.h>

/* ---- A machine with some GPUs ---- */

static int gpus = -1; /* -1: the module of this build, if there is one */
static struct vain_cuda_options opened;

static enum vain_status count_gpus(int *out)
{
    *out = gpus;
    return gpus > 0 ? VAIN_OK : vain_fail(VAIN_ERR_UNAVAILABLE, "no GPU: none here");
}

static void close_gpu(struct vain_device *device)
{
    *device = (struct vain_device){.ops = NULL};
}

static const struct vain_ops gpu_ops = {.name = "cuda", .device = {.close = close_gpu}};

static enum vain_status open_gpu(const struct vain_cuda_options *options, struct vain_device *out)
{
    opened = *options;
    *out = (struct vain_device){.ops = &gpu_ops};
    return VAIN_OK;
}

static const struct vain_cuda_module module = {
    .version = VAIN_CUDA_MODULE_VERSION, .count = count_gpus, .open = open_gpu};

enum vain_status __real_vain_device_module(const char *path, const struct vain_cuda_module **out);
enum vain_status __wrap_vain_device_module(const char *path, const struct vain_cuda_module **out);

enum vain_status __wrap_vain_device_module(const char *path, const struct vain_cuda_module **out)
{
    if (gpus < 0)
        return __real_vain_device_module(path, out);
    *out = &module;
    return VAIN_OK;
}

/* ---- Tests ---- */

static char why[VAIN_DEVICE_WHY_BYTES];

static enum vain_status open_as(const char *name, int local_rank, bool shared, int there,
                                struct vain_device *device)
{
    const struct vain_device_wish wish = {.name = name,
                                          .threads = 1,
                                          .local_rank = local_rank,
                                          .shared = shared,
                                          .precision = VAIN_PRECISION_TF32};
    gpus = there;
    const enum vain_status status = vain_device_open(&wish, device, why);
    gpus = -1;
    return status;
}

static void names_are_known(void)
{
    static const char *const good[] = {"auto", "cpu", "cuda", "cuda:0", "cuda:17", "cuda:1023"};
    static const char *const bad[] = {"",      "gpu",    "CPU",     "cuda:",     "cuda:-1",
                                      "cuda0", "cuda:x", "cuda:1x", "cuda:1024", "cuda: 1"};
    struct vain_device device;
    for (size_t i = 0; i < VAIN_COUNT_OF(good); i++)
        CU_ASSERT_TRUE(vain_device_name_valid(good[i]));
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++) {
        CU_ASSERT_FALSE(vain_device_name_valid(bad[i]));
        CU_ASSERT_EQUAL(open_as(bad[i], 0, false, 4, &device), VAIN_ERR_INPUT);
    }
}

static void expect_gpu(const char *name, int local_rank, bool shared, int there, int index)
{
    struct vain_device device;
    opened.index = -1;
    CU_ASSERT_EQUAL(open_as(name, local_rank, shared, there, &device), VAIN_OK);
    CU_ASSERT_PTR_EQUAL(device.ops, &gpu_ops);
    CU_ASSERT_EQUAL(opened.index, index);
    CU_ASSERT_EQUAL(opened.precision, VAIN_PRECISION_TF32);
    vain_device_close(&device);
}

static void ranks_take_gpus_in_turn(void)
{
    for (int rank = 0; rank < 4; rank++) {
        expect_gpu("cuda", rank, false, 4, rank);
        expect_gpu("auto", rank, false, 4, rank);
        expect_gpu("cuda:2", rank, false, 4, 2);
        expect_gpu("cuda", rank, true, 3, rank % 3);
    }
}

static void more_ranks_than_gpus_are_refused(void)
{
    struct vain_device device;
    CU_ASSERT_EQUAL(open_as("cuda", 2, false, 2, &device), VAIN_ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "device_shared: true"));
    CU_ASSERT_EQUAL(open_as("auto", 2, false, 2, &device), VAIN_ERR_REFUSED);
    CU_ASSERT_PTR_NULL(device.ops);
    CU_ASSERT_EQUAL(open_as("cuda:2", 0, false, 2, &device), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "cuda:2"));
}

static void without_a_gpu_auto_is_the_cpu(void)
{
    struct vain_device device;
    CU_ASSERT_EQUAL(open_as("cuda", 0, false, 0, &device), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_PTR_NULL(device.ops);
    CU_ASSERT_EQUAL_FATAL(open_as("auto", 0, false, 0, &device), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(device.ops->name, "cpu");
    CU_ASSERT_TRUE(vain_device_is_host(&device));
    CU_ASSERT_STRING_EQUAL(why, "no GPU: none here");
    vain_device_close(&device);
    CU_ASSERT_EQUAL_FATAL(open_as("cpu", 0, false, 4, &device), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(device.ops->name, "cpu");
    vain_device_close(&device);
}

/* No module lies beside this test. */
static void a_module_that_is_none_is_told(void)
{
    const struct vain_cuda_module *found = &module;
    CU_ASSERT_EQUAL(vain_device_module(NULL, &found), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_PTR_NULL(found);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), VAIN_CUDA_MODULE_FILE));
    CU_ASSERT_EQUAL(vain_device_module("/nowhere/x.so", &found), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "/nowhere/x.so"));
    CU_ASSERT_EQUAL(vain_device_module("libm.so.6", &found), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "another build"));
    CU_ASSERT_PTR_NULL(found);
}

static const struct vain_test tests[] = {
    {"names are known", names_are_known},
    {"ranks take GPUs in turn", ranks_take_gpus_in_turn},
    {"more ranks than GPUs are refused", more_ranks_than_gpus_are_refused},
    {"without a GPU auto is the CPU", without_a_gpu_auto_is_the_cpu},
    {"a module that is none is told", a_module_that_is_none_is_told},
    {NULL, NULL},
};

extern const struct vain_suite vain_suite_device_choice;
const struct vain_suite vain_suite_device_choice = {"device choice", tests};
