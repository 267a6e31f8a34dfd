/* Every op on both devices.
 *
 * usage: test_twins [--module FILE] [--device NAME] [--small] [--group NAME] [--matrix-rate TFLOPS]
 *   --device NAME  cuda without it; cpu holds the tests themselves against each other
 *   --small        small shapes only and no times: for compute-sanitizer
 *   --group NAME   codec, masks, members, optimiser, linear, attention or pointwise; all without it
 *   --matrix-rate  the device's rate of bf16 products as somebody else measured it
 * The last line is "N passed, N failed"; exit code 77 where there is no GPU. */
#include "tests/gpu/twins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    void (*run)(struct vain_twins *twins);
} groups[] = {
    {"codec", vain_twins_codec},         {"masks", vain_twins_masks},
    {"members", vain_twins_members},     {"optimiser", vain_twins_optimiser},
    {"linear", vain_twins_linear},       {"attention", vain_twins_attention},
    {"pointwise", vain_twins_pointwise},
};

enum { SKIPPED = 77, COPIED = 1 << 30 };

struct arguments {
    const char *module, *device, *group;
    bool small;
    double matrix_rate;
};

static struct arguments arguments_of(int count, char **values)
{
    struct arguments arguments = {.device = "cuda"};
    for (int i = 1; i < count; i++) {
        const char *next = i + 1 < count ? values[i + 1] : "";
        if (strcmp(values[i], "--small") == 0) {
            arguments.small = true;
            continue;
        }
        if (strcmp(values[i], "--module") == 0)
            arguments.module = next;
        else if (strcmp(values[i], "--device") == 0)
            arguments.device = next;
        else if (strcmp(values[i], "--group") == 0)
            arguments.group = next;
        else if (strcmp(values[i], "--matrix-rate") == 0)
            arguments.matrix_rate = atof(next) * 1e12;
        i++;
    }
    return arguments;
}

struct copy {
    struct vain_twins *twins;
    struct vain_twin from, to;
};

static void run_copy(void *context)
{
    struct copy *copy = context;
    copy->twins->gpu.ops->memory.copy(&copy->twins->on_gpu, copy->to.gpu, copy->from.gpu,
                                      copy->from.bytes);
}

/* The ceiling that bytes are compared with: 4 GiB, read and written. */
static void measure_copy(struct vain_twins *twins)
{
    struct copy copy = {.twins = twins};
    copy.from = vain_twin_large(twins, COPIED, 1, 91);
    copy.to = vain_twin_large(twins, COPIED, 1, 92);
    const double seconds = vain_twins_time(twins, run_copy, &copy);
    const double bytes = 2 * (double)copy.from.bytes;
    twins->copy_per_second = bytes / seconds;
    const struct vain_twins_row row = {.op = "copy (the ceiling)",
                                       .shape = "4 GiB, read and written",
                                       .seconds = seconds,
                                       .bytes = bytes,
                                       .differences = -2};
    vain_twins_row(twins, &row);
    vain_twin_release(twins, &copy.from);
    vain_twin_release(twins, &copy.to);
}

/* Memory there and back, and zeros. */
static void check_memory(struct vain_twins *t)
{
    struct vain_twin a = vain_twin_words(t, 100003, 1), b = vain_twin_take(t, a.bytes);
    struct vain_twins_row row = {.op = "memory", .shape = "copies, zeros"};
    t->gpu.ops->memory.copy(&t->on_gpu, b.gpu, a.gpu, a.bytes);
    memcpy(b.host, a.host, a.bytes);
    t->gpu.ops->memory.zero(&t->on_gpu, (uint32_t *)b.gpu + 3, a.bytes / 2);
    memset((uint32_t *)b.host + 3, 0, a.bytes / 2);
    row.differences = vain_twin_differences(t, &a) + vain_twin_differences(t, &b);
    vain_twins_row(t, &row);
    vain_twin_release(t, &a);
    vain_twin_release(t, &b);
}

static int open_twins(const struct arguments *arguments, struct vain_twins *twins)
{
    char why[VAIN_DEVICE_WHY_BYTES];
    const struct vain_device_wish cpu = {.name = "cpu", .threads = 8},
                                  gpu = {.name = arguments->device,
                                         .threads = 2,
                                         .module_path = arguments->module};
    twins->timed = !arguments->small;
    twins->module_path = arguments->module;
    twins->device_name = arguments->device;
    twins->multiply_per_second = arguments->matrix_rate;
    twins->on_cpu.device = &twins->cpu;
    twins->on_gpu.device = &twins->gpu;
    enum vain_status status = vain_device_open(&gpu, &twins->gpu, why);
    if (status == VAIN_OK)
        status = vain_device_open(&cpu, &twins->cpu, why);
    if (status != VAIN_OK)
        printf("skipped: %s\n", vain_fail_message());
    else
        printf("%s beside %s\n", twins->gpu.name, twins->cpu.name);
    return status == VAIN_OK ? 0 : SKIPPED;
}

int main(int count, char **values)
{
    const struct arguments arguments = arguments_of(count, values);
    struct vain_twins twins = {.passed = 0};
    const int opened = open_twins(&arguments, &twins);
    if (opened != 0)
        return opened;
    if (twins.timed)
        measure_copy(&twins);
    check_memory(&twins);
    for (size_t i = 0; i < VAIN_COUNT_OF(groups); i++)
        if (arguments.group == NULL || strcmp(arguments.group, groups[i].name) == 0)
            groups[i].run(&twins);
    printf("%d passed, %d failed\n", twins.passed, twins.failed);
    vain_device_close(&twins.gpu);
    vain_device_close(&twins.cpu);
    return twins.failed > 0;
}
