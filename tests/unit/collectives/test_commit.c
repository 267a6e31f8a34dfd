/* Salted commitments: the independent model, and what a root depends on. */
#include "collectives/commit.h"

#include <string.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

enum { MOST = 1000 };

static void fill(uint8_t *data, uint8_t salt[VAIN_COMMIT_SALT_BYTES])
{
    for (int i = 0; i < MOST; i++)
        data[i] = (uint8_t)(i * 7 % 251);
    for (int i = 0; i < VAIN_COMMIT_SALT_BYTES; i++)
        salt[i] = (uint8_t)(0x60 + i);
}

static void roots_are_those_of_the_model(void)
{
    FILE *file = test_open_golden("commit.txt");
    char line[300], hex[80];
    uint8_t data[MOST], salt[VAIN_COMMIT_SALT_BYTES];
    struct vain_pool *pool = NULL;
    int count = 0;
    CU_ASSERT_EQUAL_FATAL(vain_pool_open(2, &pool), VAIN_OK);
    fill(data, salt);
    while (test_next_line(file, line, sizeof line)) {
        uint8_t root[VAIN_HASH_BYTES], expected[VAIN_HASH_BYTES];
        struct vain_commit_data words = {.data = data};
        CU_ASSERT_EQUAL_FATAL(sscanf(line, "%zu %zu %79s", &words.bytes, &words.chunk_bytes, hex),
                              3);
        CU_ASSERT_EQUAL(test_hex(hex, expected, sizeof expected), sizeof expected);
        CU_ASSERT_EQUAL(vain_commit_root(salt, &words, NULL, root), VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(root, expected, sizeof root), 0);
        CU_ASSERT_EQUAL(vain_commit_root(salt, &words, pool, root), VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(root, expected, sizeof root), 0);
        count++;
    }
    CU_ASSERT_EQUAL(count, 8);
    fclose(file);
    vain_pool_close(&pool);
}

/* As the codec would: each chunk as it comes, last one first. */
static void leaves_may_come_in_any_order(void)
{
    uint8_t data[MOST], salt[VAIN_COMMIT_SALT_BYTES], root[VAIN_HASH_BYTES];
    uint8_t leaves[MOST / 64 + 1][VAIN_HASH_BYTES];
    const struct vain_commit_data words = {data, 400, 64};
    fill(data, salt);
    const size_t count = vain_commit_leaf_count(&words);
    CU_ASSERT_EQUAL_FATAL(count, 7);
    for (size_t i = count; i-- > 0;)
        vain_commit_leaf(salt, i, data + 64 * i, i == 6 ? 400 - 6 * 64 : 64, leaves[i]);
    uint8_t joined[VAIN_HASH_BYTES];
    vain_merkle_root_of_leaves(leaves[0], count, joined);
    CU_ASSERT_EQUAL(vain_commit_root(salt, &words, NULL, root), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(root, joined, sizeof root), 0);
}

static void a_root_sees_every_bit_of_words_and_salt(void)
{
    uint8_t data[MOST], salt[VAIN_COMMIT_SALT_BYTES], first[VAIN_HASH_BYTES],
        other[VAIN_HASH_BYTES];
    const struct vain_commit_data words = {data, 40, 16};
    fill(data, salt);
    CU_ASSERT_EQUAL(vain_commit_root(salt, &words, NULL, first), VAIN_OK);
    for (size_t bit = 0; bit < 8 * (words.bytes + sizeof salt); bit++) {
        const size_t at = bit / 8;
        uint8_t *byte = at < words.bytes ? data + at : salt + (at - words.bytes);
        *byte ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_EQUAL(vain_commit_root(salt, &words, NULL, other), VAIN_OK);
        CU_ASSERT_NOT_EQUAL(memcmp(first, other, sizeof first), 0);
        *byte ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_EQUAL(vain_commit_root(salt, &words, NULL, other), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(first, other, sizeof first), 0);
}

/* A leaf never is another one's, nor a plain hash that a guesser could make. */
static void leaves_know_their_place_and_salt(void)
{
    uint8_t data[MOST], salt[VAIN_COMMIT_SALT_BYTES], none[VAIN_COMMIT_SALT_BYTES] = {0};
    uint8_t first[VAIN_HASH_BYTES], other[VAIN_HASH_BYTES];
    fill(data, salt);
    vain_commit_leaf(salt, 1, data, 16, first);
    vain_commit_leaf(salt, 2, data, 16, other);
    CU_ASSERT_NOT_EQUAL(memcmp(first, other, sizeof first), 0);
    vain_commit_leaf(none, 1, data, 16, other);
    CU_ASSERT_NOT_EQUAL(memcmp(first, other, sizeof first), 0);
    vain_commit_leaf(salt, 1, data, 15, other);
    CU_ASSERT_NOT_EQUAL(memcmp(first, other, sizeof first), 0);
}

static void without_memory_there_is_no_root(void)
{
    uint8_t data[16] = {0}, salt[VAIN_COMMIT_SALT_BYTES] = {0}, root[VAIN_HASH_BYTES];
    const struct vain_commit_data words = {data, sizeof data, 4};
    memset(root, 1, sizeof root);
    shortage_after(0);
    CU_ASSERT_EQUAL(vain_commit_root(salt, &words, NULL, root), VAIN_ERR_MEMORY);
    shortage_end();
    CU_ASSERT_TRUE(vain_is_zero(root, sizeof root));
}

static const struct vain_test tests[] = {
    {"roots are those of the model", roots_are_those_of_the_model},
    {"leaves may come in any order", leaves_may_come_in_any_order},
    {"a root sees every bit of words and salt", a_root_sees_every_bit_of_words_and_salt},
    {"leaves know their place and salt", leaves_know_their_place_and_salt},
    {"without memory there is no root", without_memory_there_is_no_root},
    {NULL, NULL},
};
const struct vain_suite vain_suite_commit = {"commit", tests};
