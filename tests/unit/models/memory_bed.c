#include "tests/unit/models/memory_bed.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "models/normal.h"

enum { GUARD_BYTES = 4096, GUARD = 0xA5, WIDTH = 4, PIXELS = 6, CLASSES = 5 };

double memory_bed_normal(uint32_t sequence, int64_t index)
{
    uint32_t words[4];
    vain_random_block(vain_random_stream(3, VAIN_PURPOSE_SAMPLE, "memory"), 0, sequence,
                      (uint64_t)index, words);
    return vain_normal_of_words(words[0], words[1]);
}

static size_t block_bytes(const struct memory_bed *bed)
{
    return (size_t)bed->plan.floats * sizeof(float);
}

void memory_bed_open(struct memory_bed *bed, int64_t budget, int threads)
{
    memset(bed, 0, sizeof *bed);
    CU_ASSERT_FATAL(vain_device_open_cpu(threads, NULL, &bed->device) == VAIN_OK);
    bed->queue.device = &bed->device;
    bed->options = (struct vain_memory_options){.shape = {PIXELS, WIDTH, CLASSES},
                                                .budget_bytes = budget,
                                                .ring = 8,
                                                .clusters = 3,
                                                .neighbours = 3,
                                                .symbols = 6,
                                                .gate_rate = 0.1};
    CU_ASSERT_EQUAL_FATAL(vain_memory_plan_make(&bed->options, &bed->plan), VAIN_OK);
    CU_ASSERT_FATAL(
        vain_take(block_bytes(bed) + 2 * GUARD_BYTES, "a test", (void **)&bed->guarded) == VAIN_OK);
    memset(bed->guarded, GUARD, GUARD_BYTES);
    memset(bed->guarded + GUARD_BYTES + block_bytes(bed), GUARD, GUARD_BYTES);
    bed->block = (float *)(void *)(bed->guarded + GUARD_BYTES);
    vain_memory_bind(&bed->options, &bed->plan, vain_random_stream(3, VAIN_PURPOSE_MEMORY, "bed"),
                     bed->block, &bed->memory);
    CU_ASSERT_EQUAL_FATAL(vain_memory_scratch_open(&bed->options, &bed->plan, MEMORY_BED_B,
                                                   &bed->device, &bed->scratch),
                          VAIN_OK);
}

void memory_bed_close(struct memory_bed *bed)
{
    int touched = 0;
    for (size_t i = 0; i < GUARD_BYTES; i++)
        touched +=
            bed->guarded[i] != GUARD || bed->guarded[GUARD_BYTES + block_bytes(bed) + i] != GUARD;
    CU_ASSERT_EQUAL(touched, 0);
    vain_release(bed->guarded);
    vain_memory_scratch_close(&bed->scratch);
    vain_device_close(&bed->device);
}

void memory_bed_experience(int64_t number, int32_t label, float *feature, float *example)
{
    double squares = 0, values[WIDTH];
    for (int w = 0; w < WIDTH; w++) {
        values[w] = 0.4 * memory_bed_normal(1, number * WIDTH + w) + (label % WIDTH == w ? 1 : 0);
        squares += values[w] * values[w];
    }
    for (int w = 0; w < WIDTH; w++)
        feature[w] = (float)(values[w] / sqrt(squares));
    for (int p = 0; p < PIXELS; p++)
        example[p] = (float)memory_bed_normal(2, number * PIXELS + p);
    example[0] = (float)number;
    example[1] = (float)label;
}

int64_t memory_bed_live(struct memory_bed *bed, int64_t number)
{
    float feature[WIDTH], example[PIXELS];
    const int32_t label = (int32_t)(number % CLASSES);
    memory_bed_experience(number, label, feature, example);
    return vain_memory_remember(&bed->memory, &bed->scratch, label, 0.5f, feature, example);
}
