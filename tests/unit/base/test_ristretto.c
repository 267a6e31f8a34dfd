/* Scalars and points against RFC 9496 and the laws of arithmetic. */
#include "base/ristretto.h"

#include <string.h>

#include "base/crypto.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

static const char order[] = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

static struct vain_scalar scalar_of(const char *hex)
{
    struct vain_scalar scalar;
    CU_ASSERT_EQUAL(test_hex(hex, scalar.bytes, sizeof scalar.bytes), VAIN_SCALAR_BYTES);
    return scalar;
}

static struct vain_scalar number(uint64_t value)
{
    struct vain_scalar scalar;
    vain_scalar_of_number(value, &scalar);
    return scalar;
}

static struct vain_point multiple(uint64_t value)
{
    struct vain_point point;
    const struct vain_scalar scalar = number(value);
    vain_point_of_scalar(&scalar, &point);
    return point;
}

#define EQUAL(a, b) CU_ASSERT_EQUAL(memcmp(&(a), &(b), sizeof(a)), 0)

/* ---- scalars --------------------------------------------------------------------------------- */

static void scalars_end_below_the_order(void)
{
    struct vain_scalar l = scalar_of(order), one = number(1), sum;
    CU_ASSERT_FALSE(vain_scalar_valid(&l));
    l.bytes[0]--; /* L - 1 */
    CU_ASSERT_TRUE(vain_scalar_valid(&l));
    vain_scalar_add(&l, &one, &sum);
    CU_ASSERT_TRUE(vain_is_zero(&sum, sizeof sum));
    CU_ASSERT_TRUE(vain_scalar_valid(&sum));
    memset(&sum, 0xff, sizeof sum);
    CU_ASSERT_FALSE(vain_scalar_valid(&sum));
    sum = number(0);
    sum.bytes[31] = 0x80; /* a bit that the library's multiplication does not look at */
    CU_ASSERT_FALSE(vain_scalar_valid(&sum));
}

static void numbers_are_little_endian(void)
{
    const struct vain_scalar expected =
        scalar_of("8877665544332211000000000000000000000000000000000000000000000000");
    const struct vain_scalar found = number(UINT64_C(0x1122334455667788));
    EQUAL(found, expected);
}

static void wide_numbers_are_reduced(void)
{
    uint8_t wide[2 * VAIN_SCALAR_BYTES] = {0};
    struct vain_scalar found;
    const struct vain_scalar l = scalar_of(order), seven = number(7);
    memcpy(wide, l.bytes, sizeof l.bytes);
    wide[0] = (uint8_t)(wide[0] + 7);
    vain_scalar_reduce(wide, &found);
    EQUAL(found, seven);
}

static void scalars_are_a_field(void)
{
    const struct vain_scalar one = number(1);
    for (int i = 0; i < 100; i++) {
        struct vain_scalar a, b, c, left, right, other;
        vain_scalar_random(&a);
        vain_scalar_random(&b);
        vain_scalar_random(&c);
        CU_ASSERT_TRUE(vain_scalar_valid(&a));
        CU_ASSERT_NOT_EQUAL(memcmp(&a, &b, sizeof a), 0);
        vain_scalar_add(&a, &b, &left); /* (a + b) c = a c + b c */
        vain_scalar_multiply(&left, &c, &left);
        vain_scalar_multiply(&a, &c, &right);
        vain_scalar_multiply(&b, &c, &other);
        vain_scalar_add(&right, &other, &right);
        EQUAL(left, right);
        vain_scalar_subtract(&left, &other, &left); /* - b c, / c */
        vain_scalar_invert(&c, &c);
        vain_scalar_multiply(&left, &c, &left);
        EQUAL(left, a);
        vain_scalar_invert(&a, &other);
        vain_scalar_multiply(&a, &other, &other);
        EQUAL(other, one);
    }
}

static void invert_zero(void)
{
    const struct vain_scalar zero = number(0);
    struct vain_scalar out;
    vain_scalar_invert(&zero, &out);
}

