/* The symbolic store: short texts that lead to small vectors, such as "class 3" to how often that
 * class was met, when last, and the mean feature of it.
 *
 * It is bounded: a new key in a full store takes the place of the one that was put least recently.
 * A key is kept as 24 bytes with NULs at its end, three bytes a float (whole numbers below 2^24).
 * All local; nothing takes memory. */
#pragma once

#include "base/status.h"

enum { VAIN_MEMORY_KEY_BYTES = 24, VAIN_MEMORY_KEY_FLOATS = VAIN_MEMORY_KEY_BYTES / 3 };

struct vain_memory_symbols {
    int64_t capacity, width; /* keys at most; numbers of a value */
    float *count;            /* (2) a whole number */
    float *keys;             /* (capacity, VAIN_MEMORY_KEY_FLOATS) */
    float *used;             /* (capacity, 2) whole numbers */
    float *values;           /* (capacity, width) */
};

int64_t vain_memory_symbols_floats(int64_t capacity, int64_t width);
/* Bind `out` to its piece of `block`; zeros are an empty store. */
void vain_memory_symbols_bind(int64_t capacity, int64_t width, float *block,
                              struct vain_memory_symbols *out);
int64_t vain_memory_symbols_count(const struct vain_memory_symbols *symbols);
/* The key of a number under a name: "class 3". The name is short enough for both. */
void vain_memory_key_of(const char *name, int64_t number,
                        char out[VAIN_MIN_LEN(VAIN_MEMORY_KEY_BYTES)]);
/* The place of `key`, -1 if it is not there. A key has 1 to 23 bytes. */
int64_t vain_memory_symbols_find(const struct vain_memory_symbols *symbols, const char *key);
/* The place of `key`, put at `now`: its own, else a new one whose value is zeros. */
int64_t vain_memory_symbols_put(struct vain_memory_symbols *symbols, const char *key, int64_t now);
/* The value (width) at a place; borrowed. */
float *vain_memory_symbols_value(const struct vain_memory_symbols *symbols, int64_t place);
/* The key at a place. */
void vain_memory_symbols_key(const struct vain_memory_symbols *symbols, int64_t place,
                             char out[VAIN_MIN_LEN(VAIN_MEMORY_KEY_BYTES)]);
/* As vain_memory_ring_is_sound. */
bool vain_memory_symbols_are_sound(const struct vain_memory_symbols *symbols);
