/* Hashes, trees, signatures and derivation against published vectors and an independent model. */
#include "base/crypto.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/memory.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/base/libraries.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

static void library_starts(void)
{
    CU_ASSERT_EQUAL(vain_crypto_init(), VAIN_OK);
    CU_ASSERT_EQUAL(vain_crypto_init(), VAIN_OK);
}

static void check_start_is_refused(const char *why)
{
    CU_ASSERT_EQUAL(vain_crypto_init(), VAIN_ERR_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), why));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), sodium_version_string()));
    bad_libraries = (struct bad_libraries){false};
    CU_ASSERT_EQUAL(vain_crypto_init(), VAIN_OK);
}

static void a_library_that_takes_bad_keys_is_refused(void)
{
    bad_libraries.sodium_does_not_start = true;
    check_start_is_refused("does not start");
    bad_libraries.mixed_order_is_valid = true;
    check_start_is_refused("CVE-2025-69277");
    bad_libraries.neutral_is_valid = true;
    check_start_is_refused("outside the prime-order group");
}

/* ---- Hash ----------------------------------------------------------------------------------- */

/* "personal bytes hash" over data of a known rule, under the key (NULL: none). */
static void check_hashes(const char *golden, const uint8_t *key)
{
    FILE *file = test_open_golden(golden);
    char line[300], personal[32], hex[80];
    int count = 0;
    size_t bytes;
    while (test_next_line(file, line, sizeof line)) {
        CU_ASSERT_EQUAL_FATAL(sscanf(line, "%31s %zu %79s", personal, &bytes, hex), 3);
        uint8_t data[1000], hash[VAIN_HASH_BYTES], expected[VAIN_HASH_BYTES];
        CU_ASSERT_FATAL(bytes <= sizeof data);
        for (size_t i = 0; i < bytes; i++)
            data[i] = (uint8_t)(i * 7 % 251);
        test_hex(hex, expected, sizeof expected);
        const char *name = strcmp(personal, "-") == 0 ? "" : personal;
        if (key == NULL)
            vain_hash(name, data, bytes, hash);
        else
            vain_hash_keyed(key, name, data, bytes, hash);
        CU_ASSERT_EQUAL(memcmp(hash, expected, sizeof hash), 0);
        count++;
    }
    CU_ASSERT_EQUAL(count, 18);
    if (file != NULL)
        fclose(file);
}

static void hashes_are_those_of_hashlib(void)
{
    check_hashes("blake2b.txt", NULL);
}

static void keyed_hashes_are_those_of_hashlib(void)
{
    uint8_t key[VAIN_HASH_BYTES];
    for (int i = 0; i < VAIN_HASH_BYTES; i++)
        key[i] = (uint8_t)i;
    check_hashes("blake2b_keyed.txt", key);
}

