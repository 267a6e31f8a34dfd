/* A handful of keys: looking at each is as fast as anything, and leaves nothing to keep in order.
 */
#include "models/memory_symbols.h"

#include <stdio.h>
#include <string.h>

#include "models/memory_integer.h"

int64_t vain_memory_symbols_floats(int64_t capacity, int64_t width)
{
    return 2 + capacity * (VAIN_MEMORY_KEY_FLOATS + 2 + width);
}

void vain_memory_symbols_bind(int64_t capacity, int64_t width, float *block,
                              struct vain_memory_symbols *out)
{
    *out = (struct vain_memory_symbols){
        .capacity = capacity, .width = width, .count = block, .keys = block + 2};
    out->used = out->keys + capacity * VAIN_MEMORY_KEY_FLOATS;
    out->values = out->used + 2 * capacity;
}

int64_t vain_memory_symbols_count(const struct vain_memory_symbols *symbols)
{
    return vain_memory_get_integer(symbols->count);
}

void vain_memory_key_of(const char *name, int64_t number,
                        char out[VAIN_MIN_LEN(VAIN_MEMORY_KEY_BYTES)])
{
    const int length = snprintf(out, VAIN_MEMORY_KEY_BYTES, "%s %lld", name, (long long)number);
    VAIN_ASSERT(length > 0 && length < VAIN_MEMORY_KEY_BYTES);
}

static void pack(const char *key, float out[VAIN_MEMORY_KEY_FLOATS])
{
    unsigned char bytes[VAIN_MEMORY_KEY_BYTES] = {0};
    const size_t length = strlen(key);
    VAIN_ASSERT(length > 0 && length < sizeof bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)key[i];
    for (int i = 0; i < VAIN_MEMORY_KEY_FLOATS; i++)
        out[i] = (float)(bytes[3 * i] << 16 | bytes[3 * i + 1] << 8 | bytes[3 * i + 2]);
}

void vain_memory_symbols_key(const struct vain_memory_symbols *symbols, int64_t place,
                             char out[VAIN_MIN_LEN(VAIN_MEMORY_KEY_BYTES)])
{
    const float *packed = symbols->keys + place * VAIN_MEMORY_KEY_FLOATS;
    for (int i = 0; i < VAIN_MEMORY_KEY_FLOATS; i++) {
        const uint32_t three = (uint32_t)packed[i];
        out[3 * i] = (char)(three >> 16 & 0xFF);
        out[3 * i + 1] = (char)(three >> 8 & 0xFF);
        out[3 * i + 2] = (char)(three & 0xFF);
    }
    out[VAIN_MEMORY_KEY_BYTES - 1] = '\0';
}

int64_t vain_memory_symbols_find(const struct vain_memory_symbols *symbols, const char *key)
{
    float packed[VAIN_MEMORY_KEY_FLOATS];
    const int64_t count = vain_memory_symbols_count(symbols);
    pack(key, packed);
    for (int64_t i = 0; i < count; i++)
        if (memcmp(symbols->keys + i * VAIN_MEMORY_KEY_FLOATS, packed, sizeof packed) == 0)
            return i;
    return -1;
}

float *vain_memory_symbols_value(const struct vain_memory_symbols *symbols, int64_t place)
{
    return symbols->values + place * symbols->width;
}

/* A place for a key that is not there. */
static int64_t free_place(struct vain_memory_symbols *symbols)
{
    const int64_t count = vain_memory_symbols_count(symbols);
    int64_t oldest = 0;
    if (count < symbols->capacity) {
        vain_memory_put_integer(symbols->count, count + 1);
        return count;
    }
    for (int64_t i = 1; i < count; i++)
        if (vain_memory_get_integer(symbols->used + 2 * i) <
            vain_memory_get_integer(symbols->used + 2 * oldest))
            oldest = i;
    return oldest;
}

int64_t vain_memory_symbols_put(struct vain_memory_symbols *symbols, const char *key, int64_t now)
{
    int64_t place = vain_memory_symbols_find(symbols, key);
    if (place < 0) {
        place = free_place(symbols);
        pack(key, symbols->keys + place * VAIN_MEMORY_KEY_FLOATS);
        memset(vain_memory_symbols_value(symbols, place), 0,
               (size_t)symbols->width * sizeof(float));
    }
    vain_memory_put_integer(symbols->used + 2 * place, now);
    return place;
}

bool vain_memory_symbols_are_sound(const struct vain_memory_symbols *symbols)
{
    if (!vain_memory_is_integer(symbols->count, symbols->capacity))
        return false;
    const int64_t count = vain_memory_symbols_count(symbols);
    for (int64_t i = 0; i < count; i++)
        if (!vain_memory_is_integer(symbols->used + 2 * i, VAIN_MEMORY_INTEGER_MAX))
            return false;
    for (int64_t i = 0; i < count * VAIN_MEMORY_KEY_FLOATS; i++)
        if (!vain_memory_is_whole(symbols->keys[i], VAIN_MEMORY_HALF))
            return false;
    return true;
}
