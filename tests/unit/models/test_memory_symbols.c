/* The symbolic store: what was put is found, and a full store gives up what was put longest ago. */
#include "models/memory_symbols.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/suite.h"

enum { CAPACITY = 4, WIDTH = 3 };

struct store {
    float block[2 + CAPACITY * (VAIN_MEMORY_KEY_FLOATS + 2 + WIDTH)];
    struct vain_memory_symbols symbols;
};

static void open_store(struct store *store)
{
    memset(store, 0, sizeof *store);
    CU_ASSERT_EQUAL(vain_memory_symbols_floats(CAPACITY, WIDTH),
                    (int64_t)VAIN_COUNT_OF(store->block));
    vain_memory_symbols_bind(CAPACITY, WIDTH, store->block, &store->symbols);
}

static void keys_lead_to_their_values(void)
{
    static const char *const keys[] = {"a", "class 3", "class 33", "twenty-three bytes long"};
    struct store store;
    char key[VAIN_MEMORY_KEY_BYTES];
    open_store(&store);
    CU_ASSERT_EQUAL(vain_memory_symbols_find(&store.symbols, "a"), -1);
    for (int i = 0; i < CAPACITY; i++) {
        const int64_t place = vain_memory_symbols_put(&store.symbols, keys[i], i + 1);
        vain_memory_symbols_value(&store.symbols, place)[WIDTH - 1] = (float)i + 0.5f;
    }
    CU_ASSERT_EQUAL(vain_memory_symbols_count(&store.symbols), CAPACITY);
    for (int i = 0; i < CAPACITY; i++) {
        const int64_t place = vain_memory_symbols_find(&store.symbols, keys[i]);
        CU_ASSERT_FATAL(place >= 0);
        CU_ASSERT_EQUAL(vain_memory_symbols_value(&store.symbols, place)[WIDTH - 1],
                        (float)i + 0.5f);
        vain_memory_symbols_key(&store.symbols, place, key);
        CU_ASSERT_STRING_EQUAL(key, keys[i]);
    }
    vain_memory_key_of("class", 33, key);
    CU_ASSERT_STRING_EQUAL(key, "class 33");
    CU_ASSERT(vain_memory_symbols_are_sound(&store.symbols));
    store.symbols.keys[3] = 0.5f;
    CU_ASSERT(!vain_memory_symbols_are_sound(&store.symbols));
}

static void bytes_above_127_are_keys_too(void)
{
    struct store store;
    char key[VAIN_MEMORY_KEY_BYTES];
    open_store(&store);
    const int64_t place = vain_memory_symbols_put(&store.symbols, "gr\xc3\xbcn", 1);
    vain_memory_symbols_key(&store.symbols, place, key);
    CU_ASSERT_STRING_EQUAL(key, "gr\xc3\xbcn");
    CU_ASSERT_EQUAL(vain_memory_symbols_find(&store.symbols, "gr\xc3\xbcn"), place);
    CU_ASSERT_EQUAL(vain_memory_symbols_find(&store.symbols, "gr\xc3\xbc"), -1);
}

static void the_longest_unused_makes_room(void)
{
    static const char *const keys[] = {"one", "two", "three", "four"};
    struct store store;
    open_store(&store);
    for (int i = 0; i < CAPACITY; i++)
        vain_memory_symbols_value(&store.symbols,
                                  vain_memory_symbols_put(&store.symbols, keys[i], i + 1))[0] = 7;
    (void)vain_memory_symbols_put(&store.symbols, "one", 9); /* "two" is the oldest now */
    const int64_t place = vain_memory_symbols_put(&store.symbols, "five", 10);
    CU_ASSERT_EQUAL(vain_memory_symbols_count(&store.symbols), CAPACITY);
    CU_ASSERT_EQUAL(vain_memory_symbols_find(&store.symbols, "two"), -1);
    CU_ASSERT(vain_memory_symbols_find(&store.symbols, "one") >= 0);
    CU_ASSERT(vain_memory_symbols_find(&store.symbols, "three") >= 0);
    CU_ASSERT_EQUAL(vain_memory_symbols_value(&store.symbols, place)[0], 0);
}

static const struct vain_test tests[] = {
    {"keys lead to their values", keys_lead_to_their_values},
    {"bytes above 127 are keys too", bytes_above_127_are_keys_too},
    {"the longest unused makes room", the_longest_unused_makes_room},
    {NULL, NULL},
};
const struct vain_suite vain_suite_memory_symbols = {"memory_symbols", tests};
