/* Hashing, signing and key agreement, by libsodium.
 *
 * Everything here is a plain function of its arguments. Personalisation strings separate domains;
 * they are at most 16 bytes, since BLAKE2b takes no more. Call vain_crypto_init once before
 * anything else. */
#pragma once

#include "base/pool.h"
#include "base/status.h"

#include <stdalign.h>

enum {
    VAIN_HASH_BYTES = 32,
    VAIN_PUBLIC_KEY_BYTES = 32,
    VAIN_SEED_BYTES = 32,
    VAIN_SIGNATURE_BYTES = 64,
    VAIN_CHAIN_CODE_BYTES = 32,
    VAIN_X25519_BYTES = 32
};

/* Starts libsodium and runs the start-up self-test: a mixed-order Ed25519 point must be refused
 * (CVE-2025-69277). VAIN_ERR_UNAVAILABLE names the library version if it is not. Thread-safe, may
 * be called again. */
enum vain_status vain_crypto_init(void) VAIN_MUST_USE;

/* BLAKE2b-256 of `data` under `personal` (at most 16 characters). */
void vain_hash(const char *personal, const void *data, size_t bytes,
               uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);
/* The same in pieces; `state` is caller-owned. */
struct vain_hash_state {
    alignas(64) unsigned char opaque[512];
};
void vain_hash_init(struct vain_hash_state *state, const char *personal);
/* Under a key, as vain_hash_keyed; wipe the state after the end. */
void vain_hash_init_keyed(struct vain_hash_state *state,
                          const uint8_t key[VAIN_MIN_LEN(VAIN_HASH_BYTES)], const char *personal);
void vain_hash_update(struct vain_hash_state *state, const void *data, size_t bytes);
void vain_hash_final(struct vain_hash_state *state, uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);

/* BLAKE2b-256 of `data` under a key: the key derivation of masks (docs/protocol.md, "Masks"),
 * and a message authentication code. */
void vain_hash_keyed(const uint8_t key[VAIN_MIN_LEN(VAIN_HASH_BYTES)], const char *personal,
                     const void *data, size_t bytes, uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);

/* Merkle root (docs/checkpoint-format.md): leaves of VAIN_MERKLE_LEAF_BYTES, shape of RFC 6962,
 * hashed in parallel on `pool` (NULL: on this thread). An empty vector has one empty leaf.
 * `leaf_bytes` is 4 MiB except in tests. */
enum vain_status vain_merkle_root(const void *data, size_t bytes, size_t leaf_bytes,
                                  struct vain_pool *pool,
                                  uint8_t root[VAIN_MIN_LEN(VAIN_HASH_BYTES)]) VAIN_MUST_USE;

/* The same in steps, for who passes leaves on: how many there are (at least one); the hash of one
 * leaf; hashes of all, (count, VAIN_HASH_BYTES); the root of count > 0 of them. */
size_t vain_merkle_leaf_count(size_t bytes, size_t leaf_bytes);
void vain_merkle_leaf(uint64_t index, const void *data, size_t bytes,
                      uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);
void vain_merkle_leaves(const void *data, size_t bytes, size_t leaf_bytes, struct vain_pool *pool,
                        uint8_t *hashes);
void vain_merkle_root_of_leaves(const uint8_t *hashes, size_t count,
                                uint8_t root[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);

/* Ed25519. A public key is checked with vain_public_key_valid when it enters the program. */
bool vain_public_key_valid(const uint8_t key[VAIN_MIN_LEN(VAIN_PUBLIC_KEY_BYTES)]);
void vain_public_key_of_seed(const uint8_t seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                             uint8_t out[VAIN_MIN_LEN(VAIN_PUBLIC_KEY_BYTES)]);
void vain_sign_with_seed(const uint8_t seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)], const void *message,
                         size_t bytes, uint8_t out[VAIN_MIN_LEN(VAIN_SIGNATURE_BYTES)]);
bool vain_signature_valid(const uint8_t key[VAIN_MIN_LEN(VAIN_PUBLIC_KEY_BYTES)],
                          const void *message, size_t bytes,
                          const uint8_t signature[VAIN_MIN_LEN(VAIN_SIGNATURE_BYTES)]);
/* Member id: BLAKE2b-256("vain/node-id/v1" || root public key). */
void vain_member_id(const uint8_t root[VAIN_MIN_LEN(VAIN_PUBLIC_KEY_BYTES)],
                    uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);

/* X25519 (RFC 7748). */
void vain_x25519_keypair(uint8_t secret[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                         uint8_t public_key[VAIN_MIN_LEN(VAIN_X25519_BYTES)]);
void vain_x25519_public(const uint8_t secret[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                        uint8_t public_key[VAIN_MIN_LEN(VAIN_X25519_BYTES)]);
/* What two keys have in common; false (and `out` zeroed) if the peer's point is of low order, so
 * that anybody could know it. */
bool vain_x25519_shared(const uint8_t secret[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                        const uint8_t peer[VAIN_MIN_LEN(VAIN_X25519_BYTES)],
                        uint8_t out[VAIN_MIN_LEN(VAIN_X25519_BYTES)]) VAIN_MUST_USE;

/* SLIP-0010 for Ed25519: derive along `path` (hardened indices, without the 2^31) from `seed`. */
void vain_slip10_derive(const uint8_t *seed, size_t seed_bytes, const uint32_t *path, int depth,
                        uint8_t key[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                        uint8_t chain_code[VAIN_MIN_LEN(VAIN_CHAIN_CODE_BYTES)]);

/* From the operating system. */
void vain_random_bytes(void *out, size_t bytes);
void vain_wipe(void *memory, size_t bytes);
/* Constant-time comparison. */
bool vain_equal(const void *a, const void *b, size_t bytes);

/* Whether all bytes are zero. */
bool vain_is_zero(const void *data, size_t bytes);

/* Lower-case hexadecimal with NUL: out holds 2 * bytes + 1. */
void vain_to_hex(const void *data, size_t bytes, char *out);
/* Exactly `bytes` from `text`; false on any other length or character (capitals too: one spelling a
 * value). */
bool vain_from_hex(const char *text, void *out, size_t bytes);
