/* Blocks and arenas: zeroed, aligned, counted, refused when they cannot be. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

/* An address sanitizer takes all memory from a heap of its own, and ends the process on too much.
 */
#if defined(__SANITIZE_ADDRESS__)
#define WATCHED_HEAP
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED_HEAP
#endif
#endif

static const size_t sizes[] = {
    1, 63, 64, 65, 4096, 100000, ((size_t)4 << 20) - 64, (size_t)4 << 20, ((size_t)9 << 20) + 1};

static void blocks_are_zero_and_aligned(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i++) {
        void *memory = NULL;
        CU_ASSERT_EQUAL_FATAL(vain_take(sizes[i], "block", &memory), VAIN_OK);
        CU_ASSERT_EQUAL((uintptr_t)memory % 64, 0);
        unsigned char *bytes = memory;
        size_t others = 0;
        for (size_t j = 0; j < sizes[i]; j++)
            others += bytes[j] != 0;
        CU_ASSERT_EQUAL(others, 0);
        memset(memory, 0xff, sizes[i]); /* so that a block that comes again is not zero by luck */
        vain_release(memory);
    }
}

static void blocks_are_counted(void)
{
    const int64_t bytes = vain_memory_bytes(), blocks = vain_memory_blocks();
    void *small, *large, *none;
    CU_ASSERT_EQUAL_FATAL(vain_take(100, "small", &small), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_take_array(5000000, 2, "large", &large), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_take(0, "none", &none), VAIN_OK);
    CU_ASSERT_PTR_NULL(none);
    CU_ASSERT_EQUAL(vain_memory_bytes() - bytes, 10000100);
    CU_ASSERT_EQUAL(vain_memory_blocks() - blocks, 2);
    vain_release(none);
    vain_release_wiped(NULL);
    vain_release(large);
    CU_ASSERT_EQUAL(vain_memory_bytes() - bytes, 100);
    vain_release_wiped(small);
    CU_ASSERT_EQUAL(vain_memory_bytes(), bytes);
    CU_ASSERT_EQUAL(vain_memory_blocks(), blocks);
}

static void impossible_sizes_are_refused(void)
{
    void *memory = &memory;
    CU_ASSERT_EQUAL(vain_take_array(-1, 4, "activations", &memory), VAIN_ERR_MEMORY);
    CU_ASSERT_PTR_NULL(memory);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "activations"));
    CU_ASSERT_EQUAL(vain_take_array(INT64_MAX, 16, "activations", &memory), VAIN_ERR_MEMORY);
    CU_ASSERT_EQUAL(vain_take_array(INT64_MAX, 2, "activations", &memory), VAIN_ERR_MEMORY);
    /* A product that wraps to 0 must not pass for an empty block. */
    CU_ASSERT_EQUAL(vain_take_array(INT64_C(1) << 60, 16, "activations", &memory), VAIN_ERR_MEMORY);
    CU_ASSERT_EQUAL(vain_take(SIZE_MAX, "activations", &memory), VAIN_ERR_MEMORY);
    CU_ASSERT_EQUAL(vain_take(SIZE_MAX - 63, "activations", &memory), VAIN_ERR_MEMORY);
    CU_ASSERT_PTR_NULL(memory);
    CU_ASSERT_EQUAL(vain_take_array(INT64_MAX, 0, "nothing", &memory), VAIN_OK);
    CU_ASSERT_PTR_NULL(memory);
    vain_fail_clear();
}

#if !defined(WATCHED_HEAP)
static void large_blocks_are_not_touched(void)
{
    const size_t bytes = (size_t)64 << 20, page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *memory;
    CU_ASSERT_EQUAL_FATAL(vain_take(bytes, "large", &memory), VAIN_OK);
    unsigned char *first = (unsigned char *)memory - (uintptr_t)memory % page_bytes;
    static unsigned char resident[((size_t)64 << 20) / 4096];
    CU_ASSERT_EQUAL_FATAL(mincore(first, bytes, resident), 0);
    size_t pages = 0;
    for (size_t i = 0; i < bytes / page_bytes; i++)
        pages += resident[i] & 1;
    CU_ASSERT_TRUE(pages * page_bytes <= (size_t)4 << 20); /* the header, perhaps as a huge page */
    vain_release(memory);
}

