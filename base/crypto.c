/* Hashing, signing, key agreement, derivation and hexadecimal: thin rooms around libsodium.
 *
 * What is ours here is only shape: which personalisation a hash carries, how leaves make a tree,
 * how a path makes a key. Every secret that passes through a local variable is wiped on the way
 * out. Sources: BLAKE2 RFC 7693; Ed25519 RFC 8032; SLIP-0010 (hardened Ed25519 derivation); the
 * tree's shape is RFC 6962 section 2.1 with our own leaf and node prefixes (docs/protocol.md). */
#include "base/crypto.h"

#include "base/memory.h"
#include "base/philox.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#define PERSONAL_BYTES   crypto_generichash_blake2b_PERSONALBYTES
#define MEMBER_ID_PREFIX "vain/node-id/v1"
#define SLIP10_HARDENED  UINT32_C(0x80000000)

static_assert(sizeof(struct vain_hash_state) >= sizeof(crypto_generichash_blake2b_state),
              "a hash state fits");
static_assert(_Alignof(struct vain_hash_state) >= _Alignof(crypto_generichash_blake2b_state),
              "a hash state is aligned");
static_assert(VAIN_PUBLIC_KEY_BYTES == crypto_sign_ed25519_PUBLICKEYBYTES, "Ed25519 key");
static_assert(VAIN_SEED_BYTES == crypto_sign_ed25519_SEEDBYTES, "Ed25519 seed");
static_assert(VAIN_SIGNATURE_BYTES == crypto_sign_ed25519_BYTES, "Ed25519 signature");
static_assert(VAIN_X25519_BYTES == crypto_scalarmult_curve25519_BYTES, "X25519 point");
static_assert(VAIN_X25519_BYTES == crypto_scalarmult_curve25519_SCALARBYTES, "X25519 secret");

/* ---- Start ---------------------------------------------------------------------------------- */

/* A library with CVE-2025-69277 takes the first for a good key: it is the base point plus the point
 * of order two, and the check looked at one of two coordinates. The second is the neutral element,
 * under which everybody can forge. */
static bool refuses_bad_points(void)
{
    uint8_t mixed_order[VAIN_PUBLIC_KEY_BYTES];
    memset(mixed_order, 0x99, sizeof mixed_order);
    mixed_order[0] = 0x95;
    const uint8_t neutral[VAIN_PUBLIC_KEY_BYTES] = {1};
    return !vain_public_key_valid(mixed_order) && !vain_public_key_valid(neutral);
}

enum vain_status vain_crypto_init(void)
{
    if (sodium_init() < 0)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "libsodium %s does not start",
                         sodium_version_string());
    if (!refuses_bad_points())
        return vain_fail(VAIN_ERR_UNAVAILABLE,
                         "libsodium %s accepts an Ed25519 key outside the prime-order group "
                         "(CVE-2025-69277); install a version with the fix",
                         sodium_version_string());
    return VAIN_OK;
}

/* ---- Hash ----------------------------------------------------------------------------------- */

static crypto_generichash_blake2b_state *state_of(struct vain_hash_state *state)
{
    return (crypto_generichash_blake2b_state *)(void *)state->opaque;
}

static void start_hash(struct vain_hash_state *state, const uint8_t *key, size_t key_bytes,
                       const char *personal)
{
    unsigned char padded[PERSONAL_BYTES] = {0};
    const size_t bytes = strlen(personal);
    VAIN_ASSERT(bytes <= sizeof padded);
    memcpy(padded, personal, bytes);
    VAIN_ASSERT(crypto_generichash_blake2b_init_salt_personal(state_of(state), key, key_bytes,
                                                              VAIN_HASH_BYTES, NULL, padded) == 0);
}

void vain_hash_init(struct vain_hash_state *state, const char *personal)
{
    start_hash(state, NULL, 0, personal);
}

void vain_hash_init_keyed(struct vain_hash_state *state,
                          const uint8_t key[VAIN_MIN_LEN(VAIN_HASH_BYTES)], const char *personal)
{
    start_hash(state, key, VAIN_HASH_BYTES, personal);
}

