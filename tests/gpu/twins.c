/* Buffers, comparisons, clock and table of the twins' tests. */
#include "tests/gpu/twins.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

enum { REPEATS = 5, RUNS_MOST = 50, PATTERN = 1 << 20 };

static void must(enum vain_status status)
{
    if (status == VAIN_OK)
        return;
    fprintf(stderr, "%s\n", vain_fail_message());
    exit(1);
}

void vain_twins_reopen(struct vain_twins *twins, enum vain_precision precision)
{
    char why[VAIN_DEVICE_WHY_BYTES];
    const struct vain_device_wish wish = {.name = twins->device_name,
                                          .threads = 2,
                                          .module_path = twins->module_path,
                                          .precision = precision};
    vain_device_close(&twins->gpu);
    must(vain_device_open(&wish, &twins->gpu, why));
}

struct vain_twin vain_twin_take(struct vain_twins *twins, size_t bytes)
{
    struct vain_twin twin = {.bytes = bytes};
    must(vain_take(bytes, "host's side", &twin.host));
    must(twins->gpu.ops->memory.take(&twins->gpu, bytes, "GPU's side", &twin.gpu));
    return twin;
}

static void fill_normal(float *out, int64_t count, float deviation, uint32_t seed)
{
    const struct vain_random random = {{seed, 0x5eed}};
    for (int64_t i = 0; i < count; i += 2) {
        uint32_t words[4];
        vain_random_block(random, 0, 0, (uint64_t)i, words);
        const double radius = sqrt(-2 * log(((double)words[0] + 1) / 4294967297.0));
        const double angle = 6.283185307179586 * ((double)words[1] / 4294967296.0);
        out[i] = deviation * (float)(radius * cos(angle));
        if (i + 1 < count)
            out[i + 1] = deviation * (float)(radius * sin(angle));
    }
}

struct vain_twin vain_twin_floats(struct vain_twins *twins, int64_t count, float deviation,
                                  uint32_t seed)
{
    struct vain_twin twin = vain_twin_take(twins, (size_t)count * sizeof(float));
    fill_normal(twin.host, count, deviation, seed);
    vain_twin_send(twins, &twin);
    return twin;
}

struct vain_twin vain_twin_words(struct vain_twins *twins, int64_t count, uint32_t seed)
{
    struct vain_twin twin = vain_twin_take(twins, (size_t)count * sizeof(uint32_t));
    const struct vain_random random = {{seed, 0x3017d5}};
    uint32_t *words = twin.host;
    for (int64_t i = 0; i < count; i++) {
        uint32_t block[4];
        vain_random_block(random, 0, 0, (uint64_t)i, block);
        words[i] = block[0];
    }
    vain_twin_send(twins, &twin);
    return twin;
}

struct vain_twin vain_twin_large(struct vain_twins *twins, int64_t count, float deviation,
                                 uint32_t seed)
{
    struct vain_twin twin = {.bytes = (size_t)count * sizeof(float)};
    const struct vain_memory_ops *memory = &twins->gpu.ops->memory;
    struct vain_twin pattern = vain_twin_floats(twins, PATTERN, deviation, seed);
    must(memory->take(&twins->gpu, twin.bytes, "GPU's side", &twin.gpu));
    for (size_t done = 0; done < twin.bytes; done += pattern.bytes)
        memory->copy(&twins->on_gpu, (unsigned char *)twin.gpu + done, pattern.gpu,
                     twin.bytes - done < pattern.bytes ? twin.bytes - done : pattern.bytes);
    (void)vain_twins_wait(twins);
    vain_twin_release(twins, &pattern);
    return twin;
}

void vain_twin_release(struct vain_twins *twins, struct vain_twin *twin)
{
    vain_release(twin->host);
    twins->gpu.ops->memory.release(&twins->gpu, twin->gpu);
    *twin = (struct vain_twin){.bytes = 0};
}

void vain_twin_send(struct vain_twins *twins, const struct vain_twin *twin)
{
    twins->gpu.ops->memory.copy_in(&twins->on_gpu, twin->gpu, twin->host, twin->bytes);
    (void)vain_twins_wait(twins);
}

