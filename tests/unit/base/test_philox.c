/* Public randomness against the known answers of its authors, and the names of streams. */
#include "base/philox.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

/* Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds: counter, key, output. */
static const struct {
    uint32_t counter[4], key[2], out[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void known_answers(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(known); i++) {
        const uint64_t index = known[i].counter[0] | (uint64_t)known[i].counter[1] << 32;
        uint32_t out[4];
        vain_random_block((struct vain_random){{known[i].key[0], known[i].key[1]}},
                          known[i].counter[3], known[i].counter[2], index, out);
        CU_ASSERT_EQUAL(memcmp(out, known[i].out, sizeof out), 0);
    }
}

static void units_are_below_one(void)
{
    CU_ASSERT_EQUAL(vain_random_unit(0), 0.0f);
    CU_ASSERT_EQUAL(vain_random_unit(0xff), 0.0f);
    CU_ASSERT_EQUAL(vain_random_unit(0x100), 0x1p-24f);
    CU_ASSERT_EQUAL(vain_random_unit(UINT32_C(1) << 31), 0.5f);
    CU_ASSERT_EQUAL(vain_random_unit(UINT32_MAX), 1.0f - 0x1p-24f);
}

static void units_are_uniform(void)
{
    /* 40000 numbers in 16 boxes: each box within six standard deviations (48) of 2500. */
    const struct vain_random random = vain_random_stream(7, VAIN_PURPOSE_DROPOUT, "alice");
    int boxes[16] = {0};
    for (uint64_t i = 0; i < 10000; i++) {
        uint32_t out[4];
        vain_random_block(random, 1, 2, i, out);
        for (int j = 0; j < 4; j++)
            boxes[(int)(vain_random_unit(out[j]) * 16.0f)]++;
    }
    for (int i = 0; i < 16; i++)
        CU_ASSERT_TRUE(boxes[i] > 2500 - 300 && boxes[i] < 2500 + 300);
}

static void streams_are_the_documented_ones(void)
{
    FILE *file = test_open_golden("random_stream.txt");
    char line[200], name[64];
    unsigned long long seed;
    unsigned purpose, first, second;
    int count = 0;
    while (test_next_line(file, line, sizeof line)) {
        CU_ASSERT_EQUAL_FATAL(
            sscanf(line, "%llu %u %63s %x %x", &seed, &purpose, name, &first, &second), 5);
        const struct vain_random random = vain_random_stream(seed, (enum vain_purpose)purpose,
                                                             strcmp(name, "-") == 0 ? "" : name);
        CU_ASSERT_EQUAL(random.key[0], first);
        CU_ASSERT_EQUAL(random.key[1], second);
        count++;
    }
    CU_ASSERT_EQUAL(count, 4);
    if (file != NULL)
        fclose(file);
}

static const struct vain_test tests[] = {
    {"blocks are the known answers of Philox4x32-10", known_answers},
    {"units lie in [0, 1) on a grid of 2^-24", units_are_below_one},
    {"units are uniform", units_are_uniform},
    {"streams are the documented hash of seed, purpose and name", streams_are_the_documented_ones},
    {NULL, NULL},
};
const struct vain_suite vain_suite_philox = {"base/philox", tests};