static void a_keyed_hash_sees_every_bit_of_its_key(void)
{
    uint8_t key[VAIN_HASH_BYTES] = {0}, plain[VAIN_HASH_BYTES], first[VAIN_HASH_BYTES],
            other[VAIN_HASH_BYTES];
    vain_hash("vain/test", "data", 4, plain);
    vain_hash_keyed(key, "vain/test", "data", 4, first);
    CU_ASSERT_NOT_EQUAL(memcmp(plain, first, sizeof first),
                        0); /* not even a key of zeros is none */
    for (int bit = 0; bit < 8 * VAIN_HASH_BYTES; bit++) {
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        vain_hash_keyed(key, "vain/test", "data", 4, other);
        CU_ASSERT_NOT_EQUAL(memcmp(first, other, sizeof first), 0);
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void hashes_in_pieces_are_the_same(void)
{
    uint8_t data[300], whole[VAIN_HASH_BYTES], pieces[VAIN_HASH_BYTES];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    vain_hash("vain/test", data, sizeof data, whole);
    for (size_t split = 0; split <= sizeof data; split++) {
        struct vain_hash_state state;
        vain_hash_init(&state, "vain/test");
        vain_hash_update(&state, data, split);
        vain_hash_update(&state, NULL, 0);
        vain_hash_update(&state, data + split, sizeof data - split);
        vain_hash_final(&state, pieces);
        CU_ASSERT_EQUAL(memcmp(whole, pieces, sizeof whole), 0);
    }
}

static void hash_under_long_name(void)
{
    uint8_t hash[VAIN_HASH_BYTES];
    vain_hash("seventeen letters", "", 0, hash);
}

static void a_long_personalisation_is_a_bug(void)
{
    CU_ASSERT_EQUAL(test_exit_code(hash_under_long_name, NULL, 0), 70);
}

/* ---- Merkle tree ---------------------------------------------------------------------------- */

static void merkle_golden(void)
{
    struct vain_pool *pool;
    CU_ASSERT_EQUAL_FATAL(vain_pool_open(2, &pool), VAIN_OK);
    FILE *file = test_open_golden("merkle.txt");
    char line[200], hex[80];
    int chunks, count = 0;
    while (test_next_line(file, line, sizeof line)) {
        CU_ASSERT_EQUAL_FATAL(sscanf(line, "%d %79s", &chunks, hex), 2);
        CU_ASSERT_FATAL(chunks >= 1 && chunks <= 8);
        uint8_t data[40], expected[VAIN_HASH_BYTES], root[VAIN_HASH_BYTES];
        for (int i = 0; i < 5 * chunks; i++)
            data[i] = (uint8_t)(i / 5);
        test_hex(hex, expected, sizeof expected);
        CU_ASSERT_EQUAL(vain_merkle_root(data, (size_t)chunks * 5, 5, NULL, root), VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(root, expected, sizeof root), 0);
        CU_ASSERT_EQUAL(vain_merkle_root(data, (size_t)chunks * 5, 5, pool, root), VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(root, expected, sizeof root), 0);
        count++;
    }
    CU_ASSERT_EQUAL(count, 7);
    if (file != NULL)
        fclose(file);
    vain_pool_close(&pool);
}

/* The tree as RFC 6962 section 2.1 defines it: split at the largest power of two below the count.
 */
static void model_tree(const uint8_t *data, size_t bytes, size_t leaf_bytes, size_t first,
                       size_t count, uint8_t out[VAIN_HASH_BYTES])
{
    if (count == 1) {
        uint8_t leaf[8 + 16] = {(uint8_t)first};
        const size_t start = first * leaf_bytes;
        const size_t length = bytes - start < leaf_bytes ? bytes - start : leaf_bytes;
        memcpy(leaf + 8, data + start, length);
        vain_hash("vain/ckpt/leaf", leaf, 8 + length, out);
        return;
    }
    size_t left = 1;
    while (2 * left < count)
        left *= 2;
    uint8_t pair[2 * VAIN_HASH_BYTES];
    model_tree(data, bytes, leaf_bytes, first, left, pair);
    model_tree(data, bytes, leaf_bytes, first + left, count - left, pair + VAIN_HASH_BYTES);
    vain_hash("vain/ckpt/node", pair, sizeof pair, out);
}

static void merkle_has_the_shape_of_rfc6962(void)
{
    struct vain_pool *pool;
    CU_ASSERT_EQUAL_FATAL(vain_pool_open(3, &pool), VAIN_OK);
    uint8_t data[400], expected[VAIN_HASH_BYTES], root[VAIN_HASH_BYTES];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31);
    for (size_t bytes = 0; bytes <= sizeof data; bytes++) {
        const size_t leaf_bytes = 6;
        const size_t leaves = bytes == 0 ? 1 : (bytes + leaf_bytes - 1) / leaf_bytes;
        model_tree(data, bytes, leaf_bytes, 0, leaves, expected);
        CU_ASSERT_EQUAL(vain_merkle_root(bytes == 0 ? NULL : data, bytes, leaf_bytes,
                                         bytes % 2 == 0 ? pool : NULL, root),
                        VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(root, expected, sizeof root), 0);
    }
    vain_pool_close(&pool);
}

static void merkle_sees_every_bit_and_place(void)
{
    uint8_t data[50], root[VAIN_HASH_BYTES], other[VAIN_HASH_BYTES];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i / 10); /* leaves of equal bytes, which only their place tells apart */
    CU_ASSERT_EQUAL(vain_merkle_root(data, sizeof data, 10, NULL, root), VAIN_OK);
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_EQUAL(vain_merkle_root(data, sizeof data, 10, NULL, other), VAIN_OK);
        CU_ASSERT_NOT_EQUAL(memcmp(root, other, sizeof root), 0);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memset(data, 0, sizeof data);
    CU_ASSERT_EQUAL(vain_merkle_root(data, 40, 10, NULL, root), VAIN_OK);
    CU_ASSERT_EQUAL(vain_merkle_root(data, 50, 10, NULL, other), VAIN_OK);
    CU_ASSERT_NOT_EQUAL(memcmp(root, other, sizeof root), 0);
    CU_ASSERT_EQUAL(vain_merkle_root(data, 39, 10, NULL, other), VAIN_OK);
    CU_ASSERT_NOT_EQUAL(memcmp(root, other, sizeof root), 0);
}

