#include "collectives/robust.h"

#include <string.h>

#include "kernels/device.h"
#include "tests/unit/suite.h"

enum { N = 5 };
static struct vain_device device;
static struct vain_queue queue;

static void open_queue(void)
{
    CU_ASSERT_EQUAL_FATAL(vain_device_open_cpu(1, NULL, &device), VAIN_OK);
    queue = (struct vain_queue){.device = &device};
}

static void one_view_is_the_update(void)
{
    float view[N] = {1.5f, -0.0f, 3e-42f, 1e38f, -7.0f}, out[N];
    const float *const views[] = {view};
    static const int64_t weights[] = {1, 333333, 1000000};
    open_queue();
    for (size_t i = 0; i < VAIN_COUNT_OF(weights); i++) {
        memset(out, 0xff, sizeof out);
        CU_ASSERT_EQUAL(vain_rule_mean.combine(&queue, 1, N, views, &weights[i], out), VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(out, view, sizeof out), 0);
    }
    CU_ASSERT_EQUAL(vain_rule_mean.combine(&queue, 1, N, views, weights, view), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(out, view, sizeof out), 0);
    vain_device_close(&device);
}

static void views_are_weighed(void)
{
    float a[N] = {4, 4, 4, 4, 4}, b[N] = {8, 0, -8, 1, 2}, c[N] = {100, 100, 100, 100, 100};
    const float *const views[] = {a, b, c};
    const int64_t weights[] = {750000, 250000, 0};
    const float expected[N] = {5, 3, 1, 3.25f, 3.5f};
    open_queue();
    CU_ASSERT_EQUAL(vain_rule_mean.combine(&queue, 3, N, views, weights, a), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(a, expected, sizeof a), 0);
    vain_device_close(&device);
}

static void weights_must_make_sense(void)
{
    float a[N] = {0}, out[N] = {9};
    const float *const views[] = {a, a};
    const int64_t negative[] = {2, -1}, none[] = {0, 0};
    open_queue();
    CU_ASSERT_EQUAL(vain_rule_mean.combine(&queue, 2, N, views, negative, out), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "weight -1 of group 1"));
    CU_ASSERT_EQUAL(vain_rule_mean.combine(&queue, 2, N, views, none, out), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_rule_mean.combine(&queue, 0, N, views, none, out), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(out[0], 9.0f);
    vain_device_close(&device);
}

static const struct vain_test tests[] = {
    {"one view is the update, bit for bit", one_view_is_the_update},
    {"views are weighed", views_are_weighed},
    {"weights must make sense", weights_must_make_sense},
    {NULL, NULL},
};
const struct vain_suite vain_suite_robust = {"robust", tests};
