/* The range rule against tests/golden/codec_range.txt, made by exact arithmetic in Python. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "collectives/codec_range.h"
#include "tests/unit/suite.h"

static struct vain_codec make_codec(int64_t parameter_count, int members, int bits, int fields)
{
    return (struct vain_codec){.parameter_count = parameter_count,
                               .members = members,
                               .clip = NAN,
                               .fixed = {.bits = bits, .fields = fields}};
}

static int check_first(const char *line)
{
    int64_t parameter_count, mantissa;
    int members, bits, fields, exponent, range, bound;
    if (sscanf(line, "first %" SCNd64 " %d %d %d %" SCNd64 " %d %d %d", &parameter_count, &members,
               &bits, &fields, &mantissa, &exponent, &range, &bound) != 8)
        return 0;
    const struct vain_codec codec = make_codec(parameter_count, members, bits, fields);
    const struct vain_codec_state state =
        vain_codec_first(&codec, ldexp((double)mantissa, exponent));
    if (state.range_exponent != range || state.bound_exponent != bound)
        printf("\n    %s    got %d %d\n", line, state.range_exponent, state.bound_exponent);
    CU_ASSERT_EQUAL(state.range_exponent, range);
    CU_ASSERT_EQUAL(state.bound_exponent, bound);
    return 1;
}

static int check_next(const char *line)
{
    int64_t parameter_count, saturated;
    uint64_t squares[2];
    int members, bits, fields, range, bound, next_range, next_bound;
    if (sscanf(line, "next %" SCNd64 " %d %d %d %d %d %" SCNx64 " %" SCNx64 " %" SCNd64 " %d %d",
               &parameter_count, &members, &bits, &fields, &range, &bound, &squares[0], &squares[1],
               &saturated, &next_range, &next_bound) != 11)
        return 0;
    struct vain_codec codec = make_codec(parameter_count, members, bits, fields);
    CU_ASSERT_EQUAL_FATAL(vain_codec_restore(&codec, (struct vain_codec_state){range, bound}),
                          VAIN_OK);
    const struct vain_codec_state state = vain_codec_next(&codec, squares, saturated);
    if (state.range_exponent != next_range || state.bound_exponent != next_bound)
        printf("\n    %s    got %d %d\n", line, state.range_exponent, state.bound_exponent);
    CU_ASSERT_EQUAL(state.range_exponent, next_range);
    CU_ASSERT_EQUAL(state.bound_exponent, next_bound);
    return 1;
}

static void matches_exact_arithmetic(void)
{
    FILE *file = fopen(VAIN_TEST_DATA "/golden/codec_range.txt", "r");
    char line[256];
    int first = 0, next = 0, lines = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (fgets(line, sizeof line, file) != NULL) {
        lines++;
        first += check_first(line);
        next += check_next(line);
    }
    fclose(file);
    CU_ASSERT_EQUAL(first, 60);
    CU_ASSERT_TRUE(next > 400);
    CU_ASSERT_EQUAL(first + next, lines);
}

static void nothing_moves_without_news(void)
{
    struct vain_codec codec = make_codec(1000, 4, 14, 2);
    const uint64_t zero[2] = {0, 0};
    CU_ASSERT_EQUAL_FATAL(vain_codec_restore(&codec, (struct vain_codec_state){-5, 3}), VAIN_OK);
    const struct vain_codec_state state = vain_codec_next(&codec, zero, 0);
    CU_ASSERT_EQUAL(state.range_exponent, -5);
    CU_ASSERT_EQUAL(state.bound_exponent, 3);
    CU_ASSERT_EQUAL(vain_codec_next(&codec, zero, 9).range_exponent, -4);
}

/* Values that never fit open the range until they would, and it closes when they are gone. */
static void outliers_open_the_range_and_it_closes(void)
{
    struct vain_codec codec = make_codec(1000, 4, 14, 2);
    CU_ASSERT_EQUAL_FATAL(vain_codec_restore(&codec, (struct vain_codec_state){0, 0}), VAIN_OK);
    int highest = -100;
    for (int round = 0; round < 40; round++) {
        /* The mean's RMS is 2^-6 whatever the scale: Q = N (4 * 2^-6 * 2^scale)^2. */
        const int scale = codec.fixed.scale_exponent;
        const uint64_t squares[2] = {0, (uint64_t)1000 << 2 * (scale - 4)};
        const int64_t saturated = round < 20 ? 1 : 0;
        const struct vain_codec_state state = vain_codec_next(&codec, squares, saturated);
        CU_ASSERT_EQUAL_FATAL(vain_codec_restore(&codec, state), VAIN_OK);
        if (state.range_exponent > highest)
            highest = state.range_exponent;
    }
    CU_ASSERT_EQUAL(highest, -3 + 6); /* kappa * RMS = 2^-3, and six above */
    CU_ASSERT_EQUAL(vain_codec_state(&codec).range_exponent, -3);
}

static const struct vain_test tests[] = {
    {"the rule matches exact arithmetic", matches_exact_arithmetic},
    {"sums of zero move nothing", nothing_moves_without_news},
    {"outliers open the range, and it closes again", outliers_open_the_range_and_it_closes},
    {NULL, NULL},
};
const struct vain_suite vain_suite_codec_range = {"codec_range", tests};
