/* Coefficients of the check word: values computed by an independent program, so that the protocol
 * cannot drift. */
#include "kernels/mix.h"
#include "tests/unit/kernels/bed.h"

static const struct vain_random random_key = {{0x01234567u, 0x89abcdefu}};

static void the_finaliser_has_known_values(void)
{
    CU_ASSERT_EQUAL(vain_mix(0), 0);
    CU_ASSERT_EQUAL(vain_mix(1), 0x688990c0u);
    CU_ASSERT_EQUAL(vain_mix(2), 0xd1132181u);
    CU_ASSERT_EQUAL(vain_mix(0xffffffffu), 0x6768824au);
}

static void coefficients_have_known_values(void)
{
    static const struct {
        uint64_t index;
        uint32_t coefficient;
    } known[] = {
        {0, 0xc93e50e3u},
        {1, 0x83c32643u},
        {2, 0xfe76555du},
        {1000003, 0x9641d261u},
        {4294967295u, 0x4bb4c76bu},
        {4294967296u, 0xed2e4d37u},
        {1099511627781u, 0x11898e33u},
    };
    const struct vain_check_key key = vain_check_key_of(random_key, 3, 1);
    for (size_t i = 0; i < VAIN_COUNT_OF(known); i++)
        CU_ASSERT_EQUAL(vain_check_coefficient(key, known[i].index), known[i].coefficient);
}

static void coefficients_are_odd_and_differ(void)
{
    const struct vain_check_key key = vain_check_key_of(random_key, 0, 0);
    const struct vain_check_key next = vain_check_key_of(random_key, 0, 1);
    int even = 0, repeated = 0;
    for (uint64_t j = 0; j < 10000; j++) {
        even += vain_check_coefficient(key, j) % 2 == 0;
        repeated += vain_check_coefficient(key, j) == vain_check_coefficient(key, j + 1);
        repeated += vain_check_coefficient(key, j) == vain_check_coefficient(next, j);
    }
    CU_ASSERT_EQUAL(even, 0);
    CU_ASSERT_EQUAL(repeated, 0);
}

static const struct vain_test tests[] = {
    {"the finaliser has known values", the_finaliser_has_known_values},
    {"coefficients have known values", coefficients_have_known_values},
    {"coefficients are odd, and differ by index and attempt", coefficients_are_odd_and_differ},
    {NULL, NULL},
};

const struct vain_suite vain_suite_mix = {"mix", tests};
