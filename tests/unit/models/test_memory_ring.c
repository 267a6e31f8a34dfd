/* The short-term ring against a plain list. */
#include "models/memory_ring.h"

#include <string.h>

#include "models/memory_integer.h"
#include "tests/unit/suite.h"

static void whole_numbers_come_back_exactly(void)
{
    static const int64_t values[] = {0,
                                     1,
                                     VAIN_MEMORY_HALF - 1,
                                     VAIN_MEMORY_HALF,
                                     (int64_t)VAIN_MEMORY_HALF + 1,
                                     123456789012,
                                     VAIN_MEMORY_INTEGER_MAX};
    for (size_t i = 0; i < VAIN_COUNT_OF(values); i++) {
        float two[2];
        vain_memory_put_integer(two, values[i]);
        CU_ASSERT_EQUAL(vain_memory_get_integer(two), values[i]);
        CU_ASSERT(vain_memory_is_integer(two, values[i]));
        CU_ASSERT(values[i] == 0 || !vain_memory_is_integer(two, values[i] - 1));
    }
    static const float wrong[][2] = {{-1, 0}, {0, 0.5f}, {0, 16777216.0f}, {1e30f, 0}};
    for (size_t i = 0; i < VAIN_COUNT_OF(wrong); i++)
        CU_ASSERT(!vain_memory_is_integer(wrong[i], VAIN_MEMORY_INTEGER_MAX));
    const float nothing = 0, not_a_number[2] = {nothing / nothing, 0};
    CU_ASSERT(!vain_memory_is_integer(not_a_number, VAIN_MEMORY_INTEGER_MAX));
}

static void draws_are_even_and_bounded(void)
{
    struct vain_memory_draw draw = {vain_random_stream(1, VAIN_PURPOSE_MEMORY, ""), 1, 5, 0};
    int counts[7] = {0};
    for (int i = 0; i < 7000; i++) {
        const int64_t value = vain_memory_draw_below(&draw, 7);
        CU_ASSERT_FATAL(value >= 0 && value < 7);
        counts[value]++;
    }
    for (int v = 0; v < 7; v++)
        CU_ASSERT(counts[v] > 850 && counts[v] < 1150);
    CU_ASSERT_EQUAL(vain_memory_draw_below(&draw, 1), 0);
}

static void a_ring_holds_the_last_experiences(void)
{
    enum { CAPACITY = 5, PUSHED = 13 };
    const struct vain_memory_shape shape = {.pixels = 3, .width = 2, .classes = 100};
    float block[2 + CAPACITY * (2 + 3 + 2)] = {0};
    struct vain_memory_ring ring;
    CU_ASSERT_EQUAL(vain_memory_ring_floats(&shape, CAPACITY), (int64_t)VAIN_COUNT_OF(block));
    vain_memory_ring_bind(&shape, CAPACITY, block, &ring);
    CU_ASSERT_EQUAL(vain_memory_ring_count(&ring), 0);
    for (int n = 0; n < PUSHED; n++) {
        const float value = (float)n;
        const float feature[2] = {value, value + 0.25f};
        const float example[3] = {value, value + 0.5f, -value};
        vain_memory_ring_push(&ring, n, value / 8, feature, example);
        const int held = n + 1 < CAPACITY ? n + 1 : CAPACITY;
        CU_ASSERT_EQUAL_FATAL(vain_memory_ring_count(&ring), held);
        CU_ASSERT_EQUAL(vain_memory_ring_pushed(&ring), n + 1);
        for (int age = 0; age < held; age++) {
            const int expected = n + 1 - held + age;
            const int64_t place = vain_memory_ring_place(&ring, age);
            CU_ASSERT_EQUAL(ring.labels[place], (float)expected);
            CU_ASSERT_EQUAL(ring.losses[place], (float)expected / 8);
            CU_ASSERT_EQUAL(ring.features[place * 2 + 1], (float)expected + 0.25f);
            CU_ASSERT_EQUAL(ring.examples[place * 3 + 1], (float)expected + 0.5f);
        }
    }
    CU_ASSERT(vain_memory_ring_is_sound(&ring));
    ring.labels[2] = 100;
    CU_ASSERT(!vain_memory_ring_is_sound(&ring));
    ring.labels[2] = 99;
    ring.pushed[1] = 0.5f;
    CU_ASSERT(!vain_memory_ring_is_sound(&ring));
}

static const struct vain_test tests[] = {
    {"whole numbers come back exactly", whole_numbers_come_back_exactly},
    {"draws are even and bounded", draws_are_even_and_bounded},
    {"a ring holds the last experiences", a_ring_holds_the_last_experiences},
    {NULL, NULL},
};
const struct vain_suite vain_suite_memory_ring = {"memory_ring", tests};
