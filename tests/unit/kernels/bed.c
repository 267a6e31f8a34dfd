#include "tests/unit/kernels/bed.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Devices ---- */

static struct vain_device devices[BED_DEVICES_MOST];
static struct vain_queue queues[BED_DEVICES_MOST];
static int device_count;

/* All codes cut the work alike, and the thread sanitizer sees a race whichever worker is first. */
#if defined(__SANITIZE_THREAD__)
enum { DEVICES_MOST = 2 };
#else
enum { DEVICES_MOST = BED_DEVICES_MOST };
#endif

bool bed_open(void)
{
    static const char *const codes[] = {"avx512", "avx2", "baseline"};
    static const int threads[] = {2, 3, 1, 4, 8};
    for (size_t c = 0; c < VAIN_COUNT_OF(codes); c++) {
        for (size_t t = 0; t < VAIN_COUNT_OF(threads) && device_count < DEVICES_MOST; t++) {
            struct vain_device *device = &devices[device_count];
            if (vain_device_open_cpu(threads[t], codes[c], device) != VAIN_OK)
                continue;
            queues[device_count] = (struct vain_queue){device, NULL};
            device_count++;
        }
    }
    return device_count > 0;
}

void bed_close(void)
{
    while (device_count > 0)
        vain_device_close(&devices[--device_count]);
}

int bed_device_count(void)
{
    return device_count;
}

struct vain_queue *bed_queue(int device)
{
    return &queues[device];
}

/* ---- Guarded buffers ---- */

enum { BUFFERS_MOST = 1024, GUARD_BYTES = 64, GUARD = 0xa5 };

static struct buffer {
    unsigned char *memory;
    size_t bytes;
} buffers[BUFFERS_MOST];
static int buffer_count;

void *bed_bytes(size_t bytes)
{
    void *memory;
    VAIN_ASSERT(buffer_count < BUFFERS_MOST);
    VAIN_ASSERT(vain_take(bytes + (size_t)2 * GUARD_BYTES, "test buffer", &memory) == VAIN_OK);
    unsigned char *start = memory;
    memset(start, GUARD, GUARD_BYTES);
    memset(start + GUARD_BYTES + bytes, GUARD, GUARD_BYTES);
    buffers[buffer_count++] = (struct buffer){start, bytes};
    return start + GUARD_BYTES;
}

float *bed_floats(int64_t count)
{
    return bed_bytes((size_t)count * sizeof(float));
}

double *bed_doubles(int64_t count)
{
    return bed_bytes((size_t)count * sizeof(double));
}

int32_t *bed_ints(int64_t count)
{
    return bed_bytes((size_t)count * sizeof(int32_t));
}

void bed_end(void)
{
    bool whole = true;
    while (buffer_count > 0) {
        const struct buffer *buffer = &buffers[--buffer_count];
        for (int i = 0; i < GUARD_BYTES; i++) {
            whole = whole && buffer->memory[i] == GUARD;
            whole = whole && buffer->memory[GUARD_BYTES + buffer->bytes + (size_t)i] == GUARD;
        }
        vain_release(buffer->memory);
    }
    CU_ASSERT_TRUE(whole);
}

/* ---- Numbers ---- */

static uint32_t state = 1;

void bed_seed(uint32_t seed)
{
    state = seed * 2654435761u + 1u;
}

double bed_number(void)
{
    state = state * 1664525u + 1013904223u;
    return (double)(state >> 8) / 8388608.0 - 1.0;
}

float *bed_random_floats(int64_t count, float size)
{
    float *x = bed_floats(count);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)bed_number() * size;
    return x;
}

int32_t *bed_random_ints(int64_t count, int32_t below)
{
    int32_t *x = bed_ints(count);
    for (int64_t i = 0; i < count; i++)
        x[i] = (int32_t)((bed_number() + 1.0) / 2.0 * (double)below);
    return x;
}

/* ---- Comparing ---- */

static bool agree(int device, int other, bed_op op, const void *context, size_t bytes)
{
    unsigned char *a = bed_bytes(bytes), *b = bed_bytes(bytes);
    op(bed_queue(device), context, a);
    op(bed_queue(other), context, b);
    if (bytes == 0 || memcmp(a, b, bytes) == 0)
        return true;
    printf("  other bits: %s with %d workers\n", bed_queue(other)->device->name,
           vain_pool_threads(bed_queue(other)->device->pool));
    return false;
}

bool bed_same_bits(bed_op op, const void *context, size_t bytes)
{
    bool same = true;
    for (int d = 1; d < bed_device_count(); d++)
        same = agree(0, d, op, context, bytes) && same;
    return same;
}

bool bed_same_bits_by_platform(bed_op op, const void *context, size_t bytes)
{
    bool same = true;
    for (int d = 1; d < bed_device_count(); d++) {
        int first = 0;
        while (strcmp(vain_device_platform(bed_queue(first)->device),
                      vain_device_platform(bed_queue(d)->device)) != 0)
            first++;
        same = agree(first, d, op, context, bytes) && same;
    }
    return same;
}

double bed_distance(int64_t count, const float *found, const double *expected)
{
    double worst = 0;
    for (int64_t i = 0; i < count; i++) {
        const double distance = fabs((double)found[i] - expected[i]);
        if (!(distance <= worst))
            worst = isnan(distance) ? INFINITY : distance;
    }
    return worst;
}

double bed_slope(bed_function function, const void *context, double *x)
{
    const double h = 1e-4, before = *x;
    *x = before + h;
    const double above = function(context);
    *x = before - h;
    const double below = function(context);
    *x = before;
    return (above - below) / (2 * h);
}

bool bed_are_slopes(bed_function function, const void *context, int64_t count, double *x,
                    const float *found, double tolerance)
{
    bool right = true;
    for (int64_t i = 0; i < count; i++) {
        const double expected = bed_slope(function, context, &x[i]);
        if (!(fabs((double)found[i] - expected) <= tolerance * (1 + fabs(expected)))) {
            if (right)
                printf("  slope %lld: found %.9g, expected %.9g\n", (long long)i, (double)found[i],
                       expected);
            right = false;
        }
    }
    return right;
}

double bed_dropout_factor(const struct vain_dropout *dropout, int64_t e)
{
    if (!(dropout->probability > 0))
        return 1;
    const uint64_t word = dropout->index_base + (uint64_t)e;
    uint32_t block[4];
    vain_random_block(dropout->random, dropout->round, dropout->step, word / 4, block);
    return (double)block[word % 4] >= (double)dropout->probability * 4294967296.0
               ? 1 / (1 - (double)dropout->probability)
               : 0;
}
