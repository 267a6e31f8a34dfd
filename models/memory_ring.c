/* The place of the next experience is the number of those so far modulo the capacity: one whole
 * number is all the state that a ring has. */
#include "models/memory_ring.h"

#include <string.h>

#include "models/memory_integer.h"

int64_t vain_memory_ring_floats(const struct vain_memory_shape *shape, int64_t capacity)
{
    return 2 + capacity * (2 + shape->width + shape->pixels);
}

void vain_memory_ring_bind(const struct vain_memory_shape *shape, int64_t capacity, float *block,
                           struct vain_memory_ring *out)
{
    *out = (struct vain_memory_ring){.capacity = capacity, .shape = *shape, .pushed = block};
    out->labels = block + 2;
    out->losses = out->labels + capacity;
    out->features = out->losses + capacity;
    out->examples = out->features + capacity * shape->width;
}

int64_t vain_memory_ring_pushed(const struct vain_memory_ring *ring)
{
    return vain_memory_get_integer(ring->pushed);
}

int64_t vain_memory_ring_count(const struct vain_memory_ring *ring)
{
    const int64_t pushed = vain_memory_ring_pushed(ring);
    return pushed < ring->capacity ? pushed : ring->capacity;
}

int64_t vain_memory_ring_place(const struct vain_memory_ring *ring, int64_t age)
{
    const int64_t pushed = vain_memory_ring_pushed(ring);
    return (pushed - vain_memory_ring_count(ring) + age) % ring->capacity;
}

void vain_memory_ring_push(struct vain_memory_ring *ring, int32_t label, float loss,
                           const float *feature, const float *example)
{
    const int64_t width = ring->shape.width, pixels = ring->shape.pixels;
    const int64_t pushed = vain_memory_ring_pushed(ring), place = pushed % ring->capacity;
    ring->labels[place] = (float)label;
    ring->losses[place] = loss;
    memcpy(ring->features + place * width, feature, (size_t)width * sizeof(float));
    memcpy(ring->examples + place * pixels, example, (size_t)pixels * sizeof(float));
    vain_memory_put_integer(ring->pushed, pushed + 1);
}

bool vain_memory_ring_is_sound(const struct vain_memory_ring *ring)
{
    if (!vain_memory_is_integer(ring->pushed, VAIN_MEMORY_INTEGER_MAX - 1))
        return false;
    for (int64_t i = 0; i < vain_memory_ring_count(ring); i++)
        if (!vain_memory_is_whole(ring->labels[i], ring->shape.classes))
            return false;
    return true;
}