bool vain_twins_wait(struct vain_twins *twins)
{
    if (vain_queue_wait(&twins->on_gpu) == VAIN_OK)
        return true;
    printf("FAILED: %s\n", vain_fail_message());
    twins->failed++;
    return false;
}

/* The GPU's side on the host; released by the caller. */
static void *fetch(struct vain_twins *twins, const struct vain_twin *twin)
{
    void *got = NULL;
    must(vain_take(twin->bytes, "what the GPU has", &got));
    twins->gpu.ops->memory.copy_out(&twins->on_gpu, got, twin->gpu, twin->bytes);
    (void)vain_twins_wait(twins);
    return got;
}

int64_t vain_twin_differences(struct vain_twins *twins, const struct vain_twin *twin)
{
    uint32_t *got = fetch(twins, twin);
    const uint32_t *host = twin->host;
    int64_t differences = 0;
    for (size_t i = 0; i < twin->bytes / sizeof *got; i++) {
        if (got[i] != host[i] && differences++ == 0)
            printf("  first difference at word %zu: GPU %08x, CPU %08x\n", i, got[i], host[i]);
    }
    vain_release(got);
    return differences;
}

double vain_twin_error(struct vain_twins *twins, const struct vain_twin *twin)
{
    float *got = fetch(twins, twin);
    const float *host = twin->host;
    const size_t count = twin->bytes / sizeof *got;
    double worst = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)got[i] - (double)host[i]);
        if (!(difference <= worst)) /* NaN too */
            worst = difference;
        squares += (double)host[i] * (double)host[i];
    }
    vain_release(got);
    return squares > 0 ? worst / sqrt(squares / (double)count) : worst;
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double seconds_of(struct vain_twins *twins, void (*run)(void *context), void *context,
                         int runs)
{
    const double start = now();
    for (int i = 0; i < runs; i++)
        run(context);
    (void)vain_twins_wait(twins);
    return (now() - start) / runs;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double vain_twins_time(struct vain_twins *twins, void (*run)(void *context), void *context)
{
    double seconds[REPEATS];
    const double first = seconds_of(twins, run, context, 1);
    if (!twins->timed || first <= 0)
        return 0;
    const double once = seconds_of(twins, run, context, 1);
    const int wanted = (int)(0.01 / once) + 1;
    for (int i = 0; i < REPEATS; i++)
        seconds[i] = seconds_of(twins, run, context, wanted < RUNS_MOST ? wanted : RUNS_MOST);
    qsort(seconds, REPEATS, sizeof *seconds, by_size);
    return seconds[REPEATS / 2];
}

static void print_rate(const struct vain_twins *twins, const struct vain_twins_row *row)
{
    const double bytes = row->seconds > 0 ? row->bytes / row->seconds : 0;
    const double operations = row->seconds > 0 ? row->operations / row->seconds : 0;
    if (operations > 0 && twins->multiply_per_second > 0)
        printf("%8.1f TFLOP/s %4.0f %%", operations * 1e-12,
               100 * operations / twins->multiply_per_second);
    else if (operations > 0)
        printf("%8.1f TFLOP/s       ", operations * 1e-12);
    else if (bytes > 0 && twins->copy_per_second > 0)
        printf("%8.0f GB/s    %4.0f %%", bytes * 1e-9, 100 * bytes / twins->copy_per_second);
    else
        printf("%22s", "");
}

void vain_twins_row(struct vain_twins *twins, const struct vain_twins_row *row)
{
    const bool exact = row->differences >= 0;
    const bool passed =
        row->differences == -2 || (exact ? row->differences == 0 : row->error <= row->tolerance);
    printf("%-24s %-38s ", row->op, row->shape);
    if (row->seconds > 0)
        printf("%10.1f us ", row->seconds * 1e6);
    else
        printf("%13s ", "");
    print_rate(twins, row);
    if (row->differences == -2)
        printf("  timed\n");
    else if (exact)
        printf("  %s\n", passed ? "equal" : "FAILED: words differ");
    else
        printf("  error %.2g of %.2g%s\n", row->error, row->tolerance, passed ? "" : " FAILED");
    if (passed)
        twins->passed++;
    else
        twins->failed++;
    (void)fflush(stdout);
}