static void too_much_is_refused(void)
{
    void *memory = &memory;
    const int64_t blocks = vain_memory_blocks();
    CU_ASSERT_EQUAL(vain_take(SIZE_MAX / 4, "moon", &memory), VAIN_ERR_MEMORY);
    CU_ASSERT_PTR_NULL(memory);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "moon: no memory for 4611686018427387903 "));
    CU_ASSERT_EQUAL(vain_memory_blocks(), blocks);
    vain_fail_clear();
}
#endif

static void release_stranger(void)
{
    static _Alignas(64) unsigned char area[192];
    vain_release(area + 64);
}

static void releasing_a_stranger_is_a_bug(void)
{
    CU_ASSERT_EQUAL(test_exit_code(release_stranger, NULL, 0), 70);
}

static void arena_is_cut_in_order(void)
{
    struct vain_arena arena;
    CU_ASSERT_EQUAL(vain_arena_cut_bytes(0), 0);
    CU_ASSERT_EQUAL(vain_arena_cut_bytes(1), 64);
    CU_ASSERT_EQUAL(vain_arena_cut_bytes(64), 64);
    const size_t bytes = vain_arena_cut_bytes(10) + vain_arena_cut_bytes(64) + 100;
    CU_ASSERT_EQUAL_FATAL(vain_arena_init(&arena, bytes, "arena"), VAIN_OK);
    unsigned char *first = vain_arena_cut(&arena, 10);
    unsigned char *second = vain_arena_cut(&arena, 64);
    unsigned char *third = vain_arena_cut(&arena, 100); /* the last may end where the arena ends */
    CU_ASSERT_EQUAL((uintptr_t)first % 64, 0);
    CU_ASSERT_PTR_EQUAL(second, first + 64);
    CU_ASSERT_PTR_EQUAL(third, second + 64);
    CU_ASSERT_EQUAL(arena.used, bytes);
    memset(first, 1, bytes);
    vain_arena_seal(&arena);
    vain_arena_fini(&arena);
    CU_ASSERT_PTR_NULL(arena.base);
    CU_ASSERT_EQUAL(vain_arena_init(&arena, SIZE_MAX, "arena"), VAIN_ERR_MEMORY);
    CU_ASSERT_PTR_NULL(arena.base);
    vain_arena_fini(&arena);
    vain_fail_clear();
}

static void cut(size_t bytes, bool sealed)
{
    struct vain_arena arena;
    if (vain_arena_init(&arena, 128, "arena") != VAIN_OK)
        _Exit(1);
    (void)vain_arena_cut(&arena, 64);
    if (sealed)
        vain_arena_seal(&arena);
    (void)vain_arena_cut(&arena, bytes);
    vain_arena_fini(&arena);
}

static void cut_last(void)
{
    cut(64, false);
}

static void cut_too_much(void)
{
    cut(65, false);
}

static void cut_absurd(void)
{
    cut(SIZE_MAX, false);
}

static void cut_sealed(void)
{
    cut(1, true);
}

static void arena_misuse_is_a_bug(void)
{
    CU_ASSERT_EQUAL(test_exit_code(cut_last, NULL, 0), 0);
    CU_ASSERT_EQUAL(test_exit_code(cut_too_much, NULL, 0), 70);
    CU_ASSERT_EQUAL(test_exit_code(cut_absurd, NULL, 0), 70);
    CU_ASSERT_EQUAL(test_exit_code(cut_sealed, NULL, 0), 70);
}

static const struct vain_test tests[] = {
    {"blocks are zero and aligned", blocks_are_zero_and_aligned},
    {"blocks and bytes are counted", blocks_are_counted},
    {"sizes that do not fit a number are refused", impossible_sizes_are_refused},
#if !defined(WATCHED_HEAP)
    {"a large block is not resident before it is used", large_blocks_are_not_touched},
    {"more than there is is refused", too_much_is_refused},
#endif
    {"releasing what was never taken is a bug", releasing_a_stranger_is_a_bug},
    {"an arena is cut in order to its last byte", arena_is_cut_in_order},
    {"cutting past the end or after the seal is a bug", arena_misuse_is_a_bug},
    {NULL, NULL},
};
const struct vain_suite vain_suite_memory = {"base/memory", tests};