static void zero_has_no_inverse(void)
{
    CU_ASSERT_EQUAL(test_exit_code(invert_zero, NULL, 0), 70);
}

/* ---- points ---------------------------------------------------------------------------------- */

/* RFC 9496, appendix A.1. */
static void multiples_of_the_generator_are_those_of_the_rfc(void)
{
    static const char *const expected[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
        "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
        "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
    };
    struct vain_point sum = multiple(0);
    const struct vain_point generator = multiple(1);
    for (size_t i = 0; i < VAIN_COUNT_OF(expected); i++) {
        struct vain_point point, product;
        CU_ASSERT_EQUAL(test_hex(expected[i], point.bytes, sizeof point.bytes), VAIN_POINT_BYTES);
        const struct vain_point found = multiple(i);
        const struct vain_scalar times = number(i);
        EQUAL(found, point);
        EQUAL(sum, point);
        CU_ASSERT_TRUE(vain_point_valid(&point));
        CU_ASSERT_TRUE(vain_point_multiply(&times, &generator, &product));
        EQUAL(product, point);
        CU_ASSERT_TRUE(vain_point_add(&sum, &generator, &sum));
    }
}

static void multiplication_follows_the_scalars(void)
{
    for (int i = 0; i < 20; i++) {
        struct vain_scalar a, b, product;
        struct vain_point point, expected;
        vain_scalar_random(&a);
        vain_scalar_random(&b);
        vain_scalar_multiply(&a, &b, &product);
        vain_point_of_scalar(&product, &expected);
        vain_point_of_scalar(&a, &point);
        CU_ASSERT_TRUE(vain_point_multiply(&b, &point, &point));
        EQUAL(point, expected);
    }
}

static void the_neutral_element_is_a_result(void)
{
    const struct vain_scalar zero = number(0);
    const struct vain_point neutral = multiple(0);
    struct vain_point point = multiple(5);
    CU_ASSERT_TRUE(vain_point_multiply(&zero, &point, &point));
    EQUAL(point, neutral);
    CU_ASSERT_TRUE(vain_point_multiply(&zero, &neutral, &point));
    EQUAL(point, neutral);
}

/* RFC 9496, appendix A.2: not in one spelling, negative, not on the curve. */
static void what_is_no_point_is_refused(void)
{
    static const char *const bad[] = {
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    };
    const struct vain_scalar three = number(3), zero = number(0);
    const struct vain_point good = multiple(3);
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++) {
        struct vain_point point, out = good;
        CU_ASSERT_EQUAL(test_hex(bad[i], point.bytes, sizeof point.bytes), VAIN_POINT_BYTES);
        CU_ASSERT_FALSE(vain_point_valid(&point));
        CU_ASSERT_FALSE(vain_point_add(&point, &good, &out));
        CU_ASSERT_TRUE(vain_is_zero(&out, sizeof out));
        out = good;
        CU_ASSERT_FALSE(vain_point_add(&good, &point, &out));
        CU_ASSERT_TRUE(vain_is_zero(&out, sizeof out));
        out = good;
        CU_ASSERT_FALSE(vain_point_multiply(&three, &point, &out));
        CU_ASSERT_TRUE(vain_is_zero(&out, sizeof out));
        CU_ASSERT_FALSE(vain_point_multiply(&zero, &point, &out));
    }
}

static const struct vain_test tests[] = {
    {"scalars end below the order", scalars_end_below_the_order},
    {"numbers are little-endian", numbers_are_little_endian},
    {"wide numbers are reduced", wide_numbers_are_reduced},
    {"scalars are a field", scalars_are_a_field},
    {"zero has no inverse", zero_has_no_inverse},
    {"multiples of the generator are those of RFC 9496",
     multiples_of_the_generator_are_those_of_the_rfc},
    {"multiplication follows the scalars", multiplication_follows_the_scalars},
    {"the neutral element is a result", the_neutral_element_is_a_result},
    {"what is no point is refused", what_is_no_point_is_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_ristretto = {"ristretto", tests};
