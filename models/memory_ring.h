/* The short-term memory: a ring of the last experiences, each an example with its label, the
 * model's feature of it and the loss that it had. A full ring overwrites its oldest.
 *
 * All parts of a memory lie in one vector of floats that the owner takes; a part binds itself to
 * its piece of it and owns nothing. All local; nothing takes memory. */
#pragma once

#include "base/status.h"

/* What an experience is made of. */
struct vain_memory_shape {
    int64_t pixels; /* numbers of an example */
    int64_t width;  /* of a feature */
    int64_t classes;
};

struct vain_memory_ring {
    int64_t capacity;
    struct vain_memory_shape shape;
    float *pushed;   /* (2) experiences so far, a whole number */
    float *labels;   /* (capacity) */
    float *losses;   /* (capacity) */
    float *features; /* (capacity, width) */
    float *examples; /* (capacity, pixels) */
};

/* Floats of a ring. */
int64_t vain_memory_ring_floats(const struct vain_memory_shape *shape, int64_t capacity);
/* Bind `out` to its piece of `block`, which is as many floats; zeros are an empty ring. */
void vain_memory_ring_bind(const struct vain_memory_shape *shape, int64_t capacity, float *block,
                           struct vain_memory_ring *out);
/* How many it holds, and how many it was given so far. */
int64_t vain_memory_ring_count(const struct vain_memory_ring *ring);
int64_t vain_memory_ring_pushed(const struct vain_memory_ring *ring);
/* Where experience `age` lies, 0 <= age < count; 0 is the oldest. */
int64_t vain_memory_ring_place(const struct vain_memory_ring *ring, int64_t age);
/* Add an experience, over the oldest if it is full. */
void vain_memory_ring_push(struct vain_memory_ring *ring, int32_t label, float loss,
                           const float *feature, const float *example);
/* Whether all whole numbers in it are such that no other call can go astray. */
bool vain_memory_ring_is_sound(const struct vain_memory_ring *ring);