static void merkle_of_real_leaves(void)
{
    /* Two leaves of 4 MiB and one byte: hashed on any number of threads alike. */
    const size_t bytes = ((size_t)8 << 20) + 1;
    void *data;
    CU_ASSERT_EQUAL_FATAL(vain_take(bytes, "vector", &data), VAIN_OK);
    memset(data, 3, bytes);
    uint8_t roots[4][VAIN_HASH_BYTES];
    for (int threads = 0; threads < 4; threads++) {
        struct vain_pool *pool = NULL;
        if (threads > 0)
            CU_ASSERT_EQUAL_FATAL(vain_pool_open(threads, &pool), VAIN_OK);
        CU_ASSERT_EQUAL(vain_merkle_root(data, bytes, (size_t)4 << 20, pool, roots[threads]),
                        VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(roots[0], roots[threads], VAIN_HASH_BYTES), 0);
        vain_pool_close(&pool);
    }
    vain_release(data);
}

static void without_memory_there_is_no_root(void)
{
    static const uint8_t zeros[VAIN_HASH_BYTES];
    uint8_t root[VAIN_HASH_BYTES];
    memset(root, 0xaa, sizeof root);
    shortage_after(0);
    CU_ASSERT_EQUAL(vain_merkle_root("data", 4, 2, NULL, root), VAIN_ERR_MEMORY);
    shortage_end();
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "Merkle leaves"));
    CU_ASSERT_EQUAL(memcmp(root, zeros, sizeof root), 0);
}

/* ---- Ed25519 -------------------------------------------------------------------------------- */

static void signatures_of_rfc8032(void)
{
    FILE *file = test_open_golden("ed25519.txt");
    char line[600], seed_hex[80], key_hex[80], message_hex[200], signature_hex[200];
    int count = 0;
    while (test_next_line(file, line, sizeof line)) {
        CU_ASSERT_EQUAL_FATAL(
            sscanf(line, "%79s %79s %199s %199s", seed_hex, key_hex, message_hex, signature_hex),
            4);
        uint8_t seed[32], key[32], message[100], signature[64], made_key[32], made[64];
        test_hex(seed_hex, seed, sizeof seed);
        test_hex(key_hex, key, sizeof key);
        test_hex(signature_hex, signature, sizeof signature);
        const size_t bytes = test_hex(message_hex, message, sizeof message);
        vain_public_key_of_seed(seed, made_key);
        CU_ASSERT_EQUAL(memcmp(key, made_key, sizeof key), 0);
        CU_ASSERT_TRUE(vain_public_key_valid(key));
        vain_sign_with_seed(seed, message, bytes, made);
        CU_ASSERT_EQUAL(memcmp(signature, made, sizeof made), 0);
        CU_ASSERT_TRUE(vain_signature_valid(key, message, bytes, signature));
        message[0] ^= 1;
        CU_ASSERT_FALSE(vain_signature_valid(key, message, bytes > 0 ? bytes : 1, signature));
        count++;
    }
    CU_ASSERT_EQUAL(count, 4);
    if (file != NULL)
        fclose(file);
}