void vain_hash_update(struct vain_hash_state *state, const void *data, size_t bytes)
{
    if (bytes > 0)
        VAIN_ASSERT(crypto_generichash_blake2b_update(state_of(state), data, bytes) == 0);
}

void vain_hash_final(struct vain_hash_state *state, uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    VAIN_ASSERT(crypto_generichash_blake2b_final(state_of(state), out, VAIN_HASH_BYTES) == 0);
}

void vain_hash(const char *personal, const void *data, size_t bytes,
               uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    struct vain_hash_state state;
    vain_hash_init(&state, personal);
    vain_hash_update(&state, data, bytes);
    vain_hash_final(&state, out);
    vain_wipe(&state, sizeof state);
}

void vain_hash_keyed(const uint8_t key[VAIN_MIN_LEN(VAIN_HASH_BYTES)], const char *personal,
                     const void *data, size_t bytes, uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    struct vain_hash_state state;
    vain_hash_init_keyed(&state, key, personal);
    vain_hash_update(&state, data, bytes);
    vain_hash_final(&state, out);
    vain_wipe(&state, sizeof state);
}

static void put_little_endian(uint64_t value, uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_little_endian_u32(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 24;
}

/* Hashed: seed (8 bytes) || purpose (4 bytes) || name, personalised "vain/philox". */
struct vain_random vain_random_stream(uint64_t seed, enum vain_purpose purpose, const char *name)
{
    uint8_t head[12], hash[VAIN_HASH_BYTES];
    put_little_endian(seed, head, 8);
    put_little_endian((uint64_t)purpose, head + 8, 4);
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/philox");
    vain_hash_update(&state, head, sizeof head);
    vain_hash_update(&state, name, strlen(name));
    vain_hash_final(&state, hash);
    return (struct vain_random){{get_little_endian_u32(hash), get_little_endian_u32(hash + 4)}};
}

/* ---- Merkle tree ---------------------------------------------------------------------------- */

struct leaves {
    const unsigned char *data; /* borrowed */
    size_t bytes, leaf_bytes;
    uint8_t *hashes; /* (leaves, 32) borrowed */
};

size_t vain_merkle_leaf_count(size_t bytes, size_t leaf_bytes)
{
    VAIN_ASSERT(leaf_bytes > 0);
    return bytes == 0 ? 1 : bytes / leaf_bytes + (bytes % leaf_bytes != 0);
}

void vain_merkle_leaf(uint64_t index, const void *data, size_t bytes,
                      uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    uint8_t prefix[8];
    put_little_endian(index, prefix, sizeof prefix);
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/ckpt/leaf");
    vain_hash_update(&state, prefix, sizeof prefix);
    if (bytes > 0) /* the one leaf of an empty vector has no address */
        vain_hash_update(&state, data, bytes);
    vain_hash_final(&state, out);
}

static void hash_leaf(void *context, int64_t index, int worker)
{
    (void)worker;
    const struct leaves *leaves = context;
    const size_t start = (size_t)index * leaves->leaf_bytes;
    const size_t left = leaves->bytes - start;
    vain_merkle_leaf((uint64_t)index, left == 0 ? NULL : leaves->data + start,
                     left < leaves->leaf_bytes ? left : leaves->leaf_bytes,
                     leaves->hashes + (size_t)index * VAIN_HASH_BYTES);
}

void vain_merkle_leaves(const void *data, size_t bytes, size_t leaf_bytes, struct vain_pool *pool,
                        uint8_t *hashes)
{
    const int64_t count = (int64_t)vain_merkle_leaf_count(bytes, leaf_bytes);
    struct leaves leaves = {data, bytes, leaf_bytes, hashes};
    if (pool != NULL) {
        vain_pool_run(pool, count, hash_leaf, &leaves);
    } else {
        for (int64_t i = 0; i < count; i++)
            hash_leaf(&leaves, i, 0);
    }
}

/* Trees that are full lie on a stack, the largest lowest, each half as high or less than the one
 * below: two of a height become one. What is left at the end is joined from the right. This is the
 * shape that splitting at the largest power of two gives, without recursion or memory. */
void vain_merkle_root_of_leaves(const uint8_t *hashes, size_t count,
                                uint8_t root[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    uint8_t stack[8 * sizeof count + 1][VAIN_HASH_BYTES];
    size_t height = 0;
    VAIN_ASSERT(count > 0);
    for (size_t i = 0; i < count; i++) {
        memcpy(stack[height++], hashes + i * VAIN_HASH_BYTES, VAIN_HASH_BYTES);
        for (size_t below = i + 1; below % 2 == 0; below /= 2, height--)
            vain_hash("vain/ckpt/node", stack[height - 2], (size_t)2 * VAIN_HASH_BYTES,
                      stack[height - 2]);
    }
    for (; height > 1; height--)
        vain_hash("vain/ckpt/node", stack[height - 2], (size_t)2 * VAIN_HASH_BYTES,
                  stack[height - 2]);
    memcpy(root, stack[0], VAIN_HASH_BYTES);
}

enum vain_status vain_merkle_root(const void *data, size_t bytes, size_t leaf_bytes,
                                  struct vain_pool *pool,
                                  uint8_t root[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    void *hashes;
    const size_t count = vain_merkle_leaf_count(bytes, leaf_bytes);
    memset(root, 0, VAIN_HASH_BYTES);
    VAIN_TRY(vain_take_array((int64_t)count, VAIN_HASH_BYTES, "Merkle leaves", &hashes));
    vain_merkle_leaves(data, bytes, leaf_bytes, pool, hashes);
    vain_merkle_root_of_leaves(hashes, count, root);
    vain_release(hashes);
    return VAIN_OK;
}

/* ---- Ed25519 -------------------------------------------------------------------------------- */

bool vain_public_key_valid(const uint8_t key[VAIN_MIN_LEN(VAIN_PUBLIC_KEY_BYTES)])
{
    return crypto_core_ed25519_is_valid_point(key) == 1;
}

void vain_public_key_of_seed(const uint8_t seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                             uint8_t out[VAIN_MIN_LEN(VAIN_PUBLIC_KEY_BYTES)])
{
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
    VAIN_ASSERT(crypto_sign_ed25519_seed_keypair(out, secret, seed) == 0);
    vain_wipe(secret, sizeof secret);
}

void vain_sign_with_seed(const uint8_t seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)], const void *message,
                         size_t bytes, uint8_t out[VAIN_MIN_LEN(VAIN_SIGNATURE_BYTES)])
{
    uint8_t public_key[VAIN_PUBLIC_KEY_BYTES], secret[crypto_sign_ed25519_SECRETKEYBYTES];
    VAIN_ASSERT(crypto_sign_ed25519_seed_keypair(public_key, secret, seed) == 0);
    VAIN_ASSERT(crypto_sign_ed25519_detached(out, NULL, message, bytes, secret) == 0);
    vain_wipe(secret, sizeof secret);
}

bool vain_signature_valid(const uint8_t key[VAIN_MIN_LEN(VAIN_PUBLIC_KEY_BYTES)],
                          const void *message, size_t bytes,
                          const uint8_t signature[VAIN_MIN_LEN(VAIN_SIGNATURE_BYTES)])
{
    return crypto_sign_ed25519_verify_detached(signature, message, bytes, key) == 0;
}

void vain_member_id(const uint8_t root[VAIN_MIN_LEN(VAIN_PUBLIC_KEY_BYTES)],
                    uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    struct vain_hash_state state;
    vain_hash_init(&state, "");
    vain_hash_update(&state, MEMBER_ID_PREFIX, strlen(MEMBER_ID_PREFIX));
    vain_hash_update(&state, root, VAIN_PUBLIC_KEY_BYTES);
    vain_hash_final(&state, out);
}

/* ---- X25519 --------------------------------------------------------------------------------- */

void vain_x25519_keypair(uint8_t secret[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                         uint8_t public_key[VAIN_MIN_LEN(VAIN_X25519_BYTES)])
{
    vain_random_bytes(secret, VAIN_X25519_BYTES);
    vain_x25519_public(secret, public_key);
}

void vain_x25519_public(const uint8_t secret[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                        uint8_t public_key[VAIN_MIN_LEN(VAIN_X25519_BYTES)])
{
    VAIN_ASSERT(crypto_scalarmult_curve25519_base(public_key, secret) == 0);
}

bool vain_x25519_shared(const uint8_t secret[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                        const uint8_t peer[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                        uint8_t out[VAIN_MIN_LEN(VAIN_X25519_BYTES)])
{
    if (crypto_scalarmult_curve25519(out, secret, peer) == 0)
        return true;
    vain_wipe(out, VAIN_X25519_BYTES);
    return false;
}

/* ---- Derivation ----------------------------------------------------------------------------- */

/* HMAC-SHA512 of `data` split into key (first half) and chain code (second half). */
static void slip10_step(const uint8_t *hmac_key, size_t hmac_key_bytes, const uint8_t *data,
                        size_t bytes, uint8_t key[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                        uint8_t chain_code[VAIN_MIN_LEN(VAIN_CHAIN_CODE_BYTES)])
{
    crypto_auth_hmacsha512_state state;
    uint8_t mac[crypto_auth_hmacsha512_BYTES];
    crypto_auth_hmacsha512_init(&state, hmac_key, hmac_key_bytes);
    crypto_auth_hmacsha512_update(&state, data, bytes);
    crypto_auth_hmacsha512_final(&state, mac);
    memcpy(key, mac, VAIN_SEED_BYTES);
    memcpy(chain_code, mac + VAIN_SEED_BYTES, VAIN_CHAIN_CODE_BYTES);
    vain_wipe(mac, sizeof mac);
    vain_wipe(&state, sizeof state);
}

void vain_slip10_derive(const uint8_t *seed, size_t seed_bytes, const uint32_t *path, int depth,
                        uint8_t key[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                        uint8_t chain_code[VAIN_MIN_LEN(VAIN_CHAIN_CODE_BYTES)])
{
    static const char master[] = "ed25519 seed";
    slip10_step((const uint8_t *)master, sizeof master - 1, seed, seed_bytes, key, chain_code);
    uint8_t data[1 + VAIN_SEED_BYTES + 4];
    for (int i = 0; i < depth; i++) {
        VAIN_ASSERT(path[i] < SLIP10_HARDENED);
        const uint32_t index = path[i] | SLIP10_HARDENED;
        data[0] = 0;
        memcpy(data + 1, key, VAIN_SEED_BYTES);
        for (int j = 0; j < 4; j++)
            data[1 + VAIN_SEED_BYTES + j] = (uint8_t)(index >> (24 - 8 * j));
        slip10_step(chain_code, VAIN_CHAIN_CODE_BYTES, data, sizeof data, key, chain_code);
    }
    vain_wipe(data, sizeof data);
}

/* ---- Bytes ---------------------------------------------------------------------------------- */

void vain_random_bytes(void *out, size_t bytes)
{
    randombytes_buf(out, bytes);
}

void vain_wipe(void *memory, size_t bytes)
{
    sodium_memzero(memory, bytes);
}

bool vain_equal(const void *a, const void *b, size_t bytes)
{
    return sodium_memcmp(a, b, bytes) == 0;
}

bool vain_is_zero(const void *data, size_t bytes)
{
    return sodium_is_zero(data, bytes) == 1;
}

void vain_to_hex(const void *data, size_t bytes, char *out)
{
    (void)sodium_bin2hex(out, 2 * bytes + 1, data, bytes);
}

/* One spelling only, so that equal texts are equal keys: no capitals. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool vain_from_hex(const char *text, void *out, size_t bytes)
{
    uint8_t *octets = out;
    for (size_t i = 0; i < bytes; i++) {
        const int high = hex_digit(text[2 * i]);
        const int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        octets[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * bytes] == '\0';
}
