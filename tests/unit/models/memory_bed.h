/* A memory on the CPU for the tests of its parts: its vector lies between guards that nothing may
 * touch. */
#pragma once

#include "kernels/device.h"
#include "models/memory.h"

struct memory_bed {
    struct vain_device device;
    struct vain_queue queue;
    struct vain_memory_options options;
    struct vain_memory_plan plan;
    struct vain_memory memory;
    struct vain_memory_scratch scratch;
    unsigned char *guarded; /* guard, vector, guard */
    float *block;
};

enum { MEMORY_BED_B = 16 };

/* A memory of `budget` bytes for examples of 6 numbers, features of 4, 5 classes; a ring of 8 that
 * becomes 3 episodes, 3 neighbours, 6 symbols. */
void memory_bed_open(struct memory_bed *bed, int64_t budget, int threads);
/* Checks the guards too. */
void memory_bed_close(struct memory_bed *bed);
/* Number `index` of a sequence of normal numbers. */
double memory_bed_normal(uint32_t sequence, int64_t index);
/* A feature (4) of norm 1, around the axis of `label`, and an example (6) that is `number` in its
 * first place and the label in its second. */
void memory_bed_experience(int64_t number, int32_t label, float *feature, float *example);
/* Let the memory live through experience `number`, of class number % 5. Gives the evicted. */
int64_t memory_bed_live(struct memory_bed *bed, int64_t number);