static void a_signature_with_a_flipped_bit_is_wrong(void)
{
    const uint8_t seed[32] = {5};
    uint8_t key[32], signature[64];
    vain_public_key_of_seed(seed, key);
    vain_sign_with_seed(seed, "round 7", 7, signature);
    CU_ASSERT_TRUE(vain_signature_valid(key, "round 7", 7, signature));
    for (int bit = 0; bit < 8 * 64; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_FALSE(vain_signature_valid(key, "round 7", 7, signature));
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_FALSE(vain_signature_valid(key, "round 7", 6, signature));
}

static void bad_points_are_refused(void)
{
    FILE *file = test_open_golden("bad_points.txt");
    char line[200];
    int count = 0;
    while (test_next_line(file, line, sizeof line)) {
        uint8_t key[32];
        CU_ASSERT_EQUAL(test_hex(line, key, sizeof key), 32);
        CU_ASSERT_FALSE(vain_public_key_valid(key));
        count++;
    }
    CU_ASSERT_EQUAL(count, 15); /* eight of small order, seven of mixed order */
    if (file != NULL)
        fclose(file);
    uint8_t key[32] = {2}; /* y = 2 is not on the curve */
    CU_ASSERT_FALSE(vain_public_key_valid(key));
    memset(key, 0xff, sizeof key); /* y is not below the prime */
    CU_ASSERT_FALSE(vain_public_key_valid(key));
    /* Under the neutral element, R = neutral and S = 0 would sign everything. */
    const uint8_t neutral[32] = {1}, forged[64] = {1};
    CU_ASSERT_FALSE(vain_signature_valid(neutral, "anything", 8, forged));
}

/* ---- X25519 --------------------------------------------------------------------------------- */

static bool shared_is(const char *secret_hex, const char *peer_hex, const char *expected_hex)
{
    uint8_t secret[VAIN_X25519_BYTES], peer[VAIN_X25519_BYTES], expected[VAIN_X25519_BYTES],
        shared[VAIN_X25519_BYTES];
    CU_ASSERT_EQUAL(test_hex(secret_hex, secret, sizeof secret), sizeof secret);
    CU_ASSERT_EQUAL(test_hex(peer_hex, peer, sizeof peer), sizeof peer);
    CU_ASSERT_EQUAL(test_hex(expected_hex, expected, sizeof expected), sizeof expected);
    return vain_x25519_shared(secret, peer, shared) && memcmp(shared, expected, sizeof shared) == 0;
}

static void key_agreement_of_rfc7748(void)
{
    /* Section 5.2. */
    CU_ASSERT_TRUE(shared_is("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                             "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                             "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"));
    CU_ASSERT_TRUE(shared_is("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                             "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                             "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"));
    /* Section 6.1: Bob's side, and his public key. */
    const char *bob = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
    CU_ASSERT_TRUE(shared_is(bob,
                             "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
                             "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"));
    uint8_t secret[VAIN_X25519_BYTES], public_key[VAIN_X25519_BYTES];
    char text[2 * VAIN_X25519_BYTES + 1];
    test_hex(bob, secret, sizeof secret);
    vain_x25519_public(secret, public_key);
    vain_to_hex(public_key, sizeof public_key, text);
    CU_ASSERT_STRING_EQUAL(text,
                           "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

/* Section 5.2: k, u = X25519(k, u), k, from k = u = 9; after one and after a thousand turns. */
static void key_agreement_of_rfc7748_again_and_again(void)
{
    uint8_t k[VAIN_X25519_BYTES] = {9}, u[VAIN_X25519_BYTES] = {9}, next[VAIN_X25519_BYTES];
    char text[2 * VAIN_X25519_BYTES + 1];
    for (int turn = 1; turn <= 1000; turn++) {
        CU_ASSERT_TRUE_FATAL(vain_x25519_shared(k, u, next));
        memcpy(u, k, sizeof u);
        memcpy(k, next, sizeof k);
        vain_to_hex(k, sizeof k, text);
        if (turn == 1)
            CU_ASSERT_STRING_EQUAL(
                text, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
    CU_ASSERT_STRING_EQUAL(text,
                           "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

static void both_ends_have_one_key(void)
{
    for (int pair = 0; pair < 20; pair++) {
        uint8_t a[32], b[32], public_a[32], public_b[32], made_a[32], made_b[32];
        vain_x25519_keypair(a, public_a);
        vain_x25519_keypair(b, public_b);
        CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof a), 0);
        CU_ASSERT_TRUE(vain_x25519_shared(a, public_b, made_a));
        CU_ASSERT_TRUE(vain_x25519_shared(b, public_a, made_b));
        CU_ASSERT_EQUAL(memcmp(made_a, made_b, sizeof made_a), 0);
    }
}

static void points_of_low_order_are_refused(void)
{
    static const uint8_t zeros[VAIN_X25519_BYTES];
    FILE *file = test_open_golden("low_order_points.txt");
    char line[200];
    int count = 0;
    while (test_next_line(file, line, sizeof line)) {
        uint8_t secret[VAIN_X25519_BYTES], public_key[VAIN_X25519_BYTES], point[VAIN_X25519_BYTES],
            shared[VAIN_X25519_BYTES];
        CU_ASSERT_EQUAL(test_hex(line, point, sizeof point), sizeof point);
        vain_x25519_keypair(secret, public_key);
        memset(shared, 0xaa, sizeof shared);
        CU_ASSERT_FALSE(vain_x25519_shared(secret, point, shared));
        CU_ASSERT_EQUAL(memcmp(shared, zeros, sizeof shared), 0);
        count++;
    }
    CU_ASSERT_EQUAL(count, 14);
    if (file != NULL)
        fclose(file);
}

/* ---- Derivation ----------------------------------------------------------------------------- */

/* "seed depth index ... chain key public": the published chains of SLIP-0010. */
static void derivation_of_slip10(void)
{
    FILE *file = test_open_golden("slip10.txt");
    char line[1000];
    int count = 0;
    while (test_next_line(file, line, sizeof line)) {
        char *rest = NULL;
        uint8_t seed[64], chain[32], key[32], public_key[32], expected[32];
        const size_t seed_bytes = test_hex(strtok_r(line, " ", &rest), seed, sizeof seed);
        const int depth = atoi(strtok_r(NULL, " ", &rest));
        uint32_t path[5];
        for (int i = 0; i < depth; i++)
            path[i] = (uint32_t)strtoul(strtok_r(NULL, " ", &rest), NULL, 10);
        vain_slip10_derive(seed, seed_bytes, path, depth, key, chain);
        vain_public_key_of_seed(key, public_key);
        const uint8_t *const got[] = {chain, key, public_key};
        for (int i = 0; i < 3; i++) {
            CU_ASSERT_EQUAL(test_hex(strtok_r(NULL, " ", &rest), expected, sizeof expected), 32);
            CU_ASSERT_EQUAL(memcmp(got[i], expected, 32), 0);
        }
        count++;
    }
    CU_ASSERT_EQUAL(count, 12);
    if (file != NULL)
        fclose(file);
}

static void derive_without_hardening(void)
{
    const uint32_t path[] = {UINT32_C(1) << 31};
    uint8_t seed[32] = {0}, key[32], chain[32];
    vain_slip10_derive(seed, sizeof seed, path, 1, key, chain);
}

static void an_index_beyond_31_bits_is_a_bug(void)
{
    CU_ASSERT_EQUAL(test_exit_code(derive_without_hardening, NULL, 0), 70);
}

/* ---- Bytes ---------------------------------------------------------------------------------- */

static void hexadecimal_has_one_spelling(void)
{
    const uint8_t data[] = {0x00, 0x9a, 0xff};
    uint8_t back[3] = {0};
    char text[7];
    vain_to_hex(data, sizeof data, text);
    CU_ASSERT_STRING_EQUAL(text, "009aff");
    CU_ASSERT_TRUE(vain_from_hex(text, back, 3));
    CU_ASSERT_EQUAL(memcmp(data, back, 3), 0);
    static const char *const wrong[] = {"",       "009af",   "009aff0", "009aff00", "009aFF",
                                        "009agf", "009a f0", "0x9aff",  "009af:",   "009a/f"};
    for (size_t i = 0; i < VAIN_COUNT_OF(wrong); i++)
        CU_ASSERT_FALSE(vain_from_hex(wrong[i], back, 3));
    CU_ASSERT_TRUE(vain_from_hex("", back, 0));
}

static void bytes_compare_and_go(void)
{
    uint8_t a[32], b[32];
    vain_random_bytes(a, sizeof a);
    vain_random_bytes(b, sizeof b);
    CU_ASSERT_FALSE(vain_equal(a, b, sizeof a));
    memcpy(b, a, sizeof a);
    CU_ASSERT_TRUE(vain_equal(a, b, sizeof a));
    b[31] ^= 0x80;
    CU_ASSERT_FALSE(vain_equal(a, b, sizeof a));
    CU_ASSERT_TRUE(vain_equal(a, b, 31));
    vain_wipe(a, sizeof a);
    memset(b, 0, sizeof b);
    CU_ASSERT_TRUE(vain_equal(a, b, sizeof a));
}

static const struct vain_test tests[] = {
    {"the library starts, once and again", library_starts},
    {"a library that takes bad keys is refused", a_library_that_takes_bad_keys_is_refused},
    {"hashes are those of an independent BLAKE2b", hashes_are_those_of_hashlib},
    {"keyed hashes are those of an independent BLAKE2b", keyed_hashes_are_those_of_hashlib},
    {"a keyed hash sees every bit of its key", a_keyed_hash_sees_every_bit_of_its_key},
    {"hashing in pieces gives the same", hashes_in_pieces_are_the_same},
    {"a personalisation that is too long is a bug", a_long_personalisation_is_a_bug},
    {"Merkle roots are the golden ones", merkle_golden},
    {"Merkle trees have the shape of RFC 6962 at every length", merkle_has_the_shape_of_rfc6962},
    {"a Merkle root sees every bit, place and length", merkle_sees_every_bit_and_place},
    {"a Merkle root is the same on any number of threads", merkle_of_real_leaves},
    {"without memory there is no Merkle root", without_memory_there_is_no_root},
    {"signatures are those of RFC 8032", signatures_of_rfc8032},
    {"a signature with a flipped bit is wrong", a_signature_with_a_flipped_bit_is_wrong},
    {"keys of small or mixed order are refused", bad_points_are_refused},
    {"key agreement is that of RFC 7748", key_agreement_of_rfc7748},
    {"a thousand turns of it are those of RFC 7748", key_agreement_of_rfc7748_again_and_again},
    {"both ends of a pair have one key", both_ends_have_one_key},
    {"points of low order are refused", points_of_low_order_are_refused},
    {"derivation gives the chains of SLIP-0010", derivation_of_slip10},
    {"an index beyond 31 bits is a bug", an_index_beyond_31_bits_is_a_bug},
    {"hexadecimal has one spelling", hexadecimal_has_one_spelling},
    {"bytes compare, fill and go", bytes_compare_and_go},
    {NULL, NULL},
};
const struct vain_suite vain_suite_crypto = {"base/crypto", tests};
